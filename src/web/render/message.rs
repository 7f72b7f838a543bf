//! Sentences a person may be shown. They name what can be done next, never why an account was refused.

use crate::policy::Condition;
use crate::web::locale::Lang;

/// A sentence on a page; each has a text and a title in every language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Also when the account does not exist, is disabled or has no password: these look the same.
    WrongCredentials,
    /// A field was left empty.
    MissingFields,
    TooManyAttempts {
        wait_seconds: u64,
    },
    SessionEnded,
    /// The sign-in is too old, finished already, or was started in another browser.
    FlowExpired,
    /// Signed in, but not in a group that may use `app`.
    NotAllowed {
        app: String,
    },
    /// What the app asks for, this person has not enrolled or may not use any more.
    NoMeans,
    /// The policy closes `app` from here, or at this time.
    NotNow {
        app: String,
        /// Why, as far as people are told.
        because: Condition,
    },
    /// The form's CSRF value is missing or wrong, or the form cannot be read.
    BadForm,
    CookiesMissing,
    /// No such client.
    UnknownApp,
    /// The redirect URI is not registered for the client.
    UnknownReturnAddress,
    /// Another mistake in what the app sent.
    BadRequest,
    /// Too much to do, or the store does not answer.
    Busy,
    NotFound,
    Unexpected,
    /// No device waits with the code that was typed.
    UnknownDeviceCode,
    /// The code of a second factor is wrong, used already or too old.
    WrongCode,
    /// A passkey proves nothing, or could not be added.
    WrongPasskey,
    /// A passkey did not check a PIN or a finger, and has to.
    KeyUnverified,
    /// Passkeys of this make are not taken.
    KeyNotTaken,
    /// There may be a copy of a passkey.
    KeySuspected,
    /// A new password needs more characters.
    PasswordTooShort {
        least: usize,
    },
    /// The question that was to be answered here is answered, or too old.
    QuestionGone,
    /// Only somebody who is signed in can answer.
    SignInFirst,
    /// Nobody has answered elsewhere yet.
    StillWaiting,
    /// Somebody said no elsewhere, or it took too long.
    Denied,
    /// A code or link could not be sent.
    NotSent,
    /// Nobody can be reached at what was typed.
    Unreachable,
    /// Answers to security questions that cannot be taken.
    BadAnswers,
    /// The new password was typed in two ways.
    PasswordsDiffer,
    /// A field that is needed was left empty.
    FieldMissing,
    /// Not a username, or one of those that are reserved.
    BadUsername,
    UsernameTaken,
    /// Not a mail address.
    BadEmail,
    /// Only addresses at these domains get an account.
    EmailNotAllowed {
        domains: String,
    },
    /// What was filled in does not fit the field.
    BadField {
        label: String,
    },
    /// The letter that proves an address could not be queued.
    LetterNotSent,
    /// The link in a letter is too old or was used.
    RegistrationGone,
    /// Not the password that was chosen at registration.
    WrongChosenPassword,
}

impl Message {
    /// The sentence.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::TooManyAttempts { wait_seconds } => too_many_attempts(lang, *wait_seconds),
            Self::PasswordTooShort { least } => {
                lang.text_counting(self.key(), "least", u64::try_from(*least).unwrap_or(u64::MAX))
            }
            Self::NotAllowed { app } | Self::NotNow { app, .. } => lang.text_about(self.key(), "app", app),
            Self::EmailNotAllowed { domains } => lang.text_about(self.key(), "domains", domains),
            Self::BadField { label } => lang.text_about(self.key(), "label", label),
            _ => lang.text(self.key()),
        }
    }

    /// A heading for a page that shows nothing else.
    #[must_use]
    pub fn title(&self, lang: Lang) -> String {
        let key = format!("{}.title", self.key());
        match self {
            Self::NotAllowed { app } | Self::NotNow { app, .. } => lang.text_about(&key, "app", app),
            _ => lang.text(&key),
        }
    }

    /// Whether what was typed is at fault, for `aria-invalid`.
    #[must_use]
    pub const fn blames_fields(&self) -> bool {
        matches!(
            self,
            Self::WrongCredentials
                | Self::MissingFields
                | Self::UnknownDeviceCode
                | Self::WrongCode
                | Self::Unreachable
                | Self::BadAnswers
                | Self::PasswordTooShort { .. }
                | Self::PasswordsDiffer
        )
    }

    const fn key(&self) -> &'static str {
        match self {
            Self::WrongCredentials => "wrong-credentials",
            Self::MissingFields => "missing-fields",
            Self::TooManyAttempts { .. } => "too-many-attempts",
            Self::SessionEnded => "session-ended",
            Self::FlowExpired => "flow-expired",
            Self::NotAllowed { .. } => "not-allowed",
            Self::NotNow { because, .. } => match because {
                Condition::Network => "not-from-network",
                Condition::Place => "not-from-place",
                Condition::Time => "not-at-this-time",
                Condition::Behaviour => "not-as-usual",
                Condition::Devices => "not-one-device-more",
            },
            Self::NoMeans => "no-means",
            Self::BadForm => "bad-form",
            Self::CookiesMissing => "cookies-missing",
            Self::UnknownApp => "unknown-app",
            Self::UnknownReturnAddress => "unknown-return-address",
            Self::BadRequest => "bad-request",
            Self::Busy => "busy",
            Self::NotFound => "not-found",
            Self::Unexpected => "unexpected",
            Self::UnknownDeviceCode => "unknown-device-code",
            Self::WrongCode => "wrong-code",
            Self::WrongPasskey => "wrong-passkey",
            Self::KeyUnverified => "key-unverified",
            Self::KeyNotTaken => "key-not-taken",
            Self::KeySuspected => "key-suspected",
            Self::PasswordTooShort { .. } => "password-too-short",
            Self::PasswordsDiffer => "passwords-differ",
            Self::QuestionGone => "question-gone",
            Self::SignInFirst => "sign-in-first",
            Self::NotSent => "not-sent",
            Self::Unreachable => "unreachable",
            Self::BadAnswers => "bad-answers",
            Self::FieldMissing => "field-missing",
            Self::BadUsername => "bad-username",
            Self::UsernameTaken => "username-taken",
            Self::BadEmail => "bad-email",
            Self::EmailNotAllowed { .. } => "email-not-allowed",
            Self::BadField { .. } => "bad-field",
            Self::LetterNotSent => "letter-not-sent",
            Self::RegistrationGone => "registration-gone",
            Self::WrongChosenPassword => "wrong-chosen-password",
            Self::StillWaiting => "still-waiting",
            Self::Denied => "denied",
        }
    }
}

/// Seconds up to a minute, minutes up to two hours, hours beyond, rounded up.
fn too_many_attempts(lang: Lang, wait_seconds: u64) -> String {
    match wait_seconds {
        0..60 => lang.text_counting("too-many-attempts", "seconds", wait_seconds.max(1)),
        60..7200 => lang.text_counting("too-many-attempts-minutes", "minutes", wait_seconds.div_ceil(60)),
        _ => lang.text_counting("too-many-attempts-hours", "hours", wait_seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Message> {
        vec![
            Message::WrongCredentials,
            Message::MissingFields,
            Message::TooManyAttempts { wait_seconds: 30 },
            Message::TooManyAttempts { wait_seconds: 600 },
            Message::SessionEnded,
            Message::FlowExpired,
            Message::NotAllowed { app: "Chat".into() },
            Message::NotNow { app: "Chat".into(), because: Condition::Network },
            Message::NotNow { app: "Chat".into(), because: Condition::Place },
            Message::NotNow { app: "Chat".into(), because: Condition::Time },
            Message::NotNow { app: "Chat".into(), because: Condition::Behaviour },
            Message::NotNow { app: "Chat".into(), because: Condition::Devices },
            Message::NoMeans,
            Message::BadForm,
            Message::CookiesMissing,
            Message::UnknownApp,
            Message::UnknownReturnAddress,
            Message::BadRequest,
            Message::Busy,
            Message::NotFound,
            Message::Unexpected,
            Message::UnknownDeviceCode,
            Message::WrongCode,
            Message::PasswordTooShort { least: 10 },
            Message::WrongPasskey,
            Message::KeyUnverified,
            Message::KeyNotTaken,
            Message::KeySuspected,
            Message::PasswordsDiffer,
            Message::QuestionGone,
            Message::SignInFirst,
            Message::NotSent,
            Message::Unreachable,
            Message::BadAnswers,
            Message::StillWaiting,
            Message::Denied,
            Message::FieldMissing,
            Message::BadUsername,
            Message::UsernameTaken,
            Message::BadEmail,
            Message::EmailNotAllowed { domains: "example.org".into() },
            Message::BadField { label: "Team".into() },
            Message::LetterNotSent,
            Message::RegistrationGone,
            Message::WrongChosenPassword,
        ]
    }

    #[test]
    fn every_message_has_a_text_and_a_title_in_every_language() {
        for message in all() {
            for lang in Lang::ALL {
                for text in [message.text(lang), message.title(lang)] {
                    assert!(
                        !text.contains(message.key()) && !text.contains('{'),
                        "{message:?} {lang:?}: {text}"
                    );
                    assert!(text.len() > 3, "{message:?} {lang:?}");
                }
            }
        }
    }

    #[test]
    fn waiting_times_are_counted_in_what_people_count_in() {
        let wait = |wait_seconds| Message::TooManyAttempts { wait_seconds }.text(Lang::En);
        assert!(wait(0).contains("1 second."));
        assert!(wait(59).contains("59 seconds."));
        assert!(wait(60).contains("1 minute."));
        assert!(wait(61).contains("2 minutes."));
        assert!(wait(3600).contains("60 minutes."));
        assert!(wait(24 * 3600).contains("24 hours."));
        let warten = Message::TooManyAttempts { wait_seconds: 60 }.text(Lang::De);
        assert!(warten.contains("1 Minute "), "{warten}");
    }
}
