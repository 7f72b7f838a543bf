//! What waits to be sent. A job keeps what it sends sealed: it may hold a code.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SendError;
use super::gateway::Message;
use super::mail::Mail;
use super::web_push::WebPush;
use crate::app::App;
use crate::clock::Timestamp;
use crate::keys::{MasterKey, SealedBytes};
use crate::secret::Id;
use crate::store::{Batch, Kind, Record};

/// What does not leave within this time never does.
pub(super) const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// Jobs that may wait, of all channels together.
pub const MOST_WAITING: usize = 10_000;

/// The way something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Mail,
    Sms,
    Voice,
    /// To a topic, by the gateway.
    Push,
    Rocketchat,
    /// To a browser.
    WebPush,
}

impl Channel {
    pub const ALL: [Self; 6] =
        [Self::Mail, Self::Sms, Self::Voice, Self::Push, Self::Rocketchat, Self::WebPush];

    /// As the configuration and the log call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Push => "push",
            Self::Rocketchat => "rocketchat",
            Self::WebPush => "web_push",
        }
    }

    /// Whether everything goes to one peer, so that one answer tells of all.
    pub(super) const fn has_one_peer(self) -> bool {
        !matches!(self, Self::WebPush)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why something was not even queued: say on the page that it could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    #[error("{MOST_WAITING} letters and messages are waiting already")]
    Full,
    #[error("the address cannot be written to")]
    Address,
    #[error("{0} is not set up")]
    NotSetUp(Channel),
}

/// What is sent.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Content {
    Mail(Mail),
    Message(Message),
    WebPush(Box<WebPush>),
}

/// Something that waits to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MailJob {
    pub(super) id: Id,
    pub(super) channel: Channel,
    /// What kind of letter it is, for the log.
    pub(super) about: String,
    content: SealedBytes,
    #[serde(default)]
    pub(super) tries: u32,
    pub(super) next_at: Timestamp,
    pub(super) good_until: Timestamp,
}

impl Record for MailJob {
    const KIND: Kind = Kind::MailJob;

    /// By channel, then by time.
    fn id(&self) -> String {
        format!("{}/{}", self.channel, self.id)
    }

    /// Long after it was of any use: the worker removes it, and says so.
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.good_until + PATIENCE)
    }
}

impl MailJob {
    fn seal_name(&self) -> String {
        format!("mail job {}", self.id)
    }

    /// What to send. One that does not open is never sent.
    pub(super) fn open(&self, master: &MasterKey) -> Result<Content, SendError> {
        let plain = master.open(&self.seal_name(), &self.content);
        let plain = plain.map_err(|error| SendError::Refused(error.to_string()))?;
        serde_json::from_slice(&plain).map_err(|_| SendError::Refused("it cannot be read".to_owned()))
    }
}

/// What is queued, how, and for how long it is of use.
pub(super) struct Order<'a> {
    pub(super) channel: Channel,
    pub(super) about: &'a str,
    pub(super) content: Content,
    pub(super) minutes: Option<u64>,
}

/// Adds the job to `batch`.
pub(super) fn enqueue(app: &App, batch: Batch, order: &Order<'_>) -> Result<Batch, QueueError> {
    if !app.notifier.admit(order.channel) {
        tracing::error!(channel = %order.channel, about = order.about, "the queue is full, nothing more is sent");
        return Err(QueueError::Full);
    }
    let now = app.clock.now();
    let lives = order.minutes.map_or(PATIENCE, |minutes| Duration::from_secs(minutes.saturating_mul(60)));
    let mut job = MailJob {
        id: Id::new(now),
        channel: order.channel,
        about: order.about.to_owned(),
        content: app.keys.master().seal("", b""),
        tries: 0,
        next_at: now,
        good_until: now + lives.min(PATIENCE),
    };
    let plain = serde_json::to_vec(&order.content).map_err(|_| QueueError::Address)?;
    job.content = app.keys.master().seal(&job.seal_name(), &plain);
    Ok(batch.insert(&job))
}
