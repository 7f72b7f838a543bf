//! A file system of a few megabytes, where the test may mount one (root on Linux).

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    pub(crate) fn mount(megabytes: usize) -> Option<Self> {
        let directory = tempfile::tempdir().expect("directory");
        let size = format!("size={megabytes}m");
        let mount = ["-t", "tmpfs", "-o", &size, "gantry-test"];
        let done = Command::new("mount").args(mount).arg(directory.path()).output();
        done.is_ok_and(|done| done.status.success()).then_some(Self(directory))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.ballast()).expect("ballast");
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    /// Gives it back.
    pub(crate) fn clear(&self) {
        std::fs::remove_file(self.ballast()).expect("make space");
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.path()).output());
    }
}
