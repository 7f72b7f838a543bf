//! A phone that is signed in lets another browser in.

use std::time::Duration;

use serde_json::json;

use crate::support::browser::{Page, attribute};
use crate::support::{Browser, RelyingParty, TestIdp, TestUser};

const SETTINGS: &str = "policies: { standard: {}, open: { first_factor: any } }\n";
const APPS: &str = r#"
  board:
    title: Board
    redirect_uris: ["https://board.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: open }]
"#;

struct World {
    idp: TestIdp,
    alice: TestUser,
    board: RelyingParty,
    phone: Browser,
}

impl World {
    async fn new() -> Self {
        let idp = TestIdp::setup().with_settings(SETTINGS).with_apps(APPS).start().await;
        let alice = idp.user("alice").create().await;
        let board = idp.relying_party("board").await;
        let mut phone = idp.browser();
        phone.open("/login").await.submit_password(&alice).await;
        Self { idp, alice, board, phone }
    }

    /// A new browser that waits: the page, the address to open on the phone, and the number.
    async fn waiting<'b>(&self, browser: &'b mut Browser) -> (Page<'b>, String, String) {
        let page = browser.open(self.board.authorize_url()).await.press("qr").await.expect_step("qr");
        let (address, number) = shown(&page);
        (page, address, number)
    }
}

pub(crate) fn shown(page: &Page<'_>) -> (String, String) {
    let between = |before: &str, after: &str| {
        let (_, rest) = page.html.split_once(before).expect(before);
        rest.split_once(after).expect(after).0.to_owned()
    };
    (between("<code class=\"secret\">", "<"), between("<strong>", "<"))
}

/// Presses a number, or whatever else, on the phone.
async fn answer(phone: &mut Browser, address: &str, form: &[(&str, &str)]) -> u16 {
    let page = phone.open(address).await.expect_step("approve");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    phone.post(&action, &form).await.status
}

#[tokio::test]
async fn a_phone_that_is_signed_in_lets_another_browser_in_once() {
    let mut world = World::new().await;
    let mut browser = world.idp.browser();
    let (page, address, number) = world.waiting(&mut browser).await;
    let page = page.press("continue").await.expect_status(200).expect_step("qr");
    // Looking is not answering.
    let seen = world.phone.open(&address).await.expect_step("approve");
    assert!(seen.html.contains("Board") && seen.html.contains(&format!("value=\"{number}\"")));
    let page = page.press("continue").await.expect_step("qr");
    let again = page.url.clone();
    assert_eq!(browser.open(&again).await.header("refresh"), "5");
    assert_eq!(answer(&mut world.phone, &address, &[("number", &number)]).await, 200);
    world.phone.open(&address).await.expect_error_page(404);
    let page = browser.open(&again).await.expect_step("qr");
    assert_eq!(page.header("refresh"), "", "there is nothing to wait for any more");
    let code = page.press("continue").await.expect_code();
    let claims = world.board.redeem(&code).await.expect_tokens().id_claims();
    assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["mca"]), &json!("aal1")));
    assert_eq!(claims["sub"], json!(world.alice.id));
}

#[tokio::test]
async fn another_code_can_be_shown_and_the_one_before_is_worth_nothing() {
    let mut world = World::new().await;
    let mut browser = world.idp.browser();
    let (page, left, _) = world.waiting(&mut browser).await;
    let page = page.press("resend").await.expect_step("qr");
    let (address, number_now) = shown(&page);
    assert_ne!(address, left);
    world.phone.open(&left).await.expect_error_page(404);
    let page = page.press("continue").await.expect_step("qr");
    assert_eq!(answer(&mut world.phone, &address, &[("number", &number_now)]).await, 200);
    page.press("continue").await.expect_code();
}

#[tokio::test]
async fn a_wrong_number_a_no_and_time_let_nobody_in() {
    let mut world = World::new().await;
    for form in [[("number", "1")], [("action", "deny")], [("number", "")]] {
        let mut browser = world.idp.browser();
        let (page, address, _) = world.waiting(&mut browser).await;
        assert_eq!(answer(&mut world.phone, &address, &form).await, 200);
        let page = page.press("continue").await.expect_status(422).expect_step("qr");
        // The password still does.
        page.press("other_method")
            .await
            .expect_step("password")
            .submit_password(&world.alice)
            .await
            .expect_code();
    }
    let mut browser = world.idp.browser();
    let (page, address, number) = world.waiting(&mut browser).await;
    world.idp.clock.advance(Duration::from_secs(301));
    world.phone.open(&address).await.expect_error_page(404);
    page.press("continue").await.expect_status(422);
    let _ = number;
}

#[tokio::test]
async fn only_who_is_signed_in_answers_and_only_on_the_page() {
    let mut world = World::new().await;
    let mut browser = world.idp.browser();
    let (page, address, number) = world.waiting(&mut browser).await;
    world.idp.browser().open(&address).await.expect_error_page(403);
    let path = address.trim_start_matches(&world.idp.at("")).to_owned();
    for csrf in ["", "x"] {
        let form = [("number", number.as_str()), ("csrf", csrf)];
        world.phone.post(&path, &form).await.expect_error_page(403);
    }
    // Another person's phone lets in that person, nobody else.
    let bob = world.idp.user("bob").create().await;
    let mut other = world.idp.browser();
    other.open("/login").await.submit_password(&bob).await;
    assert_eq!(answer(&mut other, &address, &[("number", &number)]).await, 200);
    let tokens = world.board.redeem(&page.press("continue").await.expect_code()).await.expect_tokens();
    assert_eq!(tokens.id_claims()["sub"], json!(bob.id));
}

#[tokio::test]
async fn an_app_that_wants_the_password_gets_it() {
    let mut world = World::new().await;
    let c1 = world.idp.relying_party("c1").await;
    let mut browser = world.idp.browser();
    let page = browser.open(c1.authorize_url()).await.expect_step("password");
    assert!(!page.html.contains("value=\"qr\""));
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    browser.post(&action, &[("csrf", &csrf), ("action", "qr")]).await.expect_error_page(403);
    // In the same browser too.
    let (page, address, number) = world.waiting(&mut browser).await;
    answer(&mut world.phone, &address, &[("number", &number)]).await;
    page.press("continue").await.expect_code();
    browser.open(c1.authorize_with(&[("prompt", "none")])).await.expect_error("login_required");
    let page = browser.open(c1.authorize_url()).await.expect_step("password");
    assert_eq!(attribute(&page.html, "action"), Some(page.action()));
    page.submit(&[("password", &world.alice.password)]).await.expect_code();
}

#[tokio::test]
async fn a_phone_that_was_shut_out_meanwhile_lets_nobody_in() {
    for command in ["user disable alice", "user logout alice", "session revoke", "sign out"] {
        let mut world = World::new().await;
        let mut browser = world.idp.browser();
        let (page, address, number) = world.waiting(&mut browser).await;
        answer(&mut world.phone, &address, &[("number", &number)]).await;
        match command {
            "sign out" => drop(world.phone.open("/account/sign-out").await.press("sign_out").await),
            "session revoke" => {
                let sessions = world.idp.gantry("session list").await;
                let id = sessions[0]["id"].as_str().expect("an id");
                world.idp.gantry(&format!("{command} {id}")).await;
            }
            _ => drop(world.idp.gantry(command).await),
        }
        page.press("continue").await.expect_status(422).expect_step("qr");
    }
}
