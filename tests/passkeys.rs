//! Passkeys through the pages: added, asked for as a second factor, and as the first one.

use serde_json::{Value, json};

use crate::races::at_once;
use crate::support::authenticator::{Authenticator, UV};
use crate::support::authenticator_app::codes_on;
use crate::support::browser::{Page, attribute};
use crate::support::{Browser, RelyingParty, TestIdp, TestUser, logs};

const SETTINGS: &str = "policies: { standard: {}, strict: { second_factor: required }, checked: { second_factor: required, user_verification: required }, open: { first_factor: any }, keys: { first_factor: passkey } }\n\
                        factors: { offered: [passkey, recovery_code] }\n";
const APPS: &str = r#"
  vault:
    redirect_uris: ["https://vault.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: strict }]
  archive:
    redirect_uris: ["https://archive.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: checked }]
  board:
    redirect_uris: ["https://board.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: open }]
  safe:
    redirect_uris: ["https://safe.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: keys }]
"#;

pub(crate) struct World {
    pub(crate) idp: TestIdp,
    pub(crate) alice: TestUser,
    pub(crate) vault: RelyingParty,
}

impl World {
    pub(crate) async fn new() -> Self {
        let idp = TestIdp::setup().with_settings(SETTINGS).with_apps(APPS).start().await;
        let alice = idp.user("alice").create().await;
        let vault = idp.relying_party("vault").await;
        Self { idp, alice, vault }
    }

    pub(crate) fn origin(&self) -> String {
        self.idp.at("").trim_end_matches('/').to_owned()
    }

    /// Adds a key on the spot; the recovery codes.
    pub(crate) async fn enrol(&self, authenticator: &mut Authenticator) -> Vec<String> {
        self.enrol_for(&self.alice, authenticator).await
    }

    /// The same for somebody else.
    pub(crate) async fn enrol_for(&self, user: &TestUser, authenticator: &mut Authenticator) -> Vec<String> {
        let mut browser = self.idp.browser();
        let page = browser.open(self.vault.authorize_url()).await.submit_password(user).await;
        let page = page.expect_step("enrol");
        let answer = authenticator.create(&options(&page)).to_string();
        let page = page.submit(&[("credential", &answer), ("name", "My <b>key</b>")]).await;
        let page = page.expect_step("recovery_codes");
        let codes = codes_on(&page);
        page.press("continue").await.expect_code();
        codes
    }

    pub(crate) async fn asked<'b>(&self, browser: &'b mut Browser) -> Page<'b> {
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        page.expect_step("passkey")
    }

    /// The page that asks for any key.
    pub(crate) async fn by_key<'b>(&self, browser: &'b mut Browser, client: &RelyingParty) -> Page<'b> {
        let page = browser.open(client.authorize_url()).await.expect_step("password");
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        browser.post(&action, &[("csrf", &csrf), ("action", "passkey")]).await.expect_step("passkey")
    }
}

pub(crate) fn options(page: &Page<'_>) -> Value {
    let text = attribute(&page.html, "data-options").expect("options");
    let text = text.replace("&quot;", "\"").replace("&#34;", "\"").replace("&amp;", "&");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn adding_a_passkey_may_be_put_off() {
    let settings = SETTINGS
        .replace("strict: { second_factor: required }", "strict: { second_factor: required, grace: 7d }");
    let idp = TestIdp::setup().with_settings(&settings).with_apps(APPS).start().await;
    let (alice, vault) = (idp.user("alice").create().await, idp.relying_party("vault").await);
    let mut browser = idp.browser();
    let page = browser.open(vault.authorize_url()).await.submit_password(&alice).await.expect_step("enrol");
    page.press("skip").await.expect_code();
}

#[tokio::test]
async fn who_has_no_passkey_where_one_is_wanted_is_shown_a_way_on() {
    let world = World::new().await;
    let bob = world.idp.user("bob").create().await;
    let safe = world.idp.relying_party("safe").await;
    let mut browser = world.idp.browser();
    browser.open("/login").await.submit_password(&world.alice).await;
    let page = browser.open(safe.authorize_url()).await.expect_step("passkey");
    assert!(
        page.html.contains("href=\"/account\"") && !page.html.contains("value=\"other_method\""),
        "{}",
        page.html
    );
    // Or they are somebody else.
    let page = page.press("other_user").await.expect_step("password");
    page.submit_password(&bob).await.expect_step("passkey");
    // Who chose a passkey before may choose something else.
    let mut browser = world.idp.browser();
    let page = world.by_key(&mut browser, &world.idp.relying_party("board").await).await;
    assert!(!page.html.contains("href=\"/account\""), "{}", page.html);
    page.press("other_method").await.expect_step("password");
}

#[tokio::test]
async fn a_passkey_is_added_on_the_spot_and_proves_once_per_question() {
    // WA-03
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await;
    let first = options(&page);
    let answer = key.get(&first).to_string();
    let mut other = world.idp.browser();
    let elsewhere = world.asked(&mut other).await;
    let elsewhere =
        elsewhere.submit(&[("credential", &answer)]).await.expect_status(422).expect_step("passkey");
    let page = page.submit(&[("credential", "{}")]).await.expect_status(422).expect_step("passkey");
    // The question was used up by the first look.
    assert_ne!(options(&page)["challenge"], first["challenge"]);
    let page = page.submit(&[("credential", &answer)]).await.expect_status(422).expect_step("passkey");
    let answer = key.get(&options(&page)).to_string();
    let code = page.submit(&[("credential", &answer)]).await.expect_code();
    let claims = world.vault.redeem(&code).await.expect_tokens().id_claims();
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("aal2"), &json!(["pwd", "swk", "mfa"])));
    drop(elsewhere);
}

#[tokio::test]
async fn a_key_for_another_site_proves_nothing() {
    // WA-01
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    for origin in ["https://evil.test", "https://localhost", "http://localhost:1", "null"] {
        origin.clone_into(&mut key.origin);
        let mut browser = world.idp.browser();
        let page = world.asked(&mut browser).await;
        let answer = key.get(&options(&page)).to_string();
        page.submit(&[("credential", &answer)]).await.expect_status(422).expect_step("passkey");
    }
}

#[tokio::test]
async fn somebody_elses_key_proves_nothing() {
    // WA-06
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    let bob = world.idp.user("bob").create().await;
    world.enrol_for(&bob, &mut Authenticator::new(&world.origin())).await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.vault.authorize_url()).await.submit_password(&bob).await;
    let page = page.expect_step("passkey");
    let mut asked = options(&page);
    asked["allowCredentials"] = json!([]);
    let answer = key.get(&asked).to_string();
    page.submit(&[("credential", &answer)]).await.expect_status(422).expect_step("passkey");
}

#[tokio::test]
async fn a_passkey_signs_in_without_a_name() {
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    for client in ["board", "safe"] {
        let app = world.idp.relying_party(client).await;
        let mut browser = world.idp.browser();
        let page = world.by_key(&mut browser, &app).await;
        let asked = options(&page);
        assert_eq!(asked["allowCredentials"], json!([]));
        let answer = key.get(&asked).to_string();
        let code = page.submit(&[("credential", &answer)]).await.expect_code();
        let claims = app.redeem(&code).await.expect_tokens().id_claims();
        // A finger was checked: two factors in one.
        assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["swk", "user", "mfa"]), &json!("aal2")));
        // WA-13
        let mut other = world.idp.browser();
        let page = other.open(app.authorize_url()).await.submit_password(&world.alice).await;
        page.expect_step("passkey");
    }
}

#[tokio::test]
async fn unknown_and_disabled_peoples_keys_get_the_same_answer() {
    // PW-01
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    world.idp.gantry("user disable alice").await;
    let mut told = Vec::new();
    for credential in ["alice", "nobody"] {
        let mut browser = world.idp.browser();
        let board = world.idp.relying_party("board").await;
        let page = world.by_key(&mut browser, &board).await;
        let mut answer = key.get(&options(&page));
        if credential == "nobody" {
            (answer["id"], answer["rawId"]) = (json!("AAAA"), json!("AAAA"));
        }
        let page = page.submit(&[("credential", &answer.to_string())]).await.expect_status(422);
        told.push(
            page.html
                .split_once("role=\"alert\"")
                .expect("told")
                .1
                .split_once("</p>")
                .expect("end")
                .0
                .to_owned(),
        );
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn in_place_of_a_password_a_key_checks_who_uses_it() {
    // WA-04, TO-07: a key that is found on the street opens nothing.
    let world = World::new().await;
    let mut key = Authenticator::security_key(&world.origin());
    world.enrol(&mut key).await;
    for client in ["board", "safe"] {
        let app = world.idp.relying_party(client).await;
        let mut browser = world.idp.browser();
        let page = world.by_key(&mut browser, &app).await;
        let asked = options(&page);
        assert_eq!(asked["userVerification"], "required");
        let page = page.submit(&[("credential", &key.get(&asked).to_string())]).await.expect_status(422);
        assert!(page.html.contains("did not ask for a PIN"), "{}", page.html);
        // The same is said whosever key it is.
        let mut answer = key.get(&options(&page));
        (answer["id"], answer["rawId"]) = (json!("AAAA"), json!("AAAA"));
        let page = page.submit(&[("credential", &answer.to_string())]).await.expect_status(422);
        assert!(page.html.contains("did not ask for a PIN"), "{}", page.html);
        browser.open("/account").await.expect_step("password");
    }
}

#[tokio::test]
async fn beside_a_password_the_policy_says_whether_a_key_checks_who_uses_it() {
    // WA-04
    let world = World::new().await;
    let mut key = Authenticator::security_key(&world.origin());
    world.enrol(&mut key).await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await;
    let asked = options(&page);
    assert_eq!(asked["userVerification"], "preferred");
    page.submit(&[("credential", &key.get(&asked).to_string())]).await.expect_code();
    // What is enough for one policy is not for the next, in the same session.
    let archive = world.idp.relying_party("archive").await;
    let page = browser.open(archive.authorize_url()).await.expect_step("passkey");
    let asked = options(&page);
    assert_eq!(asked["userVerification"], "required");
    let page = page.submit(&[("credential", &key.get(&asked).to_string())]).await.expect_status(422);
    assert!(page.html.contains("did not ask for a PIN"), "{}", page.html);
    key.flags |= UV;
    let answer = key.get(&options(&page)).to_string();
    page.submit(&[("credential", &answer)]).await.expect_code();
    browser.open(archive.authorize_url()).await.expect_code();
}

#[tokio::test]
async fn another_factor_does_not_check_who_uses_a_key() {
    // WA-04
    let world = World::new().await;
    let mut key = Authenticator::security_key(&world.origin());
    let codes = world.enrol(&mut key).await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await;
    let answer = key.get(&options(&page)).to_string();
    page.submit(&[("credential", &answer)]).await.expect_code();
    // A recovery code is a second factor by itself, ...
    let archive = world.idp.relying_party("archive").await;
    let page = browser.open(archive.authorize_url()).await.expect_step("passkey");
    let page = page.press("other_method").await.expect_step("recovery_code");
    page.submit(&[("code", &codes[0])]).await.expect_code();
    // ... and where it has to be the key, that key has still checked nobody.
    let only = "user_verification: required, adaptive: { challenge: [passkey], network: { allow: [203.0.113.0/24], otherwise: challenge } } }";
    world.idp.edit(|yaml| yaml.replace("user_verification: required }", only)).await.expect("a good policy");
    let page = browser.open(archive.authorize_url()).await.expect_step("passkey");
    key.flags |= UV;
    let answer = key.get(&options(&page)).to_string();
    page.submit(&[("credential", &answer)]).await.expect_code();
    browser.open(archive.authorize_url()).await.expect_code();
}

#[tokio::test]
async fn of_wrong_answers_at_the_same_moment_one_is_looked_at() {
    // WA-03
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await;
    let mut answer = key.get(&options(&page));
    answer["response"]["signature"] = json!("AAAA");
    let (action, csrf, answer) = (page.action(), page.field("csrf").expect("csrf"), answer.to_string());
    drop(page);
    let replies = at_once(5, || {
        let (mut browser, action, csrf, answer) =
            (browser.clone(), action.clone(), csrf.clone(), answer.clone());
        async move {
            let page = browser.post(&action, &[("csrf", &csrf), ("credential", &answer)]).await;
            (page.status, page.html)
        }
    });
    assert!(replies.await.iter().all(|(status, _)| *status >= 400));
    let logged = logs::so_far();
    let looks =
        logged.lines().filter(|line| line.contains(&world.alice.id) && line.contains("signature is wrong"));
    assert_eq!(looks.count(), 1);
}
