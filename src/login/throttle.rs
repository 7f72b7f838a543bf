//! Throttling of password tries. Every try is counted before it is evaluated, so a burst in parallel gets no
//! more tries than one after the other.
//!
//! A name and address pair has few tries, an address (or IPv6 /64) more, a name over all addresses a short
//! soft limit. A browser in which the person has signed in before has tries of its own, so strangers cannot
//! lock anybody out. Names are counted as typed, known or not: the answer tells nobody which exist.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::app::App;
use crate::clock::Timestamp;
use crate::secret::{Digest, Id};
use crate::store::{Batch, Budget, StoreError};

/// Tries, and the seconds in which they are counted.
type Tier = (u64, u64);

const PAIR: Tier = (5, 15 * 60);
const ADDRESS: Tier = (50, 15 * 60);
const NAME: Tier = (30, 60);
const DEVICE: Tier = (10, 15 * 60);
/// Sign-ins begun from one address, which may be a whole office: each is a record until it is done or too old.
const BEGUN: Tier = (3000, 30 * 60);
/// Networks whose sign-ins are counted at a time.
const MOST_NETWORKS: usize = 20_000;
/// Sign-ins that are not worth remembering when there are too many networks.
const LITTLE: u64 = 10;

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
        self.spend(app, self.budgets()).await
    }

    /// The same for what guesses nothing. The name is not counted: strangers who ask for a person must not keep that
    /// person from asking.
    pub async fn count_asking(&self, app: &App) -> Result<Result<(), TooMany>, StoreError> {
        let mut budgets = self.budgets();
        budgets.retain(|budget| !budget.counter.starts_with("password/name/"));
        self.spend(app, budgets).await
    }

    async fn spend(&self, app: &App, budgets: Vec<Budget>) -> Result<Result<(), TooMany>, StoreError> {
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

/// Sign-ins that have begun lately and not ended, by network: strangers who open page after page must not fill the
/// store. Kept in memory, because a count on disk would cost as much as the sign-in that it refuses.
#[derive(Debug, Default)]
pub struct Begun(Mutex<HashMap<String, Counted>>);

#[derive(Debug)]
struct Counted {
    since: Timestamp,
    sign_ins: u64,
}

impl Begun {
    /// Counts one more from `address`.
    pub fn count(&self, address: IpAddr, now: Timestamp) -> Result<(), TooMany> {
        let window = Duration::from_secs(BEGUN.1);
        let is_open = |counted: &Counted| now < counted.since + window;
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if networks.len() >= MOST_NETWORKS {
            // Many who ask little make room, so that nobody is forgotten who asks much.
            networks.retain(|_, counted| is_open(counted) && counted.sign_ins > LITTLE);
        }
        if networks.len() >= MOST_NETWORKS {
            return Ok(());
        }
        let fresh = || Counted { since: now, sign_ins: 0 };
        let counted = networks.entry(network(address)).or_insert_with(fresh);
        if !is_open(counted) {
            *counted = fresh();
        }
        counted.sign_ins += 1;
        if counted.sign_ins <= BEGUN.0 {
            return Ok(());
        }
        tracing::warn!(target: "gantry::audit", event = "throttled", address = %address);
        Err(TooMany { wait: window })
    }

    /// One from `address` came to its end.
    pub fn ended(&self, address: IpAddr) {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = networks.get_mut(&network(address)) {
            counted.sign_ins = counted.sign_ins.saturating_sub(1);
        }
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

    #[test]
    fn many_networks_do_not_make_one_forgotten() {
        // AD-13
        let (begun, now, busy) = (Begun::default(), Timestamp::from_seconds(0), IpAddr::from([192, 0, 2, 1]));
        assert!((0..3000).all(|_| begun.count(busy, now).is_ok()));
        for host in 0..30_000_u32 {
            assert!(begun.count(IpAddr::from((0x0a00_0000 | host).to_be_bytes()), now).is_ok());
        }
        assert!(begun.count(busy, now).is_err());
        assert!(begun.0.lock().expect("no panic").len() <= MOST_NETWORKS);
    }
}
