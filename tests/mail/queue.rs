//! The queue: bounded, sealed, patient but not for ever.

use std::time::Duration;

use gantry::notify::{LetterContent, MOST_WAITING, QueueError, deliver_due, mail};
use gantry::store::Batch;

use super::{code, letter, queued, spooled};
use crate::support::{TestIdp, logs};

#[tokio::test]
async fn a_full_queue_says_so_and_empties_again() {
    // EO-09
    let idp = TestIdp::start().await;
    queued(&idp, &code("1")).await;
    for _ in 1..MOST_WAITING {
        drop(mail::queue(&idp.app, Batch::new(), &code("2")).expect("a place"));
    }
    let refused = mail::queue(&idp.app, Batch::new(), &code("3"));
    assert!(matches!(refused, Err(QueueError::Full)));
    // Batches that were never applied do not count for long.
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 1);
    assert_eq!(idp.app.notifier.waiting(), 0);
    queued(&idp, &code("4")).await;
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 1);
}

#[tokio::test]
async fn a_letter_is_sent_if_its_batch_is_applied_and_once() {
    let idp = TestIdp::start().await;
    drop(mail::queue(&idp.app, Batch::new(), &code("1")).expect("a place"));
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 0);
    queued(&idp, &code("2")).await;
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 1);
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 0);
    assert_eq!(spooled(&idp).len(), 1);
}

#[tokio::test]
async fn a_letter_that_cannot_leave_is_tried_again_until_it_is_of_no_use() {
    // EO-09: the folder cannot be written to
    let idp = TestIdp::start().await;
    let folder = idp.app.config().data_dir.join("mail");
    std::fs::write(&folder, "in the way").expect("written");
    queued(&idp, &code("777123")).await;
    queued(&idp, &letter(LetterContent::Test)).await;
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 0);
    assert_eq!(idp.app.notifier.waiting(), 2);
    idp.clock.advance(Duration::from_secs(10 * 60));
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 0);
    assert_eq!(idp.app.notifier.waiting(), 1, "the code is void");
    assert!(logs::so_far().contains("message_dropped"));
    std::fs::remove_file(&folder).expect("removed");
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 0, "not before its pause is over");
    idp.clock.advance(Duration::from_secs(60));
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 1);
    // A day is enough.
    std::fs::remove_dir_all(&folder).expect("removed");
    std::fs::write(&folder, "in the way").expect("written");
    queued(&idp, &letter(LetterContent::Test)).await;
    idp.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 0);
    assert_eq!(idp.app.notifier.waiting(), 0);
}

#[tokio::test]
async fn what_waits_is_not_readable_in_the_store() {
    // EO-08
    let idp = TestIdp::start().await;
    queued(&idp, &code("a-code-to-look-for")).await;
    let file = std::fs::read(idp.app.config().data_dir.join("gantry.redb")).expect("store");
    let holds = |text: &str| file.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("sign_in_code") && !holds("a-code-to-look-for") && !holds("alice@example.org"));
}
