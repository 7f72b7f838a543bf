//! Apps that sign: proofs of who they are (RFC 7523), authorization requests (RFC 9101), and proofs that they
//! hold a key (RFC 9449).

use std::time::Duration;

use gantry::secret::random_text;
use serde_json::{Value, json};

use crate::races::at_once;
use crate::support::callee::Callee;
use crate::support::jwt::{self, AppKey};
use crate::support::relying_party::{Reply, Tokens, query_of};
use crate::support::{RelyingParty, TestIdp};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An app that proves itself with `key`, one with the HMAC of its secret, and one that takes tokens bound to
/// a key only.
struct World {
    idp: TestIdp,
    key: AppKey,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let key = AppKey::p256("k1");
        let dir = tempfile::tempdir().expect("folder");
        let file = dir.path().join("jwks.json");
        std::fs::write(&file, AppKey::set(&[&key, &AppKey::ed25519("k2")])).expect("keys");
        let apps = format!(
            "  signer:
    redirect_uris: [\"https://signer.test/cb\"]
    token_endpoint_auth_method: private_key_jwt
    jwks: {{ file: {} }}
    grants: [authorization_code, refresh_token, client_credentials]
    first_party: true
  hasher:
    redirect_uris: [\"https://hasher.test/cb\"]
    token_endpoint_auth_method: client_secret_jwt
    grants: [authorization_code, client_credentials]
  basic:
    redirect_uris: [\"https://basic.test/cb\"]
    token_endpoint_auth_method: client_secret_basic
    grants: [authorization_code, client_credentials]
  post:
    redirect_uris: [\"https://post.test/cb\"]
    token_endpoint_auth_method: client_secret_post
    grants: [authorization_code, client_credentials]
  sealed:
    redirect_uris: [\"https://sealed.test/cb\"]
    jwks: {{ file: {} }}
    signed_requests_only: true
    first_party: true
  bound:
    redirect_uris: [\"https://bound.test/cb\"]
    client: public
    dpop_bound_access_tokens: true
    first_party: true
",
            file.display(),
            file.display()
        );
        Self { idp: TestIdp::setup().with_apps(&apps).start().await, key, _dir: dir }
    }

    fn now(&self) -> i64 {
        self.idp.app.clock.now().seconds()
    }

    /// What a well-behaved client claims of itself.
    fn claims(&self, client: &str) -> Value {
        json!({
            "iss": client, "sub": client, "aud": self.idp.issuer, "jti": random_text::<12>(),
            "iat": self.now(), "exp": self.now() + 60,
        })
    }

    fn assertion(&self, client: &str) -> String {
        self.key.sign(&json!({ "kid": "k1" }), &self.claims(client))
    }

    async fn own_token(&self, form: &[(&str, &str)]) -> Reply {
        let form = [&[("grant_type", "client_credentials")], form].concat();
        self.idp.relying_party("c1").await.token_as(None, &form).await
    }

    async fn prove(&self, assertion: &str) -> Reply {
        self.own_token(&[("client_assertion_type", TYPE), ("client_assertion", assertion)]).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_uses_of_one_assertion_one_counts() {
    // TK-21
    let world = World::new().await;
    for _ in 0..10 {
        let assertion = world.assertion("signer");
        let rp = world.idp.relying_party("c1").await;
        let prove = || {
            let (rp, assertion) = (rp.clone(), assertion.clone());
            async move {
                let kind = ("grant_type", "client_credentials");
                let form = [kind, ("client_assertion_type", TYPE), ("client_assertion", &*assertion)];
                let reply = rp.token_as(None, &form).await;
                (reply.status, reply.body)
            }
        };
        let replies = at_once(20, prove).await;
        assert_eq!(replies.iter().filter(|(status, _)| *status == 200).count(), 1, "{replies:?}");
    }
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

#[tokio::test]
async fn an_app_proves_itself_with_its_key_once_per_assertion() {
    // RFC 7523 sections 2.2 and 3, TK-21
    let world = World::new().await;
    let assertion = world.assertion("signer");
    assert_eq!(world.prove(&assertion).await.status, 200);
    world.prove(&assertion).await.expect_error("invalid_client");
    // Another key of the set, no key named, audience as a list, the token endpoint as audience.
    let token_endpoint = format!("{}/oauth2/token", world.idp.issuer);
    for (header, claims) in [
        (json!({}), world.claims("signer")),
        (
            json!({ "kid": "k1", "typ": "JWT" }),
            with(world.claims("signer"), "aud", json!(["x", world.idp.issuer])),
        ),
        (json!({ "kid": "k1" }), with(world.claims("signer"), "aud", json!(token_endpoint))),
    ] {
        assert_eq!(world.prove(&world.key.sign(&header, &claims)).await.status, 200, "{header} {claims}");
    }
    // Somebody else's use of the same jti is no use of mine.
    let secret = world.idp.relying_party("hasher").await.secret.expect("a secret");
    let claims = with(world.claims("hasher"), "jti", jwt::payload(&assertion)["jti"].clone());
    assert_eq!(world.prove(&jwt::hs256(&claims, secret.as_bytes())).await.status, 200);
}

#[tokio::test]
async fn an_assertion_that_is_not_quite_right_proves_nothing() {
    // RFC 7523 section 3
    let world = World::new().await;
    let now = world.now();
    let good = || world.claims("signer");
    let mut wrong = vec![
        with(good(), "iss", json!("c1")),
        with(good(), "sub", json!("c1")),
        with(good(), "sub", json!("nobody")),
        with(good(), "aud", json!("https://elsewhere.test")),
        with(good(), "aud", json!([])),
        with(good(), "exp", json!(now - 61)),
        with(good(), "exp", json!(now + 7200)),
        with(good(), "nbf", json!(now + 120)),
        with(good(), "iat", json!(now + 120)),
        with(good(), "jti", json!("")),
        with(good(), "jti", json!("x".repeat(300))),
    ];
    for missing in ["iss", "sub", "aud", "exp", "jti"] {
        let mut claims = good();
        claims.as_object_mut().expect("an object").remove(missing);
        wrong.push(claims);
    }
    for claims in wrong {
        world.prove(&world.key.sign(&json!({ "kid": "k1" }), &claims)).await.expect_error("invalid_client");
    }
}

#[tokio::test]
async fn no_algorithm_or_key_comes_from_the_assertion() {
    // TK-19, TK-20; RFC 8725 sections 3.1 and 3.10
    let world = World::new().await;
    let claims = || world.claims("signer");
    let other = AppKey::p256("k1");
    let mut forged = Vec::new();
    for alg in ["none", "None", "nOnE", "", "RS256", "EdDSA", "HS256", "PS256"] {
        forged.push(world.key.sign(&json!({ "alg": alg, "kid": "k1" }), &claims()));
        let (message, _) = forged[forged.len() - 1].rsplit_once('.').expect("parts");
        forged.push(format!("{message}."));
    }
    let public = &world.key.public;
    for secret in [
        public.to_string(),
        public["x"].as_str().expect("x").to_owned(),
        String::new(),
        world.key.private_pem.clone(),
    ] {
        forged.push(jwt::hs256(&claims(), secret.as_bytes()));
    }
    forged.push(other.sign(&json!({ "kid": "k1" }), &claims()));
    forged.push(other.sign(&json!({ "kid": "k1", "jwk": other.public }), &claims()));
    forged.push(world.key.sign(&json!({ "kid": "k2" }), &claims()));
    for (name, value) in [
        ("jku", json!("https://evil.test/keys")),
        ("x5u", json!("https://evil.test/cert")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("jwk", public.clone()),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("x".repeat(20_000))),
    ] {
        forged.push(world.key.sign(&with(json!({ "kid": "k1" }), name, value), &claims()));
    }
    for text in [
        "",
        "x",
        "a.b",
        "a.b.c.d.e",
        &".".repeat(60_000),
        &format!("{}.{}.x", "[".repeat(9000), "[".repeat(6000)),
    ] {
        forged.push(text.to_owned());
    }
    for assertion in forged {
        world.prove(&assertion).await.expect_error("invalid_client");
    }
    assert_eq!(world.prove(&world.assertion("signer")).await.status, 200);
}

#[tokio::test]
async fn each_app_proves_itself_its_own_way_only() {
    // TK-15, TK-16
    let world = World::new().await;
    let secret =
        async |client| world.idp.relying_party(client).await.secret.unwrap_or_else(|| "x".repeat(43));
    for client in ["signer", "hasher", "basic", "post"] {
        let (secret, rp) = (secret(client).await, world.idp.relying_party("c1").await);
        let form = [("grant_type", "client_credentials")];
        let basic = crate::support::relying_party::basic(client, &secret);
        let hashed = jwt::hs256(&world.claims(client), secret.as_bytes());
        for (way, reply) in [
            ("basic", rp.token_as(Some(&basic), &form).await),
            ("post", world.own_token(&[("client_id", client), ("client_secret", &secret)]).await),
            ("hasher", world.prove(&hashed).await),
            ("signer", world.prove(&world.assertion(client)).await),
            ("none", world.own_token(&[("client_id", client)]).await),
        ] {
            if way == client {
                assert_eq!(reply.status, 200, "{client} {way}: {}", reply.body);
            } else {
                reply.expect_error("invalid_client");
            }
        }
        let assertion = world.assertion("signer");
        let proof = [("client_assertion_type", TYPE), ("client_assertion", &*assertion)];
        rp.token_as(Some(&basic), &[&form, &proof[..]].concat()).await.expect_error("invalid_request");
    }
    let assertion = world.assertion("signer");
    let named = |id| [("client_assertion_type", TYPE), ("client_assertion", &*assertion), ("client_id", id)];
    world.own_token(&named("c1")).await.expect_error("invalid_client");
    world.own_token(&[("client_assertion", &*assertion)]).await.expect_error("invalid_client");
    world
        .own_token(&[("client_assertion_type", TYPE), ("client_id", "signer")])
        .await
        .expect_error("invalid_client");
    assert_eq!(world.own_token(&named("signer")).await.status, 200);
}

#[tokio::test]
async fn keys_are_fetched_from_where_the_app_publishes_them() {
    // TK-20: and nowhere else, and not at every request
    let mut callee = Callee::start().await;
    let idp = TestIdp::setup()
        .with_settings("outbound: { allow: [127.0.0.1/32] }\n")
        .with_apps(&format!(
            "  robot:\n    grants: [client_credentials]\n    token_endpoint_auth_method: private_key_jwt\n    jwks: {{ uri: {} }}\n",
            callee.url("/jwks")
        ))
        .start()
        .await;
    let (first, second) = (AppKey::p256("first"), AppKey::p256("second"));
    let world = World { idp, key: first.clone(), _dir: tempfile::tempdir().expect("folder") };
    let publish = |callee: &Callee, keys: &str| {
        let length = keys.len();
        callee.will_answer(&format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{keys}"
        ));
    };
    let prove = async |key: &AppKey| {
        let kid = key.public["kid"].clone();
        world.prove(&key.sign(&json!({ "kid": kid }), &world.claims("robot"))).await
    };
    publish(&callee, &AppKey::set(&[&first]));
    assert_eq!(prove(&first).await.status, 200);
    assert_eq!(callee.called().await.line, "GET /jwks HTTP/1.1");
    assert_eq!(prove(&first).await.status, 200);
    // A key that is not there is looked for, but not more than every half minute.
    prove(&second).await.expect_error("invalid_client");
    assert!(!callee.is_called());
    world.idp.clock.advance(Duration::from_secs(31));
    publish(&callee, &AppKey::set(&[&second]));
    assert_eq!(prove(&second).await.status, 200);
    callee.called().await;
    prove(&first).await.expect_error("invalid_client");
    // While the app cannot be reached its keys stay.
    world.idp.clock.advance(Duration::from_secs(3600));
    callee.will_answer("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_eq!(prove(&second).await.status, 200);
    callee.called().await;
    // SR-05
    world.idp.clock.advance(Duration::from_secs(3600));
    let endless = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", " ".repeat(2 << 20));
    callee.will_answer(&endless);
    assert_eq!(prove(&second).await.status, 200);
}

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

/// A key and what it is used for.
struct Prover<'w> {
    world: &'w World,
    key: AppKey,
}

impl Prover<'_> {
    fn claims(&self, method: &str, path: &str) -> Value {
        let url = format!("{}/oauth2/{path}", self.world.idp.issuer);
        json!({ "jti": random_text::<12>(), "htm": method, "htu": url, "iat": self.world.now() })
    }

    fn sign(&self, claims: &Value) -> String {
        self.key.sign(&json!({ "typ": "dpop+jwt", "jwk": self.key.public }), claims)
    }

    fn for_token(&self, method: &str, token: &str) -> String {
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

fn tokens_of(reply: &Reply) -> Tokens {
    let json = reply.expect_ok();
    assert_eq!(json["token_type"], "DPoP");
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    Tokens {
        access: text("access_token"),
        refresh: text("refresh_token"),
        id: text("id_token"),
        scope: text("scope"),
        expires_in: 0,
    }
}

#[tokio::test]
async fn a_token_bound_to_a_key_is_for_its_holder() {
    // RFC 9449 sections 5 to 7
    let world = World::new().await;
    let bound = world.idp.relying_party("bound").await;
    for key in [AppKey::p256("p"), AppKey::ed25519("e")] {
        let prover = Prover { world: &world, key };
        let thief = Prover { world: &world, key: AppKey::p256("t") };
        let code = code_for(&world, &bound, &[]).await;
        let mut proving = bound.clone();
        proving.dpop = Some(prover.sign(&prover.claims("POST", "token")));
        let tokens = tokens_of(&proving.redeem(&code).await);
        assert_eq!(tokens.access_claims()["cnf"], json!({ "jkt": prover.key.thumbprint() }));
        let proof = prover.for_token("GET", &tokens.access);
        userinfo(&world, "DPoP", &tokens.access, Some(&proof)).await.expect_ok();
        userinfo(&world, "DPoP", &tokens.access, Some(&proof)).await.expect_error("invalid_token");
        userinfo(&world, "Bearer", &tokens.access, None).await.expect_error("invalid_token");
        userinfo(&world, "DPoP", &tokens.access, None).await.expect_error("invalid_token");
        let elsewhere = prover.for_token("GET", "another token");
        let refused = userinfo(&world, "DPoP", &tokens.access, Some(&elsewhere)).await;
        assert!(refused.expect_error("invalid_token").header("www-authenticate").contains("DPoP algs="));
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
        tokens_of(&proving.refresh(&tokens.refresh).await);
    }
}

#[tokio::test]
async fn a_proof_that_is_not_quite_right_proves_nothing() {
    // RFC 9449 section 4.3
    let world = World::new().await;
    let bound = world.idp.relying_party("bound").await;
    let prover = Prover { world: &world, key: AppKey::p256("p") };
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
    // None of these burnt the code; a proof is used once.
    let proof = prover.sign(&good());
    proving.dpop = Some(proof);
    tokens_of(&proving.redeem(&code).await);
    proving.redeem(&code).await.expect_error("invalid_dpop_proof");
}

#[tokio::test]
async fn a_code_bound_to_a_key_is_for_its_holder() {
    // RFC 9449 section 10
    let world = World::new().await;
    let bound = world.idp.relying_party("bound").await;
    let prover = Prover { world: &world, key: AppKey::p256("p") };
    let thief = Prover { world: &world, key: AppKey::p256("t") };
    let mut proving = bound.clone();
    let code = code_for(&world, &bound, &[("dpop_jkt", &prover.key.thumbprint())]).await;
    proving.dpop = Some(thief.sign(&thief.claims("POST", "token")));
    proving.redeem(&code).await.expect_error("invalid_grant");
    let code = code_for(&world, &bound, &[("dpop_jkt", &prover.key.thumbprint())]).await;
    proving.dpop = Some(prover.sign(&prover.claims("POST", "token")));
    tokens_of(&proving.redeem(&code).await);
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
