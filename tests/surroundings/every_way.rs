//! A policy that denies now, on every way to a session, code or token.

use super::*;
use crate::device::Device;
use crate::password_grant;

#[tokio::test]
async fn every_condition_closes_every_way_in() {
    // AD-10
    for (rule, held) in [
        ("network: { allow: [192.0.2.0/24], otherwise: deny }", true),
        ("place: { countries: [FR], otherwise: deny }", true),
        ("devices: { register: true, max: 0, exceeded: deny }", true),
        ("behaviour: { absent_for: 1s, otherwise: deny }", true),
        // The hours count wherever an app's server stands.
        ("time: { zone: UTC, windows: [], otherwise: deny }", false),
    ] {
        let (_folder, settings) = places::usual();
        let world = World::new("", &settings).await;
        let alice = world.person("alice").await;
        let mut browser = world.browser(INSIDE);
        let code = world.attempt(&mut browser, &alice).await.expect_code();
        let tokens = world.office.redeem(&code).await.expect_tokens();
        password_grant::ask(&world.office, "alice", &alice.password).await.expect_tokens();
        let device = Device::new(&world.idp, "office").await;
        world.idp.clock.advance(Duration::from_secs(10));
        world.policy(&format!("adaptive: {{ {rule} }}")).await;

        let silent = world.office.authorize_with(&[("prompt", "none")]);
        browser.open(silent).await.expect_error("access_denied");
        browser.open(world.office.authorize_url()).await.expect_error_page(403);
        browser.open(device.address()).await.press("continue").await.expect_error_page(403);
        device.poll().await.expect_error("authorization_pending");
        assert_eq!(world.met(&mut browser, &alice).await, "deny", "{rule}");
        assert_eq!(world.met(&mut world.browser(INSIDE), &alice).await, "deny", "{rule}");
        password_grant::ask(&world.office, "alice", &alice.password).await.expect_error("invalid_grant");
        let refreshed = world.office.refresh(&tokens.refresh).await;
        if held {
            refreshed.expect_tokens();
        } else {
            refreshed.expect_error("invalid_grant");
        }
    }
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
