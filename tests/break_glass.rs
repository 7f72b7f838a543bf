//! Break-glass codes: for administrators, once each, over a policy that shuts them out.

use std::time::Duration;

use serde_json::json;

use crate::races::at_once;
use crate::support::browser::Page;
use crate::support::{Browser, TestIdp, TestUser, encode, logs};

const SETTINGS: &str = r"
admin: { group: admins }
factors: { offered: [totp, recovery_code] }
policies:
  standard: {}
  vault:
    first_factor: passkey
    second_factor: required
    adaptive: { network: { allow: [203.0.113.0/24], otherwise: deny } }
";
const APPS: &str = r#"
  vault:
    redirect_uris: ["https://vault.test/cb"]
    first_party: true
    access: [{ group: admins, policy: vault }]
"#;

struct World {
    idp: TestIdp,
    root: TestUser,
    codes: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let settings = SETTINGS.replace("first_factor: passkey\n", "first_factor: password\n");
        let idp = TestIdp::setup().behind_proxy().with_settings(&settings).with_apps(APPS).start().await;
        idp.gantry("group add admins").await;
        let root = idp.user("root").with("--group admins").create().await;
        let codes = made(&idp, "root").await;
        Self { idp, root, codes }
    }

    async fn used<'b>(&self, browser: &'b mut Browser, user: &TestUser, code: &str) -> Page<'b> {
        let page = browser.open("/break-glass").await.expect_step("break_glass");
        page.submit(&[("username", &user.username), ("password", &user.password), ("code", code)]).await
    }
}

async fn made(idp: &TestIdp, who: &str) -> Vec<String> {
    let made = idp.gantry(&format!("user break-glass {who}")).await;
    assert_eq!(made["url"], format!("{}/break-glass", idp.issuer));
    made["codes"]
        .as_array()
        .expect("codes")
        .iter()
        .map(|code| code.as_str().expect("text").to_owned())
        .collect()
}

#[tokio::test]
async fn a_code_lets_an_administrator_in_for_an_hour() {
    let world = World::new().await;
    let vault = world.idp.relying_party("vault").await;
    let mut browser = world.idp.browser();
    let page = browser.open(vault.authorize_url()).await.submit_password(&world.root).await;
    page.expect_error_page(403);
    let mut browser = world.idp.browser();
    let page = world.used(&mut browser, &world.root, &world.codes[0].to_lowercase()).await;
    assert!(page.expect_status(200).html.contains("Hello"));
    let silent = vault.authorize_with(&[("prompt", "none")]);
    let code = browser.open(&silent).await.expect_code();
    let tokens = vault.redeem(&code).await.expect_tokens();
    let tokens_of_the_hour = vault.refresh(&tokens.refresh).await.expect_tokens();
    assert_eq!(tokens.id_claims()["amr"], json!(["pwd", "otp", "mfa"]));
    // The administrators are told, with who it was and from where.
    while gantry::notify::deliver_due(&world.idp.app).await.expect("store") > 0 {}
    let folder = std::fs::read_dir(world.idp.app.config().data_dir.join("mail")).expect("letters");
    let letters: String =
        folder.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text")).collect();
    assert!(
        letters.contains("To: root@example.org") && letters.contains("with a break-glass code"),
        "{letters}"
    );
    assert!(logs::so_far().contains("break_glass_used") && !logs::so_far().contains(&world.codes[0]));
    // An hour later the policy counts again, for the session and for what the app holds.
    world.idp.clock.advance(Duration::from_secs(3601));
    browser.open(&silent).await.expect_error("access_denied");
    vault.refresh(&tokens_of_the_hour.refresh).await.expect_error("invalid_grant");
    // ... and the code has been used.
    let page = world.used(&mut world.idp.browser(), &world.root, &world.codes[0]).await.status;
    assert_eq!(page, 422);
    world.used(&mut world.idp.browser(), &world.root, &world.codes[1]).await.expect_status(200);
}

#[tokio::test]
async fn it_lifts_policies_and_nothing_else() {
    let world = World::new().await;
    // Who has no access to an app does not get it.
    let staff = world.idp.relying_party("staff").await;
    let mut browser = world.idp.browser();
    world.used(&mut browser, &world.root, &world.codes[0]).await.expect_status(200);
    browser.open(staff.authorize_url()).await.expect_error_page(403);
    // A fresh sign-in that an app asks for is one without a code.
    let vault = world.idp.relying_party("vault").await;
    let page =
        browser.open(vault.authorize_with(&[("prompt", "login")])).await.submit_password(&world.root).await;
    page.expect_error_page(403);
    // A policy that wants a passkey first is met too: keys are what gets lost.
    world
        .idp
        .edit(|yaml| {
            yaml.replace("    first_factor: password\n", "    first_factor: passkey\n")
                .replace("offered: [totp", "offered: [passkey, totp")
        })
        .await
        .expect("a good change");
    let mut browser = world.idp.browser();
    world.used(&mut browser, &world.root, &world.codes[1]).await.expect_status(200);
    browser.open(vault.authorize_with(&[("prompt", "none")])).await.expect_code();
    // Whoever leaves the group has codes for nothing.
    world.idp.gantry("group leave admins root").await;
    assert_eq!(world.used(&mut world.idp.browser(), &world.root, &world.codes[2]).await.status, 422);
}

#[tokio::test]
async fn every_refusal_reads_the_same_and_tries_are_few() {
    let world = World::new().await;
    let alice = world.idp.user("alice").create().await;
    let nobody = TestUser { username: "nobody".to_owned(), ..alice.clone() };
    let mut told = std::collections::BTreeSet::new();
    for (user, code) in [
        (&alice, world.codes[0].as_str()),
        (&nobody, &world.codes[0]),
        (&world.root.typing("wrong password"), &world.codes[0]),
        (&world.root, "BCDFG-HJKLM-NPQRS-TVWXZ"),
        (&world.root, "\u{1f512}"),
    ] {
        let mut browser = world.idp.browser();
        let page = world.used(&mut browser, user, code).await.expect_status(422).expect_step("break_glass");
        told.insert(
            page.html
                .split_once("role=\"alert\"")
                .expect("told")
                .1
                .split_once("</p>")
                .expect("its end")
                .0
                .to_owned(),
        );
        assert_eq!(browser.cookie("session"), None);
    }
    assert_eq!(told.len(), 1, "{told:?}");
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(world.used(&mut world.idp.browser(), &world.root, "BCDFG").await.status);
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    assert_eq!(world.used(&mut world.idp.browser(), &world.root, &world.codes[0]).await.status, 429);
    // What is too long is not looked at, whosever it is said to be.
    let long = "p".repeat(1025);
    for (user, code) in [(&world.root.typing(&long), "BCDFG"), (&world.root, &*long), (&nobody, &*long)] {
        world.used(&mut world.idp.browser(), user, code).await.expect_error_page(400);
    }
    // Another site's form is none.
    let mut elsewhere = world.idp.browser().with("origin", "https://evil.test");
    assert_eq!(elsewhere.post("/break-glass", &[("username", "root")]).await.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_is_used_once_by_one_of_many() {
    let world = World::new().await;
    let form = encode(&[("username", "root"), ("password", &world.root.password), ("code", &world.codes[0])]);
    let (http, url) = (world.idp.http.clone(), world.idp.at("/break-glass"));
    let replies = at_once(4, || {
        let request = http.post(&url).body(form.clone()).header("x-forwarded-proto", "https");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        async move {
            let response = request.send().await.expect("an answer");
            (response.status().as_u16(), response.text().await.expect("text"))
        }
    });
    let replies = replies.await;
    assert_eq!(replies.iter().filter(|(status, _)| *status == 303).count(), 1, "{replies:?}");
}

#[tokio::test]
async fn only_administrators_have_codes_and_new_ones_end_the_old() {
    let world = World::new().await;
    assert_eq!(world.codes.len(), 5);
    assert!(world.codes.iter().all(|code| code.len() == 23), "{:?}", world.codes);
    let fresh = made(&world.idp, "root").await;
    assert_eq!(world.used(&mut world.idp.browser(), &world.root, &world.codes[0]).await.status, 422);
    world.used(&mut world.idp.browser(), &world.root, &fresh[0]).await.expect_status(200);
    world.idp.user("alice").create().await;
    let refused = world.idp.try_gantry("user break-glass alice", None).await.expect_err("no administrator");
    assert!(refused.hint.is_some_and(|hint| hint.contains("group join admins alice")));
}
