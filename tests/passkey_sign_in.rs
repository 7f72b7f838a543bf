//! Passkeys as the first factor: among the suggestions of the sign-in page, and after a name.

use serde_json::{Value, json};

use crate::passkeys::{World, options};
use crate::support::authenticator::Authenticator;
use crate::support::browser::Page;
use crate::support::{Browser, RelyingParty};

async fn sign_in_page<'b>(browser: &'b mut Browser, app: &RelyingParty) -> Page<'b> {
    browser.open(app.authorize_url()).await.expect_step("password")
}

/// Types a name and wants to use a passkey.
async fn named<'b>(browser: &'b mut Browser, app: &RelyingParty, name: &str) -> Page<'b> {
    let page = sign_in_page(browser, app).await;
    page.submit(&[("username", name), ("action", "passkey")]).await.expect_step("passkey")
}

async fn answered<'b>(page: Page<'b>, answer: &Value) -> Page<'b> {
    page.submit(&[("credential", &answer.to_string()), ("action", "passkey")]).await
}

#[tokio::test]
async fn the_sign_in_page_suggests_passkeys_where_they_will_do() {
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    for client in ["board", "safe"] {
        let app = world.idp.relying_party(client).await;
        let mut browser = world.idp.browser();
        let page = sign_in_page(&mut browser, &app).await;
        assert!(page.html.contains("autocomplete=\"username webauthn\""), "{}", page.html);
        let asked = options(&page);
        assert_eq!(
            (&asked["allowCredentials"], &asked["userVerification"]),
            (&json!([]), &json!("required"))
        );
        let code = answered(page, &key.get(&asked)).await.expect_code();
        let claims = app.redeem(&code).await.expect_tokens().id_claims();
        assert_eq!(claims["amr"], json!(["swk", "user", "mfa"]));
    }
    // Nothing of it where a password is wanted.
    let mut browser = world.idp.browser();
    let page = sign_in_page(&mut browser, &world.vault).await;
    assert!(
        page.html.contains("autocomplete=\"username\"") && !page.html.contains("passkey"),
        "{}",
        page.html
    );
    let refused = answered(page, &json!({})).await;
    assert_eq!(refused.status, 403);
    // Where no app is on the way, what will do for one of them does.
    let page = browser.open("/login").await.expect_step("password");
    let answer = key.get(&options(&page));
    answered(page, &answer).await.expect_step("home");
}

#[tokio::test]
async fn a_suggested_passkey_is_asked_for_once() {
    // WA-03
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    let board = world.idp.relying_party("board").await;
    let mut browser = world.idp.browser();
    let page = sign_in_page(&mut browser, &board).await;
    let first = options(&page);
    let answer = key.get(&first);
    // A wrong password asks for nothing else.
    let page = page.submit_password(&world.alice.typing("wrong")).await.expect_status(422);
    assert_eq!(options(&page), first);
    let mut wrong = answer.clone();
    wrong["response"]["signature"] = json!("AAAA");
    let page = answered(page, &wrong).await.expect_status(422).expect_step("password");
    assert_ne!(options(&page)["challenge"], first["challenge"]);
    let page = answered(page, &answer).await.expect_status(422).expect_step("password");
    let elsewhere = options(&page);
    let mut other = world.idp.browser();
    let page = sign_in_page(&mut other, &board).await;
    let page = answered(page, &key.get(&elsewhere)).await.expect_status(422);
    // It lasts as long as the page, and is asked anew when that is opened again too late.
    world.idp.clock.advance(std::time::Duration::from_secs(20 * 60));
    let late = key.get(&options(&page));
    answered(page, &late).await.expect_code();
}

#[tokio::test]
async fn after_a_name_the_keys_of_its_bearer_are_asked_for() {
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    let board = world.idp.relying_party("board").await;
    for name in ["alice", " Alice ", "alice@example.org"] {
        let mut browser = world.idp.browser();
        let page = named(&mut browser, &board, name).await;
        let asked = options(&page);
        assert_eq!(asked["allowCredentials"].as_array().map(Vec::len), Some(1), "{name}");
        let mut answer = key.get(&asked);
        // A key that was told whose it is need not know it.
        answer["response"]["userHandle"] = Value::Null;
        page.submit(&[("credential", &answer.to_string())]).await.expect_code();
    }
    // Somebody who is signed in with less is asked for their own.
    let mut browser = world.idp.browser();
    let safe = world.idp.relying_party("safe").await;
    let page = sign_in_page(&mut browser, &safe).await.submit_password(&world.alice).await;
    let asked = options(&page.expect_step("passkey"));
    assert_eq!(asked["allowCredentials"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_sign_in_begun_for_one_is_finished_by_no_other() {
    // WA-06
    let world = World::new().await;
    let (mut of_alice, mut of_bob) =
        (Authenticator::new(&world.origin()), Authenticator::new(&world.origin()));
    let bob = world.idp.user("bob").create().await;
    world.enrol(&mut of_alice).await;
    world.enrol_for(&bob, &mut of_bob).await;
    let board = world.idp.relying_party("board").await;
    let handle = |key: &Authenticator| json!(key.credentials[0].handle);
    let (alices, bobs) = (handle(&of_alice), handle(&of_bob));
    let mut browser = world.idp.browser();
    let mut page = named(&mut browser, &board, "alice").await;
    // The key of another person, who is discoverable; without saying whose it is; in the name of the first one; and
    // the right key in the name of the other.
    let answers = [(false, &bobs), (false, &Value::Null), (false, &alices), (true, &bobs)];
    for (right_key, handle) in answers {
        let mut asked = options(&page);
        asked["allowCredentials"] = json!([]);
        let mut answer = if right_key { of_alice.get(&asked) } else { of_bob.get(&asked) };
        answer["response"]["userHandle"] = handle.clone();
        let answer = answer.to_string();
        page = page.submit(&[("credential", &answer)]).await.expect_status(422).expect_step("passkey");
    }
    let answer = of_alice.get(&options(&page)).to_string();
    page.submit(&[("credential", &answer)]).await.expect_code();
}

/// What the page after a name says, without what differs each time.
async fn said(world: &World, app: &RelyingParty, name: &str) -> (String, Vec<Value>) {
    let mut browser = world.idp.browser();
    let page = named(&mut browser, app, name).await;
    let mut asked = options(&page);
    let keys = asked["allowCredentials"].as_array().expect("a list").clone();
    asked["challenge"].take();
    asked["allowCredentials"].take();
    (asked.to_string(), keys)
}

#[tokio::test]
async fn nobody_learns_from_a_name_who_has_an_account_or_a_key() {
    // PW-01
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    world.idp.user("bob").create().await;
    let board = world.idp.relying_party("board").await;
    let real = said(&world, &board, "alice").await;
    for name in ["nobody", "bob", "x@example.org", "\u{fffd}", "a b", &"x".repeat(254)] {
        let (frame, keys) = said(&world, &board, name).await;
        assert_eq!(frame, real.0, "{name}");
        // The same at each look, and everybody has others.
        assert_eq!(said(&world, &board, name).await.1, keys);
        assert_ne!(said(&world, &board, "nobody else").await.1, keys);
        assert!((1..=3).contains(&keys.len()), "{name}");
        for key in keys {
            let id = key["id"].as_str().expect("an id");
            assert!([22, 27, 43, 64].contains(&id.len()) && key["type"] == "public-key", "{key}");
            assert!(key["transports"].as_array().is_some_and(|transports| !transports.is_empty()));
        }
    }
    assert_eq!(said(&world, &board, "nobody").await, said(&world, &board, "Nobody@example.org").await);
    // Being disabled changes nothing that is told.
    world.idp.gantry("user disable alice").await;
    assert_eq!(said(&world, &board, "alice").await, real);
    let mut told = Vec::new();
    for name in ["alice", "nobody"] {
        let mut browser = world.idp.browser();
        let page = named(&mut browser, &board, name).await;
        let mut asked = options(&page);
        let id = asked["allowCredentials"][0]["id"].clone();
        asked["allowCredentials"] = json!([]);
        let mut answer = key.get(&asked);
        (answer["id"], answer["rawId"]) = (id.clone(), id);
        let page = page.submit(&[("credential", &answer.to_string())]).await.expect_status(422);
        let (_, alert) = page.html.split_once("id=\"error\"").expect("told");
        told.push(alert.split_once("</p>").expect("an end").0.to_owned());
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn where_only_a_passkey_will_do_nothing_else_is_offered_or_taken() {
    // WA-13
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    let offered = "offered: [passkey, email_code, email_link, kba, recovery_code]";
    world.idp.edit(|yaml| yaml.replace("offered: [passkey, recovery_code]", offered)).await.expect("good");
    let safe = world.idp.relying_party("safe").await;
    let silent = safe.authorize_with(&[("prompt", "none")]);
    let (name, password) = (world.alice.username.as_str(), world.alice.password.as_str());
    for form in [
        vec![("action", "continue"), ("username", name), ("password", password)],
        vec![("action", "other_method")],
        vec![("action", "other_method"), ("method", "email_code")],
        vec![("action", "continue"), ("method", "recovery_code"), ("code", "BCDFG-HJKLM")],
        vec![("action", "continue"), ("method", "kba"), ("answer_1", "a"), ("answer_2", "b")],
        vec![("action", "resend"), ("method", "email_code")],
        vec![("action", "magic_link"), ("username", name)],
        vec![("action", "qr")],
        vec![("action", "skip")],
    ] {
        let mut browser = world.idp.browser();
        let page = browser.open(safe.authorize_url()).await.submit_password(&world.alice).await;
        let page = page.expect_step("passkey");
        let methods = ["email_code", "email_link", "kba", "recovery_code", "magic_link"];
        assert!(methods.iter().all(|method| !page.html.contains(&format!("value=\"{method}\""))));
        let page = page.submit(&form).await;
        assert!(matches!(page.status, 200 | 400 | 403 | 404 | 422), "{form:?}: {}", page.status);
        browser.open(&silent).await.expect_error("login_required");
    }
}

#[tokio::test]
async fn a_passkey_confirms_who_is_signed_in() {
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    let board = world.idp.relying_party("board").await;
    let mut browser = world.idp.browser();
    let page = sign_in_page(&mut browser, &board).await;
    let answer = key.get(&options(&page));
    answered(page, &answer).await.expect_code();
    world.idp.clock.advance(std::time::Duration::from_secs(11 * 60));
    let page = browser.open("/account").await.expect_step("account");
    let page = page.submit(&[("action", "password")]).await.expect_step("password");
    let page = page.press("passkey").await.expect_step("passkey");
    let answer = key.get(&options(&page)).to_string();
    page.submit(&[("credential", &answer)]).await.expect_step("new_password");
}
