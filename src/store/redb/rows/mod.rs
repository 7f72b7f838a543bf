//! Records in two tables: [`RECORDS`] has them all, [`RECENT`] the last state of those that change again and again.
//!
//! A tree that is copied on write writes a page for every record that changes, and the pages above it. The grants that
//! are in use lie far apart among a million; in a table of their own they lie side by side, and a commit writes little
//! more than with a thousand (docs/decisions/0011-what-changes-lies-together.md).
//!
//! What stands in [`RECENT`] has an empty row in [`RECORDS`], whose keys are all there are: every state stands in one place.

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use redb::{
    AccessGuard, ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, Table,
    WriteTransaction,
};

use super::Fault;
use super::layout::{Envelope, RECENT, RECORDS};
use crate::store::Kind;

type Bytes = &'static [u8];

/// How far apart, in batches, two writes of a record may lie for it to count as one that changes again and again.
const WINDOW: u64 = 65_536;

/// Rows of [`RECENT`], about 100 MB of grants. A batch seldom changes two of these, so half of a full table at least has
/// been left alone for longer than [`WINDOW`].
const ROOM: u64 = 2 * WINDOW;

/// Rows that are looked at to make room for one.
const LOOKS: usize = 4;

/// Where the last state of a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Records,
    Recent,
}

pub(super) struct Rows<T> {
    records: T,
    recent: T,
}

/// How much may stand in [`RECENT`], and who goes next. Outlives the transaction.
#[derive(Debug, Clone)]
pub(super) struct Room {
    window: u64,
    rows: u64,
    /// Up to which key rows were looked at the last time.
    hand: Vec<u8>,
}

impl Default for Room {
    fn default() -> Self {
        Self { window: WINDOW, rows: ROOM, hand: Vec::new() }
    }
}

impl Room {
    /// So little that tests come to its end.
    pub(super) const fn small() -> Self {
        Self { window: 2, rows: 2, hand: Vec::new() }
    }

    /// Whether a record that had version `old` changes again soon enough in `new`.
    fn is_fresh(&self, old: u64, new: u64) -> bool {
        new.saturating_sub(old) <= self.window
    }
}

impl Rows<ReadOnlyTable<Bytes, Bytes>> {
    pub(super) fn read(txn: &ReadTransaction) -> Result<Self, Fault> {
        Ok(Self { records: txn.open_table(RECORDS)?, recent: txn.open_table(RECENT)? })
    }
}

impl<T: ReadableTable<Bytes, Bytes>> Rows<T> {
    /// The last state of a record, and where it stands.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<(AccessGuard<'_, Bytes>, Where)>, Fault> {
        if changes_often(key)
            && let Some(found) = self.recent.get(key)?
        {
            return Ok(Some((found, Where::Recent)));
        }
        Ok(self.records.get(key)?.map(|found| (found, Where::Records)))
    }

    /// Hands over key and last state of every record from `start` on, in the order of keys.
    pub(super) fn each(
        &self,
        start: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, Fault>,
    ) -> Result<(), Fault> {
        let mut recent = self.recent.range(start..)?.peekable();
        for row in self.records.range(start..)? {
            let (key, bytes) = row?;
            let same = |row: &Result<(AccessGuard<'_, Bytes>, _), _>| {
                row.as_ref().map_or(true, |(other, _)| other.value() == key.value())
            };
            let last = match recent.next_if(same).transpose()? {
                Some((_, last)) => last,
                None => bytes,
            };
            if visit(key.value(), last.value())?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl<'t> Rows<Table<'t, Bytes, Bytes>> {
    pub(super) fn write(txn: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self { records: txn.open_table(RECORDS)?, recent: txn.open_table(RECENT)? })
    }

    /// Writes a record that is not there.
    pub(super) fn insert(&mut self, key: &[u8], bytes: &[u8]) -> Result<(), Fault> {
        self.records.insert(key, bytes)?;
        Ok(())
    }

    /// Writes a new state, of version `new`, over one of version `old` that stands `at`; tells where it stands now.
    pub(super) fn replace(
        &mut self,
        key: &[u8],
        bytes: &[u8],
        (at, old, new): (Where, u64, u64),
        room: &mut Room,
    ) -> Result<Where, Fault> {
        if at == Where::Records
            && changes_often(key)
            && room.is_fresh(old, new)
            && self.has_room(new, room)?
        {
            self.settle(key, &[])?;
            self.recent.insert(key, bytes)?;
            return Ok(Where::Recent);
        }
        // Another record of the same batch may have taken its room since it was looked up.
        if at == Where::Recent && overwrite(&mut self.recent, key, bytes)? {
            return Ok(Where::Recent);
        }
        self.settle(key, bytes)?;
        Ok(Where::Records)
    }

    /// Writes to [`RECORDS`], whatever stands there.
    fn settle(&mut self, key: &[u8], bytes: &[u8]) -> Result<(), Fault> {
        if overwrite(&mut self.records, key, bytes)? { Ok(()) } else { self.insert(key, bytes) }
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Result<(), Fault> {
        self.records.remove(key)?;
        if changes_often(key) {
            self.recent.remove(key)?;
        }
        Ok(())
    }

    /// Whether one more may stand in [`RECENT`]. When it is full, what was left alone goes back to [`RECORDS`] first,
    /// a few rows further each time.
    fn has_room(&mut self, now: u64, room: &mut Room) -> Result<bool, Fault> {
        if self.recent.len()? < room.rows {
            return Ok(true);
        }
        let mut left_alone = Vec::with_capacity(LOOKS);
        let mut rows = self.recent.range(room.hand.as_slice()..)?;
        room.hand.clear();
        for _ in 0..LOOKS {
            let Some(row) = rows.next() else {
                // From the front the next time.
                room.hand.clear();
                break;
            };
            let (key, bytes) = row?;
            room.hand = [key.value(), &[0]].concat();
            // A damaged one is for whoever wants it to find.
            let version = Envelope::open(key.value(), bytes.value()).map(|envelope| envelope.version);
            if version.is_ok_and(|version| !room.is_fresh(version, now)) {
                left_alone.push((key.value().to_vec(), bytes.value().to_vec()));
            }
        }
        drop(rows);
        for (key, bytes) in left_alone {
            self.settle(&key, &bytes)?;
            self.recent.remove(key.as_slice())?;
        }
        Ok(self.recent.len()? < room.rows)
    }
}

/// Whether records under this key are many and change again and again.
fn changes_often(key: &[u8]) -> bool {
    let kind = key.first().and_then(|number| Kind::from_number(*number));
    matches!(kind, Some(Kind::Session | Kind::Grant))
}

/// Changes a row in its page, which costs less than a page built anew; says whether it was there.
fn overwrite(table: &mut Table<'_, Bytes, Bytes>, key: &[u8], bytes: &[u8]) -> Result<bool, Fault> {
    let Some(mut there) = table.get_mut(key)? else {
        return Ok(false);
    };
    there.insert(bytes)?;
    Ok(true)
}
