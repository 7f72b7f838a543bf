//! The decision what a sign-in needs next. It is pure: whatever it looks at is in [`Situation`].

use std::time::Duration;

use super::{Closed, Progress, State, Target, Task};
use crate::clock::Timestamp;
use crate::factor::{FactorKind, Method};
use crate::login::session::SignedIn;
use crate::oauth::vocabulary::Prompt;
use crate::oauth::{AuthorizationRequest, ErrorCode, OAuthError};
use crate::policy::Second;

/// A proof is fresh enough for changes to the account for this long.
const FRESH: Duration = Duration::from_secs(10 * 60);

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
        Target::Home | Target::Overview => match situation.signed_in {
            Some(signed_in) if !is_left(situation, signed_in) => Step::Finish,
            _ => Step::Ask(identify(situation)),
        },
        Target::Device(_) => decide_for_device(situation),
        Target::Account(task) => decide_for_account(situation, task),
        Target::App(request) => {
            let step = decide_for_app(situation, request);
            if situation.target.is_silent() { silent(step) } else { step }
        }
    }
}

/// Whether the person wants another account than this one.
fn is_left(situation: &Situation<'_>, signed_in: &SignedIn) -> bool {
    situation.progress.other_account && situation.progress.signed_in != Some(signed_in.session.id)
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
        // What may be put off is put off where no page may be shown.
        Second::Enrol if situation.may_skip && (progress.skipped || situation.target.is_silent()) => None,
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
        Some(signed_in) if is_left(situation, signed_in) => Step::Ask(identify(situation)),
        Some(SignedIn { user, .. }) if !situation.first_taken && situation.key_wanted => {
            Step::Ask(State::Key { username: Some(user.username.to_string()) })
        }
        Some(signed_in) if !situation.first_taken => {
            let (session, username) = (signed_in.session.id, signed_in.user.username.to_string());
            Step::Ask(State::Reauthenticate { session, username, without_link: false })
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
    // Whoever reads the mail, or has the phone, is not yet who knows the password.
    let password = user.password.is_some();
    if (age > FRESH && progress.signed_in != Some(id))
        || (password && !session.authentication.has_password_or_key())
    {
        return Step::Ask(State::Reauthenticate { session: id, username, without_link: password });
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
        Task::Key { kind, key, name, change } => {
            State::ChangeKey { session: id, username, kind, key, name, change }
        }
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
        return Step::Ask(State::Reauthenticate { session: session_id, username, without_link: false });
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
        return Step::Ask(State::Reauthenticate { session: session_id, username, without_link: false });
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
