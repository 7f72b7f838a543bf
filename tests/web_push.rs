//! Push messages to browsers: a push service on a socket, and a browser that opens what it is sent.

use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey as Verifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gantry::factor::FactorKind;
use gantry::factor::web_push::{self, Subscription};
use gantry::notify::deliver_due;
use gantry::store::Batch;
use serde_json::{Value, json};

use crate::support::browser::{Page, attribute};
use crate::support::callee::{Call, Callee};
use crate::support::{Browser, RelyingParty, TestIdp, TestUser, logs};

const APPS: &str = r#"
  vault:
    title: Vault
    redirect_uris: ["https://vault.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: strict }]
"#;

/// As long as it is told to be.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF by the crypto provider, where the service has its own.
fn hkdf<const N: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    extracted.expand(info, Bytes(N)).expect("short").fill(&mut out).expect("as long");
    out
}

/// What a browser has at its push service.
pub(crate) struct PushBrowser {
    own: PrivateKey,
    auth: [u8; 16],
    endpoint: String,
}

impl PushBrowser {
    pub(crate) fn at(endpoint: String) -> Self {
        let auth = URL_SAFE_NO_PAD.decode("BTBZMqHH6r4Tts7J_aSIgg").expect("base64url");
        let own = PrivateKey::generate(&ECDH_P256).expect("a key");
        Self { own, auth: auth.try_into().expect("16 bytes"), endpoint }
    }

    fn public(&self) -> Vec<u8> {
        self.own.compute_public_key().expect("a key").as_ref().to_vec()
    }

    /// As `JSON.stringify(subscription)` has it.
    pub(crate) fn subscription(&self) -> String {
        let keys = json!({
            "p256dh": URL_SAFE_NO_PAD.encode(self.public()),
            "auth": URL_SAFE_NO_PAD.encode(self.auth),
        });
        json!({ "endpoint": self.endpoint, "expirationTime": null, "keys": keys }).to_string()
    }

    /// RFC 8291 from the other side.
    pub(crate) fn opened(&self, body: &[u8]) -> Value {
        let (salt, rest) = body.split_at(16);
        assert_eq!(rest[..5], [0, 0, 16, 0, 65]);
        let (theirs, record) = rest[5..].split_at(65);
        let peer = UnparsedPublicKey::new(&ECDH_P256, theirs);
        let shared = agree(&self.own, peer, (), |shared| Ok(shared.to_vec())).expect("a point");
        let info: [&[u8]; 3] = [b"WebPush: info\0", &self.public(), theirs];
        let input: [u8; 32] = hkdf(&self.auth, &shared, &info);
        let key: [u8; 16] = hkdf(salt, &input, &[b"Content-Encoding: aes128gcm\0"]);
        let nonce: [u8; 12] = hkdf(salt, &input, &[b"Content-Encoding: nonce\0"]);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("a key"));
        let mut plain = record.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plain = key.open_in_place(nonce, Aad::empty(), &mut plain).expect("for this browser");
        let (last, said) = plain.split_last().expect("a delimiter");
        assert_eq!(*last, 2);
        serde_json::from_slice(said).expect("JSON")
    }
}

pub(crate) struct World {
    pub(crate) idp: TestIdp,
    pub(crate) alice: TestUser,
    pub(crate) vault: RelyingParty,
    pub(crate) service: Callee,
    /// The one that reads its messages.
    pub(crate) browser: PushBrowser,
}

impl World {
    pub(crate) async fn new() -> Self {
        let service = Callee::start().await;
        let settings = format!(
            "policies: {{ standard: {{}}, strict: {{ second_factor: required }} }}\n\
             outbound: {{ allow: [127.0.0.1/32] }}\n\
             factors: {{ offered: [web_push, recovery_code], push_services: [\"{}\"] }}\n",
            service.url("")
        );
        let idp = TestIdp::setup().with_settings(&settings).with_apps(APPS).start().await;
        let alice = idp.user("alice").create().await;
        let vault = idp.relying_party("vault").await;
        let browser = PushBrowser::at(service.url("/send/alice-1"));
        Self { idp, alice, vault, service, browser }
    }

    /// What arrives at the push service next.
    pub(crate) async fn pushed(&mut self) -> (Call, Value) {
        self.service.will_answer("HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        assert_eq!(deliver_due(&self.idp.app).await.expect("store"), 1);
        let call = self.service.called().await;
        let said = self.browser.opened(&call.bytes);
        (call, said)
    }

    /// The code in the message that arrives next, which opens nothing.
    pub(crate) async fn code(&mut self) -> String {
        let (_, said) = self.pushed().await;
        assert_eq!(said["url"], Value::Null);
        said["text"].as_str().expect("text").chars().filter(char::is_ascii_digit).take(6).collect()
    }

    async fn enrol(&mut self) {
        let mut browser = self.idp.browser();
        self.enrol_in(&mut browser).await;
    }

    pub(crate) async fn enrol_in(&mut self, browser: &mut Browser) {
        let url = self.vault.authorize_url();
        let page = browser.open(&url).await.submit_password(&self.alice).await.expect_step("enrol");
        let page = page.submit(&[("address", &self.browser.subscription())]).await.expect_step("enrol");
        let code = self.code().await;
        let page = page.submit(&[("code", "000000x")]).await.expect_status(422);
        let page = page.submit(&[("code", &code)]).await.expect_step("recovery_codes");
        page.press("continue").await.expect_code();
        // The letter about it.
        assert_eq!(deliver_due(&self.idp.app).await.expect("store"), 1);
    }

    /// Picks a number behind the link.
    pub(crate) async fn answered(&self, link: &str, number: &str) {
        let mut phone = self.idp.browser();
        let asking = phone.open(link).await.expect_step("approve");
        let (action, csrf) = (asking.action(), asking.field("csrf").expect("csrf"));
        assert_eq!(phone.post(&action, &[("csrf", &csrf), ("number", number)]).await.status, 200);
    }

    pub(crate) async fn asked<'b>(&self, browser: &'b mut Browser) -> Page<'b> {
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        page.expect_step("web_push")
    }
}

/// What the page shows that waits.
fn number(page: &Page<'_>) -> String {
    let (_, rest) = page.html.split_once("<strong>").expect("a number");
    rest.split_once('<').expect("its end").0.to_owned()
}

#[tokio::test]
async fn a_browser_is_proved_and_then_asked() {
    // RFC 8030 section 5, RFC 8291, RFC 8292
    let mut world = World::new().await;
    world.enrol().await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await;
    let number = number(&page);
    let (call, said) = world.pushed().await;
    assert_eq!(call.line, "POST /send/alice-1 HTTP/1.1");
    let headers = ["ttl", "urgency", "content-encoding"].map(|name| call.header(name).to_owned());
    assert_eq!(headers, ["300", "high", "aes128gcm"]);
    assert_eq!(said["title"], "Sign-in to Vault");
    // The number is to be seen where somebody signs in, and nowhere else.
    assert!(!said["text"].as_str().expect("text").contains(&number));
    let link = said["url"].as_str().expect("a link").to_owned();
    world.answered(&link, &number).await;
    let code = page.press("continue").await.expect_code();
    let claims = world.vault.redeem(&code).await.expect_tokens().id_claims();
    assert_eq!(claims["amr"], json!(["pwd", "mca", "mfa"]));
    assert!(!logs::so_far().contains("alice-1"));
    signed_for_the_service(&world, &call);
}

#[tokio::test]
async fn who_was_refused_may_be_asked_again() {
    let mut world = World::new().await;
    world.enrol().await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await;
    let (_, said) = world.pushed().await;
    world.answered(said["url"].as_str().expect("a link"), "1").await;
    let page = page.press("continue").await.expect_status(422);
    // That answer stays a no, so there is a way to another one.
    assert!(page.html.contains("value=\"resend\""), "{}", page.html);
    let page = page.press("resend").await.expect_step("web_push");
    let (_, said) = world.pushed().await;
    world.answered(said["url"].as_str().expect("a link"), &number(&page)).await;
    page.press("continue").await.expect_code();
}

/// RFC 8292 sections 2 and 3.
fn signed_for_the_service(world: &World, call: &Call) {
    let given = call.header("authorization").strip_prefix("vapid t=").expect("vapid");
    let (token, key) = given.split_once(", k=").expect("a key");
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let verifier = Verifier::new(&ECDSA_P256_SHA256_FIXED, decode(key));
    verifier.verify(signed.as_bytes(), &decode(signature)).expect("a good signature");
    let (header, claims) = signed.split_once('.').expect("two parts");
    let read = |text: &str| serde_json::from_slice::<Value>(&decode(text)).expect("JSON");
    assert_eq!(read(header)["alg"], "ES256");
    let claims = read(claims);
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!(world.service.url("")), &json!(world.idp.issuer)));
    let left = claims["exp"].as_i64().expect("exp") - world.idp.app.clock.now().seconds();
    assert!((0..=24 * 3600).contains(&left), "{left}");
}

#[tokio::test]
async fn the_page_gives_the_browser_what_it_needs() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.vault.authorize_url()).await.submit_password(&world.alice).await;
    let key = attribute(&page.html, "data-push-key").expect("a key");
    assert_eq!(URL_SAFE_NO_PAD.decode(key).expect("base64url").len(), 65);
    let worker = world.idp.get(&attribute(&page.html, "data-worker").expect("a worker")).await;
    assert_eq!(worker.header("content-type"), "text/javascript; charset=utf-8");
    assert!(worker.body.contains("notificationclick"));
    page.submit(&[("address", "")]).await.expect_status(422).expect_step("enrol");
}

#[tokio::test]
async fn a_browser_that_is_gone_is_forgotten_and_opens_no_other_way() {
    // RFC 8030 section 7.3
    let mut world = World::new().await;
    world.enrol().await;
    let mut browser = world.idp.browser();
    world.asked(&mut browser).await;
    world.service.will_answer("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_eq!(deliver_due(&world.idp.app).await.expect("store"), 0);
    world.service.called().await;
    // It is still known that there was one: a password alone sets up nothing in its place.
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await;
    assert!(
        !page.html.contains("<strong>") && page.html.contains("Nothing has been sent yet."),
        "{}",
        page.html
    );
    page.press("resend").await.expect_status(422);
    assert_eq!(deliver_due(&world.idp.app).await.expect("store"), 0);
    assert!(!world.service.is_called());
    let page = browser.open(world.vault.authorize_url()).await.press("other_method").await;
    page.expect_step("recovery_code");
}

#[tokio::test]
async fn a_busy_service_is_tried_again_while_the_question_is_open() {
    // RFC 8030 section 8.4
    let mut world = World::new().await;
    world.enrol().await;
    let mut browser = world.idp.browser();
    world.asked(&mut browser).await;
    let busy =
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    world.service.will_answer(busy);
    assert_eq!(deliver_due(&world.idp.app).await.expect("store"), 0);
    world.service.called().await;
    world.idp.clock.advance(Duration::from_secs(59));
    assert_eq!(deliver_due(&world.idp.app).await.expect("store"), 0);
    assert!(!world.service.is_called());
    world.idp.clock.advance(Duration::from_secs(2));
    world.pushed().await;
    let mut browser = world.idp.browser();
    world.asked(&mut browser).await;
    world.idp.clock.advance(Duration::from_secs(301));
    assert_eq!(deliver_due(&world.idp.app).await.expect("store"), 0);
    assert!(!world.service.is_called() && world.idp.app.notifier.waiting() == 0);
}

#[tokio::test]
async fn nobody_points_us_at_what_stands_inside() {
    // SR-01: 127.0.0.1 may be called by the administrator's wish, not by a browser's
    let mut world = World::new().await;
    let inside = Callee::start().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.vault.authorize_url()).await.submit_password(&world.alice).await;
    let mut page = page.expect_step("enrol");
    let https = format!("https://127.0.0.1:{}/x", inside.port);
    for (endpoint, status) in [
        (inside.url("/x"), 422),
        ("http://10.0.0.1/x".to_owned(), 422),
        ("file:///etc/passwd".to_owned(), 422),
        (https, 200),
    ] {
        let hostile = PushBrowser::at(endpoint.clone());
        page = page.submit(&[("address", &hostile.subscription())]).await;
        assert_eq!(page.status, status, "{endpoint}");
    }
    // Taken as an address, but never called.
    assert_eq!(deliver_due(&world.idp.app).await.expect("store"), 0);
    assert_eq!(world.idp.app.notifier.waiting(), 0);
    let mut inside = inside;
    assert!(!inside.is_called() && !world.service.is_called());
}

#[tokio::test]
async fn a_person_has_ten_browsers_at_most() {
    let world = World::new().await;
    let id = world.alice.id.parse().expect("an id");
    for number in 0..12 {
        let browser = PushBrowser::at(format!("https://push.example.net/{number}"));
        let subscription = Subscription::parse(&browser.subscription()).expect("good");
        for _ in 0..2 {
            let factor = web_push::added(&world.idp.app, id, &subscription, "Firefox").await;
            let (kind, factor) = factor.expect("store");
            assert_eq!(kind, FactorKind::WebPush);
            world.idp.app.store.apply(Batch::new().put(&factor)).await.expect("stored");
        }
    }
    let kept = web_push::subscriptions(&world.idp.app, id).await.expect("store");
    let kept: Vec<&str> = kept.iter().map(|one| one.endpoint().path()).collect();
    assert_eq!(kept, ["/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9", "/10", "/11"]);
}
