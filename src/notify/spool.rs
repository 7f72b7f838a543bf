//! Mail without a mail server: a folder, from which the administrator hands letters over.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::SendError;
use crate::clock::Timestamp;
use crate::owner::hand_over;
use crate::secret::Id;

/// Older letters go when there are more than this many.
const MOST: usize = 1000;

/// Where letters land.
#[must_use]
pub(super) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("mail")
}

/// Puts a letter there; gives the path. It is there whole or not at all.
pub(super) async fn write(data_dir: &Path, now: Timestamp, bytes: Vec<u8>) -> Result<String, SendError> {
    let folder = folder(data_dir);
    let name = format!("{}.eml", Id::new(now));
    let path = folder.join(&name);
    let failed = |error: &dyn std::fmt::Display| SendError::Down(format!("{}: {error}", path.display()));
    let put = {
        let (folder, path) = (folder.clone(), path.clone());
        tokio::task::spawn_blocking(move || put(&folder, &path, &bytes))
    };
    put.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    Ok(format!("kept in {}", path.display()))
}

fn put(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    hand_over(folder)?;
    let hidden = path.with_extension("tmp");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&hidden)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    hand_over(&hidden)?;
    fs::rename(&hidden, path)?;
    thin_out(folder)
}

/// Names sort by time.
fn thin_out(folder: &Path) -> io::Result<()> {
    let letters = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut letters: Vec<_> =
        letters.filter(|path| path.extension().is_some_and(|name| name == "eml")).collect();
    letters.sort();
    let surplus = letters.len().saturating_sub(MOST);
    letters.iter().take(surplus).try_for_each(fs::remove_file)
}
