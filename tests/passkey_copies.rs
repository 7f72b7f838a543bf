//! Passkeys of which there may be a copy, because their signature counter did not grow (WA-05 of the attack list):
//! refused, or not enough, as the policy says; told once either way.

use std::collections::BTreeMap;

use serde_json::json;

use crate::approval::shown;
use crate::passkey_account::{letters, press, reference};
use crate::passkeys::{World, options};
use crate::support::authenticator::{Authenticator, UP, UV};
use crate::support::authenticator_app::codes_on;
use crate::support::browser::Page;
use crate::support::{Browser, RelyingParty, TestIdp, logs};

const POLICIES: &str = "\
policies:
  standard: {}
  strict: { second_factor: required }
  lenient: { second_factor: required, suspected_clone: challenge }
  keys: { first_factor: passkey }
  weighing: { first_factor: passkey, second_factor: never, suspected_clone: challenge }
  any: { first_factor: any, second_factor: never }
  open: { first_factor: any, second_factor: never, suspected_clone: challenge }
";

const APPS: [(&str, &str); 6] = [
    ("vault", "strict"),
    ("shed", "lenient"),
    ("safe", "keys"),
    ("chest", "weighing"),
    ("shelf", "any"),
    ("board", "open"),
];

fn apps() -> String {
    let app = |(name, policy)| {
        format!(
            "\n  {name}:\n    redirect_uris: [\"https://{name}.test/cb\"]\n    first_party: true\n    \
             access: [{{ group: everyone, policy: {policy} }}]\n"
        )
    };
    APPS.map(app).concat()
}

/// Says that there may be a copy.
const ALERT: &str = "There may be a copy of this passkey";

struct Copied {
    world: World,
    /// It has signed in once, and has a count of 11 kept of it.
    key: Authenticator,
    codes: Vec<String>,
    apps: BTreeMap<&'static str, RelyingParty>,
}

impl Copied {
    async fn new() -> Self {
        Self::where_offered("[passkey, recovery_code]").await
    }

    async fn where_offered(methods: &str) -> Self {
        let settings = format!("{POLICIES}factors: {{ offered: {methods} }}\n");
        let idp = TestIdp::setup().with_settings(&settings).with_apps(&apps()).start().await;
        let alice = idp.user("alice").create().await;
        let vault = idp.relying_party("vault").await;
        let world = World { idp, alice, vault };
        let mut key = Authenticator::security_key(&world.origin());
        (key.flags, key.count) = (UP | UV, 10);
        let mut browser = world.idp.browser();
        let page = browser.open(world.vault.authorize_url()).await.submit_password(&world.alice).await;
        let page = page.expect_step("enrol");
        let answer = key.create(&options(&page)).to_string();
        let page =
            page.submit(&[("credential", &answer), ("name", "Ring")]).await.expect_step("recovery_codes");
        let codes = codes_on(&page);
        page.press("continue").await.expect_code();
        let mut apps = BTreeMap::new();
        for (name, _) in APPS {
            apps.insert(name, world.idp.relying_party(name).await);
        }
        let mut copied = Self { world, key, codes, apps };
        let mut browser = copied.world.idp.browser();
        copied.second(&mut browser, "vault", 11).await.expect_code();
        copied
    }

    /// The page after the key was used beside the password, with this count.
    async fn second<'b>(&mut self, browser: &'b mut Browser, client: &str, count: u32) -> Page<'b> {
        let page =
            browser.open(self.apps[client].authorize_url()).await.submit_password(&self.world.alice).await;
        self.used(page.expect_step("passkey"), count).await
    }

    /// The page after it was used in place of a password.
    async fn first<'b>(&mut self, browser: &'b mut Browser, client: &str, count: u32) -> Page<'b> {
        let page = self.world.by_key(browser, &self.apps[client]).await;
        self.used(page, count).await
    }

    async fn used<'b>(&mut self, page: Page<'b>, count: u32) -> Page<'b> {
        self.key.count = count;
        let answer = self.key.get(&options(&page)).to_string();
        page.submit(&[("credential", &answer)]).await
    }

    /// What alice was told, and what the log says of her.
    async fn expect_told(&self, letter_count: usize, events: usize) {
        let letters = letters(&self.world).await;
        let told = letters.matches("a passkey was used that may have been copied").count();
        assert_eq!(told, letter_count, "{letters}");
        let logged = logs::so_far();
        let ours = |line: &&str| line.contains("passkey_suspected") && line.contains(&self.world.alice.id);
        assert_eq!(logged.lines().filter(ours).count(), events);
    }

    /// Whether `client` lets the browser in without a page.
    async fn is_in(&self, browser: &mut Browser, client: &str) -> bool {
        let silent = self.apps[client].authorize_with(&[("prompt", "none")]);
        let answer = browser.open(silent).await.expect_answer();
        answer.get("error").is_none()
    }
}

#[tokio::test]
async fn beside_a_password_such_a_key_is_refused_and_its_person_told_once() {
    let mut copied = Copied::new().await;
    for count in [11, 10, 0] {
        let mut browser = copied.world.idp.browser();
        let page = copied.second(&mut browser, "vault", count).await.expect_status(422);
        assert!(page.expect_step("passkey").html.contains(ALERT));
        assert!(!copied.is_in(&mut browser, "vault").await, "{count}");
    }
    copied.expect_told(1, 3).await;
    // As long as it grows nothing is amiss, and from then on it is news again.
    for (count, good) in [(12, true), (13, true), (13, false), (12, false)] {
        let mut browser = copied.world.idp.browser();
        copied.second(&mut browser, "vault", count).await;
        assert_eq!(copied.is_in(&mut browser, "vault").await, good, "{count}");
    }
    copied.expect_told(2, 5).await;
}

#[tokio::test]
async fn in_place_of_a_password_such_a_key_is_refused() {
    let mut copied = Copied::new().await;
    for client in ["safe", "shelf"] {
        let mut browser = copied.world.idp.browser();
        let page = copied.first(&mut browser, client, 11).await.expect_status(422);
        let page = page.expect_step("passkey");
        assert!(page.html.contains(ALERT), "{}", page.html);
        browser.open("/account").await.expect_step("password");
    }
    copied.expect_told(1, 2).await;
}

#[tokio::test]
async fn where_the_policy_weighs_it_another_factor_is_proved_in_its_place() {
    let mut copied = Copied::new().await;
    let mut browser = copied.world.idp.browser();
    let page = copied.second(&mut browser, "shed", 11).await.expect_status(200);
    let page = page.expect_step("recovery_code");
    assert!(page.html.contains(ALERT), "{}", page.html);
    // There is no way back to the key.
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let form = [("csrf", &*csrf), ("action", "other_method"), ("method", "passkey")];
    browser.post(&action, &form).await.expect_status(403);
    assert!(!copied.is_in(&mut browser, "shed").await);
    browser.post(&action, &[("csrf", &*csrf), ("code", "BCDFG-HJKLM")]).await.expect_status(422);
    let page = browser.post(&action, &[("csrf", &*csrf), ("code", &*copied.codes[0])]).await;
    let claims = copied.apps["shed"].redeem(&page.expect_code()).await.expect_tokens().id_claims();
    assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("aal2")));
    // What was proved in its place is enough elsewhere too.
    assert!(copied.is_in(&mut browser, "vault").await);
    // The copy does not catch up by being used.
    let mut browser = copied.world.idp.browser();
    copied.second(&mut browser, "shed", 11).await.expect_step("recovery_code");
    let mut browser = copied.world.idp.browser();
    copied.second(&mut browser, "shed", 12).await.expect_code();
    copied.expect_told(1, 2).await;
}

#[tokio::test]
async fn a_key_that_weighs_less_is_never_the_only_factor() {
    // Its policy asks nobody else for a second one.
    let mut copied = Copied::new().await;
    let mut browser = copied.world.idp.browser();
    let page = copied.first(&mut browser, "chest", 11).await.expect_status(200);
    let page = page.expect_step("recovery_code");
    assert!(page.html.contains(ALERT), "{}", page.html);
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    for client in ["chest", "board", "shelf", "safe", "vault", "shed"] {
        assert!(!copied.is_in(&mut browser, client).await, "{client}");
    }
    press(&mut browser, "add", "passkey").await.expect_step("recovery_code");
    // Nor does it let another browser in.
    let mut other = copied.world.idp.browser();
    let page = other.open(copied.apps["board"].authorize_url()).await.press("qr").await;
    let (address, _) = shown(&page.expect_step("qr"));
    browser.open(&address).await.expect_error_page(403);
    let page = browser.post(&action, &[("csrf", &*csrf), ("code", &*copied.codes[0])]).await;
    let claims = copied.apps["chest"].redeem(&page.expect_code()).await.expect_tokens().id_claims();
    assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["hwk", "user", "otp", "mfa"]), &json!("aal2")));
    browser.open(&address).await.expect_step("approve");
    // A policy that refuses such keys takes this session for none that began with one.
    for (client, step) in [("safe", Some("passkey")), ("shelf", Some("password")), ("board", None)] {
        assert_eq!(
            browser.open(copied.apps[client].authorize_url()).await.step().as_deref(),
            step,
            "{client}"
        );
    }
    copied.expect_told(1, 1).await;
}

#[tokio::test]
async fn who_has_nothing_else_stays_outside() {
    let mut copied = Copied::where_offered("[passkey]").await;
    let mut browser = copied.world.idp.browser();
    copied.first(&mut browser, "chest", 11).await.expect_error_page(403);
    press(&mut browser, "add", "passkey").await.expect_error_page(403);
    let mut browser = copied.world.idp.browser();
    copied.second(&mut browser, "shed", 11).await.expect_error_page(403);
}

#[tokio::test]
async fn a_copy_has_signed_nobody_in_once_its_person_has_removed_the_key() {
    let mut copied = Copied::new().await;
    let mut thief = copied.world.idp.browser();
    copied.first(&mut thief, "chest", 11).await.expect_step("recovery_code");
    let mut browser = copied.world.idp.browser();
    copied.second(&mut browser, "vault", 12).await.expect_code();
    let ring = reference(&mut browser, "Ring").await;
    press(&mut browser, "remove_key", &ring).await.press("continue").await.expect_step("account");
    thief.open(copied.apps["chest"].authorize_url()).await.expect_step("password");
    thief.open("/account").await.expect_step("password");
}
