//! Passwords, throttling, sessions, cookies and forms.

use std::time::Duration;

use crate::support::relying_party::Reply;
use crate::support::{TestIdp, encode, logs};

#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    // PW-01
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    idp.user("dormant").create().await;
    idp.gantry("user disable dormant").await;
    idp.gantry("user add hollow --without-password").await;
    let c1 = idp.relying_party("c1").await;
    let mut told = Vec::new();
    for name in ["alice", "nobody", "dormant", "hollow", "nobody@example.org"] {
        let mut browser = idp.browser();
        let page = browser.open(c1.authorize_url()).await;
        let page =
            page.submit(&[("username", name), ("password", "not the password")]).await.expect_status(422);
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        let masked = page.html.replace(&action, "").replace(&csrf, "").replace(name, "");
        let flow = action.rsplit('/').next().expect("an id").to_owned();
        told.push(masked.replace(&flow, ""));
    }
    assert!(told.iter().all(|page| *page == told[0]), "{told:#?}");
    let mut browser = idp.browser();
    browser.open(c1.authorize_url()).await.submit_password(&alice).await.expect_code();
}

#[tokio::test]
async fn strangers_cannot_lock_a_person_out() {
    // PW-05
    let idp = TestIdp::setup().behind_proxy().start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut known = idp.browser().coming_from("198.51.100.7");
    c1.sign_in(&mut known, &alice).await;
    let wrong = alice.typing("not the password");
    for attempt in 0..10 {
        let mut stranger = idp.browser().coming_from("203.0.113.9");
        let page = stranger.open(c1.authorize_url()).await.submit_password(&wrong).await;
        assert_eq!(page.status, if attempt < 5 { 422 } else { 429 }, "{attempt}");
    }
    let mut stranger = idp.browser().coming_from("203.0.113.9");
    let page = stranger.open(c1.authorize_url()).await.submit_password(&alice).await.expect_status(429);
    assert_eq!(page.header("retry-after"), "900");
    // Her own browser, even from the throttled address, and a new one elsewhere.
    known.cookies.retain(|name, _| !name.ends_with("session"));
    let mut known = known.coming_from("203.0.113.9");
    known.open(c1.authorize_url()).await.submit_password(&alice).await.expect_code();
    let mut elsewhere = idp.browser().coming_from("192.0.2.3");
    elsewhere.open(c1.authorize_url()).await.submit_password(&alice).await.expect_code();
    idp.clock.advance(Duration::from_secs(901));
    let mut later = idp.browser().coming_from("203.0.113.9");
    later.open(c1.authorize_url()).await.submit_password(&alice).await.expect_code();
}

#[tokio::test]
async fn an_office_behind_one_address_signs_in_together() {
    // PW-09: 50 tries of an address in a quarter of an hour, and those with a right password are none of them
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    for _ in 0..55 {
        idp.browser().open(c1.authorize_url()).await.submit_password(&alice).await.expect_code();
    }
    let guess = async |name: usize| {
        let mut stranger = idp.browser();
        let page = stranger.open(c1.authorize_url()).await;
        page.submit(&[("username", &format!("name{name}")), ("password", "not the password")]).await.status
    };
    for name in 0..49 {
        assert_eq!(guess(name).await, 422, "{name}");
        if name % 10 == 0 {
            idp.browser().open(c1.authorize_url()).await.submit_password(&alice).await.expect_code();
        }
    }
    assert_eq!((guess(49).await, guess(50).await), (422, 429));
    idp.browser().open(c1.authorize_url()).await.submit_password(&alice).await.expect_status(429);
}

#[tokio::test]
async fn an_untrusted_peer_cannot_choose_its_address() {
    // PW-10
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let wrong = alice.typing("not the password");
    for attempt in 0..7 {
        let mut browser = idp.browser().with("x-forwarded-for", &format!("192.0.2.{attempt}"));
        let page = browser.open(c1.authorize_url()).await.submit_password(&wrong).await;
        assert_eq!(page.status, if attempt < 5 { 422 } else { 429 });
    }
}

#[tokio::test]
async fn an_endless_password_is_refused_before_hashing() {
    // PW-16
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    for (length, status) in [(1025, 400), (60_000, 400), (100_000, 413)] {
        let mut browser = idp.browser();
        let page = browser.open(c1.authorize_url()).await;
        let long = "x".repeat(length);
        page.submit(&[("username", "alice"), ("password", &long)]).await.expect_status(status);
    }
}

#[tokio::test]
async fn a_form_is_taken_from_the_browser_and_step_it_was_made_for() {
    // AZ-30, AZ-31, AZ-35
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let (action, csrf) = {
        let page = browser.open(c1.authorize_url()).await;
        (page.action(), page.field("csrf").expect("csrf"))
    };
    let form = |csrf: &str| {
        let fields =
            [("csrf", csrf), ("username", "alice"), ("password", &alice.password), ("action", "continue")];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let other_csrf = idp.browser().open(c1.authorize_url()).await.field("csrf").expect("csrf");
    for wrong in ["", "x", &other_csrf] {
        let fields = form(wrong);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.post(&action, &fields).await.expect_status(403);
    }
    let fields = form(&csrf);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // Another browser that was sent the whole form (login CSRF).
    idp.browser().post(&action, &fields).await.expect_status(403);
    for (name, value) in [
        ("origin", "https://evil.test"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let mut sent = browser.clone().with(name, value);
        sent.post(&action, &fields).await.expect_status(403);
    }
    browser.post(&action, &[("csrf", &csrf), ("action", "allow")]).await.expect_status(403);
    browser.post(&action, &fields).await.expect_code();
    // The flow is over.
    browser.post(&action, &fields).await.expect_status(404);
}

#[tokio::test]
async fn cookies_are_bound_to_the_host_and_hidden_from_scripts() {
    // SE-02
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let page = browser.open(c1.authorize_url()).await.submit_password(&alice).await;
    let lines: Vec<_> =
        page.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()).collect();
    assert_eq!(lines.len(), 2, "session and device");
    for line in lines {
        assert!(line.starts_with("__Host-gantry_"), "{line}");
        for part in ["; HttpOnly", "; Secure", "; Path=/", "; SameSite=Lax"] {
            assert!(line.contains(part), "{line}");
        }
        assert!(!line.contains("Domain"));
    }
}

#[tokio::test]
async fn a_session_id_never_survives_a_sign_in() {
    // SE-01
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    c1.code(&mut browser, &alice).await;
    let before = browser.clone();
    let url = c1.authorize_with(&[("prompt", "login")]);
    browser.open(url).await.expect_step("password").submit_password(&alice).await.expect_code();
    assert_ne!(browser.cookie("session"), before.cookie("session"));
    let silent = c1.authorize_with(&[("prompt", "none")]);
    let mut old = before;
    old.open(&silent).await.expect_error("login_required");
    browser.open(&silent).await.expect_code();
}

#[tokio::test]
async fn a_damaged_cookie_is_nobodys() {
    // SE-03, SE-04
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    c1.code(&mut browser, &alice).await;
    let good = browser.cookie("session").expect("signed in").to_owned();
    let silent = c1.authorize_with(&[("prompt", "none")]);
    let flipped = format!("{}{}", &good[..good.len() - 1], if good.ends_with('A') { "B" } else { "A" });
    let cut = &good[..good.len() - 1];
    let host = "__Host-gantry_session";
    for cookie in [
        format!("{host}={flipped}"),
        format!("{host}={cut}"),
        format!("{host}="),
        format!("{host}=="),
        host.to_owned(),
        format!("gantry_session={good}"),
        format!("{host}={good}; {host}={good}"),
        format!("{host}={}", "x".repeat(8000)),
    ] {
        let reply = Reply::of(idp.forwarded(idp.http.get(&silent).header("cookie", &cookie))).await;
        assert!(reply.header("location").contains("error=login_required"), "{cookie}");
    }
    let reply = Reply::of(idp.forwarded(idp.http.get(&silent).header("cookie", "x".repeat(17_000)))).await;
    assert_eq!(reply.status, 431);
    browser.open(&silent).await.expect_code();
}

#[tokio::test]
async fn a_session_ends_idle_and_absolutely_and_time_going_back_revives_nothing() {
    // SE-06, ST-10
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let silent = c1.authorize_with(&[("prompt", "none")]);
    let mut browser = idp.browser();
    c1.code(&mut browser, &alice).await;
    let began = idp.clock.now();
    for _ in 0..3 {
        idp.clock.advance(Duration::from_secs(7 * 3600));
        browser.open(&silent).await.expect_code();
    }
    idp.clock.advance(Duration::from_secs(3 * 3600 + 1));
    browser.open(&silent).await.expect_error("login_required");
    idp.clock.set(began);
    browser.open(&silent).await.expect_error("login_required");
    let mut idle = idp.browser();
    c1.code(&mut idle, &alice).await;
    idp.clock.advance(Duration::from_secs(40 * 3600));
    idle.open(&silent).await.expect_error("login_required");
}

#[tokio::test]
async fn prompts_ask_what_they_say() {
    // AZ-18, AZ-19; OpenID Connect Core section 3.1.2.1
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let none = c1.authorize_with(&[("prompt", "none")]);
    browser.open(&none).await.expect_error("login_required");
    let first = c1.sign_in(&mut browser, &alice).await;
    idp.clock.advance(Duration::from_secs(10));
    browser.open(c1.authorize_with(&[("prompt", "select_account")])).await.expect_step("select_account");
    for age in ["0", "1"] {
        let url = c1.authorize_with(&[("max_age", age)]);
        let code =
            browser.open(url).await.expect_step("password").submit_password(&alice).await.expect_code();
        let again = c1.redeem(&code).await.expect_tokens();
        assert!(again.id_claims()["auth_time"].as_i64() > first.id_claims()["auth_time"].as_i64());
        idp.clock.advance(Duration::from_secs(10));
    }
    browser.open(c1.authorize_with(&[("max_age", "3600")])).await.expect_code();
    for wrong in ["-1", "1e3", " 5", "9223372036854775808"] {
        browser.open(c1.authorize_with(&[("max_age", wrong)])).await.expect_error("invalid_request");
    }
    browser.open(c1.authorize_with(&[("prompt", "none login")])).await.expect_error("invalid_request");
}

#[tokio::test]
async fn a_hint_names_who_is_expected_and_signs_nobody_in() {
    // AZ-20
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let bob = idp.user("bob").create().await;
    let c1 = idp.relying_party("c1").await;
    let bobs = c1.sign_in(&mut idp.browser(), &bob).await;
    let mut browser = idp.browser();
    let own = c1.sign_in(&mut browser, &alice).await;
    let hint = |hint: &str| c1.authorize_with(&[("prompt", "none"), ("id_token_hint", hint)]);
    browser.open(hint(&bobs.id)).await.expect_error("login_required");
    browser.open(hint(&own.access)).await.expect_error("invalid_request");
    browser.open(hint(&crate::support::jwt::unsigned(&own.id))).await.expect_error("invalid_request");
    idp.clock.advance(Duration::from_secs(700));
    browser.open(hint(&own.id)).await.expect_code();
    idp.browser().open(hint(&own.id)).await.expect_error("login_required");
}

#[tokio::test]
async fn consent_is_asked_once_and_again_for_more() {
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c2 = idp.relying_party("c2").await.asking_for("openid");
    let mut browser = idp.browser();
    let page = browser.open(c2.authorize_url()).await.submit_password(&alice).await.expect_step("consent");
    page.press("deny").await.expect_error("access_denied");
    browser.open(c2.authorize_with(&[("prompt", "none")])).await.expect_error("consent_required");
    browser.open(c2.authorize_url()).await.expect_step("consent").press("allow").await.expect_code();
    browser.open(c2.authorize_url()).await.expect_code();
    let more = c2.asking_for("openid email");
    browser.open(more.authorize_url()).await.expect_step("consent").press("allow").await.expect_code();
    browser.open(c2.authorize_url()).await.expect_code();
    browser.open(c2.authorize_with(&[("prompt", "consent")])).await.expect_step("consent");
}

#[tokio::test]
async fn who_comes_back_too_late_or_without_cookies_is_told_what_to_do() {
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let page = browser.open(c1.authorize_url()).await.expect_step("password");
    let (url, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let mut without = idp.browser();
    let page = without.open(&url).await.expect_error_page(403);
    assert!(page.html.contains("allow cookies"), "{}", page.html);
    let form = [("csrf", csrf.as_str()), ("username", "alice"), ("password", &alice.password)];
    browser.post(&url, &form).await.expect_code();
    // It is over: the start page is a way on.
    let page = browser.post(&url, &form).await.expect_error_page(404);
    assert!(page.html.contains(&format!("href=\"{}\"", idp.issuer)), "{}", page.html);
}

#[tokio::test]
async fn pages_speak_the_persons_language() {
    let idp = TestIdp::start().await;
    let c1 = idp.relying_party("c1").await;
    let mut german = idp.browser().with("accept-language", "de-AT,de;q=0.9");
    assert!(german.open(c1.authorize_url()).await.html.contains("<html lang=\"de\""));
    let mut english = idp.browser();
    assert!(english.open(c1.authorize_url()).await.html.contains("<html lang=\"en\""));
    let asked = c1.authorize_with(&[("ui_locales", "fr de")]);
    let page = english.open(asked).await;
    assert!(page.html.contains("<html lang=\"de\""));
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    // HL-02: at the finest level, with every secret of a whole sign-in
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let code = c1.code(&mut browser, &alice).await;
    let tokens = c1.redeem(&code).await.expect_tokens();
    c1.redeem(&code).await.expect_error("invalid_grant");
    c1.userinfo(&tokens.access).await;
    c1.refresh(&tokens.refresh).await;
    let log = logs::so_far();
    assert!(log.contains("signed_in"), "the log is there");
    let secret = c1.secret.clone().expect("confidential");
    let cookies = browser.cookies.values().cloned();
    let secrets = [alice.password.clone(), code, tokens.access, tokens.refresh, tokens.id, secret];
    for secret in secrets.into_iter().chain(cookies).filter(|secret| secret.len() > 8) {
        assert!(!log.contains(&secret), "{secret} is in the log");
        assert!(!log.contains(&encode(&[("", &secret)])[1..]));
    }
}
