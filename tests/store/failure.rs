//! Storage that fails or loses power at every possible point (ST-03, ST-04, ST-06).

use std::collections::BTreeMap;
use std::time::Duration;

use gantry::clock::Clock;
use gantry::store::{ApplyError, Batch, Expect, Health, Store, StoreError};

use super::actors::{Badge, badge, clock, run};
use super::disk::{Disk, EIO, ENOSPC, Plan};

/// Ids with uses, and the counter.
type State = (BTreeMap<String, u64>, u64);

const WINDOW: Duration = Duration::from_secs(1000);

/// What the story does in one step.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Two records that come together.
    Pair(u64),
    /// Both of a pair change together.
    Change(u64, u64),
    Drop(u64),
    Count,
    /// Something that does not fit a page.
    Long(u64),
}

const STORY: &[Step] = &[
    Step::Pair(1),
    Step::Count,
    Step::Pair(2),
    Step::Change(1, 5),
    Step::Long(1),
    Step::Drop(2),
    Step::Count,
    Step::Pair(3),
    // Takes the room of the first pair among what changes often.
    Step::Change(3, 7),
    Step::Change(1, 6),
    Step::Long(2),
];

fn pair(n: u64) -> (String, String) {
    (format!("{n}-left"), format!("{n}-right"))
}

fn expect(state: &mut State, step: Step) {
    let mut set = |n, uses| {
        let (left, right) = pair(n);
        state.0.insert(left, uses);
        state.0.insert(right, uses);
    };
    match step {
        Step::Pair(n) => set(n, 0),
        Step::Change(n, uses) => set(n, uses),
        Step::Drop(n) => {
            let (left, right) = pair(n);
            state.0.remove(&left);
            state.0.remove(&right);
        }
        Step::Count => state.1 += 1,
        Step::Long(n) => {
            state.0.insert(format!("long {n}"), n);
        }
    }
}

async fn perform(store: &Store, step: Step) -> Result<(), StoreError> {
    let batch = match step {
        Step::Count => return store.add("count", 1, WINDOW).await.map(drop),
        Step::Long(n) => {
            let long = badge(&format!("long {n}")).uses(n);
            Batch::new().put(&long.named(&format!("{n}{}", "x".repeat(40_000))))
        }
        Step::Drop(n) => {
            let (left, right) = pair(n);
            Batch::new().delete::<Badge>(left, Expect::Any).delete::<Badge>(right, Expect::Any)
        }
        Step::Pair(n) | Step::Change(n, _) => {
            let uses = if let Step::Change(_, uses) = step { uses } else { 0 };
            let (left, right) = pair(n);
            let named = |id: String| badge(&id).named(&id).uses(uses);
            Batch::new().put(&named(left)).put(&named(right))
        }
    };
    match store.apply(batch).await {
        Ok(_) => Ok(()),
        Err(ApplyError::Store(error)) => Err(error),
        Err(ApplyError::Conflict(conflict)) => panic!("{conflict}"),
    }
}

async fn read(store: &Store) -> Result<State, StoreError> {
    let all = store.scan::<Badge>(None, 99).await?;
    for badge in &all {
        // The other ways to a record agree with the scan.
        assert_eq!(store.get::<Badge>(&badge.id).await?.as_deref(), Some(&badge.record));
        if let Some(name) = &badge.name {
            let found = store.find_one::<Badge>("name", name).await?;
            assert_eq!(found.as_deref(), Some(&badge.record));
        }
    }
    let records = all.iter().map(|badge| (badge.id.clone(), badge.uses)).collect();
    Ok((records, store.add("count", 0, WINDOW).await?))
}

/// Runs the story on a disk that fails and returns every state that may be found afterwards: what
/// was acknowledged must be there, what was refused for good must not, the rest may, as a whole.
async fn tell(store: &Store) -> Vec<State> {
    let mut possible = vec![State::default()];
    for step in STORY {
        let changed = possible.iter().cloned().map(|mut state| {
            expect(&mut state, *step);
            state
        });
        let changed: Vec<_> = changed.collect();
        match perform(store, *step).await {
            Ok(()) => possible = changed,
            Err(StoreError::ReadOnly) => {}
            Err(StoreError::Unavailable { .. } | StoreError::Full) => possible.extend(changed),
            Err(other) => panic!("{other}"),
        }
        // Reads answer or fail, and never with something that cannot be.
        if let Ok(state) = read(store).await {
            assert!(possible.contains(&state), "{step:?}: {state:?} is not among {possible:?}");
        }
    }
    possible
}

/// Fails at every operation in turn until a run goes through; returns how many there were.
fn fail_everywhere(plan: impl Fn(u64) -> Plan, after: impl Fn(&Disk) -> Vec<Disk>) -> u64 {
    let clock = clock();
    let empty = Disk::default();
    drop(empty.open(&clock).expect("a fresh store"));
    for n in 0..5000 {
        let disk = empty.copy();
        disk.fail(plan(n));
        let possible = run(async {
            match disk.open(&clock) {
                Ok(store) => tell(&store).await,
                Err(_) => vec![State::default()],
            }
        });
        let left = after(&disk);
        let failed = disk.heal();
        for disk in left {
            disk.heal();
            let store = disk.open(&clock).unwrap_or_else(|error| panic!("{n}: {error}"));
            assert_eq!(store.health(), Health::Writable);
            let found = run(read(&store)).expect("read");
            assert!(possible.contains(&found), "{n}: {found:?} is not among {possible:?}");
        }
        if !failed {
            return n;
        }
    }
    panic!("the story has no end");
}

fn same(disk: &Disk) -> Vec<Disk> {
    vec![disk.clone()]
}

#[test]
fn a_disk_that_dies_at_any_operation_leaves_whole_batches() {
    let operations = fail_everywhere(|n| Plan::after(n, EIO), same);
    assert!(operations > 50, "{operations}");
}

#[test]
fn a_single_failed_operation_leaves_whole_batches() {
    for errno in [EIO, ENOSPC] {
        let once = |n| Plan { once: true, ..Plan::after(n, errno) };
        fail_everywhere(once, same);
    }
}

#[test]
fn a_disk_that_no_longer_writes_leaves_whole_batches() {
    for errno in [EIO, ENOSPC] {
        let writes = |n| Plan { spares_reads: true, ..Plan::after(n, errno) };
        fail_everywhere(writes, same);
    }
}

/// After the cut any subset of what was not synced may have reached the disk, in any order.
#[test]
fn a_power_cut_at_any_operation_keeps_what_was_acknowledged() {
    let subsets = |disk: &Disk| {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut toss = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed & 1 == 0
        };
        let mut disks = vec![disk.after_power_cut(|| false), disk.after_power_cut(|| true)];
        disks.extend((0..4).map(|_| disk.after_power_cut(&mut toss)));
        disks
    };
    fail_everywhere(|n| Plan::after(n, EIO), subsets);
}

#[test]
fn after_a_failed_fsync_the_store_is_read_only_until_it_is_opened_again() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = disk.open(&clock).expect("store");
        store.apply(Batch::new().insert(&badge("1"))).await.expect("insert");
        disk.fail(Plan { once: true, only_sync: true, ..Plan::after(0, EIO) });
        let lost = store.apply(Batch::new().insert(&badge("2"))).await;
        assert!(matches!(lost, Err(ApplyError::Store(StoreError::Unavailable { .. }))), "{lost:?}");
        // The disk is well again, but nobody can tell what it dropped.
        let refused = store.apply(Batch::new().insert(&badge("3"))).await;
        assert_eq!(refused, Err(ApplyError::Store(StoreError::ReadOnly)));
        assert_eq!(store.add("count", 1, WINDOW).await, Err(StoreError::ReadOnly));
        assert_eq!(store.sweep(1).await, Err(StoreError::ReadOnly));
        assert!(matches!(store.health(), Health::ReadOnly { .. }));
        assert!(store.get::<Badge>("1").await.expect("get").is_some());
        assert_eq!(store.scan::<Badge>(None, 9).await.expect("scan").len(), 1);
        drop(store);
        let store = disk.open(&clock).expect("reopen");
        assert_eq!(store.health(), Health::Writable);
        assert_eq!(store.scan::<Badge>(None, 9).await.expect("scan").len(), 1);
        store.apply(Batch::new().insert(&badge("2"))).await.expect("insert");
    });
}

/// A store with records that do not fit the few pages that opening looks at; nothing is cached.
async fn with_fifty(disk: &Disk, clock: &Clock) -> Store {
    let store = disk.open(clock).expect("store");
    fifty(&store).await;
    drop(store);
    disk.open(clock).expect("store")
}

async fn refuses_writes(store: &Store) {
    let refused = store.apply(Batch::new().insert(&badge("more"))).await;
    assert_eq!(refused, Err(ApplyError::Store(StoreError::ReadOnly)));
    assert!(matches!(store.health(), Health::ReadOnly { .. }));
}

async fn fifty(store: &Store) {
    for n in 0..50 {
        let record = badge(&n.to_string()).named(&format!("{n}{}", "x".repeat(3000)));
        store.apply(Batch::new().insert(&record)).await.expect("insert");
    }
}

#[test]
fn nothing_that_fails_later_makes_a_read_only_store_writable() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = disk.open(&clock).expect("store");
        fifty(&store).await;
        disk.fail(Plan { once: true, only_sync: true, ..Plan::after(0, EIO) });
        store.apply(Batch::new().insert(&badge("lost"))).await.expect_err("the fsync failed");
        disk.fail(Plan { once: true, ..Plan::after(0, EIO) });
        assert_eq!(store.scan::<Badge>(None, 99).await.expect("the second attempt").len(), 50);
        assert!(disk.heal(), "it was read from memory");
        refuses_writes(&store).await;
    });
}

#[test]
fn a_reader_in_trouble_does_not_hide_a_failed_fsync() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = with_fifty(&disk, &clock).await;
        disk.fail_fsync_beside_a_read();
        let read = async {
            while !disk.is_syncing() {
                tokio::task::yield_now().await;
            }
            let all = store.scan::<Badge>(None, 99).await.expect("the second attempt");
            assert_eq!(all.len(), 50);
            assert!(!disk.is_syncing(), "it was read from memory");
        };
        let (lost, ()) = tokio::join!(store.apply(Batch::new().insert(&badge("lost"))), read);
        assert!(matches!(lost, Err(ApplyError::Store(StoreError::Unavailable { .. }))), "{lost:?}");
        refuses_writes(&store).await;
    });
}

#[test]
fn an_fsync_without_space_is_a_failed_fsync() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = disk.open(&clock).expect("store");
        disk.fail(Plan { once: true, only_sync: true, ..Plan::after(0, ENOSPC) });
        let lost = store.apply(Batch::new().insert(&badge("1"))).await;
        assert!(matches!(lost, Err(ApplyError::Store(StoreError::Unavailable { .. }))), "{lost:?}");
        refuses_writes(&store).await;
    });
}

#[test]
fn an_fsync_that_fails_while_the_store_is_opened_again_is_not_tried_again() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = with_fifty(&disk, &clock).await;
        disk.fail(Plan::after(0, EIO));
        store.scan::<Badge>(None, 99).await.expect_err("nothing can be read");
        disk.heal();
        disk.fail(Plan { only_sync: true, ..Plan::after(0, EIO) });
        store.apply(Batch::new().insert(&badge("lost"))).await.expect_err("the fsync failed");
        assert!(disk.heal());
        refuses_writes(&store).await;
    });
}

#[test]
fn a_read_error_is_told_and_then_over() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = with_fifty(&disk, &clock).await;
        disk.fail(Plan { once: true, ..Plan::after(0, EIO) });
        let all = store.scan::<Badge>(None, 99).await.expect("the second attempt");
        assert_eq!(all.len(), 50);
        assert!(disk.heal());
        assert_eq!(store.health(), Health::Writable);
        store.apply(Batch::new().insert(&badge("more"))).await.expect("insert");
    });
}

#[test]
fn a_relaxed_batch_does_not_wait_for_silence() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = disk.open(&clock).expect("store");
        let relaxed = |n: u64| Batch::new().insert(&badge(&n.to_string())).relaxed();
        let on_disk = async || {
            let cut = disk.after_power_cut(|| false).open(&clock).expect("opens");
            cut.scan::<Badge>(None, 99).await.expect("scan").len()
        };
        for n in 0..12 {
            store.apply(relaxed(n)).await.expect("insert");
            clock.advance(Duration::from_millis(250));
        }
        // No second passed without a commit, and no more than the last second's are in danger.
        assert!(on_disk().await >= 8);
    });
}

#[test]
fn a_relaxed_batch_may_be_lost_by_a_power_cut_and_follows_within_seconds() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = disk.open(&clock).expect("store");
        store.apply(Batch::new().insert(&badge("durable"))).await.expect("insert");
        let relaxed = Batch::new().insert(&badge("relaxed")).relaxed();
        store.apply(relaxed).await.expect("insert");
        for _ in 0..500 {
            let cut = disk.after_power_cut(|| false).open(&clock).expect("opens");
            assert!(cut.get::<Badge>("durable").await.expect("get").is_some());
            if cut.get::<Badge>("relaxed").await.expect("get").is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never reached the disk");
    });
}

#[test]
fn a_durable_batch_takes_relaxed_ones_before_it_along() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = disk.open(&clock).expect("store");
        let relaxed = Batch::new().insert(&badge("1").named("alice")).relaxed();
        store.apply(relaxed).await.expect("insert");
        let mut read = store.get::<Badge>("1").await.expect("get").expect("there");
        read.record.uses = 1;
        store.apply(Batch::new().update(&read)).await.expect("update");
        let cut = disk.after_power_cut(|| false).open(&clock).expect("opens");
        assert_eq!(cut.get::<Badge>("1").await.expect("get").expect("there").uses, 1);
        assert!(cut.find_one::<Badge>("name", "alice").await.expect("find").is_some());
    });
}

#[test]
fn what_was_flushed_needs_no_orderly_end() {
    run(async {
        let (disk, clock) = (Disk::default(), clock());
        let store = disk.open(&clock).expect("store");
        store.apply(Batch::new().insert(&badge("1")).relaxed()).await.expect("insert");
        store.flush().await.expect("flush");
        let cut = disk.after_power_cut(|| false).open(&clock).expect("opens");
        assert!(cut.get::<Badge>("1").await.expect("get").is_some());
    });
}
