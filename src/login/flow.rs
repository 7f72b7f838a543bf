//! A pending sign-in as a state machine, and the pure decision what comes next.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::session::SignedIn;
use crate::clock::Timestamp;
use crate::factor::code::SentCode;
use crate::factor::passkey::Ceremony;
use crate::factor::radius::Question;
use crate::factor::{FactorKind, Method};
use crate::oauth::vocabulary::{Prompt, Scopes};
use crate::oauth::{AuthorizationRequest, ErrorCode, OAuthError};
pub use crate::policy::Closed;
use crate::policy::Second;
use crate::secret::{Digest, Id};
use crate::store::{Kind, Record};

/// A proof is fresh enough for changes to the account for this long.
const FRESH: Duration = Duration::from_secs(10 * 60);

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
    /// Changes one passkey, which the page calls by its name.
    Key {
        key: Id,
        name: String,
        change: KeyChange,
    },
    Password,
}

/// What becomes of a passkey.
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
    /// Whether the app sent somebody here to get an account.
    #[must_use]
    pub fn creates(&self) -> bool {
        matches!(self, Self::App(request) if request.prompt.contains(&Prompt::Create))
    }

    /// Whether the app demands more than one factor (`OpenID` Connect Core section 5.5.1.1).
    #[must_use]
    pub fn demands_second_factor(&self) -> bool {
        let Self::App(request) = self else { return false };
        request.claims.demanded_acr().is_some_and(|values| !values.contains(&"aal1"))
    }

    /// The client that wants something, and the scopes that must be allowed for it.
    #[must_use]
    pub fn wish(&self) -> Option<(&str, Cow<'_, Scopes>)> {
        match self {
            Self::App(request) => Some((&request.client_id, request.claims.widen(&request.scopes))),
            Self::Device(device) => Some((&device.client_id, Cow::Borrowed(&device.scopes))),
            Self::Home | Self::Account(_) => None,
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
    /// The code that was sent to what is to be enrolled.
    Reached { kind: FactorKind, to: String, code: SentCode },
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
    Reauthenticate { session: Id, username: String },
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
    /// The new name of a passkey, or whether it is really to be removed.
    ChangeKey { session: Id, username: String, key: Id, name: String, change: KeyChange },
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

/// What the decision looks at.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Situation<'a> {
    pub target: &'a Target,
    pub progress: &'a Progress,
    pub signed_in: Option<&'a SignedIn>,
    /// What the app calls this person.
    pub subject: Option<String>,
    /// What closes the app to this person.
    pub closed: Option<Closed>,
    /// The policy takes what was proved first.
    pub first_taken: bool,
    /// Only a passkey will do.
    pub key_wanted: bool,
    /// What the policy still wants.
    pub second: Second,
    /// The ways this person can prove a second factor, the one to ask for first.
    pub usable: &'a [Method],
    /// Enrolling may be put off.
    pub may_skip: bool,
    /// The browser could be registered.
    pub offers_trust: bool,
    /// What can be enrolled here, the one to suggest first.
    pub enrollable: &'a [FactorKind],
    /// The app needs no consent, or has it.
    pub consent_given: bool,
    /// People are never asked for consent to this app.
    pub first_party: bool,
    pub now: Timestamp,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Ask(State),
    /// Everything is there.
    Finish,
    /// The app does not let this person in.
    Forbidden(Closed),
    /// Back to the client with an error.
    Refuse(OAuthError),
}

/// The one place that decides what a sign-in needs next.
#[must_use]
pub fn decide(situation: &Situation<'_>) -> Step {
    match situation.target {
        Target::Home if situation.signed_in.is_some() => Step::Finish,
        Target::Home => Step::Ask(identify(situation)),
        Target::Device(_) => decide_for_device(situation),
        Target::Account(task) => decide_for_account(situation, task),
        Target::App(request) => {
            let step = decide_for_app(situation, request);
            if request.prompt.contains(&Prompt::None) { silent(step) } else { step }
        }
    }
}

/// How somebody who is not signed in begins.
fn identify(situation: &Situation<'_>) -> State {
    match &situation.progress.mailed {
        Some(username) => State::Mailed { username: username.clone() },
        None if situation.progress.by_key => State::Key { username: situation.progress.key_of.clone() },
        None if situation.progress.scanning => State::Scan,
        None => State::Identify,
    }
}

/// What was chosen, if it is there; else the first.
fn chosen<T: Copy + PartialEq>(choice: Option<T>, there: &[T]) -> Option<T> {
    choice.filter(|choice| there.contains(choice)).or_else(|| there.first().copied())
}

/// The page for what the policy still wants, if anything.
fn second_factor(situation: &Situation<'_>, signed_in: &SignedIn) -> Option<State> {
    let (session, username) = (signed_in.session.id, signed_in.user.username.to_string());
    let progress = situation.progress;
    match situation.second {
        Second::Challenge => {
            let usable = situation.usable.to_vec();
            let method = chosen(progress.method, &usable)?;
            Some(if progress.choosing {
                State::ChooseMethod { session, username, usable }
            } else {
                State::Prove { session, username, method, usable }
            })
        }
        Second::Enrol if situation.may_skip && progress.skipped => None,
        Second::Enrol => {
            let enrollable = situation.enrollable.to_vec();
            let kind = chosen(progress.enrolling, &enrollable)?;
            Some(if progress.choosing {
                State::ChooseKind { session, username, enrollable }
            } else {
                State::Enrol { session, username, kind, enrollable, may_skip: situation.may_skip }
            })
        }
        Second::Fine if progress.codes_unseen => Some(State::RecoveryCodes { session, username }),
        Second::Fine | Second::Stuck => None,
    }
}

/// Always asks, whosever the app is and whatever was allowed before: somebody else may have sent the person
/// the code (RFC 8628 section 5.4).
fn decide_for_device(situation: &Situation<'_>) -> Step {
    match situation.signed_in {
        None => Step::Ask(identify(situation)),
        Some(SignedIn { user, .. }) if !situation.first_taken && situation.key_wanted => {
            Step::Ask(State::Key { username: Some(user.username.to_string()) })
        }
        Some(signed_in) if !situation.first_taken => {
            let (session, username) = (signed_in.session.id, signed_in.user.username.to_string());
            Step::Ask(State::Reauthenticate { session, username })
        }
        Some(signed_in) => match (situation.closed, second_factor(situation, signed_in)) {
            (Some(closed), _) => Step::Forbidden(closed),
            (None, Some(state)) => Step::Ask(state),
            (None, None) if situation.progress.consented => Step::Finish,
            (None, None) => {
                let username = signed_in.user.username.to_string();
                Step::Ask(State::Consent { session: signed_in.session.id, username })
            }
        },
    }
}

/// Whoever changes how they prove who they are has just proved it, with everything they have (SE-10 of the attack
/// list).
fn decide_for_account(situation: &Situation<'_>, task: &Task) -> Step {
    let Some(SignedIn { session, user }) = situation.signed_in else {
        return Step::Ask(identify(situation));
    };
    let progress = situation.progress;
    let (id, username) = (session.id, user.username.to_string());
    let age = situation.now.since(session.authentication.at);
    if age > FRESH && progress.signed_in != Some(id) {
        return Step::Ask(State::Reauthenticate { session: id, username });
    }
    if let Some(closed) = situation.closed {
        return Step::Forbidden(closed);
    }
    if let Some(state) = situation.signed_in.and_then(|signed_in| second_factor(situation, signed_in)) {
        return Step::Ask(state);
    }
    if progress.done {
        return Step::Finish;
    }
    Step::Ask(match task.clone() {
        Task::Add(FactorKind::RecoveryCodes) => State::RecoveryCodes { session: id, username },
        Task::Add(kind) => {
            State::Enrol { session: id, username, kind, enrollable: Vec::new(), may_skip: false }
        }
        Task::Remove(kind) => State::Remove { session: id, username, kind },
        Task::Key { key, name, change } => State::ChangeKey { session: id, username, key, name, change },
        Task::Password => State::NewPassword { session: id, username },
    })
}

fn decide_for_app(situation: &Situation<'_>, request: &AuthorizationRequest) -> Step {
    let progress = situation.progress;
    let Some(SignedIn { session, user }) = situation.signed_in else {
        return Step::Ask(identify(situation));
    };
    let proved_here = progress.signed_in == Some(session.id);
    let (session_id, username) = (session.id, user.username.to_string());
    // A new account is somebody else than whoever is signed in.
    if (progress.other_account || request.prompt.contains(&Prompt::Create)) && !proved_here {
        return Step::Ask(identify(situation));
    }
    if request.expected_subject.as_ref().is_some_and(|expected| situation.subject.as_ref() != Some(expected))
    {
        let other =
            OAuthError::new(ErrorCode::LoginRequired, "another person is signed in than the one expected");
        return if proved_here { Step::Refuse(other) } else { Step::Ask(identify(situation)) };
    }
    let age = situation.now.since(session.authentication.at).as_secs();
    let stale = request.max_age.is_some_and(|limit| age >= limit);
    if (stale || request.prompt.contains(&Prompt::Login)) && !proved_here {
        return Step::Ask(State::Reauthenticate { session: session_id, username });
    }
    if request.prompt.contains(&Prompt::SelectAccount) && !progress.chosen && !proved_here {
        return Step::Ask(State::SelectAccount { session: session_id, username });
    }
    if let Some(closed) = situation.closed {
        return Step::Forbidden(closed);
    }
    if !situation.first_taken && situation.key_wanted {
        return Step::Ask(State::Key { username: Some(username) });
    }
    if !situation.first_taken {
        return Step::Ask(State::Reauthenticate { session: session_id, username });
    }
    if let Some(state) = situation.signed_in.and_then(|signed_in| second_factor(situation, signed_in)) {
        return Step::Ask(state);
    }
    // Only right after everything was proved (DT-05 of the attack list).
    if situation.offers_trust && proved_here && !progress.trust_answered {
        return Step::Ask(State::RegisterDevice { session: session_id, username });
    }
    let asked_again = request.prompt.contains(&Prompt::Consent) && !progress.consented;
    if !situation.first_party && (asked_again || !situation.consent_given) {
        return Step::Ask(State::Consent { session: session_id, username });
    }
    Step::Finish
}

/// `OpenID` Connect Core section 3.1.2.6: without a page, a question is an error.
fn silent(step: Step) -> Step {
    let (code, description) = match step {
        Step::Ask(
            State::Identify
            | State::Key { .. }
            | State::Scan
            | State::Mailed { .. }
            | State::Reauthenticate { .. },
        ) => (ErrorCode::LoginRequired, "nobody suitable is signed in"),
        Step::Ask(State::SelectAccount { .. }) => {
            (ErrorCode::AccountSelectionRequired, "an account must be selected")
        }
        Step::Ask(
            State::Prove { .. }
            | State::ChooseMethod { .. }
            | State::Enrol { .. }
            | State::ChooseKind { .. }
            | State::Remove { .. }
            | State::ChangeKey { .. }
            | State::NewPassword { .. }
            | State::RegisterDevice { .. }
            | State::RecoveryCodes { .. },
        ) => (ErrorCode::InteractionRequired, "a second factor is needed"),
        Step::Ask(State::Consent { .. }) => (ErrorCode::ConsentRequired, "consent must be given first"),
        Step::Forbidden(_) => (ErrorCode::AccessDenied, "this person may not use this app"),
        Step::Finish | Step::Refuse(_) => return step,
    };
    Step::Refuse(OAuthError::new(code, description))
}
