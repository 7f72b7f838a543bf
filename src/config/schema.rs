//! The configuration as written: every key once, with its sentence and its default.
//!
//! `config.example.yaml` is made from this file (see `example`). Nothing here says what values mean or
//! whether they fit together; `check` does.

mod policy;

pub(in crate::config) use policy::*;

use super::document::{Node, Value};
use super::error::Problems;
use super::meant::{
    Alg, AuthMethod, ClientKind, FirstFactor, GrantKind, LogFormat, Pkce, Preset, SecondFactor,
};
use super::period::Period;
use super::read::{self, At, Entries, Field, Keys, Need, Read, Shape, choice, section, words};
use super::schema_registration::Registration;
use super::schema_sending::{Gateway, MailOut, Rocketchat};
use crate::factor::Method;
use crate::factor::totp::TotpAlgorithm;

section! {
    /// The whole file.
    Root {
        /// Public base URL; everything else derives from it. It is the `iss` of every token, so changing
        /// it later breaks every app.
        issuer: String = Required("https://id.example.org"),
        /// Address to serve on, or `unix:` and the path of a socket.
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
pub(super) struct Nothing;

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
pub(super) struct Language(pub(super) &'static str);

words! { Language { "en" = Self("en"), "de" = Self("de"), } }

section! {
    /// An application.
    App {
        /// Settings that a known product needs: `rocketchat`.
        preset: Preset = Optional("rocketchat"),
        /// Shown to people; the name of the entry unless given.
        title: String = Optional("Wiki"),
        /// Where the app lives; `preset: rocketchat` needs it.
        url: String = Optional("https://wiki.example.org"),
        /// Name of the service inside Rocket.Chat, lower case; only with `preset: rocketchat`, whose
        /// default is `gantry`.
        service: String = Optional("gantry"),
        /// Where answers may be sent, byte for byte.
        redirect_uris: Vec<At<String>> = List("[https://wiki.example.org/callback]"),
        /// Where people may be sent after signing out.
        post_logout_redirect_uris: Vec<At<String>> = Default("[]"),
        /// Called without a browser when somebody signs out (Back-Channel Logout). Addresses that are not
        /// public must be in `outbound.allow`.
        backchannel_logout_uri: String = Optional("https://wiki.example.org/logged-out"),
        /// Opened by the browser when somebody signs out (Front-Channel Logout); on the host of a redirect
        /// URI.
        frontchannel_logout_uri: String = Optional("https://wiki.example.org/log-out"),
        /// Browser origins that may read answers across origins, for apps that run in the browser.
        origins: Vec<At<String>> = Default("[]"),
        /// `confidential` has a secret, `public` (browser, mobile) has none.
        client: ClientKind = Default("confidential"),
        /// How an app with a secret or keys proves who it is: `client_secret_basic`, `client_secret_post`,
        /// `client_secret_jwt`, `private_key_jwt`. Without it both `client_secret_basic` and
        /// `client_secret_post` are taken.
        token_endpoint_auth_method: AuthMethod = Optional("private_key_jwt"),
        /// Public keys of the app, for `private_key_jwt` and signed requests (RFC 9101): `{ file: PATH }` of a
        /// JWK Set, `{ uri: URL }` where it publishes one, or `{ inline: JSON }`.
        jwks: Jwks = Optional("{ uri: https://wiki.example.org/jwks.json }"),
        /// Name in the protocol; the name of the entry unless given.
        client_id: String = Optional("wiki"),
        /// `authorization_code`, `refresh_token`, `client_credentials` (tokens of the app itself, without a
        /// person), `device_code` (a device without a browser shows a code that people type at `/device`),
        /// and for old apps `implicit` (tokens through the browser) and `password` (the app asks for passwords
        /// itself; only where `first_party: true`).
        grants: Vec<At<GrantKind>> = Default("[authorization_code, refresh_token]"),
        /// Proof key for codes: `required`, or `optional` for apps that cannot.
        pkce: Pkce = Default("required"),
        /// Take authorization requests only when pushed (RFC 9126).
        pushed_requests_only: bool = Default("false"),
        /// Take authorization requests only when signed (RFC 9101); needs `jwks`.
        signed_requests_only: bool = Default("false"),
        /// Give only tokens that are bound to a key of the app (`DPoP`, RFC 9449).
        dpop_bound_access_tokens: bool = Default("false"),
        /// Ours: people are not asked for consent.
        first_party: bool = Default("false"),
        /// Scopes the app may ask for: these, and `address` and `phone`.
        scopes: Vec<At<Scope>> = Default("[openid, profile, email, groups, roles, offline_access]"),
        /// Further scopes, which mean something to APIs and nothing here. An app asking for itself
        /// (`client_credentials`) gets these.
        api_scopes: Vec<At<String>> = Default("[]"),
        /// APIs that tokens may be asked for by `resource` (RFC 8707); such a token is for that API alone.
        resources: Vec<At<String>> = Default("[]"),
        /// Claims the app gets besides the standard ones, by name: `{ attribute: team }`, `{ value: acme }`,
        /// or `{ template: "{given_name} {family_name}" }`. `username`, `name`, `email`, `groups` and `roles`
        /// count as attributes.
        claims: Entries<Claim> = Default("{}"),
        /// Put all claims into the ID token too, for apps that never ask userinfo.
        claims_in_id_token: bool = Default("false"),
        /// `public`: people have the same `sub` for all apps; `pairwise`: another for each (`OpenID`
        /// Connect Core section 8.1). Changing it makes everybody a stranger to the app.
        subject_type: SubjectType = Default("public"),
        /// How long what the app gets is good for.
        lifetimes: Lifetimes = Default("{}"),
        /// Signature of ID tokens: `RS256`, `ES256`, `EdDSA`.
        id_token_alg: Alg = Default("RS256"),
        /// Answer userinfo with a JWT signed by this algorithm instead of plain JSON.
        userinfo_alg: Alg = Optional("RS256"),
        /// Where a sign-in starts that begins here (`OpenID` Connect Core section 4); opened from the start
        /// page instead of `url`.
        initiate_login_uri: String = Optional("https://wiki.example.org/login"),
        /// Who may use it, in order: the first entry whose group the person is in decides; no entry, no
        /// access. `everyone` is every person with an account. An app without people writes `[]`.
        access: Vec<At<Access>> = Required("[{ group: everyone, policy: standard }]"),
        /// Accept access tokens in the query of userinfo. Tokens in URLs end up in logs.
        userinfo_token_in_query: bool = Default("false"),
    }
}

words! { Preset { "rocketchat" = Self::Rocketchat, } }
words! { ClientKind { "confidential" = Self::Confidential, "public" = Self::Public, } }
words! {
    AuthMethod {
        "client_secret_basic" = Self::ClientSecretBasic,
        "client_secret_post" = Self::ClientSecretPost,
        "client_secret_jwt" = Self::ClientSecretJwt,
        "private_key_jwt" = Self::PrivateKeyJwt,
    }
}

choice! {
    /// Public keys of an app.
    Jwks {
        /// A file with a JWK Set (RFC 7517).
        file = File(At<String>),
        /// An address that answers with one.
        uri = Uri(At<String>),
        /// The set itself, as JSON.
        inline = Inline(At<String>),
    }
}

choice! {
    /// Where the value of a claim comes from.
    Claim {
        /// An attribute of the person.
        attribute = Attribute(At<String>),
        /// Always the same.
        value = Value(At<String>),
        /// Text with `{attribute}` in it.
        template = Template(At<String>),
    }
}

/// Whether people have one subject for all apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubjectType {
    Public,
    Pairwise,
}

words! { SubjectType { "public" = Self::Public, "pairwise" = Self::Pairwise, } }

words! { GrantKind { "authorization_code" = Self::AuthorizationCode, "refresh_token" = Self::RefreshToken, "client_credentials" = Self::ClientCredentials, "device_code" = Self::DeviceCode, "password" = Self::Password, "implicit" = Self::Implicit, } }
words! { Pkce { "required" = Self::Required, "optional" = Self::Optional, } }
words! { Alg { "RS256" = Self::Rs256, "ES256" = Self::Es256, "EdDSA" = Self::EdDsa, } }

/// A scope that means something here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope(pub(super) &'static str);

words! {
    Scope {
        "openid" = Self("openid"),
        "profile" = Self("profile"),
        "email" = Self("email"),
        "groups" = Self("groups"),
        "roles" = Self("roles"),
        "address" = Self("address"),
        "phone" = Self("phone"),
        "offline_access" = Self("offline_access"),
    }
}

section! {
    /// Apps that register themselves (RFC 7591).
    AppRegistration {
        /// Who may use them, such as `[{ group: everyone, policy: standard }]`; without an entry no app may
        /// register.
        access: Vec<At<Access>> = Default("[]"),
        /// Grants they may choose.
        grants: Vec<At<GrantKind>> = Default("[authorization_code, refresh_token]"),
        /// Scopes they may ask for.
        scopes: Vec<At<Scope>> = Default("[openid, profile, email, offline_access]"),
        /// Proof key for codes: `required`, or `optional` for those with a secret or keys.
        pkce: Pkce = Default("required"),
        /// Apps there may be in all.
        max: u32 = Default("200"),
    }
}

section! {
    /// How long what an app gets is good for.
    Lifetimes {
        /// Access tokens.
        access_token: Period = Default("1h"),
        /// ID tokens.
        id_token: Period = Default("10m"),
        /// Refresh tokens, from their last use.
        refresh_token: Period = Default("30d"),
        /// Authorization codes, at most 10m.
        code: Period = Default("60s"),
    }
}

section! {
    /// Who may use an app, and what they must prove.
    Access {
        /// A group, or `everyone`.
        group: String = Required("everyone"),
        /// One of `policies`.
        policy: String = Required("standard"),
    }
}

words! { FirstFactor { "password" = Self::Password, "magic_link" = Self::MagicLink, "passkey" = Self::Passkey, "any" = Self::Any, } }

words! { SecondFactor { "never" = Self::Never, "if_enrolled" = Self::IfEnrolled, "required" = Self::Required, } }

section! {
    /// How long a sign-in lasts.
    SignIn {
        /// When a session ends.
        session: Session = Default("{}"),
        /// How long a browser is known to belong to the person who signed in with it.
        remember_device: Period = Default("30d"),
    }
}

section! {
    /// When a session ends.
    Session {
        /// After this long without use.
        idle: Period = Default("8h"),
        /// This long after sign-in in any case.
        absolute: Period = Default("24h"),
    }
}

section! {
    /// Rules for passwords, and how they are kept.
    Passwords {
        /// Characters a new password must have at least, 8 or more.
        min_length: u32 = Default("10"),
        /// How they are kept. More memory or iterations make guessing, and every sign-in, slower.
        hash: Hash = Default("{ argon2id: { memory_kib: 19456, iterations: 2, parallelism: 1 } }"),
    }
}

section! {
    /// What people can prove beside the first factor.
    Factors {
        /// Ways that may be used, and enrolled where that is needed: `totp` (authenticator apps);
        /// `passkey` (passkeys and security keys); `email_code` and
        /// `email_link` to the verified address of the account; `alternate_email_code` to another one; `sms_code`,
        /// `sms_link`, `email_and_sms_code` (one code each), `voice_code` to a phone; `push` by a gateway and `web_push`
        /// to browsers; `rocketchat_code` and `rocketchat_link`
        /// in a direct message (see `rocketchat`); `hardware_token`
        /// and `yubikey`, which `gantry token import` gives out; `radius` (see there); `grid` (a printed card) and `kba` (security
        /// questions, together with a code in a mail), which people add beside something better; `recovery_code`.
        offered: Vec<At<Method>> = Default("[totp, passkey, recovery_code]"),
        /// How codes of authenticator apps are made that are set up from now on.
        totp: Totp = Default("{}"),
        /// Security questions.
        kba: Kba = Default("{}"),
        /// Push services that may be called beside those on the public internet, by origin. Their networks must be in
        /// `outbound.allow`.
        push_services: Vec<At<String>> = Default("[]"),
        /// Passkeys and security keys.
        passkeys: Passkeys = Default("{}"),
    }
}

section! {
    /// Passkeys and security keys.
    Passkeys {
        /// Take only makes that say what they are and whom a root vouches for; without it every make is taken. Keys
        /// that were added before stay, and synchronised passkeys say nothing.
        attestation: Attestation = Optional("{ roots: [fido-roots.pem], aaguids: [ee882879-721c-4913-9775-3dfcce97072a] }"),
    }
}

section! {
    /// Which makes of authenticators are taken.
    Attestation {
        /// PEM files with the certificates of makers.
        roots: Vec<At<String>> = Required("[fido-roots.pem]"),
        /// Their models, by AAGUID; without any, all that the roots vouch for.
        aaguids: Vec<At<String>> = Default("[]"),
    }
}

section! {
    /// Security questions.
    Kba {
        /// What people choose from, three at least: a list, or one for each language, such as
        /// `{ en: ["…"], de: ["…"] }`. Without any they write their own.
        questions: Questions = Default("[]"),
    }
}

/// Questions in one list, or in one for each language.
#[derive(Debug)]
pub(super) enum Questions {
    Plain(Vec<At<String>>),
    ByLanguage(Entries<Vec<At<String>>>),
}

impl Read for Questions {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.value {
            Value::Map(_) => Entries::read(node, problems).map(Self::ByLanguage),
            _ => Vec::read(node, problems).map(Self::Plain),
        }
    }
}

section! {
    /// How codes of authenticator apps are made. Some apps ignore anything but the defaults and show wrong codes.
    Totp {
        /// `SHA1` or `SHA256`.
        algorithm: TotpAlgorithm = Default("SHA1"),
        /// 6 or 8.
        digits: u32 = Default("6"),
    }
}

words! { TotpAlgorithm { "SHA1" = Self::Sha1, "SHA256" = Self::Sha256, } }

words! {
    Method {
        "totp" = Self::Totp,
        "passkey" = Self::Passkey,
        "hardware_token" = Self::HardwareToken,
        "yubikey" = Self::Yubikey,
        "radius" = Self::Radius,
        "grid" = Self::Grid,
        "kba" = Self::Kba,
        "push" = Self::Push,
        "web_push" = Self::WebPush,
        "email_link" = Self::EmailLink,
        "sms_link" = Self::SmsLink,
        "rocketchat_link" = Self::RocketchatLink,
        "rocketchat_code" = Self::RocketchatCode,
        "email_code" = Self::EmailCode,
        "alternate_email_code" = Self::AlternateEmailCode,
        "sms_code" = Self::SmsCode,
        "email_and_sms_code" = Self::EmailAndSmsCode,
        "voice_code" = Self::VoiceCode,
        "recovery_code" = Self::RecoveryCode,
    }
}

choice! {
    /// How passwords are kept.
    Hash {
        /// RFC 9106.
        argon2id = Argon2id(Argon2id),
    }
}

section! {
    /// Costs of argon2id (RFC 9106 section 3.1).
    Argon2id {
        /// 8192 (8 MiB) to 1048576 (1 GiB).
        memory_kib: u32 = Default("19456"),
        /// 1 to 20.
        iterations: u32 = Default("2"),
        /// 1 to 8.
        parallelism: u32 = Default("1"),
    }
}

section! {
    /// Servers that check one-time passwords.
    Radius {
        /// Addresses with ports, asked in this order.
        servers: Vec<At<String>> = Required("[\"192.0.2.10:1812\"]"),
        /// Shared with the servers.
        secret: super::schema_sending::SecretText = Required("{ file: /etc/gantry/radius }"),
        /// How long one is waited for, twice.
        timeout: Period = Default("3s"),
        /// What the servers know us by.
        nas_identifier: String = Default("gantry"),
        /// Take only answers with a Message-Authenticator; without it somebody on the way can turn a no into a
        /// yes (CVE-2024-3596).
        message_authenticator: bool = Default("true"),
    }
}

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
