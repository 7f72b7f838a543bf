//! The configuration as meant: mail, and the gateways of other messages.

use std::sync::Arc;

use crate::account::Email;
use crate::secret::Secret;

/// Where mail goes.
#[derive(Debug, Clone)]
pub enum MailOut {
    /// Files in `<data_dir>/mail`.
    Folder,
    Smtp(Arc<Smtp>),
}

/// A mail server.
#[derive(Debug)]
pub struct Smtp {
    /// A name or an address; the certificate must be for it.
    pub host: String,
    pub port: u16,
    pub security: SmtpSecurity,
    /// The organisation's name unless given.
    pub from_name: Option<String>,
    pub from: Email,
    pub login: Option<SmtpLogin>,
    /// PEM of the only authorities to believe; the system's unless given.
    pub ca: Option<Vec<u8>>,
}

#[derive(Debug)]
pub struct SmtpLogin {
    pub username: String,
    pub password: Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (RFC 8314 section 3.3).
    Implicit,
    /// TLS before anything of worth is said (RFC 3207).
    StartTls,
    /// Only to this machine.
    Off,
}

/// What `tls` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    Required,
    Off,
}

/// The ways of short messages that are set up.
#[derive(Debug, Clone, Default)]
pub struct Gateways {
    pub sms: Option<Arc<Gateway>>,
    pub voice: Option<Arc<Gateway>>,
    pub push: Option<Arc<Gateway>>,
}

/// Whoever writes to people in Rocket.Chat.
#[derive(Debug)]
pub struct Rocketchat {
    /// Without a slash at its end.
    pub url: String,
    pub user_id: String,
    pub token: Secret,
    /// The attribute with a person's name in Rocket.Chat; the username unless given.
    pub attribute: Option<String>,
}

/// A request that makes somebody send a message.
#[derive(Debug)]
pub struct Gateway {
    pub method: GatewayMethod,
    pub url: MessageTemplate,
    pub headers: Vec<(String, HeaderText)>,
    pub body: Option<MessageTemplate>,
    pub content_type: String,
    /// First and last status of a good answer.
    pub status: (u16, u16),
    pub contains: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayMethod {
    Get,
    Post,
    Put,
}

/// The value of a header.
#[derive(Debug)]
pub enum HeaderText {
    Template(MessageTemplate),
    Secret(Secret),
}

/// What a name in braces stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    To,
    Text,
    Code,
    Link,
}

impl Slot {
    const ALL: [(&'static str, Self); 4] =
        [("to", Self::To), ("text", Self::Text), ("code", Self::Code), ("link", Self::Link)];
}

/// How a value is written so that it stays one value where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// In a URL (RFC 3986 section 2.1) and in a form.
    Percent,
    /// Between the quotes of a JSON text (RFC 8259 section 7).
    Json,
    Xml,
    /// In a header: one line.
    Line,
    /// Everything as it is.
    Plain,
}

/// Text with `{to}`, `{text}`, `{code}` and `{link}` in it; other braces are braces.
#[derive(Clone)]
pub struct MessageTemplate {
    parts: Vec<Part>,
    escape: Escape,
}

#[derive(Clone)]
enum Part {
    Text(String),
    Slot(Slot),
}

/// It may hold a key of the gateway.
impl std::fmt::Debug for MessageTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[template, {:?}]", self.escape)
    }
}

impl MessageTemplate {
    /// Reads a template; the error is a name in braces that stands for nothing.
    pub fn parse(text: &str, escape: Escape) -> Result<Self, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            parts.push(Part::Text(before.to_owned()));
            let name: String = after.chars().take_while(char::is_ascii_lowercase).collect();
            let behind = after.strip_prefix(name.as_str()).unwrap_or_default();
            if let Some(behind) = behind.strip_prefix('}').filter(|_| !name.is_empty()) {
                let slot = Slot::ALL.iter().find(|(known, _)| *known == name);
                parts.push(Part::Slot(slot.ok_or(name)?.1));
                rest = behind;
            } else {
                parts.push(Part::Text("{".to_owned()));
                rest = after;
            }
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { parts, escape })
    }

    /// The text with a value in each place.
    pub fn fill(&self, value: impl Fn(Slot) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Slot(slot) => self.escape.apply(&value(*slot)),
        };
        self.parts.iter().map(part).collect()
    }
}

impl Escape {
    fn apply(self, value: &str) -> String {
        match self {
            Self::Percent => value.bytes().map(percent).collect(),
            Self::Json => inner(&serde_json::Value::from(value).to_string()),
            Self::Xml => value.chars().filter(|c| !c.is_control() || c.is_whitespace()).map(xml).collect(),
            Self::Line => value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
            Self::Plain => value.to_owned(),
        }
    }
}

/// Without the quotes around it.
fn inner(quoted: &str) -> String {
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// Everything but RFC 3986's unreserved characters; the dot too, so that no path climbs.
fn percent(byte: u8) -> String {
    match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

fn xml(c: char) -> String {
    match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&apos;".to_owned(),
        _ => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, escape: Escape, value: &str) -> String {
        MessageTemplate::parse(text, escape).expect(text).fill(|_| value.to_owned())
    }

    #[test]
    fn a_value_stays_one_value_wherever_it_stands() {
        // EO-05
        let evil = "a&to=b \"},{\\\r\nX: y<é>";
        assert_eq!(
            filled("to={to}", Escape::Percent, evil),
            "to=a%26to%3Db%20%22%7D%2C%7B%5C%0D%0AX%3A%20y%3C%C3%A9%3E"
        );
        let json = filled(r#"{"a":{"to":"{to}"}}"#, Escape::Json, evil);
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(read["a"]["to"], evil);
        assert_eq!(filled("<m>{text}</m>", Escape::Xml, "<&\"'\0>"), "<m>&lt;&amp;&quot;&apos;&gt;</m>");
        assert_eq!(filled("t: {text}", Escape::Line, "a\r\nb"), "t: a  b");
        assert_eq!(filled("/x/{to}", Escape::Percent, "../.."), "/x/%2E%2E%2F%2E%2E");
        for edge in ["\"", "\\", "\"\"", ""] {
            let json = filled(r#"["{to}"]"#, Escape::Json, edge);
            assert_eq!(serde_json::from_str::<Vec<String>>(&json).expect("JSON"), [edge]);
        }
    }

    #[test]
    fn other_braces_are_braces_and_unknown_names_are_mistakes() {
        assert_eq!(filled("{ \"to\": {} {T} { to }", Escape::Plain, "x"), "{ \"to\": {} {T} { to }");
        assert_eq!(filled("{{to}}", Escape::Plain, "x"), "{x}");
        assert_eq!(MessageTemplate::parse("{number}", Escape::Plain).expect_err("unknown"), "number");
    }
}
