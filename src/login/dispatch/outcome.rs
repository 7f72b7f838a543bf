//! What comes of a step of a sign-in, or why it cannot go on.

use crate::login::flow::{Closed, LoginFlow};
use crate::login::password::{MAX_PASSWORD_BYTES, PoolError};
use crate::login::throttle::TooMany;
use crate::login::visitor::CookieChange;
use crate::oauth::{AuthorizationAnswer, OAuthError};
use crate::secret::Id;
use crate::store::{ApplyError, StoreError};

/// What the browser gets.
#[derive(Debug)]
pub struct Outcome {
    pub next: Next,
    pub cookies: Vec<CookieChange>,
}

/// Where it goes from here.
#[derive(Debug)]
pub enum Next {
    /// To the page of this flow.
    Page(Id),
    /// To the page that makes an account on the way to this flow.
    Register(Id),
    /// The same page again, with what went wrong.
    Again {
        flow: Box<LoginFlow>,
        notice: Notice,
        username: String,
    },
    /// Back to the app.
    Answer(AuthorizationAnswer),
    /// A device was let in, or not.
    DeviceAnswered {
        client_id: String,
        allowed: bool,
    },
    Home,
    /// To the account's page.
    Account,
    /// The app does not let this person in.
    Forbidden {
        client_id: String,
        username: String,
        why: Closed,
    },
}

/// What a page says about the last try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Name or password was left empty.
    Missing,
    WrongCredentials,
    /// The code is wrong, used already or too old.
    WrongCode,
    /// The passkey proves nothing, or could not be added.
    WrongPasskey,
    /// The passkey did not check who uses it.
    KeyUnverified,
    /// Passkeys of this make are not taken.
    KeyNotTaken,
    /// There may be a copy of the passkey.
    KeySuspected,
    /// The new password is too short, or not the same twice.
    PasswordTooShort(usize),
    PasswordsDiffer,
    /// Nobody has said yes yet.
    Waiting,
    /// Somebody said no.
    Denied,
    /// A code or link could not be sent.
    NotSent,
    /// Nobody can be reached there.
    Unreachable,
    /// Answers to security questions that cannot be taken.
    BadAnswers,
    TooMany(TooMany),
}

/// Why a sign-in cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error("the sign-in is unknown, finished or too old")]
    Gone,
    /// Another browser's flow, or a form that is not this step's.
    #[error("the form does not belong to this browser and step")]
    Forged,
    #[error("too many sign-ins were begun at this address")]
    TooMany(TooMany),
    #[error("the password is longer than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    #[error(transparent)]
    Issue(#[from] OAuthError),
    #[error(transparent)]
    Pool(PoolError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PoolError> for LoginError {
    fn from(error: PoolError) -> Self {
        if error == PoolError::TooLong { Self::TooLong } else { Self::Pool(error) }
    }
}

impl From<ApplyError> for LoginError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Store(error) => Self::Store(error),
            // Somebody else moved the flow on; theirs counts.
            ApplyError::Conflict(_) => Self::Gone,
        }
    }
}
