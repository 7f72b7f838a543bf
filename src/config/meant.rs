//! The configuration as meant: what the rest of the program reads. Built only by `check`, so every
//! value here has been understood: names resolve, URLs are absolute, lists are not empty where they
//! must not be.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use url::Url;

use super::claim::ClaimSource;
use super::factors::{Factors, Radius};
use super::registration::SelfRegistration;
use super::sending::{Gateways, MailOut, Rocketchat};
use crate::clock::Timestamp;
use crate::factor::Method;
use crate::factor::passkey::{SuspectedClone, UserVerification};
use crate::keys::PublicKeys;
use crate::outbound::Reach;
use crate::policy::rule::{BehaviourRule, DeviceRule, NetworkRule, PlaceRule, TimeRule};
use crate::secret::Digest;

/// One whole configuration. Reload replaces it; nothing mutates it.
#[derive(Debug, Clone)]
pub struct Config {
    /// The public base URL without a trailing slash; the `iss` of every token, compared byte for byte.
    pub issuer: String,
    pub listen: Listen,
    pub data_dir: PathBuf,
    pub tls: Tls,
    /// Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    pub organisation: Organisation,
    /// By client id.
    pub apps: BTreeMap<String, App>,
    pub app_registration: AppRegistration,
    /// How people get an account by themselves; `None`: not at all.
    pub self_registration: Option<SelfRegistration>,
    pub policies: BTreeMap<String, Policy>,
    pub sign_in: SignIn,
    pub passwords: Passwords,
    pub factors: Factors,
    pub mail: MailOut,
    pub gateways: Gateways,
    /// Who writes to people in Rocket.Chat.
    pub rocketchat: Option<Arc<Rocketchat>>,
    /// Servers that check one-time passwords.
    pub radius: Option<Radius>,
    /// Networks that may be called although they are not public.
    pub outbound: Vec<IpNet>,
    /// The database that says where addresses are.
    pub geo: Option<PathBuf>,
    /// Members of this group may administrate.
    pub admin_group: Option<String>,
    pub log: Log,
}

/// What apps may be that register themselves (RFC 7591).
#[derive(Debug, Clone)]
pub struct AppRegistration {
    /// Who may use them; empty: none may register.
    pub access: Vec<Access>,
    pub grants: BTreeSet<GrantKind>,
    pub scopes: BTreeSet<String>,
    /// Of those with a secret or keys; others always need it.
    pub pkce: Pkce,
    /// Apps there may be, those of the file among them.
    pub max: usize,
    /// How far calls to the addresses that they name may go.
    pub reach: Reach,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    Files {
        certificate: PathBuf,
        key: PathBuf,
    },
    /// A certificate of our own, kept in `<data_dir>/tls`.
    SelfSigned,
    /// Plain HTTP: a proxy in front speaks TLS.
    Off,
}

/// How the pages look and whom they name.
#[derive(Debug, Clone)]
pub struct Organisation {
    pub name: String,
    /// An address people can ask for help.
    pub support: Option<String>,
    pub logo: Option<Logo>,
    /// `#rrggbb`.
    pub accent: String,
    /// Offered languages, first is the default: `en`, `de`.
    pub languages: Vec<String>,
    /// Of the times that people read.
    pub time_zone: TimeZone,
}

/// A picture read at load, served from memory.
#[derive(Debug, Clone)]
pub struct Logo {
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

/// An application that signs people in here: an OAuth client and who may use it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "switches of the file, each on its own")]
pub struct App {
    pub client_id: String,
    /// Shown to people; the YAML key unless `title` is given.
    pub title: String,
    pub preset: Option<Preset>,
    /// Where the app lives, for links.
    pub url: Option<Url>,
    /// Compared byte for byte, except the port of a literal loopback address (RFC 8252 section 7.3).
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub backchannel_logout_uri: Option<Url>,
    pub frontchannel_logout_uri: Option<Url>,
    /// Browser origins that may read answers across origins.
    pub origins: BTreeSet<String>,
    pub kind: ClientKind,
    pub auth: AuthMethod,
    /// What its assertions and requests are signed with.
    pub keys: Option<ClientKeys>,
    pub grants: BTreeSet<GrantKind>,
    pub pkce: Pkce,
    /// Authorization requests come through the back channel (RFC 9126 section 5).
    pub pushed_requests_only: bool,
    /// Authorization requests are signed (RFC 9101 section 10.5).
    pub signed_requests_only: bool,
    /// Tokens are bound to a key of the app (RFC 9449).
    pub dpop_bound_access_tokens: bool,
    /// Ours: people are not asked for consent.
    pub first_party: bool,
    /// Scopes the app may ask for, those of APIs among them.
    pub scopes: BTreeSet<String>,
    /// Scopes that mean something to APIs only.
    pub api_scopes: BTreeSet<String>,
    /// APIs that tokens may be asked for (RFC 8707).
    pub resources: BTreeSet<String>,
    /// What the app gets besides standard claims.
    pub claims: BTreeMap<String, ClaimSource>,
    /// All claims stand in the ID token too.
    pub claims_in_id_token: bool,
    /// Sector of pairwise subjects; `None`: people have one subject for all apps.
    pub pairwise_sector: Option<String>,
    pub lifetimes: Lifetimes,
    pub id_token_alg: Alg,
    /// Userinfo is a signed JWT.
    pub userinfo_alg: Option<Alg>,
    /// Where the app starts a sign-in by itself.
    pub initiate_login_uri: Option<Url>,
    /// In order; the first entry whose group the person is in decides.
    pub access: Vec<Access>,
    /// Accept `?access_token=` at userinfo. Off: tokens in URLs end up in logs.
    pub userinfo_token_in_query: bool,
    /// It says itself what it is, as far as the file lets it.
    pub registered: bool,
    /// How far calls to the addresses that it names may go.
    pub reach: Reach,
    /// Claims that never go to this app, because it would take them for something else.
    pub withheld_claims: &'static [&'static str],
}

impl App {
    /// Whether it may get tokens of its own (RFC 6749 section 4.4).
    #[must_use]
    pub fn speaks_for_itself(&self) -> bool {
        self.kind == ClientKind::Confidential && self.grants.contains(&GrantKind::ClientCredentials)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    Rocketchat,
}

/// How a client proves who it is (`OpenID` Connect Core section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// Not at all: it is public.
    None,
    /// By its secret, in Basic or in the form.
    ClientSecret,
    ClientSecretBasic,
    ClientSecretPost,
    ClientSecretJwt,
    PrivateKeyJwt,
}

impl AuthMethod {
    /// Whether it needs a secret.
    #[must_use]
    pub const fn has_secret(self) -> bool {
        !matches!(self, Self::None | Self::PrivateKeyJwt)
    }
}

/// Where the public keys of an app are.
#[derive(Debug, Clone)]
pub enum ClientKeys {
    Fixed(Arc<PublicKeys>),
    /// Fetched when needed.
    At(Url),
}

/// RFC 6749 section 2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    Confidential,
    Public,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    AuthorizationCode,
    RefreshToken,
    ClientCredentials,
    /// RFC 8628.
    DeviceCode,
    /// RFC 6749 section 4.3: the app itself asks for the password.
    Password,
    /// Tokens through the browser: the response types with `id_token` or `token`.
    Implicit,
}

/// RFC 7636: `Optional` still enforces a challenge that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    Required,
    Optional,
}

/// Signature algorithms of ID tokens (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Alg {
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    pub access_token: Duration,
    pub id_token: Duration,
    pub refresh_token: Duration,
    pub code: Duration,
}

/// People of `group` (or `everyone`) may use the app under `policy`.
#[derive(Debug, Clone, Serialize)]
pub struct Access {
    pub group: String,
    pub policy: String,
}

/// What somebody must prove.
#[derive(Debug, Clone)]
pub struct Policy {
    pub first_factor: FirstFactor,
    pub second_factor: SecondFactor,
    /// Whether a passkey that is the second factor must check who uses it; the first factor always must.
    pub user_verification: UserVerification,
    /// What comes of a passkey of which there may be a copy.
    pub suspected_clone: SuspectedClone,
    /// How long after their account was made people may put off enrolling a factor.
    pub grace: Duration,
    /// Before this instant everybody may.
    pub required_from: Option<Timestamp>,
    /// From where people may sign in.
    pub network: Option<NetworkRule>,
    /// When.
    pub time: Option<TimeRule>,
    /// Which devices may be registered.
    pub devices: Option<DeviceRule>,
    /// From which places.
    pub place: Option<PlaceRule>,
    /// What is unlike the person.
    pub behaviour: Option<BehaviourRule>,
    /// What answers a challenge, the first to ask for first.
    pub challenge: Vec<Challenge>,
    pub alerts: Alerts,
    /// Of all of that: devices are trusted by the policy as it was.
    pub fingerprint: Digest,
}

/// What answers the challenge of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// Any second factor of the person's choice.
    SecondFactor,
    Method(Method),
}

/// Who is told of odd sign-ins.
#[derive(Debug, Clone, Default)]
pub struct Alerts {
    /// The person, of one with a new device or from a new place.
    pub user: bool,
    /// These addresses, of that and of what was refused.
    pub admins: Vec<String>,
}

/// When more than the first factor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    Never,
    /// From those who have one.
    IfEnrolled,
    /// Who has none enrols one on the spot.
    Required,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstFactor {
    Password,
    /// A link in a mail.
    MagicLink,
    /// A key that says who it is.
    Passkey,
    /// Any of them, and a phone that is signed in will do too.
    Any,
}

#[derive(Debug, Clone, Copy)]
pub struct SignIn {
    /// A session ends after this long without use.
    pub idle: Duration,
    /// ... and this long after sign-in in any case.
    pub absolute: Duration,
    /// A browser in which somebody signed in is known to belong to them for this long.
    pub remember_device: Duration,
}

#[derive(Debug, Clone, Copy)]
pub struct Passwords {
    /// In characters.
    pub min_length: usize,
    pub argon2id: Argon2id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2id {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
}

#[derive(Debug, Clone)]
pub struct Log {
    pub format: LogFormat,
    /// A `tracing` filter such as `info` or `gantry=debug`.
    pub level: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}
