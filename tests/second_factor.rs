//! Second factors: enrolled on the spot, proved once per code, never walked around.

use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::json;

use crate::device::Device;
use crate::password_grant;
use crate::races::at_once;
use crate::support::authenticator_app::{codes_on, secret_on, totp, truncated};
use crate::support::browser::Page;
use crate::support::{Browser, RelyingParty, TestIdp, TestUser};

const POLICIES: &str =
    "policies: { standard: {}, strict: { second_factor: required }, lax: { second_factor: never } }\n";
const APPS: &str = r#"
  vault:
    title: Vault
    redirect_uris: ["https://vault.test/cb"]
    first_party: true
    grants: [authorization_code, refresh_token, password, device_code]
    access: [{ group: everyone, policy: strict }]
  lax:
    redirect_uris: ["https://lax.test/cb"]
    first_party: true
    grants: [authorization_code, refresh_token, password]
    access: [{ group: everyone, policy: lax }]
"#;

struct World {
    idp: TestIdp,
    alice: TestUser,
    vault: RelyingParty,
}

impl World {
    async fn new() -> Self {
        let idp = TestIdp::setup().with_settings(POLICIES).with_apps(APPS).start().await;
        let alice = idp.user("alice").create().await;
        let vault = idp.relying_party("vault").await;
        Self { idp, alice, vault }
    }

    fn code(&self, secret: &[u8]) -> String {
        totp(secret, self.idp.app.clock.now().seconds())
    }

    /// Signs in with the password and enrols an authenticator app: its secret and the recovery codes.
    async fn enrol(&self, browser: &mut Browser) -> (Vec<u8>, Vec<String>) {
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        let secret = secret_on(&page.expect_step("enrol"));
        let page = browser.open(self.vault.authorize_url()).await.expect_step("enrol");
        // Another flow offers another secret.
        let other = secret_on(&page);
        assert_ne!(secret, other);
        let page = page.submit(&[("code", &self.code(&other))]).await.expect_step("recovery_codes");
        let codes = codes_on(&page);
        page.press("continue").await.expect_code();
        (other, codes)
    }

    fn wait_a_step(&self) {
        self.idp.clock.advance(Duration::from_secs(30));
    }

    /// A new browser at the step where the code is asked for.
    async fn challenged<'b>(&self, browser: &'b mut Browser) -> Page<'b> {
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        page.expect_step("totp")
    }
}

#[tokio::test]
async fn who_has_none_enrols_one_and_is_asked_for_it_from_then_on() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.vault.authorize_url()).await.submit_password(&world.alice).await;
    let page = page.expect_step("enrol");
    assert!(page.html.contains("<svg class=\"qr\"") && page.html.contains("otpauth://totp/"));
    let page = page.submit(&[("code", "000000")]).await.expect_status(422).expect_step("enrol");
    let secret = secret_on(&page);
    let code = world.code(&secret);
    let page = page.submit(&[("code", &format!("{} {}", &code[..3], &code[3..]))]).await;
    let page = page.expect_step("recovery_codes");
    assert_eq!(codes_on(&page).len(), 10);
    let code = page.press("continue").await.expect_code();
    let tokens = world.vault.redeem(&code).await.expect_tokens();
    let claims = tokens.id_claims();
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("aal2"), &json!(["pwd", "otp", "mfa"])));
    // The browser that proved it is not asked again; another one is.
    world.vault.silent_code(&mut browser).await;
    // An app that demands less is told just that (OpenID Connect Core section 5.5.1.1).
    let claims = json!({ "id_token": { "acr": { "essential": true, "value": "aal1" } } }).to_string();
    let code = browser.open(world.vault.authorize_with(&[("claims", &claims)])).await.expect_code();
    assert_eq!(world.vault.redeem(&code).await.expect_tokens().id_claims()["acr"], "aal1");
    world.wait_a_step();
    let mut other = world.idp.browser();
    let page = world.challenged(&mut other).await;
    page.submit(&[("code", &world.code(&secret))]).await.expect_code();
    let shown = world.idp.gantry("user show alice").await;
    assert_eq!(shown["second_factors"], json!(["totp", "recovery_codes"]));
}

#[tokio::test]
async fn a_page_that_was_held_open_adds_nothing_beside_what_is_there() {
    // TO-07
    let world = World::new().await;
    let mut thief = world.idp.browser();
    let page = thief.open(world.vault.authorize_url()).await.submit_password(&world.alice).await;
    let page = page.expect_step("enrol");
    let (secret, _) = world.enrol(&mut world.idp.browser()).await;
    let code = world.code(&secret_on(&page));
    let page = page.submit(&[("code", &code)]).await.expect_step("totp");
    world.wait_a_step();
    page.submit(&[("code", &world.code(&secret))]).await.expect_code();
}

#[tokio::test]
async fn a_secret_keeps_the_form_it_was_enrolled_with() {
    // TO-08: as long as the hash, and never shown again
    let world = World::new().await;
    let (old, _) = world.enrol(&mut world.idp.browser()).await;
    assert_eq!(old.len(), 20);
    let stronger = "factors: { totp: { algorithm: SHA256, digits: 8 } }\napps:\n";
    world.idp.edit(|yaml| yaml.replace("apps:\n", stronger)).await.expect("good");
    let ben = world.idp.user("ben").create().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.vault.authorize_url()).await.submit_password(&ben).await;
    let page = page.expect_step("enrol");
    assert!(page.html.contains("SHA-256, 8, 30 s") && page.html.contains("digits=8"), "{}", page.html);
    let secret = secret_on(&page);
    assert_eq!(secret.len(), 32);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let code = || format!("{:08}", truncated(&key, world.idp.clock.now().seconds()) % 100_000_000);
    let page = page.submit(&[("code", &code()[2..])]).await.expect_status(422).expect_step("enrol");
    let page = page.submit(&[("code", &code())]).await.expect_step("recovery_codes");
    page.press("continue").await.expect_code();
    // Whatever the file says from now on.
    world.idp.edit(|yaml| yaml.replace("SHA256, digits: 8", "SHA1, digits: 6")).await.expect("good");
    world.wait_a_step();
    let mut browser = world.idp.browser();
    let page = browser.open(world.vault.authorize_url()).await.submit_password(&ben).await;
    page.expect_step("totp").submit(&[("code", &code())]).await.expect_code();
    let mut browser = world.idp.browser();
    let page = world.challenged(&mut browser).await;
    page.submit(&[("code", &world.code(&old))]).await.expect_code();
    let kept = std::fs::read(world.idp.app.config().data_dir.join("gantry.redb")).expect("the store");
    assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret));
    let account = browser.open("/account").await;
    assert!(!account.html.contains("otpauth") && !account.html.contains("class=\"secret\""));
}

#[tokio::test]
async fn a_code_is_good_once_and_steps_only_grow() {
    // RFC 6238 section 5.2
    let world = World::new().await;
    let (secret, _) = world.enrol(&mut world.idp.browser()).await;
    let spent = world.code(&secret);
    let mut browser = world.idp.browser();
    let page = world.challenged(&mut browser).await;
    let page = page.submit(&[("code", &spent)]).await.expect_status(422).expect_step("totp");
    world.wait_a_step();
    let fresh = world.code(&secret);
    page.submit(&[("code", &fresh)]).await.expect_code();
    for code in [&*fresh, &*spent, "1", "abcdef"] {
        let mut browser = world.idp.browser();
        world.challenged(&mut browser).await.submit(&[("code", code)]).await.expect_status(422);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_type_the_same_code_one_gets_in() {
    let world = World::new().await;
    let (secret, _) = world.enrol(&mut world.idp.browser()).await;
    world.wait_a_step();
    let code = world.code(&secret);
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut browser = world.idp.browser();
        let page = world.challenged(&mut browser).await;
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        waiting.push((browser, action, csrf));
    }
    let waiting = std::cell::RefCell::new(waiting);
    let attempt = || {
        let (mut browser, action, csrf) = waiting.borrow_mut().pop().expect("a browser");
        let code = code.clone();
        async move {
            let page =
                browser.post(&action, &[("csrf", &csrf), ("action", "continue"), ("code", &code)]).await;
            (page.status, page.html)
        }
    };
    let replies = at_once(4, attempt).await;
    assert_eq!(replies.iter().filter(|(status, _)| *status == 303).count(), 1, "{replies:?}");
}

#[tokio::test]
async fn a_recovery_code_signs_in_once() {
    let world = World::new().await;
    let (_, codes) = world.enrol(&mut world.idp.browser()).await;
    for (typed, good) in
        [(codes[0].to_lowercase(), true), (codes[0].clone(), false), (codes[1].replace('-', " "), true)]
    {
        let mut browser = world.idp.browser();
        let page =
            world.challenged(&mut browser).await.press("other_method").await.expect_step("recovery_code");
        let page = page.submit(&[("code", &typed)]).await;
        if good {
            page.expect_code();
        } else {
            let page = page.expect_status(422).expect_step("recovery_code");
            page.press("other_method").await.expect_step("totp");
        }
    }
}

#[tokio::test]
async fn if_enrolled_asks_those_who_have_one() {
    let world = World::new().await;
    let c1 = world.idp.relying_party("c1").await;
    let lax = world.idp.relying_party("lax").await;
    let mut browser = world.idp.browser();
    let tokens = c1.sign_in(&mut browser, &world.alice).await;
    assert_eq!(tokens.id_claims()["acr"], "aal1");
    let (secret, _) = world.enrol(&mut world.idp.browser()).await;
    // Enrolling takes nothing away; the next sign-in asks.
    c1.refresh(&tokens.refresh).await.expect_tokens();
    world.wait_a_step();
    let page = browser.open(c1.authorize_url()).await.expect_step("totp");
    page.submit(&[("code", &world.code(&secret))]).await.expect_code();
    let mut other = world.idp.browser();
    lax.code(&mut other, &world.alice).await;
}

#[tokio::test]
async fn an_app_may_demand_it_where_the_policy_does_not() {
    // OpenID Connect Core section 5.5.1.1
    let world = World::new().await;
    let lax = world.idp.relying_party("lax").await;
    let claims = json!({ "id_token": { "acr": { "essential": true, "values": ["aal2"] } } }).to_string();
    let mut browser = world.idp.browser();
    lax.code(&mut browser, &world.alice).await;
    let url = lax.authorize_with(&[("claims", &claims)]);
    let page = browser.open(&url).await.expect_step("enrol");
    let code = world.code(&secret_on(&page));
    let page = page.submit(&[("code", &code)]).await.press("continue").await;
    let tokens = lax.redeem(&page.expect_code()).await.expect_tokens();
    assert_eq!(tokens.id_claims()["acr"], "aal2");
}

#[tokio::test]
async fn codes_without_the_password_are_not_looked_at() {
    // TO-04
    let world = World::new().await;
    let (secret, _) = world.enrol(&mut world.idp.browser()).await;
    world.wait_a_step();
    let mut stranger = world.idp.browser();
    for _ in 0..20 {
        let page = stranger.open(world.vault.authorize_url()).await.expect_step("password");
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        let code = world.code(&secret);
        let form = [("csrf", &*csrf), ("action", "continue"), ("username", "alice"), ("code", &code)];
        stranger.post(&action, &form).await.expect_status(422).expect_step("password");
        stranger.post(&action, &[("csrf", &csrf), ("action", "other_method")]).await.expect_error_page(403);
    }
    // Nobody's tries were used up.
    let mut browser = world.idp.browser();
    world.challenged(&mut browser).await.submit(&[("code", &world.code(&secret))]).await.expect_code();
}

#[tokio::test]
async fn no_way_leads_around_it() {
    // AZ-35: silent, by password, by device, by an old token, by another form
    let world = World::new().await;
    let lax = world.idp.relying_party("lax").await;
    let mut browser = world.idp.browser();
    let before = lax.sign_in(&mut browser, &world.alice).await;
    browser
        .open(world.vault.authorize_with(&[("prompt", "none")]))
        .await
        .expect_error("interaction_required");
    let refused = password_grant::ask(&world.vault, "alice", &world.alice.password).await;
    assert!(refused.expect_error("invalid_grant").body.contains("a password alone is not enough"));
    let page = browser.open(world.vault.authorize_url()).await.expect_step("enrol");
    for action in ["allow", "other_user", "skip", "resend", "deny"] {
        let (target, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        let mut same = world.idp.browser();
        same.cookies = page.cookies();
        same.post(&target, &[("csrf", &csrf), ("action", action), ("code", "000000")])
            .await
            .expect_error_page(403);
    }
    let device = Device::new(&world.idp, "vault").await;
    let page = browser.open(device.address()).await.press("continue").await;
    page.expect_step("enrol");
    // What was given without it ends when the policy wants it.
    lax.refresh(&before.refresh).await.expect_tokens();
    let next = lax.refresh(&before.refresh).await.expect_tokens();
    world
        .idp
        .edit(|yaml| yaml.replace("lax: { second_factor: never }", "lax: { second_factor: required }"))
        .await
        .expect("good");
    lax.userinfo(&next.access).await.expect_error("invalid_token");
    lax.refresh(&next.refresh).await.expect_error("invalid_grant");
}

#[tokio::test]
async fn tries_are_few_and_survive_new_flows() {
    // TO-03
    let world = World::new().await;
    let (secret, _) = world.enrol(&mut world.idp.browser()).await;
    world.wait_a_step();
    let mut browser = world.idp.browser();
    world.challenged(&mut browser).await;
    for attempt in 0..6 {
        let page = browser.open(world.vault.authorize_url()).await.expect_step("totp");
        let page = page.submit(&[("code", "000000")]).await;
        assert_eq!(page.status, if attempt < 5 { 422 } else { 429 }, "{attempt}");
    }
    let page = browser.open(world.vault.authorize_url()).await.expect_step("totp");
    let page = page.submit(&[("code", &world.code(&secret))]).await.expect_status(429);
    assert_eq!(page.header("retry-after"), "900");
    world.idp.clock.advance(Duration::from_secs(900));
    let page = browser.open(world.vault.authorize_url()).await.expect_step("totp");
    page.submit(&[("code", &world.code(&secret))]).await.expect_code();
}

#[tokio::test]
async fn who_lost_theirs_is_helped_and_who_is_shut_out_stays_out() {
    let world = World::new().await;
    let (secret, _) = world.enrol(&mut world.idp.browser()).await;
    world.idp.gantry("user reset-factors alice").await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.vault.authorize_url()).await.submit_password(&world.alice).await;
    assert_ne!(secret_on(&page.expect_step("enrol")), secret);
    for command in ["user disable alice", "user logout alice", "user delete alice"] {
        let world = World::new().await;
        let (secret, _) = world.enrol(&mut world.idp.browser()).await;
        world.wait_a_step();
        let mut browser = world.idp.browser();
        let page = world.challenged(&mut browser).await;
        world.idp.gantry(command).await;
        let page = page.submit(&[("code", &world.code(&secret))]).await;
        assert!(
            page.status >= 400 || page.step().as_deref() == Some("password"),
            "{command}: {}",
            page.status
        );
    }
}

#[tokio::test]
async fn enrolling_may_be_put_off_for_a_while() {
    let grace = "strict: { second_factor: required, grace: 7d }";
    let settings = POLICIES.replace("strict: { second_factor: required }", grace);
    let idp = TestIdp::setup().with_settings(&settings).with_apps(APPS).start().await;
    let alice = idp.user("alice").create().await;
    let vault = idp.relying_party("vault").await;
    let mut browser = idp.browser();
    let page = browser.open(vault.authorize_url()).await.submit_password(&alice).await.expect_step("enrol");
    let tokens = vault.redeem(&page.press("skip").await.expect_code()).await.expect_tokens();
    assert_eq!(tokens.id_claims()["acr"], "aal1");
    // Where no page may be shown it is put off; the next page asks again.
    browser.open(vault.authorize_with(&[("prompt", "none")])).await.expect_code();
    browser.open(vault.authorize_url()).await.expect_step("enrol");
    let tokens = vault.refresh(&tokens.refresh).await.expect_tokens();
    password_grant::ask(&vault, "alice", &alice.password).await.expect_tokens();
    // The app may want more than the policy does.
    let claims = json!({ "id_token": { "acr": { "essential": true, "values": ["aal2"] } } }).to_string();
    let page = browser.open(vault.authorize_with(&[("claims", &claims)])).await.expect_step("enrol");
    assert!(!page.html.contains("value=\"skip\""));
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    browser.post(&action, &[("csrf", &csrf), ("action", "skip")]).await.expect_error_page(403);
    idp.clock.advance(Duration::from_secs(7 * 24 * 3600));
    vault.refresh(&tokens.refresh).await.expect_error("invalid_grant");
    let mut other = idp.browser();
    other.open("/login").await.submit_password(&alice).await;
    let url = vault.authorize_with(&[("prompt", "none")]);
    other.open(url).await.expect_error("interaction_required");
    let mut other = idp.browser();
    let page = other.open(vault.authorize_url()).await.submit_password(&alice).await.expect_step("enrol");
    assert!(!page.html.contains("value=\"skip\""));
}
