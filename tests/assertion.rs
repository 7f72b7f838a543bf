//! Apps that prove who they are by signature (RFC 7523).

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::races::at_once;
use crate::support::TestIdp;
use crate::support::callee::Callee;
use crate::support::jwt::{self, AppKey};
use crate::support::signer::{TYPE, World, with};

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

#[tokio::test]
async fn an_app_proves_itself_with_its_key_once_per_assertion() {
    // RFC 7523 sections 2.2 and 3, TK-21
    let world = World::new().await;
    let assertion = world.assertion("signer");
    assert_eq!(world.prove(&assertion).await.status, 200);
    world.prove(&assertion).await.expect_error("invalid_client");
    // Another key of the set, no key named, audience as a list, the token endpoint as audience.
    let token_endpoint = format!("{}/oauth2/token", world.idp.issuer);
    let par = format!("{}/oauth2/par", world.idp.issuer);
    for (header, claims) in [
        (json!({}), world.claims("signer")),
        (
            json!({ "kid": "k1", "typ": "JWT" }),
            with(world.claims("signer"), "aud", json!(["x", world.idp.issuer])),
        ),
        (json!({ "kid": "k1" }), with(world.claims("signer"), "aud", json!(token_endpoint))),
        // RFC 9126 section 2
        (json!({ "kid": "k1" }), with(world.claims("signer"), "aud", json!(par))),
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
async fn however_many_ask_for_a_key_the_app_is_called_once() {
    let callee = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let idp = TestIdp::setup()
        .with_settings("outbound: { allow: [127.0.0.1/32] }\n")
        .with_apps(&format!(
            "  robot:\n    grants: [client_credentials]\n    token_endpoint_auth_method: private_key_jwt\n    jwks: {{ uri: http://{}/jwks }}\n",
            callee.local_addr().expect("its address")
        ))
        .start()
        .await;
    let key = AppKey::p256("k1");
    let world = Arc::new(World { idp, key: key.clone(), _dir: tempfile::tempdir().expect("folder") });
    let mut asking = JoinSet::new();
    for _ in 0..20 {
        let world = Arc::clone(&world);
        asking.spawn(async move { world.prove(&world.assertion("robot")).await.status });
    }
    let (mut call, _) = callee.accept().await.expect("a call");
    assert!(call.read(&mut [0; 1024]).await.expect("a request") > 0);
    let keys = AppKey::set(&[&key]);
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{keys}", keys.len());
    call.write_all(answer.as_bytes()).await.expect("an answer");
    // A second call would wait for ever, and whoever made it.
    assert_eq!(asking.join_all().await, [200; 20]);
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
