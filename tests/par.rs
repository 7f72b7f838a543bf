//! Pushed authorization requests (RFC 9126).

use std::time::Duration;

use reqwest::Method;

use crate::support::TestIdp;
use crate::support::relying_party::{RelyingParty, Reply, query_of};

const STRICT: &str = r#"
  strict:
    redirect_uris: ["https://strict.test/cb"]
    first_party: true
    pushed_requests_only: true
"#;

fn reference(reply: &Reply) -> String {
    assert_eq!((reply.status, reply.header("cache-control")), (201, "no-store"), "{}", reply.body);
    let json = reply.json();
    assert_eq!(json["expires_in"], 90);
    json["request_uri"].as_str().expect("a reference").to_owned()
}

async fn pushed(rp: &RelyingParty) -> String {
    reference(&rp.push(&[]).await)
}

#[tokio::test]
async fn a_pushed_request_signs_in_like_any_other() {
    // RFC 9126 sections 2.2 and 4
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    for client in ["c1", "p1"] {
        let rp = idp.relying_party(client).await;
        let mut browser = idp.browser();
        let uri = pushed(&rp).await;
        assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:gp_"), "{uri}");
        let answer = browser.open(rp.authorize_by(&uri)).await.submit_password(&alice).await.expect_answer();
        assert_eq!(answer.get("state"), Some(rp.state.as_str()));
        rp.redeem(&answer.code()).await.expect_tokens();
    }
}

#[tokio::test]
async fn a_reference_is_used_once_by_its_own_client_in_time() {
    // RFC 9126 section 7.3
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let c2 = idp.relying_party("c2").await;
    let mut browser = idp.browser();
    let uri = pushed(&c1).await;
    browser.open(c2.authorize_by(&uri)).await.expect_error_page(400);
    browser.open(c1.authorize_by(&uri)).await.expect_step("password");
    browser.open(c1.authorize_by(&uri)).await.expect_error_page(400);
    let late = pushed(&c1).await;
    idp.clock.advance(Duration::from_secs(91));
    browser.open(c1.authorize_by(&late)).await.expect_error_page(400);
    for wrong in ["urn:ietf:params:oauth:request_uri:", "urn:ietf:params:oauth:request_uri:gp_x", &uri[..60]]
    {
        browser.open(c1.authorize_by(wrong)).await.expect_error_page(400);
    }
}

#[tokio::test]
async fn of_many_browsers_with_one_reference_one_gets_on() {
    // TK-07 for references
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    for _ in 0..20 {
        let url = c1.authorize_by(&pushed(&c1).await);
        let opened = (0..16).map(|_| {
            let (url, mut browser) = (url.clone(), idp.browser());
            tokio::spawn(async move { browser.open(url).await.status })
        });
        let mut good = 0;
        for status in opened.collect::<Vec<_>>() {
            good += usize::from(status.await.expect("an answer") == 200);
        }
        assert_eq!(good, 1);
    }
}

#[tokio::test]
async fn what_stands_beside_a_reference_does_not_count() {
    // RFC 9101 section 6.3
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let url = c1.authorize_by(&pushed(&c1).await);
    let url = format!("{url}&redirect_uri=https%3A%2F%2Fevil.test&state=other&scope=admin");
    let answer = idp.browser().open(url).await.submit_password(&alice).await.expect_answer();
    assert_eq!((answer.uri.as_str(), answer.get("state")), ("https://rp1.test/cb", Some(c1.state.as_str())));
}

#[tokio::test]
async fn strangers_push_so_much_and_browsers_may_push() {
    // RFC 9126 section 7, Fetch Standard
    let idp = TestIdp::setup()
        .behind_proxy()
        .with_apps("  page:\n    redirect_uris: [\"https://page.test/cb\"]\n    client: public\n    origins: [\"https://page.test\"]\n")
        .start()
        .await;
    let page = idp.relying_party("page").await;
    let from = |address: &str| {
        let form = query_of(&page.authorize_url());
        let request = idp.http.post(idp.at("/oauth2/par")).header("x-forwarded-for", address);
        let request = request.header("x-forwarded-proto", "https");
        Reply::of(request.header("origin", "https://page.test").form(&form))
    };
    for _ in 0..60 {
        let reply = from("198.51.100.7").await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        assert_eq!(reply.header("access-control-allow-origin"), "https://page.test");
    }
    let refused = from("198.51.100.7").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "2"), "{}", refused.body);
    assert_eq!(from("198.51.100.8").await.status, 201);
    // Who proves who they are may ask for many people.
    let c1 = idp.relying_party("c1").await;
    for _ in 0..70 {
        pushed(&c1).await;
    }
    idp.clock.advance(Duration::from_secs(90));
    assert_eq!(from("198.51.100.7").await.status, 201);
    let asked = idp
        .http
        .request(Method::OPTIONS, idp.at("/oauth2/par"))
        .header("x-forwarded-proto", "https")
        .header("origin", "https://page.test");
    assert_eq!(Reply::of(asked).await.header("access-control-allow-origin"), "https://page.test");
}

#[tokio::test]
async fn a_wrong_request_is_told_to_the_client_at_once() {
    // RFC 9126 section 2.3
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    for (changed, error) in [
        (("redirect_uri", "https://evil.test"), "invalid_request"),
        (("response_type", "none"), "unsupported_response_type"),
        (("code_challenge", ""), "invalid_request"),
        (("request_uri", "urn:ietf:params:oauth:request_uri:gp_x"), "invalid_request"),
        (("request", "x"), "request_not_supported"),
        (("client_id", "c2"), "invalid_request"),
    ] {
        c1.push(&[changed]).await.expect_error(error);
    }
    let mut stranger = c1;
    stranger.secret = Some("wrong".to_owned());
    stranger.push(&[]).await.expect_error("invalid_client");
    stranger.secret = None;
    stranger.push(&[]).await.expect_error("invalid_client");
}

#[tokio::test]
async fn an_app_that_must_push_gets_nothing_otherwise() {
    // RFC 9126 section 5
    let idp = TestIdp::setup().with_apps(STRICT).start().await;
    let strict = idp.relying_party("strict").await;
    let mut browser = idp.browser();
    browser.open(strict.authorize_url()).await.expect_error_page(400);
    browser.open(strict.authorize_by(&pushed(&strict).await)).await.expect_step("password");
}
