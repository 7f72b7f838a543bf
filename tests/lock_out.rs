//! No configuration is taken that leaves the administrators no way in.

use serde_json::json;

use crate::support::program::Installation;

const APP: &str = "admin: { group: admins }\ntls: { self_signed: {} }\nfactors: { offered: [totp, recovery_code] }\napps:\n  wiki:\n    \
                   redirect_uris: [\"https://wiki.test/cb\"]\n    first_party: true\n    pkce: optional\n    \
                   access: [{ group: everyone, policy: office }]\n";

pub(crate) fn with(policy: &str) -> String {
    format!("{APP}policies:\n  office: {{ {policy} }}\n")
}

pub(crate) fn installed() -> Installation {
    let installation = Installation::with_store(&with(""));
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
    // Scripts are told too.
    let checked = installation.run("check --json", "");
    let told: serde_json::Value = serde_json::from_str(&checked.out).expect("json");
    assert_eq!(
        (checked.code, &told["ok"], &told["problems"][0]["line"]),
        (Some(1), &json!(false), &json!(15))
    );
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
