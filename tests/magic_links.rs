//! Links by mail as the first factor: who gets them, who learns of it, and how many.

use std::time::Duration;

use gantry::login::approval::Approval;
use serde_json::json;

use crate::account::press;
use crate::sent_codes::{World, number, pick};
use crate::support::browser::Page;
use crate::support::{Browser, RelyingParty, TestIdp};

/// Asks for a link for `name` from there; the page that waits for it.
async fn asked<'b>(browser: &'b mut Browser, notes: &RelyingParty, name: &str) -> Page<'b> {
    let page = browser.open(notes.authorize_url()).await;
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let form = [("csrf", csrf.as_str()), ("action", "magic_link"), ("username", name)];
    browser.post(&action, &form).await
}

#[tokio::test]
async fn a_magic_link_signs_in_where_the_policy_says_so() {
    let world = World::new().await;
    let notes = world.idp.relying_party("notes").await;
    let mut browser = world.idp.browser();
    let page = asked(&mut browser, &notes, "alice").await.expect_step("magic_link");
    let (link, shown) = (world.mailed_link().await, number(&page));
    assert_eq!(pick(&mut world.idp.browser(), &link, &[("number", &shown)]).await, 200);
    let code = page.press("continue").await.expect_code();
    assert_eq!(notes.redeem(&code).await.expect_tokens().id_claims()["amr"], json!(["mca"]));
    // The password does not do there, and the link does not where the password is wanted.
    let mut other = world.idp.browser();
    let page = other.open(notes.authorize_url()).await.submit_password(&world.alice).await;
    page.expect_step("password").press("magic_link").await.expect_step("magic_link");
    let page = browser.open(world.vault.authorize_url()).await.expect_step("password");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let form = [("csrf", csrf.as_str()), ("action", "magic_link")];
    browser.post(&action, &form).await.expect_error_page(403);
}

#[tokio::test]
async fn a_link_is_sent_again_and_the_one_before_is_worth_nothing() {
    let world = World::new().await;
    let notes = world.idp.relying_party("notes").await;
    let mut browser = world.idp.browser();
    let page = asked(&mut browser, &notes, "alice").await.expect_step("magic_link");
    let lost = world.mailed_link().await;
    let page = page.press("resend").await.expect_step("magic_link");
    let (link, shown_now) = (world.mailed_link().await, number(&page));
    assert_ne!(link, lost);
    world.idp.browser().open(&lost).await.expect_error_page(404);
    let page = page.press("continue").await.expect_step("magic_link");
    assert_eq!(pick(&mut world.idp.browser(), &link, &[("number", &shown_now)]).await, 200);
    page.press("continue").await.expect_code();
}

#[tokio::test]
async fn whoever_reads_the_mail_is_one_thing_and_not_two() {
    // TO-07, SE-10: no code to the same mailbox makes up for the password
    let world = World::new().await;
    let notes = world.idp.relying_party("notes").await;
    let claims = json!({ "id_token": { "acr": { "essential": true, "values": ["aal2"] } } }).to_string();
    for (name, value) in [("action", "password"), ("add", "totp")] {
        let mut thief = world.idp.browser();
        let page = asked(&mut thief, &notes, "alice").await.expect_step("magic_link");
        let (link, shown) = (world.mailed_link().await, number(&page));
        assert_eq!(pick(&mut world.idp.browser(), &link, &[("number", &shown)]).await, 200);
        page.press("continue").await.expect_code();
        // Nothing that only reaches the mailbox is asked for, and no other factor is there.
        let page = thief.open(notes.authorize_with(&[("claims", &claims)])).await.expect_step("enrol");
        assert!(!page.html.contains("email_"), "{}", page.html);
        let page = press(&mut thief, name, value).await.expect_step("password");
        assert!(!page.html.contains("value=\"magic_link\""), "{}", page.html);
        // The password alone changes nothing either, where a code is mailed.
        page.submit_password(&world.alice).await.expect_step("email_link");
        world.letters().await;
    }
}

#[tokio::test]
async fn who_has_no_password_gets_to_the_account_by_mail() {
    let world = World::new().await;
    world.idp.gantry("user add carol --email carol@example.org --without-password").await;
    let mut browser = world.idp.browser();
    let page = browser.open("/account").await.expect_step("password");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let form = [("csrf", csrf.as_str()), ("action", "magic_link"), ("username", "carol")];
    let page = browser.post(&action, &form).await.expect_step("magic_link");
    let (link, shown) = (world.mailed_link().await, number(&page));
    assert_eq!(pick(&mut world.idp.browser(), &link, &[("number", &shown)]).await, 200);
    page.press("continue").await.expect_step("account");
    press(&mut browser, "add", "totp").await.expect_step("enrol");
    world.idp.clock.advance(Duration::from_secs(20 * 60));
    let page = press(&mut browser, "add", "totp").await.expect_step("password");
    page.press("magic_link").await.expect_step("magic_link");
}

#[tokio::test]
async fn a_page_that_waited_for_a_link_waits_no_more_when_its_session_ended() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.vault.authorize_url()).await.submit_password(&world.alice).await;
    let page = page.expect_step("email_link").press("resend").await.expect_step("email_link");
    let url = page.url.clone();
    assert_eq!(browser.open(&url).await.header("refresh"), "5");
    world.idp.gantry("user logout alice").await;
    let page = browser.open(&url).await.expect_step("password");
    assert_eq!(page.header("refresh"), "");
}

#[tokio::test]
async fn one_page_asks_one_question_at_a_time() {
    let world = World::new().await;
    let notes = world.idp.relying_party("notes").await;
    let mut browser = world.idp.browser();
    let mut page = asked(&mut browser, &notes, "alice").await.expect_step("magic_link");
    for _ in 0..3 {
        page = page.press("resend").await.expect_step("magic_link");
    }
    page.press("other_method").await.expect_step("password");
    let open = world.idp.app.store.scan::<Approval>(None, 10).await.expect("store");
    assert_eq!(open.len(), 0);
}

#[tokio::test]
async fn who_has_a_name_is_not_told_by_the_page_for_links() {
    // PW-01
    let world = World::new().await;
    let notes = world.idp.relying_party("notes").await;
    world.idp.user("unmailed").create().await;
    world.idp.gantry("user set unmailed --email unmailed@example.org --unverified").await;
    let mut pages = Vec::new();
    for name in ["alice", "nobody", "unmailed"] {
        let mut browser = world.idp.browser();
        let page = asked(&mut browser, &notes, name).await.expect_step("magic_link");
        let same = page
            .html
            .replace(&format!("<strong>{}<", number(&page)), "<strong>N<")
            .replace(&page.action(), "A");
        pages.push(same.replace(&page.field("csrf").expect("csrf"), "C"));
    }
    assert!(pages[0] == pages[1] && pages[1] == pages[2]);
    assert_eq!(world.letters().await.len(), 1);
}

#[tokio::test]
async fn an_address_that_only_looks_alike_is_somebody_elses() {
    // EO-06: letters go to the address that is stored, compared in one form
    let world = World::new().await;
    let notes = world.idp.relying_party("notes").await;
    world.idp.gantry("user add mike --email mike@strasse.test --without-password").await;
    for (typed, told) in [
        ("MIKE@Strasse.TEST", true),
        ("mi\u{212A}e@strasse.test", true),
        ("m\u{131}ke@strasse.test", false),
        ("mike@stra\u{df}e.test", false),
        ("mike@xn--strae-oqa.test", false),
        ("mike+tag@strasse.test", false),
        ("mike@strasse.test.", false),
        (" mike@strasse.test,evil@evil.test", false),
    ] {
        asked(&mut world.idp.browser(), &notes, typed).await.expect_step("magic_link");
        let letters = world.letters().await;
        assert_eq!(letters.len(), usize::from(told), "{typed}");
        assert!(letters.iter().all(|letter| letter.contains("To: mike@strasse.test")), "{typed}");
    }
    let twin =
        world.idp.try_gantry("user add mike2 --email mi\u{212A}e@strasse.test --without-password", None);
    twin.await.expect_err("the same address");
}

#[tokio::test]
async fn strangers_use_up_what_strangers_have_and_fill_no_mailbox() {
    let world = World::of(TestIdp::setup().behind_proxy()).await;
    let notes = world.idp.relying_party("notes").await;
    let at = |address: &str| world.idp.browser().coming_from(address);
    let mut own = at("203.0.113.7");
    let page = asked(&mut own, &notes, "alice").await;
    let (link, shown) = (world.mailed_link().await, number(&page));
    assert_eq!(pick(&mut at("203.0.113.7"), &link, &[("number", &shown)]).await, 200);
    page.press("continue").await.expect_code();
    own.cookies.remove("__Host-gantry_session");
    // Five for one network that is not hers, twenty for all of them; and no page says so.
    let mut sent = Vec::new();
    for network in 0..6 {
        for host in 1..8 {
            let mut stranger = at(&format!("198.51.{network}.{host}"));
            asked(&mut stranger, &notes, "alice").await.expect_step("magic_link");
        }
        sent.push(world.letters().await.len());
    }
    // The first one was asked for when her network was no better known.
    assert_eq!(sent, [5, 5, 5, 4, 0, 0]);
    let letters = async |browser: &mut Browser| {
        asked(browser, &notes, "alice").await.expect_step("magic_link");
        world.letters().await.len()
    };
    assert_eq!(letters(&mut at("192.0.2.9")).await, 0, "a browser and a network that nobody knows");
    let mut travels = own.clone().coming_from("192.0.2.7");
    let (mut browser, mut network) = (0, 0);
    for turn in 1..13 {
        // Ten tries of a browser in a quarter of an hour are counted beside.
        world.idp.clock.advance(Duration::from_secs(if turn == 11 { 15 * 60 } else { 0 }));
        browser += letters(&mut travels).await;
        network += letters(&mut at(&format!("203.0.113.{turn}"))).await;
    }
    assert_eq!((browser, network), (10, 10), "for her browser, and for her network");
    assert_eq!(letters(&mut own.clone().coming_from("203.0.113.99")).await, 0);
    world.idp.clock.advance(Duration::from_secs(3600));
    for address in ["203.0.113.9", "192.0.2.9"] {
        assert_eq!(letters(&mut at(address)).await, 1);
    }
}
