//! The configuration as written: every key once, with its sentence and its default.
//!
//! `config.example.yaml` is made from these files (see `example`). Nothing here says what values mean or
//! whether they fit together; `check` does.

mod app;
mod factors;
mod policy;
mod registration;
mod sending;
mod sign_in;

pub(in crate::config) use app::*;
pub(in crate::config) use factors::*;
pub(in crate::config) use policy::*;
pub(in crate::config) use registration::*;
pub(in crate::config) use sending::*;
pub(in crate::config) use sign_in::*;

use super::document::Node;
use super::error::Problems;
use super::meant::LogFormat;
use super::read::{self, At, Entries, Field, Keys, Need, Read, Shape, choice, section, words};

section! {
    /// The whole file.
    Root {
        /// Public base URL; everything else derives from it. It is the `iss` of every token, so changing
        /// it later breaks every app.
        issuer: String = Required("https://id.example.org"),
        /// Address to serve on, or `unix:` and the path of a socket for a proxy, with `tls: off`.
        listen: String = Default("127.0.0.1:8443"),
        /// Folder for the store, the keys and the command socket. Relative paths start at this file.
        data_dir: String = Default("/var/lib/gantry"),
        /// Where records are kept; `redb` is one file in `data_dir`.
        store: Store = Default("{ redb: {} }"),
        /// `{ files: { certificate: fullchain.pem, key: privkey.pem } }`, `{ self_signed: {} }`, or
        /// `{ off: {} }` behind a proxy that speaks TLS.
        tls: Tls = Default("{ self_signed: {} }"),
        /// Addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
        trusted_proxies: Vec<At<String>> = Default("[]"),
        /// How the pages look and whom they name.
        organisation: Organisation = Default("{}"),
        /// The applications people sign in to, by name.
        apps: Entries<App> = Default("{}"),
        /// Apps that register themselves (RFC 7591) with a token that `gantry app invite` prints.
        app_registration: AppRegistration = Default("{}"),
        /// How people get an account by themselves: `self` has `allowed_domains` of their mail addresses (`["*"]`
        /// for any), `fields` to fill in, and the `groups` they get into (docs/guides/registration.md). Without
        /// this key nobody registers.
        registration: Registration = Optional("{ self: { allowed_domains: [example.org], fields: [{ name: team, label: Team, required: true }] } }"),
        /// What must be proved at sign-in, by name. Without this key there is one policy, `standard`.
        policies: Entries<Policy> = Default("{ standard: {} }"),
        /// How long a sign-in lasts.
        sign_in: SignIn = Default("{}"),
        /// Rules for passwords, and how they are kept.
        passwords: Passwords = Default("{}"),
        /// What people can prove beside the first factor.
        factors: Factors = Default("{}"),
        /// Where mail goes: `{ folder: {} }` is `mail` in `data_dir`, one file per letter; `{ smtp: { url:
        /// smtp://mail.example.org:587, from: gantry@example.org, username: …, password: { file: … } } }` a mail
        /// server (docs/guides/mail.md).
        mail: MailOut = Default("{ folder: {} }"),
        /// Who sends text messages, by a request (docs/guides/mail.md).
        sms: Gateway = Optional("{ http: { url: https://sms.example.org/send, body: \"to={to}&text={text}\" } }"),
        /// Who makes calls; written like `sms`.
        voice: Gateway = Optional("{ http: { url: https://voice.example.org/call, body: \"to={to}&say={text}\" } }"),
        /// Who pushes messages to phones; written like `sms`.
        push: Gateway = Optional("{ http: { url: \"https://ntfy.example.org/{to}\", body: \"{text}\", content_type: text/plain } }"),
        /// Who writes direct messages in Rocket.Chat (docs/guides/factors.md).
        rocketchat: Rocketchat = Optional("{ url: https://chat.example.org, user_id: aobEdbYhXfu5hkeqG, token: { file: /etc/gantry/rocketchat-token } }"),
        /// Servers that check one-time passwords (RFC 2865), for `factors.offered: [radius]`.
        radius: Radius = Optional("{ servers: [\"192.0.2.10:1812\"], secret: { file: /etc/gantry/radius } }"),
        /// What gantry itself may call.
        outbound: Outbound = Default("{}"),
        /// Where addresses are.
        geo: Geo = Default("{}"),
        /// Who may administrate.
        admin: Admin = Default("{}"),
        /// What is written to standard error.
        log: Log = Default("{}"),
    }
}

/// A choice that has no settings of its own.
#[derive(Debug)]
pub(in crate::config) struct Nothing;

impl Read for Nothing {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        Keys::open(node, &[], problems).map(|_| Self)
    }
}

choice! {
    /// Where records are kept.
    Store {
        /// One embedded file in the data folder.
        redb = Redb(Nothing),
    }
}

choice! {
    /// Who speaks TLS, and with which certificate.
    Tls {
        /// A certificate and its key, both PEM.
        files = Files(TlsFiles),
        /// A certificate of our own.
        self_signed = SelfSigned(Nothing),
        /// Plain HTTP.
        off = Off(Nothing),
    }
}

section! {
    /// A certificate and its key.
    TlsFiles {
        /// Certificate chain, PEM, leaf first.
        certificate: String = Required("fullchain.pem"),
        /// Private key, PEM.
        key: String = Required("privkey.pem"),
    }
}

section! {
    /// How the pages look and whom they name.
    Organisation {
        /// Shown on every page.
        name: String = Default("Gantry"),
        /// E-mail address or https link where people can ask for help.
        support: String = Optional("help@example.org"),
        /// Picture shown on every page: SVG or PNG, at most 256 KiB.
        logo: String = Optional("logo.svg"),
        /// Colour of buttons and links, dark enough for white text on it.
        accent: String = Default("\"#1d5fbf\""),
        /// Languages offered, the first is the default: `en`, `de`.
        languages: Vec<At<Language>> = Default("[en, de]"),
        /// Time zone of the times in pages and letters, as in the IANA database.
        time_zone: String = Default("UTC"),
    }
}

/// A language with a complete translation.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Language(pub(in crate::config) &'static str);

words! { Language { "en" = Self("en"), "de" = Self("de"), } }

section! {
    /// What gantry itself may call.
    Outbound {
        /// Networks beside the public internet, such as `10.0.0.0/8`. Whatever is not public and not listed
        /// is not called, whoever names it.
        allow: Vec<At<String>> = Default("[]"),
    }
}

section! {
    /// Where addresses are.
    Geo {
        /// A file in `MaxMind`'s format with countries or cities, such as `GeoLite2-City.mmdb`. It is read again when
        /// it changes; without it no place is known.
        database: String = Optional("GeoLite2-City.mmdb"),
    }
}

section! {
    /// Who may administrate.
    Admin {
        /// Members of this group; without it only the command line administrates.
        group: String = Optional("admins"),
    }
}

section! {
    /// What is written to standard error.
    Log {
        /// `text` or `json`.
        format: LogFormat = Default("text"),
        /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,gantry=debug`.
        level: String = Default("info"),
    }
}

words! { LogFormat { "text" = Self::Text, "json" = Self::Json, } }
