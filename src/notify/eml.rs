//! A mail as bytes (RFC 5322): plain text, with the headers that keep answering machines quiet.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::{Address, message::header::ContentType};
use url::Url;

use super::SendError;
use super::mail::Mail;
use crate::account::Email;
use crate::app::App;
use crate::config::{Config, MailOut};
use crate::secret::random_text;

/// An address that can stand in a header and in an SMTP command: both our own type and that of the mail crate
/// must take it, so that neither line breaks nor lists of addresses get through (EO-05).
pub(super) fn address(text: &str) -> Option<Address> {
    let email: Email = text.parse().ok()?;
    email.as_str().parse().ok()
}

/// How we call ourselves: the host of the issuer.
pub(super) fn host(config: &Config) -> String {
    let host = Url::parse(&config.issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| "localhost".to_owned())
}

/// The whole mail. Time and randomness are ours.
pub(super) fn build(app: &App, mail: &Mail) -> Result<Message, SendError> {
    let refused = |what: &str| SendError::Refused(format!("{what} does not fit into a mail"));
    let config = app.config();
    let host = host(&config);
    let (name, from) = match &config.mail {
        MailOut::Folder => (None, Address::new("gantry", &host).ok()),
        MailOut::Smtp(server) => (server.from_name.clone(), address(server.from.as_str())),
    };
    let name = name.unwrap_or_else(|| config.organisation.name.clone());
    let from = Mailbox::new(Some(name), from.ok_or_else(|| refused("the sender"))?);
    let to = Mailbox::new(None, address(&mail.to).ok_or_else(|| refused("the address"))?);
    let millis = u64::try_from(app.clock.now().millis()).unwrap_or_default();
    let header = |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
    Message::builder()
        .from(from)
        .to(to)
        .subject(one_line(&mail.subject))
        .date(UNIX_EPOCH + Duration::from_millis(millis))
        .message_id(Some(format!("<{}@{host}>", random_text::<16>())))
        // RFC 3834 section 5: no out-of-office notes in return.
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        .header(ContentType::TEXT_PLAIN)
        .body(mail.text.clone())
        .map_err(|_| refused("the text"))
}

/// Names come without control characters already; a header has no use for any.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
