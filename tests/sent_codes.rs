//! Codes and links that are sent: by mail, and by whatever gateway is set up.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use gantry::notify::deliver_due;
use serde_json::json;

use crate::account::press;
use crate::races::at_once;
use crate::support::authenticator_app::{secret_on, totp};
use crate::support::browser::Page;
use crate::support::idp::Setup;
use crate::support::{Browser, RelyingParty, TestIdp, TestUser, logs};

const SETTINGS: &str = r"
policies: { standard: {}, strict: { second_factor: required }, link: { first_factor: magic_link } }
factors: { offered: [totp, email_link, email_code, alternate_email_code, recovery_code] }
";
const APPS: &str = r#"
  vault:
    title: Vault
    redirect_uris: ["https://vault.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: strict }]
  notes:
    title: Notes
    redirect_uris: ["https://notes.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: link }]
"#;

pub(crate) struct World {
    pub(crate) idp: TestIdp,
    pub(crate) alice: TestUser,
    pub(crate) vault: RelyingParty,
    seen: RefCell<BTreeSet<PathBuf>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(TestIdp::setup()).await
    }

    pub(crate) async fn of(setup: Setup) -> Self {
        let idp = setup.with_settings(SETTINGS).with_apps(APPS).start().await;
        let alice = idp.user("alice").create().await;
        idp.gantry("user set alice --email alice@example.org").await;
        let vault = idp.relying_party("vault").await;
        Self { idp, alice, vault, seen: RefCell::default() }
    }

    /// What has been mailed since the last look.
    pub(crate) async fn letters(&self) -> Vec<String> {
        deliver_due(&self.idp.app).await.expect("store");
        let folder = std::fs::read_dir(self.idp.app.config().data_dir.join("mail"));
        let paths = folder.into_iter().flatten().map(|entry| entry.expect("entry").path());
        let fresh: Vec<PathBuf> = paths.filter(|path| self.seen.borrow_mut().insert(path.clone())).collect();
        fresh.iter().map(|path| std::fs::read_to_string(path).expect("text")).collect()
    }

    async fn mailed_code(&self) -> String {
        let letters = self.letters().await.concat();
        let digits = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
        letters.lines().find(digits).expect("a code").to_owned()
    }

    pub(crate) async fn mailed_link(&self) -> String {
        let letters = self.letters().await.concat().replace("=\r\n", "");
        letters.lines().find(|line| line.contains("/approve/")).expect("a link").trim().to_owned()
    }

    /// Past the page that waits for the link.
    async fn allowed<'b>(&self, page: Page<'b>) -> Page<'b> {
        let page = page.expect_step("email_link").press("resend").await.expect_step("email_link");
        let (link, shown) = (self.mailed_link().await, number(&page));
        assert_eq!(pick(&mut self.idp.browser(), &link, &[("number", &shown)]).await, 200);
        page.press("continue").await
    }

    /// A new browser at the page of `method`.
    async fn asked<'b>(&self, browser: &'b mut Browser, method: &str) -> Page<'b> {
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        let page = page.expect_step("email_link").press("other_method").await;
        if page.step().as_deref() == Some(method) {
            return page;
        }
        let page = page.expect_step("choose");
        page.submit(&[("method", method)]).await.expect_step(method)
    }
}

pub(crate) fn number(page: &Page<'_>) -> String {
    let (_, rest) = page.html.split_once("<strong>").expect("a number");
    rest.split_once('<').expect("its end").0.to_owned()
}

pub(crate) async fn pick(browser: &mut Browser, address: &str, form: &[(&str, &str)]) -> u16 {
    let page = browser.open(address).await.expect_step("approve");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.post(&action, &form).await.status
}

#[tokio::test]
async fn a_mailed_code_signs_in_once_where_it_was_asked_for() {
    // EO-03, EO-08
    let world = World::new().await;
    let (mut browser, mut other) = (world.idp.browser(), world.idp.browser());
    let page = world.asked(&mut browser, "email_code").await;
    let code = world.mailed_code().await;
    assert!(!page.html.contains(&code) && !logs::say(&code));
    let elsewhere = world.asked(&mut other, "email_code").await;
    elsewhere.submit(&[("code", &code)]).await.expect_status(422).expect_step("email_code");
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let answer = page.submit(&[("code", &spaced)]).await.expect_code();
    let claims = world.vault.redeem(&answer).await.expect_tokens().id_claims();
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("aal2"), &json!(["pwd", "otp", "mfa"])));
    let mut third = world.idp.browser();
    world.asked(&mut third, "email_code").await.submit(&[("code", &code)]).await.expect_status(422);
}

#[tokio::test]
async fn a_newer_code_ends_the_older_one_and_time_ends_both() {
    // EO-03
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser, "email_code").await;
    let old = world.mailed_code().await;
    let page = page.press("resend").await.expect_step("email_code");
    let new = world.mailed_code().await;
    let page = page.submit(&[("code", &old)]).await.expect_status(422);
    world.idp.clock.advance(Duration::from_secs(601));
    let page = page.submit(&[("code", &new)]).await.expect_status(422);
    let page = page.press("resend").await;
    page.submit(&[("code", &world.mailed_code().await)]).await.expect_code();
}

#[tokio::test]
async fn guesses_and_letters_are_few_however_often_it_is_begun() {
    // EO-01
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let mut page = world.asked(&mut browser, "email_code").await;
    for _ in 0..5 {
        page = page.submit(&[("code", "x")]).await.expect_status(422);
    }
    // Whatever is sent now, this session waits.
    let page = page.press("resend").await;
    let code = world.mailed_code().await;
    page.submit(&[("code", &code)]).await.expect_status(429);
    // A link and a code each time, until there were five letters in all.
    let mut sent = 0;
    for _ in 0..4 {
        let mut browser = world.idp.browser();
        world.asked(&mut browser, "email_code").await;
        sent += world.letters().await.len();
    }
    assert_eq!(sent, 2);
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser, "email_code").await;
    assert!(!page.html.contains("name=\"code\""));
    page.press("resend").await.expect_status(429);
}

#[tokio::test]
async fn who_knows_the_password_does_not_use_up_the_persons_codes() {
    // EO-01
    let world = World::of(TestIdp::setup().behind_proxy()).await;
    let mut own = world.idp.browser().coming_from("203.0.113.7");
    let page = world.asked(&mut own, "email_code").await;
    page.submit(&[("code", &world.mailed_code().await)]).await.expect_code();
    world.idp.clock.advance(Duration::from_secs(15 * 60));
    // Five from each network, ten from all, in a quarter of an hour; twenty in a day, and the first two were hers.
    let mut sent = Vec::new();
    for quarter in 0..3 {
        for network in 0..3 {
            for host in 1..4 {
                let mut thief = world.idp.browser().coming_from(&format!("198.51.{network}.{host}"));
                world.asked(&mut thief, "email_code").await;
            }
            sent.push(world.letters().await.len());
        }
        world.idp.clock.advance(Duration::from_secs(if quarter == 2 { 0 } else { 15 * 60 }));
    }
    assert_eq!(sent, [5, 5, 0, 5, 3, 0, 0, 0, 0]);
    own.cookies.remove("__Host-gantry_session");
    let mut own = own.coming_from("192.0.2.7");
    let page = world.asked(&mut own, "email_code").await;
    page.submit(&[("code", &world.mailed_code().await)]).await.expect_code();
    let mut elsewhere = world.idp.browser().coming_from("203.0.113.99");
    world.asked(&mut elsewhere, "email_code").await;
    assert_eq!(world.letters().await.len(), 2);
    let mut elsewhere = world.idp.browser().coming_from("198.51.100.99");
    world.asked(&mut elsewhere, "email_code").await;
    assert_eq!(world.letters().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_guesses_at_once_five_are_looked_at() {
    // EO-02
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser, "email_code").await;
    let (action, csrf, cookies) = (page.action(), page.field("csrf").expect("csrf"), page.cookies());
    let guess = || {
        let mut browser = world.idp.browser();
        browser.cookies.clone_from(&cookies);
        let (action, csrf) = (action.clone(), csrf.clone());
        async move {
            let form = [("csrf", csrf.as_str()), ("action", "continue"), ("code", "x")];
            let page = browser.post(&action, &form).await;
            (page.status, page.html)
        }
    };
    let replies = at_once(20, guess).await;
    assert_eq!(replies.iter().filter(|(status, _)| *status == 422).count(), 5);
    assert_eq!(replies.iter().filter(|(status, _)| *status == 429).count(), 15);
}

#[tokio::test]
async fn a_link_is_answered_anywhere_with_the_right_number() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.vault.authorize_url()).await.submit_password(&world.alice).await;
    let page = page.expect_step("email_link");
    let (link, number) = (world.mailed_link().await, number(&page));
    // A scanner that opens every link answers nothing.
    let mut phone = world.idp.browser();
    for _ in 0..3 {
        phone.open(&link).await.expect_step("approve");
    }
    let page = page.press("continue").await.expect_status(200).expect_step("email_link");
    assert_eq!(pick(&mut phone, &link, &[("number", &number)]).await, 200);
    phone.open(&link).await.expect_error_page(404);
    let code = page.press("continue").await.expect_code();
    let claims = world.vault.redeem(&code).await.expect_tokens().id_claims();
    assert_eq!(claims["amr"], json!(["pwd", "mca", "mfa"]));
}

#[tokio::test]
async fn a_link_that_is_denied_or_missed_proves_nothing() {
    let world = World::new().await;
    for form in [[("number", "11")], [("action", "deny")]] {
        let mut browser = world.idp.browser();
        let page = browser.open(world.vault.authorize_url()).await.submit_password(&world.alice).await;
        let (link, right) = (world.mailed_link().await, number(&page));
        let form = if form[0].1 == right { [("number", "12")] } else { form };
        pick(&mut world.idp.browser(), &link, &form).await;
        page.press("continue").await.expect_status(422).expect_step("email_link");
    }
}

#[tokio::test]
async fn another_address_is_proved_before_it_counts() {
    // EO-05
    let world = World::new().await;
    let mut browser = world.idp.browser();
    browser.open("/login").await.submit_password(&world.alice).await;
    let page = browser.open("/account").await.expect_step("account");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let page = browser.post(&action, &[("csrf", &csrf), ("add", "alternate_email")]).await;
    let mut page = world.allowed(page).await.expect_step("enrol");
    for bad in ["a@x.test,b@evil.test", "a@x.test\r\nBcc: b@evil.test", "alice", ""] {
        page = page.submit(&[("address", bad)]).await.expect_status(422).expect_step("enrol");
    }
    let page = page.submit(&[("address", "other@example.org")]).await.expect_step("enrol");
    assert!(page.html.contains("other@example.org"));
    let code = world.mailed_code().await;
    let page = page.submit(&[("code", "000000x")]).await.expect_status(422);
    let page = page.submit(&[("code", &code)]).await.expect_step("recovery_codes");
    page.press("continue").await.expect_step("account");
    let notice = world.letters().await.concat();
    assert!(notice.contains("To: alice@example.org"), "{notice}");
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser, "alternate_email_code").await;
    let code = world.mailed_code().await;
    page.submit(&[("code", &code)]).await.expect_code();
}

#[tokio::test]
async fn an_address_that_nobody_proved_hears_of_no_change() {
    let world = World::new().await;
    world.idp.gantry("user reset-factors alice").await;
    assert_eq!(world.letters().await.len(), 1);
    world.idp.gantry("user set alice --email somebody@example.org --unverified").await;
    world.letters().await;
    world.idp.gantry("user reset-factors alice").await;
    assert!(world.letters().await.is_empty());
}

#[tokio::test]
async fn people_are_written_to_in_the_language_they_used_last() {
    let world = World::new().await;
    let mut browser = world.idp.browser().with("accept-language", "de-AT, en;q=0.5");
    browser.open("/login").await.submit_password(&world.alice).await;
    let letter_about = |words: &'static str| {
        let world = &world;
        async move {
            world.idp.gantry(words).await;
            world.letters().await.concat().replace("=\r\n", "")
        }
    };
    let letter = letter_about("user reset-factors alice").await;
    assert!(letter.contains("An Ihrem Konto bei Gantry wurde etwas ge"), "{letter}");
    // What an administrator says counts more.
    world.idp.gantry("user set alice --attribute locale=en").await;
    let letter = letter_about("user reset-factors alice").await;
    assert!(letter.contains("an administrator removed all second factors"), "{letter}");
}

#[tokio::test]
async fn changes_by_an_administrator_and_used_recovery_codes_are_told() {
    let world = World::new().await;
    world.idp.gantry_typing("user reset-password alice", "another quiet horse").await;
    assert!(world.letters().await.concat().contains("To: alice@example.org"));
    let alice = world.alice.typing("another quiet horse");
    let mut browser = world.idp.browser();
    browser.open("/login").await.submit_password(&alice).await;
    let page = browser.open("/account").await.expect_step("account");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let page = browser.post(&action, &[("csrf", &csrf), ("add", "totp")]).await;
    let page = world.allowed(page).await.expect_step("enrol");
    let secret = secret_on(&page);
    let code = totp(&secret, world.idp.app.clock.now().seconds());
    let page = page.submit(&[("code", &code)]).await.expect_step("recovery_codes");
    let (_, rest) = page.html.split_once("<li><code>").expect("a recovery code");
    let recovery = rest.split_once('<').expect("its end").0.to_owned();
    world.letters().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.vault.authorize_url()).await.submit_password(&alice).await;
    let page = page.expect_step("totp").press("other_method").await.expect_step("choose");
    let page = page.submit(&[("method", "recovery_code")]).await.expect_step("recovery_code");
    page.submit(&[("code", &recovery)]).await.expect_code();
    let letter = world.letters().await.concat();
    assert!(letter.contains("recovery code") && !letter.contains(&recovery), "{letter}");
}

#[tokio::test]
async fn whoever_is_mailed_codes_changes_nothing_with_the_password_alone() {
    // SE-10, TO-07
    let world = World::new().await;
    let mut thief = world.idp.browser();
    thief.open("/login").await.submit_password(&world.alice).await.expect_status(200);
    for (name, value) in [("add", "totp"), ("action", "password")] {
        press(&mut thief, name, value).await.expect_step("email_link");
    }
}
