//! Whether anybody could ever pass a policy: what `gantry check` refuses where administrators are concerned.
//!
//! Looked at is what never changes by waiting, travelling or enrolling. Not looked at: whether an address that is
//! allowed has a place that is, and whether the hours and habits of one person can come together.

use std::collections::BTreeSet;
use std::fmt;

use super::rule::Verdict;
use crate::account::User;
use crate::config::{Challenge, Config, FirstFactor, Policy, SecondFactor};
use crate::factor::{FactorKind, Method, method};

/// Why nobody could ever pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shut {
    Network,
    Place,
    Time,
    Devices,
    FirstFactor,
    Challenge,
    SecondFactor,
}

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "its networks leave no address",
            Self::Place => "it wants a place, and no database knows any",
            Self::Time => "it has no window of time",
            Self::Devices => "it lets nobody register a device, and denies one more than that",
            Self::FirstFactor => "its first factor cannot be proved",
            Self::Challenge => "nothing that is there answers its challenge, which always comes",
            Self::SecondFactor => "it requires a second factor, and there is none to be had",
        })
    }
}

impl Shut {
    /// What to do about it.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Network => "`allow` a network that `deny` does not cover, or another `otherwise`",
            Self::Place => "name a database: `geo: { database: GeoLite2-City.mmdb }`, or another `otherwise`",
            Self::Time => "add a window, or another `otherwise`",
            Self::Devices => "`max: 1` at least, or another `exceeded`",
            Self::FirstFactor => "add `passkey` to `factors.offered`, or another `first_factor`",
            Self::Challenge => "list in `challenge` what `factors.offered` has",
            Self::SecondFactor => "add `totp` to `factors.offered`, or another `second_factor`",
        }
    }
}

/// What can be proved, sooner or later.
#[derive(Debug)]
pub struct Provable {
    first: BTreeSet<FirstProof>,
    second: BTreeSet<Method>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FirstProof {
    Password,
    Link,
    Passkey,
}

impl Provable {
    /// By somebody of whom nothing is known.
    #[must_use]
    pub fn by_anybody(config: &Config) -> Self {
        let mut second: BTreeSet<Method> = method::set_up(config).collect();
        if second == BTreeSet::from([Method::RecoveryCode]) {
            second.clear();
        }
        let mut first = BTreeSet::from([FirstProof::Password, FirstProof::Link]);
        if second.contains(&Method::Passkey) {
            first.insert(FirstProof::Passkey);
        }
        Self { first, second }
    }

    /// By this person, who may enrol what they need where they change their account.
    #[must_use]
    pub fn by(config: &Config, user: &User) -> Self {
        let usable = method::usable(config, user, None);
        // Whoever cannot prove what they have enrolled changes nothing there.
        let may_enrol = user.password.is_some() && (user.factors.is_empty() || !usable.is_empty());
        let own: Vec<FactorKind> = if may_enrol { method::enrollable(config) } else { Vec::new() };
        let later =
            method::set_up(config).filter(|method| method.needs().is_some_and(|kind| own.contains(&kind)));
        let second: BTreeSet<Method> = usable.into_iter().chain(later).collect();
        let mut first = BTreeSet::new();
        if user.password.is_some() {
            first.insert(FirstProof::Password);
        }
        if user.email.is_some() && user.email_verified {
            first.insert(FirstProof::Link);
        }
        if second.contains(&Method::Passkey) {
            first.insert(FirstProof::Passkey);
        }
        Self { first, second }
    }
}

/// Why nobody who can prove that could ever pass `policy`, if so.
#[must_use]
pub fn shut(policy: &Policy, config: &Config, provable: &Provable) -> Option<Shut> {
    let conditions = [
        (Shut::Network, policy.network.as_ref().map(super::rule::NetworkRule::mildest)),
        (Shut::Place, policy.place.as_ref().filter(|_| config.geo.is_none()).map(|rule| rule.otherwise)),
        (Shut::Time, policy.time.as_ref().filter(|rule| rule.windows.is_empty()).map(|rule| rule.otherwise)),
        (
            Shut::Devices,
            policy
                .devices
                .as_ref()
                .filter(|rule| rule.register && rule.max == Some(0))
                .map(|rule| rule.exceeded),
        ),
    ];
    let said = |verdict| conditions.iter().find(|(_, said)| *said == Some(verdict));
    if let Some((condition, _)) = said(Verdict::Deny) {
        return Some(*condition);
    }
    let first = match policy.first_factor {
        FirstFactor::Password => provable.first.contains(&FirstProof::Password),
        FirstFactor::MagicLink => provable.first.contains(&FirstProof::Link),
        FirstFactor::Passkey => provable.first.contains(&FirstProof::Passkey),
        FirstFactor::Any => !provable.first.is_empty(),
    };
    let answers = |kind: &Challenge| match kind {
        Challenge::SecondFactor => !provable.second.is_empty(),
        Challenge::Method(method) => provable.second.contains(method),
    };
    if !first {
        Some(Shut::FirstFactor)
    } else if said(Verdict::Challenge).is_some() && !policy.challenge.iter().any(answers) {
        Some(Shut::Challenge)
    } else if policy.second_factor == SecondFactor::Required && provable.second.is_empty() {
        Some(Shut::SecondFactor)
    } else {
        None
    }
}
