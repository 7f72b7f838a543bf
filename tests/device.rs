//! Devices without a browser (RFC 8628), from both ends: the device that polls and the person who types.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::relying_party::Reply;
use crate::support::{Browser, RelyingParty, TestIdp, TestUser, encode};

const APPS: &str = r"
  tv:
    title: Television
    grants: [device_code, refresh_token]
    client: public
    first_party: true
  box:
    title: Black Box
    grants: [device_code]
";

pub(crate) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(crate) async fn idp() -> TestIdp {
    TestIdp::setup().with_apps(APPS).start().await
}

/// What a device got to begin with.
#[derive(Clone)]
pub(crate) struct Device {
    app: RelyingParty,
    code: String,
    user_code: String,
    complete: String,
}

impl Device {
    pub(crate) async fn new(idp: &TestIdp, client: &str) -> Self {
        let app = idp.relying_party(client).await;
        let answer = asked(&app, "openid profile").await.expect_ok();
        let text = |name: &str| answer[name].as_str().expect(name).to_owned();
        Self {
            app,
            code: text("device_code"),
            user_code: text("user_code"),
            complete: text("verification_uri_complete"),
        }
    }

    pub(crate) async fn poll(&self) -> Reply {
        self.app.token(&[("grant_type", GRANT_TYPE), ("device_code", &self.code)]).await
    }

    /// Where a person goes with its code.
    pub(crate) fn address(&self) -> &str {
        &self.complete
    }

    /// A person lets it in.
    pub(crate) async fn let_in(&self, browser: &mut Browser, user: &TestUser) {
        let page = browser.open(&self.complete).await.expect_step("device").press("continue").await;
        let page = match page.step().as_deref() {
            Some("password") => page.submit_password(user).await,
            _ => page,
        };
        page.expect_step("consent").press("allow").await.expect_status(200);
    }
}

async fn asked(app: &RelyingParty, scope: &str) -> Reply {
    let mut elsewhere = app.clone();
    elsewhere.at_endpoint("device_authorization");
    elsewhere.token(&[("scope", scope)]).await
}

#[tokio::test]
async fn a_device_is_let_in_by_the_code_it_shows() {
    // RFC 8628 sections 3.1 to 3.5
    let idp = idp().await;
    let alice = idp.user("alice").create().await;
    let tv = idp.relying_party("tv").await;
    let answer = asked(&tv, "openid profile").await.expect_ok();
    assert_eq!((&answer["expires_in"], &answer["interval"]), (&json!(600), &json!(5)));
    assert_eq!(answer["verification_uri"], format!("{}/device", idp.issuer));
    let device = Device::new(&idp, "tv").await;
    device.poll().await.expect_error("authorization_pending");
    let mut browser = idp.browser();
    // With the code in the address there is a picture of it, for a phone.
    assert!(browser.open(&device.complete).await.html.contains("<svg class=\"qr\""));
    assert!(!browser.open("/device").await.html.contains("<svg class=\"qr\""));
    let typed = device.user_code.to_lowercase().replace('-', " ");
    let page = browser.open("/device").await.expect_step("device");
    let page = page.submit(&[("user_code", &typed)]).await.submit_password(&alice).await;
    // Ours or not, the person is asked, and sees which device it is (section 5.4).
    let page = page.expect_step("consent");
    assert!(page.html.contains("Television") && page.html.contains(&device.user_code), "{}", page.html);
    let done = page.press("allow").await.expect_status(200);
    assert!(done.html.contains("Television"));
    idp.clock.advance(Duration::from_secs(5));
    let tokens = device.poll().await.expect_tokens();
    assert_eq!(tokens.id_claims()["sub"], alice.id);
    tv.userinfo(&tokens.access).await.expect_ok();
    // The device does not hang on the browser that let it in.
    browser.open("/account/sign-out").await.press("sign_out").await;
    tv.refresh(&tokens.refresh).await.expect_tokens();
    device.poll().await.expect_error("invalid_grant");
}

#[tokio::test]
async fn who_says_no_or_may_not_lets_nothing_in() {
    // RFC 8628 section 3.5
    let idp = TestIdp::setup()
        .with_apps(&format!(
            "{APPS}  crew:\n    grants: [device_code]\n    access: [{{ group: staff, policy: standard }}]\n"
        ))
        .start()
        .await;
    let alice = idp.user("alice").create().await;
    let device = Device::new(&idp, "box").await;
    let mut browser = idp.browser();
    let page = browser.open(&device.complete).await.press("continue").await.submit_password(&alice).await;
    page.expect_step("consent").press("deny").await.expect_status(200);
    device.poll().await.expect_error("access_denied");
    let crew = Device::new(&idp, "crew").await;
    browser.open(&crew.complete).await.press("continue").await.expect_error_page(403);
    crew.poll().await.expect_error("authorization_pending");
    // Somebody has answered: the code is nobody's any more.
    let page = browser.open("/device").await.submit(&[("user_code", &device.user_code)]).await;
    page.expect_status(422).expect_step("device");
}

#[tokio::test]
async fn both_codes_end_together_and_polls_keep_their_distance() {
    // RFC 8628 sections 3.2 and 3.5
    let idp = idp().await;
    let device = Device::new(&idp, "tv").await;
    device.poll().await.expect_error("authorization_pending");
    idp.clock.advance(Duration::from_secs(4));
    device.poll().await.expect_error("slow_down");
    idp.clock.advance(Duration::from_secs(6));
    device.poll().await.expect_error("slow_down");
    idp.clock.advance(Duration::from_secs(15));
    device.poll().await.expect_error("authorization_pending");
    idp.clock.advance(Duration::from_secs(600));
    device.poll().await.expect_error("expired_token");
    let mut browser = idp.browser();
    let page = browser.open(&device.complete).await.press("continue").await;
    page.expect_status(422).expect_step("device");
}

#[tokio::test]
async fn a_device_code_is_its_clients_and_of_its_own_kind() {
    // TK-08, TK-26
    let idp = idp().await;
    let alice = idp.user("alice").create().await;
    let device = Device::new(&idp, "tv").await;
    device.let_in(&mut idp.browser(), &alice).await;
    let other = Device { app: idp.relying_party("box").await, ..device.clone() };
    other.poll().await.expect_error("invalid_grant");
    for code in
        ["x", "gx_", &device.user_code, &format!("{}x", device.code), &device.code.replace("gx_", "gc_")]
    {
        let reply = device.app.token(&[("grant_type", GRANT_TYPE), ("device_code", code)]).await;
        reply.expect_error("invalid_grant");
    }
    let c1 = idp.relying_party("c1").await;
    c1.token(&[("grant_type", GRANT_TYPE), ("device_code", &device.code)])
        .await
        .expect_error("unauthorized_client");
    asked(&c1, "openid").await.expect_error("unauthorized_client");
    asked(&device.app, "öpenid").await.expect_error("invalid_scope");
    device.app.token(&[("grant_type", GRANT_TYPE)]).await.expect_error("invalid_request");
    device.poll().await.expect_tokens();
}

#[tokio::test]
async fn codes_are_not_found_by_trying() {
    // TK-26; RFC 8628 section 5.1
    let idp = TestIdp::setup().with_apps(APPS).behind_proxy().start().await;
    let device = Device::new(&idp, "tv").await;
    let mut guesser = idp.browser().coming_from("192.0.2.66");
    for _ in 0..10 {
        let page = guesser.open("/device").await.submit(&[("user_code", "BCDF-GHJK")]).await;
        page.expect_status(422).expect_step("device");
    }
    // Not even the right one any more.
    let page =
        guesser.open("/device").await.submit(&[("user_code", &device.user_code)]).await.expect_status(429);
    assert_eq!(page.header("retry-after"), "900");
    let mut person = idp.browser().coming_from("192.0.2.7");
    person.open("/device").await.submit(&[("user_code", &device.user_code)]).await.expect_step("password");
}

#[tokio::test]
async fn right_codes_are_no_guesses() {
    let idp = TestIdp::setup().with_apps(APPS).behind_proxy().start().await;
    let mut person = idp.browser().coming_from("192.0.2.7");
    for _ in 0..9 {
        let wrong = [("user_code", "BCDF-GHJK")];
        person.open("/device").await.submit(&wrong).await.expect_status(422);
    }
    for _ in 0..3 {
        let device = Device::new(&idp, "tv").await;
        let right = [("user_code", &*device.user_code)];
        person.open("/device").await.submit(&right).await.expect_step("password");
    }
    let wrong = [("user_code", "BCDF-GHJK")];
    person.open("/device").await.submit(&wrong).await.expect_status(422);
    person.open("/device").await.submit(&wrong).await.expect_status(429);
}

#[tokio::test]
async fn one_address_asks_for_so_many_codes_and_no_more() {
    let idp = idp().await;
    let tv = idp.relying_party("tv").await;
    for _ in 0..60 {
        asked(&tv, "openid").await.expect_ok();
    }
    asked(&tv, "openid").await.expect_error("slow_down");
    idp.clock.advance(Duration::from_secs(600));
    asked(&tv, "openid").await.expect_ok();
}

#[tokio::test]
async fn no_other_page_enters_a_code() {
    // TK-26, AZ-30: the forged request is not even counted
    let idp = idp().await;
    let device = Device::new(&idp, "tv").await;
    for (name, value) in [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")] {
        let mut browser = idp.browser().with(name, value);
        let form = [("user_code", &*device.user_code)];
        browser.post("/device", &form).await.expect_error_page(403);
    }
    // What somebody's link fills in is only filled in.
    let mut browser = idp.browser();
    let page =
        browser.open(format!("/device?{}", encode(&[("user_code", "\"><b>x")]))).await.expect_step("device");
    assert!(!page.html.contains("<b>x"));
}

#[tokio::test]
async fn metadata_names_the_grant_where_an_app_has_it() {
    // RFC 8628 section 4
    let with = idp().await.get("/.well-known/openid-configuration").await.json();
    let without = TestIdp::start().await.get("/.well-known/openid-configuration").await.json();
    let has = |metadata: &Value| {
        metadata["grant_types_supported"].as_array().expect("a list").contains(&json!(GRANT_TYPE))
    };
    assert!(has(&with) && with["device_authorization_endpoint"].is_string());
    assert!(!has(&without) && without.get("device_authorization_endpoint").is_none());
}
