//! What people are told beside the pages: mail, text messages, calls, pushes.
//!
//! Owns the texts ([`Letter`], [`gateway::Message`]), the queue they wait in and the ways out. A letter joins the
//! batch in which the thing it tells of happens, so it is sent if and only if that happened; a worker sends it
//! afterwards, again and again with growing pauses, whatever happens to this program meanwhile. Who is told
//! what, and when, is decided by the callers.

mod deliver;
mod eml;
pub mod gateway;
mod job;
mod letter;
mod line;
pub mod mail;
mod rocketchat;
mod smtp;
mod spool;
pub mod web_push;

pub use deliver::{deliver_due, run};
pub use job::{Channel, MOST_WAITING, QueueError};
pub use letter::{Credential, Letter, LetterContent, Oddity};
pub use line::Notifier;

use std::time::Duration;

use crate::app::App;
use crate::locale::Lang;

/// The language to write in: the one that is wanted, where it is offered here.
#[must_use]
pub fn language(app: &App, wanted: Option<Lang>) -> Lang {
    let offered = Lang::offered(&app.config().organisation.languages);
    let wanted = wanted.filter(|lang| offered.contains(lang));
    wanted.or_else(|| offered.first().copied()).unwrap_or(Lang::En)
}

/// Why something was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The peer will never take this one.
    #[error("{0}")]
    Refused(String),
    /// The peer does not take this one now.
    #[error("{0}")]
    NotNow(String),
    /// The peer takes nothing at all.
    #[error("{0}")]
    Down(String),
    /// The peer asks to be left alone for so long.
    #[error("{why}")]
    Busy { why: String, pause: Duration },
}
