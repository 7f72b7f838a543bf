//! Notices that the configuration file has changed.
//!
//! Owns no rule about what happens then: the caller loads, and keeps the old configuration if the new
//! one is wrong. The folder is watched, not the file, because editors rename over it and Kubernetes
//! swaps a symbolic link beside it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::document::MAX_BYTES;

/// A change is told when the folder has been quiet for this long: writing a file takes several steps.
const QUIET: Duration = Duration::from_millis(200);

/// ... or after this many steps, so that a folder that is never quiet cannot hide a change.
const STEPS: usize = 100;

/// Watches for as long as it lives.
#[derive(Debug)]
pub struct Watcher {
    /// Dropping it closes the channel, which ends the thread.
    _notify: RecommendedWatcher,
}

/// Calls `on_change`, on a thread of its own, whenever the content of the file at `path` has changed.
pub fn watch(path: PathBuf, on_change: impl Fn() + Send + 'static) -> Result<Watcher, notify::Error> {
    let path = std::path::absolute(path).map_err(notify::Error::io)?;
    let (sender, receiver) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event| forward(&event, &sender))?;
    for folder in folders(&path) {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    }
    let before = content(&path);
    thread::Builder::new()
        .name("config-watch".to_owned())
        .spawn(move || follow(&path, before, &receiver, on_change))
        .map_err(notify::Error::io)?;
    Ok(Watcher { _notify: watcher })
}

/// The folder of the file and, when it is a link, that of what it points to.
fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = [Some(path.to_owned()), path.canonicalize().ok()]
        .into_iter()
        .flatten()
        .filter_map(|path| path.parent().map(Path::to_owned))
        .collect();
    folders.dedup();
    folders
}

/// Passes on that something happened. Reading is not a change: our own would go round for ever.
fn forward(event: &notify::Result<notify::Event>, sender: &Sender<()>) {
    let only_read = event.as_ref().is_ok_and(|event| match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        _ => false,
    });
    if !only_read {
        // Nobody listens any more while the watcher is being dropped.
        let _ = sender.send(());
    }
}

fn follow(path: &Path, mut known: Option<Vec<u8>>, changes: &Receiver<()>, on_change: impl Fn()) {
    while changes.recv().is_ok() {
        for _ in 0..STEPS {
            match changes.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        // While a file is being replaced there may be none; that is no change yet.
        if let Some(now) = content(path).filter(|now| known.as_ref() != Some(now)) {
            known = Some(now);
            on_change();
        }
    }
}

/// What `load` would read: no more than it accepts, and nothing that is waited for.
fn content(path: &Path) -> Option<Vec<u8>> {
    let limit = u64::try_from(MAX_BYTES).ok()?;
    let file = path.is_file().then(|| File::open(path))?.ok()?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
