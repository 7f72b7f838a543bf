//! What the writer is asked and how it answers.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::store::{ApplyError, Batch, Budget, Conflict, StoreError};

pub(super) enum Message {
    Apply {
        batch: Batch,
        reply: oneshot::Sender<Result<u64, ApplyError>>,
    },
    Tally {
        task: Tally,
        reply: oneshot::Sender<Result<u64, StoreError>>,
    },
    /// A reader met an I/O error in this generation.
    Revive {
        generation: u64,
        reply: oneshot::Sender<()>,
    },
}

/// What answers with a number.
pub(super) enum Tally {
    Add {
        name: String,
        n: u64,
        window: Duration,
    },
    Clear {
        name: String,
    },
    Spend {
        budgets: Vec<Budget>,
    },
    Sweep {
        limit: usize,
    },
    /// Nothing but durability for what came before.
    Flush,
}

/// How a message went, told after the commit.
pub(super) enum Outcome {
    Applied(u64),
    Conflict(Conflict),
    Number(u64),
}

/// Answers whoever still waits; one who stopped waiting needs nothing.
pub(super) fn answer(message: Message, outcome: Outcome) {
    match (message, outcome) {
        (Message::Apply { reply, .. }, Outcome::Applied(version)) => drop(reply.send(Ok(version))),
        (Message::Apply { reply, .. }, Outcome::Conflict(conflict)) => {
            drop(reply.send(Err(conflict.into())));
        }
        (Message::Tally { reply, .. }, Outcome::Number(number)) => drop(reply.send(Ok(number))),
        (Message::Revive { reply, .. }, _) => reply.send(()).unwrap_or_default(),
        // A dropped reply is an error to the one who waits.
        (Message::Apply { .. } | Message::Tally { .. }, _) => {}
    }
}

/// Tells everybody of a group that nothing of it is known to have happened.
pub(super) fn refuse(message: Message, error: &StoreError) {
    match message {
        Message::Apply { reply, .. } => drop(reply.send(Err(error.clone().into()))),
        Message::Tally { reply, .. } => drop(reply.send(Err(error.clone()))),
        Message::Revive { reply, .. } => reply.send(()).unwrap_or_default(),
    }
}
