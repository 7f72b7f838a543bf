//! Several tokens of one person: each has a number and a counter of its own, and goes by itself.

use gantry::notify::deliver_due;
use serde_json::json;

use crate::races::at_once;
use crate::support::Browser;
use crate::support::authenticator_app::totp;
use crate::support::browser::{Page, attribute};
use crate::tokens::World;

const ROWS: &str = "user,type,serial,secret,digits,period,public_id,private_id\n";
/// RFC 4226 appendix D.
const FIRST: &str = "alice,hotp,T-1,3132333435363738393031323334353637383930,6,,,\n";
const CLOCK: &str = "alice,totp,T-2,3132333435363738393031323334353637383931,6,30,,\n";
const HOTP: [&str; 8] = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583"];
const KEY: &str = "alice,yubikey,,ecde18dbe76fbd0c33330f1c354871db,,,vvccccfiluij,8792ebfe26cc\n";
/// Another public id under the same keys, so that one block does for both.
const OTHER_KEY: &str = "alice,yubikey,,ecde18dbe76fbd0c33330f1c354871db,,,cccccccccccc,8792ebfe26cc\n";
const BLOCK: &str = "edidudkvuvurlvvgejlgltfvkbfnduhh";

/// Presses a button of the account's page.
async fn press<'b>(browser: &'b mut Browser, name: &str, value: &str) -> Page<'b> {
    let page = browser.open("/account").await.expect_step("account");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    browser.post(&action, &[("csrf", &csrf), (name, value)]).await
}

impl World {
    async fn give(&self, rows: &[&str]) -> Result<serde_json::Value, String> {
        self.import(&format!("{ROWS}{}", rows.concat())).await
    }

    /// Whether `code` gets somebody in who is asked for a proof of this kind.
    async fn takes(&self, step: &str, code: &str) -> bool {
        let mut browser = self.idp.browser();
        let page = self.asked(&mut browser, "hardware_token").await;
        let page = match step {
            "hardware_token" => page,
            other => page.press("other_method").await.expect_step(other),
        };
        let page = page.submit(&[("code", code)]).await;
        if page.step().as_deref() == Some(step) {
            page.expect_status(422);
            return false;
        }
        page.expect_code();
        true
    }

    async fn letters(&self) -> String {
        deliver_due(&self.idp.app).await.expect("store");
        let folder = std::fs::read_dir(self.idp.app.config().data_dir.join("mail")).expect("letters");
        let texts = folder.map(|entry| std::fs::read_to_string(entry.expect("entry").path()).expect("text"));
        texts.collect::<Vec<_>>().concat().replace("=\r\n", "")
    }
}

#[tokio::test]
async fn every_token_signs_in_by_its_own_counter() {
    // TO-01, TO-02, TO-05
    let world = World::new().await;
    world.give(&[FIRST]).await.expect("good");
    assert!(world.takes("hardware_token", HOTP[0]).await);
    // What comes later is added, and what was there goes on where it was.
    world.give(&[CLOCK, KEY]).await.expect("good");
    world.give(&[OTHER_KEY]).await.expect("good");
    let clock = totp(b"12345678901234567891", world.idp.app.clock.now().seconds());
    for (step, code, good) in [
        ("hardware_token", HOTP[0], false),
        ("hardware_token", &*clock, true),
        ("hardware_token", &*clock, false),
        ("hardware_token", HOTP[2], true),
        ("hardware_token", HOTP[1], false),
        ("yubikey", &format!("vvccccfiluij{BLOCK}"), true),
        ("yubikey", &format!("vvccccfiluij{BLOCK}"), false),
        ("yubikey", &format!("cccccccccccc{BLOCK}"), true),
        ("yubikey", &format!("cccccccccccc{BLOCK}"), false),
    ] {
        assert_eq!(world.takes(step, code).await, good, "{step} {code}");
    }
    let listed = world.idp.gantry("token list --user alice").await;
    let listed = listed.as_array().expect("a list");
    for known in ["added_at", "last_used_at"] {
        assert_eq!(listed.iter().filter(|token| token[known].is_string()).count(), 4, "{known}");
    }
}

#[tokio::test]
async fn one_is_taken_away_and_the_others_go_on() {
    let world = World::new().await;
    world.give(&[FIRST, CLOCK, KEY, OTHER_KEY]).await.expect("good");
    assert!(world.takes("hardware_token", HOTP[0]).await);
    assert_eq!(world.idp.gantry("token remove alice T-2").await, json!({ "user": "alice", "serial": "T-2" }));
    world.idp.gantry("token remove alice vvccccfiluij").await;
    let clock = totp(b"12345678901234567891", world.idp.app.clock.now().seconds());
    for (step, code, good) in [
        ("hardware_token", &*clock, false),
        ("hardware_token", HOTP[0], false),
        ("hardware_token", HOTP[1], true),
        ("yubikey", &format!("vvccccfiluij{BLOCK}"), false),
        ("yubikey", &format!("cccccccccccc{BLOCK}"), true),
    ] {
        assert_eq!(world.takes(step, code).await, good, "{step} {code}");
    }
    let left = [["alice", "hardware_token", "T-1"], ["alice", "yubikey", "cccccccccccc"]];
    assert_eq!(world.listed().await, left);
    for nothing in ["token remove alice T-2", "token remove alice hardware_token", "token remove alice 1"] {
        let refused = world.idp.try_gantry(nothing, None).await.map(|output| output.json).expect_err(nothing);
        assert!(refused.message.contains("there is no token"), "{}", refused.message);
    }
    let letters = world.letters().await;
    for (what, which) in [
        ("a hardware token was added", "Token: T-1, T-2, vvccccfiluij, cccccccccccc"),
        ("a hardware token was removed", "Token: T-2"),
        ("a hardware token was removed", "Token: vvccccfiluij"),
    ] {
        assert!(letters.contains(what) && letters.contains(which), "{which}\n{letters}");
    }
    // With the last one of a kind goes the kind.
    world.idp.gantry("token remove alice cccccccccccc").await;
    assert_eq!(world.idp.gantry("user show alice").await["second_factors"], json!(["hardware_token"]));
}

#[tokio::test]
async fn nobody_gets_a_token_twice_and_nobody_more_than_five() {
    let world = World::new().await;
    world.idp.user("bob").create().await;
    world.give(&[FIRST, KEY]).await.expect("good");
    assert!(world.takes("hardware_token", HOTP[0]).await);
    let bobs = |row: &str| row.replace("alice", "bob");
    for (row, told) in [
        (FIRST.to_owned(), "line 2: alice has the token T-1 already"),
        (bobs(FIRST), "line 2: alice has the token T-1 already"),
        (KEY.to_owned(), "line 2: alice has the token vvccccfiluij already"),
        (bobs(KEY), "line 2: alice has the token vvccccfiluij already"),
        (FIRST.replace("T-1", "T-9"), "line 2: its secret is that of the token T-1 of alice"),
    ] {
        let refused = world.give(&[&row]).await.expect_err(told);
        assert!(refused.contains(told) && refused.contains("nothing was imported"), "{refused}");
    }
    // A used code did not become good again.
    assert!(!world.takes("hardware_token", HOTP[0]).await);
    let more =
        |number: usize| FIRST.replace("T-1", &format!("M-{number}")).replace("3132", &format!("{number:04}"));
    let four: Vec<String> = (0..5).map(more).collect();
    let rows: Vec<&str> = four.iter().map(String::as_str).collect();
    let refused = world.give(&rows).await.expect_err("six");
    assert!(refused.contains("line 6: alice cannot have more than 5 of this type"), "{refused}");
    assert_eq!(world.listed().await.len(), 2);
    world.give(&rows[..4]).await.expect("five");
    assert!(world.takes("hardware_token", HOTP[1]).await);
}

#[tokio::test]
async fn a_wrong_code_is_one_try_however_many_tokens_there_are() {
    // TO-03
    let world = World::new().await;
    world.give(&[FIRST, CLOCK, &FIRST.replace("T-1", "T-3").replace("3132", "3232")]).await.expect("good");
    let mut browser = world.idp.browser();
    let mut page = world.asked(&mut browser, "hardware_token").await;
    for attempt in 0..6 {
        page = page.submit(&[("code", "000000")]).await;
        assert_eq!(page.status, if attempt < 5 { 422 } else { 429 }, "{attempt}");
    }
    // The right one of any token is not looked at either.
    assert_eq!(page.submit(&[("code", HOTP[0])]).await.status, 429);
}

#[tokio::test]
async fn of_many_who_type_the_same_code_one_gets_in() {
    // TO-01
    let world = World::new().await;
    world.give(&[CLOCK, FIRST]).await.expect("good");
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut browser = world.idp.browser();
        let page = world.asked(&mut browser, "hardware_token").await;
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        waiting.push((browser, action, csrf));
    }
    let waiting = std::cell::RefCell::new(waiting);
    let attempt = || {
        let (mut browser, action, csrf) = waiting.borrow_mut().pop().expect("a browser");
        async move {
            let form = [("csrf", &*csrf), ("action", "continue"), ("code", HOTP[0])];
            let page = browser.post(&action, &form).await;
            (page.status, page.html)
        }
    };
    let replies = at_once(4, attempt).await;
    assert_eq!(replies.iter().filter(|(status, _)| *status == 303).count(), 1, "{replies:?}");
}

#[tokio::test]
async fn people_see_each_token_and_remove_one_after_a_fresh_proof() {
    // SE-10
    let world = World::new().await;
    world.give(&[FIRST, CLOCK, KEY]).await.expect("good");
    let mut browser = world.idp.browser();
    world.asked(&mut browser, "hardware_token").await.submit(&[("code", HOTP[0])]).await.expect_code();
    let page = browser.open("/account").await.expect_step("account");
    let row = |html: &str, serial: &str| {
        html.split("<li>").find(|row| row.contains(&format!(">{serial}<"))).expect(serial).to_owned()
    };
    assert!(row(&page.html, "T-1").contains("Token with a display · Added"));
    assert!(row(&page.html, "T-1").contains("last used") && !row(&page.html, "T-2").contains("used"));
    assert!(row(&page.html, "vvccccfiluij").contains("YubiKey · Added"));
    assert!(!page.html.contains("rename_key") && !page.html.contains("value=\"hardware_token\""));
    let id =
        attribute(row(&page.html, "T-2").split_once("name=\"remove_key\"").expect("a button").1, "value");
    let id = id.expect("a value");
    // Nobody changes the number that an administrator gave.
    press(&mut browser, "rename_key", &id).await.expect_status(403);
    let mut half = world.idp.browser();
    half.open("/login").await.submit_password(&world.alice).await;
    press(&mut half, "remove_key", &id).await.expect_step("hardware_token");
    let page = press(&mut browser, "remove_key", &id).await.expect_step("remove");
    assert!(page.html.contains("T-2"), "{}", page.html);
    page.press("continue").await.expect_step("account");
    let left = [["alice", "hardware_token", "T-1"], ["alice", "yubikey", "vvccccfiluij"]];
    assert_eq!(world.listed().await, left);
    assert!(world.letters().await.contains("Token: T-2"));
    press(&mut browser, "remove_key", &id).await.expect_status(403);
    assert!(world.takes("hardware_token", HOTP[1]).await);
}
