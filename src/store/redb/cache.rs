//! Point reads without the database.
//!
//! The writer brings the cache up to date after a commit and before it answers, so whoever was
//! answered finds the new value here. A reader that missed may fill in what it read only if the
//! writer has not been at that key's stripe since before the read began; otherwise an old value
//! could come in after the new one.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::Weighter;
use quick_cache::sync::Cache as Bounded;

use crate::clock::Timestamp;
use crate::store::Decoded;

/// What the cache may hold, in bytes, keys and bookkeeping included.
const CAPACITY: u64 = 16 << 20;
/// Per entry beside key, payload and the decoded record, which counts as large as the payload; an estimate.
const OVERHEAD: usize = 128;
const STRIPES: usize = 64;

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) version: u64,
    pub(super) expires: Option<Timestamp>,
    pub(super) payload: Arc<[u8]>,
    pub(super) decoded: Decoded,
}

impl Entry {
    pub(super) fn new(version: u64, expires: Option<Timestamp>, payload: &[u8]) -> Self {
        Self { version, expires, payload: payload.into(), decoded: Decoded::default() }
    }
}

pub(super) struct Cache {
    entries: Bounded<Box<[u8]>, Entry, Bytes>,
    /// How often the writer was at the keys of a stripe.
    stripes: [Mutex<u64>; STRIPES],
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Box<[u8]>, Entry> for Bytes {
    fn weight(&self, key: &Box<[u8]>, entry: &Entry) -> u64 {
        u64::try_from(key.len() + 2 * entry.payload.len() + OVERHEAD).unwrap_or(u64::MAX)
    }
}

/// How far the writer was when a read began.
pub(super) struct Ticket(u64);

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            // The estimate of entries only sizes bookkeeping; it grows with use.
            entries: Bounded::with_weighter(1024, CAPACITY, Bytes),
            stripes: std::array::from_fn(|_| Mutex::new(0)),
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Entry> {
        self.entries.get(key)
    }

    /// To be taken before the read transaction begins.
    pub(super) fn ticket(&self, key: &[u8]) -> Ticket {
        Ticket(self.stripe(key).map_or(0, |count| *count))
    }

    /// Keeps what was read, unless the writer came by since the ticket was taken.
    pub(super) fn fill(&self, key: &[u8], entry: Entry, ticket: &Ticket) {
        if let Some(count) = self.stripe(key)
            && *count == ticket.0
        {
            self.entries.insert(key.into(), entry);
        }
    }

    /// What the writer committed: the new value, or that there is none.
    pub(super) fn update(&self, key: &[u8], entry: Option<Entry>) {
        let Some(mut count) = self.stripe(key) else { return };
        *count += 1;
        match entry {
            Some(entry) => self.entries.insert(key.into(), entry),
            None => {
                self.entries.remove(key);
            }
        }
    }

    /// Forgets everything, also what is being read: the database went back to its last durable state.
    pub(super) fn reset(&self) {
        for stripe in &self.stripes {
            *lock(stripe) += 1;
        }
        self.entries.clear();
    }

    fn stripe(&self, key: &[u8]) -> Option<MutexGuard<'_, u64>> {
        let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(key);
        let at = usize::try_from(hash % STRIPES as u64).ok()?;
        self.stripes.get(at).map(lock)
    }
}

fn lock(stripe: &Mutex<u64>) -> MutexGuard<'_, u64> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(version: u64) -> Entry {
        Entry::new(version, None, &[])
    }

    fn version(cache: &Cache) -> Option<u64> {
        cache.get(b"key").map(|entry| entry.version)
    }

    #[test]
    fn an_old_value_read_before_a_commit_does_not_come_in_after_it() {
        let cache = Cache::new();
        let before = cache.ticket(b"key");
        cache.update(b"key", Some(entry(2)));
        cache.fill(b"key", entry(1), &before);
        assert_eq!(version(&cache), Some(2));
        let before = cache.ticket(b"key");
        cache.update(b"key", None);
        cache.fill(b"key", entry(2), &before);
        assert_eq!(version(&cache), None);
        let before = cache.ticket(b"key");
        cache.reset();
        cache.fill(b"key", entry(2), &before);
        assert_eq!(version(&cache), None);
    }

    #[test]
    fn the_cache_stays_within_its_bytes() {
        let cache = Cache::new();
        for n in 0..40_000_u64 {
            cache.update(&n.to_be_bytes(), Some(Entry::new(n, None, &[0; 1000])));
        }
        assert!(cache.entries.weight() <= CAPACITY);
        assert!(cache.entries.len() > 5000);
    }
}
