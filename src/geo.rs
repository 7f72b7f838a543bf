//! Where addresses are, from a file in `MaxMind`'s format.
//!
//! Owns the file: it is read whole, taken anew when it changes, and never trusted: whatever is wrong with it, an
//! address is then nowhere, and rules about places take their strict branch. What a place means is decided in
//! `policy`.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use maxminddb::{Reader, geoip2};

use crate::policy::rule::{Place, Point};

/// Larger files are no databases of places; the largest that are sold are half of that.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// Longest name of a city that is kept, in characters.
const MAX_NAME: usize = 80;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("is no database of places: {0}")]
    Damaged(String),
    #[error("says nothing of countries: it is a {0}")]
    Foreign(String),
}

/// A database, or none.
#[derive(Default)]
pub struct Geo {
    reader: ArcSwapOption<Reader<Vec<u8>>>,
    /// The file that was read, as it was then.
    known: Mutex<Option<(PathBuf, Mark)>>,
}

/// What changes with a file: inode, length, time of change.
type Mark = (u64, u64, i64, i64);

fn mark(metadata: &Metadata) -> Mark {
    (metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

impl Geo {
    /// Takes the database at `path`, or none. One that cannot be used is told of; the one before it stays only when
    /// it was the same file that went bad.
    pub fn load(&self, path: Option<&Path>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = path else {
            self.reader.store(None);
            *known = None;
            return;
        };
        let now = std::fs::metadata(path).map(|metadata| mark(&metadata)).unwrap_or_default();
        if known.as_ref().is_some_and(|(before, mark)| before == path && *mark == now) {
            return;
        }
        let same_file = known.as_ref().is_some_and(|(before, _)| before == path);
        match open(path) {
            Ok(reader) => {
                tracing::info!(file = %path.display(), built = reader.metadata().build_epoch, "places are known");
                self.reader.store(Some(Arc::new(reader)));
            }
            Err(error) if same_file && self.reader.load().is_some() => {
                tracing::error!(file = %path.display(), "the database of places {error}; the one before it stays");
            }
            Err(error) => {
                tracing::error!(file = %path.display(), "the database of places {error}; no place is known, and policies that ask for one take their strict branch");
                self.reader.store(None);
            }
        }
        *known = Some((path.to_owned(), now));
    }

    /// Where `address` is, when that is known.
    pub fn place(&self, address: IpAddr) -> Option<Place> {
        let reader = self.reader.load_full()?;
        // The file is somebody else's: a mistake in it must not end a request.
        catch_unwind(AssertUnwindSafe(|| look_up(&reader, address.to_canonical()))).ok().flatten()
    }
}

fn look_up(reader: &Reader<Vec<u8>>, address: IpAddr) -> Option<Place> {
    let found = reader.lookup(address).ok()?.decode::<geoip2::City<'_>>().ok().flatten()?;
    let country = found.country.iso_code.and_then(|code| code.parse().ok());
    let point = found.location.latitude.zip(found.location.longitude);
    let point = point.and_then(|(lat, lon)| Point::new(lat, lon));
    let city = found.city.names.english.map(|name| name.chars().take(MAX_NAME).collect());
    (country.is_some() || point.is_some()).then_some(Place { country, point, city })
}

/// Reads a database of places, and tries it.
pub fn open(path: &Path) -> Result<Reader<Vec<u8>>, GeoError> {
    // A pipe would be waited for.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("not a file").into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(GeoError::Damaged("it is larger than 1 GiB".to_owned()));
    }
    let damaged = |why: &dyn std::fmt::Display| GeoError::Damaged(why.to_string());
    let read = catch_unwind(AssertUnwindSafe(|| Reader::from_source(bytes)));
    let reader = read.map_err(|_| damaged(&"it makes no sense"))?.map_err(|error| damaged(&error))?;
    let kind = &reader.metadata().database_type;
    if !["City", "Country", "Enterprise"].iter().any(|word| kind.contains(word)) {
        return Err(GeoError::Foreign(kind.chars().take(MAX_NAME).collect()));
    }
    Ok(reader)
}
