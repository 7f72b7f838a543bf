//! Requests that nobody sends by accident: odd headers, credentials and tokens made to break parsers, addresses
//! and methods that do not exist.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::support::relying_party::{Reply, basic};
use crate::support::{RelyingParty, TestIdp, jwt, logs, raw};

/// The address that the service takes a request with these headers to come from.
async fn taken_for(idp: &TestIdp, headers: &[&str]) -> String {
    let host = format!("Host: localhost:{}", idp.port);
    let (_, answer) = raw::request(idp, &[&["GET /login HTTP/1.1", &host], headers].concat()).await;
    let reference = answer.split_once("x-request-id: ").expect("a reference").1.get(..8).expect("eight");
    let logged = logs::so_far();
    let mut entries = logged.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let about = |entry: &Value| {
        let fields = &entry["fields"];
        (fields["reference"] == reference).then(|| fields["address"].as_str().map(str::to_owned))?
    };
    entries.find_map(|entry| about(&entry)).expect("a log line")
}

#[tokio::test]
async fn only_the_word_of_the_proxy_says_where_somebody_is() {
    // HL-06, AD-01, AD-02, AD-03
    let idp = TestIdp::setup().behind_proxy().start().await;
    // What cannot be read is nowhere, and never the proxy itself.
    let (peer, nowhere) = ("127.0.0.1", "0.0.0.0");
    let many = format!("X-Forwarded-For: {}192.0.2.1", "6.6.6.6, ".repeat(1000));
    for (headers, address) in [
        (vec!["X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
        (vec!["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
        (vec!["X-Forwarded-For: 6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        (vec!["X_Forwarded_For: 6.6.6.6"], peer),
        (vec!["X_Forwarded_For: 6.6.6.6", "X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
        (vec!["X-Forwarded-For: 6.6.6.6, nonsense"], nowhere),
        (vec!["X-Forwarded-For: 6.6.6.6,"], nowhere),
        (vec!["X-Forwarded-For:"], nowhere),
        (vec!["X-Forwarded-For: 999.1.1.1"], nowhere),
        (vec!["X-Forwarded-For: ::ffff:zz"], nowhere),
        (vec!["X-Forwarded-For: fe80::1%eth0"], nowhere),
        (vec!["X-Forwarded-For: \u{e9}"], nowhere),
        (vec!["X-Forwarded-For: \u{e9}, 192.0.2.1"], "192.0.2.1"),
        (vec!["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 192.0.2.1:1"], "192.0.2.1"),
        (vec!["X-Forwarded-For: [2001:db8::1]"], "2001:db8::1"),
        (vec!["X-Forwarded-For:  [2001:db8::1]:443 "], "2001:db8::1"),
        (vec!["X-Forwarded-For: ::ffff:192.0.2.1"], "192.0.2.1"),
        (vec![many.as_str()], "192.0.2.1"),
        (vec!["Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "Client-IP: 6.6.6.6"], peer),
        (vec!["Connection: x-forwarded-for", "X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
    ] {
        assert_eq!(taken_for(&idp, &headers).await, address, "{headers:?}");
    }
    // Without a proxy of ours nobody's word counts.
    let direct = TestIdp::start().await;
    for header in ["X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "X-Client-IP", "True-Client-IP"] {
        assert_eq!(
            taken_for(&direct, &[&format!("{header}: 6.6.6.6"), "Forwarded: for=6.6.6.6"]).await,
            peer
        );
    }
}

#[tokio::test]
async fn headers_change_neither_method_nor_address_nor_who_asks() {
    // HL-06
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let tokens = c1.sign_in(&mut idp.browser(), &alice).await;
    let host = format!("Host: localhost:{}", idp.port);
    let authorization = format!("Authorization: Bearer {}", tokens.access);
    let userinfo = "GET /oauth2/userinfo HTTP/1.1";
    for (lines, status) in [
        (vec!["GET /nowhere HTTP/1.1", "X-Original-URL: /healthz"], 404),
        (vec!["GET /nowhere HTTP/1.1", "X-Rewrite-URL: /healthz", "X-Forwarded-Prefix: /x"], 404),
        (vec!["GET /oauth2/token HTTP/1.1", "X-HTTP-Method-Override: POST"], 405),
        (vec!["GET /oauth2/token HTTP/1.1", "X-Method-Override: POST", "X-HTTP-Method: POST"], 405),
        // Whether a proxy drops a hop-by-hop header or not: nobody is let in without a token, nobody as another.
        (vec![userinfo, "Connection: close, authorization"], 401),
        (vec![userinfo, "Connection: close, authorization", &authorization], 200),
        (vec![userinfo, "X-Authorization: Bearer x", "X-Forwarded-User: alice", "Remote-User: alice"], 401),
    ] {
        let (answered, text) = raw::request(&idp, &[&lines[..], &[&host]].concat()).await;
        assert_eq!(answered, status, "{lines:?}: {text}");
    }
}

/// A refresh with this `Authorization` header, which does not use the token up when it is refused.
async fn refresh_as(c1: &RelyingParty, authorization: &str) -> Reply {
    c1.token_as(Some(authorization), &[("grant_type", "refresh_token"), ("refresh_token", "gr_x")]).await
}

/// Every character as `%XX`: what RFC 6749 section 2.3.1 allows and no client of ours needs.
fn encoded(text: &str) -> String {
    text.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).map(char::from).collect()
}

#[tokio::test]
async fn odd_basic_headers_are_read_or_refused_and_never_an_error_of_ours() {
    // TK-17; RFC 6749 section 2.3.1
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let secret = c1.secret.clone().expect("a secret");
    let right = basic("c1", &secret);
    let credentials = right.strip_prefix("Basic ").expect("Basic").to_owned();
    for good in [
        right.clone(),
        basic(&encoded("c1"), &encoded(&secret)),
        format!("basic {credentials}"),
        format!("BASIC   {credentials}  "),
    ] {
        // The client is known, its token is not.
        refresh_as(&c1, &good).await.expect_error("invalid_grant");
    }
    for bad in [
        basic("c1", ":%+ ü"),
        basic("c1", "%3A%25%2B+%C3%BC"),
        basic("c1", "%"),
        basic("c1", "%zz%ff"),
        basic("c1", &format!("{secret}:")),
        basic("c1", ""),
        basic("", &secret),
        basic("c1%00", &secret),
        format!("Basic {}", STANDARD.encode(format!("c1{secret}"))),
        format!("Basic {}", STANDARD.encode(b"c1:\xff\xfe")),
        format!("Basic {}", URL_SAFE_NO_PAD.encode(b"c1:???>>>")),
        format!("Basic {credentials}!"),
        format!("Basic {credentials} {credentials}"),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        format!("Basic{credentials}"),
        format!("bearer {credentials}"),
        "Negotiate x".to_owned(),
        format!("Basic {}", "QUFB".repeat(3000)),
    ] {
        let reply = refresh_as(&c1, &bad).await;
        reply.expect_error("invalid_client");
        assert!(reply.header("www-authenticate").starts_with("Basic "), "{bad}");
    }
    let long = refresh_as(&c1, &format!("Basic {}", "QUFB".repeat(16 * 1024))).await;
    assert!(matches!(long.status, 400 | 431), "{}", long.status);
}

/// A JWT of this header that carries the payload and signature of a good one.
fn with_header(token: &str, header: &str) -> String {
    let (_, rest) = token.split_once('.').expect("three parts");
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

#[tokio::test]
async fn tokens_made_to_break_parsers_are_refused_and_cost_little() {
    // TK-30; RFC 8725
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let good = c1.sign_in(&mut idp.browser(), &alice).await.access;
    let kid = jwt::header(&good)["kid"].as_str().expect("a kid").to_owned();
    let deep = |depth| format!("{{\"alg\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let typ = "\"typ\":\"at+jwt\"";
    for token in [
        ".".repeat(16_000),
        ".".repeat(7_000),
        with_header(&good, &deep(2_000)),
        with_header(&good, &deep(5_000)),
        with_header(&good, &format!("{{{typ},\"kid\":\"{kid}\",\"alg\":\"ES256\",\"alg\":\"none\"}}")),
        with_header(&good, &format!("{{{typ},\"kid\":\"x\",\"alg\":\"ES256\",\"kid\":\"{kid}\"}}")),
        with_header(
            &good,
            &format!("{{{typ},\"alg\":\"PBES2-HS256+A128KW\",\"p2c\":2147483647,\"enc\":\"A128GCM\"}}"),
        ),
        with_header(
            &good,
            &format!("{{{typ},\"kid\":\"{kid}\",\"alg\":\"ES256\",\"zip\":\"DEF\",\"crit\":[\"zip\"]}}"),
        ),
        format!("{good}.{good}"),
        format!("{good}."),
        format!("{good}="),
        "a".repeat(15_000),
        "..".to_owned(),
    ] {
        let reply = c1.userinfo(&token).await;
        reply.expect_error("invalid_token");
        let hint =
            c1.authorize_with(&[("prompt", "none"), ("id_token_hint", token.get(..8_000).unwrap_or(&token))]);
        let status = idp.browser().open(hint).await.status;
        assert!(matches!(status, 303 | 400), "{status}");
    }
    outsized_tokens(&idp).await;
    c1.userinfo(&good).await.expect_ok();
}

async fn outsized_tokens(idp: &TestIdp) {
    let host = format!("Host: localhost:{}", idp.port);
    let million = format!("Authorization: Bearer {}", ".".repeat(1_000_000));
    let (status, _) = raw::request(idp, &["GET /oauth2/userinfo HTTP/1.1", &host, &million]).await;
    // The connection ends while the sender still speaks (0), so that the answer may be lost on its way.
    assert!(matches!(status, 0 | 400 | 431), "{status}");
    let token = "access_token=";
    for (declared, sent, expected) in
        [(65_536, 65_536, [401, 401]), (10 << 20, token.len(), [413, 413]), (10 << 20, 10 << 20, [413, 0])]
    {
        let head = format!(
            "POST /oauth2/userinfo HTTP/1.1\r\n{host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {declared}\r\nConnection: close\r\n\r\n{token}"
        );
        let (status, _) = raw::send(idp, head + &".".repeat(sent - token.len())).await;
        assert!(expected.contains(&status), "{sent} of {declared}: {status}");
    }
}

/// Every address with the methods it knows.
const TABLE: [(&str, &[&str]); 26] = [
    ("/", &["GET"]),
    ("/healthz", &["GET"]),
    ("/readyz", &["GET"]),
    ("/.well-known/openid-configuration", &["GET", "OPTIONS"]),
    ("/.well-known/oauth-authorization-server", &["GET", "OPTIONS"]),
    ("/oauth2/jwks", &["GET", "OPTIONS"]),
    ("/oauth2/authorize", &["GET", "POST"]),
    ("/oauth2/par", &["POST", "OPTIONS"]),
    ("/oauth2/device_authorization", &["POST"]),
    ("/oauth2/introspect", &["POST"]),
    ("/oauth2/revoke", &["POST", "OPTIONS"]),
    ("/oauth2/token", &["POST", "OPTIONS"]),
    ("/oauth2/userinfo", &["GET", "POST", "OPTIONS"]),
    ("/oauth2/logout", &["GET", "POST"]),
    ("/device", &["GET", "POST"]),
    ("/oauth2/register", &["POST"]),
    ("/oauth2/register/x", &["GET", "PUT", "DELETE"]),
    ("/approve/x", &["GET", "POST"]),
    ("/login", &["GET"]),
    ("/login/x", &["GET", "POST"]),
    ("/register", &["GET"]),
    ("/register/x", &["GET", "POST"]),
    ("/activate/x", &["GET", "POST"]),
    ("/account", &["GET", "POST"]),
    ("/account/sign-out", &["GET", "POST"]),
    ("/assets/gantry.css", &["GET"]),
];

#[tokio::test]
async fn every_address_answers_its_methods_and_no_others() {
    // IM-09; RFC 9110 section 15.5.6
    let idp = TestIdp::start().await;
    for (path, methods) in TABLE {
        for method in ["GET", "POST", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
            let known = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
            let reply = Reply::of(idp.http.request(known, idp.at(path))).await;
            assert!(reply.status < 500, "{method} {path}: {}", reply.status);
            assert_eq!(reply.status == 405, !methods.contains(&method), "{method} {path}: {}", reply.status);
            // No such flow; and neither apps nor people may register here.
            let missing = [
                ("GET", "/login/x"),
                ("GET", "/approve/x"),
                ("GET", "/register"),
                ("GET", "/register/x"),
                ("POST", "/register/x"),
                ("GET", "/activate/x"),
                ("POST", "/oauth2/register"),
            ]
            .contains(&(method, path));
            assert_eq!(reply.status == 404, missing, "{method} {path}");
            if reply.status == 405 {
                let mut allowed: Vec<&str> = reply.header("allow").split(", ").collect();
                // HEAD goes with GET (RFC 9110 section 9.3.2).
                assert_eq!(allowed.contains(&"HEAD"), allowed.contains(&"GET"), "{method} {path}");
                allowed.retain(|method| *method != "HEAD");
                assert_eq!(allowed, methods, "{method} {path}");
            }
            assert_eq!(reply.header("x-content-type-options"), "nosniff", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_page_takes_small_forms_from_itself_alone() {
    // AZ-30: before anything is looked up
    let idp = TestIdp::start().await;
    let (form, large) = ("application/x-www-form-urlencoded", "x".repeat(70_000));
    let pages = ["/login/x", "/activate/x", "/approve/x", "/not-me/x", "/account", "/device", "/break-glass"];
    for path in pages {
        for (kind, body, origin, status) in [
            ("application/json", "{}", &*idp.issuer, 415),
            (form, &large, &idp.issuer, 413),
            (form, "csrf=x&csrf=x", &idp.issuer, 403),
            (form, "csrf=x", "https://evil.test", 403),
        ] {
            let request = idp.http.post(idp.at(path)).header("content-type", kind).header("origin", origin);
            let reply = Reply::of(request.body(body.to_owned())).await;
            assert_eq!(reply.status, status, "{path} {kind} {origin}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    // RFC 9110 section 9.3.2
    let idp = TestIdp::start().await;
    for path in ["/healthz", "/.well-known/openid-configuration", "/oauth2/jwks", "/assets/gantry.css"] {
        let got = Reply::of(idp.http.get(idp.at(path))).await;
        let head = Reply::of(idp.http.head(idp.at(path))).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-length"), got.body.len().to_string(), "{path}");
    }
}

#[tokio::test]
async fn any_other_address_is_the_same_page() {
    let idp = TestIdp::start().await;
    for path in [
        "/nowhere",
        "/login/x/y",
        "/oauth2",
        "/oauth2/",
        "/oauth2/token/",
        "/OAUTH2/TOKEN",
        "/admin",
        "/metrics",
        "/debug",
        "/.env",
        "/.well-known/",
        "/.well-known/oauth-authorization-server/x",
        "/assets/",
        "//login",
        "/healthz/",
    ] {
        let mut browser = idp.browser();
        browser.open(idp.at(path)).await.expect_error_page(404);
        for method in [reqwest::Method::POST, reqwest::Method::DELETE] {
            assert_eq!(Reply::of(idp.http.request(method, idp.at(path))).await.status, 404, "{path}");
        }
    }
}

/// A `ClientHello` of `version` that knows these cipher suites and no extensions (RFC 5246 section 7.4.1.2).
fn client_hello(version: [u8; 2], suites: &[[u8; 2]]) -> Vec<u8> {
    let suites = suites.concat();
    let mut hello = version.to_vec();
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend(u16::try_from(suites.len()).expect("few").to_be_bytes());
    hello.extend(suites);
    hello.extend([1, 0]);
    let length = u32::try_from(hello.len()).expect("short").to_be_bytes();
    let handshake = [&[1], &length[1..], &hello].concat();
    let length = u16::try_from(handshake.len()).expect("short").to_be_bytes();
    [&[0x16, 3, 1][..], &length, &handshake].concat()
}

#[tokio::test]
async fn old_tls_and_weak_ciphers_are_refused() {
    // HL-09; RFC 8996, RFC 9325 section 4.1
    let idp = TestIdp::start().await;
    let strong = [[0xc0, 0x2b], [0xc0, 0x2f]];
    let weak = [[0x00, 0x2f], [0x00, 0x0a], [0x00, 0x05], [0x00, 0x01]];
    for (version, suites) in [([3, 0], &strong[..]), ([3, 1], &strong), ([3, 2], &strong), ([3, 3], &weak)] {
        let (hello, port) = (client_hello(version, suites), idp.port);
        let spoken = tokio::task::spawn_blocking(move || {
            let mut stream = raw::connect(port);
            stream.write_all(&hello).expect("sent");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).map(|_| answer)
        });
        let answer = spoken.await.expect("an end").expect("an answer");
        // An alert that ends it (RFC 5246 section 7.2), or nothing: no ServerHello.
        assert_ne!(answer.first(), Some(&0x16), "{version:?}");
        if let [0x15, _, _, _, _, level, ..] = answer.as_slice() {
            assert_eq!(*level, 2, "fatal");
        }
    }
}
