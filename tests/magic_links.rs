//! Links by mail as the first factor: who gets them, who learns of it, and how many.

use std::time::Duration;

use serde_json::json;

use crate::sent_codes::{World, number, pick};

#[tokio::test]
async fn a_magic_link_signs_in_where_the_policy_says_so() {
    let world = World::new().await;
    let notes = world.idp.relying_party("notes").await;
    let mut browser = world.idp.browser();
    let page = browser.open(notes.authorize_url()).await.expect_step("password");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let form = [("csrf", csrf.as_str()), ("action", "magic_link"), ("username", "alice")];
    let page = browser.post(&action, &form).await.expect_step("magic_link");
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
async fn who_has_a_name_is_not_told_by_the_page_for_links() {
    // PW-01
    let world = World::new().await;
    let notes = world.idp.relying_party("notes").await;
    world.idp.user("unmailed").create().await;
    world.idp.gantry("user set unmailed --email unmailed@example.org --unverified").await;
    let mut pages = Vec::new();
    for name in ["alice", "nobody", "unmailed"] {
        let mut browser = world.idp.browser();
        let page = browser.open(notes.authorize_url()).await;
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        let form = [("csrf", csrf.as_str()), ("action", "magic_link"), ("username", name)];
        let page = browser.post(&action, &form).await.expect_step("magic_link");
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
        let mut browser = world.idp.browser();
        let page = browser.open(notes.authorize_url()).await;
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        let form = [("csrf", csrf.as_str()), ("action", "magic_link"), ("username", typed)];
        browser.post(&action, &form).await.expect_step("magic_link");
        let letters = world.letters().await;
        assert_eq!(letters.len(), usize::from(told), "{typed}");
        assert!(letters.iter().all(|letter| letter.contains("To: mike@strasse.test")), "{typed}");
    }
    let twin =
        world.idp.try_gantry("user add mike2 --email mi\u{212A}e@strasse.test --without-password", None);
    twin.await.expect_err("the same address");
}

#[tokio::test]
async fn nobodys_mailbox_is_filled_with_links() {
    let world = World::new().await;
    let notes = world.idp.relying_party("notes").await;
    let letters = async || {
        let mut browser = world.idp.browser();
        let page = browser.open(notes.authorize_url()).await;
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        let form = [("csrf", csrf.as_str()), ("action", "magic_link"), ("username", "alice")];
        browser.post(&action, &form).await.expect_step("magic_link");
        world.letters().await.len()
    };
    let mut sent = 0;
    for asked in 0..12 {
        let pause = if asked % 5 == 0 { 15 * 60 } else { 0 };
        world.idp.clock.advance(Duration::from_secs(pause));
        sent += letters().await;
    }
    assert_eq!(sent, 10);
    world.idp.clock.advance(Duration::from_secs(3600));
    assert_eq!(letters().await, 1);
}
