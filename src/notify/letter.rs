//! What letters say. A code never stands in a subject: subjects are shown on locked screens (EO-08).

use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::config::Organisation;
use crate::locale::Lang;

/// A letter to one person.
#[derive(Debug, Clone)]
pub struct Letter {
    /// An address that is stored for the person, never one that a form carries.
    pub to: String,
    /// The first language of the organisation when it is not known.
    pub language: Option<Lang>,
    pub content: LetterContent,
}

/// What a letter tells. An `address` is the network address that the person, or somebody else, came from.
#[derive(Clone)]
pub enum LetterContent {
    /// A code to sign in with.
    SignInCode { code: String, minutes: u64, app: String, address: String },
    /// A code that proves a new address.
    AddressCode { code: String, minutes: u64 },
    /// Somebody signs in elsewhere, to be allowed or denied at `url`.
    SignInLink { url: String, app: String, address: String, minutes: u64 },
    /// Signs in whoever opens it.
    MagicLink { url: String, app: String, minutes: u64 },
    /// What the account is protected by has changed.
    CredentialChanged { what: Credential, name: Option<String>, address: String, at: Timestamp },
    /// A sign-in from a device or place that was not seen before; `url` says "this was not me".
    NewSignIn { device: String, address: String, place: Option<String>, at: Timestamp, url: String },
    /// A sign-in with a new device, while there are `max` registered ones already; `url` lists them.
    DeviceLimit { max: u64, device: String, address: String, url: String },
    /// To an administrator: what a policy was told to report.
    AdminAlert { person: String, what: Oddity, address: String, at: Timestamp },
    /// Somebody wants an account with this address; `url` makes it.
    Activation { url: String, hours: u64, address: String },
    /// Somebody wants an account with an address that has one; `url` is where to sign in.
    RegisteredAlready { url: String, address: String },
    /// Nothing but that mail works.
    Test,
}

/// What is odd about a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// The policy refused it.
    Refused,
    /// It came with one device more than is allowed.
    DeviceLimit,
    NewDeviceOrPlace,
    /// A break-glass code was used.
    BreakGlass,
}

impl Oddity {
    const fn key(self) -> &'static str {
        match self {
            Self::Refused => "mail-odd-refused",
            Self::DeviceLimit => "mail-odd-device-limit",
            Self::NewDeviceOrPlace => "mail-odd-new",
            Self::BreakGlass => "mail-odd-break-glass",
        }
    }
}

/// What was changed about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    PasswordChanged,
    PasswordReset,
    AuthenticatorAdded,
    AuthenticatorRemoved,
    PasskeyAdded,
    PasskeyRenamed,
    PasskeyRemoved,
    /// One was used of which there may be a copy.
    PasskeySuspected,
    TokenAdded,
    TokenRemoved,
    RecoveryCodesMade,
    RecoveryCodesRemoved,
    /// An old cookie of a device was used.
    DeviceCopied,
    RecoveryCodeUsed,
    QuestionsChanged,
    GridCardMade,
    GridCardRemoved,
    AddressAdded,
    AddressRemoved,
    PhoneAdded,
    PhoneRemoved,
    PushAdded,
    PushRenamed,
    PushRemoved,
    /// By an administrator.
    FactorsReset,
}

impl Credential {
    /// The key of its words.
    const fn key(self) -> &'static str {
        match self {
            Self::PasswordChanged => "mail-what-password-changed",
            Self::PasswordReset => "mail-what-password-reset",
            Self::AuthenticatorAdded => "mail-what-authenticator-added",
            Self::AuthenticatorRemoved => "mail-what-authenticator-removed",
            Self::PasskeyAdded => "mail-what-passkey-added",
            Self::PasskeyRenamed => "mail-what-passkey-renamed",
            Self::PasskeyRemoved => "mail-what-passkey-removed",
            Self::PasskeySuspected => "mail-what-passkey-suspected",
            Self::TokenAdded => "mail-what-token-added",
            Self::TokenRemoved => "mail-what-token-removed",
            Self::DeviceCopied => "mail-what-device-copied",
            Self::RecoveryCodesMade => "mail-what-recovery-codes-made",
            Self::RecoveryCodesRemoved => "mail-what-recovery-codes-removed",
            Self::RecoveryCodeUsed => "mail-what-recovery-code-used",
            Self::QuestionsChanged => "mail-what-questions-changed",
            Self::GridCardMade => "mail-what-grid-card-made",
            Self::GridCardRemoved => "mail-what-grid-card-removed",
            Self::AddressAdded => "mail-what-address-added",
            Self::AddressRemoved => "mail-what-address-removed",
            Self::PhoneAdded => "mail-what-phone-added",
            Self::PhoneRemoved => "mail-what-phone-removed",
            Self::PushAdded => "mail-what-push-added",
            Self::PushRenamed => "mail-what-push-renamed",
            Self::PushRemoved => "mail-what-push-removed",
            Self::FactorsReset => "mail-what-factors-reset",
        }
    }

    /// The key of the line with the name of the one that it is about.
    const fn fact(self) -> &'static str {
        match self {
            Self::TokenAdded | Self::TokenRemoved => "mail-fact-token",
            Self::PushAdded | Self::PushRenamed | Self::PushRemoved => "mail-fact-device",
            _ => "mail-fact-passkey",
        }
    }
}

/// Codes and links are as good as a key.
impl std::fmt::Debug for LetterContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [redacted]", self.name())
    }
}

/// A letter in words.
pub(super) struct Written {
    pub(super) subject: String,
    pub(super) text: String,
}

/// Longest value that strangers choose, such as the name of a device, in characters.
const LONGEST: usize = 200;

impl LetterContent {
    /// For the log.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SignInCode { .. } => "sign_in_code",
            Self::AddressCode { .. } => "address_code",
            Self::SignInLink { .. } => "sign_in_link",
            Self::MagicLink { .. } => "magic_link",
            Self::CredentialChanged { .. } => "credential_changed",
            Self::NewSignIn { .. } => "new_sign_in",
            Self::DeviceLimit { .. } => "device_limit",
            Self::AdminAlert { .. } => "admin_alert",
            Self::Activation { .. } => "activation",
            Self::RegisteredAlready { .. } => "registered_already",
            Self::Test => "test",
        }
    }

    /// Minutes after which it is of no use to anybody.
    pub(super) const fn minutes(&self) -> Option<u64> {
        match self {
            Self::SignInCode { minutes, .. }
            | Self::AddressCode { minutes, .. }
            | Self::SignInLink { minutes, .. }
            | Self::MagicLink { minutes, .. } => Some(*minutes),
            Self::Activation { hours, .. } => Some(hours.saturating_mul(60)),
            _ => None,
        }
    }

    const fn key(&self) -> &'static str {
        match self {
            Self::SignInCode { .. } => "mail-sign-in-code",
            Self::AddressCode { .. } => "mail-address-code",
            Self::SignInLink { .. } => "mail-sign-in-link",
            Self::MagicLink { .. } => "mail-magic-link",
            Self::CredentialChanged { .. } => "mail-credential-changed",
            Self::NewSignIn { .. } => "mail-new-sign-in",
            Self::DeviceLimit { .. } => "mail-device-limit",
            Self::AdminAlert { .. } => "mail-admin-alert",
            Self::Activation { .. } => "mail-activation",
            Self::RegisteredAlready { .. } => "mail-registered-already",
            Self::Test => "mail-test",
        }
    }

    /// Subject and text in `lang`.
    pub(super) fn write(&self, lang: Lang, organisation: &Organisation) -> Written {
        let about = [("org", organisation.name.as_str()), ("app", self.app())];
        let mut parts = vec![self.opening(lang, organisation)];
        parts.extend(self.large().map(str::to_owned));
        let facts = self.facts(lang, &organisation.time_zone);
        if !facts.is_empty() {
            parts.push(facts.join("\n"));
        }
        parts.extend(self.closing(lang));
        let support = organisation.support.as_deref().unwrap_or_default();
        let signature = if support.is_empty() { "mail-signature" } else { "mail-signature-support" };
        parts.push(lang.text_with(signature, &[about[0], ("support", support)], &[]));
        Written {
            subject: lang.text_with(&format!("{}.subject", self.key()), &about, &[]),
            text: parts.join("\n\n") + "\n",
        }
    }

    fn opening(&self, lang: Lang, organisation: &Organisation) -> String {
        let what = match self {
            Self::CredentialChanged { what, .. } => lang.text(what.key()),
            Self::AdminAlert { what, .. } => lang.text(what.key()),
            _ => String::new(),
        };
        let count = match self {
            Self::DeviceLimit { max, .. } => *max,
            Self::Activation { hours, .. } => *hours,
            _ => self.minutes().unwrap_or_default(),
        };
        let names = [("org", organisation.name.as_str()), ("app", self.app()), ("what", &what)];
        lang.text_with(self.key(), &names, &[("count", count)])
    }

    fn app(&self) -> &str {
        match self {
            Self::SignInCode { app, .. } | Self::SignInLink { app, .. } | Self::MagicLink { app, .. } => app,
            _ => "",
        }
    }

    /// What stands alone on its line: the code, or the link.
    fn large(&self) -> Option<&str> {
        match self {
            Self::SignInCode { code, .. } | Self::AddressCode { code, .. } => Some(code),
            Self::SignInLink { url, .. }
            | Self::MagicLink { url, .. }
            | Self::Activation { url, .. }
            | Self::RegisteredAlready { url, .. } => Some(url),
            _ => None,
        }
    }

    /// Lines such as `Device: Firefox on Linux`.
    fn facts(&self, lang: Lang, zone: &TimeZone) -> Vec<String> {
        let at = |at: &Timestamp| ("mail-fact-time", lang.moment(*at, zone));
        let from = |address: &String| ("mail-fact-address", short(address));
        let device = |device: &String| ("mail-fact-device", short(device));
        let facts = match self {
            Self::SignInCode { address, .. }
            | Self::SignInLink { address, .. }
            | Self::Activation { address, .. }
            | Self::RegisteredAlready { address, .. } => vec![from(address)],
            Self::CredentialChanged { what, name, address, at: time } => {
                let mut facts = vec![at(time), from(address)];
                facts.extend(name.iter().map(|name| (what.fact(), short(name))));
                facts
            }
            Self::NewSignIn { device: name, address, place, at: time, .. } => {
                let mut facts = vec![at(time), device(name), from(address)];
                facts.extend(place.iter().map(|place| ("mail-fact-place", short(place))));
                facts
            }
            Self::DeviceLimit { device: name, address, .. } => vec![device(name), from(address)],
            Self::AdminAlert { person, address, at: time, .. } => {
                vec![("mail-fact-person", short(person)), at(time), from(address)]
            }
            Self::AddressCode { .. } | Self::MagicLink { .. } | Self::Test => Vec::new(),
        };
        let known = facts.into_iter().filter(|(_, value)| !value.is_empty());
        known.map(|(key, value)| lang.text_about(key, "value", &value)).collect()
    }

    /// What to do if something is not right.
    fn closing(&self, lang: Lang) -> Option<String> {
        match self {
            Self::SignInCode { .. } => Some(lang.text("mail-never-tell")),
            Self::AddressCode { .. } | Self::MagicLink { .. } | Self::RegisteredAlready { .. } => {
                Some(lang.text("mail-not-asked"))
            }
            Self::Activation { .. } => Some(lang.text("mail-not-registered")),
            Self::SignInLink { .. } => Some(lang.text("mail-not-you-deny")),
            Self::CredentialChanged { .. } => Some(lang.text("mail-not-you-help")),
            Self::NewSignIn { url, .. } => Some(lang.text_about("mail-not-you-end", "url", url)),
            Self::DeviceLimit { url, .. } => Some(lang.text_about("mail-remove-device", "url", url)),
            Self::AdminAlert { .. } | Self::Test => None,
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
