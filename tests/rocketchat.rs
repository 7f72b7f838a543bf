//! Rocket.Chat as the client: what its two engines send and what they must never get.

use crate::support::TestIdp;
use crate::support::relying_party::{Reply, basic};

#[tokio::test]
async fn the_legacy_engine_signs_in() {
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    for uri in ["https://chat.test/_oauth/gantry", "https://chat.test/_oauth/gantry?close"] {
        let mut chat = idp.relying_party("chat").await.returning_to(uri).without_pkce();
        chat.state = "eyJsb2dpblN0eWxlIjoicmVkaXJlY3QifQ+/==".to_owned();
        chat.nonce = String::new();
        let mut browser = idp.browser();
        let answer = browser.open(chat.authorize_url()).await.submit_password(&alice).await.expect_answer();
        assert_eq!(answer.get("state"), Some(chat.state.as_str()), "byte for byte");
        let code = answer.code();
        let secret = chat.secret.clone().expect("a secret");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", uri),
            ("state", chat.state.as_str()),
        ];
        let tokens = chat.token_as(Some(&basic("chat", &secret)), &form).await.expect_tokens();
        assert_eq!(chat.userinfo(&tokens.access).await.expect_ok()["preferred_username"], "alice");
    }
}

#[tokio::test]
async fn the_modern_engine_signs_in_and_its_challenge_counts() {
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let mut chat = idp.relying_party("chat").await;
    chat.verifier = Some("v".repeat(64));
    let secret = chat.secret.clone().expect("a secret");
    for verifier in ["", "w"] {
        let code = chat.code(&mut idp.browser(), &alice).await;
        let wrong = verifier.repeat(64);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", chat.redirect_uri.as_str()),
            ("client_id", "chat"),
            ("client_secret", secret.as_str()),
            ("code_verifier", wrong.as_str()),
        ];
        chat.token_as(None, &form).await.expect_error("invalid_grant");
    }
    let code = chat.code(&mut idp.browser(), &alice).await;
    let verifier = chat.verifier.clone().expect("PKCE");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", chat.redirect_uri.as_str()),
        ("client_id", "chat"),
        ("client_secret", secret.as_str()),
        ("code_verifier", verifier.as_str()),
    ];
    chat.token_as(None, &form).await.expect_tokens();
}

#[tokio::test]
async fn no_member_of_userinfo_is_taken_for_something_else() {
    let idp = TestIdp::start().await;
    idp.gantry("group add staff --role moderator").await;
    let alice = idp.user("alice").with("--group staff --name Alice").create().await;
    let chat = idp.relying_party("chat").await.asking_for("openid profile email groups roles");
    let tokens = chat.sign_in(&mut idp.browser(), &alice).await;
    let claims = chat.userinfo(&tokens.access).await.expect_ok();
    let members = claims.as_object().expect("an object");
    let taken = [
        "id",
        "_id",
        "result",
        "ID",
        "user",
        "user_id",
        "userid",
        "metadata",
        "ocs",
        "phid",
        "CharacterID",
        "emails",
        "accessToken",
        "expiresAt",
        "serverURL",
        "nickname",
    ];
    for name in members.keys() {
        assert!(!taken.contains(&name.as_str()) && !name.contains(['.', '$']), "{name}");
    }
    assert_eq!(claims["groups"], serde_json::json!(["staff"]));
    assert_eq!(claims["roles"], serde_json::json!(["moderator"]));
    assert_eq!(claims["email"], "alice@example.org");
    assert!(claims["sub"].is_string());
}

#[tokio::test]
async fn a_get_with_an_empty_body_is_answered() {
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let chat = idp.relying_party("chat").await;
    let tokens = chat.sign_in(&mut idp.browser(), &alice).await;
    let request = idp.http.get(idp.at("/oauth2/userinfo")).header("content-length", "0");
    let reply = Reply::of(request.header("authorization", format!("Bearer {}", tokens.access))).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/json");
}

#[tokio::test]
async fn the_settings_are_complete_and_real() {
    let idp = TestIdp::start().await;
    let printed = idp.gantry("rocketchat env").await;
    let secret = idp.relying_party("chat").await.secret.expect("a secret");
    let settings = &printed["settings"];
    assert_eq!(settings["Accounts_OAuth_Custom-Gantry-url"], idp.issuer.as_str());
    assert_eq!(settings["Accounts_OAuth_Custom-Gantry-secret"], secret.as_str());
    assert_eq!(settings["Accounts_OAuth_Custom-Gantry-identity_token_sent_via"], "header");
    for suffix in ["authorize_path", "token_path", "identity_path"] {
        let path = settings[format!("Accounts_OAuth_Custom-Gantry-{suffix}")].as_str().expect("a path");
        assert_ne!(idp.get(path).await.status, 404, "{path}");
    }
    assert_eq!(printed["environment"]["Accounts_OAuth_Custom_Gantry"], "true");
}
