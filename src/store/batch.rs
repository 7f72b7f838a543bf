//! What is to be written, with what must hold for it. A batch is data: nothing happens before
//! [`super::Store::apply`].

use std::collections::BTreeSet;

use super::encoding;
use super::{IndexEntry, Kind, Record, StoreError, Stored};
use crate::clock::Timestamp;

/// What must hold for a record before the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There is none, or an expired one.
    Absent,
    /// It is live and has this version.
    Version(u64),
    /// Nothing.
    Any,
}

/// Puts and deletes that happen together or not at all. All expectations are held against the
/// state before the batch, so one record may be named only once.
#[derive(Debug)]
#[must_use = "a batch does nothing until it is applied"]
pub struct Batch {
    pub(super) ops: Vec<Op>,
    /// Must be live once it is applied, whatever their version.
    pub(super) required: Vec<(Kind, String)>,
    /// Set back to zero.
    pub(super) counters: Vec<Recount>,
    pub(super) relaxed: bool,
    /// The first mistake; told by `apply`, so that chains stay simple.
    pub(super) error: Option<StoreError>,
}

#[derive(Debug)]
pub(super) struct Op {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) expect: Expect,
    pub(super) change: Change,
}

/// A counter that goes down.
#[derive(Debug)]
pub(super) enum Recount {
    Clear(String),
    GiveBack(String),
}

#[derive(Debug)]
pub(super) enum Change {
    Put(Content),
    Delete,
}

/// A record without its type.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) expires: Option<Timestamp>,
    pub(super) index: Vec<IndexEntry>,
    pub(super) payload: Vec<u8>,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// With everything of `other`, which may not name a record of this one.
    pub fn and(mut self, other: Self) -> Self {
        self.ops.extend(other.ops);
        self.required.extend(other.required);
        self.counters.extend(other.counters);
        self.relaxed &= other.relaxed;
        self.error = self.error.or(other.error);
        self
    }

    /// Nothing yet.
    pub const fn new() -> Self {
        Self { ops: Vec::new(), required: Vec::new(), counters: Vec::new(), relaxed: false, error: None }
    }

    /// Writes a record that must not be there yet.
    pub fn insert<R: Record>(self, record: &R) -> Self {
        self.write(record, Expect::Absent)
    }

    /// Writes a changed record that must still have the version it was read with. The id must not
    /// have been changed.
    pub fn update<R: Record>(self, stored: &Stored<R>) -> Self {
        self.write(&stored.record, Expect::Version(stored.version))
    }

    /// Writes a record whatever is there. Put twice in one batch, the last counts.
    pub fn put<R: Record>(mut self, record: &R) -> Self {
        let id = record.id();
        let same = |op: &Op| op.kind == R::KIND && op.id == id && op.expect == Expect::Any;
        self.ops.retain(|op| !(same(op) && matches!(op.change, Change::Put(_))));
        self.write(record, Expect::Any)
    }

    /// Deletes a record; with [`Expect::Absent`] it only checks that there is none.
    pub fn delete<R: Record>(mut self, id: impl Into<String>, expect: Expect) -> Self {
        self.ops.push(Op { kind: R::KIND, id: id.into(), expect, change: Change::Delete });
        self
    }

    /// Deletes a record that must still have the version it was read with.
    pub fn remove<R: Record>(self, stored: &Stored<R>) -> Self {
        self.delete::<R>(stored.record.id(), Expect::Version(stored.version))
    }

    /// Lets the rest happen only if this record is live then, which the batch may see to itself. Whoever deletes it first
    /// and looks for what hangs on it afterwards finds all there will ever be.
    pub fn require<R: Record>(mut self, id: impl Into<String>) -> Self {
        self.required.push((R::KIND, id.into()));
        self
    }

    /// Sets a counter back to zero.
    pub fn clear(mut self, counter: String) -> Self {
        self.counters.push(Recount::Clear(counter));
        self
    }

    /// Takes one off a counter that is not zero.
    pub fn give_back(mut self, counter: String) -> Self {
        self.counters.push(Recount::GiveBack(counter));
        self
    }

    /// Whether it would change nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.counters.is_empty()
    }

    /// Lets `apply` answer before the disk has it; it follows within a second. For what may be
    /// forgotten by a crash, never for what was promised to anybody.
    pub const fn relaxed(mut self) -> Self {
        self.relaxed = true;
        self
    }

    fn write<R: Record>(mut self, record: &R, expect: Expect) -> Self {
        match encode(record) {
            Ok(content) => {
                self.ops.push(Op { kind: R::KIND, id: record.id(), expect, change: Change::Put(content) });
            }
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// The batch, or why it can never be applied.
    pub(super) fn checked(self) -> Result<Self, StoreError> {
        let mut seen = BTreeSet::new();
        for op in &self.ops {
            if !seen.insert((op.kind, op.id.as_str())) {
                return Err(unfit(op.kind, &op.id, "it is named twice in one batch"));
            }
        }
        match self.error {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

fn encode<R: Record>(record: &R) -> Result<Content, StoreError> {
    let mut index = record.index();
    index.sort();
    index.dedup_by(|a, b| a.name == b.name && a.value == b.value);
    let fits = |entry: &IndexEntry| {
        u8::try_from(entry.name.len()).is_ok() && u16::try_from(entry.value.len()).is_ok()
    };
    if u8::try_from(index.len()).is_err() || !index.iter().all(fits) {
        return Err(unfit(R::KIND, &record.id(), "an index entry is too long, or there are over 255"));
    }
    Ok(Content { expires: record.expires_at(), index, payload: encoding::encode(record)? })
}

fn unfit(kind: Kind, id: &str, why: &str) -> StoreError {
    StoreError::Encoding { kind, id: id.to_owned(), why: why.to_owned() }
}
