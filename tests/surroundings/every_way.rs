//! A policy that denies now, on every way to a session, code or token.

use super::*;
use crate::device::Device;
use crate::password_grant;

/// Rules that nobody here meets who was here before, and whether what an app holds already is held to them: the
/// hours count wherever its server stands.
const RULES: [(&str, bool); 5] = [
    ("network: { allow: [192.0.2.0/24], otherwise: VERDICT }", false),
    ("place: { countries: [FR], otherwise: VERDICT }", false),
    ("devices: { register: true, max: 0, exceeded: VERDICT }", false),
    ("behaviour: { absent_for: 1s, otherwise: VERDICT }", false),
    ("time: { zone: UTC, windows: [], otherwise: VERDICT }", true),
];

#[tokio::test]
async fn every_condition_closes_every_way_in() {
    // AD-10
    for (rule, counts_for_held) in RULES {
        let (_folder, settings) = places::usual();
        let world = World::new("", &settings).await;
        let alice = world.person("alice").await;
        let mut browser = world.browser(INSIDE);
        let code = world.attempt(&mut browser, &alice).await.expect_code();
        let tokens = world.office.redeem(&code).await.expect_tokens();
        password_grant::ask(&world.office, "alice", &alice.password).await.expect_tokens();
        let device = Device::new(&world.idp, "office").await;
        world.idp.clock.advance(Duration::from_secs(10));
        world.policy(&format!("adaptive: {{ {} }}", rule.replace("VERDICT", "deny"))).await;

        let silent = world.office.authorize_with(&[("prompt", "none")]);
        browser.open(silent).await.expect_error("access_denied");
        browser.open(world.office.authorize_url()).await.expect_error_page(403);
        browser.open(device.address()).await.press("continue").await.expect_error_page(403);
        device.poll().await.expect_error("authorization_pending");
        assert_eq!(world.met(&mut browser, &alice).await, "deny", "{rule}");
        assert_eq!(world.met(&mut world.browser(INSIDE), &alice).await, "deny", "{rule}");
        password_grant::ask(&world.office, "alice", &alice.password).await.expect_error("invalid_grant");
        let refreshed = world.office.refresh(&tokens.refresh).await;
        if counts_for_held {
            refreshed.expect_error("invalid_grant");
        } else {
            refreshed.expect_tokens();
        }
    }
}

#[tokio::test]
async fn every_condition_challenges_on_every_way_in() {
    for (rule, counts_for_held) in RULES {
        let (_folder, settings) = places::usual();
        let world = World::new(LAX.trim_end_matches([',', ' ']), &settings).await;
        let (bob, mut browser) = world.enrolled("bob").await;
        let code = world.attempt(&mut browser, &bob.user).await.expect_code();
        let tokens = world.office.redeem(&code).await.expect_tokens();
        password_grant::ask(&world.office, "bob", &bob.user.password).await.expect_tokens();
        let device = Device::new(&world.idp, "office").await;
        world.idp.clock.advance(Duration::from_secs(10));
        world.policy(&format!("{LAX}adaptive: {{ {} }}", rule.replace("VERDICT", "challenge"))).await;

        let silent = world.office.authorize_with(&[("prompt", "none")]);
        browser.open(&silent).await.expect_error("interaction_required");
        browser.open(device.address()).await.press("continue").await.expect_step("totp");
        device.poll().await.expect_error("authorization_pending");
        password_grant::ask(&world.office, "bob", &bob.user.password).await.expect_error("invalid_grant");
        let refreshed = world.office.refresh(&tokens.refresh).await;
        if counts_for_held {
            refreshed.expect_error("invalid_grant");
        } else {
            refreshed.expect_tokens();
        }
        assert_eq!(world.met(&mut world.browser(INSIDE), &bob.user).await, "challenge", "{rule}");
        // What was proved opens them all.
        let page = browser.open(world.office.authorize_url()).await.expect_step("totp");
        let code = bob.code(&world);
        let code = page.submit(&[("code", &code)]).await.expect_code();
        let tokens = world.office.redeem(&code).await.expect_tokens();
        world.office.refresh(&tokens.refresh).await.expect_tokens();
        browser.open(&silent).await.expect_code();
        device.let_in(&mut browser, &bob.user).await;
        device.poll().await.expect_tokens();
    }
}

#[tokio::test]
async fn a_registered_browser_makes_up_for_the_hours_of_what_its_session_gave() {
    let rule = "adaptive: { devices: { register: true, registered_skips: [time] }, \
                time: { zone: UTC, windows: [{ from: \"07:00\", to: \"09:00\" }], otherwise: deny } }";
    let world = World::new(rule, "").await;
    let alice = world.person("alice").await;
    let (mut hers, mut other) = (world.browser(INSIDE), world.browser(INSIDE));
    world.trust(&mut hers, &alice).await;
    let page = world.attempt(&mut other, &alice).await.expect_step("register_device");
    let code = page.press("skip").await.expect_code();
    let elsewhere = world.office.redeem(&code).await.expect_tokens();
    let lasting = world.office.asking_for("openid offline_access");
    let code = hers.open(lasting.authorize_with(&[("prompt", "consent")])).await.expect_code();
    let lasting = world.office.redeem(&code).await.expect_tokens();

    world.idp.clock.advance(Duration::from_secs(2 * 3600));
    let device = Device::new(&world.idp, "office").await;
    let code = world.attempt(&mut hers, &alice).await.expect_code();
    let tokens = world.office.redeem(&code).await.expect_tokens();
    world.office.userinfo(&tokens.access).await.expect_ok();
    let tokens = world.office.refresh(&tokens.refresh).await.expect_tokens();
    device.let_in(&mut hers, &alice).await;
    device.poll().await.expect_tokens();
    // Neither what another browser gave, nor what is to outlive the session.
    for refused in [&elsewhere, &lasting] {
        world.office.refresh(&refused.refresh).await.expect_error("invalid_grant");
    }
    // Trust ends, and with it all of that.
    let id = world.devices("alice").await.iter().find_map(|device| {
        (device["registered_for"] == serde_json::json!(["office"])).then(|| device["id"].clone())
    });
    let id = id.expect("a registered device");
    world.idp.gantry(&format!("device revoke {}", id.as_str().expect("an id"))).await;
    assert_eq!(world.office.userinfo(&tokens.access).await.status, 401);
    world.office.refresh(&tokens.refresh).await.expect_error("invalid_grant");
}

#[tokio::test]
async fn a_clock_that_jumps_opens_nothing() {
    // A rule about hours sees the later time until the clock has caught up; devices and habits get no younger.
    let rule = "time: { zone: Europe/Berlin, windows: [{ days: mon-fri, from: \"07:00\", to: \"20:00\" }], otherwise: deny }, \
                behaviour: { absent_for: 30d, otherwise: deny }";
    let world = World::new(&format!("adaptive: {{ {rule} }}"), "").await;
    let alice = world.person("alice").await;
    let mut browser = world.browser(INSIDE);
    assert_eq!(world.met(&mut browser, &alice).await, "allow");
    world.idp.clock.advance(Duration::from_secs(12 * 3600));
    assert_eq!(world.met(&mut browser, &alice).await, "deny");
    let late = world.idp.app.clock.now();
    world.idp.clock.set(late - Duration::from_secs(10 * 3600));
    assert_eq!(world.met(&mut browser, &alice).await, "deny", "set back into the window");
    world.idp.clock.set(late + DAY * 40);
    assert_eq!(world.met(&mut browser, &alice).await, "deny", "far ahead");
}

#[tokio::test]
async fn a_megabyte_of_answer_is_no_answer() {
    let world = World::new("adaptive: { devices: { register: true } }", "").await;
    let alice = world.person("alice").await;
    let mut browser = world.browser(INSIDE);
    let large = "x".repeat(1 << 20);
    let page = world.attempt(&mut browser, &alice).await.expect_step("register_device");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    for form in [
        vec![("csrf", csrf.as_str()), ("action", "trust_device"), ("x", &large)],
        vec![("csrf", large.as_str()), ("action", "trust_device")],
        vec![("csrf", csrf.as_str()), ("action", large.as_str())],
    ] {
        let status = browser.post(&action, &form).await.status;
        assert!((400..500).contains(&status), "{status}");
    }
    assert_eq!(world.registered("alice").await, 0);
    browser.post(&action, &[("csrf", &csrf), ("action", "trust_device")]).await.expect_code();
    assert_eq!(world.registered("alice").await, 1);
}
