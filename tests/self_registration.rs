//! People get an account by themselves: nobody before they have proved their address, and nobody else's.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use gantry::notify::deliver_due;
use serde_json::json;

use crate::races::at_once;
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
async fn an_address_is_compared_in_one_form_and_never_looks_taken() {
    // EO-06
    let world = World::new().await;
    world.idp.user("mike").create().await;
    let mut browser = world.idp.browser();
    for email in ["mike@example.org", "MIKE@EXAMPLE.ORG", " Mike@example.org "] {
        let page = fill(&world, &mut browser, &[("email", email)]).await;
        assert!(mailed(&page), "{email}\n{}", page.html);
        let letters = world.letters().await;
        let [letter] = letters.as_slice() else { panic!("{letters:?}") };
        assert!(letter.contains("To: mike@example.org\r\n") && !letter.contains("/activate/"), "{letter}");
    }
    for email in ["mıke@example.org", "mi\u{212a}e@example.org", "mike@exаmple.org", "mike@example.org."] {
        fill(&world, &mut browser, &[("email", email)]).await.expect_status(422);
    }
    // Both answers are the same but for the address.
    let free = fill(&world, &mut browser, &[("email", "free@example.org")]).await.html;
    let taken = fill(&world, &mut browser, &[("email", "mike@example.org")]).await.html;
    let flow =
        |html: &str| html.split("/login/").nth(1).expect("a link").get(..36).expect("an id").to_owned();
    let plain = |html: &str| html.replace(&flow(html), "").replace("mike@", "free@");
    assert_eq!(plain(&free), plain(&taken));
    assert_eq!(world.people().await, 1);
}

#[tokio::test]
async fn what_somebody_else_filled_in_never_becomes_my_account() {
    // BR-03
    let world = World::new().await;
    let mut eve = world.idp.browser();
    fill(
        &world,
        &mut eve,
        &[("username", "eve"), ("password", "eve knows this one"), ("password_again", "eve knows this one")],
    )
    .await;
    let link = world.link().await;
    // Bea opens it, and does not know what eve chose.
    let mut browser = world.idp.browser();
    for password in ["", "a guess of hers"] {
        let page = browser.open(&link).await.expect_step("activate");
        let page = page.submit(&[("password", password)]).await.expect_status(422).expect_step("activate");
        assert!(page.html.contains("aria-invalid"), "{}", page.html);
    }
    assert_eq!(world.people().await, 0);
    // She registers herself, and has her account.
    fill(&world, &mut browser, &[]).await;
    let hers = world.link().await;
    browser.open(&hers).await.press("continue").await.expect_step("password");
    assert_eq!(world.people().await, 1);
    // Eve's goes nowhere any more, though she knows the password.
    eve.open(&link).await.press("continue").await.expect_error_page(404);
    let mut elsewhere = world.idp.browser();
    elsewhere.open(&link).await.submit(&[("password", "eve knows this one")]).await.expect_error_page(404);
    assert_eq!(world.people().await, 1);
    let shown = world.idp.gantry("user show bea@example.org").await;
    assert_eq!((&shown["username"], &shown["attributes"]["team"]), (&json!("bea"), &json!("Blue")));
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
async fn passwords_behind_a_link_are_tried_a_few_times() {
    let world = World::new().await;
    fill(&world, &mut world.idp.browser(), &[]).await;
    let link = world.link().await;
    let mut browser = world.idp.browser();
    for _ in 0..10 {
        browser.open(&link).await.submit(&[("password", "a guess of mine")]).await.expect_status(422);
    }
    let page = browser.open(&link).await.submit(&[("password", PASSWORD)]).await.expect_status(429);
    assert_eq!(page.header("retry-after"), "3600");
    world.idp.clock.advance(Duration::from_secs(3601));
    browser.open(&link).await.submit(&[("password", PASSWORD)]).await.expect_status(200);
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
async fn nobody_is_called_by_somebody_elses_id() {
    let world = World::new().await;
    let alice = world.idp.user("alice").create().await;
    world.idp.user(&alice.id).with("--email fake@example.org").create().await;
    let shown = world.idp.gantry(&format!("user show {}", alice.id)).await;
    assert_eq!(shown["username"], json!("alice"));
}

#[tokio::test]
async fn a_form_is_taken_from_its_own_page_and_browser() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.create()).await.expect_step("register");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let with = |csrf| [form(&[]), vec![("csrf", csrf)]].concat();
    browser.post(&action, &with("")).await.expect_error_page(403);
    browser.post(&action, &with("x")).await.expect_error_page(403);
    let mut foreign = browser.clone().with("origin", "https://evil.test");
    foreign.post(&action, &with(&csrf)).await.expect_error_page(403);
    world.idp.browser().post(&action, &with(&csrf)).await.expect_error_page(403);
    // Nor do the values of another form do.
    let page = browser.open(action.replace("register", "login")).await;
    let other = page.field("csrf").expect("csrf");
    browser.post(&action, &with(&other)).await.expect_error_page(403);
    assert_eq!(world.letters().await.len(), 0);
    assert!(mailed(&browser.post(&action, &with(&csrf)).await));
    let link = world.link().await;
    browser.post(&link, &[("csrf", "")]).await.expect_error_page(403);
    let csrf = browser.open(&link).await.field("csrf").expect("csrf");
    let mut foreign = browser.clone().with("sec-fetch-site", "cross-site");
    foreign.post(&link, &[("csrf", &csrf)]).await.expect_error_page(403);
    // A token that is cut, of another kind, or made up.
    for bad in [link.get(..link.len() - 1).expect("shorter"), "/activate/gs_x", &link.replace("gv_", "ga_")] {
        browser.open(bad).await.expect_error_page(404);
    }
    let mut changed = link.clone();
    let last = if changed.pop() == Some('A') { 'Q' } else { 'A' };
    changed.push(last);
    browser.open(&changed).await.expect_error_page(404);
    assert_eq!(world.people().await, 0);
}

#[tokio::test]
async fn one_of_many_who_open_a_link_at_once_makes_the_account() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    fill(&world, &mut browser, &[]).await;
    let link = world.link().await;
    let csrf = browser.open(&link).await.field("csrf").expect("csrf");
    let tries = at_once(20, || {
        let (mut browser, link, csrf) = (browser.clone(), link.clone(), csrf.clone());
        async move { (browser.post(&link, &[("csrf", &csrf)]).await.status, String::new()) }
    });
    let statuses: Vec<u16> = tries.await.into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(world.people().await, 1);
}

#[tokio::test]
async fn registrations_are_few_from_one_network_and_for_one_address() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    for _ in 0..5 {
        assert!(mailed(&fill(&world, &mut browser, &[]).await));
    }
    let page = fill(&world, &mut browser, &[("email", "BEA@example.org")]).await.expect_status(429);
    assert!(page.header("retry-after").parse::<u64>().is_ok());
    assert_eq!(page.field("username").as_deref(), Some("Bea"));
    // From elsewhere just the same, and for an address that is taken too.
    let mut other = world.idp.browser().coming_from("203.0.113.9");
    fill(&world, &mut other, &[]).await.expect_status(429);
    for n in 0..34 {
        let email = format!("n{n}@example.org");
        fill(&world, &mut browser, &[("email", &email)]).await.expect_status(200);
    }
    fill(&world, &mut browser, &[("email", "last@example.org")]).await.expect_status(429);
    fill(&world, &mut other, &[("email", "last@example.org")]).await.expect_status(200);
    assert_eq!(world.letters().await.len(), 40);
}

#[tokio::test]
async fn every_state_that_closes_it_closes_it() {
    let off = |yaml: String| {
        let (head, rest) = yaml.split_once("registration:\n").expect("the section");
        let (_, rest) = rest.split_once("passwords:").expect("the next one");
        format!("{head}passwords:{rest}")
    };
    // Switched off while somebody registers, and while a letter is on its way.
    let world = World::new().await;
    let mut browser = world.idp.browser();
    fill(&world, &mut browser, &[]).await;
    let link = world.link().await;
    let page = browser.open(&link).await.expect_step("activate");
    let csrf = page.field("csrf").expect("csrf");
    let waiting = browser.open(world.create()).await.url;
    world.idp.edit(off).await.expect("a good configuration");
    browser.open(&link).await.expect_error_page(404);
    browser.post(&link, &[("csrf", &csrf)]).await.expect_error_page(404);
    browser.open(&waiting).await.expect_error_page(404);
    browser.post(&waiting, &form(&[("csrf", "x")])).await.expect_error_page(404);
    browser.open(waiting.replace("register", "login")).await.expect_step("password");
    assert_eq!(world.people().await, 0);

    // A domain that may not register any more.
    let world = World::new().await;
    fill(&world, &mut browser_of(&world), &[]).await;
    let link = world.link().await;
    world.idp.edit(|yaml| yaml.replace("[example.org, Example.COM]", "[other.test]")).await.expect("good");
    browser_of(&world).open(&link).await.expect_error_page(404);

    // Too late.
    let world = World::new().await;
    let mut browser = world.idp.browser();
    fill(&world, &mut browser, &[]).await;
    let link = world.link().await;
    world.idp.clock.advance(Duration::from_secs(24 * 3600));
    browser.open(&link).await.expect_error_page(404);

    // The sign-in has ended, the account can be made.
    let world = World::new().await;
    let mut browser = world.idp.browser();
    fill(&world, &mut browser, &[]).await;
    let link = world.link().await;
    world.idp.clock.advance(Duration::from_secs(3600));
    let page = browser.open(&link).await.press("continue").await.expect_status(200);
    assert!(page.html.contains("https://wiki.test/start"), "{}", page.html);
}

fn browser_of(world: &World) -> Browser {
    world.idp.browser()
}

#[tokio::test]
async fn a_new_account_gets_nothing_that_others_do_not() {
    for command in ["user disable bea", "user delete bea"] {
        let world = World::new().await;
        let mut browser = world.idp.browser();
        fill(&world, &mut browser, &[]).await;
        let link = world.link().await;
        let page = browser.open(&link).await.press("continue").await.expect_step("password");
        world.idp.gantry(command).await;
        page.submit_password(&bea()).await.expect_status(422).expect_step("password");
        browser.open(&link).await.expect_error_page(404);
    }
    let world = World::new().await;
    let mut browser = world.idp.browser();
    fill(&world, &mut browser, &[]).await;
    let link = world.link().await;
    world.idp.remove_app("wiki").await;
    let page = browser.open(&link).await.press("continue").await.expect_step("password");
    let page = page.submit_password(&bea()).await;
    assert!(page.status >= 400 && page.header("location").is_empty(), "{} {}", page.status, page.html);
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

#[tokio::test]
async fn a_flood_of_fields_is_read_within_bounds() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.create()).await.expect_step("register");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let long = "p".repeat(2000);
    let base = |more: &[(&'static str, String)]| -> Vec<(String, String)> {
        let names: Vec<_> = more.iter().map(|(name, _)| *name).collect();
        let mut pairs: Vec<_> = form(&[("csrf", &csrf)])
            .into_iter()
            .filter(|(name, _)| !names.contains(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        pairs.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        pairs
    };
    let cases = [
        (base(&[("password", long.clone()), ("password_again", long.clone())]), 400),
        (base(&[("email", format!("{long}@example.org"))]), 422),
        (base(&[("username", long.clone())]), 422),
        (base(&[("name", "x".repeat(70_000))]), 413),
        ([base(&[]), base(&[])].concat(), 403),
        (base(&[("action", "allow-everything".to_owned())]), 403),
    ];
    for (pairs, status) in cases {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.post(&action, &pairs).await.expect_status(status);
    }
    assert_eq!(world.letters().await.len(), 0);
}
