//! Files of released versions open for ever: one for each schema, made once by the version that had it.
//!
//! `GANTRY_MAKE_GOLDEN=1 cargo test --test suite golden` writes the file of the present schema when there is
//! none yet. A file that exists is never written again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gantry::clock::Timestamp;
use gantry::store::{Batch, Store, Stored};

use super::actors::{Badge, Note, badge, clock, run};

fn golden(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store/v{version}.redb"))
}

fn alice() -> Badge {
    badge("1").named("alice").team("blue").uses(3)
}

/// Reads the file of schema `version`, in which alice was written last by batch `written`.
async fn read(version: u32, written: u64) {
    let directory = tempfile::tempdir().expect("directory");
    let copy = directory.path().join("gantry.redb");
    fs::copy(golden(version), &copy).expect("the golden file");
    let store = Store::open_redb(&copy, clock()).expect("opens");
    let found = store.find_one::<Badge>("name", "alice").await.expect("reads").expect("is there");
    assert_eq!((&found.record, found.version), (&alice(), written));
    assert_eq!(store.find::<Badge>("team", "blue", 10).await.expect("reads").len(), 1);
    let note = store.get::<Note>("n").await.expect("reads").expect("is there");
    assert_eq!((note.text.as_str(), note.version), ("kept", 2));
    assert_eq!(store.add("tries", 1, Duration::from_secs(60)).await.expect("counts"), 6);
    assert_eq!(store.get::<Badge>("gone").await.expect("reads"), None);
    let next = store.apply(Batch::new().update(&found)).await.expect("writes");
    assert!(next > written.max(2), "versions go on");
    drop(store);
    let store = Store::open_redb(&copy, clock()).expect("opens again");
    let found = store.get::<Badge>("1").await.expect("reads").expect("is there");
    assert_eq!((&found.record, found.version), (&alice(), next));
}

#[test]
fn a_store_of_schema_1_is_read() {
    run(read(1, 1));
}

#[test]
fn a_store_of_schema_2_is_read() {
    if std::env::var_os("GANTRY_MAKE_GOLDEN").is_some() && !golden(2).exists() {
        run(make(&golden(2)));
    }
    run(read(2, 4));
}

async fn make(path: &Path) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    let store = Store::open_redb(path, clock()).expect("store");
    store.apply(Batch::new().insert(&alice().uses(2))).await.expect("badge");
    let note = Note { id: "n".to_owned(), text: "kept".to_owned() };
    store.apply(Batch::new().insert(&note)).await.expect("note");
    store.add("tries", 5, Duration::from_secs(60)).await.expect("counter");
    let past = badge("gone").expiring(Timestamp::from_seconds(1));
    store.apply(Batch::new().insert(&past)).await.expect("expired badge");
    // Changed: its last state stands in the table of what changes often.
    let found = store.get::<Badge>("1").await.expect("reads").expect("is there");
    store.apply(Batch::new().update(&Stored { record: alice(), ..found })).await.expect("changed badge");
}
