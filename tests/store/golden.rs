//! Files of released versions open for ever: one for each schema, made once by the version that had it.
//!
//! `GANTRY_MAKE_GOLDEN=1 cargo test --test suite golden` writes the file of the present schema when there is
//! none yet. A file that exists is never written again.

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gantry::clock::Timestamp;
use gantry::store::{Batch, IndexEntry, Kind, Record, Store, Stored};
use redb::{ReadableDatabase, TableDefinition};
use serde::{Deserialize, Serialize};

use super::actors::{Badge, Note, badge, clock, run};
use super::disk::{Disk, EIO, Plan};

fn golden(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store/v{version}.redb"))
}

fn alice() -> Badge {
    badge("1").named("alice").team("blue").uses(3)
}

/// Alice as schema 1 has her: badges were of another kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct User(Badge);

impl Record for User {
    const KIND: Kind = Kind::User;

    fn id(&self) -> String {
        self.0.id()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at()
    }

    fn index(&self) -> Vec<IndexEntry> {
        self.0.index()
    }
}

/// The number of the format on the disk.
fn schema(path: &Path) -> u64 {
    const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
    let db = redb::Database::create(path).expect("redb");
    let meta = db.begin_read().expect("begin").open_table(META).expect("meta");
    meta.get("schema").expect("reads").expect("is there").value()
}

/// Reads the file of schema `version`, in which `alice` was written last by batch `written`, and goes on with it.
async fn read<R: Record + Clone + PartialEq + Debug>(version: u32, alice: R, written: u64) {
    let directory = tempfile::tempdir().expect("directory");
    let copy = directory.path().join("gantry.redb");
    fs::copy(golden(version), &copy).expect("the golden file");
    let store = Store::open_redb(&copy, clock()).expect("opens");
    let found = store.find_one::<R>("name", "alice").await.expect("reads").expect("is there");
    assert_eq!((&found.record, found.version), (&alice, written));
    assert_eq!(store.find::<R>("team", "blue", 10).await.expect("reads").len(), 1);
    let note = store.get::<Note>("n").await.expect("reads").expect("is there");
    assert_eq!((note.text.as_str(), note.version), ("kept", 2));
    assert_eq!(store.add("tries", 1, Duration::from_secs(60)).await.expect("counts"), 6);
    assert_eq!(store.get::<R>("gone").await.expect("reads"), None);
    let next = store.apply(Batch::new().update(&found)).await.expect("writes");
    assert!(next > written.max(2), "versions go on");
    store.apply(Batch::new().insert(&badge("2"))).await.expect("writes");
    drop(store);
    assert_eq!(schema(&copy), u64::from(version), "the older program can still be put back");
    let store = Store::open_redb(&copy, clock()).expect("opens again");
    assert_eq!(store.get::<R>("1").await.expect("reads").expect("is there").version, next);
    let second = store.get::<Badge>("2").await.expect("reads").expect("is there");
    let last = store.apply(Batch::new().update(&second)).await.expect("changes");
    drop(store);
    assert_eq!(schema(&copy), 2, "what the older program would not find");
    let store = Store::open_redb(&copy, clock()).expect("opens again");
    assert_eq!(store.get::<Badge>("2").await.expect("reads").expect("is there").version, last);
}

#[test]
fn a_store_of_schema_1_is_read() {
    run(read(1, User(alice()), 1));
}

#[test]
fn a_store_of_schema_1_that_fails_while_it_is_opened_or_changed_stays_whole() {
    let (clock, old) = (clock(), fs::read(golden(1)).expect("the golden file"));
    for n in 0.. {
        let disk = Disk::holding(old.clone());
        disk.fail(Plan::after(n, EIO));
        let mut acknowledged = 0;
        if let Ok(store) = disk.open(&clock) {
            run(async {
                let mut two = badge("2");
                for uses in 1..4 {
                    two = two.uses(uses);
                    if store.apply(Batch::new().put(&two)).await.is_ok() {
                        acknowledged = uses;
                    }
                }
            });
        }
        for left in [disk.after_power_cut(|| false), disk.after_power_cut(|| true), disk.clone()] {
            left.heal();
            let store = left.open(&clock).unwrap_or_else(|error| panic!("{n}: {error}"));
            let found = run(store.get::<User>("1")).expect("reads").expect("is there");
            assert_eq!(found.record, User(alice()));
            let two = run(store.get::<Badge>("2")).expect("reads").map_or(0, |found| found.uses);
            assert!((acknowledged..4).contains(&two), "{n}: {two} after {acknowledged}");
        }
        if acknowledged == 3 {
            return;
        }
    }
}

#[test]
fn a_store_of_schema_2_is_read() {
    if std::env::var_os("GANTRY_MAKE_GOLDEN").is_some() && !golden(2).exists() {
        run(make(&golden(2)));
    }
    run(read(2, alice(), 4));
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
