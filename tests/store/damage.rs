//! A file that is not what was written: a clear refusal, and the file stays as it is (ST-07, ST-08).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gantry::store::{Batch, OpenError, Store};
use redb::TableDefinition;

use super::actors::{Badge, badge, clock, run};

const RECORDS: usize = 50;

struct Place {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn empty() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        Self { path: directory.path().join("gantry.redb"), _directory: directory }
    }

    /// With a store that was closed in good order.
    fn with_store() -> Self {
        let place = Self::empty();
        let store = place.open().expect("store");
        run(async {
            for n in 0..RECORDS {
                let record = badge(&format!("{n:03}")).named(&format!("name {n}"));
                store.apply(Batch::new().insert(&record)).await.expect("insert");
            }
        });
        place
    }

    fn open(&self) -> Result<Store, OpenError> {
        Store::open_redb(&self.path, clock())
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).expect("file")
    }

    fn refuses(&self, content: &[u8]) -> OpenError {
        fs::write(&self.path, content).expect("write");
        let error = self.open().err().expect("must be refused");
        assert_eq!(self.bytes(), content, "the file was changed: {error}");
        error
    }

    fn refuses_as_damaged(&self, content: &[u8]) -> String {
        match self.refuses(content) {
            OpenError::Damaged { why, .. } => why,
            other => panic!("{other}"),
        }
    }
}

#[test]
fn what_was_never_a_store_is_refused() {
    let place = Place::empty();
    assert_eq!(place.refuses_as_damaged(b""), "it is empty");
    assert_eq!(place.refuses_as_damaged(b"hello"), "it is not a store");
    assert_eq!(place.refuses_as_damaged(&vec![0; 1 << 20]), "it is not a store");
    let text = "not a database at all, but a long text\n".repeat(9999);
    assert_eq!(place.refuses_as_damaged(text.as_bytes()), "it is not a store");
}

#[test]
fn a_cut_file_is_refused() {
    let place = Place::with_store();
    let whole = place.bytes();
    for end in [1, 8, 64, 319, 320, 4096, 8192, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
        place.refuses_as_damaged(&whole[..end]);
    }
}

#[test]
fn a_zeroed_header_is_refused() {
    let place = Place::with_store();
    let mut content = place.bytes();
    content[..4096].fill(0);
    place.refuses_as_damaged(&content);
}

/// A flipped bit is either noticed or does no harm: spare bytes and the older commit slot.
#[test]
fn a_flipped_bit_in_the_header_is_noticed_or_harmless() {
    let place = Place::with_store();
    let whole = place.bytes();
    let mut refused = 0;
    for at in 0..320 {
        for bit in [0, 3, 7] {
            let mut content = whole.clone();
            content[at] ^= 1 << bit;
            fs::write(&place.path, &content).expect("write");
            match place.open() {
                Ok(store) => {
                    let all = run(store.scan::<Badge>(None, 999)).expect("scan");
                    assert_eq!(all.len(), RECORDS, "byte {at} bit {bit}");
                }
                Err(OpenError::Damaged { .. } | OpenError::Io { .. }) => {
                    refused += 1;
                    assert_eq!(place.bytes(), content, "byte {at} bit {bit}: the file was changed");
                }
                Err(other) => panic!("byte {at} bit {bit}: {other}"),
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");

fn set_schema(path: &Path, schema: u64) {
    let db = redb::Database::create(path).expect("redb");
    let txn = db.begin_write().expect("begin");
    txn.open_table(META).expect("meta").insert("schema", schema).expect("insert");
    txn.commit().expect("commit");
}

#[test]
fn a_newer_format_is_refused_by_number() {
    let place = Place::with_store();
    set_schema(&place.path, 3);
    let error = place.refuses(&place.bytes());
    assert!(matches!(error, OpenError::Newer { found: 3, known: 2, .. }), "{error}");
    let path = place.path.display();
    assert_eq!(
        error.to_string(),
        format!("the store {path} has format 3, this program knows formats up to 2")
    );
    assert_eq!(error.hint(), "run the version that wrote it, or restore a backup made by this version");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let place = Place::empty();
    drop(redb::Database::create(&place.path).expect("redb"));
    assert_eq!(place.refuses_as_damaged(&place.bytes()), "it has no known format number");
    set_schema(&place.path, 0);
    assert_eq!(place.refuses_as_damaged(&place.bytes()), "it has no known format number");
}

#[test]
fn a_refusal_names_the_file_and_a_way_out() {
    let place = Place::empty();
    let error = place.refuses(b"");
    assert_eq!(error.to_string(), format!("the store {} is damaged: it is empty", place.path.display()));
    assert!(error.hint().starts_with("restore the file from a backup"));
}

#[test]
fn an_open_store_is_not_opened_twice() {
    let place = Place::empty();
    let first = place.open().expect("store");
    let second = place.open().err().expect("must be refused");
    assert!(matches!(second, OpenError::Locked { .. }), "{second}");
    drop(first);
    place.open().expect("free again");
}

#[test]
fn a_new_store_is_private_and_needs_its_directory() {
    let place = Place::empty();
    drop(place.open().expect("store"));
    let mode = fs::metadata(&place.path).expect("file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(place.path.parent().expect("parent")).expect("list").count(), 1);

    let missing = Store::open_redb(&place.path.with_file_name("no").join("gantry.redb"), clock());
    assert!(matches!(missing, Err(OpenError::Io { .. })));
    let directory = Store::open_redb(place.path.parent().expect("parent"), clock());
    assert!(matches!(directory, Err(OpenError::Io { .. })));
}

#[test]
fn an_interrupted_creation_is_done_again() {
    let place = Place::empty();
    fs::write(place.path.with_extension("redb.new"), b"half").expect("write");
    drop(place.open().expect("store"));
    assert!(!place.path.with_extension("redb.new").exists());
}
