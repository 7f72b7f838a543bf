//! The one thread that writes: it takes whatever has queued up, commits it in one transaction and
//! answers when that is durable.
//!
//! After an I/O error redb refuses everything, so the database is closed and opened again: for
//! writing when the disk was full or something could not be read, over memory when a write or
//! fsync failed. An fsync is never retried: the system may have dropped what it could not write.

use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLockWriteGuard};
use std::thread;
use std::time::Duration;

use redb::{Database, Durability};

use super::disk::{Cause, Trouble};
use super::open::Place;
use super::queue::{Message, Outcome, Tally, answer, refuse};
use super::rows::Room;
use super::tables::{Changes, Tables};
use super::{Fault, Shared};
use crate::clock::Clock;
use crate::store::{Health, StoreError};

/// The most that is committed at once; bounds how long the first waits.
const GROUP: usize = 1024;
/// How long a relaxed batch may stay in memory, and how often a full disk is tried again.
const FLUSH: Duration = Duration::from_secs(1);
/// Breath between attempts while the medium fails: reopening throws the caches away.
const BACK_OFF: Duration = Duration::from_millis(10);

/// What a transaction did.
struct Done {
    outcomes: Vec<Outcome>,
    changes: Changes,
    room: Room,
    sequence: u64,
    commit: Commit,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Commit {
    /// Nothing was changed.
    Skip,
    /// Into memory, to be made durable by a later one.
    Relaxed,
    Durable,
}

/// Whether the open database may be written.
enum Access {
    Writable,
    /// Over memory, to be tried again.
    Paused(StoreError),
    /// Over memory until the store is opened anew.
    Sealed,
}

pub(super) struct Writer {
    place: Place,
    shared: Arc<Shared>,
    clock: Clock,
    trouble: Trouble,
    access: Access,
    /// Never goes back, also when the database does: a lost relaxed version is not given again.
    sequence: u64,
    room: Room,
    /// Since when relaxed commits wait for a durable one, by [`Clock::elapsed`].
    unflushed: Option<Duration>,
}

impl Writer {
    pub(super) fn new(
        place: Place,
        shared: Arc<Shared>,
        clock: Clock,
        (trouble, sequence, room): (Trouble, u64, Room),
    ) -> Self {
        Self { place, shared, clock, trouble, access: Access::Writable, sequence, room, unflushed: None }
    }

    /// Works until every handle is gone, then flushes and closes.
    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        loop {
            let first = if self.unflushed.is_some() || self.may_recover() {
                messages.recv_timeout(FLUSH.saturating_sub(self.waiting()))
            } else {
                messages.recv().map_err(RecvTimeoutError::from)
            };
            match first {
                Ok(first) => {
                    let group = iter::once(first).chain(messages.try_iter().take(GROUP - 1));
                    self.serve(group.collect());
                }
                Err(RecvTimeoutError::Timeout) => self.flush(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.unflushed.is_some() {
            self.flush();
        }
        // Closes the file before the thread is joined.
        drop(self.slot().take());
    }

    fn serve(&mut self, mut group: Vec<Message>) {
        for message in group.extract_if(.., |message| matches!(message, Message::Revive { .. })) {
            self.revive(message);
        }
        // Who writes all the time must not keep the rest waiting for a moment of silence.
        let floor = if self.waiting() >= FLUSH { Commit::Durable } else { Commit::Skip };
        match self.attempt(&group, floor) {
            Ok(outcomes) => {
                for (message, outcome) in group.into_iter().zip(outcomes) {
                    answer(message, outcome);
                }
            }
            // One damaged record must not fail the others.
            Err(StoreError::Damaged { .. }) if group.len() > 1 => {
                for message in group {
                    self.serve(vec![message]);
                }
            }
            Err(error) => {
                for message in group {
                    refuse(message, &error);
                }
            }
        }
    }

    fn revive(&mut self, message: Message) {
        // Another reader or the writer itself may have been faster.
        if let Message::Revive { generation, .. } = &message
            && *generation == self.shared.generation.load(Ordering::Acquire)
        {
            self.recover("it could not be read".to_owned());
        }
        answer(message, Outcome::Number(0));
    }

    /// How long the oldest relaxed commit has waited.
    fn waiting(&self) -> Duration {
        self.unflushed.map_or(Duration::ZERO, |since| self.clock.elapsed().saturating_sub(since))
    }

    /// Makes relaxed commits durable, or finds out whether a full disk has space again.
    fn flush(&mut self) {
        if let Err(error) = self.attempt(&[], Commit::Durable) {
            tracing::warn!(%error, "the store could not be flushed");
            // Again after a while, not at once.
            self.unflushed = self.unflushed.map(|_| self.clock.elapsed());
        }
    }

    /// Commits a group at least as durably as `floor`; afterwards the cache is as new as the file.
    fn attempt(&mut self, group: &[Message], floor: Commit) -> Result<Vec<Outcome>, StoreError> {
        if group.is_empty() && floor == Commit::Skip {
            return Ok(Vec::new());
        }
        self.regain()?;
        // What went wrong before and did no harm must not be blamed for what goes wrong now.
        self.trouble.take();
        match self.transact(group, floor) {
            Ok(done) => Ok(self.finish(done)),
            Err(Fault::Store(error)) => Err(error),
            Err(Fault::Medium(why)) => Err(self.recover(why)),
        }
    }

    fn transact(&self, group: &[Message], floor: Commit) -> Result<Done, Fault> {
        let db = self.shared.db.read().unwrap_or_else(PoisonError::into_inner);
        let db = db.as_ref().ok_or_else(|| Fault::Medium("it could not be reopened".to_owned()))?;
        // redb may panic on pages that were altered behind its back.
        catch_unwind(AssertUnwindSafe(|| self.write(db, group, floor)))
            .unwrap_or_else(|_| Err(Fault::Medium("its pages make no sense".to_owned())))
    }

    fn write(&self, db: &Database, group: &[Message], floor: Commit) -> Result<Done, Fault> {
        let mut txn = db.begin_write()?;
        let mut done = Done {
            outcomes: Vec::with_capacity(group.len()),
            changes: Changes::new(),
            room: Room::default(),
            sequence: self.sequence,
            commit: floor,
        };
        let mut tables = Tables::open(&txn, self.clock.now(), self.room.clone())?;
        for message in group {
            let (outcome, commit) = perform(&mut tables, message, &mut done.sequence)?;
            done.outcomes.push(outcome);
            done.commit = done.commit.max(commit);
        }
        if done.commit > Commit::Skip {
            tables.set_sequence(done.sequence)?;
        }
        done.changes = std::mem::take(&mut tables.changes);
        done.room = std::mem::take(&mut tables.room);
        drop(tables);
        match done.commit {
            Commit::Skip => txn.abort()?,
            Commit::Relaxed => {
                txn.set_durability(Durability::None)?;
                txn.commit()?;
            }
            Commit::Durable => {
                txn.set_quick_repair(true);
                txn.commit()?;
            }
        }
        Ok(done)
    }

    fn finish(&mut self, done: Done) -> Vec<Outcome> {
        self.sequence = done.sequence;
        self.room = done.room;
        match done.commit {
            Commit::Skip => {}
            Commit::Relaxed => {
                self.unflushed.get_or_insert(self.clock.elapsed());
            }
            Commit::Durable => {
                self.unflushed = None;
                self.set_health(Health::Writable);
            }
        }
        for (key, entry) in done.changes {
            self.shared.cache.update(&key, entry);
        }
        done.outcomes
    }

    /// Leaves a pause if the database can be opened for writing again.
    fn regain(&mut self) -> Result<(), StoreError> {
        match &self.access {
            Access::Writable => Ok(()),
            Access::Sealed => Err(StoreError::ReadOnly),
            Access::Paused(error) => {
                let error = error.clone();
                self.reopen(&error);
                match self.access {
                    Access::Writable => Ok(()),
                    Access::Paused(_) | Access::Sealed => {
                        thread::sleep(BACK_OFF);
                        Err(error)
                    }
                }
            }
        }
    }

    /// Opens the database again after it failed, as the cause allows, and tells the cause.
    fn recover(&mut self, why: String) -> StoreError {
        let cause = self.trouble.take();
        if let Access::Sealed = self.access {
            // A reader's trouble is no reason to write again.
            tracing::error!(%why, "the read-only store failed and is opened again");
            self.install_untouched();
            return StoreError::Unavailable { why };
        }
        match cause {
            Some(Cause::Write(why)) => {
                self.seal(&why);
                StoreError::Unavailable { why }
            }
            Some(Cause::Full) => {
                tracing::error!("no space is left for the store");
                let why = StoreError::Full.to_string();
                self.set_health(Health::ReadOnly { why });
                self.reopen(&StoreError::Full);
                thread::sleep(BACK_OFF);
                StoreError::Full
            }
            Some(Cause::Read) | None => {
                tracing::error!(%why, "the store failed and is opened again");
                let error = StoreError::Unavailable { why };
                self.reopen(&error);
                error
            }
        }
    }

    /// Opens the database for writing or, if that fails too, over memory because of `error`.
    fn reopen(&mut self, error: &StoreError) {
        drop(self.slot().take());
        // Closing and opening write too.
        if let Some(Cause::Write(why)) = self.trouble.take() {
            return self.seal(&why);
        }
        match self.place.open(&self.trouble) {
            Ok(db) => {
                self.access = Access::Writable;
                self.install(Some(db));
            }
            Err(cause) => {
                if let Some(Cause::Write(why)) = self.trouble.take() {
                    return self.seal(&why);
                }
                tracing::error!(%cause, "the store cannot be written");
                self.set_health(Health::ReadOnly { why: error.to_string() });
                self.access = Access::Paused(error.clone());
                self.install_untouched();
            }
        }
    }

    /// For as long as this writer lives.
    fn seal(&mut self, why: &str) {
        tracing::error!(why, "the store is read-only until it is opened again");
        self.set_health(Health::ReadOnly { why: why.to_owned() });
        self.access = Access::Sealed;
        self.install_untouched();
    }

    /// Over memory.
    fn install_untouched(&mut self) {
        drop(self.slot().take());
        self.install(self.place.open_untouched().ok());
    }

    /// Gives the readers a database at its last durable state.
    fn install(&mut self, db: Option<Database>) {
        *self.slot() = db;
        self.unflushed = None;
        self.shared.generation.fetch_add(1, Ordering::AcqRel);
        self.shared.cache.reset();
    }

    fn slot(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.shared.db.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_health(&self, health: Health) {
        *self.shared.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }

    fn may_recover(&self) -> bool {
        let health = self.shared.health.lock().unwrap_or_else(PoisonError::into_inner);
        *health != Health::Writable && !matches!(self.access, Access::Sealed)
    }
}

fn perform(
    tables: &mut Tables<'_>,
    message: &Message,
    sequence: &mut u64,
) -> Result<(Outcome, Commit), Fault> {
    Ok(match message {
        Message::Apply { batch, .. } => {
            let version = *sequence + 1;
            if let Err(conflict) = tables.apply(batch, version)? {
                return Ok((Outcome::Conflict(conflict), Commit::Skip));
            }
            *sequence = version;
            let commit = if batch.relaxed { Commit::Relaxed } else { Commit::Durable };
            (Outcome::Applied(version), commit)
        }
        Message::Tally { task, .. } => {
            let (number, commit) = tally(tables, task)?;
            (Outcome::Number(number), commit)
        }
        Message::Revive { .. } => (Outcome::Number(0), Commit::Skip),
    })
}

fn tally(tables: &mut Tables<'_>, task: &Tally) -> Result<(u64, Commit), Fault> {
    match task {
        Tally::Add { name, n, window } => Ok((tables.add(name, *n, *window)?, Commit::Durable)),
        Tally::Clear { name } if tables.clear(name)? => Ok((0, Commit::Durable)),
        Tally::Clear { .. } => Ok((0, Commit::Skip)),
        Tally::Flush => Ok((0, Commit::Durable)),
        // A try is not worth a disk write of its own: it must count at once, not for ever.
        Tally::Spend { budgets } => Ok((tables.spend(budgets)?, Commit::Relaxed)),
        // Nobody was promised that what has expired is gone.
        Tally::Sweep { limit } => match tables.sweep(*limit)? {
            0 => Ok((0, Commit::Skip)),
            swept => Ok((swept, Commit::Relaxed)),
        },
    }
}
