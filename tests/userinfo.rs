//! Userinfo: who may ask, what is told.

use std::time::Duration;

use crate::support::relying_party::Reply;
use crate::support::{Browser, RelyingParty, TestIdp, jwt, raw};

async fn signed_in(
    idp: &TestIdp,
    scope: &str,
) -> (RelyingParty, Browser, crate::support::relying_party::Tokens) {
    let alice = idp.user("alice").with("--name Alice").create().await;
    let c1 = idp.relying_party("c1").await.asking_for(scope);
    let mut browser = idp.browser();
    let tokens = c1.sign_in(&mut browser, &alice).await;
    (c1, browser, tokens)
}

#[tokio::test]
async fn claims_follow_scopes() {
    // UI-14; OpenID Connect Core section 5.4
    for (scope, names) in [
        ("openid", vec!["sub"]),
        ("openid email", vec!["email", "email_verified", "sub"]),
        ("openid profile", vec!["name", "preferred_username", "sub", "updated_at"]),
        ("openid groups roles", vec!["groups", "roles", "sub"]),
    ] {
        let idp = TestIdp::start().await;
        let (c1, _, tokens) = signed_in(&idp, scope).await;
        let claims = c1.userinfo(&tokens.access).await.expect_ok();
        let told: Vec<_> = claims.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(told, names, "{scope}");
        assert_eq!(claims["sub"], tokens.id_claims()["sub"]);
    }
}

#[tokio::test]
async fn an_unverified_address_is_told_to_nobody() {
    // UI-15, rocketchat.md section 2
    let idp = TestIdp::start().await;
    let (c1, _, tokens) = signed_in(&idp, "openid email").await;
    idp.gantry("user set alice --email new@example.org --unverified").await;
    assert_eq!(c1.userinfo(&tokens.access).await.expect_ok().get("email"), None);
}

#[tokio::test]
async fn only_an_access_token_is_an_access_token() {
    // UI-03, UI-04, UI-05; RFC 9068 section 4
    let idp = TestIdp::start().await;
    let (c1, mut browser, tokens) = signed_in(&idp, "openid").await;
    let code = c1.silent_code(&mut browser).await;
    let access = &tokens.access;
    let jwks = idp.get("/oauth2/jwks").await.body;
    let keys: serde_json::Value = serde_json::from_str(&jwks).expect("JWKS");
    let modulus =
        keys["keys"].as_array().expect("keys").iter().find_map(|key| key["n"].as_str()).expect("RSA");
    let wrong = [
        tokens.id.clone(),
        tokens.refresh.clone(),
        code,
        access[..access.len() - 1].to_owned(),
        format!("{access}A"),
        access.to_lowercase(),
        jwt::unsigned(access),
        jwt::under_hs256(access, modulus.as_bytes()),
        jwt::under_hs256(access, jwks.as_bytes()),
        jwt::under_hs256(access, b""),
        ".".repeat(8000),
        "x".repeat(15_000),
    ];
    for token in wrong {
        let reply = c1.userinfo(&token).await;
        assert_eq!(reply.status, 401, "{token}");
        assert!(reply.header("www-authenticate").contains("invalid_token"));
    }
    c1.userinfo(access).await.expect_ok();
}

#[tokio::test]
async fn who_sends_no_token_is_told_how_to() {
    // RFC 6750 section 3.1: without a token there is no error to name
    let idp = TestIdp::start().await;
    let (c1, _, tokens) = signed_in(&idp, "openid").await;
    let asked = Reply::of(idp.http.get(idp.at("/oauth2/userinfo"))).await;
    let challenge = asked.header("www-authenticate");
    assert_eq!((asked.status, challenge.contains("error")), (401, false), "{challenge}");
    assert!(challenge.starts_with("Bearer realm=\"gantry\", DPoP algs=\"RS256 "), "{challenge}");
    let refused = c1.userinfo(&format!("{}x", tokens.access)).await;
    let challenge = refused.header("www-authenticate");
    assert!(challenge.starts_with("Bearer error=\"invalid_token\", error_description=\""), "{challenge}");
}

#[tokio::test]
async fn a_token_of_before_ends_with_its_time() {
    let idp = TestIdp::start().await;
    let (c1, _, tokens) = signed_in(&idp, "openid").await;
    idp.clock.advance(Duration::from_secs(3599));
    c1.userinfo(&tokens.access).await.expect_ok();
    idp.clock.advance(Duration::from_secs(1));
    assert_eq!(c1.userinfo(&tokens.access).await.status, 401);
}

#[tokio::test]
async fn a_token_comes_once_and_not_in_the_address() {
    // UI-01, UI-02; RFC 6750 section 2
    let idp = TestIdp::start().await;
    let (_, _, tokens) = signed_in(&idp, "openid").await;
    let url = idp.at("/oauth2/userinfo");
    let bearer = format!("Bearer {}", tokens.access);
    let ask = |request: reqwest::RequestBuilder| Reply::of(idp.forwarded(request));
    let in_query = ask(idp.http.get(format!("{url}?access_token={}", tokens.access))).await;
    assert_eq!(in_query.status, 400);
    let both = [("access_token", tokens.access.as_str())];
    assert_eq!(ask(idp.http.post(&url).header("authorization", &bearer).form(&both)).await.status, 400);
    assert_eq!(ask(idp.http.post(&url).form(&both)).await.status, 200);
    let lower = bearer.replacen("Bearer", "bearer", 1);
    assert_eq!(ask(idp.http.get(&url).header("authorization", lower)).await.status, 200);
    let header = format!("Authorization: {bearer}");
    let host = format!("Host: localhost:{}", idp.port);
    let (status, _) = raw::request(&idp, &["GET /oauth2/userinfo HTTP/1.1", &host, &header, &header]).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_token_without_openid_is_not_enough() {
    // UI-06; RFC 6750 section 3.1
    let idp = TestIdp::start().await;
    let (c1, _, tokens) = signed_in(&idp, "email").await;
    let reply = c1.userinfo(&tokens.access).await;
    assert_eq!(reply.status, 403);
    assert!(reply.header("www-authenticate").contains("insufficient_scope"));
    assert_eq!(tokens.id, "", "and there is no ID token");
}
