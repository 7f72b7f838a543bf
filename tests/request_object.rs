//! Signed authorization requests (RFC 9101).

use serde_json::{Value, json};

use crate::support::RelyingParty;
use crate::support::jwt::{self, AppKey};
use crate::support::relying_party::query_of;
use crate::support::signer::World;

fn request_object(world: &World, rp: &RelyingParty, changed: &[(&str, Value)]) -> String {
    let mut claims = json!({ "iss": rp.client_id, "aud": world.idp.issuer, "exp": world.now() + 60 });
    for (name, value) in query_of(&rp.authorize_url()) {
        claims[name] = json!(value);
    }
    for (name, value) in changed {
        claims[*name] = value.clone();
    }
    world.key.sign(&json!({ "kid": "k1", "typ": "oauth-authz-req+jwt" }), &claims)
}

fn by_object(world: &World, client: &str, object: &str) -> String {
    let pairs = [("client_id", client), ("request", object), ("scope", "openid email"), ("state", "outside")];
    format!("{}/oauth2/authorize?{}", world.idp.issuer, crate::support::encode(&pairs))
}

#[tokio::test]
async fn a_signed_request_counts_and_nothing_beside_it() {
    // RFC 9101 sections 5 and 6.3
    let world = World::new().await;
    let alice = world.idp.user("alice").create().await;
    let sealed = world.idp.relying_party("sealed").await.asking_for("openid");
    let object =
        request_object(&world, &sealed, &[("max_age", json!(60)), ("claims", json!({ "id_token": {} }))]);
    let mut browser = world.idp.browser();
    let page = browser.open(by_object(&world, "sealed", &object)).await.submit_password(&alice).await;
    let answer = page.expect_answer();
    assert_eq!(answer.get("state"), Some(&*sealed.state));
    assert_eq!(sealed.redeem(&answer.code()).await.expect_tokens().scope, "openid");
    // Not signed at all.
    browser.open(sealed.authorize_url()).await.expect_error_page(400);
    sealed.push(&[]).await.expect_error("invalid_request");
    // Pushed.
    let pushed = sealed.push(&[("request", &object)]).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let reference = pushed.json()["request_uri"].as_str().expect("a reference").to_owned();
    browser.open(sealed.authorize_by(&reference)).await.expect_code();
}

#[tokio::test]
async fn a_signed_request_that_is_not_quite_right_goes_nowhere() {
    // AZ-23, AZ-24; RFC 9101 section 10
    let world = World::new().await;
    let sealed = world.idp.relying_party("sealed").await;
    let now = world.now();
    let mut browser = world.idp.browser();
    let mut wrong = Vec::new();
    for (name, value) in [
        ("client_id", json!("c1")),
        ("iss", json!("c1")),
        ("aud", json!("https://elsewhere.test")),
        ("exp", json!(now - 61)),
        ("exp", Value::Null),
        ("aud", Value::Null),
        ("nbf", json!(now + 120)),
        ("request", json!("x.y.z")),
        ("request_uri", json!("https://evil.test/")),
    ] {
        wrong.push(request_object(&world, &sealed, &[(name, value)]));
    }
    let good = request_object(&world, &sealed, &[]);
    wrong.push(jwt::unsigned(&good));
    wrong.push(jwt::hs256(&jwt::payload(&good), world.key.public.to_string().as_bytes()));
    wrong.push(AppKey::p256("k1").sign(&json!({ "kid": "k1" }), &jwt::payload(&good)));
    wrong.push(world.key.sign(&json!({ "kid": "k1", "typ": "dpop+jwt" }), &jwt::payload(&good)));
    wrong.push("x".to_owned());
    for object in &wrong {
        let page = browser.open(by_object(&world, "sealed", object)).await.expect_error_page(400);
        assert_eq!(page.error().as_deref(), Some("invalid_request_object"));
        sealed.push(&[("request", object)]).await.expect_error("invalid_request_object");
    }
    // A redirect URI that only stands outside, or is wrong inside.
    for uri in [Value::Null, json!("https://evil.test/")] {
        let object = request_object(&world, &sealed, &[("redirect_uri", uri)]);
        let url = by_object(&world, "sealed", &object) + "&redirect_uri=https%3A%2F%2Fsealed.test%2Fcb";
        browser.open(url).await.expect_error_page(400);
    }
}
