//! Factors as written.

use super::SecretText;
use crate::config::document::{Node, Value};
use crate::config::error::Problems;
use crate::config::period::Period;
use crate::config::read::{self, At, Entries, Field, Keys, Need, Read, Shape, section, words};
use crate::factor::Method;
use crate::factor::totp::TotpAlgorithm;

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
pub(in crate::config) enum Questions {
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

section! {
    /// Servers that check one-time passwords.
    Radius {
        /// Addresses with ports, asked in this order.
        servers: Vec<At<String>> = Required("[\"192.0.2.10:1812\"]"),
        /// Shared with the servers.
        secret: SecretText = Required("{ file: /etc/gantry/radius }"),
        /// How long one is waited for, twice.
        timeout: Period = Default("3s"),
        /// What the servers know us by.
        nas_identifier: String = Default("gantry"),
        /// Take only answers with a Message-Authenticator; without it somebody on the way can turn a no into a
        /// yes (CVE-2024-3596).
        message_authenticator: bool = Default("true"),
    }
}
