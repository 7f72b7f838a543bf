//! One write transaction's view: expectations are held against it, then it is changed. A batch whose
//! expectations do not hold has changed nothing, so others in the same transaction are not touched.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

use redb::{ReadableTable, Table, WriteTransaction};

use super::cache::Entry;
use super::layout::{
    COUNTER, COUNTERS, EXPIRY, Envelope, INDEX, META, RECORDS, SEQUENCE_KEY, counter_expiry_key, expiry_end,
    expiry_key, index_prefix, record_key, seal, split_expiry_key,
};
use super::{Fault, each_with_prefix};
use crate::clock::Timestamp;
use crate::store::batch::{Change, Content, Op, Recount};
use crate::store::{Batch, Budget, Conflict, ConflictCause, Expect, Kind};

/// Record keys with what is there now, for the cache.
pub(super) type Changes = BTreeMap<Vec<u8>, Option<Entry>>;

pub(super) struct Tables<'t> {
    meta: Table<'t, &'static str, u64>,
    records: Table<'t, &'static [u8], &'static [u8]>,
    index: Table<'t, &'static [u8], ()>,
    expiry: Table<'t, &'static [u8], ()>,
    counters: Table<'t, &'static [u8], (i64, u64)>,
    now: Timestamp,
    pub(super) changes: Changes,
}

/// The keys that point to a record.
#[derive(Default)]
struct References {
    index: BTreeSet<Vec<u8>>,
    expiry: Option<Vec<u8>>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(txn: &'t WriteTransaction, now: Timestamp) -> Result<Self, Fault> {
        Ok(Self {
            meta: txn.open_table(META)?,
            records: txn.open_table(RECORDS)?,
            index: txn.open_table(INDEX)?,
            expiry: txn.open_table(EXPIRY)?,
            counters: txn.open_table(COUNTERS)?,
            now,
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
        if let Some(conflict) = self.conflict(&batch.ops)? {
            return Ok(Err(conflict));
        }
        for op in &batch.ops {
            let key = record_key(op.kind, &op.id);
            match &op.change {
                Change::Put(content) => self.put(op, key, (version, content))?,
                Change::Delete => {
                    self.delete(&key)?;
                }
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

    fn conflict(&self, ops: &[Op]) -> Result<Option<Conflict>, Fault> {
        let named: BTreeSet<_> = ops.iter().map(|op| (op.kind, op.id.as_bytes())).collect();
        let mut claimed = BTreeSet::new();
        for op in ops {
            let cause = match self.unexpected(op)? {
                Some(cause) => Some(cause),
                None => self.taken(op, &named, &mut claimed)?,
            };
            if let Some(cause) = cause {
                return Ok(Some(Conflict { kind: op.kind, id: op.id.clone(), cause }));
            }
        }
        Ok(None)
    }

    fn unexpected(&self, op: &Op) -> Result<Option<ConflictCause>, Fault> {
        if op.expect == Expect::Any {
            return Ok(None);
        }
        let found = self.live(&record_key(op.kind, &op.id))?;
        Ok(match (op.expect, found) {
            (Expect::Absent, Some(_)) => Some(ConflictCause::Exists),
            (Expect::Version(wanted), found) if found != Some(wanted) => Some(ConflictCause::Changed),
            _ => None,
        })
    }

    /// The first unique value that another live record holds, or another record of the batch wants.
    /// Records that the batch itself changes hold nothing any more.
    fn taken<'b>(
        &self,
        op: &'b Op,
        named: &BTreeSet<(Kind, &[u8])>,
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
                taken = taken || (!named.contains(&(op.kind, id)) && self.live(&key)?.is_some());
                Ok(if taken { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            if taken {
                return Ok(Some(ConflictCause::Taken { index: entry.name }));
            }
        }
        Ok(None)
    }

    /// The version of a record that has not expired.
    fn live(&self, key: &[u8]) -> Result<Option<u64>, Fault> {
        let Some(bytes) = self.records.get(key)? else {
            return Ok(None);
        };
        let envelope = Envelope::open(key, bytes.value())?;
        Ok(envelope.is_live(self.now).then_some(envelope.version))
    }

    fn put(&mut self, op: &Op, key: Vec<u8>, (version, content): (u64, &Content)) -> Result<(), Fault> {
        let mut old = self.references(&key, &op.id)?;
        for entry in &content.index {
            let mut wanted = index_prefix(op.kind, entry.name.as_bytes(), entry.value.as_bytes());
            wanted.extend_from_slice(op.id.as_bytes());
            if !old.index.remove(&wanted) {
                self.index.insert(wanted.as_slice(), ())?;
            }
        }
        if let Some(at) = content.expires {
            let wanted = expiry_key(at, &key);
            if old.expiry.take_if(|found| *found == wanted).is_none() {
                self.expiry.insert(wanted.as_slice(), ())?;
            }
        }
        self.forget(&old)?;
        self.records.insert(key.as_slice(), seal(version, content).as_slice())?;
        let entry = Entry::new(version, content.expires, &content.payload);
        self.changes.insert(key, Some(entry));
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Fault> {
        let id = key.get(1..).unwrap_or_default();
        let old = self.references(key, &String::from_utf8_lossy(id))?;
        self.forget(&old)?;
        self.records.remove(key)?;
        self.changes.insert(key.to_vec(), None);
        Ok(())
    }

    /// What points to the record that is there now.
    fn references(&self, key: &[u8], id: &str) -> Result<References, Fault> {
        let Some(bytes) = self.records.get(key)? else {
            return Ok(References::default());
        };
        let envelope = Envelope::open(key, bytes.value())?;
        let tag = key.first().copied().and_then(Kind::from_number);
        let index = tag.map_or_else(BTreeSet::new, |kind| {
            let full = |(name, value): &(&[u8], &[u8])| {
                let mut full = index_prefix(kind, name, value);
                full.extend_from_slice(id.as_bytes());
                full
            };
            envelope.index.iter().map(full).collect()
        });
        Ok(References { index, expiry: envelope.expires.map(|at| expiry_key(at, key)) })
    }

    fn forget(&mut self, old: &References) -> Result<(), Fault> {
        for key in &old.index {
            self.index.remove(key.as_slice())?;
        }
        if let Some(key) = &old.expiry {
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
                Some((_, _, record)) => self.delete(record)?,
                None => {}
            }
            self.expiry.remove(key.as_slice())?;
            swept += 1;
        }
        Ok(swept)
    }
}
