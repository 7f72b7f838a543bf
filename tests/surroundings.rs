//! Devices, places and habits in policies: each allows, challenges and denies through the real pages, and tells of it.

mod alerts;
mod challenges;
mod devices;
mod disavowal;
mod every_way;
mod places;
mod trouble;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use gantry::login::context::{self, Habits, SignIn};
use gantry::notify::deliver_due;
use serde_json::Value;

use crate::races::at_once;
use crate::support::authenticator_app::{secret_on, totp};
use crate::support::browser::Page;
use crate::support::idp::Setup;
use crate::support::{Browser, RelyingParty, TestIdp, TestUser, logs};

/// Whoever has an authenticator app is not asked for it unless a condition challenges.
const LAX: &str = "second_factor: never, ";
const OFFICE: &str = r#"
  office:
    redirect_uris: ["https://office.test/cb"]
    first_party: true
    grants: [authorization_code, refresh_token, password, device_code]
    access: [{ group: everyone, policy: office }]
"#;

const INSIDE: &str = "203.0.113.7";
const OUTSIDE: &str = "198.51.100.7";
/// Another network in the country of `INSIDE`.
const NEARBY: &str = "203.0.112.7";

const VERDICTS: [&str; 3] = ["allow", "challenge", "deny"];
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A provider with an app whose policy is `office`.
pub(crate) struct World {
    pub(crate) idp: TestIdp,
    office: RelyingParty,
    seen: BTreeSet<PathBuf>,
}

impl World {
    /// With this policy for the app, and further settings.
    pub(crate) async fn new(policy: &str, settings: &str) -> Self {
        let policies = format!("policies: {{ standard: {{}}, office: {{ {policy} }} }}\n{settings}");
        Self::of(TestIdp::setup().with_settings(&policies)).await
    }

    async fn of(setup: Setup) -> Self {
        let idp = setup.behind_proxy().with_apps(OFFICE).start().await;
        let office = idp.relying_party("office").await;
        Self { idp, office, seen: BTreeSet::new() }
    }

    /// Another policy for the app.
    async fn policy(&self, policy: &str) {
        let line = format!("policies: {{ standard: {{}}, office: {{ {policy} }} }}");
        let replaced = |old: &str| if old.starts_with("policies:") { line.clone() } else { old.to_owned() };
        let edited = |yaml: String| yaml.lines().map(|old| replaced(old) + "\n").collect();
        self.idp.edit(edited).await.expect("a good policy");
    }

    fn browser(&self, address: &str) -> Browser {
        self.idp.browser().coming_from(address)
    }

    /// A person without a second factor.
    async fn person(&self, name: &str) -> TestUser {
        self.idp.user(name).create().await
    }

    /// A person with an authenticator app, who has used this browser at `INSIDE` to sign in to another app.
    async fn enrolled(&self, name: &str) -> (Enrolled, Browser) {
        let user = self.person(name).await;
        let c1 = self.idp.relying_party("c1").await;
        let mut browser = self.browser(INSIDE);
        let page = browser.open(c1.authorize_with(&[("claims", AAL2)])).await.submit_password(&user).await;
        let secret = secret_on(&page.expect_step("enrol"));
        let page = browser.open(c1.authorize_with(&[("claims", AAL2)])).await.expect_step("enrol");
        let secret = Some(secret_on(&page)).filter(|other| *other != secret).expect("another secret");
        let enrolled = Enrolled { user, secret };
        let code = enrolled.code(self);
        page.submit(&[("code", &code)]).await.press("continue").await.expect_code();
        browser.cookies.remove("__Host-gantry_session");
        (enrolled, browser)
    }

    /// What the password of `user` leads to at `browser`.
    async fn attempt<'b>(&self, browser: &'b mut Browser, user: &TestUser) -> Page<'b> {
        browser.cookies.remove("__Host-gantry_session");
        browser.open(self.office.authorize_url()).await.submit_password(user).await
    }

    async fn met(&self, browser: &mut Browser, user: &TestUser) -> &'static str {
        met(&self.attempt(browser, user).await)
    }

    /// The browser is trusted at the end.
    async fn trust(&self, browser: &mut Browser, user: &TestUser) {
        let page = self.attempt(browser, user).await.expect_step("register_device");
        page.press("trust_device").await.expect_code();
    }

    /// What has been mailed since the last look.
    async fn letters(&mut self) -> Vec<String> {
        while deliver_due(&self.idp.app).await.expect("store") > 0 {}
        let folder = std::fs::read_dir(self.idp.app.config().data_dir.join("mail"));
        let paths = folder.into_iter().flatten().map(|entry| entry.expect("entry").path());
        let fresh: Vec<PathBuf> = paths.filter(|path| self.seen.insert(path.clone())).collect();
        let read = |path: &PathBuf| std::fs::read_to_string(path).expect("text").replace("=\r\n", "");
        fresh.iter().map(read).collect()
    }

    async fn devices(&self, who: &str) -> Vec<Value> {
        let listed = self.idp.gantry(&format!("device list --user {who}")).await;
        listed.as_array().expect("a list").clone()
    }

    /// How many of their devices are registered.
    async fn registered(&self, who: &str) -> usize {
        let registered = |device: &Value| device["registered_for"] == serde_json::json!(["office"]);
        self.devices(who).await.iter().filter(|device| registered(device)).count()
    }
}

const AAL2: &str = r#"{"id_token":{"acr":{"essential":true,"values":["aal2"]}}}"#;

struct Enrolled {
    user: TestUser,
    secret: Vec<u8>,
}

impl Enrolled {
    /// The code of the next half minute.
    fn code(&self, world: &World) -> String {
        world.idp.clock.advance(Duration::from_secs(30));
        totp(&self.secret, world.idp.app.clock.now().seconds())
    }
}

/// What a page comes to.
fn met(page: &Page<'_>) -> &'static str {
    match (page.status, page.step().as_deref()) {
        (303, _) => "allow",
        (200, Some("register_device")) => "asks to trust",
        (200, Some("totp")) => "challenge",
        (403, None) => "deny",
        (status, step) => panic!("{status} {step:?} {}", page.html),
    }
}

/// Each change of habits, with each verdict of its own: `change` makes it after a usual sign-in at `INSIDE`.
async fn each_verdict(world: &World, key: &str, change: impl Fn(&World, Browser) -> Browser) {
    for verdict in VERDICTS {
        let rule = match key {
            "absent_for" => format!("absent_for: 30d, otherwise: {verdict}"),
            _ => format!("{key}: {verdict}"),
        };
        world.policy(&format!("{LAX}adaptive: {{ behaviour: {{ {rule} }} }}")).await;
        let (alice, (bob, browser)) = (
            world.person(&format!("alice-{key}-{verdict}")).await,
            world.enrolled(&format!("bob-{key}-{verdict}")).await,
        );
        let mut own = world.browser(INSIDE);
        assert_eq!(world.met(&mut own, &alice).await, "allow", "{key}: the first sign-in is like them");
        assert_eq!(world.met(&mut own, &alice).await, "allow", "{key}: as usual");
        let mut browser = browser;
        assert_eq!(world.met(&mut browser, &bob.user).await, "allow", "{key}: as usual");
        let (mut own, mut browser) = (change(world, own), change(world, browser));
        let expected = if verdict == "allow" { "allow" } else { "deny" };
        assert_eq!(world.met(&mut own, &alice).await, expected, "{key}: {verdict}, without a factor");
        let page = world.attempt(&mut browser, &bob.user).await;
        assert_eq!(met(&page), verdict, "{key}: {verdict}, with a factor");
        if verdict == "challenge" {
            let code = bob.code(world);
            page.submit(&[("code", &code)]).await.expect_code();
            assert_eq!(world.met(&mut browser, &bob.user).await, "allow", "{key}: what was proved is usual");
        }
    }
}

#[tokio::test]
async fn a_new_device_allows_challenges_or_denies() {
    let world = World::new("", "").await;
    each_verdict(&world, "new_device", |world, _| world.browser(INSIDE)).await;
}

#[tokio::test]
async fn a_new_network_allows_challenges_or_denies() {
    let world = World::new("", "").await;
    each_verdict(&world, "new_network", |_, browser| browser.coming_from(NEARBY)).await;
}

#[tokio::test]
async fn a_long_absence_allows_challenges_or_denies() {
    let world = World::new("", "").await;
    let away = |world: &World, browser| {
        world.idp.clock.advance(DAY * 20);
        browser
    };
    each_verdict(&world, "absent_for", away).await;
}

#[tokio::test]
async fn a_new_country_allows_challenges_or_denies() {
    let (_folder, settings) = places::usual();
    let world = World::new("", &settings).await;
    each_verdict(&world, "new_country", |_, browser| browser.coming_from(OUTSIDE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_sign_ins_at_once_none_is_forgotten_and_of_many_none_fails() {
    let settings = "policies: { standard: {}, office: {} }\n";
    let world = World::of(TestIdp::setup().with_settings(settings).with_workers(4)).await;
    let store = &world.idp.app.store;
    for (round, together) in [2, 2, 2, 2, 2, 2, 16].into_iter().enumerate() {
        let alice = world.person(&format!("alice{round}")).await;
        let mut browsers = Vec::new();
        for n in 0..together {
            let mut browser = world.browser(&format!("203.0.{n}.7"));
            browser.open("/login").await.submit_password(&alice).await.expect_status(200);
            browsers.push(browser);
        }
        let browsers = std::cell::RefCell::new(browsers);
        let replies = at_once(together, || {
            let mut browser = browsers.borrow_mut().pop().expect("a browser");
            let url = world.office.authorize_url();
            async move { (browser.open(url).await.status, String::new()) }
        });
        assert!(replies.await.iter().all(|(status, _)| *status == 303));
        let habits = store.get::<Habits>(&alice.id).await.expect("store").expect("habits");
        let past = store.find::<SignIn>(context::BY_USER, &alice.id, 99).await.expect("store");
        let learnt = [habits.networks.len(), habits.devices.len(), habits.sessions.len(), past.len()];
        assert!(together > 2 || learnt == [2; 4], "round {round}: {learnt:?}");
    }
}

#[tokio::test]
async fn a_weak_app_does_not_teach_a_strict_one() {
    // Whoever has the password alone signs in to the weak app first: the strict one still wants more.
    let world = World::new(&format!("{LAX}adaptive: {{ behaviour: {{ new_device: challenge }} }}"), "").await;
    let (bob, mut browser) = world.enrolled("bob").await;
    assert_eq!(world.met(&mut browser, &bob.user).await, "allow");
    world.idp.gantry("user reset-factors bob").await;
    let weak = world.idp.relying_party("c1").await;
    let mut thief = world.browser(INSIDE);
    weak.code(&mut thief, &bob.user).await;
    assert_eq!(world.met(&mut thief, &bob.user).await, "deny");
    assert_eq!(world.met(&mut browser, &bob.user).await, "allow");
}
