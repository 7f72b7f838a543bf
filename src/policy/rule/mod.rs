//! Adaptive conditions, and what they look at.
//!
//! Owns what each condition says about a [`Context`]. Does not own where the context comes from
//! (`login::context`) or what follows from a verdict (the parent module).

mod behaviour;
mod device;
mod network;
mod place;
mod time;

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

pub use behaviour::BehaviourRule;
pub use device::{Device, DeviceRule};
pub use network::NetworkRule;
pub use place::{Around, Country, Place, PlaceRule, Point};
pub use time::{TimeRule, Window};

/// What a condition says; of several the strictest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Allow,
    /// Only with a second factor.
    Challenge,
    Deny,
}

impl Verdict {
    /// As the file and commands have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Challenge => "challenge",
            Self::Deny => "deny",
        }
    }
}

/// A condition that a policy may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Network,
    Place,
    Time,
    Behaviour,
    Devices,
}

impl Condition {
    /// As the file has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Place => "place",
            Self::Time => "time",
            Self::Behaviour => "behaviour",
            Self::Devices => "devices",
        }
    }
}

/// What is known of a sign-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Context {
    pub address: IpAddr,
    pub at: Timestamp,
    /// Under the policy that is asked.
    #[serde(default)]
    pub device: Device,
    /// Devices that this person has registered under that policy.
    #[serde(default)]
    pub registered: u32,
    /// `None`: no database knows the address.
    #[serde(default)]
    pub place: Option<Place>,
    #[serde(default)]
    pub past: Past,
}

/// What is known of earlier sign-ins of the same person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// The last one; `None`: there was none.
    pub last: Option<Timestamp>,
    /// The last one whose place is known.
    pub seen: Option<Seen>,
    /// They have signed in from this country.
    pub country: bool,
    /// ... and from this network.
    pub network: bool,
}

/// Where somebody was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub at: Timestamp,
    pub point: Point,
}

impl Context {
    /// Of which nothing is known but address and time.
    #[must_use]
    pub const fn at(address: IpAddr, at: Timestamp) -> Self {
        let past = Past { last: None, seen: None, country: false, network: false };
        Self { address, at, device: Device::New, registered: 0, place: None, past }
    }
}

/// What a condition says, and whether it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    pub(super) condition: Condition,
    pub(super) verdict: Verdict,
    /// A registered device makes up for it.
    pub(super) skipped: bool,
}

/// What every condition of `policy` says, in the order in which they are explained.
pub(super) fn views(policy: &crate::config::Policy, context: &Context) -> [Option<View>; 5] {
    let skips = |condition| policy.devices.as_ref().is_some_and(|rule| rule.skips(condition, context));
    let view = |condition, verdict| View { condition, verdict, skipped: skips(condition) };
    // Nobody comes in from a network that is named as bad.
    let bad = policy.network.as_ref().is_some_and(|rule| rule.denies(context.address));
    let network = policy.network.as_ref().map(|rule| view(Condition::Network, rule.judge(context)));
    [
        network.map(|view| View { skipped: view.skipped && !bad, ..view }),
        policy.place.as_ref().map(|rule| view(Condition::Place, rule.judge(context))),
        policy.time.as_ref().map(|rule| view(Condition::Time, rule.judge(context))),
        policy.behaviour.as_ref().map(|rule| view(Condition::Behaviour, rule.judge(context))),
        policy.devices.as_ref().map(|rule| view(Condition::Devices, rule.judge(context))),
    ]
}

/// What `policy` says whatever place and device the request comes from: the tokens of an app are used by its
/// server.
pub(super) fn wherever(policy: &crate::config::Policy, at: Timestamp) -> Verdict {
    policy.time.as_ref().map_or(Verdict::Allow, |rule| rule.judge_at(at))
}

/// With commas between them; written where it is wanted, without a text for each.
struct Listed<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, one) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{one}")?;
        }
        Ok(())
    }
}

/// What the condition saw, and what it wants.
pub(super) fn told(
    policy: &crate::config::Policy,
    condition: Condition,
    context: &Context,
) -> (String, String) {
    fn of<R: fmt::Display>(rule: Option<&R>) -> String {
        rule.map(ToString::to_string).unwrap_or_default()
    }
    match condition {
        Condition::Network => (context.address.to_canonical().to_string(), of(policy.network.as_ref())),
        Condition::Place => {
            let saw = policy.place.as_ref().map(|rule| rule.saw(context)).unwrap_or_default();
            (saw, of(policy.place.as_ref()))
        }
        Condition::Time => {
            let local = policy.time.as_ref().and_then(|rule| rule.local(context.at));
            let saw = local.map(|local| local.strftime("%a %F %R").to_string()).unwrap_or_default();
            (saw, of(policy.time.as_ref()))
        }
        Condition::Behaviour => {
            let saw = policy.behaviour.as_ref().map(|rule| rule.saw(context)).unwrap_or_default();
            (saw, of(policy.behaviour.as_ref()))
        }
        Condition::Devices => {
            let saw = format!("{}, {} registered", context.device.name(), context.registered);
            (saw, of(policy.devices.as_ref()))
        }
    }
}
