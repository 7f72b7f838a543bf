//! Apps hear of sign-outs: by a call (`OpenID` Connect Back-Channel Logout 1.0) and through the browser
//! (Front-Channel Logout 1.0).

use std::sync::Arc;
use std::time::Duration;

use gantry::oauth::backchannel::{deliver_due, run};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::support::callee::{Call, Callee};
use crate::support::program::Installation;
use crate::support::{Browser, TestIdp, TestUser, jwt};

fn apps(callee: &Callee) -> String {
    format!(
        "  told:
    redirect_uris: [\"https://told.test/cb\"]
    post_logout_redirect_uris: [\"https://told.test/bye\"]
    backchannel_logout_uri: {}
    first_party: true
  framed:
    redirect_uris: [\"https://framed.test/cb\"]
    post_logout_redirect_uris: [\"https://framed.test/bye\"]
    frontchannel_logout_uri: https://framed.test/out?x=1
    first_party: true
",
        callee.url("/logged-out?tenant=1")
    )
}

const ALLOWED: &str = "outbound: { allow: [127.0.0.1/32] }\n";

async fn idp(callee: &Callee) -> TestIdp {
    TestIdp::setup().with_settings(ALLOWED).with_apps(&apps(callee)).start().await
}

async fn sign_out(browser: &mut Browser) {
    browser
        .open("/account/sign-out")
        .await
        .expect_step("sign_out")
        .press("sign_out")
        .await
        .expect_status(200);
}

/// The claims of the logout token in a call, as an app checks them (section 2.6).
async fn claims(idp: &TestIdp, call: &Call) -> Value {
    assert_eq!(call.line, "POST /logged-out?tenant=1 HTTP/1.1");
    let token = call.form("logout_token");
    assert_eq!(jwt::header(&token)["typ"], "logout+jwt");
    let jwks = idp.get("/oauth2/jwks").await.body;
    let claims = jwt::verified(&token, &jwks, "told").expect("a signature");
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(idp.issuer), &json!("told")));
    assert_eq!(claims["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    assert!(claims.get("nonce").is_none() && claims["jti"].is_string());
    assert!(claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat") <= 120);
    claims
}

async fn enter(idp: &TestIdp, browser: &mut Browser, alice: &TestUser) -> Value {
    idp.relying_party("told").await.sign_in(browser, alice).await.id_claims()
}

#[tokio::test]
async fn every_end_of_a_session_is_told_to_the_apps_in_it() {
    // Back-Channel Logout sections 2.4 to 2.7
    for ended_by in [
        "sign out",
        "session revoke",
        "user disable alice",
        "user logout alice",
        "user delete alice",
        "another person",
    ] {
        let mut callee = Callee::start().await;
        let idp = idp(&callee).await;
        let alice = idp.user("alice").create().await;
        let bob = idp.user("bob").create().await;
        let mut browser = idp.browser();
        let entered = enter(&idp, &mut browser, &alice).await;
        assert_eq!(deliver_due(&idp.app).await.expect("store"), 0);
        match ended_by {
            "sign out" => sign_out(&mut browser).await,
            "session revoke" => {
                let id = idp.gantry("session list").await[0]["id"].as_str().expect("id").to_owned();
                idp.gantry(&format!("session revoke {id}")).await;
            }
            "another person" => {
                let told = idp.relying_party("told").await;
                let url = told.authorize_with(&[("prompt", "select_account")]);
                let page = browser.open(url).await.press("other_user").await;
                page.submit_password(&bob).await.expect_code();
            }
            words => drop(idp.gantry(words).await),
        }
        assert_eq!(deliver_due(&idp.app).await.expect("store"), 1, "{ended_by}");
        let told = claims(&idp, &callee.called().await).await;
        assert_eq!((&told["sub"], &told["sid"]), (&json!(alice.id), &entered["sid"]), "{ended_by}");
        assert_eq!(deliver_due(&idp.app).await.expect("store"), 0, "once is enough");
    }
}

#[tokio::test]
async fn an_app_knows_the_session_by_one_name_which_others_do_not() {
    // Back-Channel Logout section 2.1, OpenID Connect Core section 8.1: also for offline use, and pairwise
    let mut callee = Callee::start().await;
    let apps = apps(&callee)
        .replace("    first_party: true\n", "    first_party: true\n    subject_type: pairwise\n");
    for (apps, pairwise) in [(self::apps(&callee), false), (apps, true)] {
        let idp = TestIdp::setup().with_settings(ALLOWED).with_apps(&apps).start().await;
        let alice = idp.user("alice").create().await;
        let mut browser = idp.browser();
        let told = idp.relying_party("told").await.asking_for("openid offline_access");
        let tokens = told.sign_in(&mut browser, &alice).await;
        let sid = tokens.id_claims()["sid"].clone();
        let session = idp.gantry("session list").await[0]["id"].clone();
        assert_eq!(sid == session, !pairwise, "{sid}");
        let refreshed = told.refresh(&tokens.refresh).await.expect_tokens();
        assert_eq!(refreshed.id_claims()["sid"], sid);
        let framed = idp.relying_party("framed").await;
        let other = framed.redeem(&framed.silent_code(&mut browser).await).await.expect_tokens().id_claims();
        assert_eq!(other["sid"] == sid, !pairwise, "{other}");
        let page = browser.open("/account/sign-out").await.press("sign_out").await.expect_status(200);
        assert!(page.html.contains(&format!("sid={}", other["sid"].as_str().expect("sid"))), "{}", page.html);
        deliver_due(&idp.app).await.expect("store");
        assert_eq!(claims(&idp, &callee.called().await).await["sid"], sid);
        // For offline use the tokens outlive the session, which goes on being named.
        let after = told.refresh(&refreshed.refresh).await.expect_tokens();
        assert_eq!(after.id_claims()["sid"], sid);
    }
}

#[tokio::test]
async fn a_dead_app_keeps_no_other_waiting() {
    let mut callee = Callee::start().await;
    let dead = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let apps = format!(
        "{}  dead:\n    redirect_uris: [\"https://dead.test/cb\"]\n    backchannel_logout_uri: http://{}/\n    first_party: true\n",
        apps(&callee),
        dead.local_addr().expect("its address")
    );
    let idp = TestIdp::setup().with_settings(ALLOWED).with_apps(&apps).start().await;
    let alice = idp.user("alice").create().await;
    let dead_app = idp.relying_party("dead").await;
    // More than are called at once.
    for _ in 0..9 {
        dead_app.sign_in(&mut idp.browser(), &alice).await;
    }
    idp.gantry("user logout alice").await;
    let mut browser = idp.browser();
    enter(&idp, &mut browser, &alice).await;
    sign_out(&mut browser).await;
    let delivering = tokio::spawn(run(Arc::clone(&idp.app)));
    let (mut open, _) = dead.accept().await.expect("a call");
    // Called while every call to the dead one is still open.
    let given_up = tokio::spawn(async move { open.read_to_end(&mut Vec::new()).await });
    callee.called().await;
    assert!(!given_up.is_finished());
    given_up.abort();
    delivering.abort();
}

#[tokio::test]
async fn the_same_person_signing_in_again_is_no_sign_out() {
    let mut callee = Callee::start().await;
    let idp = idp(&callee).await;
    let alice = idp.user("alice").create().await;
    let told = idp.relying_party("told").await;
    let mut browser = idp.browser();
    let tokens = told.sign_in(&mut browser, &alice).await;
    let copied = browser.clone();
    let page = browser.open(told.authorize_with(&[("prompt", "login")])).await;
    let again = told.redeem(&page.submit_password(&alice).await.expect_code()).await.expect_tokens();
    assert_eq!(again.id_claims()["sid"], tokens.id_claims()["sid"]);
    told.userinfo(&tokens.access).await.expect_ok();
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 0);
    assert!(!callee.is_called());
    // The apps are told whenever it ends, however often it was prolonged.
    idp.clock.advance(Duration::from_secs(7 * 3600));
    for _ in 0..3 {
        let page = browser.open(told.authorize_with(&[("prompt", "login"), ("scope", "openid")])).await;
        page.submit_password(&alice).await.expect_code();
        idp.clock.advance(Duration::from_secs(7 * 3600));
    }
    // SE-01: the cookie is another one all the same.
    let mut thief = copied;
    thief.open(told.authorize_with(&[("prompt", "none")])).await.expect_error("login_required");
    sign_out(&mut browser).await;
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 1);
}

#[tokio::test]
async fn a_deaf_app_is_told_again_and_again_but_not_for_ever() {
    let mut callee = Callee::start().await;
    let idp = idp(&callee).await;
    let alice = idp.user("alice").create().await;
    let mut browser = idp.browser();
    enter(&idp, &mut browser, &alice).await;
    for status in ["500 Oops", "302 Found\r\nLocation: http://127.0.0.1:1/elsewhere", "400 Bad Request"] {
        callee.will_answer(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    }
    sign_out(&mut browser).await;
    for pause in [5, 20, 80] {
        assert_eq!(deliver_due(&idp.app).await.expect("store"), 0);
        callee.called().await;
        idp.clock.advance(Duration::from_secs(pause - 1));
        deliver_due(&idp.app).await.expect("store");
        assert!(!callee.is_called(), "not before {pause} s");
        idp.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 1);
    callee.called().await;
    // A day is enough.
    enter(&idp, &mut browser, &alice).await;
    sign_out(&mut browser).await;
    idp.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 0);
    assert!(!callee.is_called());
}

#[tokio::test]
async fn addresses_inside_are_not_called_unless_listed() {
    // SR-01, SR-03
    let mut callee = Callee::start().await;
    let idp = TestIdp::setup().with_apps(&apps(&callee)).start().await;
    let alice = idp.user("alice").create().await;
    let mut browser = idp.browser();
    enter(&idp, &mut browser, &alice).await;
    sign_out(&mut browser).await;
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 0);
    assert!(!callee.is_called());
    idp.edit(|yaml| yaml.replace("apps:\n", &format!("{ALLOWED}apps:\n"))).await.expect("a good change");
    idp.clock.advance(Duration::from_secs(5));
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 1);
}

#[tokio::test]
async fn a_slow_or_endless_answer_holds_nothing_up() {
    // SR-05: the head promises more than ever comes
    let mut callee = Callee::start().await;
    let idp = idp(&callee).await;
    let alice = idp.user("alice").create().await;
    let mut browser = idp.browser();
    enter(&idp, &mut browser, &alice).await;
    callee.will_answer(&format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1024 * 1024)));
    sign_out(&mut browser).await;
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 0, "a head that long is no answer");
    callee.called().await;
    idp.clock.advance(Duration::from_secs(5));
    callee.will_answer("HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\nx");
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 1, "the body does not matter");
}

#[tokio::test]
async fn the_browser_opens_what_apps_want_opened_and_goes_back() {
    // Front-Channel Logout sections 2 and 3
    let callee = Callee::start().await;
    let idp = idp(&callee).await;
    let alice = idp.user("alice").create().await;
    let framed = idp.relying_party("framed").await;
    let mut browser = idp.browser();
    let sid = framed.sign_in(&mut browser, &alice).await.id_claims()["sid"].as_str().expect("sid").to_owned();
    let url = "/oauth2/logout?client_id=framed&post_logout_redirect_uri=https://framed.test/bye&state=s1";
    let page = browser.open(url).await.expect_step("sign_out").press("sign_out").await.expect_status(200);
    let issuer = idp.issuer.replace(':', "%3A").replace('/', "%2F");
    let frame = format!("https://framed.test/out?x=1&#38;iss={issuer}&#38;sid={sid}");
    assert!(page.html.contains(&format!("<iframe class=\"away\" src=\"{frame}\"")), "{}", page.html);
    assert!(page.header("content-security-policy").contains("frame-src https://framed.test; "));
    assert_eq!(page.header("refresh"), "2; url=https://framed.test/bye?state=s1");
    // Signed out already: nothing is opened.
    let page = browser.open(url).await.expect_status(200);
    assert!(!page.html.contains("<iframe") && page.header("refresh").is_empty());
}

#[tokio::test]
async fn metadata_says_that_apps_hear_of_sign_outs() {
    let metadata = TestIdp::start().await.get("/.well-known/openid-configuration").await.json();
    for name in ["backchannel", "frontchannel"] {
        assert_eq!(metadata[format!("{name}_logout_supported")], true);
        assert_eq!(metadata[format!("{name}_logout_session_supported")], true);
    }
}

#[tokio::test]
async fn what_was_to_be_told_survives_a_kill() {
    // The app is down, the program dies, both come back.
    let callee = Callee::start().await;
    let port = callee.port;
    let installation = Installation::with_store(&format!(
        "{ALLOWED}apps:\n{}",
        apps(&callee).replace(
            "    first_party: true\n",
            "    first_party: true\n    access: [{ group: everyone, policy: standard }]\n"
        )
    ));
    drop(callee);
    let password = "alice's quiet horse & staple";
    let added = installation.run("user add alice", &format!("{password}\n"));
    added.expect_done();
    let alice = TestUser { username: "alice".to_owned(), password: password.to_owned(), id: String::new() };
    let mut service = installation.serve();
    let certificate = std::fs::read(installation.path("data/tls/ca.pem")).expect("certificate");
    let mut browser = Browser::at(installation.port, Some(&certificate));
    let url = format!(
        "/oauth2/authorize?client_id=told&response_type=code&scope=openid&redirect_uri=https://told.test/cb\
         &code_challenge={}&code_challenge_method=S256",
        "A".repeat(43)
    );
    browser.open(&url).await.submit_password(&alice).await.expect_code();
    sign_out(&mut browser).await;
    service.expect_line("an app was not told of a sign-out");
    drop(service);
    let mut callee = Callee::on(port).await;
    let _service = installation.serve();
    assert!(callee.called().await.form("logout_token").len() > 100);
}
