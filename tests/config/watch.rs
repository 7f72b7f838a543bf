//! A changed file is noticed, however it was changed.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gantry::config::watch::{Watcher, watch};

/// Long enough for a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(20);

/// Long enough for a change to be told, were there one.
const SILENCE: Duration = Duration::from_millis(700);

fn watched(path: &Path) -> (Watcher, Receiver<()>) {
    let (sender, changes) = channel();
    let watcher = watch(path.to_owned(), move || {
        let _ = sender.send(());
    })
    .expect("a watcher");
    (watcher, changes)
}

#[test]
fn a_written_file_is_a_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gantry.yaml");
    fs::write(&path, "one").expect("written");
    let (_watcher, changes) = watched(&path);
    fs::write(&path, "two").expect("written");
    changes.recv_timeout(PATIENCE).expect("a change");
    fs::write(&path, "three").expect("written");
    changes.recv_timeout(PATIENCE).expect("another");
}

#[test]
fn a_file_renamed_over_it_is_a_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gantry.yaml");
    fs::write(&path, "one").expect("written");
    let (_watcher, changes) = watched(&path);
    for content in ["two", "three"] {
        let beside = folder.path().join(".gantry.yaml.swp");
        fs::write(&beside, content).expect("written");
        fs::rename(&beside, &path).expect("renamed");
        changes.recv_timeout(PATIENCE).expect("a change");
    }
}

#[cfg(unix)]
#[test]
fn a_link_swapped_beside_it_is_a_change() {
    use std::os::unix::fs::symlink;

    // As Kubernetes mounts a ConfigMap: gantry.yaml -> ..data/gantry.yaml, ..data -> a dated folder.
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    for (name, content) in [("..1", "one"), ("..2", "two")] {
        fs::create_dir(root.join(name)).expect("made");
        fs::write(root.join(name).join("gantry.yaml"), content).expect("written");
    }
    symlink("..1", root.join("..data")).expect("linked");
    symlink("..data/gantry.yaml", root.join("gantry.yaml")).expect("linked");
    let (_watcher, changes) = watched(&root.join("gantry.yaml"));
    symlink("..2", root.join("..data_tmp")).expect("linked");
    fs::rename(root.join("..data_tmp"), root.join("..data")).expect("renamed");
    changes.recv_timeout(PATIENCE).expect("a change");
}

#[test]
fn other_files_the_same_content_and_its_absence_are_no_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gantry.yaml");
    fs::write(&path, "one").expect("written");
    let (_watcher, changes) = watched(&path);
    fs::write(folder.path().join("other.yaml"), "two").expect("written");
    fs::write(&path, "one").expect("written");
    fs::remove_file(&path).expect("removed");
    assert!(changes.recv_timeout(SILENCE).is_err());
    fs::write(&path, "two").expect("written");
    changes.recv_timeout(PATIENCE).expect("a change");
}

#[test]
fn nothing_is_told_after_the_watcher_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gantry.yaml");
    fs::write(&path, "one").expect("written");
    let (watcher, changes) = watched(&path);
    drop(watcher);
    fs::write(&path, "two").expect("written");
    assert!(changes.recv_timeout(PATIENCE).is_err());
}
