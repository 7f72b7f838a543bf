//! Codes and links in direct messages of Rocket.Chat: into other apps, never into Rocket.Chat itself.

use std::time::Duration;

use gantry::notify::deliver_due;
use serde_json::{Value, json};

use crate::support::browser::Page;
use crate::support::callee::{Call, Callee};
use crate::support::{Browser, RelyingParty, TestIdp, TestUser, logs};

const APPS: &str = r#"
  vault:
    title: Vault
    redirect_uris: ["https://vault.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: strict }]
  talk:
    preset: rocketchat
    url: https://talk.test
    access: [{ group: everyone, policy: strict }]
"#;

struct World {
    idp: TestIdp,
    alice: TestUser,
    vault: RelyingParty,
    /// Rocket.Chat's REST API.
    chat: Callee,
}

fn answer(status: &str, more: &str, body: &Value) -> String {
    let body = body.to_string();
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n{body}", body.len())
}

impl World {
    async fn offering(offered: &str, more: &str) -> Self {
        let chat = Callee::start().await;
        let settings = format!(
            "policies: {{ standard: {{}}, strict: {{ second_factor: required }} }}\n\
             outbound: {{ allow: [127.0.0.1/32] }}\nfactors: {{ offered: [{offered}] }}\n\
             rocketchat: {{ url: \"{}\", user_id: botid, token: bot-token{more} }}\n",
            chat.url("")
        );
        let idp = TestIdp::setup().with_settings(&settings).with_apps(APPS).start().await;
        let alice = idp.user("alice").create().await;
        let vault = idp.relying_party("vault").await;
        Self { idp, alice, vault, chat }
    }

    async fn asked<'b>(&self, browser: &'b mut Browser, method: &str) -> Page<'b> {
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        page.expect_step(method)
    }

    /// What is written to the person next: to whom, and the words.
    async fn told(&mut self) -> (String, String) {
        let room = json!({ "success": true, "room": { "_id": "room-1", "t": "d" } });
        self.chat.will_answer(&answer("200 OK", "", &room));
        self.chat.will_answer(&answer("200 OK", "", &json!({ "success": true })));
        assert_eq!(deliver_due(&self.idp.app).await.expect("store"), 1);
        let (room, post) = (self.chat.called().await, self.chat.called().await);
        assert_eq!(room.line, "POST /api/v1/im.create HTTP/1.1");
        assert_eq!(post.line, "POST /api/v1/chat.postMessage HTTP/1.1");
        for call in [&room, &post] {
            assert_eq!((call.header("x-auth-token"), call.header("x-user-id")), ("bot-token", "botid"));
        }
        assert_eq!(body(&post)["roomId"], "room-1");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&body(&room)["username"]), text(&body(&post)["text"]))
    }
}

fn body(call: &Call) -> Value {
    serde_json::from_str(&call.body).expect("JSON")
}

#[tokio::test]
async fn a_code_in_a_direct_message_signs_in() {
    let mut world = World::offering("rocketchat_code", "").await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser, "rocketchat_code").await;
    let (to, text) = world.told().await;
    assert_eq!(to, "alice");
    let digits = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    let code = text.split(|c: char| !c.is_ascii_digit()).find(digits).expect("a code").to_owned();
    let page = page.submit(&[("code", "000000x")]).await.expect_status(422).expect_step("rocketchat_code");
    let answer = page.submit(&[("code", &code)]).await.expect_code();
    let claims = world.vault.redeem(&answer).await.expect_tokens().id_claims();
    assert_eq!(claims["amr"], json!(["pwd", "otp", "mfa"]));
    assert!(!logs::say(&code) && !logs::so_far().contains("bot-token"));
}

#[tokio::test]
async fn a_link_in_a_direct_message_is_answered_with_the_right_number() {
    let mut world = World::offering("rocketchat_link", ", attribute: chat_name").await;
    world.idp.gantry("user set alice --attribute chat_name=alice.in.chat").await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser, "rocketchat_link").await;
    let (to, text) = world.told().await;
    assert_eq!(to, "alice.in.chat");
    let link = text.split_whitespace().find(|word| word.contains("/approve/")).expect("a link").to_owned();
    let (_, rest) = page.html.split_once("<strong>").expect("a number");
    let number = rest.split_once('<').expect("its end").0.to_owned();
    let mut phone = world.idp.browser();
    // Rocket.Chat looks at links to show what is behind them; that answers nothing.
    phone.open(&link).await.expect_step("approve");
    let asking = phone.open(&link).await.expect_step("approve");
    let (action, csrf) = (asking.action(), asking.field("csrf").expect("csrf"));
    assert_eq!(phone.post(&action, &[("csrf", &csrf), ("number", &number)]).await.status, 200);
    let answer = page.press("continue").await.expect_code();
    let claims = world.vault.redeem(&answer).await.expect_tokens().id_claims();
    assert_eq!(claims["amr"], json!(["pwd", "mca", "mfa"]));
}

#[tokio::test]
async fn whoever_has_no_name_there_is_asked_for_something_else() {
    let world = World::offering("rocketchat_code, totp", ", attribute: chat_name").await;
    let mut browser = world.idp.browser();
    world.asked(&mut browser, "enrol").await;
}

#[tokio::test]
async fn a_message_there_is_no_way_into_rocketchat() {
    let world = World::offering("rocketchat_code, rocketchat_link, totp", "").await;
    let talk = world.idp.relying_party("talk").await;
    let mut browser = world.idp.browser();
    let page = browser.open(talk.authorize_url()).await.submit_password(&world.alice).await;
    page.expect_step("enrol");
    let explained = world.idp.gantry("policy explain --app talk --user alice").await;
    assert!(explained.to_string().contains("sets up a second factor"), "{explained}");
    // Where there is nothing else, nobody is let in without it either, and `gantry check` says so.
    let only = |yaml: String| {
        yaml.replace("[rocketchat_code, rocketchat_link, totp]", "[rocketchat_code, rocketchat_link]")
    };
    world.idp.edit(only).await.expect("good");
    let mut browser = world.idp.browser();
    let page = browser.open(talk.authorize_url()).await.submit_password(&world.alice).await;
    page.expect_error_page(403);
    let loaded = gantry::config::load(&world.idp.path).expect("good");
    let warnings = serde_json::to_string(&loaded.warnings).expect("JSON");
    assert!(warnings.contains("no way into Rocket.Chat"), "{warnings}");
}

#[tokio::test]
async fn rocketchat_is_left_alone_for_as_long_as_it_asks() {
    let mut world = World::offering("rocketchat_code", "").await;
    let mut browser = world.idp.browser();
    world.asked(&mut browser, "rocketchat_code").await;
    let reset = (world.idp.app.clock.now().seconds() + 90) * 1000;
    let limited = answer(
        "429 Too Many Requests",
        &format!("x-ratelimit-reset: {reset}\r\n"),
        &json!({ "success": false, "error": "too many" }),
    );
    world.chat.will_answer(&limited);
    assert_eq!(deliver_due(&world.idp.app).await.expect("store"), 0);
    world.chat.called().await;
    world.idp.clock.advance(Duration::from_secs(89));
    assert_eq!(deliver_due(&world.idp.app).await.expect("store"), 0);
    assert!(!world.chat.is_called());
    world.idp.clock.advance(Duration::from_secs(3));
    world.told().await;
}

#[tokio::test]
async fn a_name_that_nobody_has_there_is_not_tried_again() {
    let mut world = World::offering("rocketchat_code", "").await;
    let mut browser = world.idp.browser();
    world.asked(&mut browser, "rocketchat_code").await;
    let unknown = json!({ "success": false, "errorType": "error-invalid-user" });
    world.chat.will_answer(&answer("400 Bad Request", "", &unknown));
    assert_eq!(deliver_due(&world.idp.app).await.expect("store"), 0);
    assert_eq!(world.idp.app.notifier.waiting(), 0);
    let refused = world.idp.try_gantry("rocketchat test --to nobody", None);
    world.chat.called().await;
    world.chat.will_answer(&answer("400 Bad Request", "", &unknown));
    let refused = refused.await.expect_err("nobody");
    assert!(refused.message.contains("error-invalid-user"), "{refused:?}");
}

#[tokio::test]
async fn a_test_is_sent_at_once() {
    let mut world = World::offering("rocketchat_code", "").await;
    let room = json!({ "success": true, "room": { "_id": "room-1" } });
    world.chat.will_answer(&answer("200 OK", "", &room));
    world.chat.will_answer(&answer("200 OK", "", &json!({ "success": true })));
    let said = world.idp.gantry("rocketchat test --to alice").await;
    assert_eq!((&said["ok"], &said["to"]), (&json!(true), &json!("alice")));
    assert_eq!(body(&world.chat.called().await)["username"], "alice");
    assert!(body(&world.chat.called().await)["text"].as_str().expect("text").contains("Gantry"));
}
