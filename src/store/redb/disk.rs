//! What lies between redb and the medium.
//!
//! redb refuses everything after its first I/O error, also reads, and does not keep what the error
//! was. [`Watched`] remembers the worst cause; [`Overlay`] lets a database that must not be written any
//! more be opened again for reading: what redb writes to recover stays in memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::Vacant;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

/// What an I/O error means for the store, from bad to worst.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// Something could not be read; nothing is lost.
    Read,
    /// No space was left.
    Full,
    /// A write or fsync failed: what the medium holds beyond the last commit is unknown.
    Write(String),
}

/// The worst cause since the last look. A reader's trouble beside a failed commit must not hide it.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<Cause>>>);

impl Trouble {
    /// The cause, forgotten by this look.
    pub(super) fn take(&self) -> Option<Cause> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, cause: Cause) {
        let mut worst = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *worst = worst.take().max(Some(cause));
    }

    fn writing<T>(&self, what: &str, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.note(match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Cause::Full,
                _ => Cause::Write(format!("{what}: {error}")),
            });
        }
        result
    }

    /// Whatever the reason, also a full disk: the system may have dropped what it could not write, and
    /// the next fsync would say that all is well.
    fn syncing(&self, result: io::Result<()>) -> io::Result<()> {
        result.inspect_err(|error| self.note(Cause::Write(format!("fsync failed: {error}"))))
    }
}

/// Storage whose errors leave their cause behind.
#[derive(Debug)]
pub(super) struct Watched {
    inner: Box<dyn StorageBackend>,
    trouble: Trouble,
}

impl Watched {
    /// Causes will be found in `trouble`.
    pub(super) fn new(inner: Box<dyn StorageBackend>, trouble: &Trouble) -> Self {
        Self { inner, trouble: trouble.clone() }
    }
}

/// Locking is the inner storage's business.
macro_rules! lock_through {
    ($($name:ident -> $result:ty),*) => {$(
        fn $name(&self, start: Bound<u64>, end: Bound<u64>) -> Result<$result, BackendError> {
            self.inner.$name(start, end)
        }
    )*};
}

impl StorageBackend for Watched {
    lock_through! {
        try_lock_range -> bool, try_lock_shared_range -> bool, lock_range -> (),
        lock_shared_range -> (), unlock_range -> (), query_lock_range -> bool
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len().inspect_err(|_| self.trouble.note(Cause::Read))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out).inspect_err(|_| self.trouble.note(Cause::Read))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.trouble.writing("cannot change the file's length", self.inner.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.trouble.syncing(self.inner.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.trouble.writing("write failed", self.inner.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }
}

const BLOCK: usize = 4096;

/// Storage that reads from `inner` and keeps every write in memory.
#[derive(Debug)]
pub(super) struct Overlay {
    inner: Box<dyn StorageBackend>,
    above: Mutex<Above>,
}

#[derive(Debug)]
struct Above {
    len: u64,
    /// How much of the inner storage still shows.
    below: u64,
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
}

impl Overlay {
    pub(super) fn new(inner: Box<dyn StorageBackend>) -> io::Result<Self> {
        let len = inner.len()?;
        let above = Mutex::new(Above { len, below: len, blocks: BTreeMap::new() });
        Ok(Self { inner, above })
    }

    fn above(&self) -> MutexGuard<'_, Above> {
        self.above.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills `out` from the inner storage, with zeros beyond its end.
    fn read_below(&self, below: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let shows = usize::try_from(below.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (inside, outside) = out.split_at_mut(shows.min(out.len()));
        outside.fill(0);
        if inside.is_empty() {
            return Ok(());
        }
        self.inner.read(offset, inside)
    }
}

/// The pieces of `offset..offset + len` by block: number, place in the block, place in the range, length.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done >= len {
            return None;
        }
        let at = offset + done as u64;
        let within = usize::try_from(at % BLOCK as u64).ok()?;
        let take = (BLOCK - within).min(len - done);
        let piece = (at / BLOCK as u64, within, done, take);
        done += take;
        Some(piece)
    })
}

impl StorageBackend for Overlay {
    lock_through! {
        try_lock_range -> bool, try_lock_shared_range -> bool, lock_range -> (),
        lock_shared_range -> (), unlock_range -> (), query_lock_range -> bool
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.above().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let above = self.above();
        let end = offset.checked_add(out.len() as u64);
        if end.is_none_or(|end| end > above.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_below(above.below, offset, out)?;
        for (number, within, done, take) in pieces(offset, out.len()) {
            let Some(block) = above.blocks.get(&number) else {
                continue;
            };
            if let (Some(to), Some(from)) = (out.get_mut(done..done + take), block.get(within..within + take))
            {
                to.copy_from_slice(from);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut above = self.above();
        if len < above.len {
            let kept = len.div_ceil(BLOCK as u64);
            above.blocks.split_off(&kept);
            let tail = usize::try_from(len % BLOCK as u64).unwrap_or(0);
            if tail > 0
                && let Some(block) = above.blocks.get_mut(&(len / BLOCK as u64))
                && let Some(cut) = block.get_mut(tail..)
            {
                cut.fill(0);
            }
            above.below = above.below.min(len);
        }
        above.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut above = self.above();
        let below = above.below;
        for (number, within, done, take) in pieces(offset, data.len()) {
            if let Vacant(absent) = above.blocks.entry(number) {
                let mut block = Box::new([0; BLOCK]);
                self.read_below(below, number * BLOCK as u64, block.as_mut_slice())?;
                absent.insert(block);
            }
            let block = above.blocks.get_mut(&number).and_then(|block| block.get_mut(within..within + take));
            if let (Some(to), Some(from)) = (block, data.get(done..done + take)) {
                to.copy_from_slice(from);
            }
        }
        above.len = above.len.max(offset + data.len() as u64);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::backends::InMemoryBackend;

    #[test]
    fn an_overlay_shows_its_writes_and_keeps_them_to_itself() {
        let inner = InMemoryBackend::new();
        inner.set_len(10_000).expect("len");
        inner.write(4000, &[7; 200]).expect("write");
        let overlay = Overlay::new(Box::new(inner)).expect("overlay");
        overlay.write(4090, &[1; 10]).expect("write");
        let mut out = [0; 200];
        overlay.read(4000, &mut out).expect("read");
        assert_eq!(out[..90], [7; 90]);
        assert_eq!(out[90..100], [1; 10]);
        assert_eq!(out[100..], [7; 100]);
        overlay.inner.read(4000, &mut out).expect("read");
        assert_eq!(out, [7; 200]);
    }

    #[test]
    fn an_overlay_that_shrank_and_grew_reads_zeros() {
        let inner = InMemoryBackend::new();
        inner.set_len(10_000).expect("len");
        inner.write(0, &[7; 10_000]).expect("write");
        let overlay = Overlay::new(Box::new(inner)).expect("overlay");
        overlay.write(4096, &[1; 20]).expect("write");
        overlay.set_len(4100).expect("shrink");
        overlay.set_len(9000).expect("grow");
        let mut out = [9; 10];
        overlay.read(4096, &mut out).expect("read");
        assert_eq!(out, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
        assert!(overlay.read(8995, &mut out).is_err());
    }
}
