//! Questions that are answered elsewhere: on a phone that is signed in, or behind a link that only one person gets.
//!
//! The browser that asks shows a number; whoever answers picks it out of three, so that nobody says yes to a
//! question they have not started. An answer is given once, and taken once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::session::SignedIn;
use super::visitor::Visitor;
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::factor::web_push;
use crate::secret::{ApprovalToken, Digest, Id, Token};
use crate::store::{ApplyError, Batch, Kind, Record, StoreError, Stored};

/// A question is open for this long.
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// A question, and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Approval {
    pub id: Id,
    secret: Digest,
    /// Whom it is about; whoever is signed in where it is answered, unless known.
    pub user: Option<Id>,
    pub answer: Answer,
    /// The app's title.
    pub app: String,
    /// Of the browser that asks.
    pub address: String,
    pub user_agent: String,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Open,
    /// By whom, in which of their epochs: signing out everywhere takes it back.
    Allowed {
        by: Id,
        #[serde(default)]
        epoch: u64,
        /// Where they are signed in, when that is all that says who they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<Id>,
    },
    Denied,
}

impl Record for Approval {
    const KIND: Kind = Kind::Approval;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// Adds to `batch` a question about `user`, or about whoever answers it; its id.
pub fn ask(app: &App, visitor: &Visitor, user: Option<Id>, title: &str, batch: Batch) -> (Id, Batch) {
    let now = app.clock.now();
    let id = Id::new(now);
    let approval = Approval {
        id,
        secret: token(app, id).digest(),
        user,
        answer: Answer::Open,
        app: title.to_owned(),
        address: visitor.address.to_canonical().to_string(),
        user_agent: visitor.user_agent.chars().take(200).collect(),
        expires_at: now + LIFETIME,
    };
    (id, batch.insert(&approval))
}

/// Where the question is answered: derived, so that it can be shown again.
#[must_use]
pub fn address(app: &App, id: Id) -> String {
    format!("{}/approve/{}", app.config().issuer, token(app, id).reveal())
}

/// The same for the browser that has this id among its owner's, so that they see which one they used last.
#[must_use]
pub fn address_in(app: &App, id: Id, browser: Id) -> String {
    format!("{}?browser={browser}", address(app, id))
}

fn token(app: &App, id: Id) -> Token<ApprovalToken> {
    Token::from_parts(id, app.keys.master().derive("approval", id.bytes()))
}

/// The number that the asking browser shows: two digits.
#[must_use]
pub fn number(app: &App, id: Id) -> u8 {
    let [first, ..] = app.keys.master().derive("approval number", id.bytes());
    10 + first % 90
}

/// Three numbers to pick from, in rising order.
#[must_use]
pub fn numbers(app: &App, id: Id) -> [u8; 3] {
    let right = number(app, id);
    let [first, second, ..] = app.keys.master().derive("approval decoys", id.bytes());
    // Never the same: each is moved on by less than a third of the range.
    let on = |by: u8| 10 + (right - 10 + by) % 90;
    let mut numbers = [right, on(1 + first % 29), on(31 + second % 29)];
    numbers.sort_unstable();
    numbers
}

/// The open question behind `address`.
pub async fn open(app: &App, text: &str) -> Result<Option<Stored<Approval>>, StoreError> {
    let Some(token) = Token::<ApprovalToken>::parse(text) else { return Ok(None) };
    let found = app.store.get::<Approval>(&token.id().to_string()).await?;
    Ok(found.filter(|found| token.proves(&found.secret) && found.answer == Answer::Open))
}

/// How it stands.
pub async fn find(app: &App, id: Id) -> Result<Option<Stored<Approval>>, StoreError> {
    app.store.get::<Approval>(&id.to_string()).await
}

/// Answers it: yes with the right number, by the person it is about, or by `signed_in` when nobody was named.
/// Everything else is a no. Whether it was a yes. `browser` is what its address said of where it is answered.
pub async fn answer(
    app: &App,
    mut approval: Stored<Approval>,
    picked: Option<&str>,
    signed_in: Option<&SignedIn>,
    browser: Option<Id>,
) -> Result<bool, ApplyError> {
    let by = approval.user.or(signed_in.map(|signed_in| signed_in.user.id));
    let user = match by {
        Some(by) => app.store.view::<User>(&by.to_string()).await.map_err(ApplyError::Store)?,
        None => None,
    };
    let session = signed_in.map(|signed_in| signed_in.session.id).filter(|_| approval.user.is_none());
    let right = picked == Some(number(app, approval.id).to_string().as_str());
    approval.record.answer = match user {
        Some(user) if right => Answer::Allowed { by: user.id, epoch: user.epoch, session },
        _ => Answer::Denied,
    };
    app.store.apply(Batch::new().update(&approval)).await?;
    if let (Some(user), Some(browser)) = (approval.user, browser) {
        web_push::used(app, user, browser).await;
    }
    let allowed = approval.answer != Answer::Denied;
    tracing::info!(target: "gantry::audit", event = "approval_answered", user = ?by, allowed, address = approval.address);
    Ok(allowed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn moved_numbers_are_three_different_ones() {
        for right in 10_u8..100 {
            for (first, second) in [(0, 0), (28, 28), (28, 0), (0, 28)] {
                let on = |by: u8| 10 + (right - 10 + by) % 90;
                let (a, b) = (on(1 + first), on(31 + second));
                assert!(
                    a != right && b != right && a != b && (10..100).contains(&a) && (10..100).contains(&b)
                );
            }
        }
    }
}
