//! Where answers may go: nothing is redirected before client and redirect URI are proved.

use crate::support::TestIdp;

/// RFC 9700 section 2.1, `OpenID` Connect Core section 3.1.2.1: byte-for-byte comparison only.
#[tokio::test]
async fn a_redirect_uri_is_compared_byte_for_byte() {
    // AZ-01, AZ-02, AZ-03, AZ-04
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    for sent in [
        "https://rp1.test/cb/",
        "https://rp1.test/cb/x",
        "https://rp1.test/cb?a=b",
        "https://rp1.test/cb#f",
        "https://rp1.test:443/cb",
        "https://RP1.test/cb",
        "HTTPS://rp1.test/cb",
        "https://rp1.test/CB",
        "https://rp1.test/%63b",
        "https://rp1.test/cb ",
        " https://rp1.test/cb",
        "https://rp1.test/cb\t",
        "https://rp1.test/cb\0",
        "http://rp1.test/cb",
        "https://rp1.test/cbX",
        "https://rp1xtest/cb",
        "https://rp1.test@evil.test/cb",
        "https://evil.test\\@rp1.test/cb",
        "https://rp1.test.evil.test/cb",
        "https://rp1.test%2eevil.test/cb",
        "//evil.test",
        "/cb",
        "javascript:alert(1)",
        "https://rp1.test/app/../cb",
        "https://rp1.test/app/..;/cb",
        "https://rp1.test/app/%2e%2e/cb",
        "https://rp1.test/app//cb",
        "https://rp1.test/app/%252e%252e/cb",
        "https://rp2.test/cb",
    ] {
        let page = browser.open(c1.returning_to(sent).authorize_url()).await.expect_error_page(400);
        assert_eq!(page.error().as_deref(), Some("invalid_request"), "{sent:?}");
        assert!(!page.html.contains("evil"), "{sent:?} is repeated on the page");
    }
    browser.open(c1.authorize_url()).await.expect_step("password");
}

/// RFC 8252 sections 7.3 and 8.3.
#[tokio::test]
async fn only_a_native_app_on_a_literal_loopback_address_chooses_its_port() {
    // AZ-05
    let idp = TestIdp::start().await;
    let (c1, p1) = (idp.relying_party("c1").await, idp.relying_party("p1").await);
    let mut browser = idp.browser();
    browser.open(p1.returning_to("http://127.0.0.1:51234/cb").authorize_url()).await.expect_step("password");
    for sent in [
        "http://[::1]:1/cb",
        "http://localhost:1/cb",
        "http://127.0.0.1:51234/other",
        "http://127.0.0.1:51234/cb?x=1",
        "http://127.0.0.1:1@evil.test/cb",
        "http://127.0.0.1:70000/cb",
    ] {
        browser.open(p1.returning_to(sent).authorize_url()).await.expect_error_page(400);
    }
    browser.open(c1.returning_to("https://rp1.test:8443/cb").authorize_url()).await.expect_error_page(400);
}

#[tokio::test]
async fn a_native_app_gets_its_code_at_the_port_it_chose() {
    // RFC 8252 section 7.3; RFC 6749 section 4.1.3: the token request repeats the very same URI
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let p1 = idp.relying_party("p1").await.returning_to("http://127.0.0.1:51234/cb");
    let mut browser = idp.browser();
    let answer = browser.open(p1.authorize_url()).await.submit_password(&alice).await.expect_answer();
    assert_eq!(answer.uri, "http://127.0.0.1:51234/cb");
    p1.redeem(&answer.code()).await.expect_tokens();
    let code = p1.silent_code(&mut browser).await;
    p1.returning_to("http://127.0.0.1:51235/cb").redeem(&code).await.expect_error("invalid_grant");
}

#[tokio::test]
async fn a_request_without_a_redirect_uri_gets_a_page() {
    // AZ-07; OpenID Connect Core section 3.1.2.1
    let idp = TestIdp::start().await;
    let mut browser = idp.browser();
    for client_id in ["c1", "c2"] {
        let rp = idp.relying_party(client_id).await;
        browser.open(rp.authorize_with(&[("redirect_uri", "")])).await.expect_error_page(400);
    }
}

#[tokio::test]
async fn unknown_and_removed_clients_get_the_same_page() {
    // AZ-08; RFC 6749 section 4.1.2.1
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let long = "x".repeat(8192);
    idp.remove_app("c2").await;
    let mut pages = Vec::new();
    for client_id in ["c2", "nobody", "", &long, "c1\0", "C1"] {
        let mut browser = idp.browser();
        let page = browser.open(c1.authorize_with(&[("client_id", client_id)])).await.expect_error_page(400);
        let (before, reference) = page.html.split_once("<code>").expect("a reference");
        pages.push((before.to_owned(), reference.split_once("</code>").expect("its end").1.to_owned()));
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "the pages differ");
}

/// RFC 9700 section 4.11.2: no open redirector.
#[tokio::test]
async fn a_bad_redirect_uri_outweighs_every_other_error() {
    // AZ-09
    let idp = TestIdp::start().await;
    let evil = idp.relying_party("c1").await.returning_to("https://evil.test/cb");
    let mut browser = idp.browser();
    for (name, value) in [
        ("scope", "open\"id"),
        ("response_type", "token"),
        ("response_mode", "fragment"),
        ("prompt", "none"),
        ("prompt", "none login"),
        ("request", "x.y.z"),
        ("code_challenge_method", "plain"),
        ("max_age", "-1"),
    ] {
        browser.open(evil.authorize_with(&[(name, value)])).await.expect_error_page(400);
    }
}
