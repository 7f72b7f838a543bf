//! Proofs that an app holds a key (RFC 9449).

use gantry::secret::random_text;
use serde_json::{Value, json};

use crate::support::jwt::{self, AppKey};
use crate::support::relying_party::{Reply, query_of};
use crate::support::signer::{World, with};
use crate::support::{RelyingParty, TestIdp};

/// A key and what it is used for.
pub(crate) struct Prover<'i> {
    pub(crate) idp: &'i TestIdp,
    pub(crate) key: AppKey,
}

impl Prover<'_> {
    pub(crate) fn claims(&self, method: &str, path: &str) -> Value {
        let url = format!("{}/oauth2/{path}", self.idp.issuer);
        let now = self.idp.app.clock.now().seconds();
        json!({ "jti": random_text::<12>(), "htm": method, "htu": url, "iat": now })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.key.sign(&json!({ "typ": "dpop+jwt", "jwk": self.key.public }), claims)
    }

    pub(crate) fn for_token(&self, method: &str, token: &str) -> String {
        use base64::Engine;
        let hash = gantry::secret::Digest::of(token.as_bytes());
        let ath = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash.bytes());
        self.sign(&with(self.claims(method, "userinfo"), "ath", json!(ath)))
    }
}

async fn code_for(world: &World, rp: &RelyingParty, changed: &[(&str, &str)]) -> String {
    let alice = world
        .idp
        .user(&format!("u{}", random_text::<3>().to_lowercase().replace(['-', '_'], "x")))
        .create()
        .await;
    let mut browser = world.idp.browser();
    browser.open(rp.authorize_with(changed)).await.submit_password(&alice).await.expect_code()
}

async fn userinfo(world: &World, scheme: &str, token: &str, proof: Option<&str>) -> Reply {
    let mut request = world.idp.http.get(world.idp.at("/oauth2/userinfo"));
    request = request.header("authorization", format!("{scheme} {token}"));
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    Reply::of(request).await
}

#[tokio::test]
async fn a_token_bound_to_a_key_is_for_its_holder() {
    // RFC 9449 sections 5 to 7
    let world = World::new().await;
    let bound = world.idp.relying_party("bound").await;
    for key in [AppKey::p256("p"), AppKey::ed25519("e")] {
        let prover = Prover { idp: &world.idp, key };
        let thief = Prover { idp: &world.idp, key: AppKey::p256("t") };
        let code = code_for(&world, &bound, &[]).await;
        let mut proving = bound.clone();
        proving.dpop = Some(prover.sign(&prover.claims("POST", "token")));
        let tokens = proving.redeem(&code).await.expect_tokens_of("DPoP");
        assert_eq!(tokens.access_claims()["cnf"], json!({ "jkt": prover.key.thumbprint() }));
        let proof = prover.for_token("GET", &tokens.access);
        userinfo(&world, "DPoP", &tokens.access, Some(&proof)).await.expect_ok();
        userinfo(&world, "DPoP", &tokens.access, Some(&proof)).await.expect_error("invalid_token");
        userinfo(&world, "Bearer", &tokens.access, None).await.expect_error("invalid_token");
        userinfo(&world, "DPoP", &tokens.access, None).await.expect_error("invalid_token");
        let elsewhere = prover.for_token("GET", "another token");
        let refused = userinfo(&world, "DPoP", &tokens.access, Some(&elsewhere)).await;
        let challenge = refused.expect_error("invalid_token").header("www-authenticate").to_owned();
        assert!(
            challenge.starts_with("Bearer realm=\"gantry\", DPoP error=\"invalid_token\""),
            "{challenge}"
        );
        assert!(challenge.contains(", algs=\"RS256 "), "{challenge}");
        let posted = prover.for_token("POST", &tokens.access);
        userinfo(&world, "DPoP", &tokens.access, Some(&posted)).await.expect_error("invalid_token");
        let stolen = thief.for_token("GET", &tokens.access);
        userinfo(&world, "DPoP", &tokens.access, Some(&stolen)).await.expect_error("invalid_token");
        // Its refresh token too.
        proving.dpop = Some(thief.sign(&thief.claims("POST", "token")));
        proving.refresh(&tokens.refresh).await.expect_error("invalid_dpop_proof");
        proving.dpop = None;
        proving.refresh(&tokens.refresh).await.expect_error("invalid_dpop_proof");
        proving.dpop = Some(prover.sign(&prover.claims("POST", "token")));
        proving.refresh(&tokens.refresh).await.expect_tokens_of("DPoP");
    }
}

#[tokio::test]
async fn a_proof_that_is_not_quite_right_proves_nothing() {
    // RFC 9449 section 4.3
    let world = World::new().await;
    let bound = world.idp.relying_party("bound").await;
    let prover = Prover { idp: &world.idp, key: AppKey::p256("p") };
    let other = AppKey::p256("o");
    let good = || prover.claims("POST", "token");
    let head = |typ: &str, jwk: &Value| json!({ "typ": typ, "jwk": jwk });
    let public = &prover.key.public;
    let mut wrong: Vec<String> = [
        with(good(), "htm", json!("GET")),
        with(good(), "htu", json!(format!("{}/oauth2/par", world.idp.issuer))),
        with(good(), "htu", json!("x")),
        with(good(), "iat", json!(world.now() - 61)),
        with(good(), "iat", json!(world.now() + 61)),
        with(good(), "jti", json!("")),
        with(good(), "jti", json!(1)),
    ]
    .iter()
    .map(|claims| prover.sign(claims))
    .collect();
    wrong.push(prover.key.sign(&head("JWT", public), &good()));
    wrong.push(prover.key.sign(&head("dpop+jwt", &other.public), &good()));
    wrong.push(prover.key.sign(&json!({ "typ": "dpop+jwt" }), &good()));
    wrong.push(prover.key.sign(&head("dpop+jwt", &with(public.clone(), "d", json!("x"))), &good()));
    wrong.push(prover.key.sign(&head("dpop+jwt", &json!({ "kty": "oct", "k": "eA" })), &good()));
    wrong.push(jwt::unsigned(&prover.sign(&good())));
    wrong.push("x".to_owned());
    let code = code_for(&world, &bound, &[]).await;
    let mut proving = bound.clone();
    for proof in wrong {
        proving.dpop = Some(proof);
        proving.redeem(&code).await.expect_error("invalid_dpop_proof");
    }
    proving.dpop = None;
    proving.redeem(&code).await.expect_error("invalid_dpop_proof");
    // None of these burnt the code; a proof is used once. What comes with nothing known is not even remembered.
    let proof = prover.sign(&good());
    proving.dpop = Some(proof);
    for made_up in ["x", &code.replace(|c: char| c.is_ascii_digit(), "0")] {
        proving.redeem(made_up).await.expect_error("invalid_grant");
        proving.refresh(made_up).await.expect_error("invalid_grant");
    }
    proving.redeem(&code).await.expect_tokens_of("DPoP");
    proving.redeem(&code).await.expect_error("invalid_dpop_proof");
}

#[tokio::test]
async fn an_app_that_wants_bound_tokens_gets_none_through_the_browser() {
    let apps = "  old:\n    redirect_uris: [\"https://old.test/cb\"]\n    grants: [authorization_code, implicit]\n    dpop_bound_access_tokens: true\n    first_party: true\n";
    let idp = TestIdp::setup().with_apps(apps).start().await;
    let old = idp.relying_party("old").await;
    let mut browser = idp.browser();
    for kind in ["id_token token", "code token", "code id_token token"] {
        let url = old.authorize_with(&[("response_type", kind)]);
        browser.open(url).await.expect_error("unauthorized_client");
    }
    let url = old.authorize_with(&[("response_type", "code id_token")]);
    browser.open(url).await.expect_step("password");
}

#[tokio::test]
async fn a_code_bound_to_a_key_is_for_its_holder() {
    // RFC 9449 section 10
    let world = World::new().await;
    let bound = world.idp.relying_party("bound").await;
    let prover = Prover { idp: &world.idp, key: AppKey::p256("p") };
    let thief = Prover { idp: &world.idp, key: AppKey::p256("t") };
    let mut proving = bound.clone();
    let code = code_for(&world, &bound, &[("dpop_jkt", &prover.key.thumbprint())]).await;
    proving.dpop = Some(thief.sign(&thief.claims("POST", "token")));
    proving.redeem(&code).await.expect_error("invalid_grant");
    let code = code_for(&world, &bound, &[("dpop_jkt", &prover.key.thumbprint())]).await;
    proving.dpop = Some(prover.sign(&prover.claims("POST", "token")));
    proving.redeem(&code).await.expect_tokens_of("DPoP");
    // Pushed with a proof (section 10.1).
    proving.at_endpoint("par");
    proving.dpop = Some(prover.sign(&prover.claims("POST", "par")));
    let pairs = query_of(&bound.authorize_url());
    let form: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    let pushed = proving.token_as(None, &form).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let reference = pushed.json()["request_uri"].as_str().expect("a reference").to_owned();
    let alice = world.idp.user("alice").create().await;
    let mut browser = world.idp.browser();
    let code = browser.open(bound.authorize_by(&reference)).await.submit_password(&alice).await.expect_code();
    let mut stealing = bound.clone();
    stealing.dpop = Some(thief.sign(&thief.claims("POST", "token")));
    stealing.redeem(&code).await.expect_error("invalid_grant");
    browser.open(bound.authorize_with(&[("dpop_jkt", "short")])).await.expect_error("invalid_request");
}
