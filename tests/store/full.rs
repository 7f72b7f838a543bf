//! A full disk stops writes, not reads, and only while it is full (ST-05).

use std::time::Duration;

use gantry::store::{ApplyError, Batch, Health, Store, StoreError};

use super::actors::{Badge, badge, clock, run};
use super::disk::Disk;
use crate::support::small_disk::SmallDisk;

/// Writes until there is no space, and returns the ids of what was acknowledged.
async fn fill(store: &Store) -> Vec<String> {
    let mut kept = Vec::new();
    for n in 0..10_000 {
        let id = format!("{n:05}");
        let record = badge(&id).named(&format!("{n}{}", "x".repeat(4000)));
        match store.apply(Batch::new().insert(&record)).await {
            Ok(_) => kept.push(id),
            Err(error) => {
                assert_eq!(error, ApplyError::Store(StoreError::Full));
                return kept;
            }
        }
    }
    panic!("the disk never filled up");
}

async fn reads_go_on(store: &Store, kept: &[String]) {
    for id in kept {
        assert!(store.get::<Badge>(id).await.expect("get").is_some(), "{id}");
    }
    let all = store.scan::<Badge>(None, 99_999).await.expect("scan");
    assert_eq!(all.len(), kept.len());
}

async fn recovers(store: &Store) {
    for _ in 0..100 {
        if store.apply(Batch::new().put(&badge("after"))).await.is_ok() {
            assert_eq!(store.health(), Health::Writable);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no write went through after there was space");
}

async fn story(store: &Store, make_space: impl FnOnce()) -> Vec<String> {
    let kept = fill(store).await;
    assert!(matches!(store.health(), Health::ReadOnly { .. }));
    reads_go_on(store, &kept).await;
    let again = store.add("tries", 1, Duration::from_secs(9)).await;
    let small = store.apply(Batch::new().put(&badge(&"x".repeat(200_000)))).await;
    assert!(again.is_ok() || again == Err(StoreError::Full), "{again:?}");
    assert_eq!(small, Err(ApplyError::Store(StoreError::Full)));
    make_space();
    recovers(store).await;
    kept
}

async fn is_whole(store: &Store, mut kept: Vec<String>) {
    kept.push("after".to_owned());
    reads_go_on(store, &kept).await;
}

#[test]
fn a_disk_that_fills_up_and_empties_again() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = disk.open(&clock).expect("store");
        disk.leave_space(Some(100));
        let kept = story(&store, || disk.leave_space(None)).await;
        is_whole(&store, kept.clone()).await;
        drop(store);
        is_whole(&disk.open(&clock).expect("reopen"), kept).await;
    });
}

#[test]
fn a_store_on_a_full_disk_recovers_without_being_asked() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = disk.open(&clock).expect("store");
        disk.leave_space(Some(100));
        fill(&store).await;
        disk.leave_space(None);
        for _ in 0..100 {
            if store.health() == Health::Writable {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("still {:?}", store.health());
    });
}

#[test]
fn a_real_file_system_that_fills_up() {
    let Some(disk) = SmallDisk::mount(2) else {
        eprintln!("no right to mount: the disk in memory stands for it");
        return a_disk_that_fills_up_and_empties_again();
    };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; 700_000]).expect("ballast");
    run(async {
        let clock = clock();
        let path = disk.path().join("gantry.redb");
        let store = Store::open_redb(&path, clock.clone()).expect("store");
        let kept = story(&store, || std::fs::remove_file(&ballast).expect("make space")).await;
        drop(store);
        is_whole(&Store::open_redb(&path, clock).expect("reopen"), kept).await;
    });
}
