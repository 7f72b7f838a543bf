//! Records and conditional batches: the one place where anything is kept.
//!
//! Owns durability, versions, expiry, unique values and counters. Knows nothing of codes, sessions
//! or users: "a code is redeemed once" is a batch that expects a version, written by those who own
//! the code. Every back end keeps the same contract, checked by one suite (`tests/store`).
//!
//! Expired records are not returned, do not block an insert and hold no unique value, though
//! [`Store::sweep`] removes them later. The time comes from the [`Clock`] the store was opened with.

mod batch;
mod encoding;
mod error;
mod record;
mod redb;

use std::any::Any;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::redb::StorageBackend;

pub use batch::{Batch, Expect};
pub use error::{ApplyError, Conflict, ConflictCause, OpenError, StoreError};
pub use record::{IndexEntry, Kind, Record, Stored};

use crate::clock::Clock;

/// A store; clones share it. Dropping the last one flushes and closes it.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Redb(redb::Redb),
}

/// Whether writes have a chance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// The last write went well.
    Writable,
    /// Writes fail, reads go on.
    ReadOnly {
        /// For the operator.
        why: String,
    },
}

/// A record without its type, as back ends return it.
struct Raw {
    id: String,
    version: u64,
    payload: Arc<[u8]>,
    decoded: Decoded,
}

/// A record once it was decoded; kept as long as its bytes are.
type Decoded = Arc<OnceLock<Arc<dyn Any + Send + Sync>>>;

/// A counter that may reach `limit` within a window and no more.
#[derive(Debug, Clone)]
pub struct Budget {
    pub counter: String,
    pub limit: u64,
    /// Opened by the first use, after which the counter starts again from zero.
    pub window: Duration,
}

impl Store {
    /// Opens a redb file, creating it (mode 0600) when there is none; its directory must exist.
    /// Holds the file's exclusive lock until dropped.
    pub fn open_redb(path: &Path, clock: Clock) -> Result<Self, OpenError> {
        let redb = redb::Redb::open_file(path, clock)?;
        Ok(Self { backend: Backend::Redb(redb) })
    }

    /// Opens redb over storage that `backend` provides: tests make it fail. Called again whenever
    /// the database has to be reopened after an I/O error; empty storage becomes a new store. There is so little room
    /// for what changes often that tests come to its end.
    #[doc(hidden)]
    pub fn open_with_backend(
        backend: impl Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + 'static,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let redb = redb::Redb::open_backend(Box::new(backend), clock)?;
        Ok(Self { backend: Backend::Redb(redb) })
    }

    /// The record with this id.
    pub async fn get<R: Record>(&self, id: &str) -> Result<Option<Stored<R>>, StoreError> {
        let raw = match &self.backend {
            Backend::Redb(redb) => redb.get(R::KIND, id).await?,
        };
        raw.as_ref().map(typed).transpose()
    }

    /// The record with this id, shared with everybody else who only looks at it.
    pub async fn view<R: Record>(&self, id: &str) -> Result<Option<Arc<R>>, StoreError> {
        let raw = match &self.backend {
            Backend::Redb(redb) => redb.get(R::KIND, id).await?,
        };
        let Some(raw) = raw else {
            return Ok(None);
        };
        if let Some(known) = raw.decoded.get().and_then(|any| Arc::downcast(Arc::clone(any)).ok()) {
            return Ok(Some(known));
        }
        let record: Arc<R> = Arc::new(encoding::decode(&raw.id, &raw.payload)?);
        // Somebody else may have been faster with the same.
        let _ = raw.decoded.set(record.clone());
        Ok(Some(record))
    }

    /// The records with this index value, ordered by id, at most `limit`.
    pub async fn find<R: Record>(
        &self,
        index: &'static str,
        value: &str,
        limit: usize,
    ) -> Result<Vec<Stored<R>>, StoreError> {
        let raw = match &self.backend {
            Backend::Redb(redb) => redb.find(R::KIND, index, value, limit).await?,
        };
        raw.iter().map(typed).collect()
    }

    /// The first record with this index value: for unique ones.
    pub async fn find_one<R: Record>(
        &self,
        index: &'static str,
        value: &str,
    ) -> Result<Option<Stored<R>>, StoreError> {
        Ok(self.find(index, value, 1).await?.pop())
    }

    /// The records with an id greater than `after`, in byte order of ids, at most `limit`.
    pub async fn scan<R: Record>(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stored<R>>, StoreError> {
        let raw = match &self.backend {
            Backend::Redb(redb) => redb.scan(R::KIND, after, limit).await?,
        };
        raw.iter().map(typed).collect()
    }

    /// Applies a batch and returns the version of what it put. When it returns, the batch is durable
    /// (unless relaxed) and every later read sees it. A caller that stops waiting does not stop it.
    pub async fn apply(&self, batch: Batch) -> Result<u64, ApplyError> {
        let batch = batch.checked()?;
        match &self.backend {
            Backend::Redb(redb) => redb.apply(batch).await,
        }
    }

    /// Adds `n` to a counter and returns its total. The first addition opens a window of the given
    /// length, after which the counter starts again from zero. `n` = 0 only reads.
    pub async fn add(&self, counter: &str, n: u64, window: Duration) -> Result<u64, StoreError> {
        match &self.backend {
            Backend::Redb(redb) if n == 0 => redb.count(counter).await,
            Backend::Redb(redb) => redb.add(counter, n, window).await,
        }
    }

    /// Sets a counter back to zero.
    pub async fn clear(&self, counter: &str) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Redb(redb) => redb.clear(counter).await,
        }
    }

    /// Takes one from each budget, in order, up to the first that has none left, and returns the place of
    /// that one. It counts at once, for whoever asks next; a crash may forget what the last second took.
    pub async fn spend(&self, budgets: Vec<Budget>) -> Result<Option<usize>, StoreError> {
        let asked = budgets.len();
        let had = match &self.backend {
            Backend::Redb(redb) => redb.spend(budgets).await?,
        };
        Ok((had < asked).then_some(had))
    }

    /// Deletes up to `limit` expired records and counters and returns how many; fewer than `limit`
    /// means that none are left. Keep `limit` small: writers wait meanwhile.
    pub async fn sweep(&self, limit: usize) -> Result<usize, StoreError> {
        match &self.backend {
            Backend::Redb(redb) => redb.sweep(limit).await,
        }
    }

    /// Makes relaxed batches durable now: at the end of the program, which need not wait for whoever else holds the
    /// store.
    pub async fn flush(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Redb(redb) => redb.flush().await,
        }
    }

    /// Whether writes go through. A failed fsync makes the store read-only until it is opened
    /// again; a full disk only until there is space.
    #[must_use]
    pub fn health(&self) -> Health {
        match &self.backend {
            Backend::Redb(redb) => redb.health(),
        }
    }
}

fn typed<R: Record>(raw: &Raw) -> Result<Stored<R>, StoreError> {
    Ok(Stored { record: encoding::decode(&raw.id, &raw.payload)?, version: raw.version })
}
