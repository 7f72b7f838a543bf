//! Text messages, calls and pushes, by a request to somebody who makes them.

use std::sync::Arc;

use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::job::{Channel, Content, Order, QueueError, enqueue};
use super::{SendError, rocketchat};
use crate::app::App;
use crate::config::{Config, Gateway, GatewayMethod, HeaderText, Slot};
use crate::locale::Lang;
use crate::outbound::{OutboundError, Reach, Request};
use crate::secret::Secret;
use crate::store::Batch;

/// Longest number or name of a recipient, in bytes.
const LONGEST_TO: usize = 200;
/// What of an answer is repeated in the log, in characters.
const SHOWN: usize = 300;

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

    /// A link at which a sign-in is allowed or denied.
    #[must_use]
    pub fn link(lang: Lang, to: &str, link: &Link<'_>) -> Self {
        let names = [("url", link.url), ("app", link.app)];
        let text = lang.text_with("short-link", &names, &[("count", link.minutes)]);
        let link_alone = Some(link.url.to_owned());
        Self { to: to.to_owned(), text, code: None, link: link_alone, minutes: Some(link.minutes) }
    }
}

/// What a message with a link says: not the number that is to be picked behind it, which only the page shows where
/// the sign-in began.
#[derive(Clone, Copy)]
pub struct Link<'a> {
    pub url: &'a str,
    pub app: &'a str,
    pub minutes: u64,
}

/// Whether messages can take this way.
#[must_use]
pub fn is_set_up(app: &App, channel: Channel) -> bool {
    is_configured(&app.config(), channel) && (channel != Channel::WebPush || app.vapid().is_some())
}

/// The same, of a configuration that need not be in force.
#[must_use]
pub fn is_configured(config: &Config, channel: Channel) -> bool {
    match channel {
        Channel::Rocketchat => config.rocketchat.is_some(),
        // Its key is made where it is offered.
        Channel::WebPush => true,
        _ => gateway(config, channel).is_some(),
    }
}

fn gateway(config: &Config, channel: Channel) -> Option<Arc<Gateway>> {
    match channel {
        Channel::Mail | Channel::Rocketchat | Channel::WebPush => None,
        Channel::Sms => config.gateways.sms.clone(),
        Channel::Voice => config.gateways.voice.clone(),
        Channel::Push => config.gateways.push.clone(),
    }
}

/// Adds `message` to the batch in which the thing it tells of happens. Ring [`super::Notifier::ring`] once it
/// is applied.
pub fn queue(app: &App, batch: Batch, channel: Channel, message: &Message) -> Result<Batch, QueueError> {
    if !is_set_up(app, channel) {
        return Err(QueueError::NotSetUp(channel));
    }
    if message.to.is_empty() || message.to.chars().any(char::is_control) || message.to.len() > LONGEST_TO {
        return Err(QueueError::Address);
    }
    let content = Content::Message(message.clone());
    enqueue(app, batch, &Order { channel, about: "message", content, minutes: message.minutes })
}

/// Sends `message` at once, without the queue, and gives what the peer said.
pub async fn send_now(app: &App, channel: Channel, message: &Message) -> Result<String, SendError> {
    match channel {
        Channel::Rocketchat => rocketchat::transmit(app, message).await,
        _ => transmit(app, channel, message).await,
    }
}

/// One try.
pub(super) async fn transmit(app: &App, channel: Channel, message: &Message) -> Result<String, SendError> {
    let Some(gateway) = gateway(&app.config(), channel) else {
        return Err(SendError::NotNow(format!("{channel} is not set up")));
    };
    let answer = app.outbound.request(request(&gateway, message)).await.map_err(|error| match error {
        OutboundError::Forbidden(_) | OutboundError::TooLong | OutboundError::Failed(_) => {
            SendError::Down(error.to_string())
        }
    })?;
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    let (first, last) = gateway.status;
    let good = (first..=last).contains(&answer.status);
    let contains = gateway.contains.as_deref().is_none_or(|words| said.contains(words));
    let told = format!("{} {}", answer.status, shown(&said, message));
    match answer.status {
        _ if good && contains => Ok(told.trim_end().to_owned()),
        _ if good => Err(SendError::NotNow(format!("the answer does not hold what it should: {told}"))),
        400 | 422 => Err(SendError::Refused(format!("the answer is {told}"))),
        429 | 503 if answer.retry_after().is_some() => {
            let pause = answer.retry_after().unwrap_or_default();
            Err(SendError::Busy { why: format!("the answer is {told}"), pause })
        }
        429 | 500.. => Err(SendError::Down(format!("the answer is {told}"))),
        _ => Err(SendError::NotNow(format!("the answer is {told}"))),
    }
}

fn request(gateway: &Gateway, message: &Message) -> Request {
    let value = |slot: Slot| match slot {
        Slot::To => message.to.clone(),
        Slot::Text => message.text.clone(),
        Slot::Code => message.code.clone().unwrap_or_default(),
        Slot::Link => message.link.clone().unwrap_or_default(),
    };
    let headers = gateway.headers.iter().map(|(name, text)| {
        let text = match text {
            HeaderText::Template(template) => Secret::new(template.fill(value)),
            HeaderText::Secret(secret) => secret.clone(),
        };
        (name.clone(), text)
    });
    Request {
        method: match gateway.method {
            GatewayMethod::Get => Method::GET,
            GatewayMethod::Post => Method::POST,
            GatewayMethod::Put => Method::PUT,
        },
        url: gateway.url.fill(value),
        headers: headers.collect(),
        body: gateway.body.as_ref().map(|body| (gateway.content_type.clone(), body.fill(value).into_bytes())),
        reach: Reach::Listed,
    }
}

/// The beginning of what a gateway said, without what we told it (EO-08).
pub(super) fn shown(said: &str, message: &Message) -> String {
    let secrets = [message.code.as_deref(), message.link.as_deref(), Some(message.text.as_str())];
    let secrets = secrets.into_iter().flatten().filter(|secret| !secret.is_empty());
    let clean = secrets.fold(said.to_owned(), |text, secret| text.replace(secret, "\u{2026}"));
    clean.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}
