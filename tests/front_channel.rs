//! Tokens through the browser: implicit and hybrid response types, for apps that list them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gantry::secret::Digest;
use serde_json::Value;

use crate::support::relying_party::RelyingParty;
use crate::support::{TestIdp, jwt};

const OLD: &str = r#"
  old:
    redirect_uris: ["https://old.test/cb?keep=1"]
    client: public
    first_party: true
    grants: [authorization_code, implicit, refresh_token]
  bare:
    redirect_uris: ["https://bare.test/cb"]
    first_party: true
    grants: [authorization_code]
"#;

async fn provider() -> TestIdp {
    TestIdp::setup().with_apps(OLD).start().await
}

async fn metadata(idp: &TestIdp) -> Value {
    idp.get("/.well-known/openid-configuration").await.json()
}

fn half_hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Digest::of(text.as_bytes()).bytes()[..16])
}

fn asking(rp: &RelyingParty, response_type: &str) -> String {
    rp.authorize_with(&[("response_type", response_type)])
}

/// `OpenID` Connect Core sections 3.2.2.5, 3.3.2.5 and 3.3.2.11.
#[tokio::test]
async fn each_response_type_gives_what_it_names_in_the_fragment() {
    let idp = provider().await;
    let alice = idp.user("alice").create().await;
    let old = idp.relying_party("old").await;
    let mut browser = idp.browser();
    old.sign_in(&mut browser, &alice).await;
    for kind in ["id_token", "id_token token", "code id_token", "code token", "code id_token token"] {
        let has = |word| kind.split(' ').any(|part| part == word);
        let page = browser.open(asking(&old, kind)).await;
        assert_eq!(page.header("location").matches('?').count(), 1, "{kind}");
        let answer = page.expect_answer();
        assert_eq!((answer.get("keep"), answer.get("iss")), (Some("1"), Some(idp.issuer.as_str())));
        assert_eq!(answer.get("state"), Some(old.state.as_str()), "{kind}");
        assert_eq!(answer.get("code").is_some(), has("code"), "{kind}");
        assert_eq!(answer.get("access_token").is_some(), has("token"), "{kind}");
        assert_eq!(answer.get("token_type"), has("token").then_some("Bearer"), "{kind}");
        assert_eq!(answer.get("expires_in"), has("token").then_some("3600"), "{kind}");
        assert_eq!(answer.get("id_token").is_some(), has("id_token"), "{kind}");
        assert_eq!(answer.get("refresh_token"), None, "{kind}");
        if let Some(id_token) = answer.get("id_token") {
            let claims = jwt::payload(id_token);
            assert_eq!(claims["nonce"], old.nonce.as_str(), "{kind}");
            let hash = |name| answer.get(name).map_or(Value::Null, |text| half_hash(text).into());
            assert_eq!(claims["at_hash"], hash("access_token"), "{kind}");
            assert_eq!(claims["c_hash"], hash("code"), "{kind}");
            // Section 5.4: where there is no userinfo to ask, the ID token tells.
            assert_eq!(claims["preferred_username"] == "alice", kind == "id_token", "{kind}");
        }
        if let Some(access_token) = answer.get("access_token") {
            old.userinfo(access_token).await.expect_ok();
        }
        if let Some(code) = answer.get("code") {
            let tokens = old.redeem(code).await.expect_tokens();
            assert_eq!(tokens.id_claims()["sub"], jwt::payload(&tokens.access)["sub"]);
        }
    }
}

#[tokio::test]
async fn tokens_never_travel_in_a_query() {
    // OAuth 2.0 Multiple Response Type Encoding Practices section 3; AZ-12
    let idp = provider().await;
    let alice = idp.user("alice").create().await;
    let old = idp.relying_party("old").await;
    let mut browser = idp.browser();
    old.sign_in(&mut browser, &alice).await;
    let by = |mode, kind| old.authorize_with(&[("response_type", kind), ("response_mode", mode)]);
    let page = browser.open(by("query", "id_token")).await;
    assert!(page.header("location").contains("#error=invalid_request"), "{}", page.header("location"));
    let answer = browser.open(by("form_post", "code id_token token")).await.expect_answer();
    assert!(["code", "id_token", "access_token"].iter().all(|name| answer.get(name).is_some()));
    let page = browser.open(by("fragment", "code")).await;
    assert!(page.header("location").contains("#code="), "{}", page.header("location"));
}

#[tokio::test]
async fn an_id_token_through_the_browser_needs_nonce_and_openid() {
    // OpenID Connect Core sections 3.2.2.1 and 3.3.2.11
    let idp = provider().await;
    let old = idp.relying_party("old").await;
    let mut browser = idp.browser();
    for kind in ["id_token", "code id_token"] {
        let without = [("response_type", kind), ("nonce", "")];
        browser.open(old.authorize_with(&without)).await.expect_error("invalid_request");
        let without = [("response_type", kind), ("scope", "profile")];
        browser.open(old.authorize_with(&without)).await.expect_error("invalid_request");
    }
    // A code still needs its proof key, tokens have nothing to prove later.
    let without = [("response_type", "code token"), ("code_challenge", ""), ("code_challenge_method", "")];
    browser.open(old.authorize_with(&without)).await.expect_error("invalid_request");
    let without = [("response_type", "id_token"), ("code_challenge", ""), ("code_challenge_method", "")];
    browser.open(old.authorize_with(&without)).await.expect_step("password");
}

#[tokio::test]
async fn only_apps_that_list_it_get_tokens_through_the_browser() {
    // RFC 9700 section 2.1.2
    let idp = provider().await;
    let bare = idp.relying_party("bare").await;
    let mut browser = idp.browser();
    for kind in ["id_token", "code token", "code id_token token"] {
        let page = browser.open(asking(&bare, kind)).await;
        // OpenID Connect Core sections 3.2.2.6 and 3.3.2.6
        assert!(
            page.header("location").starts_with("https://bare.test/cb#error="),
            "{}",
            page.header("location")
        );
        page.expect_error("unauthorized_client");
    }
    browser.open(asking(&bare, "token")).await.expect_error("unsupported_response_type");
}

#[tokio::test]
async fn a_token_through_the_browser_dies_with_session_and_person() {
    let idp = provider().await;
    let alice = idp.user("alice").create().await;
    let old = idp.relying_party("old").await;
    let mut browser = idp.browser();
    let url = old.authorize_with(&[("response_type", "id_token token"), ("scope", "openid offline_access")]);
    let answer = browser.open(url).await.submit_password(&alice).await.expect_answer();
    let token = answer.get("access_token").expect("a token").to_owned();
    assert_eq!(answer.get("scope"), Some("openid"));
    old.userinfo(&token).await.expect_ok();
    idp.gantry("user disable alice").await;
    old.userinfo(&token).await.expect_error("invalid_token");
}

#[tokio::test]
async fn metadata_names_response_types_only_where_an_app_may_use_them() {
    // OpenID Connect Discovery section 3
    let with = metadata(&provider().await).await;
    assert_eq!(with["response_types_supported"].as_array().map(Vec::len), Some(6));
    let without = metadata(&TestIdp::start().await).await;
    assert_eq!(without["response_types_supported"], serde_json::json!(["code"]));
    assert!(!without.to_string().contains("implicit"));
}
