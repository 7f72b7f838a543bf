//! Throttling of password tries. Every try is counted before it is evaluated, so a burst in parallel gets no
//! more tries than one after the other.
//!
//! A name and address pair has few tries, an address (or IPv6 /64) more, a name over all addresses a short
//! soft limit. A browser in which the person has signed in before has tries of its own, so strangers cannot
//! lock anybody out. Names are counted as typed, known or not: the answer tells nobody which exist.

use std::net::IpAddr;
use std::time::Duration;

use crate::app::App;
use crate::secret::{Digest, Id};
use crate::store::{Batch, Budget, StoreError};

/// Tries, and the seconds in which they are counted.
type Tier = (u64, u64);

const PAIR: Tier = (5, 15 * 60);
const ADDRESS: Tier = (50, 15 * 60);
const NAME: Tier = (30, 60);
const DEVICE: Tier = (10, 15 * 60);

/// A try that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    pub wait: Duration,
}

/// Where a try comes from.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// As typed.
    pub name: &'a str,
    pub address: IpAddr,
    /// The known browser of that very person.
    pub device: Option<Id>,
}

impl Attempt<'_> {
    fn budgets(&self) -> Vec<Budget> {
        let budget =
            |counter, (limit, seconds): Tier| Budget { counter, limit, window: Duration::from_secs(seconds) };
        if let Some(device) = self.device {
            return vec![budget(format!("password/device/{device}"), DEVICE)];
        }
        let name = short_hash(&self.name.to_lowercase());
        let network = network(self.address);
        vec![
            budget(format!("password/pair/{name}/{network}"), PAIR),
            budget(format!("password/address/{network}"), ADDRESS),
            budget(format!("password/name/{name}"), NAME),
        ]
    }

    /// Counts this try; refuses it when any budget is used up.
    pub async fn count(&self, app: &App) -> Result<Result<(), TooMany>, StoreError> {
        let budgets = self.budgets();
        let windows: Vec<Duration> = budgets.iter().map(|budget| budget.window).collect();
        let Some(exhausted) = app.store.spend(budgets).await? else {
            return Ok(Ok(()));
        };
        tracing::warn!(target: "gantry::audit", event = "throttled", address = %self.address);
        Ok(Err(TooMany { wait: windows.get(exhausted).copied().unwrap_or_default() }))
    }

    /// The password was right: what led here is forgotten. The address only gets this one try back, so that an
    /// office may sign in together and one right password gives nobody more tries at others.
    pub fn forgive(&self, batch: Batch) -> Batch {
        self.budgets().into_iter().fold(batch, |batch, Budget { counter, .. }| {
            if counter.starts_with("password/address/") {
                batch.give_back(counter)
            } else {
                batch.clear(counter)
            }
        })
    }
}

/// IPv6 hosts own a /64 (RFC 6177 section 2), so that is what counts as one address.
#[must_use]
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Names typed by strangers may be passwords: only a hash is kept.
pub(crate) fn short_hash(text: &str) -> String {
    use base64::Engine;
    let digest = Digest::of(text.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(digest.bytes().iter().take(15).copied().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        // PW-09
        let one = network("2001:db8:1:2:aaaa::1".parse().expect("address"));
        assert_eq!(one, network("2001:db8:1:2:bbbb::2".parse().expect("address")));
        assert_ne!(one, network("2001:db8:1:3::1".parse().expect("address")));
        assert_eq!(network("::ffff:192.0.2.1".parse().expect("address")), "192.0.2.1");
    }
}
