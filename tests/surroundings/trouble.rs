//! What fails round about, and what is too much: the strict branch or a clear message, never a rule that is skipped.

use gantry::notify::{LetterContent, MOST_WAITING, QueueError, mail};
use gantry::store::Batch;

use super::challenges::{OFFERED, answered_by, mailed, prepared};
use super::*;
use crate::password_grant;

#[tokio::test]
async fn a_full_mail_queue_is_told_and_another_way_is_left() {
    // EO-09
    let challenge = "alternate_email_code, second_factor";
    let mut world = World::new(&answered_by(challenge), OFFERED).await;
    let (bob, browser) = prepared(&mut world).await;
    let mut away = browser.coming_from(OUTSIDE);
    world.attempt(&mut away, &bob.user).await.expect_step("alternate_email_code");
    world.letters().await;
    let letter = gantry::notify::Letter {
        to: "alice@example.org".to_owned(),
        language: None,
        content: LetterContent::Test,
    };
    for _ in 0..MOST_WAITING {
        drop(mail::queue(&world.idp.app, Batch::new(), &letter).expect("a place"));
    }
    assert!(matches!(mail::queue(&world.idp.app, Batch::new(), &letter), Err(QueueError::Full)));

    // Who asks is told, and a guess is as wrong as ever.
    let page = world.attempt(&mut away, &bob.user).await.expect_step("alternate_email_code");
    let page = page.press("resend").await.expect_status(422).expect_step("alternate_email_code");
    assert!(page.html.contains("It could not be sent."), "{}", page.html);
    let page = page.submit(&[("code", "000000")]).await.expect_status(422);
    let page = page.press("other_method").await.expect_step("choose");
    let page = page.submit(&[("method", "totp")]).await.expect_step("totp");
    page.submit(&[("code", &bob.code(&world))]).await.expect_code();
    // Letters about a sign-in are no part of it: it goes on, and what is denied stays denied.
    let told = "alerts: { user: true, admins: [ops@example.org] }";
    world
        .policy(&format!(
            "{LAX}adaptive: {{ network: {{ allow: [203.0.113.0/24], otherwise: deny }}, {told} }}"
        ))
        .await;
    assert_eq!(world.met(&mut world.browser(INSIDE), &bob.user).await, "allow");
    assert_eq!(world.met(&mut world.browser(OUTSIDE), &bob.user).await, "deny");

    // There is room again.
    world.letters().await;
    world.policy(&answered_by(challenge)).await;
    let page = world.attempt(&mut away, &bob.user).await.expect_step("alternate_email_code");
    let code = mailed(&mut world).await;
    page.submit(&[("code", &code)]).await.expect_code();
}

#[tokio::test]
async fn a_megabyte_for_an_answer_is_refused_and_counts_for_nothing() {
    let mut world = World::new(&answered_by("kba, alternate_email_code, second_factor"), OFFERED).await;
    let (bob, browser) = prepared(&mut world).await;
    let mut away = browser.coming_from(OUTSIDE);
    let large = "x".repeat(1 << 20);
    for (challenge, field) in [("kba", "answer_1"), ("alternate_email_code", "code"), ("totp", "code")] {
        world.policy(&answered_by(challenge)).await;
        let page = world.attempt(&mut away, &bob.user).await.expect_step(challenge);
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        for _ in 0..20 {
            let page = away.post(&action, &[("csrf", &csrf), (field, &large)]).await;
            assert_eq!(page.status, 413, "{challenge}: {}", page.html);
        }
        away.open(world.office.authorize_with(&[("prompt", "none")]))
            .await
            .expect_error("interaction_required");
    }
    // The right answer is still looked at.
    let page = world.attempt(&mut away, &bob.user).await.expect_step("totp");
    page.submit(&[("code", &bob.code(&world))]).await.expect_code();
    let password = password_grant::ask(&world.office, "bob", &large).await;
    assert_eq!(password.status, 413, "{}", password.body);
}

#[tokio::test]
async fn a_zone_that_is_not_known_keeps_the_rule_that_was() {
    let rule = |zone: &str| {
        format!(
            "adaptive: {{ time: {{ zone: {zone}, windows: [{{ from: \"00:00\", to: \"00:01\" }}], otherwise: deny }} }}"
        )
    };
    let world = World::new(&rule("UTC"), "").await;
    let alice = world.person("alice").await;
    let edited = |yaml: String| yaml.replace("zone: UTC", "zone: Europe/Bielefeld");
    let told = world.idp.edit(edited).await.expect_err("no such zone");
    assert!(told.contains("there is no time zone `Europe/Bielefeld`"), "{told}");
    assert_eq!(world.met(&mut world.browser(INSIDE), &alice).await, "deny");
    let again = gantry::config::load(&world.idp.path).expect_err("no such zone");
    assert_eq!(again.without_excerpts(), told, "a start is refused in the same words");
}
