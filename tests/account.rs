//! A person's own account: what proves them, and where they are signed in.

use std::time::Duration;

use serde_json::json;

use crate::support::authenticator_app::{secret_on, totp};
use crate::support::browser::Page;
use crate::support::{Browser, TestIdp, TestUser};

/// Presses a button of the account's page.
pub(crate) async fn press<'b>(browser: &'b mut Browser, name: &str, value: &str) -> Page<'b> {
    let page = browser.open("/account").await.expect_step("account");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    browser.post(&action, &[("csrf", &csrf), (name, value)]).await
}

async fn signed_in(idp: &TestIdp, user: &TestUser) -> Browser {
    let mut browser = idp.browser();
    let page = browser.open("/login").await.submit_password(user).await;
    assert_eq!(page.status, 200);
    browser
}

fn code(idp: &TestIdp, secret: &[u8]) -> String {
    totp(secret, idp.app.clock.now().seconds())
}

/// Sets up an authenticator app: its secret.
async fn enrol(idp: &TestIdp, browser: &mut Browser) -> Vec<u8> {
    let page = press(browser, "add", "totp").await.expect_step("enrol");
    let secret = secret_on(&page);
    let page = page.submit(&[("code", &code(idp, &secret))]).await.expect_step("recovery_codes");
    page.press("continue").await.expect_step("account");
    secret
}

#[tokio::test]
async fn a_person_adds_replaces_and_removes_a_factor() {
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let mut browser = signed_in(&idp, &alice).await;
    let first = enrol(&idp, &mut browser).await;
    assert_eq!(idp.gantry("user show alice").await["second_factors"], json!(["totp", "recovery_codes"]));
    let second = enrol_again(&idp, &mut browser).await;
    assert_ne!(first, second);
    // Kept after all, then removed; the recovery codes go with the last factor.
    press(&mut browser, "remove", "totp")
        .await
        .expect_step("remove")
        .press("deny")
        .await
        .expect_step("account");
    assert_eq!(idp.gantry("user show alice").await["second_factors"], json!(["totp", "recovery_codes"]));
    press(&mut browser, "remove", "totp").await.press("continue").await.expect_step("account");
    assert_eq!(idp.gantry("user show alice").await["second_factors"], json!([]));
}

async fn enrol_again(idp: &TestIdp, browser: &mut Browser) -> Vec<u8> {
    let page = press(browser, "add", "totp").await.expect_step("enrol");
    let secret = secret_on(&page);
    page.submit(&[("code", &code(idp, &secret))]).await.expect_step("account");
    secret
}

#[tokio::test]
async fn changes_want_everything_proved_a_moment_ago() {
    // SE-10, TO-07, WA-10
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let secret = enrol(&idp, &mut signed_in(&idp, &alice).await).await;
    // A session that has proved the password alone.
    let mut browser = signed_in(&idp, &alice).await;
    for (name, value) in
        [("add", "totp"), ("remove", "totp"), ("add", "recovery_codes"), ("action", "password")]
    {
        press(&mut browser, name, value).await.expect_step("totp");
    }
    idp.clock.advance(Duration::from_secs(30));
    let page = press(&mut browser, "add", "recovery_codes").await;
    let page = page.submit(&[("code", &code(&idp, &secret))]).await.expect_step("recovery_codes");
    page.press("continue").await.expect_step("account");
    press(&mut browser, "action", "password").await.expect_step("new_password");
    // Twenty minutes later both are asked for again.
    idp.clock.advance(Duration::from_secs(20 * 60));
    let page = press(&mut browser, "remove", "totp").await.expect_step("password");
    let page = page.submit(&[("password", &alice.password)]).await.expect_step("totp");
    page.submit(&[("code", &code(&idp, &secret))]).await.expect_step("remove");
}

#[tokio::test]
async fn a_page_that_was_held_open_changes_nothing_without_what_was_enrolled_since() {
    // TO-07
    // However long it is held: its session may be older by then than a change allows.
    for ((name, value, step), held) in [("action", "password", "new_password"), ("add", "totp", "enrol")]
        .into_iter()
        .flat_map(|page| [(page, 0), (page, 11 * 60)])
    {
        let idp = TestIdp::start().await;
        let alice = idp.user("alice").create().await;
        let mut thief = signed_in(&idp, &alice).await;
        let page = press(&mut thief, name, value).await.expect_step(step);
        idp.clock.advance(Duration::from_secs(held));
        enrol(&idp, &mut signed_in(&idp, &alice).await).await;
        let code = if step == "enrol" { code(&idp, &secret_on(&page)) } else { String::new() };
        let new = "a password of the thief";
        let form = [("code", code.as_str()), ("password", new), ("password_again", new)];
        let asked = if held == 0 { "totp" } else { "password" };
        page.submit(&form).await.expect_step(asked);
        signed_in(&idp, &alice).await;
    }
}

#[tokio::test]
async fn what_proved_somebody_ends_with_what_it_opened() {
    // SE-07: whoever has the lost phone is out, and so are the tokens
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await.asking_for("openid offline_access");
    for removed_by in ["alice", "an administrator", "another phone"] {
        let mut browser = signed_in(&idp, &alice).await;
        let secret = enrol(&idp, &mut browser).await;
        idp.clock.advance(Duration::from_secs(30));
        let mut lost = idp.browser();
        let page = lost.open(c1.authorize_url()).await.submit_password(&alice).await.expect_step("totp");
        let code = page.submit(&[("code", &code(&idp, &secret))]).await.expect_code();
        let tokens = c1.redeem(&code).await.expect_tokens();
        match removed_by {
            "alice" => {
                press(&mut browser, "remove", "totp").await.press("continue").await.expect_step("account");
                browser.open("/account").await.expect_step("account");
            }
            "another phone" => {
                enrol_again(&idp, &mut browser).await;
                browser.open("/account").await.expect_step("account");
            }
            _ => {
                idp.gantry("user reset-factors alice").await;
                browser.open("/account").await.expect_step("password");
            }
        }
        lost.open("/account").await.expect_step("password");
        c1.userinfo(&tokens.access).await.expect_error("invalid_token");
        c1.refresh(&tokens.refresh).await.expect_error("invalid_grant");
    }
}

#[tokio::test]
async fn what_stands_in_for_a_factor_is_nobodys_only_one() {
    // KB-01
    let idp = TestIdp::setup()
        .with_settings("factors: { offered: [totp, grid, kba, recovery_code] }\n")
        .start()
        .await;
    let alice = idp.user("alice").create().await;
    let mut browser = signed_in(&idp, &alice).await;
    for kind in ["grid", "kba"] {
        let page = browser.open("/account").await.expect_step("account");
        assert!(!page.html.contains(&format!("value=\"{kind}\"")), "{}", page.html);
        press(&mut browser, "add", kind).await.expect_error_page(403);
    }
    enrol(&idp, &mut browser).await;
    let page = press(&mut browser, "add", "grid").await.expect_step("enrol");
    let action = page.action();
    let csrf = page.field("csrf").expect("csrf");
    // The factor is removed while the page for the card is open.
    press(&mut browser, "remove", "totp").await.press("continue").await.expect_step("account");
    let page = browser.post(&action, &[("csrf", &csrf), ("action", "continue")]).await;
    assert!(page.status >= 400, "{}", page.status);
    assert_eq!(idp.gantry("user show alice").await["second_factors"], json!([]));
}

#[tokio::test]
async fn whoever_is_somebody_else_gets_to_their_own_account() {
    let idp = TestIdp::start().await;
    let (alice, bob) = (idp.user("alice").create().await, idp.user("bob").create().await);
    let mut browser = signed_in(&idp, &alice).await;
    idp.clock.advance(Duration::from_secs(20 * 60));
    let page = press(&mut browser, "action", "password").await.expect_step("password");
    let page = page.press("other_user").await.expect_step("password");
    // Not to the change that somebody else wanted.
    let page = page.submit_password(&bob).await.expect_step("account");
    assert!(page.html.contains("bob"), "{}", page.html);
}

#[tokio::test]
async fn a_new_password_ends_what_began_under_the_old() {
    let idp = TestIdp::start().await;
    let mut alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut other = idp.browser();
    let tokens = c1.sign_in(&mut other, &alice).await;
    let mut browser = signed_in(&idp, &alice).await;
    let page = press(&mut browser, "action", "password").await.expect_step("new_password");
    let page = page.submit(&[("password", "short"), ("password_again", "short")]).await.expect_status(422);
    let page = page.submit(&[("password", "long enough now"), ("password_again", "long enough no")]).await;
    let page = page.expect_status(422).expect_step("new_password");
    let page = page.submit(&[("password", "long enough now"), ("password_again", "long enough now")]).await;
    page.expect_step("account");
    browser.open("/account").await.expect_step("account");
    other.open("/account").await.expect_step("password");
    c1.refresh(&tokens.refresh).await.expect_error("invalid_grant");
    let old = idp.browser().open("/login").await.submit_password(&alice).await.status;
    alice.password = "long enough now".to_owned();
    signed_in(&idp, &alice).await;
    assert_eq!(old, 422);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner_alone() {
    // SE-08
    let idp = TestIdp::start().await;
    let (alice, bob) = (idp.user("alice").create().await, idp.user("bob").create().await);
    let mut here = signed_in(&idp, &alice).await;
    let mut there = signed_in(&idp, &alice).await;
    let mut of_bob = signed_in(&idp, &bob).await;
    let page = of_bob.open("/account").await;
    assert!(!page.html.contains("name=\"end\""));
    let page = here.open("/account").await;
    let (_, rest) = page.html.split_once("name=\"end\" value=\"").expect("another session");
    let id = rest.split_once('"').expect("its end").0.to_owned();
    let missing = "018f0000-0000-7000-8000-000000000000";
    let mut answers = Vec::new();
    for id in [&*id, missing, "x"] {
        let page = of_bob.open("/account").await;
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        answers.push(of_bob.post(&action, &[("csrf", &csrf), ("end", id)]).await.status);
    }
    assert_eq!(answers, [answers[0]; 3]);
    there.open("/account").await.expect_step("account");
    press(&mut here, "end", &id).await.expect_step("account");
    // Whoever signs in from there gets there.
    let page = there.open("/account").await.expect_step("password");
    page.submit_password(&alice).await.expect_step("account");
}

#[tokio::test]
async fn nobody_elses_page_changes_an_account() {
    // AZ-30
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let mut browser = signed_in(&idp, &alice).await;
    for form in [vec![("action", "password")], vec![("action", "password"), ("csrf", "x")]] {
        browser.post("/account", &form).await.expect_error_page(403);
    }
    let csrf = browser.open("/account").await.field("csrf").expect("csrf");
    for form in [[("add", "nothing")], [("remove", "totp")], [("action", "")]] {
        let form: Vec<_> = form.into_iter().chain([("csrf", csrf.as_str())]).collect();
        browser.post("/account", &form).await.expect_error_page(403);
    }
}

#[test]
fn every_kind_of_factor_is_found_by_its_name() {
    for kind in gantry::factor::FactorKind::ALL {
        assert_eq!(gantry::factor::FactorKind::parse(kind.name()), Some(*kind));
    }
    for method in gantry::factor::Method::ALL {
        assert!(
            method.needs().is_none_or(|kind| gantry::factor::FactorKind::ALL.contains(&kind)),
            "{method:?}"
        );
    }
}
