//! The configuration as meant: what people can prove.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::factor::Method;
use crate::factor::passkey::Attestation;
use crate::factor::totp::TotpForm;
use crate::secret::Secret;

/// Servers that check one-time passwords (RFC 2865).
#[derive(Debug, Clone)]
pub struct Radius {
    /// At least one, in the order in which they are asked.
    pub servers: Vec<SocketAddr>,
    pub secret: Secret,
    pub timeout: Duration,
    pub nas_identifier: String,
    /// Answers without one are not looked at.
    pub message_authenticator: bool,
}

/// What people can prove beside the first factor.
#[derive(Debug, Clone)]
pub struct Factors {
    /// Ways that may be used.
    pub offered: BTreeSet<Method>,
    /// How codes of authenticator apps are made that are enrolled from now on.
    pub totp: TotpForm,
    /// Security questions to choose from, by language; an empty name is for all. Without any, people write their own.
    pub questions: Vec<(String, Vec<String>)>,
    /// Origins of push services that browsers may name beside the public ones.
    pub push_services: BTreeSet<String>,
    /// Which makes of passkeys are taken; `None`: all.
    pub attestation: Option<Attestation>,
}

impl Factors {
    /// The questions to show in this language.
    #[must_use]
    pub fn questions_in(&self, language: &str) -> &[String] {
        let list =
            self.questions.iter().find(|(known, _)| known == language).or_else(|| self.questions.first());
        list.map_or(&[], |(_, questions)| questions)
    }

    /// Whether somebody may choose this question.
    #[must_use]
    pub fn may_ask(&self, question: &str) -> bool {
        let mut all = self.questions.iter().flat_map(|(_, list)| list);
        self.questions.is_empty() || all.any(|known| known == question)
    }
}
