//! The grant `password` (RFC 6749 section 4.3): like the page, or not at all.

use crate::support::relying_party::Reply;
use crate::support::{RelyingParty, TestIdp};

const APPS: &str = r"
  old:
    grants: [password, refresh_token]
    first_party: true
  old_staff:
    grants: [password]
    first_party: true
    access: [{ group: staff, policy: standard }]
";

pub(crate) async fn ask(rp: &RelyingParty, username: &str, password: &str) -> Reply {
    let form = [
        ("grant_type", "password"),
        ("username", username),
        ("password", password),
        ("scope", "openid email"),
    ];
    rp.token(&form).await
}

#[tokio::test]
async fn a_password_gives_tokens_to_an_app_that_lists_it() {
    // RFC 6749 section 4.3
    let idp = TestIdp::setup().with_apps(APPS).start().await;
    let alice = idp.user("alice").create().await;
    let old = idp.relying_party("old").await;
    let tokens = ask(&old, "alice", &alice.password).await.expect_tokens();
    assert_eq!((tokens.id_claims()["sub"].as_str(), &*tokens.scope), (Some(&*alice.id), "email openid"));
    old.userinfo(&tokens.access).await.expect_ok();
    old.refresh(&tokens.refresh).await.expect_tokens();
    for (username, password) in [("alice", "wrong"), ("nobody", &alice.password), ("alice", &"x".repeat(500))]
    {
        ask(&old, username, password).await.expect_error("invalid_grant");
    }
    ask(&old, "alice", &"x".repeat(5000)).await.expect_error("invalid_request");
    ask(&old, "", &alice.password).await.expect_error("invalid_request");
    ask(&idp.relying_party("c1").await, "alice", &alice.password).await.expect_error("unauthorized_client");
    ask(&idp.relying_party("old_staff").await, "alice", &alice.password).await.expect_error("invalid_grant");
    idp.gantry("user disable alice").await;
    ask(&old, "alice", &alice.password).await.expect_error("invalid_grant");
}

#[tokio::test]
async fn its_tries_count_together_with_those_of_the_page() {
    // PW-07
    let idp = TestIdp::setup().with_apps(APPS).start().await;
    let alice = idp.user("alice").create().await;
    let (old, c1) = (idp.relying_party("old").await, idp.relying_party("c1").await);
    for _ in 0..3 {
        ask(&old, "alice", "wrong").await.expect_error("invalid_grant");
    }
    let mut browser = idp.browser();
    for _ in 0..2 {
        let page = browser.open(c1.authorize_url()).await;
        page.submit_password(&alice.typing("wrong")).await.expect_status(422);
    }
    let refused = ask(&old, "alice", &alice.password).await;
    assert!(refused.expect_error("invalid_grant").body.contains("too many attempts"));
    browser.open(c1.authorize_url()).await.submit_password(&alice).await.expect_status(429);
}
