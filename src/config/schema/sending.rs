//! Mail, and the gateways of other messages, as written.

use super::Nothing;
use crate::config::document::{Node, Value};
use crate::config::error::Problems;
use crate::config::read::{self, At, Entries, Field, Keys, Need, Read, Shape, choice, section, words};
use crate::config::sending::{GatewayMethod, SmtpTls};

choice! {
    /// Where mail goes.
    MailOut {
        /// Files in the data folder.
        folder = Folder(Nothing),
        /// A mail server.
        smtp = Smtp(Box<SmtpServer>),
    }
}

section! {
    /// A mail server (RFC 5321).
    SmtpServer {
        /// `smtp://` with STARTTLS, or `smtps://`.
        url: String = Required("smtp://mail.example.org:587"),
        /// Sender: an address, or a name with an address in angle brackets.
        from: String = Required("gantry@example.org"),
        /// Without it no password is used.
        username: String = Optional("gantry"),
        /// The password.
        password: SecretText = Optional("{ file: /etc/gantry/mail-password }"),
        /// PEM file of the only authority to believe, instead of the system's.
        ca: String = Optional("/etc/gantry/mail-ca.pem"),
        /// `off` only on this machine.
        tls: SmtpTls = Default("required"),
    }
}

words! { SmtpTls { "required" = Self::Required, "off" = Self::Off, } }

choice! {
    /// How a kind of message leaves.
    Gateway {
        /// By a request.
        http = Http(HttpGateway),
    }
}

section! {
    /// A request that makes somebody send a message.
    HttpGateway {
        /// Address, with `{to}`, `{text}`, `{code}` or `{link}` in path or query.
        url: At<String> = Required("https://sms.example.org/send"),
        /// `POST`, `PUT` or `GET`.
        method: GatewayMethod = Default("POST"),
        /// Headers by name.
        headers: Entries<SecretText> = Default("{}"),
        /// The body, with the same names in braces.
        body: String = Optional("\"to={to}&text={text}\""),
        /// What the body is.
        content_type: String = Default("application/x-www-form-urlencoded"),
        /// Which answers are good.
        success: Success = Default("{}"),
    }
}

section! {
    /// Rocket.Chat as a way to reach people.
    Rocketchat {
        /// Its address. One that is not public must be in `outbound.allow`.
        url: At<String> = Required("https://chat.example.org"),
        /// Who writes to people: the id of an account of its own, such as one for bots.
        user_id: String = Required("aobEdbYhXfu5hkeqG"),
        /// The personal access token of that account, made with "ignore two factor".
        token: SecretText = Required("{ file: /etc/gantry/rocketchat-token }"),
        /// The attribute that has people's names in Rocket.Chat; the username unless given.
        attribute: String = Optional("chat_name"),
    }
}

words! { GatewayMethod { "POST" = Self::Post, "PUT" = Self::Put, "GET" = Self::Get, } }

section! {
    /// Which answers are good.
    Success {
        /// A status, or a range of them.
        status: String = Default("200-299"),
        /// What the answer must hold besides.
        contains: String = Optional("\"\\\"ok\\\":true\""),
    }
}

/// A secret: itself, or where it is.
#[derive(Debug)]
pub(in crate::config) enum SecretText {
    Inline(crate::secret::Secret),
    Kept(Kept),
}

choice! {
    /// Where a secret is.
    Kept {
        /// In a file.
        file = File(At<String>),
        /// In the environment.
        env = Env(At<String>),
    }
}

impl Read for SecretText {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.value {
            Value::Map(_) => Kept::read(node, problems).map(Self::Kept),
            _ => String::read(node, problems).map(|text| Self::Inline(crate::secret::Secret::new(text))),
        }
    }
}
