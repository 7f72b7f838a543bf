//! A disk in memory that fails, fills up and loses power on request.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use gantry::clock::Clock;
use gantry::store::{OpenError, Store};
use redb::StorageBackend;

/// `EIO` and `ENOSPC` as the system numbers them.
pub(crate) const EIO: i32 = 5;
pub(crate) const ENOSPC: i32 = 28;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Read,
    Write,
    Sync,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Operations that still go well.
    pub(crate) after: u64,
    pub(crate) errno: i32,
    /// Only one fails, then the disk is well again.
    pub(crate) once: bool,
    /// Reads go well and do not count.
    pub(crate) spares_reads: bool,
    /// Only fsync fails and counts.
    pub(crate) only_sync: bool,
}

impl Plan {
    pub(crate) const fn after(after: u64, errno: i32) -> Self {
        Self { after, errno, once: false, spares_reads: false, only_sync: false }
    }

    fn concerns(&self, op: Op) -> bool {
        match op {
            Op::Sync => true,
            Op::Read => !self.spares_reads && !self.only_sync,
            Op::Write => !self.only_sync,
        }
    }
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Debug, Default)]
struct State {
    content: Vec<u8>,
    /// What survives a power cut for sure.
    synced: Vec<u8>,
    unsynced: Vec<Change>,
    plan: Option<Plan>,
    failed: bool,
    /// How many blocks of 4096 bytes may hold something.
    space: Option<usize>,
    written: Vec<bool>,
    beside: Option<Beside>,
}

/// How far an fsync is that fails together with a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Armed,
    Syncing,
}

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

const BLOCK: usize = 4096;

impl Disk {
    pub(crate) fn open(&self, clock: &Clock) -> Result<Store, OpenError> {
        let disk = self.clone();
        Store::open_with_backend(move || Ok(Box::new(disk.clone())), clock.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("disk")
    }

    pub(crate) fn fail(&self, plan: Plan) {
        self.state().plan = Some(plan);
    }

    /// The disk is well; says whether it had failed.
    pub(crate) fn heal(&self) -> bool {
        let mut state = self.state();
        state.plan = None;
        std::mem::take(&mut state.failed)
    }

    /// The next fsync fails, once a read has failed while it was on its way.
    pub(crate) fn fail_fsync_beside_a_read(&self) {
        self.state().beside = Some(Beside::Armed);
    }

    /// Whether that fsync waits for the read.
    pub(crate) fn is_syncing(&self) -> bool {
        self.state().beside == Some(Beside::Syncing)
    }

    fn sync_beside_a_read(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.beside != Some(Beside::Armed) {
            return Ok(());
        }
        state.beside = Some(Beside::Syncing);
        drop(state);
        while self.is_syncing() {
            std::thread::yield_now();
        }
        Err(io::Error::from_raw_os_error(EIO))
    }

    /// At most as many blocks more than there are now.
    pub(crate) fn leave_space(&self, blocks: Option<usize>) {
        let mut state = self.state();
        let used = state.written.iter().filter(|used| **used).count();
        state.space = blocks.map(|blocks| used + blocks);
    }

    /// Another disk with what a power cut leaves: all that was synced, and of the rest what `keeps` says.
    pub(crate) fn after_power_cut(&self, mut keeps: impl FnMut() -> bool) -> Self {
        let state = self.state();
        let mut content = state.synced.clone();
        for change in state.unsynced.iter().filter(|_| keeps()) {
            perform(&mut content, change);
        }
        Self::holding(content)
    }

    /// Another disk with the same content.
    pub(crate) fn copy(&self) -> Self {
        Self::holding(self.state().content.clone())
    }

    pub(crate) fn holding(content: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State {
            synced: content.clone(),
            written: vec![true; content.len().div_ceil(BLOCK)],
            content,
            ..State::default()
        })))
    }
}

impl State {
    fn step(&mut self, op: Op) -> io::Result<()> {
        let Some(plan) = &mut self.plan else { return Ok(()) };
        if !plan.concerns(op) {
            return Ok(());
        }
        if plan.after > 0 {
            plan.after -= 1;
            return Ok(());
        }
        let errno = plan.errno;
        if plan.once {
            self.plan = None;
        }
        self.failed = true;
        Err(io::Error::from_raw_os_error(errno))
    }

    fn change(&mut self, change: Change) {
        perform(&mut self.content, &change);
        self.unsynced.push(change);
    }

    fn claim(&mut self, offset: usize, len: usize) -> io::Result<()> {
        let blocks = offset / BLOCK..(offset + len).div_ceil(BLOCK);
        if self.written.len() < blocks.end {
            self.written.resize(blocks.end, false);
        }
        let new = self.written[blocks.clone()].iter().filter(|used| !**used).count();
        let used = self.written.iter().filter(|used| **used).count();
        if new > 0 && self.space.is_some_and(|space| used + new > space) {
            self.failed = true;
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        self.written[blocks].fill(true);
        Ok(())
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("small disk")
}

fn perform(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(len) => content.resize(index(*len), 0),
        Change::Write(offset, data) => {
            let end = index(*offset) + data.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[index(*offset)..end].copy_from_slice(data);
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.state();
        state.step(Op::Read)?;
        Ok(state.content.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        state.step(Op::Read)?;
        if state.beside == Some(Beside::Syncing) {
            state.beside = None;
            return Err(io::Error::from_raw_os_error(EIO));
        }
        let from = state.content.get(index(offset)..index(offset) + out.len());
        out.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.step(Op::Write)?;
        state.written.truncate(index(len).div_ceil(BLOCK));
        state.change(Change::Length(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync_beside_a_read()?;
        let mut state = self.state();
        state.step(Op::Sync)?;
        for change in std::mem::take(&mut state.unsynced) {
            perform(&mut state.synced, &change);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.step(Op::Write)?;
        state.claim(index(offset), data.len())?;
        state.change(Change::Write(offset, data.to_vec()));
        Ok(())
    }
}
