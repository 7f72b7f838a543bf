//! From a path to an open database: created whole or not at all, looked at before it is touched.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase, StorageBackend, StorageError, TableError};

use super::Fault;
use super::disk::{Overlay, Trouble, Watched};
use super::layout::{COUNTERS, EXPIRY, INDEX, META, RECENT, RECORDS, SCHEMA, SCHEMA_KEY, SEQUENCE_KEY};
use crate::owner::hand_over;
use crate::store::OpenError;

/// redb's page cache, in bytes. Hot records are in our own cache, so this is for inner pages.
const PAGE_CACHE: usize = 64 << 20;

/// Makes the storage anew, for every time the database is opened.
pub(super) type Factory = Box<dyn Fn() -> io::Result<Box<dyn StorageBackend>> + Send>;

/// Where the database is.
pub(super) struct Place {
    path: PathBuf,
    factory: Factory,
}

impl Place {
    /// A file. Made now if it is missing: in a file beside it that gets the name when it is whole, so
    /// an empty or half-made file under this name was never ours.
    pub(super) fn file(path: &Path) -> Result<Self, OpenError> {
        let owned = path.to_owned();
        let place = Self {
            path: path.to_owned(),
            factory: Box::new(move || storage(OpenOptions::new().read(true).write(true).open(&owned)?)),
        };
        match fs::metadata(path) {
            Ok(found) if found.len() == 0 => return Err(place.damaged("it is empty")),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => place.create()?,
            Err(error) => return Err(place.io(error)),
        }
        place.inspect()?;
        Ok(place)
    }

    /// Storage that is not a file; made now if it is empty.
    pub(super) fn elsewhere(factory: Factory) -> Result<Self, OpenError> {
        let place = Self { path: PathBuf::from("(storage)"), factory };
        let found = (place.factory)().map_err(|error| place.io(error))?;
        if found.len().map_err(|error| place.io(error))? == 0 {
            initialise(&place.build(Watched::new(found, &Trouble::default()))?)
                .map_err(|fault| place.io(io::Error::other(fault.to_string())))?;
        } else {
            drop(found);
            place.inspect()?;
        }
        Ok(place)
    }

    /// Opens it for writing; what goes wrong with it, now and later, is found in `trouble`.
    pub(super) fn open(&self, trouble: &Trouble) -> Result<Database, OpenError> {
        let inner = (self.factory)().map_err(|error| self.io(error))?;
        let db = self.build(Watched::new(inner, trouble))?;
        let completed = catch_unwind(AssertUnwindSafe(|| complete(&db)));
        match completed {
            Ok(done) => done.map_err(|fault| self.io(io::Error::other(fault.to_string())))?,
            Err(_) => return Err(self.damaged("its pages make no sense")),
        }
        Ok(db)
    }

    /// Opens it so that nothing is ever written to it.
    pub(super) fn open_untouched(&self) -> Result<Database, OpenError> {
        let inner = (self.factory)().map_err(|error| self.io(error))?;
        self.build(Overlay::new(inner).map_err(|error| self.io(error))?)
    }

    /// The version of the last batch.
    pub(super) fn sequence(&self, db: &Database) -> Result<u64, OpenError> {
        self.meta(db, SEQUENCE_KEY).map(Option::unwrap_or_default)
    }

    /// Whether this program understands it, found out without touching it.
    fn inspect(&self) -> Result<(), OpenError> {
        let db = self.open_untouched()?;
        match self.meta(&db, SCHEMA_KEY)? {
            Some(1..=SCHEMA) => Ok(()),
            Some(found) if found > SCHEMA => {
                Err(OpenError::Newer { path: self.path.clone(), found, known: SCHEMA })
            }
            Some(_) | None => Err(self.damaged("it has no known format number")),
        }
    }

    fn meta(&self, db: &Database, key: &str) -> Result<Option<u64>, OpenError> {
        let read = || -> Result<Option<u64>, Fault> {
            match db.begin_read()?.open_table(META) {
                Ok(table) => Ok(table.get(key)?.map(|value| value.value())),
                Err(TableError::TableDoesNotExist(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(fault)) => Err(self.damaged(&fault.to_string())),
            Err(_) => Err(self.damaged("its pages make no sense")),
        }
    }

    fn create(&self) -> Result<(), OpenError> {
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let draft = PathBuf::from(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&draft)
            .map_err(|error| self.io(error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.locked()),
            Err(TryLockError::Error(error)) => return Err(self.io(error)),
        }
        if self.path.exists() {
            // Another process was faster between the first look and the lock.
            return fs::remove_file(&draft).map_err(|error| self.io(error));
        }
        hand_over(&draft).map_err(|error| self.io(error))?;
        // What an interrupted attempt left behind goes; the lock says that nobody works on it.
        file.set_len(0).map_err(|error| self.io(error))?;
        let storage = storage(file).map_err(|error| self.io(error))?;
        let db = self.build(Watched::new(storage, &Trouble::default()))?;
        initialise(&db).map_err(|fault| self.io(io::Error::other(fault.to_string())))?;
        fs::rename(&draft, &self.path).map_err(|error| self.io(error))?;
        self.sync_directory().map_err(|error| self.io(error))
    }

    fn sync_directory(&self) -> io::Result<()> {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn build(&self, storage: impl StorageBackend) -> Result<Database, OpenError> {
        // The default mode locks out every other process. The modes that let others read beside us
        // refuse commits into memory, which relaxed batches need.
        // redb may panic on pages that were altered behind its back.
        let built = catch_unwind(AssertUnwindSafe(|| {
            Database::builder().set_cache_size(PAGE_CACHE).create_with_backend(storage)
        }));
        match built {
            Ok(Ok(db)) => Ok(db),
            Ok(Err(error)) => Err(self.refused(error)),
            Err(_) => Err(self.damaged("its pages make no sense")),
        }
    }

    fn refused(&self, error: DatabaseError) -> OpenError {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => self.locked(),
            DatabaseError::Storage(StorageError::Io(error)) => match error.kind() {
                io::ErrorKind::InvalidData => self.damaged("it is not a store"),
                io::ErrorKind::UnexpectedEof => self.damaged("it is cut short"),
                _ => self.io(error),
            },
            other => self.damaged(&other.to_string()),
        }
    }

    fn damaged(&self, why: &str) -> OpenError {
        OpenError::Damaged { path: self.path.clone(), why: why.to_owned() }
    }

    fn locked(&self) -> OpenError {
        OpenError::Locked { path: self.path.clone() }
    }

    fn io(&self, source: io::Error) -> OpenError {
        OpenError::Io { path: self.path.clone(), source }
    }
}

fn storage(file: File) -> io::Result<Box<dyn StorageBackend>> {
    let backend = FileBackend::new(file).map_err(io::Error::other)?;
    Ok(Box::new(backend))
}

/// Makes the table that a store of an earlier build lacks. That build takes no notice of it.
fn complete(db: &Database) -> Result<(), Fault> {
    if !matches!(db.begin_read()?.open_table(RECENT), Err(TableError::TableDoesNotExist(_))) {
        return Ok(());
    }
    let mut txn = db.begin_write()?;
    txn.set_quick_repair(true);
    txn.open_table(RECENT)?;
    txn.commit()?;
    Ok(())
}

/// Makes every table, so that no reader finds one missing.
fn initialise(db: &Database) -> Result<(), Fault> {
    let mut txn = db.begin_write()?;
    txn.set_quick_repair(true);
    txn.open_table(META)?.insert(SCHEMA_KEY, SCHEMA)?;
    txn.open_table(RECORDS)?;
    txn.open_table(RECENT)?;
    txn.open_table(INDEX)?;
    txn.open_table(EXPIRY)?;
    txn.open_table(COUNTERS)?;
    txn.commit()?;
    Ok(())
}
