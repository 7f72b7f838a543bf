//! The request that makes a gateway send a message.

use std::path::Path;

use super::sending::secret;
use super::{optional, url};
use crate::config::error::Problems;
use crate::config::read::{At, Entries, short};
use crate::config::schema::{self, SecretText};
use crate::config::sending::{Escape, Gateway, GatewayMethod, HeaderText, MessageTemplate};

/// Written by the HTTP client itself, or not for a request at all.
const RESERVED: [&str; 7] =
    ["host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te"];

pub(super) fn gateway(written: schema::HttpGateway, base: &Path, problems: &mut Problems) -> Option<Gateway> {
    let address = written.url.and_then(|url| address(&url.value, problems));
    let method = written.method?;
    let content_type = written.content_type?;
    let escape = escape(&content_type, problems);
    if let (Some(body), GatewayMethod::Get) = (&written.body, method.value) {
        problems.error(body.place, "a GET request has no body").hint("write `method: POST`, or use the URL");
        return None;
    }
    let body = optional(written.body, |text| body(&text, escape?, problems));
    let headers = written.headers.and_then(|headers| self::headers(headers.value, base, problems));
    let success = written.success?.value;
    let status = success.status.and_then(|status| self::status(&status, problems));
    Some(Gateway {
        method: method.value,
        url: address?,
        headers: headers?,
        body: body?,
        content_type: content_type.value,
        status: status?,
        contains: success.contains.map(|contains| contains.value),
    })
}

fn template(text: &At<String>, escape: Escape, problems: &mut Problems) -> Option<MessageTemplate> {
    MessageTemplate::parse(&text.value, escape)
        .map_err(|name| {
            problems
                .error(text.place, format!("`{{{}}}` stands for nothing", short(&name)))
                .nearest(&name, ["to", "text", "code", "link"].into_iter());
        })
        .ok()
}

/// Whom is called must not depend on the message.
fn address(text: &At<String>, problems: &mut Problems) -> Option<MessageTemplate> {
    let template = template(text, Escape::Percent, problems)?;
    let filled = |sample: &str| At { value: template.fill(|_| sample.to_owned()), place: text.place };
    let one = url::https(&filled("1"), problems)?;
    let two = url::https(&filled("2"), problems)?;
    if one.origin() != two.origin() {
        problems
            .error(text.place, "the host depends on the message")
            .hint("use names in braces in the path or the query only");
        return None;
    }
    Some(template)
}

fn escape(content_type: &At<String>, problems: &mut Problems) -> Option<Escape> {
    let essence = content_type.value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let clean = content_type.value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    let known = match essence.as_str() {
        "application/x-www-form-urlencoded" => Some(Escape::Percent),
        "text/plain" => Some(Escape::Plain),
        _ if essence.ends_with("/json") || essence.ends_with("+json") => Some(Escape::Json),
        _ if essence.ends_with("/xml") || essence.ends_with("+xml") => Some(Escape::Xml),
        _ => None,
    };
    let known = known.filter(|_| clean);
    if known.is_none() {
        problems
            .error(
                content_type.place,
                format!("how values are written in `{}` is not known", short(&content_type.value)),
            )
            .hint(
                "`application/x-www-form-urlencoded`, `application/json`, `text/plain` or `application/xml`",
            );
    }
    known
}

fn body(text: &At<String>, escape: Escape, problems: &mut Problems) -> Option<MessageTemplate> {
    let template = template(text, escape, problems)?;
    // A value outside of quotes could be more than a value.
    let sample = template.fill(|_| "x".to_owned());
    if escape == Escape::Json && serde_json::from_str::<serde::de::IgnoredAny>(&sample).is_err() {
        problems
            .error(text.place, "not JSON once it is filled in")
            .hint("names in braces stand between quotes: `'{\"to\": \"{to}\", \"text\": \"{text}\"}'`");
        return None;
    }
    Some(template)
}

fn headers(
    written: Entries<SecretText>,
    base: &Path,
    problems: &mut Problems,
) -> Option<Vec<(String, HeaderText)>> {
    let read: Vec<_> =
        written.0.into_iter().map(|(name, value)| header(name, value?, base, problems)).collect();
    read.into_iter().collect()
}

fn header(
    name: At<String>,
    value: SecretText,
    base: &Path,
    problems: &mut Problems,
) -> Option<(String, HeaderText)> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let fits = !name.value.is_empty() && name.value.chars().all(token);
    if !fits || RESERVED.contains(&name.value.to_ascii_lowercase().as_str()) {
        problems
            .error(name.place, format!("the header `{}` cannot be set here", short(&name.value)))
            .hint("a name such as `Authorization`; `content_type` is a key of its own");
        return None;
    }
    let value = match value {
        SecretText::Inline(text) => {
            let text = At { value: text.expose().to_owned(), place: name.place };
            HeaderText::Template(template(&text, Escape::Line, problems)?)
        }
        kept @ SecretText::Kept(_) => {
            HeaderText::Secret(secret(At { value: kept, place: name.place }, base, problems)?)
        }
    };
    let shown = match &value {
        HeaderText::Template(template) => template.fill(|_| String::new()),
        HeaderText::Secret(secret) => secret.expose().to_owned(),
    };
    if shown.chars().any(char::is_control) {
        problems.error(name.place, "a header is one line").hint("take the line break out of its value");
        return None;
    }
    Some((name.value, value))
}

/// `200`, or `200-299`.
fn status(text: &At<String>, problems: &mut Problems) -> Option<(u16, u16)> {
    let (first, last) = text.value.split_once('-').unwrap_or((&text.value, &text.value));
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|status| (200..600).contains(status));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Some((first, last)),
        _ => {
            problems
                .error(text.place, format!("`{}` is no status of an answer", short(&text.value)))
                .hint("such as `\"200\"` or `\"200-299\"`");
            None
        }
    }
}
