//! Signing out here, and at an app that sends people to sign out.

use crate::support::TestIdp;

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
        for uri in ["https://evil.test/", "javascript:alert(1)", "https://rp1.test/cb", "//evil.test"] {
            let query = crate::support::encode(&[("post_logout_redirect_uri", uri), ("client_id", "c1")]);
            let page = browser.open(format!("/oauth2/logout?{query}")).await.expect_status(200);
            assert!(!page.html.contains(uri), "{}", page.html);
        }
    }
}
