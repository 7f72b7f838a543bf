//! The embedded back end: one file, one writer thread, readers beside it.
//!
//! Reads take a snapshot and never wait for writes. All writes go through the `writer`, which
//! commits what has queued up in one transaction. This file owns the way there and back.

mod cache;
mod disk;
mod layout;
mod open;
mod queue;
mod rows;
mod tables;
mod writer;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};
use tokio::sync::oneshot;

use self::cache::{Cache, Entry};
use self::disk::Trouble;
use self::layout::{COUNTERS, Envelope, INDEX, damaged, index_prefix, record_key};
use self::open::{Factory, Place};
use self::queue::{Message, Tally};
use self::rows::{Room, Rows};
use self::writer::Writer;
use super::{ApplyError, Batch, Budget, Health, Kind, OpenError, Raw, StoreError};
use crate::clock::{Clock, Timestamp};

/// A handle on an open database; clones share it, the last one closes it.
#[derive(Clone)]
pub(super) struct Redb {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    clock: Clock,
    /// Taken when closing, which ends the writer.
    queue: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

/// What readers and the writer have in common.
struct Shared {
    /// Readers hold the lock while they read, so that the writer can close and reopen the database.
    db: RwLock<Option<Database>>,
    /// Counts the reopenings.
    generation: AtomicU64,
    cache: Cache,
    health: Mutex<Health>,
}

/// Why a transaction came to nothing.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// redb refuses to go on until it is reopened, most often after an I/O error.
    #[error("{0}")]
    Medium(String),
    /// The pages or a record are not what was written; reopening does not help.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Turns redb's errors into [`Fault`] through its own sum of them.
macro_rules! faults {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                match redb::Error::from(error) {
                    redb::Error::Corrupted(why) => Self::Store(StoreError::Unavailable { why }),
                    other => Self::Medium(other.to_string()),
                }
            }
        }
    )*};
}

faults!(StorageError, TableError, TransactionError, CommitError, SetDurabilityError);

impl Redb {
    pub(super) fn open_file(path: &Path, clock: Clock) -> Result<Self, OpenError> {
        Self::start(Place::file(path)?, clock, Room::default())
    }

    pub(super) fn open_backend(factory: Factory, clock: Clock) -> Result<Self, OpenError> {
        Self::start(Place::elsewhere(factory)?, clock, Room::small())
    }

    fn start(place: Place, clock: Clock, room: Room) -> Result<Self, OpenError> {
        let trouble = Trouble::default();
        let db = place.open(&trouble)?;
        let sequence = place.sequence(&db)?;
        let shared = Arc::new(Shared {
            db: RwLock::new(Some(db)),
            generation: AtomicU64::new(0),
            cache: Cache::new(),
            health: Mutex::new(Health::Writable),
        });
        let (queue, messages) = mpsc::channel();
        let writer = Writer::new(place, Arc::clone(&shared), clock.clone(), (trouble, sequence, room));
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(&messages))
            .map_err(|source| OpenError::Io { path: "(writer thread)".into(), source })?;
        let handle = Handle { shared, clock, queue: Some(queue), thread: Some(thread) };
        Ok(Self { handle: Arc::new(handle) })
    }

    pub(super) async fn get(&self, kind: Kind, id: &str) -> Result<Option<Raw>, StoreError> {
        let key = record_key(kind, id);
        let now = self.handle.clock.now();
        let cache = &self.handle.shared.cache;
        let found = if let Some(entry) = cache.get(&key) {
            Some(entry)
        } else {
            let ticket = cache.ticket(&key);
            let read = self.read(|txn| entry(txn, &key)).await?;
            if let Some(entry) = &read {
                cache.fill(&key, entry.clone(), &ticket);
            }
            read
        };
        Ok(found.filter(|entry| layout::is_live(entry.expires, now)).map(|entry| raw(id.to_owned(), entry)))
    }

    pub(super) async fn find(
        &self,
        kind: Kind,
        index: &str,
        value: &str,
        limit: usize,
    ) -> Result<Vec<Raw>, StoreError> {
        if u16::try_from(value.len()).is_err() {
            return Ok(Vec::new());
        }
        let prefix = index_prefix(kind, index.as_bytes(), value.as_bytes());
        let now = self.handle.clock.now();
        self.read(|txn| find(txn, kind, &prefix, (now, limit))).await
    }

    pub(super) async fn scan(
        &self,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Raw>, StoreError> {
        let now = self.handle.clock.now();
        self.read(|txn| scan(txn, kind, after, (now, limit))).await
    }

    pub(super) async fn count(&self, counter: &str) -> Result<u64, StoreError> {
        let now = self.handle.clock.now().millis();
        self.read(|txn| {
            let counters = txn.open_table(COUNTERS)?;
            let found = counters.get(counter.as_bytes())?.map(|found| found.value());
            Ok(found.map_or(0, |(end, total)| if now < end { total } else { 0 }))
        })
        .await
    }

    pub(super) async fn apply(&self, batch: Batch) -> Result<u64, ApplyError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Apply { batch, reply })?;
        answer.await.unwrap_or_else(|_| Err(gone().into()))
    }

    pub(super) async fn add(&self, counter: &str, n: u64, window: Duration) -> Result<u64, StoreError> {
        let name = counter.to_owned();
        self.tally(Tally::Add { name, n, window }).await
    }

    pub(super) async fn clear(&self, counter: &str) -> Result<(), StoreError> {
        let name = counter.to_owned();
        self.tally(Tally::Clear { name }).await.map(drop)
    }

    pub(super) async fn spend(&self, budgets: Vec<Budget>) -> Result<usize, StoreError> {
        let had = self.tally(Tally::Spend { budgets }).await?;
        Ok(usize::try_from(had).unwrap_or(usize::MAX))
    }

    pub(super) async fn sweep(&self, limit: usize) -> Result<usize, StoreError> {
        let swept = self.tally(Tally::Sweep { limit }).await?;
        Ok(usize::try_from(swept).unwrap_or(usize::MAX))
    }

    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        self.tally(Tally::Flush).await.map(drop)
    }

    pub(super) fn health(&self) -> Health {
        let health = self.handle.shared.health.lock();
        health.unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn tally(&self, task: Tally) -> Result<u64, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Tally { task, reply })?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        let queue = self.handle.queue.as_ref().ok_or_else(gone)?;
        queue.send(message).map_err(|_| gone())
    }

    /// Runs a read; after an I/O error once more on a reopened database.
    async fn read<T>(&self, read: impl Fn(&ReadTransaction) -> Result<T, Fault>) -> Result<T, StoreError> {
        let shared = &self.handle.shared;
        let generation = shared.generation.load(Ordering::Acquire);
        match shared.snapshot(&read) {
            Ok(found) => return Ok(found),
            Err(Fault::Store(error)) => return Err(error),
            Err(Fault::Medium(_)) => {}
        }
        let (reply, answer) = oneshot::channel();
        self.send(Message::Revive { generation, reply })?;
        answer.await.map_err(|_| gone())?;
        shared.snapshot(&read).map_err(|fault| match fault {
            Fault::Store(error) => error,
            Fault::Medium(why) => StoreError::Unavailable { why },
        })
    }
}

impl Shared {
    fn snapshot<T>(&self, read: impl Fn(&ReadTransaction) -> Result<T, Fault>) -> Result<T, Fault> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        let db = db.as_ref().ok_or_else(|| Fault::Medium("it could not be reopened".to_owned()))?;
        // redb may panic on pages that were altered behind its back.
        catch_unwind(AssertUnwindSafe(|| read(&db.begin_read()?)))
            .unwrap_or_else(|_| Err(Fault::Medium("its pages make no sense".to_owned())))
    }
}

/// Waits until the writer has flushed and closed the file, so that it can be opened again at once.
impl Drop for Handle {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing left to flush.
            drop(thread.join());
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable { why: "the writer has stopped".to_owned() }
}

fn raw(id: String, entry: Entry) -> Raw {
    Raw { id, version: entry.version, payload: entry.payload, decoded: entry.decoded }
}

fn opened(key: &[u8], bytes: &[u8]) -> Result<Entry, StoreError> {
    let envelope = Envelope::open(key, bytes)?;
    Ok(Entry::new(envelope.version, envelope.expires, envelope.payload))
}

fn entry(txn: &ReadTransaction, key: &[u8]) -> Result<Option<Entry>, Fault> {
    let rows = Rows::read(txn)?;
    let found = rows.get(key)?;
    Ok(found.map(|(bytes, _)| opened(key, bytes.value())).transpose()?)
}

fn find(
    txn: &ReadTransaction,
    kind: Kind,
    prefix: &[u8],
    (now, limit): (Timestamp, usize),
) -> Result<Vec<Raw>, Fault> {
    let index = txn.open_table(INDEX)?;
    let rows = Rows::read(txn)?;
    let mut found = Vec::new();
    each_with_prefix(&index, prefix, |id| {
        let id = String::from_utf8_lossy(id).into_owned();
        let key = record_key(kind, &id);
        let bytes = rows.get(&key)?.map(|(bytes, _)| bytes);
        let bytes = bytes.ok_or_else(|| damaged(&key, "it is in an index but not there"))?;
        let entry = opened(&key, bytes.value())?;
        if found.len() < limit && layout::is_live(entry.expires, now) {
            found.push(raw(id, entry));
        }
        Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}

/// Hands over the rest of every key that begins with `prefix`, in order.
fn each_with_prefix(
    table: &impl ReadableTable<&'static [u8], ()>,
    prefix: &[u8],
    mut visit: impl FnMut(&[u8]) -> Result<ControlFlow<()>, Fault>,
) -> Result<(), Fault> {
    for row in table.range(prefix..)? {
        let (key, _) = row?;
        let Some(rest) = key.value().strip_prefix(prefix) else {
            break;
        };
        if visit(rest)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn scan(
    txn: &ReadTransaction,
    kind: Kind,
    after: Option<&str>,
    (now, limit): (Timestamp, usize),
) -> Result<Vec<Raw>, Fault> {
    let mut start = record_key(kind, after.unwrap_or_default());
    if after.is_some() {
        // The least key greater than `after`.
        start.push(0);
    }
    let mut found = Vec::new();
    Rows::read(txn)?.each(&start, |key, bytes| {
        let Some(id) = key.strip_prefix(&[kind.number()]).filter(|_| found.len() < limit) else {
            return Ok(ControlFlow::Break(()));
        };
        let entry = opened(key, bytes)?;
        if layout::is_live(entry.expires, now) {
            found.push(raw(String::from_utf8_lossy(id).into_owned(), entry));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}
