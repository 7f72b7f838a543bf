//! Tokens that a client holds: introspection (RFC 7662), revocation (RFC 7009) and tokens of its own.

use serde_json::{Value, json};

use crate::races::at_once;
use crate::support::relying_party::Reply;
use crate::support::{RelyingParty, TestIdp, jwt};

const APPS: &str = r#"
  robot:
    grants: [client_credentials]
  page:
    redirect_uris: ["https://page.test/cb"]
    client: public
    first_party: true
    origins: ["https://page.test"]
"#;

async fn active(rp: &RelyingParty, token: &str) -> Value {
    let reply = rp.introspect(token).await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"), "{}", reply.body);
    reply.json()
}

fn inactive() -> Value {
    json!({ "active": false })
}

async fn own_token(rp: &RelyingParty) -> Reply {
    rp.token(&[("grant_type", "client_credentials")]).await
}

#[tokio::test]
async fn a_client_learns_about_its_own_tokens_only() {
    // RFC 7662 sections 2.2 and 4, UI-09
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let (c1, c2) = (idp.relying_party("c1").await, idp.relying_party("c2").await);
    let tokens = c1.sign_in(&mut idp.browser(), &alice).await;
    let access = active(&c1, &tokens.access).await;
    for (name, value) in [
        ("active", json!(true)),
        ("token_type", json!("Bearer")),
        ("client_id", json!("c1")),
        ("iss", json!(idp.issuer)),
        ("sub", json!(alice.id)),
    ] {
        assert_eq!(access[name], value, "{name}");
    }
    assert_eq!(access["exp"], jwt::payload(&tokens.access)["exp"]);
    let refresh = active(&c1, &tokens.refresh).await;
    assert_eq!((&refresh["active"], &refresh["sub"]), (&json!(true), &json!(alice.id)));
    for token in [&*tokens.access, &*tokens.refresh] {
        assert_eq!(active(&c2, token).await, inactive());
    }
    for token in ["x", "gr_x", &tokens.access[..40], &format!("{}x", tokens.access), &"a".repeat(20_000)] {
        assert_eq!(active(&c1, token).await, inactive());
    }
}

#[tokio::test]
async fn no_scope_is_not_an_empty_one() {
    // RFC 6749 section 3.3: a list of scopes has one at least
    let idp = TestIdp::setup().with_apps(APPS).start().await;
    let robot = idp.relying_party("robot").await;
    let answer = own_token(&robot).await.expect_ok();
    let token = answer["access_token"].as_str().expect("a token");
    let about = active(&robot, token).await;
    for told in [&answer, &jwt::payload(token), &about] {
        assert!(told.is_object() && told.get("scope").is_none(), "{told}");
    }
}

#[tokio::test]
async fn a_token_past_its_time_or_use_is_inactive() {
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let tokens = c1.sign_in(&mut idp.browser(), &alice).await;
    let next = c1.refresh(&tokens.refresh).await.expect_tokens();
    idp.clock.advance(std::time::Duration::from_secs(11));
    assert_eq!(active(&c1, &tokens.refresh).await, inactive(), "the grace is over");
    // Asking is not using: the family lives.
    assert_eq!(active(&c1, &next.refresh).await["active"], true);
    idp.clock.advance(std::time::Duration::from_secs(3600));
    assert_eq!(active(&c1, &next.access).await, inactive());
}

#[tokio::test]
async fn nobody_asks_without_proof() {
    // RFC 7662 section 2.1, RFC 7009 section 2.1, UI-08
    let idp = TestIdp::setup().with_apps(APPS).start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let tokens = c1.sign_in(&mut idp.browser(), &alice).await;
    idp.relying_party("page").await.introspect(&tokens.access).await.expect_error("invalid_client");
    c1.introspect("").await.expect_error("invalid_request");
    c1.revoke("").await.expect_error("invalid_request");
    let mut stranger = c1.clone();
    for secret in [Some("wrong".to_owned()), None] {
        stranger.secret = secret;
        stranger.introspect(&tokens.access).await.expect_error("invalid_client");
        stranger.revoke(&tokens.access).await.expect_error("invalid_client");
    }
    c1.userinfo(&tokens.access).await.expect_ok();
}

#[tokio::test]
async fn revoking_any_token_ends_them_all() {
    // RFC 7009 section 2.1, UI-12, UI-13
    let idp = TestIdp::setup().with_apps(APPS).start().await;
    let alice = idp.user("alice").create().await;
    for client in ["c1", "page"] {
        let rp = idp.relying_party(client).await;
        let other = idp.relying_party("c2").await;
        for kind in ["access", "refresh"] {
            let tokens = rp.sign_in(&mut idp.browser(), &alice).await;
            let sent = if kind == "access" { &tokens.access } else { &tokens.refresh };
            other.revoke(sent).await.expect_ok();
            rp.userinfo(&tokens.access).await.expect_ok();
            rp.revoke(sent).await.expect_ok();
            assert_eq!(rp.userinfo(&tokens.access).await.status, 401, "{client} {kind}");
            rp.refresh(&tokens.refresh).await.expect_error("invalid_grant");
            // RFC 7009 section 2.2: unknown tokens are as good as revoked ones.
            rp.revoke(sent).await.expect_ok();
            rp.revoke("gr_x").await.expect_ok();
        }
    }
}

#[tokio::test]
async fn an_app_gets_tokens_of_its_own_and_nothing_of_anybody() {
    // RFC 6749 section 4.4, RFC 9068 section 2.2
    let idp = TestIdp::setup().with_apps(APPS).start().await;
    let robot = idp.relying_party("robot").await;
    let reply = own_token(&robot).await;
    let answer = reply.json();
    assert_eq!((reply.status, answer.get("refresh_token"), answer.get("id_token")), (200, None, None));
    let token = answer["access_token"].as_str().expect("a token");
    let claims = jwt::payload(token);
    assert_eq!((&claims["sub"], claims.get("gid")), (&json!("robot"), None));
    assert_eq!(active(&robot, token).await["sub"], "robot");
    assert_eq!(robot.userinfo(token).await.status, 401);
    robot.revoke(token).await.expect_error("unsupported_token_type");
    idp.clock.advance(std::time::Duration::from_secs(3601));
    assert_eq!(active(&robot, token).await, inactive());
    own_token(&idp.relying_party("c1").await).await.expect_error("unauthorized_client");
    own_token(&idp.relying_party("page").await).await.expect_error("unauthorized_client");
    let metadata = idp.get("/.well-known/openid-configuration").await.json();
    let grants = metadata["grant_types_supported"].as_array().expect("a list");
    assert!(grants.contains(&json!("client_credentials")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_remembers_a_token_longer_than_it_lives() {
    // UI-11: asked by many at once before and right after
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    for _ in 0..5 {
        let tokens = c1.sign_in(&mut browser, &alice).await;
        let ask = || {
            let (c1, token) = (c1.clone(), tokens.access.clone());
            async move { (200, c1.introspect(&token).await.json()["active"].to_string()) }
        };
        assert!(at_once(100, ask).await.iter().all(|(_, active)| active == "true"));
        c1.revoke(&tokens.refresh).await.expect_ok();
        assert!(at_once(100, ask).await.iter().all(|(_, active)| active == "false"));
        browser = idp.browser();
    }
}

#[tokio::test]
async fn an_app_that_is_gone_has_no_tokens() {
    let idp = TestIdp::setup().with_apps(APPS).start().await;
    let robot = idp.relying_party("robot").await;
    let token = own_token(&robot).await.json()["access_token"].as_str().expect("a token").to_owned();
    idp.remove_app("robot").await;
    own_token(&robot).await.expect_error("invalid_client");
    robot.introspect(&token).await.expect_error("invalid_client");
}
