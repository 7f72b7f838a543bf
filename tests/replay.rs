//! `gantry policy replay`: what another file would have done with past sign-ins, however many there are.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use gantry::account::User;
use gantry::clock::Clock;
use gantry::login::context::SignIn;
use gantry::secret::Id;
use gantry::store::{Batch, Expect, Record, Store};
use serde_json::Value;

use crate::lock_out::installed;
use crate::support::program::Installation;
use crate::support::{Browser, TestUser};

/// Sign-ins that are kept of each person.
const EACH: usize = 50;
const ELSEWHERE: &str = "adaptive: { network: { allow: [203.0.113.0/24], otherwise: deny } }";

/// Signs in at the built service, to what the app gets.
async fn sign_in(installation: &Installation, user: &TestUser) -> u16 {
    let ca = std::fs::read(installation.path("data/tls/ca.pem")).expect("certificate");
    let mut browser = Browser::at(installation.port, Some(&ca));
    let issuer = format!("https://localhost:{}", installation.port);
    let request = "response_type=code&client_id=wiki&scope=openid&redirect_uri=https%3A%2F%2Fwiki.test%2Fcb";
    let page = browser.open(format!("{issuer}/oauth2/authorize?{request}")).await;
    page.submit_password(user).await.status
}

fn somebody(username: &str) -> TestUser {
    let (username, password) = (username.to_owned(), "quiet horse & staple".to_owned());
    TestUser { username, password, id: String::new() }
}

/// The command that runs the past against the file with another policy.
fn against(installation: &Installation, policy: &str) -> String {
    let old = std::fs::read_to_string(installation.path("gantry.yaml")).expect("the file");
    let text = old.replace("office: {  }", &format!("office: {{ {policy} }}"));
    assert_ne!(text, old);
    std::fs::write(installation.path("new.yaml"), text).expect("written");
    format!("policy replay --days 30 --config {}", installation.path("new.yaml").display())
}

fn json(installation: &Installation, words: &str) -> Value {
    let done = installation.run(&format!("{words} --json"), "").expect_done();
    serde_json::from_str(&done.out).expect("json")
}

#[tokio::test]
async fn past_sign_ins_are_run_against_another_file() {
    let installation = installed();
    let (root, alice) = (somebody("root"), somebody("alice"));
    installation.run("user add alice", "quiet horse & staple\n").expect_done();
    let service = installation.serve();
    assert_eq!((sign_in(&installation, &root).await, sign_in(&installation, &alice).await), (303, 303));
    let new = |policy: &str| against(&installation, policy);
    let json = |words: String| json(&installation, &words);
    let same = json(new("second_factor: if_enrolled"));
    assert_eq!((&same["checked"], same["changed"].as_array().map(Vec::len)), (&2.into(), Some(0)));
    let stricter = json(new("second_factor: required"));
    assert_eq!(stricter["changed"].as_array().map(Vec::len), Some(2));
    let first = &stricter["changed"][0];
    assert_eq!(
        (&first["then"], &first["now"], &first["because"]),
        (&"allow".into(), &"challenge".into(), &"second factor".into())
    );
    let shown = installation.run(&new(ELSEWHERE), "").expect_done();
    assert!(shown.out.starts_with("2 of 2 sign-ins would end in another way\nWHEN"), "{shown:?}");
    assert!(shown.out.contains("alice") && shown.out.contains("network 127.0.0.1"), "{shown:?}");
    assert_eq!(shown.err, "", "nothing is told of work that is short");
    // A file with a mistake is told like any other, and nothing that is in force has changed.
    let wrong = installation.run(&new("second_factor: perhaps"), "");
    assert!(wrong.code == Some(1) && wrong.err.contains("unknown value `perhaps`"), "{wrong:?}");
    assert_eq!(sign_in(&installation, &alice).await, 303);
    // Without a service the same; `--days` looks back so far and no further.
    service.stop();
    assert_eq!(json(new("second_factor: required"))["changed"].as_array().map(Vec::len), Some(3));
    let none = json(new("second_factor: required").replace("--days 30", "--days 0"));
    assert_eq!(none["checked"], 0);
}

/// A long past, written beside no service in the shape that the service gave it.
struct Past {
    file: PathBuf,
    person: User,
    sign_in: SignIn,
    /// Everybody, in the order of the past.
    ids: Vec<Id>,
}

impl Past {
    /// Of nobody yet.
    async fn of(installation: &Installation) -> Self {
        let service = installation.serve();
        assert_eq!(sign_in(installation, &somebody("root")).await, 303);
        service.stop();
        let file = installation.path("data/gantry.redb");
        let store = Store::open_redb(&file, Clock::system()).expect("a store");
        let sign_in = store.scan::<SignIn>(None, 2).await.expect("store").pop().expect("a sign-in").record;
        store.apply(Batch::new().delete::<SignIn>(sign_in.id(), Expect::Any)).await.expect("store");
        let person = store.get::<User>(&sign_in.user.to_string()).await.expect("store").expect("root").record;
        Self { file, person, sign_in, ids: Vec::new() }
    }

    /// Adds the sign-ins with these numbers, fifty of each person, as `change` makes them.
    async fn add(&mut self, numbers: Range<usize>, change: impl Fn(usize, &mut SignIn)) {
        let store = Store::open_redb(&self.file, Clock::system()).expect("a store");
        let numbers: Vec<usize> = numbers.collect();
        for some in numbers.chunks(500) {
            let mut batch = Batch::new();
            for number in some.iter().copied() {
                if number / EACH == self.ids.len() {
                    batch = batch.insert(&self.somebody_new());
                }
                let slot = u64::try_from(number % EACH).expect("small");
                let mut one = SignIn { user: self.ids[number / EACH], slot, ..self.sign_in.clone() };
                change(number, &mut one);
                batch = batch.insert(&one);
            }
            store.apply(batch).await.expect("store");
        }
    }

    /// A person is no more, and only their sign-ins are left.
    async fn lose(&self, person: usize) {
        let store = Store::open_redb(&self.file, Clock::system()).expect("a store");
        let id = self.ids[person].to_string();
        store.apply(Batch::new().delete::<User>(id, Expect::Any)).await.expect("store");
    }

    fn somebody_new(&mut self) -> User {
        let number = self.ids.len();
        let later = Duration::from_millis(u64::try_from(number).expect("small"));
        self.ids.push(Id::new(self.sign_in.context.at + later));
        let username = format!("p{number:03}").parse().expect("a name");
        User { id: self.ids[number], username, email: None, ..self.person.clone() }
    }
}

/// Whose sign-ins are listed, and from where.
fn listed(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let changed = answer["changed"].as_array().expect("a list").iter();
    changed.map(|one| (text(&one["user"]), text(&one["address"]))).collect()
}

/// Each has an address of its own.
fn from_outside(number: usize, sign_in: &mut SignIn) {
    let number = u32::try_from(number).expect("small");
    sign_in.context.address = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + number).into();
}

#[tokio::test]
async fn the_last_of_a_page_and_the_first_of_the_next_are_looked_at_once() {
    let installation = installed();
    let mut past = Past::of(&installation).await;
    let command = against(&installation, ELSEWHERE);
    // All at one instant: what goes on is the place in the store.
    let mut before = 0;
    for count in [1_999, 2_000, 2_001, 4_000, 4_001] {
        past.add(before..count, from_outside).await;
        before = count;
        let answer = json(&installation, &command);
        assert_eq!(answer["checked"], count);
        let expected: Vec<_> = (0..count)
            .map(|number| {
                (format!("p{:03}", number / EACH), format!("10.0.{}.{}", number / 256, number % 256))
            })
            .collect();
        assert!(listed(&answer) == expected, "{count}: {} are listed", listed(&answer).len());
    }
}

#[tokio::test]
async fn a_long_past_is_looked_at_page_by_page_and_told_of_meanwhile() {
    let installation = installed();
    let mut past = Past::of(&installation).await;
    let now = past.sign_in.context.at;
    // The whole second page is too old to count, and of the third every other one would be refused.
    let change = |number: usize, sign_in: &mut SignIn| {
        sign_in.context.address = Ipv4Addr::new(203, 0, 113, 7).into();
        match number / 2_000 {
            1 => sign_in.context.at = now - Duration::from_secs(31 * 24 * 3600),
            2 if number.is_multiple_of(2) => from_outside(number, sign_in),
            _ => {}
        }
    };
    past.add(0..5_150, change).await;
    // Who is gone signs in no more, also at the end of a page.
    past.lose(39).await;
    let service = installation.serve();
    let command = against(&installation, ELSEWHERE);
    let done = installation.run(&format!("{command} --json"), "").expect_done();
    let answer: Value = serde_json::from_str(&done.out).expect("json");
    assert_eq!((answer["checked"].as_u64(), listed(&answer).len()), (Some(3_100), 575));
    assert_eq!(done.err, "gantry: 1950 sign-ins looked at\n".repeat(2));
    service.stop();
}

#[tokio::test]
async fn on_a_terminal_one_line_tells_how_far_it_is_and_goes_away() {
    let installation = installed();
    let mut past = Past::of(&installation).await;
    past.add(0..4_001, |_, _| {}).await;
    let command = against(&installation, "second_factor: required").replace("--days 30", "--days 31");
    let program = env!("CARGO_BIN_EXE_gantry");
    // A terminal for a program that has none (util-linux).
    let ran = Command::new("script").args(["-qec", &format!("{program} {command}"), "/dev/null"]).output();
    let shown = String::from_utf8(ran.expect("script").stdout).expect("text");
    let (told, table) = shown.rsplit_once("\r\u{1b}[K").expect("a line that goes away");
    assert_eq!(
        told, "\r\u{1b}[Kgantry: 2000 sign-ins looked at\r\u{1b}[Kgantry: 4000 sign-ins looked at",
        "{shown:.200}"
    );
    assert!(table.starts_with("4001 of 4001 sign-ins would end in another way\r\n"), "{table:.200}");
}

#[tokio::test]
async fn the_largest_file_is_run_through_the_service_too() {
    let installation = installed();
    let service = installation.serve();
    assert_eq!(sign_in(&installation, &somebody("root")).await, 303);
    let command = against(&installation, ELSEWHERE);
    let new = installation.path("new.yaml");
    let text = std::fs::read_to_string(&new).expect("the file");
    let room = 1024 * 1024 - text.len() - 2;
    std::fs::write(&new, format!("{text}#{}\n", "\"".repeat(room))).expect("written");
    let answer = json(&installation, &command);
    assert_eq!(answer["checked"], 1);
    service.stop();
}
