//! A pending sign-in as a state machine: its records, and the pure decision what comes next ([`decide`]).

mod decision;

pub use decision::{Situation, Step, decide};

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::factor::code::SentCode;
use crate::factor::passkey::Ceremony;
use crate::factor::radius::Question;
use crate::factor::{FactorKind, Method};
use crate::keys::SealedBytes;
use crate::oauth::AuthorizationRequest;
use crate::oauth::vocabulary::{Prompt, Scopes};
pub use crate::policy::Closed;
use crate::secret::{Digest, Id};
use crate::store::{Kind, Record};

/// A sign-in in progress, bound to one browser.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoginFlow {
    pub id: Id,
    /// Of the browser cookie's secret.
    pub browser: Digest,
    pub target: Target,
    pub progress: Progress,
    pub state: State,
    /// What the page's answer is checked against, where it has to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    pub expires_at: Timestamp,
}

impl Record for LoginFlow {
    const KIND: Kind = Kind::Flow;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// Where the person wants to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    App(Box<AuthorizationRequest>),
    /// A device that waits to be let in (RFC 8628).
    Device(DeviceTarget),
    /// The start page here.
    Home,
    /// The page of their own account.
    Overview,
    /// A change of how a person proves who they are.
    Account(Task),
}

/// What a person changes about their own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Enrols a factor of this kind, in place of the one there is.
    Add(FactorKind),
    Remove(FactorKind),
    /// Changes one of several, which the page calls by its name.
    Key {
        #[serde(default = "passkey")]
        kind: FactorKind,
        key: Id,
        name: String,
        change: KeyChange,
    },
    Password,
}

/// What flows are about that were kept before there were several of anything else.
const fn passkey() -> FactorKind {
    FactorKind::Passkey
}

/// What becomes of one of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyChange {
    Rename,
    Remove,
}

/// What a device asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceTarget {
    pub request: Id,
    pub client_id: String,
    pub scopes: Scopes,
}

impl Target {
    /// What an app asked for.
    #[must_use]
    pub fn request(&self) -> Option<&AuthorizationRequest> {
        if let Self::App(request) = self { Some(request) } else { None }
    }

    /// Whether the app sent somebody here to get an account.
    #[must_use]
    pub fn creates(&self) -> bool {
        self.request().is_some_and(|request| request.prompt.contains(&Prompt::Create))
    }

    /// Whether the app wants an answer without any page (`OpenID` Connect Core section 3.1.2.1).
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.request().is_some_and(|request| request.prompt.contains(&Prompt::None))
    }

    /// Whether the app demands more than one factor (`OpenID` Connect Core section 5.5.1.1).
    #[must_use]
    pub fn demands_second_factor(&self) -> bool {
        let demanded = self.request().and_then(|request| request.claims.demanded_acr());
        demanded.is_some_and(|values| !values.contains(&"aal1"))
    }

    /// The client that wants something, and the scopes that must be allowed for it.
    #[must_use]
    pub fn wish(&self) -> Option<(&str, Cow<'_, Scopes>)> {
        match self {
            Self::App(request) => Some((&request.client_id, request.claims.widen(&request.scopes))),
            Self::Device(device) => Some((&device.client_id, Cow::Borrowed(&device.scopes))),
            Self::Home | Self::Overview | Self::Account(_) => None,
        }
    }
}

/// What has been done in this very flow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that was done or not")]
pub struct Progress {
    /// The session that began in this flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in: Option<Id>,
    /// The person said which account to use.
    #[serde(default)]
    pub chosen: bool,
    /// The person wants another account than the browser's session.
    #[serde(default)]
    pub other_account: bool,
    #[serde(default)]
    pub consented: bool,
    /// The name that the first page fills in: of an account that was made on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The person wants to use a passkey.
    #[serde(default)]
    pub by_key: bool,
    /// The name of whose passkey it is to be; without one the passkey says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_of: Option<String>,
    /// The person wants to be let in by their phone.
    #[serde(default)]
    pub scanning: bool,
    /// The name of whom a link is to be mailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailed: Option<String>,
    /// The way to prove a second factor that the person chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// What the person chose to enrol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolling: Option<FactorKind>,
    /// The person wants another one.
    #[serde(default)]
    pub choosing: bool,
    /// A passkey was used of which there may be a copy.
    #[serde(default)]
    pub key_suspected: bool,
    /// The person enrols none this time.
    #[serde(default)]
    pub skipped: bool,
    /// A first factor was enrolled; its recovery codes are to be shown.
    #[serde(default)]
    pub codes_unseen: bool,
    /// The person said whether to trust the browser.
    #[serde(default)]
    pub trust_answered: bool,
    /// The task of the target was carried out.
    #[serde(default)]
    pub done: bool,
}

impl Progress {
    /// The session `id` has begun: on which way does not matter any more.
    pub fn began(&mut self, id: Id) {
        self.signed_in = Some(id);
        (self.by_key, self.scanning, self.key_suspected) = (false, false, false);
        (self.key_of, self.mailed) = (None, None);
    }
}

/// What an answer is checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pending {
    /// What an authenticator is to sign, and what the browser is asked for, as JSON.
    Passkey { ceremony: Ceremony, options: String },
    /// What somebody says elsewhere.
    Asked { approval: Id },
    /// The codes that were sent for this way, in the order of [`Method::reaches`].
    Sent {
        method: Method,
        codes: Vec<SentCode>,
        /// Security questions that are asked beside, by number and text.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        questions: Vec<(usize, String)>,
    },
    /// The cells of the grid card that are asked for.
    Cells { cells: Vec<String> },
    /// What a RADIUS server asks after a first password.
    Radius(Question),
    /// The code that was sent to what is to be enrolled, which is sealed for this sign-in.
    Reached { kind: FactorKind, to: SealedBytes, code: SentCode },
}

/// What the person is asked now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Name and password.
    Identify,
    /// A passkey: of whoever has this name, or one that says whose it is.
    Key { username: Option<String> },
    /// A phone that is signed in lets this browser in.
    Scan,
    /// A link was mailed, if there is anybody of that name.
    Mailed { username: String },
    /// The password again, of a person who is signed in.
    Reauthenticate {
        session: Id,
        username: String,
        #[serde(default)]
        without_link: bool,
    },
    /// Whether to go on as the person who is signed in.
    SelectAccount { session: Id, username: String },
    /// A second factor, in this way.
    Prove { session: Id, username: String, method: Method, usable: Vec<Method> },
    /// In which way to prove it.
    ChooseMethod { session: Id, username: String, usable: Vec<Method> },
    /// A factor of this kind has to be enrolled.
    Enrol {
        session: Id,
        username: String,
        kind: FactorKind,
        enrollable: Vec<FactorKind>,
        /// It may be put off.
        #[serde(default)]
        may_skip: bool,
    },
    /// Which kind to enrol.
    ChooseKind { session: Id, username: String, enrollable: Vec<FactorKind> },
    /// The recovery codes, this once.
    RecoveryCodes { session: Id, username: String },
    /// Whether the factor is really to be removed.
    Remove { session: Id, username: String, kind: FactorKind },
    /// The new name of one of several, or whether it is really to be removed.
    ChangeKey {
        session: Id,
        username: String,
        #[serde(default = "passkey")]
        kind: FactorKind,
        key: Id,
        name: String,
        change: KeyChange,
    },
    /// The new password.
    NewPassword { session: Id, username: String },
    /// Whether to trust this browser from now on.
    RegisterDevice { session: Id, username: String },
    /// Whether the app may have what it asks for.
    Consent { session: Id, username: String },
}

impl State {
    /// The name of the step, as `data-step` has it.
    #[must_use]
    pub const fn step(&self) -> &'static str {
        match self {
            Self::Identify | Self::Reauthenticate { .. } => "password",
            Self::Key { .. } => "passkey",
            Self::Scan => "qr",
            Self::Mailed { .. } => "magic_link",
            Self::SelectAccount { .. } => "select_account",
            Self::Prove { method, .. } => method.name(),
            Self::ChooseMethod { .. } | Self::ChooseKind { .. } => "choose",
            Self::Enrol { .. } => "enrol",
            Self::RecoveryCodes { .. } => "recovery_codes",
            Self::Remove { .. } | Self::ChangeKey { change: KeyChange::Remove, .. } => "remove",
            Self::ChangeKey { change: KeyChange::Rename, .. } => "rename",
            Self::NewPassword { .. } => "new_password",
            Self::RegisterDevice { .. } => "register_device",
            Self::Consent { .. } => "consent",
        }
    }

    /// The session that must still be the browser's for this step.
    #[must_use]
    pub const fn session(&self) -> Option<Id> {
        match self {
            Self::Identify | Self::Key { .. } | Self::Scan | Self::Mailed { .. } => None,
            Self::Reauthenticate { session, .. }
            | Self::SelectAccount { session, .. }
            | Self::Prove { session, .. }
            | Self::ChooseMethod { session, .. }
            | Self::Enrol { session, .. }
            | Self::ChooseKind { session, .. }
            | Self::RecoveryCodes { session, .. }
            | Self::Remove { session, .. }
            | Self::ChangeKey { session, .. }
            | Self::NewPassword { session, .. }
            | Self::RegisterDevice { session, .. }
            | Self::Consent { session, .. } => Some(*session),
        }
    }
}
