//! Signing out here, and at an app that sends people to sign out.

use crate::support::{TestIdp, encode, jwt};

const ADDRESSES: [&str; 2] = ["/account/sign-out", "/oauth2/logout"];

#[tokio::test]
async fn signing_out_asks_first_and_ends_the_session() {
    // LO-02, LO-12; OpenID Connect RP-Initiated Logout section 2
    for address in ADDRESSES {
        let idp = TestIdp::start().await;
        let alice = idp.user("alice").create().await;
        let c1 = idp.relying_party("c1").await;
        let mut browser = idp.browser();
        let tokens = c1.sign_in(&mut browser, &alice).await;
        let session = browser.cookie("session").expect("signed in").to_owned();
        let page = browser.open(format!("{address}?id_token_hint={}", tokens.id)).await.expect_status(200);
        let page = page.expect_step("sign_out").press("stay").await;
        assert_eq!(page.status, 200);
        c1.silent_code(&mut browser).await;
        browser.open(address).await.press("sign_out").await.expect_status(200);
        assert_eq!(browser.cookie("session"), None);
        // Whoever kept the cookie has nothing.
        browser.cookies.insert("__Host-gantry_session".to_owned(), session);
        browser.open(c1.authorize_with(&[("prompt", "none")])).await.expect_error("login_required");
    }
}

#[tokio::test]
async fn nobody_elses_page_signs_a_person_out() {
    // AZ-30; RFC 6749 section 10.12
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    c1.sign_in(&mut browser, &alice).await;
    for address in ADDRESSES {
        let csrf = browser.open(address).await.field("csrf").expect("csrf");
        browser.post(address, &[("action", "sign_out")]).await.expect_error_page(403);
        browser.post(address, &[("action", "sign_out"), ("csrf", "x")]).await.expect_error_page(403);
        let mut elsewhere = browser.clone().with("origin", "https://evil.test");
        elsewhere.post(address, &[("action", "sign_out"), ("csrf", &csrf)]).await.expect_error_page(403);
    }
    c1.silent_code(&mut browser).await;
}

#[tokio::test]
async fn signing_out_leads_nowhere_else() {
    // LO-01; OpenID Connect RP-Initiated Logout section 3
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    for signed_in in [true, false] {
        let mut browser = idp.browser();
        if signed_in {
            c1.sign_in(&mut browser, &alice).await;
        }
        for uri in [
            "https://evil.test/",
            "https://rp1.test/bye?x",
            "https://rp1.test/BYE",
            "javascript:alert(1)",
            "https://rp1.test/cb",
            "//evil.test",
        ] {
            let query = encode(&[("post_logout_redirect_uri", uri), ("client_id", "c1")]);
            let page = browser.open(format!("/oauth2/logout?{query}")).await.expect_status(200);
            assert!(!page.html.contains(uri), "{}", page.html);
        }
    }
}

const APPS: &str = r#"
  wiki:
    redirect_uris: ["https://wiki.test/cb"]
    post_logout_redirect_uris: ["https://wiki.test/bye?keep=1"]
    first_party: true
  blog:
    redirect_uris: ["https://blog.test/cb"]
    post_logout_redirect_uris: ["https://blog.test/bye"]
    first_party: true
"#;
const BYE: &str = "https://wiki.test/bye?keep=1";

fn logout(query: &[(&str, &str)]) -> String {
    format!("/oauth2/logout?{}", encode(query))
}

#[tokio::test]
async fn who_signed_out_goes_back_to_the_app() {
    // LO-02, LO-05; OpenID Connect RP-Initiated Logout sections 2 and 3
    let idp = TestIdp::setup().with_apps(APPS).start().await;
    let (alice, bob) = (idp.user("alice").create().await, idp.user("bob").create().await);
    let wiki = idp.relying_party("wiki").await;
    let bobs = wiki.sign_in(&mut idp.browser(), &bob).await.id;
    let mut browser = idp.browser();
    let first = wiki.sign_in(&mut browser, &alice).await.id;
    for by in [("id_token_hint", &*first), ("id_token_hint", &*bobs), ("client_id", "wiki")] {
        wiki.silent_code(&mut browser).await;
        let address = logout(&[by, ("post_logout_redirect_uri", BYE), ("state", "a b&c")]);
        let page = browser.open(&address).await.expect_status(200).expect_step("sign_out");
        assert!(page.html.contains("wiki"), "{}", page.html);
        // Browsers apply it to the redirect after the form too.
        let policy = page.header("content-security-policy").to_owned();
        assert!(policy.contains("form-action 'self' https:;"), "{policy}");
        let answer = page.press("sign_out").await.expect_answer();
        assert_eq!(answer.uri, "https://wiki.test/bye");
        assert_eq!((answer.get("keep"), answer.get("state")), (Some("1"), Some("a b&c")));
        assert_eq!(browser.cookie("session"), None);
        // Nobody is signed in any more: nothing to ask, and a link instead of a redirect.
        let page = browser.open(&address).await.expect_status(200);
        assert!(
            page.html.contains("href=\"https://wiki.test/bye?keep=1&#38;state=a+b%26c\""),
            "{}",
            page.html
        );
        wiki.sign_in(&mut browser, &alice).await;
    }
}

#[tokio::test]
async fn the_page_speaks_the_language_that_the_app_asks_for() {
    // RP-Initiated Logout section 2: by GET and by POST
    let idp = TestIdp::setup().with_apps(APPS).start().await;
    let alice = idp.user("alice").create().await;
    let wiki = idp.relying_party("wiki").await;
    let mut browser = idp.browser();
    wiki.sign_in(&mut browser, &alice).await;
    let asked = [("client_id", "wiki"), ("ui_locales", "fr de")];
    let page = browser.post("/oauth2/logout", &asked).await.expect_step("sign_out");
    assert!(page.html.contains("<html lang=\"de\""), "{}", page.html);
    let page = browser.open(&logout(&asked)).await.press("sign_out").await.expect_status(200);
    assert!(page.html.contains("<html lang=\"de\""), "{}", page.html);
}

#[tokio::test]
async fn hints_that_prove_nothing_lead_nowhere() {
    // LO-01, LO-03, LO-04
    let idp = TestIdp::setup().with_apps(APPS).start().await;
    let alice = idp.user("alice").create().await;
    let wiki = idp.relying_party("wiki").await;
    let mut browser = idp.browser();
    let hint = wiki.sign_in(&mut browser, &alice).await.id;
    let long = "a".repeat(5_000);
    for bad in [&*jwt::unsigned(&hint), &hint[..hint.len() - 9], "x", &long] {
        let query = [("id_token_hint", bad), ("client_id", "wiki"), ("post_logout_redirect_uri", BYE)];
        let page = browser.open(logout(&query)).await.expect_status(200).expect_step("sign_out");
        assert!(!page.html.contains("wiki.test"), "{bad}");
    }
    for (name, value) in [("client_id", "blog"), ("client_id", "nobody")] {
        browser.open(logout(&[("id_token_hint", &hint), (name, value)])).await.expect_error_page(400);
    }
    for other in [
        "https://blog.test/bye",
        "https://wiki.test/bye",
        "https://wiki.test/bye?keep=1&x=1",
        "https://wiki.test/cb",
    ] {
        let query = [("id_token_hint", &*hint), ("post_logout_redirect_uri", other)];
        let page = browser.open(logout(&query)).await.expect_step("sign_out");
        assert!(!page.html.contains(".test%2F"), "{}", page.html);
    }
    browser.open(format!("{}&client_id=wiki", logout(&[("client_id", "wiki")]))).await.expect_error_page(400);
    // None of it signed anybody out.
    wiki.silent_code(&mut browser).await;
}

#[tokio::test]
async fn an_app_may_ask_by_post() {
    // OpenID Connect RP-Initiated Logout section 2
    let idp = TestIdp::setup().with_apps(APPS).start().await;
    let alice = idp.user("alice").create().await;
    let wiki = idp.relying_party("wiki").await;
    let mut browser = idp.browser();
    let hint = wiki.sign_in(&mut browser, &alice).await.id;
    let form = [("id_token_hint", &*hint), ("post_logout_redirect_uri", BYE)];
    let page = browser.post("/oauth2/logout", &form).await.expect_status(200).expect_step("sign_out");
    assert_eq!(page.press("sign_out").await.expect_answer().uri, "https://wiki.test/bye");
}
