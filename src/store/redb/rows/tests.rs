//! What stands where, and that the last state of everything is found.

use std::collections::BTreeMap;

use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase};

use super::*;
use crate::store::batch::Content;
use crate::store::redb::layout::{record_key, seal};

/// A store of grants beside the states that they must have.
struct Grants {
    db: Database,
    room: Room,
    version: u64,
    expected: BTreeMap<Vec<u8>, u64>,
}

fn state(version: u64) -> Vec<u8> {
    seal(version, &Content { expires: None, index: Vec::new(), payload: vec![b'x'; 40] })
}

impl Grants {
    fn new(count: usize, room: Room) -> Self {
        let db = Database::builder().create_with_backend(InMemoryBackend::new()).expect("redb");
        let mut grants = Self { db, room, version: 0, expected: BTreeMap::new() };
        for number in 0..count {
            grants.write(number);
        }
        grants
    }

    fn key(number: usize) -> Vec<u8> {
        record_key(Kind::Grant, &format!("{number:04}"))
    }

    fn write(&mut self, number: usize) {
        let key = Self::key(number);
        self.version += 1;
        let bytes = state(self.version);
        let txn = self.db.begin_write().expect("begin");
        let mut rows = Rows::write(&txn).expect("tables");
        let there = rows.get(&key).expect("reads").map(|(bytes, at)| {
            (at, Envelope::open(&key, bytes.value()).expect("whole").version, self.version)
        });
        match there {
            Some(step) => drop(rows.replace(&key, &bytes, step, &mut self.room).expect("replaces")),
            None => rows.insert(&key, &bytes).expect("inserts"),
        }
        drop(rows);
        txn.commit().expect("commit");
        self.expected.insert(key, self.version);
    }

    fn remove(&mut self, number: usize) {
        let txn = self.db.begin_write().expect("begin");
        Rows::write(&txn).expect("tables").remove(&Self::key(number)).expect("removes");
        txn.commit().expect("commit");
        self.expected.remove(&Self::key(number));
    }

    /// How many stand among the recent ones, once everything was found in its last state, one by one and in order.
    fn recent(&self) -> u64 {
        let rows = Rows::read(&self.db.begin_read().expect("begin")).expect("tables");
        let mut listed = BTreeMap::new();
        rows.each(&[], |key, bytes| {
            listed.insert(key.to_vec(), Envelope::open(key, bytes)?.version);
            Ok(ControlFlow::Continue(()))
        })
        .expect("lists");
        assert_eq!(listed, self.expected);
        for (key, version) in &self.expected {
            let (bytes, at) = rows.get(key).expect("reads").expect("is there");
            assert_eq!(bytes.value(), state(*version));
            let row = rows.records.get(key.as_slice()).expect("reads").expect("is there");
            assert_eq!(row.value().is_empty(), at == Where::Recent, "one place for every state");
        }
        rows.recent.len().expect("counts")
    }
}

fn room(window: u64, rows: u64) -> Room {
    Room { window, rows, ..Room::default() }
}

#[test]
fn what_changes_soon_again_stands_among_the_recent() {
    let mut grants = Grants::new(20, room(10, 20));
    assert_eq!(grants.recent(), 0, "made, not changed");
    grants.write(3);
    assert_eq!(grants.recent(), 0, "changed after 17 batches");
    grants.write(3);
    assert_eq!(grants.recent(), 1, "and at once again");
    grants.write(3);
    assert_eq!(grants.recent(), 1);
    grants.remove(3);
    assert_eq!(grants.recent(), 0);
}

#[test]
fn what_is_left_alone_makes_room() {
    let mut grants = Grants::new(40, room(10, 20));
    for number in 0..20 {
        grants.write(number);
        grants.write(number);
    }
    assert_eq!(grants.recent(), 20);
    for number in 20..40 {
        grants.write(number);
        grants.write(number);
        assert!(grants.recent() <= 20);
    }
    let rows = Rows::read(&grants.db.begin_read().expect("begin")).expect("tables");
    let at = |number| rows.get(&Grants::key(number)).expect("reads").map(|(_, at)| at);
    assert_eq!(at(0), Some(Where::Records));
    assert_eq!(at(39), Some(Where::Recent));
}

#[test]
fn what_goes_on_changing_is_not_driven_out() {
    let mut grants = Grants::new(40, room(40, 8));
    for _ in 0..2 {
        for number in 0..8 {
            grants.write(number);
        }
    }
    assert_eq!(grants.recent(), 8);
    grants.write(30);
    grants.write(30);
    let rows = Rows::read(&grants.db.begin_read().expect("begin")).expect("tables");
    assert_eq!(rows.get(&Grants::key(30)).expect("reads").map(|(_, at)| at), Some(Where::Records));
    assert_eq!(grants.recent(), 8);
}

#[test]
fn one_batch_changes_what_it_drives_out() {
    let mut grants = Grants::new(3, room(2, 1));
    grants.write(1);
    assert_eq!(grants.recent(), 1);
    for number in 3..7 {
        grants.write(number);
    }
    grants.write(2);
    // Number 1 is looked up among the recent before number 2 takes its room.
    let (old, before) = (grants.version, grants.expected.get(&Grants::key(1)).copied().expect("is there"));
    let (key, bytes) = (Grants::key(1), state(old + 1));
    let txn = grants.db.begin_write().expect("begin");
    let mut rows = Rows::write(&txn).expect("tables");
    assert_eq!(rows.get(&key).expect("reads").map(|(_, at)| at), Some(Where::Recent));
    let second = (Where::Records, old, old + 1);
    let at = rows.replace(&Grants::key(2), &bytes, second, &mut grants.room).expect("replaces");
    assert_eq!(at, Where::Recent);
    let first = (Where::Recent, before, old + 1);
    let at = rows.replace(&key, &bytes, first, &mut grants.room).expect("replaces");
    assert_eq!(at, Where::Records);
    drop(rows);
    txn.commit().expect("commit");
    grants.expected.extend([(key, old + 1), (Grants::key(2), old + 1)]);
    assert_eq!(grants.recent(), 1);
}

#[test]
fn a_damaged_row_stands_in_nobodys_way() {
    let mut grants = Grants::new(6, room(3, 2));
    for number in [0, 1] {
        grants.write(number);
        grants.write(number);
    }
    let txn = grants.db.begin_write().expect("begin");
    let mut rows = Rows::write(&txn).expect("tables");
    rows.recent.insert(Grants::key(0).as_slice(), &b"cut"[..]).expect("damages");
    drop(rows);
    txn.commit().expect("commit");
    for number in [2, 3, 4, 5, 5] {
        grants.write(number);
    }
    let rows = Rows::read(&grants.db.begin_read().expect("begin")).expect("tables");
    let at = |number| rows.get(&Grants::key(number)).expect("reads").map(|(_, at)| at);
    assert_eq!([at(0), at(1), at(5)], [Where::Recent, Where::Records, Where::Recent].map(Some));
}

#[test]
fn the_last_state_is_found_whatever_changes_when() {
    let mut grants = Grants::new(50, room(12, 10));
    let mut number = 7;
    for step in 0..2_000 {
        number = (number * 31 + step) % 50;
        // Some change far more often than others.
        grants.write(number % if step % 3 == 0 { 50 } else { 9 });
        if step % 50 == 0 {
            grants.remove(number);
            grants.recent();
        }
    }
    assert!((1..=10).contains(&grants.recent()));
}
