//! Text messages, calls and pushes, by a request to somebody who makes them.

use serde::{Deserialize, Serialize};

use super::SendError;
use super::job::{Channel, Content, Order, QueueError, enqueue};
use crate::app::App;
use crate::locale::Lang;
use crate::store::Batch;

/// A short message.
#[derive(Clone, Serialize, Deserialize)]
pub struct Message {
    /// A phone number, or whatever the gateway knows the person by; never one that a form carries.
    pub to: String,
    /// All of it in words, code or link included.
    pub text: String,
    /// The code alone, for gateways that have a template of their own.
    #[serde(default)]
    pub code: Option<String>,
    /// The link alone.
    #[serde(default)]
    pub link: Option<String>,
    /// Of no use to anybody after these minutes.
    #[serde(default)]
    pub minutes: Option<u64>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("message [redacted]")
    }
}

impl Message {
    /// A code for `app`.
    #[must_use]
    pub fn code(lang: Lang, to: &str, code: &str, app: &str, minutes: u64) -> Self {
        let text = lang.text_with("short-code", &[("code", code), ("app", app)], &[("count", minutes)]);
        Self { to: to.to_owned(), text, code: Some(code.to_owned()), link: None, minutes: Some(minutes) }
    }

    /// The same, to be spoken: digit by digit, and twice.
    #[must_use]
    pub fn spoken_code(lang: Lang, to: &str, code: &str, app: &str, minutes: u64) -> Self {
        let digits: Vec<String> = code.chars().map(String::from).collect();
        let spoken = lang.text_with("spoken-code", &[("code", &digits.join(", ")), ("app", app)], &[]);
        Self { text: spoken, ..Self::code(lang, to, code, app, minutes) }
    }

    /// Nothing but that messages arrive.
    #[must_use]
    pub fn test(lang: Lang, to: &str, organisation: &str) -> Self {
        let text = lang.text_about("short-test", "org", organisation);
        Self { to: to.to_owned(), text, code: None, link: None, minutes: None }
    }

    /// A link at which a sign-in is allowed or denied; both sides show `number`.
    #[must_use]
    pub fn link(lang: Lang, to: &str, link: &Link<'_>) -> Self {
        let names = [("url", link.url), ("number", link.number), ("app", link.app)];
        let text = lang.text_with("short-link", &names, &[("count", link.minutes)]);
        let link_alone = Some(link.url.to_owned());
        Self { to: to.to_owned(), text, code: None, link: link_alone, minutes: Some(link.minutes) }
    }
}

/// What a message with a link says.
#[derive(Clone, Copy)]
pub struct Link<'a> {
    pub url: &'a str,
    pub number: &'a str,
    pub app: &'a str,
    pub minutes: u64,
}

/// Whether messages can take this way.
#[must_use]
pub fn is_set_up(_app: &App, channel: Channel) -> bool {
    channel == Channel::Mail
}

/// Adds `message` to the batch in which the thing it tells of happens. Ring [`super::Notifier::ring`] once it
/// is applied.
pub fn queue(app: &App, batch: Batch, channel: Channel, message: &Message) -> Result<Batch, QueueError> {
    if channel == Channel::Mail || !is_set_up(app, channel) {
        return Err(QueueError::NotSetUp(channel));
    }
    let content = Content::Message(message.clone());
    enqueue(app, batch, &Order { channel, about: "message", content, minutes: message.minutes })
}

/// One try.
pub(super) fn transmit(_app: &App, channel: Channel, _message: &Message) -> Result<String, SendError> {
    Err(SendError::Refused(format!("{channel} is not set up")))
}
