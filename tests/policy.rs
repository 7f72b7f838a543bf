//! Policies: where and when, through the real pages, and what `gantry policy explain` says about it.

use std::time::Duration;

use crate::account::press;
use crate::device::Device;
use crate::password_grant;
use crate::support::authenticator_app::{secret_on, totp};
use crate::support::browser::Page;
use crate::support::{Browser, TestIdp, TestUser, logs};

/// The tests begin on a Friday at nine in Berlin.
const POLICIES: &str = r#"
policies:
  standard: {}
  office:
    adaptive:
      network: { allow: [203.0.113.0/24], deny: [203.0.113.66/32], otherwise: challenge }
      time: { zone: Europe/Berlin, windows: [{ days: mon-fri, from: "07:00", to: "20:00" }], off: ["2027-01-18"] }
"#;
const APPS: &str = r#"
  office:
    redirect_uris: ["https://office.test/cb"]
    first_party: true
    grants: [authorization_code, refresh_token, password, device_code]
    access: [{ group: everyone, policy: office }]
"#;

const INSIDE: &str = "203.0.113.7";
const OUTSIDE: &str = "198.51.100.7";
const BANNED: &str = "203.0.113.66";

async fn idp() -> TestIdp {
    TestIdp::setup().behind_proxy().with_settings(POLICIES).with_apps(APPS).start().await
}

fn from(idp: &TestIdp, address: &str) -> Browser {
    idp.browser().coming_from(address)
}

async fn attempt<'b>(idp: &TestIdp, browser: &'b mut Browser, user: &TestUser) -> Page<'b> {
    let office = idp.relying_party("office").await;
    browser.open(office.authorize_url()).await.submit_password(user).await
}

/// Somebody with an authenticator app, enrolled because an app demanded it.
async fn enrolled(idp: &TestIdp, name: &str) -> TestUser {
    let user = idp.user(name).create().await;
    let c1 = idp.relying_party("c1").await;
    let claims = r#"{"id_token":{"acr":{"essential":true,"values":["aal2"]}}}"#;
    let mut browser = from(idp, INSIDE);
    let page = browser.open(c1.authorize_with(&[("claims", claims)])).await.submit_password(&user).await;
    let page = page.expect_step("enrol");
    let secret = secret_on(&page);
    let code = totp(&secret, idp.app.clock.now().seconds());
    page.submit(&[("code", &code)]).await.press("continue").await.expect_code();
    user
}

#[tokio::test]
async fn a_network_allows_challenges_or_denies() {
    let idp = idp().await;
    let alice = idp.user("alice").create().await;
    let bob = enrolled(&idp, "bob").await;
    attempt(&idp, &mut from(&idp, INSIDE), &alice).await.expect_code();
    // From elsewhere a factor is wanted; who has none does not get to enrol one there.
    attempt(&idp, &mut from(&idp, OUTSIDE), &bob).await.expect_step("totp");
    let mut browser = from(&idp, OUTSIDE);
    let page = attempt(&idp, &mut browser, &alice).await.expect_error_page(403);
    assert!(page.html.contains("not open from this network"), "{}", page.html);
    attempt(&idp, &mut from(&idp, BANNED), &bob).await.expect_error_page(403);
    // AD-03: what a proxy says and nobody can read is no place to come from.
    for nowhere in ["nonsense", "", "203.0.113.7, x"] {
        attempt(&idp, &mut from(&idp, nowhere), &bob).await.expect_error_page(403);
    }
    // A session from inside does not open it from outside.
    let office = idp.relying_party("office").await;
    let mut moving = from(&idp, INSIDE);
    attempt(&idp, &mut moving, &alice).await.expect_code();
    let mut moving = moving.coming_from(OUTSIDE);
    moving.open(office.authorize_with(&[("prompt", "none")])).await.expect_error("access_denied");
    moving.open(office.authorize_url()).await.expect_error_page(403);
    // Nor does what is enrolled there: it would answer from then on.
    let mut thief = from(&idp, OUTSIDE);
    thief.open("/login").await.submit_password(&alice).await.expect_step("home");
    let page = press(&mut thief, "add", "totp").await.expect_error_page(403);
    assert!(page.html.contains("not open from this network"), "{}", page.html);
    let mut inside = from(&idp, INSIDE);
    inside.open("/login").await.submit_password(&alice).await.expect_step("home");
    press(&mut inside, "add", "totp").await.expect_step("enrol");
    // Nor a device.
    let device = Device::new(&idp, "office").await;
    moving.open(device.address()).await.press("continue").await.expect_error_page(403);
    // The password grant comes from the address of the app.
    password_grant::ask(&office, "alice", &alice.password).await.expect_error("invalid_grant");
}

#[tokio::test]
async fn hours_open_and_close() {
    let idp = idp().await;
    let alice = idp.user("alice").create().await;
    attempt(&idp, &mut from(&idp, INSIDE), &alice).await.expect_code();
    idp.clock.advance(Duration::from_secs(11 * 3600));
    attempt(&idp, &mut from(&idp, INSIDE), &alice).await.expect_error_page(403);
    // Monday at nine is a day off, Tuesday is not.
    idp.clock.advance(Duration::from_secs(61 * 3600));
    attempt(&idp, &mut from(&idp, INSIDE), &alice).await.expect_error_page(403);
    idp.clock.advance(Duration::from_secs(24 * 3600));
    attempt(&idp, &mut from(&idp, INSIDE), &alice).await.expect_code();
}

#[tokio::test]
async fn what_is_explained_is_what_the_pages_do() {
    let idp = idp().await;
    let alice = idp.user("alice").create().await;
    let bob = enrolled(&idp, "bob").await;
    let mut seen = std::collections::BTreeMap::new();
    // Steps without a common divisor walk through hours, days and addresses.
    for turn in 0_u64..120 {
        idp.clock.advance(Duration::from_secs(7 * 3600 + 977 * turn));
        let address = [INSIDE, OUTSIDE, BANNED][usize::try_from(turn % 3).expect("small")];
        let user = if turn % 2 == 0 { &alice } else { &bob };
        let words = format!("policy explain --app office --user {} --ip {address}", user.username);
        let explained = idp.gantry(&words).await["verdict"].as_str().expect("a verdict").to_owned();
        let mut browser = from(&idp, address);
        let page = attempt(&idp, &mut browser, user).await;
        let met = match (page.status, page.step().as_deref()) {
            (303, _) => "allow",
            (_, Some("totp" | "enrol")) => "challenge",
            (403, _) => "deny",
            (status, step) => panic!("{status} {step:?}"),
        };
        assert_eq!(explained, met, "{turn} {words}");
        *seen.entry(met).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[tokio::test]
async fn an_explanation_says_why() {
    let idp = idp().await;
    idp.user("alice").create().await;
    let words = "policy explain --app office --user alice --ip 198.51.100.7 --at 2027-01-16T22:00";
    let explained = idp.gantry(words).await;
    assert_eq!((explained["verdict"].as_str(), explained["policy"].as_str()), (Some("deny"), Some("office")));
    let trace: Vec<&str> =
        explained["trace"].as_array().expect("lines").iter().filter_map(|line| line.as_str()).collect();
    assert_eq!(trace[0], "group everyone: member, policy office");
    assert!(trace[1].starts_with("network 198.51.100.7: challenge"), "{trace:?}");
    assert!(
        trace[2].starts_with("time Sat 2027-01-16 23:00: deny, decided (zone Europe/Berlin"),
        "{trace:?}"
    );
    assert!(idp.try_gantry("policy explain --app office --user alice --at tomorrow", None).await.is_err());
}

#[tokio::test]
async fn every_attempt_leaves_its_trace_in_the_log() {
    let idp = idp().await;
    let alice = idp.user("alice").create().await;
    let office = idp.relying_party("office").await;
    let mut browser = from(&idp, INSIDE);
    attempt(&idp, &mut browser, &alice).await.expect_code();
    browser.open(office.authorize_with(&[("prompt", "none")])).await.expect_code();
    let mut away = browser.coming_from(OUTSIDE);
    away.open(office.authorize_with(&[("prompt", "none")])).await.expect_error("access_denied");
    attempt(&idp, &mut from(&idp, BANNED), &alice).await.expect_error_page(403);
    password_grant::ask(&office, "alice", &alice.password).await.expect_error("invalid_grant");
    let logged = logs::so_far();
    let entries = logged.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let told: Vec<(bool, String)> = entries
        .map(|entry| entry["fields"].clone())
        .filter(|fields| fields["event"] == "policy" && fields["user"] == alice.id)
        .map(|fields| (fields["refused"] == true, fields["trace"].as_str().expect("a trace").to_owned()))
        .collect();
    let refused: Vec<bool> = told.iter().map(|(refused, _)| *refused).collect();
    assert_eq!(refused, [false, false, true, true, true], "{told:?}");
    let decided = |trace: &str| {
        let lines: serde_json::Value = serde_json::from_str(trace).expect("json");
        let line = lines.as_array().expect("lines").iter().find(|line| line["decided"] == true).cloned();
        line.map(|line| {
            format!("{} {}", line["rule"].as_str().expect("a rule"), line["saw"].as_str().expect("text"))
        })
    };
    assert_eq!(decided(&told[0].1), None);
    assert_eq!(decided(&told[3].1), Some(format!("network {BANNED}")));
}
