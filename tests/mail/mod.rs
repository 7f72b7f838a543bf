//! Letters: what they say, that they wait until they are taken, and what is not sent.

mod commands;
mod gateways;
mod letters;
mod queue;
mod smtp;

use std::path::PathBuf;

use gantry::notify::{Letter, LetterContent, mail};
use gantry::store::Batch;

use crate::support::TestIdp;

/// A letter with a code to alice.
fn code(code: &str) -> Letter {
    letter(LetterContent::SignInCode {
        code: code.to_owned(),
        minutes: 10,
        app: "Wiki".to_owned(),
        address: "192.0.2.7".to_owned(),
    })
}

fn letter(content: LetterContent) -> Letter {
    Letter { to: "alice@example.org".to_owned(), language: None, content }
}

/// Queues a letter in a batch of its own.
async fn queued(idp: &TestIdp, letter: &Letter) {
    let batch = mail::queue(&idp.app, Batch::new(), letter).expect("a place in the queue");
    idp.app.store.apply(batch).await.expect("stored");
}

/// Letters in the folder, oldest first.
fn spooled(idp: &TestIdp) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir(idp.app.config().data_dir.join("mail")) else { return Vec::new() };
    let mut paths: Vec<_> = folder.map(|entry| entry.expect("entry").path()).collect();
    paths.sort();
    paths
}
