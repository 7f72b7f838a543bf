//! People get an account by themselves: the page, the letter, and how it goes on.

mod hostile;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use gantry::notify::deliver_due;
use serde_json::json;

use crate::device::Device;
use crate::support::browser::Page;
use crate::support::relying_party::Reply;
use crate::support::{Browser, RelyingParty, TestIdp, TestUser, logs};

const SETTINGS: &str = r#"
admin: { group: admins }
registration:
  self:
    allowed_domains: [example.org, Example.COM]
    groups: [new, nowhere]
    fields:
      - { name: team, label: { en: Team, de: Gruppe }, required: true }
      - { name: desk, label: Desk, pattern: "[A-Z]|[0-9]{2}", max_length: 3 }
"#;
const APPS: &str = r#"
  wiki:
    title: Wiki
    url: https://wiki.test/start
    redirect_uris: ["https://wiki.test/cb"]
    first_party: true
    claims: { team: { attribute: team } }
  tv:
    title: Television
    client: public
    grants: [device_code, refresh_token]
    first_party: true
"#;
const PASSWORD: &str = "a horse that can sing";

struct World {
    idp: TestIdp,
    wiki: RelyingParty,
    seen: RefCell<BTreeSet<PathBuf>>,
}

impl World {
    async fn new() -> Self {
        let idp = TestIdp::setup().with_settings(SETTINGS).with_apps(APPS).behind_proxy().start().await;
        idp.gantry("group add new").await;
        let wiki = idp.relying_party("wiki").await;
        Self { idp, wiki, seen: RefCell::default() }
    }

    fn create(&self) -> String {
        self.wiki.authorize_with(&[("prompt", "create")])
    }

    /// What has been mailed since the last look.
    async fn letters(&self) -> Vec<String> {
        deliver_due(&self.idp.app).await.expect("store");
        let folder = std::fs::read_dir(self.idp.app.config().data_dir.join("mail"));
        let paths = folder.into_iter().flatten().map(|entry| entry.expect("entry").path());
        let fresh: Vec<PathBuf> = paths.filter(|path| self.seen.borrow_mut().insert(path.clone())).collect();
        let text = |path| std::fs::read_to_string(path).expect("text");
        // Long lines come in pieces (RFC 2045 section 6.7).
        fresh.iter().map(text).map(|text| text.replace("=\r\n", "")).collect()
    }

    /// The path of the link in the one letter since the last look.
    async fn link(&self) -> String {
        let letters = self.letters().await;
        let [letter] = letters.as_slice() else { panic!("{letters:?}") };
        let (_, rest) = letter.split_once("/activate/").expect(letter);
        format!("/activate/{}", rest.lines().next().expect("a line"))
    }

    async fn people(&self) -> usize {
        self.idp.gantry("user list").await.as_array().expect("a list").len()
    }
}

/// What `bea` fills in.
fn form<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("username", "Bea"),
        ("name", "Bea \u{202e}Beispiel"),
        ("email", "Bea@Example.org"),
        ("field_team", " Blue "),
        ("field_desk", ""),
        ("password", PASSWORD),
        ("password_again", PASSWORD),
        ("action", "continue"),
    ];
    form.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    form.extend(changed);
    form
}

fn bea() -> TestUser {
    TestUser { username: "bea".to_owned(), password: PASSWORD.to_owned(), id: String::new() }
}

async fn fill<'b>(world: &World, browser: &'b mut Browser, changed: &[(&str, &str)]) -> Page<'b> {
    browser.open(world.create()).await.expect_step("register").submit(&form(changed)).await
}

fn mailed(page: &Page<'_>) -> bool {
    page.status == 200 && page.step().is_none() && page.html.contains("look into your mailbox")
}

#[tokio::test]
async fn a_person_gets_an_account_and_goes_on_to_the_app() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = fill(&world, &mut browser, &[]).await;
    assert!(mailed(&page) && page.html.contains("Bea@example.org"), "{}", page.html);
    assert_eq!(world.people().await, 0);
    let link = world.link().await;
    // Looking at mail changes nothing, whoever looks.
    for _ in 0..2 {
        let mut scanner = world.idp.browser();
        let page = scanner.open(&link).await.expect_step("activate");
        assert!(page.cookies().is_empty());
    }
    assert_eq!(world.people().await, 0);
    let page = browser.open(&link).await.expect_step("activate");
    assert_eq!((page.field("password"), page.field("username")), (None, None));
    let page = page.press("continue").await.expect_step("password");
    assert_eq!(page.field("username").as_deref(), Some("bea"));
    assert!(!page.cookies().contains_key("__Host-gantry_session"), "a link signs nobody in");
    let code = page.submit_password(&bea()).await.expect_code();
    let tokens = world.wiki.redeem(&code).await.expect_tokens();
    let claims = world.wiki.userinfo(&tokens.access).await.expect_ok();
    assert_eq!((&claims["team"], &claims["name"]), (&json!("Blue"), &json!("Bea Beispiel")));
    assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("Bea@example.org"), &json!(true)));
    assert_eq!(world.idp.gantry("user show bea").await["groups"], json!(["new"]));
    let shown = world.idp.try_gantry("user show bea", None).await.expect("there").text;
    assert!(shown.contains("team=Blue") && !shown.contains("desk"), "{shown}");
    // The link counts once.
    browser.open(&link).await.expect_error_page(404);
    for (event, more) in [("registration_asked", "\"taken\":false"), ("registered", "\"username\":\"bea\"")] {
        let told = format!("\"event\":\"{event}\"");
        assert!(logs::so_far().lines().any(|line| line.contains(&told) && line.contains(more)), "{event}");
    }
    assert!(!logs::so_far().contains(PASSWORD));
}

#[tokio::test]
async fn the_page_is_linked_where_people_sign_in() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.wiki.authorize_url()).await.expect_step("password");
    let (_, rest) = page.html.split_once("href=\"https://localhost").expect("a link");
    let (_, path) = rest.split_once("/register/").expect("to the page");
    let path = format!("/register/{}", path.split('"').next().expect("an end"));
    let page = browser.open(&path).await.expect_step("register");
    assert!(mailed(&page.submit(&form(&[])).await));
    // Without an app as well; who is signed in has an account.
    let page = world.idp.browser().open("/register").await.url;
    assert!(page.contains("/register/"), "{page}");
    let alice = world.idp.user("alice").create().await;
    let mut browser = world.idp.browser();
    browser.open("/login").await.submit_password(&alice).await.expect_step("home");
    browser.open("/register").await.expect_step("home");
    browser.open(world.create()).await.expect_step("register");
}

/// What is changed, the input that is blamed for it, and what is said.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

#[tokio::test]
async fn what_does_not_fit_is_told_and_the_rest_is_kept() {
    let world = World::new().await;
    let long = "x".repeat(101);
    let cases: [Case<'_>; 15] = [
        (&[("username", "")], "username", "Something is missing"),
        (&[("username", "a b")], "username", "A username has"),
        (&[("username", "admin")], "username", "A username has"),
        (&[("username", "0193e0b8-0000-7000-8000-000000000000")], "username", "A username has"),
        (&[("name", &long)], "name", "Full name"),
        (&[("email", "")], "email", "Something is missing"),
        (&[("email", "bea")], "email", "in full"),
        (&[("email", "bea@example.org, eve@evil.test")], "email", "in full"),
        (&[("email", "bea@evil.test")], "email", "example.com, example.org"),
        (&[("email", "bea@sub.example.org")], "email", "example.com, example.org"),
        (&[("field_team", "  ")], "field_team", "Something is missing"),
        (&[("field_team", &long)], "field_team", "does not fit: Team"),
        (&[("field_desk", "A12")], "field_desk", "does not fit: Desk"),
        (&[("password", "short"), ("password_again", "short")], "password", "at least 10"),
        (&[("password_again", "another horse")], "password", "not the same"),
    ];
    let mut browser = world.idp.browser();
    for (changed, input, text) in cases {
        let page = fill(&world, &mut browser, changed).await.expect_status(422).expect_step("register");
        assert!(
            page.html.contains(text) && page.html.contains("role=\"alert\""),
            "{changed:?}\n{}",
            page.html
        );
        let (_, at) = page.html.split_once(&format!(" name=\"{input}\"")).expect(input);
        assert!(at.split('>').next().is_some_and(|at| at.contains("aria-invalid")), "{changed:?}");
        for (name, typed) in form(changed).into_iter().filter(|(name, _)| *name != "password_again") {
            let kept = page.field(name).unwrap_or_default();
            let wanted = if name == "password" || name == "action" { "" } else { typed };
            assert_eq!(kept, wanted, "{name}");
        }
    }
    assert_eq!(world.letters().await.len(), 0);
    let mut german = world.idp.browser().with("accept-language", "de");
    let page = german.open(world.create()).await;
    assert!(page.html.contains("Konto anlegen") && page.html.contains("Gruppe"), "{}", page.html);
    page.submit(&form(&[])).await.expect_status(200);
    assert!(world.letters().await.concat().contains("Ihr Konto bei"));
}

#[tokio::test]
async fn on_another_device_the_password_proves_who_registered() {
    let world = World::new().await;
    fill(&world, &mut world.idp.browser(), &[]).await;
    let link = world.link().await;
    let mut phone = world.idp.browser();
    let page = phone.open(&link).await.expect_step("activate").submit(&[("password", PASSWORD)]).await;
    assert_eq!((page.status, page.step()), (200, None));
    assert!(page.html.contains("https://wiki.test/start") && page.html.contains("bea"), "{}", page.html);
    phone.open(world.wiki.authorize_url()).await.submit_password(&bea()).await.expect_code();
}

#[tokio::test]
async fn a_name_that_went_meanwhile_is_chosen_anew() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    world.idp.user("alice").create().await;
    // Names are public in the chat: the page tells at once.
    let page = fill(&world, &mut browser, &[("username", "Alice")]).await.expect_status(422);
    assert!(page.html.contains("Somebody else has this username"), "{}", page.html);
    fill(&world, &mut browser, &[]).await;
    let link = world.link().await;
    let page = browser.open(&link).await.expect_step("activate");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    world.idp.user("bea").with("--email other@example.org").create().await;
    let stale = browser.post(&action, &[("csrf", &csrf), ("action", "continue")]).await;
    stale.expect_status(422).expect_step("activate");
    for name in ["bea", "alice", "all", ""] {
        let page = browser.open(&link).await.expect_step("activate");
        page.submit(&[("username", name)]).await.expect_status(422).expect_step("activate");
    }
    let page = browser.open(&link).await.submit(&[("username", "bea2")]).await.expect_step("password");
    let user = TestUser { username: "bea2".to_owned(), ..bea() };
    page.submit_password(&user).await.expect_code();
}

#[tokio::test]
async fn prompt_create_is_there_where_people_register_and_nowhere_else() {
    // Initiating User Registration via OpenID Connect 1.0 sections 4 and 5
    let world = World::new().await;
    let listed = |reply: Reply| reply.json()["prompt_values_supported"].clone();
    let with = listed(world.idp.get("/.well-known/openid-configuration").await);
    assert_eq!(with, json!(["none", "login", "consent", "select_account", "create"]));
    let mut browser = world.idp.browser();
    browser.open(world.wiki.authorize_with(&[("prompt", "create consent")])).await.expect_step("register");
    for prompt in ["create none", "create login", "select_account create"] {
        browser.open(world.wiki.authorize_with(&[("prompt", prompt)])).await.expect_error("invalid_request");
    }
    let hint = |hint| world.wiki.authorize_with(&[("prompt", "create"), ("login_hint", hint)]);
    let page = browser.open(hint("bea@example.org")).await;
    assert_eq!(
        (page.field("email"), page.field("username")),
        (Some("bea@example.org".into()), Some(String::new()))
    );
    let page = browser.open(hint("bea")).await;
    assert_eq!(page.field("username").as_deref(), Some("bea"));
    // Who has an account after all signs in with it.
    let alice = world.idp.user("alice").create().await;
    let url = browser.open(world.create()).await.url.replace("register", "login");
    browser.open(&url).await.submit_password(&alice).await.expect_code();

    let idp = TestIdp::setup().behind_proxy().start().await;
    let without = listed(idp.get("/.well-known/openid-configuration").await);
    assert_eq!(without, json!(["none", "login", "consent", "select_account"]));
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    browser.open(c1.authorize_with(&[("prompt", "create")])).await.expect_error("invalid_request");
    browser.open("/register").await.expect_error_page(404);
    let page = browser.open(c1.authorize_url()).await.expect_step("password");
    assert!(!page.html.contains("/register/"), "{}", page.html);
    let path = page.action().replace("login", "register");
    browser.open(&path).await.expect_error_page(404);
    browser.open("/activate/gv_x").await.expect_error_page(404);
}

/// The form, from the page that the code of `device` leads to.
async fn beside<'b>(browser: &'b mut Browser, device: &Device) -> Page<'b> {
    let page = browser.open(device.address()).await.expect_step("device").press("continue").await;
    let page = page.expect_step("password");
    let path = page.action().replace("/login/", "/register/");
    assert!(page.html.contains(&path), "{}", page.html);
    let page = browser.open(&path).await.expect_step("register");
    assert!(page.html.contains("Television"), "{}", page.html);
    page
}

#[tokio::test]
async fn whoever_lets_a_device_in_may_get_an_account_on_the_way() {
    // RFC 8628 section 3.3
    let world = World::new().await;
    let device = Device::new(&world.idp, "tv").await;
    let mut browser = world.idp.browser();
    assert!(mailed(&beside(&mut browser, &device).await.submit(&form(&[])).await));
    let link = world.link().await;
    device.poll().await.expect_error("authorization_pending");
    let page = browser.open(&link).await.expect_step("activate").press("continue").await;
    let page = page.expect_step("password").submit_password(&bea()).await.expect_step("consent");
    assert!(page.html.contains("Television"), "{}", page.html);
    page.press("allow").await.expect_status(200);
    world.idp.clock.advance(Duration::from_secs(5));
    let tokens = device.poll().await.expect_tokens();
    assert_eq!(tokens.id_claims()["sub"], world.idp.gantry("user show bea").await["id"]);
}

#[tokio::test]
async fn a_letter_on_the_way_to_a_device_may_be_read_elsewhere() {
    let world = World::new().await;
    let device = Device::new(&world.idp, "tv").await;
    let mut browser = world.idp.browser();
    beside(&mut browser, &device).await.submit(&form(&[])).await;
    let link = world.link().await;
    let mut phone = world.idp.browser();
    let page = phone.open(&link).await.submit(&[("password", PASSWORD)]).await.expect_status(200);
    assert!(page.html.contains("Your account is there") && page.html.contains("bea"), "{}", page.html);
    device.poll().await.expect_error("authorization_pending");
    // Where the code was typed it goes on.
    device.let_in(&mut browser, &bea()).await;
    world.idp.clock.advance(Duration::from_secs(5));
    device.poll().await.expect_tokens();
}

#[tokio::test]
async fn a_letter_that_outlasts_the_code_of_a_device_leads_to_an_account_and_no_further() {
    // RFC 8628 section 3.5: the code ends after ten minutes, the sign-in after half an hour
    for minutes in [11, 31] {
        let world = World::new().await;
        let device = Device::new(&world.idp, "tv").await;
        let mut browser = world.idp.browser();
        beside(&mut browser, &device).await.submit(&form(&[])).await;
        let link = world.link().await;
        world.idp.clock.advance(Duration::from_secs(minutes * 60));
        let page = browser.open(&link).await.expect_step("activate").press("continue").await;
        if minutes < 30 {
            let page = page.expect_step("password").submit_password(&bea()).await.expect_step("consent");
            let page = page.press("allow").await.expect_error_page(404);
            assert!(page.html.contains("Please start again"), "{}", page.html);
        } else {
            assert!(page.expect_status(200).html.contains("bea"));
        }
        assert_eq!(world.people().await, 1);
        device.poll().await.expect_error("expired_token");
        let device = Device::new(&world.idp, "tv").await;
        device.let_in(&mut browser, &bea()).await;
        device.poll().await.expect_tokens();
    }
}
