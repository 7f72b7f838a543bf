//! One write transaction's view: expectations are held against it, then it is changed. A batch whose
//! expectations do not hold has changed nothing, so others in the same transaction are not touched.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

use redb::{ReadableTable, Table, WriteTransaction};

use super::cache::Entry;
use super::layout::{
    COUNTER, COUNTERS, EXPIRY, Envelope, INDEX, META, SCHEMA, SCHEMA_KEY, SEQUENCE_KEY, counter_expiry_key,
    expiry_end, expiry_key, index_key, index_prefix, record_key, seal, split_expiry_key,
};
use super::rows::{Room, Rows, Where};
use super::{Fault, each_with_prefix};
use crate::clock::Timestamp;
use crate::store::batch::{Change, Content, Op, Recount};
use crate::store::{Batch, Budget, Conflict, ConflictCause, Expect, Kind};

/// Record keys with what is there now, for the cache.
pub(super) type Changes = BTreeMap<Vec<u8>, Option<Entry>>;

pub(super) struct Tables<'t> {
    meta: Table<'t, &'static str, u64>,
    rows: Rows<Table<'t, &'static [u8], &'static [u8]>>,
    index: Table<'t, &'static [u8], ()>,
    expiry: Table<'t, &'static [u8], ()>,
    counters: Table<'t, &'static [u8], (i64, u64)>,
    now: Timestamp,
    pub(super) room: Room,
    pub(super) changes: Changes,
}

/// What stands under a key before a batch.
#[derive(Default)]
struct Found {
    /// Where, and its version.
    there: Option<(Where, u64)>,
    /// The version, if it has not expired.
    live: Option<u64>,
    /// The keys that point to it.
    index: BTreeSet<Vec<u8>>,
    expiry: Option<Vec<u8>>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(txn: &'t WriteTransaction, now: Timestamp, room: Room) -> Result<Self, Fault> {
        Ok(Self {
            meta: txn.open_table(META)?,
            rows: Rows::write(txn)?,
            index: txn.open_table(INDEX)?,
            expiry: txn.open_table(EXPIRY)?,
            counters: txn.open_table(COUNTERS)?,
            now,
            room,
            changes: Changes::new(),
        })
    }

    /// Notes the version of the last batch.
    pub(super) fn set_sequence(&mut self, sequence: u64) -> Result<(), Fault> {
        self.meta.insert(SEQUENCE_KEY, sequence)?;
        Ok(())
    }

    /// Applies a batch as `version`, or says what stood against it.
    pub(super) fn apply(&mut self, batch: &Batch, version: u64) -> Result<Result<(), Conflict>, Fault> {
        let mut looked = Vec::with_capacity(batch.ops.len());
        for op in &batch.ops {
            let key = record_key(op.kind, &op.id);
            let found = self.look(&key)?;
            looked.push((op, key, found));
        }
        let conflict = match self.conflict(&looked)? {
            Some(conflict) => Some(conflict),
            None => self.missing(batch)?,
        };
        if let Some(conflict) = conflict {
            return Ok(Err(conflict));
        }
        for (op, key, found) in looked {
            match &op.change {
                Change::Put(content) => self.put(op, key, found, (version, content))?,
                Change::Delete => self.delete(key, &found)?,
            }
        }
        for counter in &batch.counters {
            match counter {
                Recount::Clear(name) => {
                    self.clear(name)?;
                }
                Recount::GiveBack(name) => self.give_back(name)?,
            }
        }
        Ok(Ok(()))
    }

    fn look(&self, key: &[u8]) -> Result<Found, Fault> {
        let Some((bytes, at)) = self.rows.get(key)? else {
            return Ok(Found::default());
        };
        let envelope = Envelope::open(key, bytes.value())?;
        let index = match key.split_first() {
            Some((tag, id)) => {
                envelope.index.iter().map(|(name, value)| index_key(*tag, name, value, id)).collect()
            }
            None => BTreeSet::new(),
        };
        Ok(Found {
            there: Some((at, envelope.version)),
            live: envelope.is_live(self.now).then_some(envelope.version),
            index,
            expiry: envelope.expires.map(|at| expiry_key(at, key)),
        })
    }

    /// The first record that is required and not there once the batch is applied.
    fn missing(&self, batch: &Batch) -> Result<Option<Conflict>, Fault> {
        for (kind, id) in &batch.required {
            let there = match batch.ops.iter().find(|op| op.kind == *kind && op.id == *id) {
                Some(op) => matches!(op.change, Change::Put(_)),
                None => self.is_live(&record_key(*kind, id))?,
            };
            if !there {
                return Ok(Some(Conflict { kind: *kind, id: id.clone(), cause: ConflictCause::Changed }));
            }
        }
        Ok(None)
    }

    fn conflict(&self, looked: &[(&Op, Vec<u8>, Found)]) -> Result<Option<Conflict>, Fault> {
        let named: BTreeSet<&[u8]> = looked.iter().map(|(_, key, _)| key.as_slice()).collect();
        let mut claimed = BTreeSet::new();
        for (op, _, found) in looked {
            let cause = match (op.expect, found.live) {
                (Expect::Absent, Some(_)) => Some(ConflictCause::Exists),
                (Expect::Version(wanted), live) if live != Some(wanted) => Some(ConflictCause::Changed),
                _ => self.taken(op, &named, &mut claimed)?,
            };
            if let Some(cause) = cause {
                return Ok(Some(Conflict { kind: op.kind, id: op.id.clone(), cause }));
            }
        }
        Ok(None)
    }

    /// The first unique value that another live record holds, or another record of the batch wants.
    /// Records that the batch itself changes hold nothing any more.
    fn taken<'b>(
        &self,
        op: &'b Op,
        named: &BTreeSet<&[u8]>,
        claimed: &mut BTreeSet<(Kind, &'static str, &'b str)>,
    ) -> Result<Option<ConflictCause>, Fault> {
        let Change::Put(content) = &op.change else {
            return Ok(None);
        };
        for entry in content.index.iter().filter(|entry| entry.unique) {
            let mut taken = !claimed.insert((op.kind, entry.name, &entry.value));
            let prefix = index_prefix(op.kind, entry.name.as_bytes(), entry.value.as_bytes());
            each_with_prefix(&self.index, &prefix, |id| {
                let mut key = vec![op.kind.number()];
                key.extend_from_slice(id);
                taken = taken || (!named.contains(key.as_slice()) && self.is_live(&key)?);
                Ok(if taken { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            if taken {
                return Ok(Some(ConflictCause::Taken { index: entry.name }));
            }
        }
        Ok(None)
    }

    fn is_live(&self, key: &[u8]) -> Result<bool, Fault> {
        let Some((bytes, _)) = self.rows.get(key)? else {
            return Ok(false);
        };
        Ok(Envelope::open(key, bytes.value())?.is_live(self.now))
    }

    fn put(
        &mut self,
        op: &Op,
        key: Vec<u8>,
        mut found: Found,
        (version, content): (u64, &Content),
    ) -> Result<(), Fault> {
        for entry in &content.index {
            let name = entry.name.as_bytes();
            let wanted = index_key(op.kind.number(), name, entry.value.as_bytes(), op.id.as_bytes());
            if !found.index.remove(&wanted) {
                self.index.insert(wanted.as_slice(), ())?;
            }
        }
        if let Some(at) = content.expires {
            let wanted = expiry_key(at, &key);
            if found.expiry.take_if(|found| *found == wanted).is_none() {
                self.expiry.insert(wanted.as_slice(), ())?;
            }
        }
        self.forget(&found)?;
        let bytes = seal(version, content);
        match found.there {
            Some((at, old)) => {
                let now_at = self.rows.replace(&key, &bytes, (at, old, version), &mut self.room)?;
                if at == Where::Records && now_at == Where::Recent {
                    // From now on a program that does not know where it stands must not read this file.
                    self.meta.insert(SCHEMA_KEY, SCHEMA)?;
                }
            }
            None => self.rows.insert(&key, &bytes)?,
        }
        let entry = Entry::new(version, content.expires, &content.payload);
        self.changes.insert(key, Some(entry));
        Ok(())
    }

    fn delete(&mut self, key: Vec<u8>, found: &Found) -> Result<(), Fault> {
        self.forget(found)?;
        self.rows.remove(&key)?;
        self.changes.insert(key, None);
        Ok(())
    }

    /// Removes what points to a record.
    fn forget(&mut self, found: &Found) -> Result<(), Fault> {
        for key in &found.index {
            self.index.remove(key.as_slice())?;
        }
        if let Some(key) = &found.expiry {
            self.expiry.remove(key.as_slice())?;
        }
        Ok(())
    }

    /// Adds to a counter, opening a window when there is none, and returns the total.
    pub(super) fn add(&mut self, name: &str, n: u64, window: Duration) -> Result<u64, Fault> {
        let name = name.as_bytes();
        let latest = (self.now + window).millis();
        let found = self.counters.get(name)?.map(|found| found.value());
        let (end, total) = match found {
            // An end beyond a whole window was set before the clock went back; it is not kept.
            Some((end, total)) if self.now.millis() < end => (end.min(latest), total.saturating_add(n)),
            Some(_) | None => (latest, n),
        };
        if found.map(|(end, _)| end) != Some(end) {
            if let Some((old, _)) = found {
                self.expiry.remove(counter_expiry_key(old, name).as_slice())?;
            }
            self.expiry.insert(counter_expiry_key(end, name).as_slice(), ())?;
        }
        self.counters.insert(name, (end, total))?;
        Ok(total)
    }

    /// Takes one from each budget up to the first that has none left; returns how many had.
    pub(super) fn spend(&mut self, budgets: &[Budget]) -> Result<u64, Fault> {
        let mut had = 0;
        for budget in budgets {
            if self.add(&budget.counter, 1, budget.window)? > budget.limit {
                break;
            }
            had += 1;
        }
        Ok(had)
    }

    fn give_back(&mut self, name: &str) -> Result<(), Fault> {
        let name = name.as_bytes();
        let found = self.counters.get(name)?.map(|found| found.value());
        if let Some((end, total)) = found {
            self.counters.insert(name, (end, total.saturating_sub(1)))?;
        }
        Ok(())
    }

    /// Removes a counter; says whether there was one.
    pub(super) fn clear(&mut self, name: &str) -> Result<bool, Fault> {
        let name = name.as_bytes();
        let found = self.counters.remove(name)?.map(|found| found.value());
        if let Some((end, _)) = found {
            self.expiry.remove(counter_expiry_key(end, name).as_slice())?;
        }
        Ok(found.is_some())
    }

    /// Removes up to `limit` records and counters that have expired, the oldest first.
    pub(super) fn sweep(&mut self, limit: usize) -> Result<u64, Fault> {
        let mut due = Vec::new();
        for row in self.expiry.range(..expiry_end(self.now).as_slice())?.take(limit) {
            due.push(row?.0.value().to_vec());
        }
        let mut swept = 0;
        for key in due {
            match split_expiry_key(&key)
                .and_then(|(_, rest)| rest.split_first().map(|(tag, name)| (*tag, name, rest)))
            {
                Some((COUNTER, name, _)) => {
                    self.counters.remove(name)?;
                }
                Some((_, _, record)) => {
                    let found = self.look(record)?;
                    self.delete(record.to_vec(), &found)?;
                }
                None => {}
            }
            self.expiry.remove(key.as_slice())?;
            swept += 1;
        }
        Ok(swept)
    }
}
