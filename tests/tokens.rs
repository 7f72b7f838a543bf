//! What the administrator gives out: tokens that show codes, and `YubiKey`s.

use std::time::Duration;

use gantry::cli::admin::{self, TokenCommand, TokenFiles};
use gantry::notify::deliver_due;
use serde_json::json;

use crate::support::authenticator_app::{secret_on, totp};
use crate::support::browser::Page;
use crate::support::{Browser, RelyingParty, TestIdp, TestUser};

const SETTINGS: &str = r"
policies: { standard: {}, strict: { second_factor: required } }
factors: { offered: [hardware_token, yubikey, totp, grid, kba, recovery_code] }
";
const APPS: &str = r#"
  vault:
    title: Vault
    redirect_uris: ["https://vault.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: strict }]
"#;
/// RFC 4226 appendix D.
const HOTP: [&str; 8] = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583"];
const SECRET: &str = "3132333435363738393031323334353637383930";

pub(crate) struct World {
    pub(crate) idp: TestIdp,
    pub(crate) alice: TestUser,
    pub(crate) vault: RelyingParty,
}

impl World {
    pub(crate) async fn new() -> Self {
        let idp = TestIdp::setup().with_settings(SETTINGS).with_apps(APPS).start().await;
        let alice = idp.user("alice").create().await;
        idp.gantry("user set alice --email alice@example.org").await;
        let vault = idp.relying_party("vault").await;
        Self { idp, alice, vault }
    }

    pub(crate) async fn import(&self, rows: &str) -> Result<serde_json::Value, String> {
        self.import_files(TokenFiles { list: rows.to_owned(), ..TokenFiles::default() }).await
    }

    async fn import_files(&self, files: TokenFiles) -> Result<serde_json::Value, String> {
        let (file, content) = ("tokens".into(), Some(files));
        let command = TokenCommand::Import { file, key: None, users: None, content };
        let done = admin::execute(&self.idp.app, admin::Command::Token(command)).await;
        done.map(|output| output.json).map_err(|failure| failure.message)
    }

    /// Who has which token.
    pub(crate) async fn listed(&self) -> Vec<[String; 3]> {
        let listed = self.idp.gantry("token list").await;
        let text = |token: &serde_json::Value, name: &str| token[name].as_str().expect(name).to_owned();
        let row = |token| ["user", "kind", "serial"].map(|name| text(token, name));
        listed.as_array().expect("a list").iter().map(row).collect()
    }

    pub(crate) async fn asked<'b>(&self, browser: &'b mut Browser, step: &str) -> Page<'b> {
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        page.expect_step(step)
    }

    /// At the account's page, after the authenticator app was set up.
    pub(crate) async fn account<'b>(&self, browser: &'b mut Browser, add: &str) -> Page<'b> {
        browser.open("/login").await.submit_password(&self.alice).await;
        let page = press(browser, "totp").await.expect_step("enrol");
        let code = totp(&secret_on(&page), self.idp.app.clock.now().seconds());
        page.submit(&[("code", &code)]).await.press("continue").await.expect_step("account");
        press(browser, add).await.expect_step("enrol")
    }

    pub(crate) async fn mailed_code(&self) -> String {
        deliver_due(&self.idp.app).await.expect("store");
        let folder = std::fs::read_dir(self.idp.app.config().data_dir.join("mail")).expect("letters");
        let letters =
            folder.map(|entry| std::fs::read_to_string(entry.expect("entry").path()).expect("text"));
        let letter = letters.filter(|letter| letter.contains("code for")).last().expect("a letter");
        let digits = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
        letter.lines().find(digits).expect("a code").to_owned()
    }
}

async fn press<'b>(browser: &'b mut Browser, add: &str) -> Page<'b> {
    let page = browser.open("/account").await.expect_step("account");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    browser.post(&action, &[("csrf", &csrf), ("add", add)]).await
}

#[tokio::test]
async fn a_counter_token_signs_in_and_every_code_once() {
    // TO-01, TO-02
    let world = World::new().await;
    let rows = format!("user,type,serial,secret\nalice,hotp,T-1,{SECRET}\n");
    assert_eq!(world.import(&rows).await.expect("good"), json!({ "imported": 1, "not_offered": [] }));
    for (code, good) in
        [(HOTP[0], true), (HOTP[0], false), (HOTP[3], true), (HOTP[2], false), (HOTP[4], true)]
    {
        let mut browser = world.idp.browser();
        let page = world.asked(&mut browser, "hardware_token").await.submit(&[("code", code)]).await;
        if good {
            let claims = world.vault.redeem(&page.expect_code()).await.expect_tokens().id_claims();
            assert_eq!(claims["amr"], json!(["pwd", "otp", "mfa"]));
        } else {
            page.expect_status(422).expect_step("hardware_token");
        }
    }
    assert_eq!(world.listed().await, [["alice", "hardware_token", "T-1"]]);
    world.idp.gantry("token remove alice T-1").await;
    world.asked(&mut world.idp.browser(), "enrol").await;
}

#[tokio::test]
async fn tokens_of_a_pskc_file_are_given_out_all_or_none() {
    // RFC 6030
    let world = World::new().await;
    let key = |id: &str, serial: &str, user: &str| {
        format!(
            "<KeyPackage><DeviceInfo><SerialNo>{serial}</SerialNo></DeviceInfo>\
             <Key Id=\"{id}\" Algorithm=\"urn:ietf:params:xml:ns:keyprov:pskc:hotp\">\
             <Data><Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret></Data>{user}</Key></KeyPackage>"
        )
    };
    let list = |keys: &str| {
        let namespace = "urn:ietf:params:xml:ns:keyprov:pskc";
        format!(
            "<?xml version=\"1.0\"?><KeyContainer Version=\"1.0\" xmlns=\"{namespace}\">{keys}</KeyContainer>"
        )
    };
    let alice = key("k1", "T-1", "<UserId>CN=alice,O=Team</UserId>");
    let of = |keys: &str, users: Option<&str>| TokenFiles {
        list: list(keys),
        key: None,
        users: users.map(str::to_owned),
    };
    let both = format!("{alice}{}", key("k2", "T-2", "<UserId>CN=nobody</UserId>"));
    let refused = world.import_files(of(&both, None)).await.expect_err("nobody");
    assert_eq!(refused, "key k2: there is no user nobody; nothing was imported");
    let unnamed = world.import_files(of(&key("k3", "T-3", ""), None)).await.expect_err("unnamed");
    assert!(unnamed.contains("nobody is named for the serial number T-3"), "{unnamed}");
    assert_eq!(world.idp.gantry("token list").await, json!([]));
    assert_eq!(world.import_files(of(&alice, None)).await.expect("good")["imported"], 1);
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser, "hardware_token").await;
    page.submit(&[("code", HOTP[0])]).await.expect_code();
    // A key without a device goes by its own name.
    let users = Some("serial,user\nk9,alice\n");
    let other = key("k9", "", "<UserId>CN=nobody</UserId>").replace("MTIz", "MzIx");
    world.import_files(of(&other, users)).await.expect("good");
    let tokens = ["T-1", "k9"].map(|serial| ["alice", "hardware_token", serial]);
    assert_eq!(world.listed().await, tokens);
}

#[tokio::test]
async fn a_clock_token_signs_in_within_a_step() {
    // TO-05
    let world = World::new().await;
    world
        .import(&format!("user,type,serial,secret,digits,period\nalice,totp,T-1,{SECRET},6,30\n"))
        .await
        .expect("good");
    let secret = b"12345678901234567890";
    for (late, good) in [(-60, false), (-30, true), (60, false), (30, true)] {
        world.idp.clock.advance(Duration::from_secs(120));
        let mut browser = world.idp.browser();
        let page = world.asked(&mut browser, "hardware_token").await;
        let code = totp(secret, world.idp.app.clock.now().seconds() + late);
        let page = page.submit(&[("code", &code)]).await;
        assert_eq!(
            page.status,
            if good { 200 } else { 422 }.max(page.status.min(303)),
            "{late}: {}",
            page.status
        );
        assert_eq!(page.step().as_deref() == Some("hardware_token"), !good, "{late}");
    }
}

#[tokio::test]
async fn a_yubikey_signs_in_once_per_touch() {
    let world = World::new().await;
    let rows = "user,type,secret,public_id,private_id\n\
                alice,yubikey,ecde18dbe76fbd0c33330f1c354871db,vvccccfiluij,8792ebfe26cc\n";
    world.import(rows).await.expect("good");
    let typed = "vvccccfiluijedidudkvuvurlvvgejlgltfvkbfnduhh";
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser, "yubikey").await;
    let page = page.submit(&[("code", &typed.replace("edid", "edic"))]).await.expect_status(422);
    page.submit(&[("code", typed)]).await.expect_code();
    let mut other = world.idp.browser();
    let page = world.asked(&mut other, "yubikey").await;
    page.submit(&[("code", typed)]).await.expect_status(422).expect_step("yubikey");
}

#[tokio::test]
async fn what_nobody_is_asked_for_is_said_when_it_is_given_out() {
    let idp = TestIdp::setup().with_settings("factors: { offered: [yubikey] }\n").start().await;
    let alice = idp.user("alice").create().await;
    let rows = format!("user,type,serial,secret\n{},hotp,T-1,{SECRET}\n", alice.username);
    let files = TokenFiles { list: rows, ..TokenFiles::default() };
    let command =
        TokenCommand::Import { file: "tokens".into(), key: None, users: None, content: Some(files) };
    let done = admin::execute(&idp.app, admin::Command::Token(command)).await.expect("imported");
    assert_eq!(done.json, json!({ "imported": 1, "not_offered": ["hardware_token"] }));
    assert_eq!(
        done.text,
        "imported 1 token(s)\nnobody is asked for a hardware_token until factors.offered has it\n"
    );
}

#[tokio::test]
async fn a_wrong_row_is_named_and_nothing_is_imported() {
    let world = World::new().await;
    let good = format!("alice,hotp,T-1,{SECRET},6\n");
    let long = format!("alice,hotp,{},3132333435363738,6\n", "x".repeat(65));
    for (row, told) in [
        ("nobody,hotp,T-2,3132333435363738,6\n", "line 3: there is no user nobody"),
        ("alice,hotp,T-2,313,6\n", "line 3: the secret is neither hex nor base32"),
        ("alice,hotp,T-2,3132333435363738,9\n", "line 3: digits are 6 to 8"),
        ("alice,dial,T-2,3132333435363738,6\n", "line 3: the type is none of"),
        ("alice,hotp,,3132333435363738,6\n", "line 3: the serial number is missing"),
        (
            "alice,hotp,T\u{202e}2,3132333435363738,6\n",
            "line 3: the serial number is missing, or no plain text",
        ),
        (&long, "line 3: the serial number is missing, or no plain text of 64 characters"),
        (&good, "line 3: alice has the token T-1 already"),
        (&good.replace("T-1", "T-2"), "line 3: its secret is that of the token T-1 of alice"),
        ("alice,hotp,T-2\n", "record 2"),
    ] {
        let rows = format!("user,type,serial,secret,digits\n{good}{row}");
        let refused = world.import(&rows).await.expect_err(told);
        assert!(refused.contains(told) && refused.contains("nothing was imported"), "{refused}");
        assert_eq!(world.idp.gantry("token list").await, json!([]));
    }
}

#[tokio::test]
async fn what_is_never_sent_is_not_sent_again() {
    // AZ-35, TO-07: asking for another code does not make up for one
    let world = World::new().await;
    let rows = format!(
        "user,type,serial,secret,public_id,private_id\nalice,hotp,T-1,{SECRET},,\nalice,yubikey,,ecde18dbe76fbd0c33330f1c354871db,vvccccfiluij,8792ebfe26cc\n"
    );
    let mut browser = world.idp.browser();
    let page = world.account(&mut browser, "grid").await;
    page.press("continue").await.expect_step("account");
    world.import(&rows).await.expect("tokens");
    for method in ["hardware_token", "yubikey", "totp", "grid", "recovery_code"] {
        let mut thief = world.idp.browser();
        let mut page = world.asked(&mut thief, "totp").await;
        if method != "totp" {
            page = page.press("other_method").await.expect_step("choose");
            page = page.submit(&[("method", method)]).await;
        }
        let page = page.expect_step(method);
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        for sent in
            ["resend", "skip", "allow", "trust_device", "qr", "magic_link", "passkey", "other_user", "deny"]
        {
            let form = [("csrf", csrf.as_str()), ("action", sent), ("code", "")];
            thief.post(&action, &form).await.expect_error_page(403);
            let form = [("csrf", csrf.as_str()), ("action", "continue"), ("code", "")];
            let page = thief.post(&action, &form).await;
            assert!(page.status == 422 || page.status == 429, "{method} {sent}: {}", page.status);
        }
        thief
            .open(world.vault.authorize_with(&[("prompt", "none")]))
            .await
            .expect_error("interaction_required");
    }
}
