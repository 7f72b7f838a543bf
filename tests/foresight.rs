//! `gantry policy explain` against the pages, in ten thousand contexts by chance: people, policies, addresses, hours,
//! browsers and habits. `GANTRY_SEED` repeats a run, `GANTRY_CONTEXTS` changes how many there are.

use std::fmt::Write;
use std::time::Duration;

use gantry::cli::admin;
use gantry::clock::Timestamp;
use gantry::login::context::{BY_USER, Habits, SignIn};
use gantry::policy::rule::{Country, Point, Seen};
use gantry::secret::{DeviceToken, Id, Token};
use gantry::store::Batch;
use serde_json::{Value, json};

use crate::support::authenticator_app::{secret_on, totp};
use crate::support::browser::{Page, attribute};
use crate::support::places::{BERLIN, FRANCE, NEW_YORK, write};
use crate::support::{Browser, RelyingParty, TestIdp, TestUser};

/// Numbers that look random and come again with the same seed (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let limit = u64::try_from(limit).expect("small");
        usize::try_from((z ^ (z >> 31)) % limit).expect("small")
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// In `parts` of ten.
    fn often(&mut self, parts: usize) -> bool {
        self.below(10) < parts
    }
}

const ADDRESSES: [&str; 7] = [
    "203.0.113.7",
    "203.0.113.66",
    "198.51.100.7",
    "192.0.2.7",
    "100.64.0.1",
    "2001:db8:1::7",
    "::ffff:203.0.113.8",
];
const VERDICTS: [&str; 3] = ["allow", "challenge", "deny"];
const APPS: [&str; 4] = ["a0", "a1", "a2", "a3"];

/// A policy by chance, as in the file.
fn policy(chance: &mut Chance) -> String {
    let mut text = String::new();
    let first = chance.one(&["password", "password", "password", "any", "passkey", "magic_link"]);
    let second = chance.one(&["never", "never", "if_enrolled", "required"]);
    write!(text, "first_factor: {first}, second_factor: {second}").expect("text");
    if chance.often(2) {
        text += ", grace: 365d";
    }
    let mut parts = vec![format!("action: {}", chance.one(&VERDICTS))];
    if chance.often(3) {
        parts.push(format!(
            "challenge: [{}]",
            chance.one(&["totp", "email_code", "email_code, second_factor", "recovery_code"])
        ));
    }
    let otherwise = |chance: &mut Chance| {
        if chance.often(7) { format!(", otherwise: {}", chance.one(&VERDICTS)) } else { String::new() }
    };
    if chance.often(4) {
        let allow = chance.one(&["203.0.113.0/24", "198.51.100.0/24, 203.0.113.0/24", "\"2001:db8::/32\""]);
        let deny = chance.one(&["", "203.0.113.66/32"]);
        parts.push(format!("network: {{ allow: [{allow}], deny: [{deny}]{} }}", otherwise(chance)));
    }
    if chance.often(4) {
        let window = chance.one(&[
            "days: mon-fri, from: \"07:00\", to: \"20:00\"",
            "from: \"21:00\", to: \"09:30\"",
            "days: sat-mon, from: \"00:00\", to: \"24:00\"",
        ]);
        let zone = chance.one(&["Europe/Berlin", "America/New_York", "UTC"]);
        parts.push(format!("time: {{ zone: {zone}, windows: [{{ {window} }}]{} }}", otherwise(chance)));
    }
    if chance.often(4) {
        let rule = chance.one(&[
            "countries: [DE, FR]",
            "near: [{ lat: 52.5, lon: 13.4, km: 100 }]",
            "impossible_travel_kmh: 900",
            "countries: [US], impossible_travel_kmh: 500",
        ]);
        parts.push(format!("place: {{ {rule}{} }}", otherwise(chance)));
    }
    if chance.often(4) {
        let (key, verdict) =
            (chance.one(&["new_device", "new_country", "new_network"]), chance.one(&VERDICTS));
        parts.push(format!("behaviour: {{ {key}: {verdict}, absent_for: 20d{} }}", otherwise(chance)));
    }
    if chance.often(5) {
        let skips = chance.one(&["", "network", "network, place, time", "behaviour"]);
        let (max, exceeded) = (chance.one(&["1", "2", "9"]), chance.one(&VERDICTS));
        parts.push(format!(
            "devices: {{ register: true, max: {max}, exceeded: {exceeded}, registered_skips: [{skips}] }}"
        ));
    }
    write!(text, ", adaptive: {{ {} }}", parts.join(", ")).expect("text");
    text
}

struct Somebody {
    user: TestUser,
    /// Signed in with the password.
    browser: Browser,
}

struct World {
    idp: TestIdp,
    chance: Chance,
    /// Explanations so far.
    asked: usize,
    apps: Vec<RelyingParty>,
    people: Vec<Somebody>,
    _places: tempfile::TempDir,
}

impl World {
    async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let places = folder.path().join("places.mmdb");
        write(
            &places,
            &[
                ("203.0.113.0/24", BERLIN),
                ("198.51.100.0/24", NEW_YORK),
                ("192.0.2.0/24", FRANCE),
                ("2001:db8:1::/48", BERLIN),
            ],
        );
        let settings = format!(
            "policies: {{ standard: {{}} }}\nfactors: {{ offered: [totp, recovery_code] }}\ngeo: {{ database: \"{}\" }}\n\
             sign_in: {{ session: {{ idle: 365d, absolute: 365d }}, remember_device: 365d }}\n",
            places.display()
        );
        let app = |name: &str| {
            format!(
                "  {name}:\n    redirect_uris: [\"https://{name}.test/cb\"]\n    first_party: true\n    access: [{{ group: everyone, policy: standard }}]\n"
            )
        };
        let idp = TestIdp::setup()
            .behind_proxy()
            .with_settings(&settings)
            .with_apps(&APPS.map(app).concat())
            .start()
            .await;
        let mut apps = Vec::new();
        for name in APPS {
            apps.push(idp.relying_party(name).await);
        }
        idp.gantry("group add staff").await;
        let mut people = Vec::new();
        for (name, options) in [
            ("alice", ""),
            ("bob", ""),
            ("carol", "--group staff"),
            ("dan", "--unverified --email dan@example.org"),
        ] {
            let user = idp.user(name).with(options).create().await;
            let mut browser = idp.browser().coming_from(ADDRESSES[0]);
            browser.open("/login").await.submit_password(&user).await.expect_status(200);
            if matches!(name, "bob" | "carol") {
                let page = crate::account::press(&mut browser, "add", "totp").await.expect_step("enrol");
                let code = totp(&secret_on(&page), idp.app.clock.now().seconds());
                page.submit(&[("code", &code)]).await.press("continue").await.expect_step("account");
                // Back to what the password alone is worth.
                browser.cookies.remove("__Host-gantry_session");
                browser.open("/login").await.submit_password(&user).await.expect_status(200);
            }
            people.push(Somebody { user, browser });
        }
        Self { idp, chance: Chance(seed), asked: 0, apps, people, _places: folder }
    }

    /// Other policies for all apps, and other factors.
    async fn shuffle(&mut self) {
        let chance = &mut self.chance;
        let named: Vec<String> =
            (0..5).map(|number| format!("p{number}: {{ {} }}", policy(chance))).collect();
        let policies = format!("policies: {{ standard: {{}}, {} }}", named.join(", "));
        let offered = chance.one(&[
            "totp, recovery_code",
            "totp, email_code, recovery_code",
            "email_code",
            "passkey, totp",
            "alternate_email_code, totp",
        ]);
        let mut access = Vec::new();
        for _ in APPS {
            let (one, other) = (chance.below(5), chance.below(5));
            access.push(match chance.below(4) {
                0 => format!("    access: [{{ group: staff, policy: p{one} }}]"),
                1 => format!("    access: [{{ group: staff, policy: p{one} }}, {{ group: everyone, policy: p{other} }}]"),
                _ => format!("    access: [{{ group: everyone, policy: p{one} }}]"),
            });
        }
        let edited = |yaml: String| {
            let mut app = None;
            let mut line = |line: &str| {
                if let Some(number) = APPS.iter().position(|name| line == format!("  {name}:")) {
                    app = Some(number);
                }
                match app {
                    _ if line.starts_with("policies:") => policies.clone(),
                    _ if line.starts_with("factors:") => format!("factors: {{ offered: [{offered}] }}"),
                    Some(number) if line.starts_with("    access:") => {
                        app = None;
                        access[number].clone()
                    }
                    _ => line.to_owned(),
                }
            };
            yaml.lines().map(|text| line(text) + "\n").collect()
        };
        self.idp.edit(edited).await.expect("a good configuration");
    }

    /// Somebody's past is another one.
    async fn other_habits(&mut self, who: usize) {
        let now = self.idp.app.clock.now();
        let chance = &mut self.chance;
        let user: Id = self.people[who].user.id.parse().expect("an id");
        let mut habits = Habits::none(user);
        let ago = Duration::from_secs(3600 * u64::try_from(chance.below(900)).expect("small"));
        habits.last = chance.often(8).then_some(now - ago);
        let point = chance.one(&[&(52.52, 13.405), &(40.71, -74.0)]);
        habits.seen = habits
            .last
            .filter(|_| chance.often(7))
            .and_then(|at: Timestamp| Some(Seen { at, point: Point::new(point.0, point.1)? }));
        let country: Country = chance.one(&["DE", "US"]).parse().expect("a country");
        habits.countries = vec![country];
        habits.networks = vec![
            chance.one(&["203.0.113.0/24", "198.51.100.0/24", "2001:db8:1::/48"]).parse().expect("a network"),
        ];
        habits.devices =
            chance.often(5).then(|| device(&self.people[who].browser)).flatten().into_iter().collect();
        self.idp.app.store.apply(Batch::new().put(&habits)).await.expect("store");
    }

    /// `gantry policy explain`, as the running service gets it: to take words apart is much of the work, and is done
    /// for some.
    async fn explained(&mut self, app: usize, who: usize, address: &str, device: &str) -> Value {
        let (app, user) = (APPS[app], &self.people[who].user.username);
        let options = json!({ "app": app, "user": user, "ip": address, "at": null, "device": device });
        let command = serde_json::from_value(json!({ "Policy": { "Explain": options } })).expect("a command");
        let explained = admin::execute(&self.idp.app, command).await.expect("an explanation").json;
        self.asked += 1;
        if self.asked % 100 == 1 {
            let words = format!("policy explain --app {app} --user {user} --ip {address} --device {device}");
            assert_eq!(self.idp.gantry(&words).await, explained, "{words}");
        }
        explained
    }

    /// One context: what is explained is what the page shows.
    async fn silent(&mut self) -> &'static str {
        let (app, who) = (self.chance.below(APPS.len()), self.chance.below(self.people.len()));
        let address = self.chance.one(&ADDRESSES);
        let known = device(&self.people[who].browser).expect("a device");
        let explained = self.explained(app, who, address, &known.to_string()).await;
        let url = self.apps[app].authorize_url();
        let mut browser = self.people[who].browser.clone().coming_from(address);
        let page = browser.open(url).await;
        let met = met(&page);
        let user = &self.people[who].user.username;
        compare(&explained, met, &page, &|| {
            format!("{user} at {} from {address} with {known}:\n{explained:#}\n{}", APPS[app], page.html)
        });
        met
    }

    /// A whole sign-in, which may register the browser and become a habit.
    async fn signed_in(&mut self) {
        let (app, who) = (self.chance.below(APPS.len()), self.chance.below(self.people.len()));
        let address = self.chance.one(&ADDRESSES);
        let fresh = self.chance.often(2);
        let trusts = self.chance.often(8);
        let (url, user) = (self.apps[app].authorize_url(), self.people[who].user.clone());
        let mut browser = self.people[who].browser.clone().coming_from(address);
        if fresh {
            browser = self.idp.browser().coming_from(address);
        }
        let known = if fresh { "new".to_owned() } else { device(&browser).expect("a device").to_string() };
        let explained = self.explained(app, who, address, &known).await;
        browser.cookies.remove("__Host-gantry_session");
        let page = browser.open(url).await.submit_password(&user).await;
        let met = met(&page);
        let who_where = format!("{} signs in at {} from {address} with {known}", user.username, APPS[app]);
        compare(&explained, met, &page, &|| format!("{who_where}:\n{explained:#}\n{}", page.html));
        if page.step().as_deref() == Some("register_device") {
            assert_eq!(explained["step"], "register_device", "{who_where}");
            page.press(if trusts { "trust_device" } else { "skip" }).await.expect_code();
        }
        // A browser that was trusted meanwhile is another one.
        if met == "deny" || explained["step"] == "code" {
            self.compare_reasons(&user, &explained, &who_where).await;
        }
        self.people[who].browser = browser.coming_from(ADDRESSES[0]);
    }
}

impl World {
    /// What is kept of a sign-in that came to its end now says the same of each condition.
    async fn compare_reasons(&self, user: &TestUser, explained: &Value, told: &str) {
        let kept = self.idp.app.store.find::<SignIn>(BY_USER, &user.id, 100).await.expect("store");
        let now = self.idp.app.clock.now();
        let ended = kept.iter().find(|sign_in| sign_in.context.at == now);
        let trace = ended.map_or(json!([]), |sign_in| json!(sign_in.trace));
        assert_eq!(trace, explained["rules"], "{told}: {explained:#}");
    }
}

/// The device that a browser is.
fn device(browser: &Browser) -> Option<Id> {
    Token::<DeviceToken>::parse(browser.cookie("device")?.split('.').next()?).map(|token| token.id())
}

fn met(page: &Page<'_>) -> &'static str {
    match (page.status, page.step().as_deref()) {
        (303, _) | (200, Some("register_device")) => "allow",
        (200, Some(_)) => "challenge",
        (403, None) => "deny",
        (status, step) => panic!("{status} {step:?} {}", page.html),
    }
}

fn compare(explained: &Value, met: &str, page: &Page<'_>, told: &dyn Fn() -> String) {
    assert_eq!(explained["verdict"], met, "{}", told());
    if met == "challenge" {
        assert_eq!(explained["step"].as_str(), page.step().as_deref(), "{}", told());
    }
    if met != "allow" {
        for words in ["title", "text"] {
            let words = explained["page"][words].as_str().expect("words");
            assert!(page.html.contains(words), "{words}: {}", told());
        }
    }
    if met == "deny" {
        assert_eq!(attribute(&page.html, "data-error").as_deref(), Some("access_denied"), "{}", told());
    }
}

#[tokio::test]
async fn what_is_explained_is_what_ten_thousand_pages_do() {
    let number = |name: &str, usual| std::env::var(name).map_or(usual, |text| text.parse().expect(name));
    let (seed, contexts) = (number("GANTRY_SEED", 4), number("GANTRY_CONTEXTS", 10_000));
    println!("GANTRY_SEED={seed}");
    let mut world = World::new(seed).await;
    let mut met = std::collections::BTreeMap::new();
    for turn in 0..contexts {
        if turn % 80 == 0 {
            world.shuffle().await;
        }
        if turn % 10 == 0 {
            let minutes = u64::try_from(world.chance.below(600)).expect("small");
            world.idp.clock.advance(Duration::from_secs(60 * minutes + 31));
            let who = world.chance.below(4);
            match world.chance.below(8) {
                0 | 1 => world.signed_in().await,
                2 | 3 => world.other_habits(who).await,
                _ => {}
            }
        }
        *met.entry(world.silent().await).or_insert(0_u64) += 1;
    }
    println!("{met:?}");
    assert!(met.len() == 3 && met.values().all(|count| count * 20 > contexts), "{met:?}");
}
