//! Records in two tables: [`RECORDS`] has them all, [`RECENT`] the last state of those that change again and again.
//!
//! A tree that is copied on write writes a page for every record that changes, and the pages above it. The grants that
//! are in use lie far apart among a million; in a table of their own they lie side by side, and a commit writes little
//! more than with a thousand (docs/decisions/0011-what-changes-lies-together.md).
//!
//! What stands in [`RECENT`] has an empty row in [`RECORDS`], whose keys are all there are: every state stands in one place.

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
            overwrite(&mut self.records, key, &[])?;
            self.recent.insert(key, bytes)?;
            return Ok(Where::Recent);
        }
        // Another record of the same batch may have taken its room since it was looked up.
        if at == Where::Recent && overwrite(&mut self.recent, key, bytes)? {
            return Ok(Where::Recent);
        }
        overwrite(&mut self.records, key, bytes)?;
        Ok(Where::Records)
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
            overwrite(&mut self.records, &key, &bytes)?;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use redb::backends::InMemoryBackend;
    use redb::{Database, ReadableDatabase};

    use super::*;
    use crate::store::batch::Content;
    use crate::store::redb::layout::{record_key, seal};

    /// A store of grants beside the states that they must have.
    struct Grants {
        db: Database,
        room: Room,
        version: u64,
        expected: BTreeMap<Vec<u8>, u64>,
    }

    fn state(version: u64) -> Vec<u8> {
        seal(version, &Content { expires: None, index: Vec::new(), payload: vec![b'x'; 40] })
    }

    impl Grants {
        fn new(count: usize, room: Room) -> Self {
            let db = Database::builder().create_with_backend(InMemoryBackend::new()).expect("redb");
            let mut grants = Self { db, room, version: 0, expected: BTreeMap::new() };
            for number in 0..count {
                grants.write(number);
            }
            grants
        }

        fn key(number: usize) -> Vec<u8> {
            record_key(Kind::Grant, &format!("{number:04}"))
        }

        fn write(&mut self, number: usize) {
            let key = Self::key(number);
            self.version += 1;
            let bytes = state(self.version);
            let txn = self.db.begin_write().expect("begin");
            let mut rows = Rows::write(&txn).expect("tables");
            let there = rows.get(&key).expect("reads").map(|(bytes, at)| {
                (at, Envelope::open(&key, bytes.value()).expect("whole").version, self.version)
            });
            match there {
                Some(step) => drop(rows.replace(&key, &bytes, step, &mut self.room).expect("replaces")),
                None => rows.insert(&key, &bytes).expect("inserts"),
            }
            drop(rows);
            txn.commit().expect("commit");
            self.expected.insert(key, self.version);
        }

        fn remove(&mut self, number: usize) {
            let txn = self.db.begin_write().expect("begin");
            Rows::write(&txn).expect("tables").remove(&Self::key(number)).expect("removes");
            txn.commit().expect("commit");
            self.expected.remove(&Self::key(number));
        }

        /// How many stand among the recent ones, once everything was found in its last state, one by one and in order.
        fn recent(&self) -> u64 {
            let rows = Rows::read(&self.db.begin_read().expect("begin")).expect("tables");
            let mut listed = BTreeMap::new();
            rows.each(&[], |key, bytes| {
                listed.insert(key.to_vec(), Envelope::open(key, bytes)?.version);
                Ok(ControlFlow::Continue(()))
            })
            .expect("lists");
            assert_eq!(listed, self.expected);
            for (key, version) in &self.expected {
                let (bytes, at) = rows.get(key).expect("reads").expect("is there");
                assert_eq!(bytes.value(), state(*version));
                let row = rows.records.get(key.as_slice()).expect("reads").expect("is there");
                assert_eq!(row.value().is_empty(), at == Where::Recent, "one place for every state");
            }
            rows.recent.len().expect("counts")
        }
    }

    fn room(window: u64, rows: u64) -> Room {
        Room { window, rows, ..Room::default() }
    }

    #[test]
    fn what_changes_soon_again_stands_among_the_recent() {
        let mut grants = Grants::new(20, room(10, 20));
        assert_eq!(grants.recent(), 0, "made, not changed");
        grants.write(3);
        assert_eq!(grants.recent(), 0, "changed after 17 batches");
        grants.write(3);
        assert_eq!(grants.recent(), 1, "and at once again");
        grants.write(3);
        assert_eq!(grants.recent(), 1);
        grants.remove(3);
        assert_eq!(grants.recent(), 0);
    }

    #[test]
    fn what_is_left_alone_makes_room() {
        let mut grants = Grants::new(40, room(10, 20));
        for number in 0..20 {
            grants.write(number);
            grants.write(number);
        }
        assert_eq!(grants.recent(), 20);
        for number in 20..40 {
            grants.write(number);
            grants.write(number);
            assert!(grants.recent() <= 20);
        }
        let rows = Rows::read(&grants.db.begin_read().expect("begin")).expect("tables");
        let at = |number| rows.get(&Grants::key(number)).expect("reads").map(|(_, at)| at);
        assert_eq!(at(0), Some(Where::Records));
        assert_eq!(at(39), Some(Where::Recent));
    }

    #[test]
    fn what_goes_on_changing_is_not_driven_out() {
        let mut grants = Grants::new(40, room(40, 8));
        for _ in 0..2 {
            for number in 0..8 {
                grants.write(number);
            }
        }
        assert_eq!(grants.recent(), 8);
        grants.write(30);
        grants.write(30);
        let rows = Rows::read(&grants.db.begin_read().expect("begin")).expect("tables");
        assert_eq!(rows.get(&Grants::key(30)).expect("reads").map(|(_, at)| at), Some(Where::Records));
        assert_eq!(grants.recent(), 8);
    }

    #[test]
    fn one_batch_changes_what_it_drives_out() {
        let mut grants = Grants::new(3, room(2, 1));
        grants.write(1);
        assert_eq!(grants.recent(), 1);
        for number in 3..7 {
            grants.write(number);
        }
        grants.write(2);
        // Number 1 is looked up among the recent before number 2 takes its room.
        let (old, before) =
            (grants.version, grants.expected.get(&Grants::key(1)).copied().expect("is there"));
        let (key, bytes) = (Grants::key(1), state(old + 1));
        let txn = grants.db.begin_write().expect("begin");
        let mut rows = Rows::write(&txn).expect("tables");
        assert_eq!(rows.get(&key).expect("reads").map(|(_, at)| at), Some(Where::Recent));
        let second = (Where::Records, old, old + 1);
        let at = rows.replace(&Grants::key(2), &bytes, second, &mut grants.room).expect("replaces");
        assert_eq!(at, Where::Recent);
        let first = (Where::Recent, before, old + 1);
        let at = rows.replace(&key, &bytes, first, &mut grants.room).expect("replaces");
        assert_eq!(at, Where::Records);
        drop(rows);
        txn.commit().expect("commit");
        grants.expected.extend([(key, old + 1), (Grants::key(2), old + 1)]);
        assert_eq!(grants.recent(), 1);
    }

    #[test]
    fn a_damaged_row_stands_in_nobodys_way() {
        let mut grants = Grants::new(6, room(3, 2));
        for number in [0, 1] {
            grants.write(number);
            grants.write(number);
        }
        let txn = grants.db.begin_write().expect("begin");
        let mut rows = Rows::write(&txn).expect("tables");
        rows.recent.insert(Grants::key(0).as_slice(), &b"cut"[..]).expect("damages");
        drop(rows);
        txn.commit().expect("commit");
        for number in [2, 3, 4, 5, 5] {
            grants.write(number);
        }
        let rows = Rows::read(&grants.db.begin_read().expect("begin")).expect("tables");
        let at = |number| rows.get(&Grants::key(number)).expect("reads").map(|(_, at)| at);
        assert_eq!([at(0), at(1), at(5)], [Where::Recent, Where::Records, Where::Recent].map(Some));
    }

    #[test]
    fn the_last_state_is_found_whatever_changes_when() {
        let mut grants = Grants::new(50, room(12, 10));
        let mut number = 7;
        for step in 0..2_000 {
            number = (number * 31 + step) % 50;
            // Some change far more often than others.
            grants.write(number % if step % 3 == 0 { 50 } else { 9 });
            if step % 50 == 0 {
                grants.remove(number);
                grants.recent();
            }
        }
        assert!((1..=10).contains(&grants.recent()));
    }
}
