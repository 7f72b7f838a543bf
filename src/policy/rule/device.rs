//! With which browser.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Condition, Context, Verdict};

/// What the browser is to the person who uses it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// They have never signed in with it.
    #[default]
    New,
    /// They have, and it is not registered.
    Known,
    /// They registered it under this very policy.
    Registered,
}

impl Device {
    /// As the file and commands have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Known => "known",
            Self::Registered => "registered",
        }
    }
}

/// Which devices people may register, and what that is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRule {
    /// People are offered to register the browser they use.
    pub register: bool,
    /// As many as one person may have.
    pub max: Option<u32>,
    /// What a further one means. It never makes an answer milder.
    pub exceeded: Verdict,
    /// The person is told of a further one.
    pub alert_user: bool,
    /// Conditions that a registered device does not have to meet.
    pub registered_skips: BTreeSet<Condition>,
}

impl DeviceRule {
    pub(super) fn judge(&self, context: &Context) -> Verdict {
        if self.is_exceeded(context) { self.exceeded } else { Verdict::Allow }
    }

    /// Whether this browser is one more than the person may have.
    #[must_use]
    pub fn is_exceeded(&self, context: &Context) -> bool {
        let full = self.max.is_some_and(|max| context.registered >= max);
        self.register && full && context.device != Device::Registered
    }

    /// Whether the person is asked to register this browser.
    #[must_use]
    pub fn offers(&self, context: &Context) -> bool {
        let room = self.max.is_none_or(|max| context.registered < max);
        self.register && room && context.device != Device::Registered
    }

    pub(super) fn skips(&self, condition: Condition, context: &Context) -> bool {
        context.device == Device::Registered && self.registered_skips.contains(&condition)
    }
}

impl fmt::Display for DeviceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let max = self.max.map_or_else(|| "any number".to_owned(), |max| format!("at most {max}"));
        let skips: Vec<&str> = self.registered_skips.iter().map(|condition| condition.name()).collect();
        let register = if self.register { max } else { "none".to_owned() };
        write!(f, "registered: {register}, more: {}, skips [{}]", self.exceeded.name(), skips.join(", "))
    }
}
