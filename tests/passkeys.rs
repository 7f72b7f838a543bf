//! Passkeys through the pages: added, asked for as a second factor, and as the first one.

use serde_json::{Value, json};

use crate::support::authenticator::Authenticator;
use crate::support::browser::{Page, attribute};
use crate::support::{Browser, RelyingParty, TestIdp, TestUser};

const SETTINGS: &str = "policies: { standard: {}, strict: { second_factor: required }, open: { first_factor: any }, keys: { first_factor: passkey } }\n\
                        factors: { offered: [passkey, recovery_code] }\n";
const APPS: &str = r#"
  vault:
    redirect_uris: ["https://vault.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: strict }]
  board:
    redirect_uris: ["https://board.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: open }]
  safe:
    redirect_uris: ["https://safe.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: keys }]
"#;

struct World {
    idp: TestIdp,
    alice: TestUser,
    vault: RelyingParty,
}

impl World {
    async fn new() -> Self {
        let idp = TestIdp::setup().with_settings(SETTINGS).with_apps(APPS).start().await;
        let alice = idp.user("alice").create().await;
        let vault = idp.relying_party("vault").await;
        Self { idp, alice, vault }
    }

    fn origin(&self) -> String {
        self.idp.at("").trim_end_matches('/').to_owned()
    }

    /// Adds a key on the spot.
    async fn enrol(&self, authenticator: &mut Authenticator) {
        let mut browser = self.idp.browser();
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        let page = page.expect_step("enrol");
        let answer = authenticator.create(&options(&page)).to_string();
        let page = page.submit(&[("credential", &answer), ("name", "My <b>key</b>")]).await;
        page.expect_step("recovery_codes").press("continue").await.expect_code();
    }

    async fn asked<'b>(&self, browser: &'b mut Browser) -> Page<'b> {
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        page.expect_step("passkey")
    }

    async fn by_key<'b>(&self, browser: &'b mut Browser, client: &RelyingParty) -> Page<'b> {
        let page = browser.open(client.authorize_url()).await.expect_step("password");
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        browser.post(&action, &[("csrf", &csrf), ("action", "passkey")]).await.expect_step("passkey")
    }
}

fn options(page: &Page<'_>) -> Value {
    let text = attribute(&page.html, "data-options").expect("options");
    let text = text.replace("&quot;", "\"").replace("&#34;", "\"").replace("&amp;", "&");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn a_passkey_is_added_on_the_spot_and_proves_once_per_question() {
    // WA-03
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await;
    let first = options(&page);
    let answer = key.get(&first).to_string();
    let mut other = world.idp.browser();
    let elsewhere = world.asked(&mut other).await;
    let elsewhere =
        elsewhere.submit(&[("credential", &answer)]).await.expect_status(422).expect_step("passkey");
    let page = page.submit(&[("credential", "{}")]).await.expect_status(422).expect_step("passkey");
    // The question was used up by the first look.
    assert_ne!(options(&page)["challenge"], first["challenge"]);
    let page = page.submit(&[("credential", &answer)]).await.expect_status(422).expect_step("passkey");
    let answer = key.get(&options(&page)).to_string();
    let code = page.submit(&[("credential", &answer)]).await.expect_code();
    let claims = world.vault.redeem(&code).await.expect_tokens().id_claims();
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("aal2"), &json!(["pwd", "swk", "mfa"])));
    drop(elsewhere);
}

#[tokio::test]
async fn a_key_for_another_site_proves_nothing() {
    // WA-01
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    for origin in ["https://evil.test", "https://localhost", "http://localhost:1", "null"] {
        origin.clone_into(&mut key.origin);
        let mut browser = world.idp.browser();
        let page = world.asked(&mut browser).await;
        let answer = key.get(&options(&page)).to_string();
        page.submit(&[("credential", &answer)]).await.expect_status(422).expect_step("passkey");
    }
}

#[tokio::test]
async fn somebody_elses_key_proves_nothing() {
    // WA-06
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    let bob = TestUser { ..world.idp.user("bob").create().await };
    let mut of_bob = Authenticator::new(&world.origin());
    let world_of_bob = World { alice: bob, vault: world.idp.relying_party("vault").await, idp: world.idp };
    world_of_bob.enrol(&mut of_bob).await;
    let mut browser = world_of_bob.idp.browser();
    let page = world_of_bob.asked(&mut browser).await;
    let mut asked = options(&page);
    asked["allowCredentials"] = json!([]);
    let answer = key.get(&asked).to_string();
    page.submit(&[("credential", &answer)]).await.expect_status(422).expect_step("passkey");
}

#[tokio::test]
async fn a_passkey_signs_in_without_a_name() {
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    for client in ["board", "safe"] {
        let app = world.idp.relying_party(client).await;
        let mut browser = world.idp.browser();
        let page = world.by_key(&mut browser, &app).await;
        let asked = options(&page);
        assert_eq!(asked["allowCredentials"], json!([]));
        let answer = key.get(&asked).to_string();
        let code = page.submit(&[("credential", &answer)]).await.expect_code();
        let claims = app.redeem(&code).await.expect_tokens().id_claims();
        // A finger was checked: two factors in one.
        assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["swk", "user", "mfa"]), &json!("aal2")));
        // WA-13
        let mut other = world.idp.browser();
        let page = other.open(app.authorize_url()).await.submit_password(&world.alice).await;
        page.expect_step("passkey");
    }
}

#[tokio::test]
async fn a_security_key_alone_is_one_factor_and_no_second_one() {
    let world = World::new().await;
    let mut key = Authenticator::security_key(&world.origin());
    world.enrol(&mut key).await;
    let mut browser = world.idp.browser();
    let safe = world.idp.relying_party("safe").await;
    let page = world.by_key(&mut browser, &safe).await;
    let answer = key.get(&options(&page)).to_string();
    // The policy `keys` asks those who have enrolled something for a second factor, and the key is not one.
    page.submit(&[("credential", &answer)]).await.expect_step("recovery_code");
}

#[tokio::test]
async fn unknown_and_disabled_peoples_keys_get_the_same_answer() {
    // PW-01
    let world = World::new().await;
    let mut key = Authenticator::new(&world.origin());
    world.enrol(&mut key).await;
    world.idp.gantry("user disable alice").await;
    let mut told = Vec::new();
    for credential in ["alice", "nobody"] {
        let mut browser = world.idp.browser();
        let board = world.idp.relying_party("board").await;
        let page = world.by_key(&mut browser, &board).await;
        let mut answer = key.get(&options(&page));
        if credential == "nobody" {
            (answer["id"], answer["rawId"]) = (json!("AAAA"), json!("AAAA"));
        }
        let page = page.submit(&[("credential", &answer.to_string())]).await.expect_status(422);
        told.push(
            page.html
                .split_once("role=\"alert\"")
                .expect("told")
                .1
                .split_once("</p>")
                .expect("end")
                .0
                .to_owned(),
        );
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn a_key_that_signed_in_without_a_pin_opens_no_account() {
    // TO-07
    let world = World::new().await;
    let mut key = Authenticator::security_key(&world.origin());
    world.enrol(&mut key).await;
    let mut browser = world.idp.browser();
    let board = world.idp.relying_party("board").await;
    let page = world.by_key(&mut browser, &board).await;
    let answer = key.get(&options(&page)).to_string();
    page.submit(&[("credential", &answer)]).await.expect_step("recovery_code");
    let page = browser.open("/account").await.expect_step("account");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let page = browser.post(&action, &[("csrf", &csrf), ("remove", "passkey")]).await;
    assert!(page.step().as_deref() == Some("recovery_code"), "{:?}", page.step());
}
