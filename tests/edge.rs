//! What every request passes, metadata, keys and reload.

use std::io::Write;
use std::time::Duration;

use crate::support::relying_party::Reply;
use crate::support::{TestIdp, jwt, raw};

const PAGES: [&str; 6] = ["/", "/login", "/account/sign-out", "/oauth2/authorize", "/nowhere", "/login/x"];

#[tokio::test]
async fn every_page_is_framed_by_nobody_and_kept_by_nobody() {
    // AZ-29, AZ-38; RFC 9700 section 4.16
    let idp = TestIdp::start().await;
    for path in PAGES {
        let mut browser = idp.browser().with("origin", "https://evil.test");
        let page = browser.open(idp.at(path)).await;
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(page.header(name), value, "{path} {name}");
        }
        assert!(page.header("strict-transport-security").starts_with("max-age="));
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.headers.get("access-control-allow-origin"), None);
        assert_eq!(page.headers.get("cross-origin-opener-policy"), None, "the popup talks to its opener");
    }
}

#[tokio::test]
async fn only_the_issuers_host_is_answered() {
    // PW-13, SR-07
    let idp = TestIdp::start().await;
    let host = format!("Host: localhost:{}", idp.port);
    let get = "GET /login HTTP/1.1";
    for lines in [
        vec![get, "Host: evil.test"],
        vec![get, "Host: localhost"],
        vec![get, &host, "Host: evil.test"],
        vec![get, &host, &host],
        vec!["GET https://evil.test/login HTTP/1.1", &host],
        vec![get],
    ] {
        let (status, answer) = raw::request(&idp, &lines).await;
        assert!(matches!(status, 400 | 421), "{lines:?}: {status}");
        assert!(!answer.contains("evil.test"), "{answer}");
    }
    for extra in ["X-Forwarded-Host: evil.test", "Forwarded: host=evil.test", "X-Forwarded-Proto: javascript"]
    {
        let (status, answer) = raw::request(&idp, &[get, &host, extra]).await;
        assert_eq!(status, 303);
        assert!(answer.contains(&format!("location: {}/login/", idp.issuer)), "{answer}");
    }
}

#[tokio::test]
async fn without_tls_no_cookie_is_given() {
    // SE-11
    let idp = TestIdp::setup().behind_proxy().start().await;
    let host = format!("Host: localhost:{}", idp.port);
    for proto in ["X-Forwarded-Proto: http", "X-Nothing: 1"] {
        let text = format!("GET /login HTTP/1.1\r\n{host}\r\n{proto}\r\nConnection: close\r\n\r\n");
        let (status, answer) = raw::send(&idp, text).await;
        assert_eq!(status, 308);
        assert!(!answer.to_lowercase().contains("set-cookie"), "{answer}");
        assert!(answer.contains(&format!("location: {}/login", idp.issuer)));
    }
}

#[tokio::test]
async fn assets_have_exact_names() {
    // HL-07
    let idp = TestIdp::start().await;
    let host = format!("Host: localhost:{}", idp.port);
    for path in [
        "/assets/../../etc/passwd",
        "/assets/%2e%2e%2fetc/passwd",
        "/assets/%252e%252e%252f",
        "/assets/..%5c..%5cx",
        "/assets/gantry.css%00",
        "/assets/C:%5c",
        "/assets//etc/passwd",
        "/assets/.git",
        "/assets/gantry.css~",
        "/assets/logo",
    ] {
        let (status, _) = raw::request(&idp, &[&format!("GET {path} HTTP/1.1"), &host]).await;
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
    assert_eq!(idp.get("/assets/gantry.css").await.status, 200);
}

#[tokio::test]
async fn metadata_says_what_works() {
    // OpenID Connect Discovery section 4.3, RFC 8414 section 3.3
    let idp = TestIdp::start().await;
    let document = idp.get("/.well-known/openid-configuration").await.json();
    assert_eq!(document, idp.get("/.well-known/oauth-authorization-server").await.json());
    assert_eq!(document["issuer"], idp.issuer.as_str());
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    for name in ["jwks_uri", "userinfo_endpoint", "token_endpoint", "authorization_endpoint"] {
        let url = document[name].as_str().expect("a URL");
        assert!(url.starts_with(&idp.issuer), "{url}");
        assert_ne!(idp.get(&url[idp.issuer.len()..]).await.status, 404, "{url}");
    }
}

#[tokio::test]
async fn rotated_keys_overlap_and_show_nothing_private() {
    // TK-31; OpenID Connect Core section 10.1.1
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let before = c1.sign_in(&mut browser, &alice).await;
    idp.gantry("key rotate").await;
    let code = c1.silent_code(&mut browser).await;
    let after = c1.redeem(&code).await.expect_tokens();
    assert_ne!(jwt::header(&before.id)["kid"], jwt::header(&after.id)["kid"]);
    // Whoever meets the new key asks again and must not get what was there before.
    let jwks = idp.get("/oauth2/jwks").await;
    assert_eq!(jwks.header("cache-control"), "no-cache");
    let jwks = jwks.body;
    for token in [&before.id, &after.id] {
        jwt::verified(token, &jwks, "c1").expect("verifies");
    }
    c1.userinfo(&before.access).await.expect_ok();
    let keys: serde_json::Value = serde_json::from_str(&jwks).expect("JSON");
    for key in keys["keys"].as_array().expect("keys") {
        let members: Vec<_> = key.as_object().expect("a key").keys().collect();
        assert!(members.iter().all(|name| !["d", "p", "q", "dp", "dq", "qi", "k"].contains(&name.as_str())));
        assert!(key["alg"].is_string() && key["kid"].is_string());
    }
}

#[tokio::test]
async fn an_id_token_is_a_hint_as_long_as_its_session_may_last() {
    // OpenID Connect Core section 3.1.2.1, RP-Initiated Logout section 2
    let idp =
        TestIdp::setup().with_settings("sign_in: { session: { absolute: 30d, idle: 30d } }\n").start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let hint = c1.sign_in(&mut browser, &alice).await.id;
    idp.gantry("key rotate").await;
    idp.clock.advance(Duration::from_secs(29 * 24 * 3600));
    browser.open(c1.authorize_with(&[("prompt", "none"), ("id_token_hint", &hint)])).await.expect_code();
}

#[tokio::test]
async fn however_often_keys_are_rotated_the_newest_signs() {
    let idp = TestIdp::setup().with_apps(
        "  curve:\n    redirect_uris: [\"https://curve.test/cb\"]\n    id_token_alg: ES256\n    first_party: true\n",
    );
    let idp = idp.start().await;
    let alice = idp.user("alice").create().await;
    for _ in 0..110 {
        idp.gantry("key rotate --alg ES256").await;
    }
    let curve = idp.relying_party("curve").await;
    let tokens = curve.sign_in(&mut idp.browser(), &alice).await;
    jwt::verified(&tokens.id, &idp.get("/oauth2/jwks").await.body, "curve").expect("verifies");
    let keys = idp.gantry("key list").await;
    let active = keys.as_array().expect("keys").iter().filter(|key| key["state"] == "active");
    assert_eq!(active.count(), 3);
}

#[tokio::test]
async fn other_origins_read_only_what_they_registered_for() {
    // TK-28; Fetch Standard
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let p1 = idp.relying_party("p1").await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let tokens = p1.sign_in(&mut browser, &alice).await;
    let code = c1.silent_code(&mut browser).await;
    let others = c1.redeem(&code).await.expect_tokens();
    let ask = |token: &str, origin: &str| {
        let request = idp.http.get(idp.at("/oauth2/userinfo"));
        Reply::of(request.header("authorization", format!("Bearer {token}")).header("origin", origin))
    };
    let allowed = |reply: &Reply| reply.headers.get("access-control-allow-origin").is_some();
    assert!(allowed(&ask(&tokens.access, "https://spa.test").await));
    assert!(!allowed(&ask(&tokens.access, "https://evil.test").await));
    assert!(!allowed(&ask(&others.access, "https://spa.test").await), "c1 has not registered it");
    let discovery = |origin: &str| {
        Reply::of(idp.http.get(idp.at("/.well-known/openid-configuration")).header("origin", origin))
    };
    let reply = discovery("https://spa.test").await;
    assert_eq!(reply.header("access-control-allow-origin"), "https://spa.test");
    assert_eq!(reply.headers.get("access-control-allow-credentials"), None);
    assert!(!allowed(&discovery("https://evil.test").await));
}

#[tokio::test]
async fn token_answers_are_never_kept() {
    // TK-29; RFC 6749 section 5.1
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let reply = c1.redeem("gc_x").await;
    reply.expect_error("invalid_grant");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("content-type"), "application/json");
    let description = reply.json()["error_description"].as_str().expect("a text").to_owned();
    assert!(description.bytes().all(|byte| matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\'));
}

#[tokio::test]
async fn a_broken_file_keeps_the_old_configuration() {
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let refused = idp.edit(|text| text.replace("policy: standard", "policy: standart")).await;
    assert!(refused.expect_err("a dangling name").contains("did you mean `standard`?"));
    idp.browser().open(c1.authorize_url()).await.expect_step("password");
    let taken =
        idp.edit(|text| text.replace("standart", "standard") + "organisation: { name: Other }\n").await;
    assert_eq!(taken.expect("good again"), Vec::<String>::new());
    assert!(idp.browser().open(c1.authorize_url()).await.html.contains("Other"));
}

#[tokio::test]
async fn what_waits_for_a_restart_is_not_in_force_before_it() {
    const THERE: [&str; 2] = ["data_dir: data\n", "tls: { self_signed: {} }\n"];
    const OTHER: [&str; 2] = ["data_dir: elsewhere\n", "tls: { off: {} }\n"];
    let changed = |text: String, from: [&str; 2], to: [&str; 2]| {
        assert!(from.iter().all(|line| text.contains(line)), "{text}");
        text.replace(from[0], to[0]).replace(from[1], to[1])
    };
    let idp = TestIdp::start().await;
    let running = idp.app.config();
    assert_eq!(idp.edit(|text| changed(text, THERE, OTHER)).await.expect("good"), ["data_dir", "tls"]);
    // The next change says it again: it is compared with what runs, not with what was read last.
    let more = "organisation: { name: Other }\nlog: { level: warn }\n";
    assert_eq!(idp.edit(|text| text + more).await.expect("good"), ["data_dir", "tls", "log"]);
    // Nor does what apps do bring it into force.
    idp.app.complete_config().await.expect("the store");
    let now = idp.app.config();
    assert_eq!((&now.data_dir, &now.tls), (&running.data_dir, &running.tls));
    assert_eq!(now.log.level, running.log.level);
    let mut browser = idp.browser();
    let page = browser.open("/login").await.expect_step("password");
    assert!(page.html.contains("Other"), "the rest is in force");
    // Taken back, nothing waits.
    let before = |text: String| changed(text, OTHER, THERE).replace("log: { level: warn }\n", "");
    assert_eq!(idp.edit(before).await.expect("good"), Vec::<String>::new());
}

#[tokio::test]
async fn slow_clients_keep_nobody_waiting() {
    // HL-05
    let idp = TestIdp::setup().behind_proxy().start().await;
    let mut slow: Vec<_> = (0..300).map(|_| raw::connect(idp.port)).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: lo").expect("half a request");
    }
    let health = tokio::time::timeout(Duration::from_secs(5), idp.get("/healthz")).await.expect("in time");
    assert_eq!(health.status, 200);
}
