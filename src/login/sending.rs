//! How often something is sent to a person because a browser asks for it.
//!
//! Strangers ask too, from any number of networks, and somebody may know the password. So what they use up is not what
//! the person has: browsers and networks that are usual for them have letters of their own. For each of both sorts there
//! is a number for one place and one for all together, so that no place takes everything and mailboxes stay empty.

use std::time::Duration;

use super::context::{Habits, network};
use super::device_trust;
use super::throttle::{TooMany, short_hash};
use super::visitor::Visitor;
use crate::app::App;
use crate::secret::Id;
use crate::store::{Budget, StoreError};

/// What is sent, and the seconds in which it is counted.
type Tier = (u64, u64);

const QUARTER: u64 = 15 * 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// A link that stands for the password.
    Link,
    /// A code or link beside the password, or to what is to be enrolled.
    Code,
}

/// To whom.
pub(super) enum Whom<'a> {
    Person(Id),
    /// Somebody of this name, whom nothing can be sent to: it is counted all the same, and takes as long.
    Nobody(&'a str),
}

impl Sent {
    const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Code => "send",
        }
    }

    /// For one place, and for all of its sort together.
    const fn tiers(self, usual: bool) -> (&'static [Tier], &'static [Tier]) {
        match (self, usual) {
            (Self::Link, true) => (&[(10, HOUR)], &[(20, HOUR)]),
            (Self::Link, false) => (&[(5, HOUR)], &[(20, HOUR)]),
            (Self::Code, true) => (&[(5, QUARTER), (30, DAY)], &[(10, QUARTER), (40, DAY)]),
            (Self::Code, false) => (&[(5, QUARTER), (10, DAY)], &[(10, QUARTER), (20, DAY)]),
        }
    }

    fn budgets(self, to: &str, (usual, place): (bool, &str)) -> Vec<Budget> {
        let sort = if usual { "usual" } else { "other" };
        let (of_place, of_all) = self.tiers(usual);
        let of_place = of_place.iter().map(|tier| (format!("/{place}"), tier));
        let tiers = of_place.chain(of_all.iter().map(|tier| (String::new(), tier)));
        let budget = |(place, &(limit, seconds)): (String, &Tier)| Budget {
            counter: format!("{}/{seconds}/{to}/{sort}{place}", self.name()),
            limit,
            window: Duration::from_secs(seconds),
        };
        tiers.map(budget).collect()
    }
}

/// Counts one more of `what` that `visitor` asks for; whether that is too many.
pub(super) async fn count(
    app: &App,
    visitor: &Visitor,
    (what, to): (Sent, Whom<'_>),
) -> Result<Option<TooMany>, StoreError> {
    let (user, to) = match to {
        Whom::Person(user) => (user, user.to_string()),
        Whom::Nobody(name) => (Id::from_bytes([0; 16]), short_hash(&name.to_lowercase())),
    };
    let (usual, place) = place(app, visitor, user).await?;
    let budgets = what.budgets(&to, (usual, &place));
    let windows: Vec<Duration> = budgets.iter().map(|budget| budget.window).collect();
    let Some(exhausted) = app.store.spend(budgets).await? else { return Ok(None) };
    tracing::warn!(target: "gantry::audit", event = "throttled", address = %visitor.address);
    Ok(Some(TooMany { wait: windows.get(exhausted).copied().unwrap_or_default() }))
}

/// Where `visitor` is, and whether that is usual for `user`: by the browser, or by the network.
async fn place(app: &App, visitor: &Visitor, user: Id) -> Result<(bool, String), StoreError> {
    let habits = app.store.view::<Habits>(&user.to_string()).await?;
    let device = device_trust::find(app, visitor, user).await?.map(|device| device.id);
    let network = network(visitor.address);
    let Some(habits) = habits else { return Ok((false, network.to_string())) };
    Ok(match device.filter(|device| habits.devices.contains(device)) {
        Some(device) => (true, device.to_string()),
        None => (habits.networks.contains(&network), network.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_place_takes_all_there_is() {
        for what in [Sent::Link, Sent::Code] {
            for usual in [true, false] {
                let (of_place, of_all) = what.tiers(usual);
                assert_eq!(of_place.len(), of_all.len());
                for ((one, window), (all, same)) in of_place.iter().zip(of_all) {
                    assert!(one < all && window == same, "{what:?} {usual}");
                }
            }
        }
    }
}
