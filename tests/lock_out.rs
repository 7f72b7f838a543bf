//! No configuration is taken that leaves the administrators no way in; and what another one would have done.

use serde_json::Value;

use crate::support::program::Installation;
use crate::support::{Browser, TestUser};

const APP: &str = "admin: { group: admins }\ntls: { self_signed: {} }\nfactors: { offered: [totp, recovery_code] }\napps:\n  wiki:\n    \
                   redirect_uris: [\"https://wiki.test/cb\"]\n    first_party: true\n    pkce: optional\n    \
                   access: [{ group: everyone, policy: office }]\n";

fn with(policy: &str) -> String {
    format!("{APP}policies:\n  office: {{ {policy} }}\n")
}

fn installed() -> Installation {
    let installation = Installation::new(&with(""));
    installation.run("group add admins", "").expect_done();
    let added = "user add root --email root@example.org --unverified --group admins";
    installation.run(added, "quiet horse & staple\n").expect_done();
    installation
}

#[test]
fn the_people_there_are_count_in_check_and_reload() {
    let installation = installed();
    let mut service = installation.serve();
    // Nobody has a verified address for the link. A link goes to whoever has one, so the file alone is fine.
    installation.configure(&with("first_factor: magic_link"));
    for _ in 0..2 {
        let checked = installation.run("check", "");
        assert_eq!(checked.code, Some(1), "{checked:?}");
        let place = format!("{}:", installation.path("gantry.yaml").display());
        assert!(checked.err.contains(&place), "{}", checked.err);
        assert!(
            checked
                .err
                .contains(": of the administrators there are, none could ever pass the policy `office`"),
            "{}",
            checked.err
        );
        assert!(checked.err.contains('^') && checked.err.contains("= hint: "), "{}", checked.err);
    }
    let told = service.reload();
    assert!(told.contains("was not reloaded"), "{told}");
    // The same without a service.
    service.stop();
    assert_eq!(installation.run("check", "").code, Some(1));
    installation.run("user set root --email root@example.org", "").expect_done();
    installation.run("check", "").expect_done();
}

#[test]
fn whoever_can_enrol_what_is_wanted_is_not_shut_out() {
    let installation = installed();
    for (policy, good) in [
        ("second_factor: required", true),
        ("adaptive: { action: challenge, time: { zone: UTC, windows: [] } }", true),
        ("adaptive: { action: challenge, challenge: [email_code], time: { zone: UTC, windows: [] } }", false),
        ("adaptive: { time: { zone: UTC, windows: [] } }", false),
        ("first_factor: any", true),
        ("first_factor: passkey", false),
    ] {
        installation.configure(&with(policy));
        assert_eq!(installation.run("check", "").code == Some(0), good, "{policy}");
    }
    // A policy that administrators never come under may be as closed as it likes.
    let closed =
        with("").replace("[{ group: everyone", "[{ group: admins, policy: office }, { group: everyone");
    let closed = closed.replace("group: everyone, policy: office", "group: everyone, policy: closed");
    installation
        .configure(&format!("{closed}  closed: {{ adaptive: {{ time: {{ zone: UTC, windows: [] }} }} }}\n"));
    installation.run("check", "").expect_done();
}

/// Signs in at the built service, to what the app gets.
async fn sign_in(installation: &Installation, user: &TestUser) -> u16 {
    let ca = std::fs::read(installation.path("data/tls/ca.pem")).expect("certificate");
    let mut browser = Browser::at(installation.port, Some(&ca));
    let issuer = format!("https://localhost:{}", installation.port);
    let request = "response_type=code&client_id=wiki&scope=openid&redirect_uri=https%3A%2F%2Fwiki.test%2Fcb";
    let page = browser.open(format!("{issuer}/oauth2/authorize?{request}")).await;
    page.submit_password(user).await.status
}

#[tokio::test]
async fn past_sign_ins_are_run_against_another_file() {
    let installation = installed();
    let root = TestUser {
        username: "root".to_owned(),
        password: "quiet horse & staple".to_owned(),
        id: String::new(),
    };
    installation.run("user add alice", "quiet horse & staple\n").expect_done();
    let alice = TestUser { username: "alice".to_owned(), ..root.clone() };
    let service = installation.serve();
    assert_eq!((sign_in(&installation, &root).await, sign_in(&installation, &alice).await), (303, 303));
    let new = |policy: &str| {
        let old = std::fs::read_to_string(installation.path("gantry.yaml")).expect("the file");
        let text = old.replace("office: {  }", &format!("office: {{ {policy} }}"));
        assert_ne!(text, old);
        std::fs::write(installation.path("new.yaml"), text).expect("written");
        format!("policy replay --days 30 --config {}", installation.path("new.yaml").display())
    };
    let json = |words: String| -> Value {
        let done = installation.run(&format!("{words} --json"), "").expect_done();
        serde_json::from_str(&done.out).expect("json")
    };
    let same = json(new("second_factor: if_enrolled"));
    assert_eq!((&same["checked"], same["changed"].as_array().map(Vec::len)), (&2.into(), Some(0)));
    let stricter = json(new("second_factor: required"));
    assert_eq!(stricter["changed"].as_array().map(Vec::len), Some(2));
    let first = &stricter["changed"][0];
    assert_eq!(
        (&first["then"], &first["now"], &first["because"]),
        (&"allow".into(), &"challenge".into(), &"second factor".into())
    );
    let elsewhere = new("adaptive: { network: { allow: [203.0.113.0/24], otherwise: deny } }");
    let shown = installation.run(&elsewhere, "").expect_done().out;
    assert!(shown.starts_with("2 of 2 sign-ins would end in another way\nWHEN"), "{shown}");
    assert!(shown.contains("alice") && shown.contains("network 127.0.0.1"), "{shown}");
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
