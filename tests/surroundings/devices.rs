//! Devices that people trust, and what that is good for.

use super::*;
use crate::account::press;

/// Only from inside, but for registered devices.
fn only_inside(devices: &str) -> String {
    format!(
        "adaptive: {{ network: {{ allow: [203.0.113.0/24], deny: [192.0.2.66/32], otherwise: deny }}, \
         devices: {{ register: true, registered_skips: [network], {devices} }} }}"
    )
}

#[tokio::test]
async fn a_trusted_browser_makes_up_for_conditions_that_say_so() {
    let world = World::new(&only_inside("max: 2"), "").await;
    let alice = world.person("alice").await;
    let mut browser = world.browser(INSIDE);
    world.trust(&mut browser, &alice).await;
    assert_eq!(world.met(&mut browser, &alice).await, "allow", "it is not asked again");
    let mut browser = browser.coming_from(OUTSIDE);
    assert_eq!(world.met(&mut browser, &alice).await, "allow");
    assert_eq!(world.met(&mut world.browser(OUTSIDE), &alice).await, "deny", "another one is not trusted");
    // Nobody comes in from a network that is named as bad.
    assert_eq!(world.met(&mut browser.clone().coming_from("192.0.2.66"), &alice).await, "deny");
    // DT-01: it is one person's.
    let bob = world.person("bob").await;
    assert_eq!(world.met(&mut browser.clone(), &bob).await, "deny");
    assert_eq!(world.met(&mut browser, &alice).await, "allow", "... and no worse for it");
}

#[tokio::test]
async fn a_trusted_browser_alone_signs_nobody_in_and_proves_nothing() {
    // DT-06
    let world = World::new(&only_inside("max: 2"), "").await;
    let alice = world.person("alice").await;
    let mut browser = world.browser(INSIDE);
    world.trust(&mut browser, &alice).await;
    browser.cookies.remove("__Host-gantry_session");
    browser.open(world.office.authorize_url()).await.expect_step("password");
    let silent = world.office.authorize_with(&[("prompt", "none")]);
    browser.open(silent).await.expect_error("login_required");
    // Neither an `acr` that an app demands ...
    let demanding = world.office.authorize_with(&[("claims", AAL2)]);
    browser.open(&demanding).await.submit_password(&alice).await.expect_step("enrol");
    // ... nor a second factor that was enrolled.
    let (bob, mut browser) = world.enrolled("bob").await;
    let page = world.attempt(&mut browser, &bob.user).await.expect_step("totp");
    let page = page.submit(&[("code", &bob.code(&world))]).await.expect_step("register_device");
    page.press("trust_device").await.expect_code();
    let page = world.attempt(&mut browser, &bob.user).await.expect_step("totp");
    let code = page.submit(&[("code", &bob.code(&world))]).await.expect_code();
    let claims = world.office.redeem(&code).await.expect_tokens().id_claims();
    assert_eq!(claims["amr"], serde_json::json!(["pwd", "otp", "mfa"]));
}

#[tokio::test]
async fn who_does_not_want_to_trust_it_is_asked_again_a_month_later() {
    let world = World::new(&only_inside("max: 2"), "").await;
    let alice = world.person("alice").await;
    let mut browser = world.browser(INSIDE);
    let page = world.attempt(&mut browser, &alice).await.expect_step("register_device");
    page.press("skip").await.expect_code();
    assert_eq!(world.met(&mut browser, &alice).await, "allow");
    assert_eq!(world.registered("alice").await, 0);
    world.idp.clock.advance(DAY * 16);
    assert_eq!(world.met(&mut browser, &alice).await, "allow");
    world.idp.clock.advance(DAY * 15);
    assert_eq!(world.met(&mut browser, &alice).await, "asks to trust");
}

#[tokio::test]
async fn one_device_more_allows_challenges_or_denies() {
    // `exceeded` counts, whatever the policy's `action` is.
    for (action, exceeded) in [("deny", "allow"), ("allow", "challenge"), ("allow", "deny")] {
        let rule = format!(
            "{LAX}adaptive: {{ action: {action}, devices: {{ register: true, max: 1, exceeded: {exceeded} }} }}"
        );
        let mut world = World::new(&rule, "").await;
        let alice = world.person("alice").await;
        let mut first = world.browser(INSIDE);
        world.trust(&mut first, &alice).await;
        assert_eq!(world.met(&mut first, &alice).await, "allow");
        let mut second = world.browser(INSIDE);
        let expected = if exceeded == "allow" { "allow" } else { "deny" };
        assert_eq!(world.met(&mut second, &alice).await, expected, "{exceeded}");
        let letters = world.letters().await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert!(letters[0].contains("Subject: One device more") && letters[0].contains("/account"));
        let (bob, mut browser) = world.enrolled("bob").await;
        let page = world.attempt(&mut browser, &bob.user).await;
        assert_eq!(met(&page), "allow", "his first is not offered without his factor");
        world.policy(&rule.replace(LAX, "")).await;
        let page = world.attempt(&mut browser, &bob.user).await.expect_step("totp");
        let page = page.submit(&[("code", &bob.code(&world))]).await.expect_step("register_device");
        page.press("trust_device").await.expect_code();
        let mut other = world.browser(INSIDE);
        let page = world.attempt(&mut other, &bob.user).await;
        // Who is denied is not asked for anything.
        assert_eq!(met(&page), if exceeded == "deny" { "deny" } else { "challenge" }, "{exceeded}");
    }
}

#[tokio::test]
async fn of_two_that_are_asked_only_one_can_be_the_last() {
    let world = World::new(&only_inside("max: 1, exceeded: allow"), "").await;
    let alice = world.person("alice").await;
    let (mut one, mut two) = (world.browser(INSIDE), world.browser(INSIDE));
    let first = world.attempt(&mut one, &alice).await.expect_step("register_device");
    let second = world.attempt(&mut two, &alice).await.expect_step("register_device");
    first.press("trust_device").await.expect_code();
    second.press("trust_device").await.expect_code();
    assert_eq!(world.registered("alice").await, 1);
}

#[tokio::test]
async fn trust_is_not_taken_before_everything_is_proved() {
    // DT-05
    let world = World::new(&only_inside("max: 1"), "").await;
    let (bob, mut browser) = world.enrolled("bob").await;
    let page = world.attempt(&mut browser, &bob.user).await.expect_step("totp");
    page.press("trust_device").await.expect_status(403);
    assert_eq!(world.registered("bob").await, 0);
    // A policy that became stricter while the page was open is met first.
    let alice = world.person("alice").await;
    let mut browser = world.browser(INSIDE);
    let page = world.attempt(&mut browser, &alice).await.expect_step("register_device");
    world.policy(&format!("second_factor: required, {}", only_inside("max: 1"))).await;
    page.press("trust_device").await.expect_step("enrol");
    assert_eq!(world.registered("alice").await, 0);
}

#[tokio::test]
async fn trust_ends_with_what_it_was_given_for() {
    // DT-04
    let world = World::new(&only_inside("max: 9"), "").await;
    let mut alice = world.person("alice").await;
    let away = |browser: &Browser| browser.clone().coming_from(OUTSIDE);
    for what in ["password", "reset-password", "logout", "factor", "revoke", "forget", "policy"] {
        let mut browser = world.browser(INSIDE);
        world.trust(&mut browser, &alice).await;
        assert_eq!(world.met(&mut away(&browser), &alice).await, "allow", "{what}");
        world.idp.clock.advance(Duration::from_secs(60));
        world.met(&mut browser, &alice).await;
        match what {
            "password" => {
                let new = [("password", "quite another one"), ("password_again", "quite another one")];
                press(&mut browser, "action", "password").await.submit(&new).await.expect_step("account");
                alice = alice.typing("quite another one");
            }
            "reset-password" => {
                world.idp.gantry_typing("user reset-password alice", "set by an admin").await;
                alice = alice.typing("set by an admin");
            }
            "logout" => drop(world.idp.gantry("user logout alice").await),
            "factor" => {
                let page = press(&mut browser, "add", "totp").await.expect_step("enrol");
                let code = totp(&secret_on(&page), world.idp.app.clock.now().seconds());
                page.submit(&[("code", &code)]).await.press("continue").await.expect_step("account");
                assert_eq!(world.registered("alice").await, 0, "{what}");
                world.idp.gantry("user reset-factors alice").await;
            }
            "revoke" => {
                for device in world.devices("alice").await {
                    world
                        .idp
                        .gantry(&format!("device revoke {}", device["id"].as_str().expect("an id")))
                        .await;
                }
            }
            "forget" => {
                let page = browser.open("/account").await.expect_step("account");
                assert!(page.html.contains("· trusted"), "{}", page.html);
                let ids = world.devices("alice").await;
                for id in ids.iter().filter_map(|device| device["id"].as_str()) {
                    press(&mut browser, "forget", id).await.expect_step("account");
                }
                assert_eq!(world.devices("alice").await, Vec::<Value>::new());
            }
            _ => world.policy(&only_inside("max: 8")).await,
        }
        assert_eq!(world.registered("alice").await, 0, "{what}");
        assert_eq!(world.met(&mut away(&browser), &alice).await, "deny", "{what}");
    }
}

#[tokio::test]
async fn devices_are_forgotten_by_their_owner_only() {
    let world = World::new(&only_inside("max: 9"), "").await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut browser = world.browser(INSIDE);
    world.trust(&mut browser, &alice).await;
    let id = world.devices("alice").await[0]["id"].as_str().expect("an id").to_owned();
    let mut other = world.browser(INSIDE);
    world.trust(&mut other, &bob).await;
    press(&mut other, "forget", &id).await.expect_status(404);
    assert_eq!(world.registered("alice").await, 1);
    assert!(world.idp.try_gantry("device revoke nonsense", None).await.is_err());
    assert_eq!(world.idp.gantry("device list").await.as_array().expect("a list").len(), 2);
    // What is left of somebody who is deleted is nothing.
    world.idp.gantry("user delete alice").await;
    assert_eq!(world.idp.gantry("device list").await.as_array().expect("a list").len(), 1);
    assert!(world.idp.try_gantry(&format!("device revoke {id}"), None).await.is_err());
}

#[tokio::test]
async fn a_copy_is_noticed_by_the_older_value_and_ends_the_device() {
    // DT-01
    let mut world = World::new(&only_inside("max: 2"), "").await;
    let alice = world.person("alice").await;
    let mut browser = world.browser(INSIDE);
    world.trust(&mut browser, &alice).await;
    let mut thief = browser.clone().coming_from(OUTSIDE);
    world.idp.clock.advance(Duration::from_secs(60));
    let mut browser = browser.coming_from(OUTSIDE);
    assert_eq!(world.met(&mut browser, &alice).await, "allow");
    // Two requests of one browser may carry the value before.
    world.idp.clock.advance(Duration::from_secs(5));
    assert_eq!(world.met(&mut thief.clone(), &alice).await, "allow");
    world.idp.clock.advance(Duration::from_secs(20));
    world.letters().await;
    assert_eq!(world.met(&mut thief, &alice).await, "deny");
    assert_eq!(world.met(&mut browser, &alice).await, "deny", "it is trusted no more in either place");
    let letters = world.letters().await.concat();
    assert!(letters.contains("a browser that you trusted was copied"), "{letters}");
}

#[tokio::test]
async fn cookies_that_nobody_gave_out_mean_nothing() {
    // DT-03
    let mut world = World::new(&only_inside("max: 2"), "").await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut browser, mut bobs) = (world.browser(INSIDE), world.browser(INSIDE));
    world.trust(&mut browser, &alice).await;
    world.trust(&mut bobs, &bob).await;
    let (good, other) =
        (browser.cookie("device").expect("one").to_owned(), bobs.cookie("device").expect("one").to_owned());
    let middle = good.len() / 2;
    let altered = format!("{}{}", &good[..good.len() - 1], if good.ends_with('A') { 'B' } else { 'A' });
    let swapped = format!("{}{}", &good[..middle], &other[middle..]);
    let many = format!("{other}.{other}.{other}.{other}.{good}");
    for wrong in [&altered, &swapped, &other, &many, "", ".", "gd_", &"x".repeat(4000)] {
        let mut forger = world.browser(OUTSIDE);
        forger.cookies.insert("__Host-gantry_device".to_owned(), (*wrong).to_owned());
        assert_eq!(world.met(&mut forger, &alice).await, "deny", "{wrong}");
    }
    let letters = world.letters().await.concat();
    assert!(!letters.contains("copied"), "{letters}");
    assert_eq!(world.met(&mut browser.clone().coming_from(OUTSIDE), &alice).await, "allow");
    // It ends by itself when it is not used.
    world.idp.clock.advance(DAY * 31);
    assert_eq!(world.met(&mut browser.coming_from(OUTSIDE), &alice).await, "deny");
}

#[tokio::test]
async fn a_browser_knows_several_people() {
    let world = World::new(&only_inside("max: 2"), "").await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut shared = world.browser(INSIDE);
    world.trust(&mut shared, &alice).await;
    world.trust(&mut shared, &bob).await;
    let mut shared = shared.coming_from(OUTSIDE);
    assert_eq!(
        (world.met(&mut shared, &alice).await, world.met(&mut shared, &bob).await),
        ("allow", "allow")
    );
}

#[tokio::test]
async fn nobody_collects_devices_without_end() {
    let world = World::new(&only_inside("max: 2"), "").await;
    let alice = world.person("alice").await;
    let mut browser = world.browser(INSIDE);
    world.trust(&mut browser, &alice).await;
    crowd(&world, &alice, 10_000).await;
    // Whatever was there becomes less with each new one, and what is registered stays.
    for _ in 0..12 {
        assert_eq!(world.met(&mut world.browser(INSIDE), &alice).await, "asks to trust");
    }
    assert_eq!((world.registered("alice").await, world.devices("alice").await.len()), (1, 100));
    assert_eq!(world.met(&mut browser.coming_from(OUTSIDE), &alice).await, "allow");
    world.idp.gantry("user delete alice").await;
    assert_eq!(world.devices_left().await, 0);
}

/// Devices as an older version, which kept as many as came, would have left them.
async fn crowd(world: &World, user: &TestUser, count: usize) {
    let app = &world.idp.app;
    let found = app.store.scan::<gantry::login::device_trust::Device>(None, 10).await.expect("store");
    let model = found.into_iter().find(|device| device.user.to_string() == user.id).expect("a device");
    let ids: Vec<usize> = (0..count).collect();
    for some in ids.chunks(500) {
        let mut batch = gantry::store::Batch::new();
        for _ in some {
            let id = gantry::secret::Id::new(app.clock.now());
            let device = gantry::login::device_trust::Device {
                id,
                trusted: std::collections::BTreeMap::new(),
                ..model.record.clone()
            };
            batch = batch.insert(&device);
        }
        app.store.apply(batch).await.expect("store");
    }
}

impl World {
    async fn devices_left(&self) -> usize {
        self.idp.gantry("device list").await.as_array().expect("a list").len()
    }
}
