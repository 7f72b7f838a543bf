//! The authorization request and its answer.

use crate::support::{RelyingParty, TestIdp, raw};

/// RFC 9207 section 2.
#[tokio::test]
async fn every_answer_names_the_issuer_and_returns_the_state() {
    // AZ-10
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    c1.sign_in(&mut browser, &alice).await;
    let mut answers = Vec::new();
    for mode in ["query", "form_post"] {
        for broken in [("display", "page"), ("scope", "a\"b"), ("response_type", "token"), ("request", "x")] {
            let url = c1.authorize_with(&[("response_mode", mode), broken]);
            answers.push(browser.open(url).await.expect_answer());
        }
    }
    for mode in ["query", "form_post"] {
        let url = c1.authorize_with(&[("response_mode", mode), ("prompt", "none")]);
        answers.push(idp.browser().open(url).await.expect_error("login_required"));
    }
    assert_eq!(answers.iter().filter(|answer| answer.get("code").is_some()).count(), 2);
    for answer in answers {
        assert_eq!(answer.uri, "https://rp1.test/cb");
        assert_eq!(answer.get("iss"), Some(idp.issuer.as_str()));
        assert_eq!(answer.get("state"), Some(c1.state.as_str()));
        assert!(answer.get("code").is_some() != answer.get("error").is_some());
    }
}

#[tokio::test]
async fn only_advertised_response_modes_are_used() {
    // AZ-12; OAuth 2.0 Multiple Response Type Encoding Practices section 2.1
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    for mode in ["web_message", "jwt", "form_post.jwt", "query.jwt", "query,form_post", "x"] {
        let mut browser = idp.browser();
        let answer =
            browser.open(c1.authorize_with(&[("response_mode", mode)])).await.expect_error("invalid_request");
        assert_eq!(answer.get("state"), Some(c1.state.as_str()), "{mode}");
        let evil = c1.returning_to("https://evil.test/cb").authorize_with(&[("response_mode", mode)]);
        browser.open(evil).await.expect_error_page(400);
    }
}

#[tokio::test]
async fn a_code_goes_back_in_each_advertised_way() {
    // OAuth 2.0 Multiple Response Type Encoding Practices section 2.1, Form Post Response Mode section 2
    let idp = TestIdp::setup()
        .with_apps("  native:\n    title: On My Device\n    redirect_uris: [\"org.example.app:/cb\", \"https://native.test/cb\"]\n    client: public\n    first_party: true\n")
        .start()
        .await;
    let alice = idp.user("alice").create().await;
    let native = idp.relying_party("native").await;
    let web = native.returning_to("https://native.test/cb");
    let mut browser = idp.browser();
    let by = |rp: &RelyingParty, mode| rp.authorize_with(&[("response_mode", mode)]);
    let page = browser.open(by(&native, "fragment")).await.submit_password(&alice).await;
    assert!(page.header("location").starts_with("org.example.app:/cb#code="), "{}", page.header("location"));
    let page = browser.open(by(&web, "form_post")).await.expect_step("form_post");
    assert!(page.html.contains("On My Device"), "{}", page.html);
    page.expect_code();
    browser.open(by(&web, "query")).await.expect_code();
    // No form is posted to an app.
    browser.open(by(&native, "form_post")).await.expect_error("invalid_request");
}

#[tokio::test]
async fn other_response_types_are_refused() {
    // OAuth 2.0 Multiple Response Type Encoding Practices section 3; RFC 9700 section 2.1.2: no implicit grant
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    for response_type in ["token", "none", "CODE", "code code"] {
        let url = c1.authorize_with(&[("response_type", response_type)]);
        browser.open(url).await.expect_error("unsupported_response_type");
    }
    for response_type in ["id_token", "code id_token", "code token"] {
        let url = c1.authorize_with(&[("response_type", response_type)]);
        browser.open(url).await.expect_error("unauthorized_client");
    }
    browser.open(c1.authorize_with(&[("response_type", "")])).await.expect_error("invalid_request");
}

/// RFC 6749 section 3.1: parameters must not be included more than once.
#[tokio::test]
async fn a_parameter_that_comes_twice_is_refused() {
    // AZ-13
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let url = c1.authorize_url();
    for name in ["response_type", "scope", "nonce", "code_challenge", "code_challenge_method", "x"] {
        for again in [format!("{url}&{name}=other&{name}=other"), format!("{url}&{name}=a&{name}=b")] {
            let answer = browser.open(again).await.expect_error("invalid_request");
            assert_eq!(answer.get("state"), Some(c1.state.as_str()), "{name}");
        }
    }
    // Which state would be meant is not known, so none goes back.
    let answer = browser.open(format!("{url}&state=other")).await.expect_error("invalid_request");
    assert_eq!(answer.get("state"), None);
    for name in ["client_id", "redirect_uri"] {
        let value = if name == "client_id" { "c1" } else { "https%3A%2F%2Frp1.test%2Fcb" };
        browser.open(format!("{url}&{name}={value}")).await.expect_error_page(400);
    }
    browser
        .open(c1.authorize_with(&[("redirect_uri", ""), ("redirect_uri[]", "https://rp1.test/cb")]))
        .await
        .expect_error_page(400);
}

#[tokio::test]
async fn a_parameter_in_query_and_body_is_one_too_many() {
    // AZ-13; OpenID Connect Core section 3.1.2.1 allows POST
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    browser.post(&c1.authorize_url(), &[("scope", "openid")]).await.expect_error("invalid_request");
    browser.post(&c1.authorize_url(), &[("client_id", "c1")]).await.expect_error_page(400);
    let pairs = crate::support::relying_party::query_of(&c1.authorize_url());
    let form: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let code = browser.post("/oauth2/authorize", &form).await.submit_password(&alice).await.expect_code();
    c1.redeem(&code).await.expect_tokens();
}

/// RFC 6749 appendix A.5, section 3.1.2: the registered query stays.
#[tokio::test]
async fn the_state_comes_back_as_it_was_sent() {
    // AZ-14
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    c1.sign_in(&mut browser, &alice).await;
    let long = "s".repeat(4096);
    for state in
        ["a&code=evil", "#fragment", "a\r\nSet-Cookie: x=y", "züri 漢字 🦀", "+/=%20 %", "\"><script>", &long]
    {
        let rp = c1.returning_to("https://rp1.test/cb?keep=1");
        let page = browser.open(rp.authorize_with(&[("state", state)])).await;
        assert!(page.header("location").is_ascii());
        assert_eq!(page.header("location").matches("code=").count(), 1, "{state}");
        let answer = page.expect_answer();
        assert_eq!(answer.get("keep"), Some("1"));
        assert_eq!(answer.get("state"), Some(state));
        assert!(answer.code().starts_with("gc_"));
    }
}

/// OAuth 2.0 Form Post Response Mode section 4.
#[tokio::test]
async fn an_answer_by_form_is_escaped_and_goes_nowhere_else() {
    // AZ-15
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    c1.sign_in(&mut browser, &alice).await;
    let state = "\"><script>alert(1)</script>'&amp;";
    for extra in [("display", "page"), ("scope", "a\"b")] {
        let url = c1.authorize_with(&[("state", state), ("response_mode", "form_post"), extra]);
        let page = browser.open(url).await.expect_status(200).expect_step("form_post");
        assert!(!page.html.contains("<script>"), "{}", page.html);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "no-store");
        let policy = page.header("content-security-policy").to_owned();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(policy.contains("form-action 'self' https://rp1.test;"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let answer = page.expect_answer();
        assert_eq!((answer.uri.as_str(), answer.get("state")), ("https://rp1.test/cb", Some(state)));
    }
}

#[tokio::test]
async fn hints_are_help_and_do_no_harm() {
    // AZ-21; OpenID Connect Core section 3.1.2.1
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let script = "\"><script>alert(1)</script>";
    let page = browser
        .open(c1.authorize_with(&[("login_hint", script)]))
        .await
        .expect_status(200)
        .expect_step("password");
    assert_eq!(page.field("username").as_deref(), Some(script));
    assert!(!page.html.contains("<script>alert"));
    let long = "x".repeat(10_000);
    for name in ["login_hint", "ui_locales", "claims_locales", "display", "acr_values"] {
        for value in [script, "../../etc/passwd", "de de-CH en", "x\0y", &long] {
            browser
                .open(c1.authorize_with(&[(name, value)]))
                .await
                .expect_status(200)
                .expect_step("password");
        }
    }
}

#[tokio::test]
async fn request_objects_are_not_supported_and_never_fetched() {
    // AZ-22, AZ-24; OpenID Connect Core section 6
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("non-blocking");
    let here = format!("http://127.0.0.1:{}/", listener.local_addr().expect("address").port());
    let unsigned = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwudGVzdC8ifQ.";
    for jwt in [unsigned, "a.b.c", "x"] {
        let answer =
            browser.open(c1.authorize_with(&[("request", jwt)])).await.expect_error("request_not_supported");
        assert_eq!(answer.uri, "https://rp1.test/cb");
    }
    for uri in [here.as_str(), "file:///etc/passwd", "http://169.254.169.254/", "https://example.org/"] {
        browser
            .open(c1.authorize_with(&[("request_uri", uri)]))
            .await
            .expect_error("request_uri_not_supported");
    }
    browser
        .open(c1.authorize_with(&[("registration", "{}")]))
        .await
        .expect_error("registration_not_supported");
    let asked = listener.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(asked, Err(std::io::ErrorKind::WouldBlock), "somebody fetched the request_uri");
}

/// RFC 7636 section 4.4.1; RFC 9700 section 2.1.1.
#[tokio::test]
async fn pkce_is_required_and_only_s256() {
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let verifier = c1.verifier.clone().expect("PKCE");
    for wrong in [
        [("code_challenge", ""), ("code_challenge_method", "")],
        [("code_challenge", ""), ("code_challenge_method", "S256")],
        [("code_challenge", &verifier), ("code_challenge_method", "plain")],
        [("code_challenge", &verifier), ("code_challenge_method", "")],
        [("code_challenge", "short"), ("code_challenge_method", "S256")],
        [("code_challenge", &verifier), ("code_challenge_method", "s256")],
    ] {
        browser.open(c1.authorize_with(&wrong)).await.expect_error("invalid_request");
    }
}

/// RFC 9700 section 4.8.2: PKCE downgrade.
#[tokio::test]
async fn a_challenge_and_its_verifier_come_together_or_not_at_all() {
    // AZ-27
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let chat = idp.relying_party("chat").await;
    let mut browser = idp.browser();
    // The attacker cut the challenge out; the app sends its verifier.
    let code = chat.without_pkce().code(&mut browser, &alice).await;
    chat.redeem(&code).await.expect_error("invalid_grant");
    // The attacker redeems a code that was bound to a challenge.
    let code = chat.silent_code(&mut browser).await;
    chat.without_pkce().redeem(&code).await.expect_error("invalid_grant");
    let code = chat.silent_code(&mut browser).await;
    chat.redeem(&code).await.expect_tokens();
}

#[tokio::test]
async fn a_nonce_is_echoed_whole_or_refused() {
    // AZ-28; OpenID Connect Core sections 2 and 15.5.2
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    c1.sign_in(&mut browser, &alice).await;
    for nonce in ["n".repeat(43), "n".repeat(64), "n".repeat(512), "nönce 漢字 \"".to_owned()] {
        let code = browser.open(c1.authorize_with(&[("nonce", &nonce)])).await.expect_code();
        assert_eq!(c1.redeem(&code).await.expect_tokens().id_claims()["nonce"], nonce.as_str());
    }
    for length in [513, 10_000] {
        browser
            .open(c1.authorize_with(&[("nonce", &"n".repeat(length))]))
            .await
            .expect_error("invalid_request");
    }
}

#[tokio::test]
async fn unknown_scopes_drop_and_malformed_ones_are_refused() {
    // AZ-34; RFC 6749 section 3.3, OpenID Connect Core section 3.1.2.1
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let tokens = c1.asking_for("openid admin email openid root").sign_in(&mut browser, &alice).await;
    assert_eq!(tokens.scope, "email openid");
    let many = "s ".repeat(5000);
    for scope in ["openid\r\nx", "öpenid", "a\"b", "a\\b", "a\u{7f}", &many] {
        browser.open(c1.asking_for(scope).authorize_url()).await.expect_error("invalid_scope");
    }
}

#[tokio::test]
async fn outsized_and_broken_requests_are_refused_at_the_door() {
    // AZ-34, AZ-39
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let host = format!("Host: localhost:{}", idp.port);
    let url = c1.authorize_url();
    let target = url.strip_prefix(&idp.issuer).expect("ours");
    let line = |extra: &str| format!("GET {target}&{extra} HTTP/1.1");
    let many = (0..101).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
    for (extra, expected) in [
        (format!("x={}", "a".repeat(20 * 1024)), 414),
        (format!("scope2={}", "a+".repeat(10_000)), 414),
        ("x=%ff".to_owned(), 400),
        (many, 400),
    ] {
        let (status, _) = raw::request(&idp, &[&line(&extra), &host]).await;
        assert_eq!(status, expected, "{}", &extra[..20.min(extra.len())]);
    }
    let form = "Content-Type: application/x-www-form-urlencoded";
    for (content, length, expected) in [
        (form, "1048576", 413),
        ("Content-Type: multipart/form-data; boundary=x", "0", 415),
        ("Content-Type: application/x-www-form-urlencoded; charset=iso-8859-1", "0", 415),
        ("Content-Type: application/json", "0", 415),
    ] {
        let length = format!("Content-Length: {length}");
        let lines = ["POST /oauth2/authorize HTTP/1.1", &host, content, &length];
        assert_eq!(raw::request(&idp, &lines).await.0, expected, "{content}");
    }
    idp.browser().open(url).await.expect_step("password");
}
