//! The ways to prove a second factor, and which of them somebody can use.

use serde::{Deserialize, Serialize};

use super::FactorKind;
use super::passkey::RelyingParty;
use crate::account::User;
use crate::config::{self, Config, Preset};
use crate::notify::{Channel, gateway};

macro_rules! methods {
    ($($(#[$doc:meta])* $method:ident = $name:literal, $amr:literal;)*) => {
        /// A way to prove a second factor, the one to ask for first standing first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Method {
            $($(#[$doc])* $method,)*
        }

        impl Method {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$method),*];

            /// As the file, the log and `data-step` have it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$method => $name,)* }
            }

            /// Its value in `amr` (RFC 8176 section 2).
            #[must_use]
            pub const fn amr(self) -> &'static str {
                match self { $(Self::$method => $amr,)* }
            }
        }
    };
}

methods! {
    /// The code of an authenticator app.
    Totp = "totp", "otp";
    /// A passkey or security key; `swk` for one that is synchronised.
    Passkey = "passkey", "hwk";
    /// The code that a device shows.
    HardwareToken = "hardware_token", "otp";
    /// The password that a `YubiKey` types.
    Yubikey = "yubikey", "otp";
    /// A password that a RADIUS server checks.
    Radius = "radius", "otp";
    /// A link that a push service brings.
    Push = "push", "mca";
    /// A push message to a browser.
    WebPush = "web_push", "mca";
    /// A link in a mail.
    EmailLink = "email_link", "mca";
    /// A link in a text message.
    SmsLink = "sms_link", "mca";
    /// A link in a direct message in Rocket.Chat.
    RocketchatLink = "rocketchat_link", "mca";
    /// A code in a mail.
    EmailCode = "email_code", "otp";
    /// A code in a mail to another address.
    AlternateEmailCode = "alternate_email_code", "otp";
    /// A code in a text message.
    SmsCode = "sms_code", "sms";
    /// A code in a direct message in Rocket.Chat.
    RocketchatCode = "rocketchat_code", "otp";
    /// Two codes, one in a mail and one in a text message.
    EmailAndSmsCode = "email_and_sms_code", "sms";
    /// A code that is spoken on the phone.
    VoiceCode = "voice_code", "tel";
    /// Three cells of a printed card.
    Grid = "grid", "otp";
    /// Two security questions, and a code in a mail.
    Kba = "kba", "kba";
    /// One of the codes that were shown once.
    RecoveryCode = "recovery_code", "otp";
}

/// A way to reach somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// At the verified address of the account.
    Email,
    /// Under their name in Rocket.Chat.
    Rocketchat,
    /// At what was enrolled.
    Contact(FactorKind, Channel),
}

impl Method {
    /// The method of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.name() == name)
    }

    /// What must have been enrolled for it, beside the mail address of the account.
    #[must_use]
    pub const fn needs(self) -> Option<FactorKind> {
        match self {
            Self::Totp => Some(FactorKind::Totp),
            Self::Passkey => Some(FactorKind::Passkey),
            Self::HardwareToken => Some(FactorKind::HardwareToken),
            Self::Yubikey => Some(FactorKind::Yubikey),
            Self::Grid => Some(FactorKind::Grid),
            Self::Kba => Some(FactorKind::Kba),
            Self::Push => Some(FactorKind::Push),
            Self::WebPush => Some(FactorKind::WebPush),
            Self::EmailLink
            | Self::EmailCode
            | Self::RocketchatLink
            | Self::RocketchatCode
            | Self::Radius => None,
            Self::AlternateEmailCode => Some(FactorKind::AlternateEmail),
            Self::SmsLink | Self::SmsCode | Self::EmailAndSmsCode | Self::VoiceCode => {
                Some(FactorKind::Phone)
            }
            Self::RecoveryCode => Some(FactorKind::RecoveryCodes),
        }
    }

    /// Where something is sent for it.
    #[must_use]
    pub const fn reaches(self) -> &'static [Reach] {
        match self {
            Self::Totp
            | Self::Passkey
            | Self::HardwareToken
            | Self::Yubikey
            | Self::Radius
            | Self::Grid
            | Self::RecoveryCode => &[],
            Self::Push => &[Reach::Contact(FactorKind::Push, Channel::Push)],
            Self::WebPush => &[Reach::Contact(FactorKind::WebPush, Channel::WebPush)],
            Self::EmailLink | Self::EmailCode | Self::Kba => &[Reach::Email],
            Self::RocketchatLink | Self::RocketchatCode => &[Reach::Rocketchat],
            Self::AlternateEmailCode => &[Reach::Contact(FactorKind::AlternateEmail, Channel::Mail)],
            Self::SmsLink | Self::SmsCode => &[Reach::Contact(FactorKind::Phone, Channel::Sms)],
            Self::EmailAndSmsCode => &[Reach::Email, Reach::Contact(FactorKind::Phone, Channel::Sms)],
            Self::VoiceCode => &[Reach::Contact(FactorKind::Phone, Channel::Voice)],
        }
    }

    /// Whether it is answered elsewhere, behind a link.
    #[must_use]
    pub const fn is_link(self) -> bool {
        matches!(self, Self::Push | Self::WebPush | Self::EmailLink | Self::SmsLink | Self::RocketchatLink)
    }

    /// Whether it is a message in Rocket.Chat.
    #[must_use]
    pub const fn is_rocketchat(self) -> bool {
        matches!(self, Self::RocketchatLink | Self::RocketchatCode)
    }

    /// Whether what it needs is set up here.
    fn is_set_up(self, config: &Config) -> bool {
        if self == Self::Passkey {
            return RelyingParty::of(&config.issuer).is_some();
        }
        if self == Self::Radius {
            return config.radius.is_some();
        }
        self.reaches().iter().all(|reach| match reach {
            // Without a mail server letters land in a folder.
            Reach::Email | Reach::Contact(_, Channel::Mail) => true,
            Reach::Rocketchat => gateway::is_configured(config, Channel::Rocketchat),
            Reach::Contact(_, channel) => gateway::is_configured(config, *channel),
        })
    }
}

/// The name of `user` in Rocket.Chat.
#[must_use]
pub fn rocketchat_name<'a>(config: &Config, user: &'a User) -> Option<&'a str> {
    match config.rocketchat.as_ref()?.attribute.as_ref() {
        Some(attribute) => user.attributes.get(attribute).map(String::as_str),
        None => Some(user.username.as_str()),
    }
}

/// What `user` can prove on the way into `client`, of what is offered here.
#[must_use]
pub fn usable(config: &Config, user: &User, client: Option<&config::App>) -> Vec<Method> {
    // A message in Rocket.Chat cannot be read by whoever is about to enter it.
    let into_chat = client.is_some_and(|client| client.preset == Some(Preset::Rocketchat));
    let has = |method: &Method| {
        let reached = method.reaches().iter().all(|reach| match reach {
            Reach::Email => user.email.is_some() && user.email_verified,
            Reach::Rocketchat => !into_chat && rocketchat_name(config, user).is_some(),
            Reach::Contact(..) => true,
        });
        reached && method.needs().is_none_or(|kind| user.factors.contains(&kind)) && method.is_set_up(config)
    };
    let usable: Vec<Method> = config.factors.offered.iter().copied().filter(has).collect();
    // Codes that were shown once stand in for something else.
    if usable == [Method::RecoveryCode] && user.factors.len() == 1 { Vec::new() } else { usable }
}

/// What is offered here and has what it needs.
pub fn set_up(config: &Config) -> impl Iterator<Item = Method> {
    config.factors.offered.iter().copied().filter(|method| method.is_set_up(config))
}

/// What somebody can enrol by themselves, of what is offered here.
#[must_use]
pub fn enrollable(config: &Config) -> Vec<FactorKind> {
    let mut kinds = Vec::new();
    for method in set_up(config) {
        if let Some(kind) = method.needs().filter(|kind| kind.is_own())
            && !kinds.contains(&kind)
        {
            kinds.push(kind);
        }
    }
    kinds
}
