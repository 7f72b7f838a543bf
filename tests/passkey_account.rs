//! A person's own passkeys: several, named, and changed after a fresh proof.

use std::time::Duration;

use gantry::notify::deliver_due;
use serde_json::{Value, json};

use crate::passkeys::{World, options};
use crate::support::Browser;
use crate::support::authenticator::Authenticator;
use crate::support::browser::{Page, attribute};

/// Presses a button of the account's page.
pub(crate) async fn press<'b>(browser: &'b mut Browser, name: &str, value: &str) -> Page<'b> {
    let page = browser.open("/account").await.expect_step("account");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    browser.post(&action, &[("csrf", &csrf), (name, value)]).await
}

/// The value of the button `name` in the row of `key`, as the account's page writes both.
pub(crate) async fn reference(browser: &mut Browser, key: &str) -> String {
    let page = browser.open("/account").await.expect_step("account");
    let row = page.html.split("<li>").find(|row| row.contains(key)).expect(key);
    let (_, button) = row.split_once("name=\"remove_key\"").expect("a button");
    attribute(button, "value").expect("a value")
}

pub(crate) async fn letters(world: &World) -> String {
    deliver_due(&world.idp.app).await.expect("store");
    let folder = std::fs::read_dir(world.idp.app.config().data_dir.join("mail")).expect("a folder");
    let texts = folder.map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("text"));
    // Long lines are cut (RFC 2045 section 6.7).
    texts.collect::<Vec<_>>().concat().replace("=\r\n", "")
}

/// Adds a key at the account.
async fn add(browser: &mut Browser, key: &mut Authenticator, name: &str) {
    let page = press(browser, "add", "passkey").await.expect_step("enrol");
    let answer = key.create(&options(&page)).to_string();
    page.submit(&[("credential", &answer), ("name", name)]).await.expect_step("account");
}

/// A browser in which alice has proved everything with `key`.
async fn proved(world: &World, key: &mut Authenticator) -> Browser {
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await;
    let answer = key.get(&options(&page)).to_string();
    page.submit(&[("credential", &answer)]).await.expect_code();
    browser
}

#[tokio::test]
async fn people_have_several_passkeys_with_names_of_their_own() {
    // WA-14
    let world = World::new().await;
    let mut phone = Authenticator::new(&world.origin());
    world.enrol(&mut phone).await;
    let mut browser = proved(&world, &mut phone).await;
    let agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
    browser = browser.with("user-agent", agent);
    let mut others: Vec<_> = (0..4).map(|_| Authenticator::new(&world.origin())).collect();
    let long = format!("<script>{}", "x".repeat(100));
    for (key, name) in others.iter_mut().zip(["", " \u{202e} ", "Two\r\nlines", &long]) {
        add(&mut browser, key, name).await;
    }
    let page = browser.open("/account").await;
    let kept = format!("&#60;script&#62;{}<", "x".repeat(64 - 8));
    for shown in
        ["My &#60;b&#62;key&#60;/b&#62;", "Firefox · Linux<", "Firefox · Linux 2<", "Twolines", &kept]
    {
        assert!(page.html.contains(shown), "{shown}\n{}", page.html);
    }
    assert_eq!(page.html.matches("name=\"rename_key\"").count(), 5);
    assert_eq!(page.html.matches("not used yet").count(), 4);
    assert!(letters(&world).await.contains("Passkey: My <b>key</b>"));
    // Each of them proves, and is left out when one more is added.
    for key in &mut others {
        proved(&world, key).await;
    }
    let page = press(&mut browser, "add", "passkey").await.expect_step("enrol");
    assert_eq!(options(&page)["excludeCredentials"].as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn one_passkey_is_renamed_or_removed_and_the_others_stay() {
    let world = World::new().await;
    let (mut phone, mut blue) = (Authenticator::new(&world.origin()), Authenticator::new(&world.origin()));
    world.enrol(&mut phone).await;
    let mut browser = proved(&world, &mut phone).await;
    add(&mut browser, &mut blue, "Blue").await;
    let id = reference(&mut browser, "Blue").await;
    let page = press(&mut browser, "rename_key", &id).await.expect_step("rename");
    assert_eq!(page.field("name").as_deref(), Some("Blue"));
    let page = page.submit(&[("name", " \t ")]).await.expect_status(422).expect_step("rename");
    page.submit(&[("name", "Green <i>key</i>")]).await.expect_step("account");
    assert_eq!(reference(&mut browser, "Green &#60;i&#62;key&#60;/i&#62;").await, id);
    proved(&world, &mut blue).await;
    // Kept after all, then removed: the other one still signs in, the removed one does not.
    let page = press(&mut browser, "remove_key", &id).await.expect_step("remove");
    assert!(page.html.contains("Green &#60;i&#62;key"), "{}", page.html);
    page.press("deny").await.expect_step("account");
    press(&mut browser, "remove_key", &id).await.press("continue").await.expect_step("account");
    let mut other = world.idp.browser();
    let page = world.asked(&mut other).await;
    let mut asked = options(&page);
    assert_eq!(asked["allowCredentials"].as_array().map(Vec::len), Some(1));
    asked["allowCredentials"] = json!([]);
    let answer = blue.get(&asked).to_string();
    let page = page.submit(&[("credential", &answer)]).await.expect_status(422);
    let answer = phone.get(&options(&page)).to_string();
    page.submit(&[("credential", &answer)]).await.expect_code();
    let letters = letters(&world).await;
    for (what, name) in [
        ("a passkey was added", "Passkey: Blue"),
        ("given another name", "Passkey: Green <i>key</i>"),
        ("a passkey was removed", "Passkey: Green <i>key</i>"),
    ] {
        assert!(letters.contains(what) && letters.contains(name), "{what}\n{letters}");
    }
    // It is gone: a second look at the question, or the same button again, finds nothing.
    press(&mut browser, "remove_key", &id).await.expect_status(403);
    // With the last one go the recovery codes, which stood in for it.
    let id = reference(&mut browser, "My &#60;b").await;
    press(&mut browser, "remove_key", &id).await.press("continue").await.expect_step("account");
    assert_eq!(world.idp.gantry("user show alice").await["second_factors"], json!([]));
    world
        .idp
        .browser()
        .open(world.vault.authorize_url())
        .await
        .submit_password(&world.alice)
        .await
        .expect_step("enrol");
}

#[tokio::test]
async fn administrators_list_passkeys_and_take_one_away() {
    let world = World::new().await;
    let (mut phone, mut blue) = (Authenticator::new(&world.origin()), Authenticator::new(&world.origin()));
    world.enrol(&mut phone).await;
    let mut browser = proved(&world, &mut phone).await;
    add(&mut browser, &mut blue, "Blue").await;
    world.idp.user("bob").create().await;
    let listed = world.idp.gantry("passkey list").await;
    assert_eq!(world.idp.gantry("passkey list --user alice").await, listed);
    assert_eq!(world.idp.gantry("passkey list --user bob").await, json!([]));
    assert_eq!([0, 1].map(|at| &listed[at]["name"]), ["My <b>key</b>", "Blue"]);
    assert_eq!([0, 1].map(|at| listed[at]["last_used_at"].is_string()), [true, false]);
    assert!(listed[0]["added_at"].is_string() && listed[0]["user"] == "alice");
    let [first, second] = [0, 1].map(|at| listed[at]["id"].as_str().expect("an id").to_owned());
    let nobodys = format!("passkey remove bob {first}");
    let refused = world.idp.try_gantry(&nobodys, None).await.map(|output| output.json).expect_err("alice's");
    assert!(refused.message.contains("there is no passkey"), "{}", refused.message);
    world.idp.gantry(&format!("passkey remove alice {first}")).await;
    assert_eq!(world.idp.gantry("passkey list").await, json!([listed[1]]));
    let letters = letters(&world).await;
    assert!(letters.contains("a passkey was removed") && letters.contains("My <b>key</b>"), "{letters}");
    proved(&world, &mut blue).await;
    // With the last one go the recovery codes, which stood in for it.
    world.idp.gantry(&format!("passkey remove alice {second}")).await;
    assert_eq!(world.idp.gantry("user show alice").await["second_factors"], json!([]));
}

#[tokio::test]
async fn changing_passkeys_wants_everything_proved_a_moment_ago() {
    // SE-10, WA-10
    let world = World::new().await;
    let mut phone = Authenticator::new(&world.origin());
    world.enrol(&mut phone).await;
    let mut fresh = proved(&world, &mut phone).await;
    let id = reference(&mut fresh, "My &#60;b").await;
    // A session that has proved the password alone, and one that has proved all of it too long ago.
    let mut half = world.idp.browser();
    half.open("/login").await.submit_password(&world.alice).await;
    let changes = [("add", "passkey"), ("rename_key", id.as_str()), ("remove_key", id.as_str())];
    for (name, value) in changes {
        press(&mut half, name, value).await.expect_step("passkey");
    }
    world.idp.clock.advance(Duration::from_secs(11 * 60));
    for (name, value) in changes {
        press(&mut fresh, name, value).await.expect_step("password");
    }
    // Somebody else's button.
    let bob = world.idp.user("bob").create().await;
    let mut of_bob = world.idp.browser();
    of_bob.open("/login").await.submit_password(&bob).await;
    press(&mut of_bob, "remove_key", &id).await.expect_status(403);
}

#[tokio::test]
async fn nobody_adds_a_key_to_somebody_else() {
    // WA-10
    let world = World::new().await;
    let bob = world.idp.user("bob").create().await;
    let mut of_bob = world.idp.browser();
    of_bob.open("/login").await.submit_password(&bob).await;
    let page = press(&mut of_bob, "add", "passkey").await.expect_step("enrol");
    let asked_of_bob = options(&page);
    let mut key = Authenticator::new(&world.origin());
    let answer = key.create(&asked_of_bob).to_string();
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    // Bob's challenge in alice's session.
    let mut of_alice = world.idp.browser();
    of_alice.open("/login").await.submit_password(&world.alice).await;
    let page = press(&mut of_alice, "add", "passkey").await.expect_step("enrol");
    page.submit(&[("credential", &answer)]).await.expect_status(422).expect_step("enrol");
    // Bob's page in alice's browser, without a token, and from another site.
    of_alice.post(&action, &[("csrf", &csrf), ("credential", &answer)]).await.expect_status(403);
    of_bob.post(&action, &[("credential", &answer)]).await.expect_status(403);
    let mut elsewhere = of_bob.clone().with("origin", "https://evil.test");
    elsewhere.post(&action, &[("csrf", &csrf), ("credential", &answer)]).await.expect_status(403);
    assert_eq!(world.idp.gantry("user show alice").await["second_factors"], json!([]));
    // Bob himself, once.
    let form = [("csrf", csrf.as_str()), ("credential", answer.as_str())];
    of_bob.post(&action, &form).await.expect_step("recovery_codes");
    assert!(of_bob.post(&action, &form).await.status >= 400);
    let kinds: Value = world.idp.gantry("user show bob").await["second_factors"].clone();
    assert_eq!(kinds, json!(["recovery_codes", "passkey"]));
}
