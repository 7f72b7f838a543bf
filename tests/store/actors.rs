//! The record and the small words that the store's tests speak.

use std::future::Future;
use std::time::Duration;

use gantry::clock::{Clock, Timestamp};
use gantry::store::{ApplyError, Conflict, ConflictCause, IndexEntry, Kind, Record, Store};
use serde::{Deserialize, Serialize};

/// A record with everything a record can have, of a kind that changes often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Badge {
    pub(crate) id: String,
    /// Unique among live badges.
    pub(crate) name: Option<String>,
    /// Shared by any number.
    pub(crate) team: String,
    pub(crate) uses: u64,
    pub(crate) expires: Option<Timestamp>,
}

impl Record for Badge {
    const KIND: Kind = Kind::Grant;

    fn id(&self) -> String {
        self.id.clone()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        self.expires
    }

    fn index(&self) -> Vec<IndexEntry> {
        let name = self.name.iter().map(|name| IndexEntry::unique("name", name));
        name.chain([IndexEntry::many("team", &self.team)]).collect()
    }
}

/// Another kind, to see that kinds keep to themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) id: String,
    pub(crate) text: String,
}

impl Record for Note {
    const KIND: Kind = Kind::Group;

    fn id(&self) -> String {
        self.id.clone()
    }

    fn index(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::unique("name", &self.text)]
    }
}

pub(crate) fn badge(id: &str) -> Badge {
    Badge { id: id.to_owned(), name: None, team: "red".to_owned(), uses: 0, expires: None }
}

impl Badge {
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    pub(crate) fn team(mut self, team: &str) -> Self {
        team.clone_into(&mut self.team);
        self
    }

    pub(crate) fn uses(mut self, uses: u64) -> Self {
        self.uses = uses;
        self
    }

    pub(crate) fn expiring(mut self, at: Timestamp) -> Self {
        self.expires = Some(at);
        self
    }
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn clock() -> Clock {
    Clock::manual(Timestamp::from_seconds(1_000_000))
}

/// A store in a directory of its own, gone with it.
pub(crate) struct Home {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) directory: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let clock = clock();
        let store = Store::open_redb(&directory.path().join("gantry.redb"), clock.clone()).expect("store");
        Self { store, clock, directory }
    }

    /// The same file, closed and opened again.
    pub(crate) fn reopened(self) -> Self {
        let Self { store, clock, directory } = self;
        drop(store);
        let store = Store::open_redb(&directory.path().join("gantry.redb"), clock.clone()).expect("store");
        Self { store, clock, directory }
    }
}

pub(crate) fn run<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime").block_on(task)
}

/// A runtime whose tasks really run beside each other.
pub(crate) fn run_parallel<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("runtime")
        .block_on(task)
}

pub(crate) trait Outcome {
    fn expect_conflict(self) -> (String, ConflictCause);
}

impl Outcome for Result<u64, ApplyError> {
    fn expect_conflict(self) -> (String, ConflictCause) {
        match self {
            Err(ApplyError::Conflict(Conflict { id, cause, .. })) => (id, cause),
            other => panic!("no conflict: {other:?}"),
        }
    }
}

pub(crate) fn ids(found: &[gantry::store::Stored<Badge>]) -> Vec<&str> {
    found.iter().map(|badge| badge.id.as_str()).collect()
}
