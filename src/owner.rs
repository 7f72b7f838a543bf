//! To whom belongs what root makes.
//!
//! Commands may be run as root, the service is not. What root made inside the data folder would be out of the
//! service's reach, so it goes to whoever has the folder it lies in.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

/// Gives `path`, made a moment ago, to the owner and group of the folder around it, if it is root's and the folder is
/// not. A link is not followed: the folder's owner could have put one there.
pub fn hand_over(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    let around = fs::metadata(folder)?;
    if around.uid() == 0 || fs::symlink_metadata(path)?.uid() != 0 {
        return Ok(());
    }
    match lchown(path, Some(around.uid()), Some(around.gid())) {
        // A root that may not give away, in a container, does not lock out a service beside it.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}
