//! The token endpoint: codes, client authentication, refresh.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::relying_party::basic;
use crate::support::{RelyingParty, TestIdp, jwt};

/// A code of a fresh sign-in at `app`.
async fn code(idp: &TestIdp, app: &RelyingParty, name: &str) -> String {
    let user = idp.user(name).create().await;
    app.code(&mut idp.browser(), &user).await
}

#[tokio::test]
async fn a_code_is_used_once_and_again_ends_what_it_gave() {
    // TK-01, TK-02; RFC 6749 section 4.1.2
    for (wait, rotations) in [(0, 0), (30, 0), (90, 0), (5, 2)] {
        let idp = TestIdp::start().await;
        let c1 = idp.relying_party("c1").await;
        let code = code(&idp, &c1, "alice").await;
        let mut tokens = c1.redeem(&code).await.expect_tokens();
        for _ in 0..rotations {
            tokens = c1.refresh(&tokens.refresh).await.expect_tokens();
        }
        idp.clock.advance(Duration::from_secs(wait));
        c1.redeem(&code).await.expect_error("invalid_grant");
        assert_eq!(c1.userinfo(&tokens.access).await.status, 401);
        c1.refresh(&tokens.refresh).await.expect_error("invalid_grant");
    }
}

#[tokio::test]
async fn a_code_belongs_to_its_client_and_is_burnt_by_another() {
    // TK-03
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let staff = idp.relying_party("staff").await;
    let code = code(&idp, &c1, "alice").await;
    let verifier = c1.verifier.clone().expect("PKCE");
    let stolen = [("redirect_uri", c1.redirect_uri.as_str()), ("code_verifier", verifier.as_str())];
    staff.redeem_with(&code, &stolen).await.expect_error("invalid_grant");
    c1.redeem(&code).await.expect_error("invalid_grant");
}

#[tokio::test]
async fn the_redirect_uri_is_repeated_byte_for_byte() {
    // TK-04; RFC 6749 section 4.1.3
    for wrong in ["", "https://rp1.test/app/cb", "https://rp1.test/CB", "https://rp1.test/cb/"] {
        let idp = TestIdp::start().await;
        let c1 = idp.relying_party("c1").await;
        let code = code(&idp, &c1, "alice").await;
        c1.redeem_with(&code, &[("redirect_uri", wrong)]).await.expect_error("invalid_grant");
    }
}

#[tokio::test]
async fn a_wrong_verifier_burns_the_code() {
    // TK-05; RFC 7636 section 4.6
    let short = "a".repeat(42);
    let long = "a".repeat(129);
    let other = "a".repeat(43);
    for wrong in ["", &short, &long, &other] {
        let idp = TestIdp::start().await;
        let c1 = idp.relying_party("c1").await;
        let code = code(&idp, &c1, "alice").await;
        c1.redeem_with(&code, &[("code_verifier", wrong)]).await.expect_error("invalid_grant");
        c1.redeem(&code).await.expect_error("invalid_grant");
    }
}

#[tokio::test]
async fn a_verifier_has_43_to_128_unreserved_characters() {
    // RFC 7636 section 4.1: a challenge that matches is not enough
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let mut c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    c1.sign_in(&mut browser, &alice).await;
    let odd = format!("{}+", "a".repeat(42));
    for (verifier, good) in [
        ("a".repeat(42), false),
        ("a".repeat(129), false),
        (odd, false),
        ("é".repeat(30), false),
        ("a".repeat(43), true),
        ("-._~".repeat(32), true),
        // The example of appendix B.
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(), true),
    ] {
        c1.verifier = Some(verifier.clone());
        let code = c1.silent_code(&mut browser).await;
        let reply = c1.redeem(&code).await;
        if good {
            reply.expect_tokens();
        } else {
            reply.expect_error("invalid_grant");
        }
    }
    assert_eq!(c1.challenge().as_deref(), Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
}

#[tokio::test]
async fn a_code_dies_after_a_minute() {
    // TK-06
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let code = code(&idp, &c1, "alice").await;
    idp.clock.advance(Duration::from_secs(61));
    c1.redeem(&code).await.expect_error("invalid_grant");
}

#[tokio::test]
async fn nothing_but_a_code_is_a_code() {
    // TK-08
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let tokens = c1.sign_in(&mut browser, &alice).await;
    let code = c1.silent_code(&mut browser).await;
    let session = browser.cookie("session").expect("signed in").to_owned();
    let mut wrong: Vec<String> = vec![
        code[..code.len() - 1].to_owned(),
        format!("{code}A"),
        format!("{code}%00"),
        code.to_uppercase(),
        tokens.refresh.clone(),
        tokens.access.clone(),
        session.replacen("gs_", "gc_", 1),
        tokens.refresh.replacen("gr_", "gc_", 1),
        "gc_".to_owned(),
    ];
    wrong.push(format!("gc_{}", "A".repeat(64)));
    for sent in wrong {
        c1.redeem(&sent).await.expect_error("invalid_grant");
    }
    c1.redeem(&code).await.expect_tokens();
}

#[tokio::test]
async fn a_client_authenticates_in_one_way() {
    // TK-15, TK-16; RFC 6749 section 2.3
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let p1 = idp.relying_party("p1").await;
    let code = code(&idp, &c1, "alice").await;
    let secret = c1.secret.clone().expect("confidential");
    let verifier = c1.verifier.clone().expect("PKCE");
    let with = |extra: &[(&'static str, &str)]| {
        let mut form = vec![
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            ("code".to_owned(), code.clone()),
            ("redirect_uri".to_owned(), c1.redirect_uri.clone()),
            ("code_verifier".to_owned(), verifier.clone()),
        ];
        form.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        form
    };
    let right = basic("c1", &secret);
    let wrong = basic("c1", "wrong");
    let cases = [
        (Some(right.as_str()), with(&[("client_secret", &secret)]), "invalid_request"),
        (Some(&right), with(&[("client_id", "p1")]), "invalid_request"),
        (Some(&right), with(&[("client_assertion", "x")]), "invalid_request"),
        (Some(&wrong), with(&[]), "invalid_client"),
        (None, with(&[("client_id", "c1")]), "invalid_client"),
        (None, with(&[("client_id", "c1"), ("client_secret", "wrong")]), "invalid_client"),
        (None, with(&[("client_id", "p1"), ("client_secret", "any")]), "invalid_client"),
        (None, with(&[("client_id", "nobody"), ("client_secret", "any")]), "invalid_client"),
    ];
    for (header, form, error) in cases {
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply = c1.token_as(header, &form).await;
        reply.expect_error(error);
        if header.is_some() && error == "invalid_client" {
            assert!(reply.header("www-authenticate").starts_with("Basic "), "RFC 6749 section 5.2");
        }
    }
    // None of it burnt the code.
    c1.redeem(&code).await.expect_tokens();
    p1.token(&[("grant_type", "authorization_code"), ("code", "x")]).await.expect_error("invalid_grant");
}

/// RFC 8693, which is not offered.
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

#[tokio::test]
async fn other_grants_are_refused_by_name() {
    // TK-25, TK-27
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    c1.token(&[("grant_type", "client_credentials")]).await.expect_error("unauthorized_client");
    c1.token(&[("grant_type", "password")]).await.expect_error("unauthorized_client");
    for grant in ["implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", TOKEN_EXCHANGE, "x"] {
        c1.token(&[("grant_type", grant)]).await.expect_error("unsupported_grant_type");
    }
    c1.token(&[]).await.expect_error("invalid_request");
}

#[tokio::test]
async fn an_old_refresh_token_ends_its_family() {
    // TK-10; RFC 9700 section 4.14.2
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let first = c1.sign_in(&mut idp.browser(), &alice).await;
    let second = c1.refresh(&first.refresh).await.expect_tokens();
    idp.clock.advance(Duration::from_secs(9));
    let again = c1.refresh(&first.refresh).await.expect_tokens();
    assert_eq!(again.refresh, second.refresh, "the same successor within the grace");
    let third = c1.refresh(&second.refresh).await.expect_tokens();
    c1.refresh(&first.refresh).await.expect_error("invalid_grant");
    c1.refresh(&third.refresh).await.expect_error("invalid_grant");
    assert_eq!(c1.userinfo(&third.access).await.status, 401);
}

#[tokio::test]
async fn the_grace_ends() {
    // TK-10
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let first = c1.sign_in(&mut idp.browser(), &alice).await;
    let second = c1.refresh(&first.refresh).await.expect_tokens();
    idp.clock.advance(Duration::from_secs(11));
    c1.refresh(&first.refresh).await.expect_error("invalid_grant");
    c1.refresh(&second.refresh).await.expect_error("invalid_grant");
}

#[tokio::test]
async fn a_forged_refresh_token_ends_nothing() {
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let tokens = c1.sign_in(&mut idp.browser(), &alice).await;
    // The grant's id with a guessed secret.
    let forged = format!("{}{}", &tokens.refresh[..40], "A".repeat(27));
    c1.refresh(&forged).await.expect_error("invalid_grant");
    c1.refresh(&tokens.refresh).await.expect_tokens();
}

#[tokio::test]
async fn a_refresh_asks_for_less_but_never_for_more() {
    // TK-13; RFC 6749 section 6
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await.asking_for("openid email");
    let tokens = c1.sign_in(&mut idp.browser(), &alice).await;
    let ask = |token: String, scope: &'static str| {
        let c1 = c1.clone();
        async move {
            c1.token(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", scope)]).await
        }
    };
    ask(tokens.refresh.clone(), "openid email profile").await.expect_error("invalid_scope");
    let less = ask(tokens.refresh, "openid").await.expect_tokens();
    assert_eq!(less.scope, "openid");
    assert_eq!(c1.userinfo(&less.access).await.expect_ok().get("email"), None);
    let full = c1.refresh(&less.refresh).await.expect_tokens();
    assert_eq!(full.scope, "email openid");
}

#[tokio::test]
async fn signing_out_ends_refresh_tokens_unless_they_are_for_offline_use() {
    // LO-12; OpenID Connect Core section 11
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let bound = idp.relying_party("c1").await;
    let offline = bound.asking_for("openid offline_access");
    let mut browser = idp.browser();
    let short = bound.sign_in(&mut browser, &alice).await;
    let code = offline.silent_code(&mut browser).await;
    let long = offline.redeem(&code).await.expect_tokens();
    browser.open(idp.at("/account/sign-out")).await.press("sign_out").await.expect_status(200);
    bound.refresh(&short.refresh).await.expect_error("invalid_grant");
    assert_eq!(bound.userinfo(&short.access).await.status, 401);
    offline.refresh(&long.refresh).await.expect_tokens();
}

#[tokio::test]
async fn the_id_token_says_who_when_and_how() {
    // OpenID Connect Core sections 2 and 3.1.3.6
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let tokens = c1.sign_in(&mut idp.browser(), &alice).await;
    let claims = tokens.id_claims();
    assert_eq!(claims["iss"], idp.issuer.as_str());
    assert_eq!(claims["sub"], alice.id.as_str());
    assert_eq!(claims["aud"], "c1");
    assert_eq!(claims["nonce"], c1.nonce.as_str());
    assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
    assert_eq!(claims["auth_time"], idp.clock.now().seconds());
    assert_eq!(claims["exp"], idp.clock.now().seconds() + 600);
    assert_eq!(tokens.expires_in, 3600);
    let access = tokens.access_claims();
    assert_eq!((&access["client_id"], &access["sub"]), (&"c1".into(), &alice.id.as_str().into()));
}

#[tokio::test]
async fn an_access_token_is_a_signed_jwt_of_its_own_type() {
    // RFC 9068 sections 2.1 and 2.2
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let first = c1.sign_in(&mut idp.browser(), &alice).await;
    let header = jwt::header(&first.access);
    assert_eq!((&header["typ"], &header["alg"]), (&"at+jwt".into(), &"ES256".into()));
    let jwks = idp.get("/oauth2/jwks").await.body;
    let claims = jwt::verified(&first.access, &jwks, &idp.issuer).expect("signed by a published key");
    let now = idp.clock.now().seconds();
    assert_eq!((&claims["iss"], &claims["sub"]), (&idp.issuer.as_str().into(), &alice.id.as_str().into()));
    assert_eq!((&claims["iat"], &claims["exp"]), (&now.into(), &(now + 3600).into()));
    assert_eq!((&claims["client_id"], &claims["scope"]), (&"c1".into(), &first.scope.as_str().into()));
    let second = c1.refresh(&first.refresh).await.expect_tokens();
    assert_ne!(claims["jti"], second.access_claims()["jti"]);
}

#[tokio::test]
async fn an_id_token_names_its_access_token() {
    // OpenID Connect Core section 3.1.3.6
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    for (alg, hash) in [("RS256", &SHA256), ("ES256", &SHA256), ("EdDSA", &SHA512)] {
        let setting = format!("  c1:\n    id_token_alg: {alg}\n");
        idp.edit(|yaml| yaml.replace("  c1:\n", &setting)).await.expect("a good configuration");
        let tokens = c1.sign_in(&mut idp.browser(), &alice).await;
        assert_eq!(jwt::header(&tokens.id)["alg"], alg);
        jwt::verified(&tokens.id, &idp.get("/oauth2/jwks").await.body, "c1").expect("verifies");
        let whole = digest(hash, tokens.access.as_bytes());
        let left = &whole.as_ref()[..whole.as_ref().len() / 2];
        assert_eq!(tokens.id_claims()["at_hash"], URL_SAFE_NO_PAD.encode(left), "{alg}");
        idp.edit(|yaml| yaml.replace(&setting, "  c1:\n")).await.expect("a good configuration");
    }
}

#[tokio::test]
async fn an_id_token_at_refresh_is_about_the_same_sign_in() {
    // OpenID Connect Core section 12.2
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let first = c1.sign_in(&mut idp.browser(), &alice).await;
    idp.clock.advance(Duration::from_secs(300));
    let second = c1.refresh(&first.refresh).await.expect_tokens();
    let (before, after) = (first.id_claims(), second.id_claims());
    for name in ["iss", "sub", "aud", "auth_time", "amr", "sid"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert_eq!(after["iat"], idp.clock.now().seconds());
    assert!(after["nonce"].is_null() || after["nonce"] == before["nonce"]);
}
