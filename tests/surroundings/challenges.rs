//! What answers a challenge: in the order of the list, and as what it was.

use super::*;
use crate::account::press;

pub(super) const OFFERED: &str = "factors: { offered: [totp, alternate_email_code, kba, recovery_code] }\n";

pub(super) fn answered_by(challenge: &str) -> String {
    format!(
        "{LAX}adaptive: {{ challenge: [{challenge}], \
         network: {{ allow: [203.0.113.0/24], otherwise: challenge }} }}"
    )
}

const CHOSEN: [(&str, &str); 6] = [
    ("question_1", "First street?"),
    ("answer_1", "Long Lane"),
    ("question_2", "First teacher?"),
    ("answer_2", "Mrs Brown"),
    ("question_3", "First pet?"),
    ("answer_3", "Rex the dog"),
];

/// The six digits in the newest letter.
pub(super) async fn mailed(world: &mut World) -> String {
    let letters = world.letters().await;
    let mut lines = letters.iter().flat_map(|letter| letter.lines());
    let digits = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    lines.rfind(digits).expect("a code").to_owned()
}

/// Somebody who has an authenticator app, another address and security questions.
pub(super) async fn prepared(world: &mut World) -> (Enrolled, Browser) {
    let (bob, mut browser) = world.enrolled("bob").await;
    let page = browser.open("/login").await.submit_password(&bob.user).await;
    assert_eq!(page.status, 200);
    let page = press(&mut browser, "add", "alternate_email").await.expect_step("totp");
    let page = page.submit(&[("code", &bob.code(world))]).await.expect_step("enrol");
    let page = page.submit(&[("address", "other@example.org")]).await.expect_step("enrol");
    let code = mailed(world).await;
    page.submit(&[("code", &code)]).await.expect_step("account");
    press(&mut browser, "add", "kba").await.expect_step("enrol").submit(&CHOSEN).await.expect_step("account");
    browser.cookies.remove("__Host-gantry_session");
    (bob, browser)
}

#[tokio::test]
async fn the_order_of_the_list_is_what_is_asked_and_offered() {
    let mut world = World::new(&answered_by("kba, alternate_email_code, second_factor"), OFFERED).await;
    let (bob, browser) = prepared(&mut world).await;
    let mut away = browser.coming_from(OUTSIDE);
    let page = world.attempt(&mut away, &bob.user).await.expect_step("kba");
    let page = page.press("other_method").await.expect_step("choose");
    let place = |name: &str| page.html.find(&format!("value=\"{name}\"")).expect(name);
    let listed = ["kba", "alternate_email_code", "totp", "recovery_code"];
    assert!(listed.windows(2).all(|two| place(two[0]) < place(two[1])), "{}", page.html);
    for (challenge, first) in [
        ("alternate_email_code, kba", "alternate_email_code"),
        ("recovery_code, second_factor", "recovery_code"),
        ("second_factor", "totp"),
        ("second_factor, kba", "totp"),
    ] {
        world.policy(&answered_by(challenge)).await;
        world.attempt(&mut away, &bob.user).await.expect_step(first);
    }
    // What the list does not have is not offered.
    world.policy(&answered_by("alternate_email_code")).await;
    let page = world.attempt(&mut away, &bob.user).await.expect_step("alternate_email_code");
    assert!(!page.html.contains("value=\"other_method\""), "{}", page.html);
    // Who has nothing of the list is refused in plain words; who has nothing at all does not enrol there.
    let (carol, browser) = world.enrolled("carol").await;
    let mut carols = browser.coming_from(OUTSIDE);
    let page = world.attempt(&mut carols, &carol.user).await.expect_error_page(403);
    assert!(page.html.contains("asks for a second proof"), "{}", page.html);
    let alice = world.person("alice").await;
    world.policy(&answered_by("kba")).await;
    let page = world.attempt(&mut carols, &alice).await.expect_error_page(403);
    assert!(page.html.contains("not open from this network"), "{}", page.html);
}

#[tokio::test]
async fn a_code_to_the_other_address_answers_and_another_one_does_not() {
    let mut world = World::new(&answered_by("alternate_email_code"), OFFERED).await;
    let (bob, browser) = prepared(&mut world).await;
    let mut away = browser.coming_from(OUTSIDE);
    // An authenticator's code says `otp` as well, and is not what is wanted.
    let c1 = world.idp.relying_party("c1").await;
    let page = away.open(c1.authorize_with(&[("claims", AAL2)])).await.submit_password(&bob.user).await;
    let code = bob.code(&world);
    page.expect_step("totp").submit(&[("code", &code)]).await.expect_code();
    world.letters().await;
    let page = away.open(world.office.authorize_url()).await.expect_step("alternate_email_code");
    let url = page.url.clone();
    let page = page.press("resend").await.expect_step("alternate_email_code");
    let letters = world.letters().await;
    assert!(letters.iter().all(|letter| letter.contains("To: other@example.org")), "{letters:?}");
    let mut lines = letters.iter().flat_map(|letter| letter.lines());
    let digits = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    let mailed = lines.rfind(digits).expect("a code").to_owned();
    let page = page.submit(&[("code", &bob.code(&world))]).await.expect_status(422);
    assert_eq!(page.url, url);
    page.submit(&[("code", &mailed)]).await.expect_code();
    // The session remembers what was proved.
    away.open(world.office.authorize_with(&[("prompt", "none")])).await.expect_code();
    world.policy(&answered_by("kba")).await;
    away.open(world.office.authorize_with(&[("prompt", "none")])).await.expect_error("interaction_required");
    world.policy(&answered_by("totp")).await;
    away.open(world.office.authorize_with(&[("prompt", "none")])).await.expect_code();
}
