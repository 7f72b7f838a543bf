//! Codes and links that go to a phone: by text message, call and push.

use gantry::login::flow::LoginFlow;
use gantry::notify::deliver_due;
use gantry::store::Batch;
use serde_json::json;

use crate::support::authenticator_app::{secret_on, totp};
use crate::support::browser::Page;
use crate::support::callee::Callee;
use crate::support::{Browser, RelyingParty, TestIdp, TestUser};

const APPS: &str = r#"
  vault:
    title: Vault
    redirect_uris: ["https://vault.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: strict }]
"#;

struct World {
    idp: TestIdp,
    alice: TestUser,
    vault: RelyingParty,
    callee: Callee,
}

impl World {
    /// `offered` ways; every gateway leads to the same place, by another path.
    async fn offering(offered: &str) -> Self {
        let callee = Callee::start().await;
        let gateway = |name: &str| {
            let url = callee.url(&format!("/{name}"));
            format!(
                "{name}: {{ http: {{ url: \"{url}\", body: \"to={{to}}&text={{text}}&code={{code}}&link={{link}}\" }} }}\n"
            )
        };
        let settings = format!(
            "policies: {{ standard: {{}}, strict: {{ second_factor: required }} }}\n\
             outbound: {{ allow: [127.0.0.1/32] }}\nfactors: {{ offered: [{offered}] }}\n{}{}{}",
            gateway("sms"),
            gateway("voice"),
            gateway("push"),
        );
        let idp = TestIdp::setup().with_settings(&settings).with_apps(APPS).start().await;
        let alice = idp.user("alice").create().await;
        idp.gantry("user set alice --email alice@example.org").await;
        let vault = idp.relying_party("vault").await;
        Self { idp, alice, vault, callee }
    }

    /// What the gateway was told next: the path, and a field of the form.
    async fn told(&mut self, field: &str) -> (String, String) {
        deliver_due(&self.idp.app).await.expect("store");
        let call = self.callee.called().await;
        let path = call.line.split(' ').nth(1).expect("a path").to_owned();
        (path, call.form(field))
    }

    /// The code in the newest letter.
    async fn mailed_code(&self) -> String {
        deliver_due(&self.idp.app).await.expect("store");
        let folder = std::fs::read_dir(self.idp.app.config().data_dir.join("mail")).expect("letters");
        let letters =
            folder.map(|entry| std::fs::read_to_string(entry.expect("entry").path()).expect("text"));
        let letter = letters.filter(|letter| letter.contains("code for")).last().expect("a letter");
        let digits = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
        letter.lines().find(digits).expect("a code").to_owned()
    }

    /// Enrols a phone or a push topic on the spot, with the code that arrives there.
    async fn enrol(&mut self, address: &str) -> String {
        let mut browser = self.idp.browser();
        let url = self.vault.authorize_url();
        let page = browser.open(&url).await.submit_password(&self.alice).await.expect_step("enrol");
        let page = page.submit(&[("address", address)]).await.expect_step("enrol");
        let (path, code) = self.told("code").await;
        let page = page.submit(&[("code", &code)]).await.expect_step("recovery_codes");
        page.press("continue").await.expect_code();
        path
    }

    async fn asked<'b>(&self, browser: &'b mut Browser, method: &str) -> Page<'b> {
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        page.expect_step(method)
    }

    async fn amr(&self, code: &str) -> serde_json::Value {
        self.vault.redeem(code).await.expect_tokens().id_claims()["amr"].clone()
    }
}

#[tokio::test]
async fn a_phone_is_enrolled_and_gets_codes() {
    let mut world = World::offering("sms_code, recovery_code").await;
    assert_eq!(world.enrol("+49 170 1234567").await, "/sms");
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser, "sms_code").await;
    let (path, code) = world.told("code").await;
    assert_eq!(path, "/sms");
    let page = page.submit(&[("code", "nothing")]).await.expect_status(422).expect_step("sms_code");
    let answer = page.submit(&[("code", &code)]).await.expect_code();
    assert_eq!(world.amr(&answer).await, json!(["pwd", "sms", "mfa"]));
}

#[tokio::test]
async fn a_number_that_is_yet_to_be_proved_is_kept_sealed_for_its_sign_in() {
    let mut world = World::offering("sms_code, recovery_code").await;
    let store = world.idp.app.store.clone();
    let (mut browser, mut other) = (world.idp.browser(), world.idp.browser());
    let url = world.vault.authorize_url();
    let page = browser.open(&url).await.submit_password(&world.alice).await.expect_step("enrol");
    let page = page.submit(&[("address", "+49 170 1234567")]).await.expect_step("enrol");
    assert!(page.html.contains("491701234567") && page.field("address").is_none(), "{}", page.html);
    let kept = std::fs::read(world.idp.app.config().data_dir.join("gantry.redb")).expect("the store");
    assert!(!kept.windows(12).any(|bytes| bytes == b"491701234567"));
    // In another sign-in it opens nothing: that one asks anew.
    let flow = async |page: &str| {
        let id = page.rsplit('/').next().expect("an id");
        store.get::<LoginFlow>(id).await.expect("store").expect("a flow")
    };
    let asks = other.open(&url).await.submit_password(&world.alice).await.expect_step("enrol");
    let (url, mut copy) = (asks.url.clone(), flow(&asks.url).await);
    copy.record.pending = flow(&page.url).await.record.pending;
    store.apply(Batch::new().update(&copy)).await.expect("stored");
    let asks = other.open(&url).await.expect_step("enrol");
    assert!(asks.field("address").is_some() && !asks.html.contains("1234567"), "{}", asks.html);
    let (_, code) = world.told("code").await;
    asks.submit(&[("code", &code)]).await.expect_status(422).expect_step("enrol");
    page.submit(&[("code", &code)]).await.expect_step("recovery_codes");
}

#[tokio::test]
async fn a_voice_says_the_code() {
    let mut world = World::offering("voice_code, recovery_code").await;
    // A text message proves the number, since there is a gateway for them.
    assert_eq!(world.enrol("0049 170 1234567").await, "/sms");
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser, "voice_code").await;
    let (path, text) = world.told("text").await;
    assert_eq!(path, "/voice");
    let digits: String = text.chars().filter(char::is_ascii_digit).take(6).collect();
    let answer = page.submit(&[("code", &digits)]).await.expect_code();
    assert_eq!(world.amr(&answer).await, json!(["pwd", "tel", "mfa"]));
}

#[tokio::test]
async fn two_codes_on_two_ways_are_both_wanted() {
    let mut world = World::offering("email_and_sms_code, recovery_code").await;
    world.enrol("+491701234567").await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser, "email_and_sms_code").await;
    let (_, from_phone) = world.told("code").await;
    let mailed = world.mailed_code().await;
    let page = page.submit(&[("code", &mailed), ("code_2", "")]).await.expect_status(422);
    let page = page.submit(&[("code", &from_phone), ("code_2", &mailed)]).await.expect_status(422);
    page.submit(&[("code", &mailed), ("code_2", &from_phone)]).await.expect_code();
}

#[tokio::test]
async fn links_come_by_text_message_and_push() {
    for (method, offered) in [("sms_link", "sms_link, recovery_code"), ("push", "push, recovery_code")] {
        let mut world = World::offering(offered).await;
        world.enrol("+491701234567").await;
        let mut browser = world.idp.browser();
        let page = world.asked(&mut browser, method).await;
        let (path, link) = world.told("link").await;
        assert_eq!(path, if method == "push" { "/push" } else { "/sms" });
        let (_, rest) = page.html.split_once("<strong>").expect("a number");
        let number = rest.split_once('<').expect("its end").0.to_owned();
        let mut phone = world.idp.browser();
        let asking = phone.open(&link).await.expect_step("approve");
        let (action, csrf) = (asking.action(), asking.field("csrf").expect("csrf"));
        assert_eq!(phone.post(&action, &[("csrf", &csrf), ("number", &number)]).await.status, 200);
        let answer = page.press("continue").await.expect_code();
        assert_eq!(world.amr(&answer).await, json!(["pwd", "mca", "mfa"]));
    }
}

#[tokio::test]
async fn what_has_no_gateway_is_not_offered() {
    let idp = TestIdp::setup()
        .with_settings("factors: { offered: [totp, sms_code, push] }\npolicies: { standard: {}, strict: { second_factor: required } }\n")
        .with_apps(APPS)
        .start()
        .await;
    let alice = idp.user("alice").create().await;
    let mut browser = idp.browser();
    browser.open("/login").await.submit_password(&alice).await;
    let page = browser.open("/account").await.expect_step("account");
    assert!(page.html.contains("value=\"totp\"") && !page.html.contains("value=\"phone\""));
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    browser.post(&action, &[("csrf", &csrf), ("add", "phone")]).await.expect_error_page(403);
}

#[tokio::test]
async fn a_dead_gateway_leaves_another_way() {
    // EO-09
    for trouble in ["it fails", "nobody listens", "nothing ever comes back"] {
        let World { idp, alice, vault, callee } = World::offering("sms_code, totp, recovery_code").await;
        callee.will_answer("HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n");
        // Whoever connects there waits to be taken.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = match trouble {
            "it fails" => callee.port,
            "nobody listens" => 1,
            _ => silent.local_addr().expect("address").port(),
        };
        let moved = |yaml: String| yaml.replace(&format!(":{}/", callee.port), &format!(":{port}/"));
        idp.edit(moved).await.expect("a good change");
        let mut browser = idp.browser();
        let page = browser.open(vault.authorize_url()).await.submit_password(&alice).await;
        let page = page.expect_step("enrol").press("other_method").await.expect_step("enrol");
        let page = page.submit(&[("address", "+491701234567")]).await.expect_step("enrol");
        let app = std::sync::Arc::clone(&idp.app);
        let sending = tokio::spawn(async move { deliver_due(&app).await.expect("store") });
        // The page waits for nobody, no code is the right one, and it leads on.
        let page = page.submit(&[("code", "000000")]).await.expect_status(422).expect_step("enrol");
        let page = page.press("other_method").await.expect_step("enrol");
        let code = totp(&secret_on(&page), idp.app.clock.now().seconds());
        let page = page.submit(&[("code", &code)]).await.expect_step("recovery_codes");
        page.press("continue").await.expect_code();
        assert!(idp.app.notifier.waiting() > 0, "{trouble}: it is tried again");
        silent.set_nonblocking(true).expect("a socket");
        assert_eq!(silent.accept().is_ok(), trouble.starts_with("nothing"), "it was tried all the while");
        sending.abort();
    }
}
