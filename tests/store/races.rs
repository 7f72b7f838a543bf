//! Many at once, one winner (ST-11).

use std::sync::Arc;

use gantry::store::{ApplyError, Batch, Conflict, ConflictCause, Expect, Store};
use tokio::sync::Barrier;

use super::actors::{Badge, Home, badge, clock, run_parallel};
use super::disk::Disk;

#[derive(Clone, Copy)]
enum Race {
    Insert,
    Redeem,
    TakeName,
}

/// What one of the racers tries; whether it won.
async fn attempt(store: Store, race: Race, round: String, racer: usize) -> bool {
    let batch = match race {
        Race::Insert => Batch::new().insert(&badge(&round)),
        Race::TakeName => Batch::new().insert(&badge(&format!("{round}-{racer}")).named(&round)),
        Race::Redeem => {
            let mut code = store.get::<Badge>("code").await.expect("get").expect("there");
            if code.team == round {
                return false;
            }
            code.record.team = round;
            code.record.uses += 1;
            Batch::new().update(&code)
        }
    };
    match store.apply(batch).await {
        Ok(_) => true,
        Err(ApplyError::Conflict(Conflict { cause, .. })) => {
            let expected = match race {
                Race::Insert => cause == ConflictCause::Exists,
                Race::TakeName => cause == ConflictCause::Taken { index: "name" },
                Race::Redeem => cause == ConflictCause::Changed,
            };
            assert!(expected, "{cause:?}");
            false
        }
        Err(other) => panic!("{other}"),
    }
}

async fn rounds(store: &Store, tasks: usize, rounds: usize) {
    for round in 0..rounds {
        let race = [Race::Insert, Race::Redeem, Race::TakeName][round % 3];
        let name = format!("{tasks}-{round}");
        let barrier = Arc::new(Barrier::new(tasks));
        let racers: Vec<_> = (0..tasks)
            .map(|racer| {
                let (store, name, barrier) = (store.clone(), name.clone(), Arc::clone(&barrier));
                tokio::spawn(async move {
                    barrier.wait().await;
                    attempt(store, race, name, racer).await
                })
            })
            .collect();
        let mut winners = 0;
        for racer in racers {
            winners += usize::from(racer.await.expect("no panic"));
        }
        assert_eq!(winners, 1, "{name}");
    }
}

#[test]
fn one_wins_in_two_thousand_rounds_of_4_16_and_64() {
    run_parallel(async {
        let store = Disk::default().open(&clock()).expect("store");
        store.apply(Batch::new().insert(&badge("code"))).await.expect("insert");
        rounds(&store, 4, 1000).await;
        rounds(&store, 16, 700).await;
        rounds(&store, 64, 300).await;
        let code = store.get::<Badge>("code").await.expect("get").expect("there");
        assert_eq!(code.uses, 333 + 233 + 100);
    });
}

#[test]
fn sixty_four_create_the_same_username_in_a_file_and_one_does() {
    run_parallel(async {
        let home = Home::new();
        for round in 0..10 {
            let created: Vec<_> = (0..64)
                .map(|n| {
                    let (store, id) = (home.store.clone(), format!("{round}-{n}"));
                    let record = badge(&id).named(&format!("user{round}"));
                    tokio::spawn(async move { store.apply(Batch::new().insert(&record)).await })
                })
                .collect();
            let mut winners = 0;
            for task in created {
                winners += usize::from(task.await.expect("no panic").is_ok());
            }
            assert_eq!(winners, 1);
        }
        assert_eq!(home.store.scan::<Badge>(None, 99).await.expect("scan").len(), 10);
    });
}

#[test]
fn nothing_is_left_that_needed_what_was_deleted_first() {
    run_parallel(async {
        let store = Disk::default().open(&clock()).expect("store");
        for round in 0..300 {
            let (needed, team) = (format!("{round}"), format!("of {round}"));
            store.apply(Batch::new().insert(&badge(&needed))).await.expect("insert");
            let barrier = Arc::new(Barrier::new(9));
            let hang = |n: usize| {
                let (store, barrier) = (store.clone(), Arc::clone(&barrier));
                let record = badge(&format!("{round}-{n}")).team(&team);
                let batch = Batch::new().insert(&record).require::<Badge>(&needed);
                tokio::spawn(async move {
                    barrier.wait().await;
                    // Too late or not: both may be.
                    let _ = store.apply(batch).await;
                })
            };
            let hanging: Vec<_> = (0..8).map(hang).collect();
            barrier.wait().await;
            store.apply(Batch::new().delete::<Badge>(&needed, Expect::Any)).await.expect("delete");
            for found in store.find::<Badge>("team", &team, 99).await.expect("find") {
                store.apply(Batch::new().remove(&found)).await.expect("remove");
            }
            for task in hanging {
                task.await.expect("no panic");
            }
            assert_eq!(store.find::<Badge>("team", &team, 99).await.expect("find").len(), 0);
        }
    });
}

#[test]
fn no_addition_to_a_counter_is_lost() {
    run_parallel(async {
        let store = Disk::default().open(&clock()).expect("store");
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut seen = Vec::new();
                    for _ in 0..20 {
                        seen.push(store.add("tries", 1, super::actors::SECOND).await.expect("add"));
                    }
                    seen
                })
            })
            .collect();
        let mut totals = Vec::new();
        for task in tasks {
            totals.extend(task.await.expect("no panic"));
        }
        totals.sort_unstable();
        assert_eq!(totals, (1..=64 * 20).collect::<Vec<_>>());
    });
}

/// A reader beside a writer must never see the record go back, once it was told that it went on.
#[test]
fn readers_beside_a_writer_never_get_less_than_was_acknowledged() {
    run_parallel(async {
        use std::sync::atomic::{AtomicU64, Ordering};
        let store = Disk::default().open(&clock()).expect("store");
        store.apply(Batch::new().put(&badge("1"))).await.expect("put");
        let acknowledged = Arc::new(AtomicU64::new(0));
        let readers: Vec<_> = (0..6)
            .map(|_| {
                let (store, acknowledged) = (store.clone(), Arc::clone(&acknowledged));
                tokio::spawn(async move {
                    loop {
                        let before = acknowledged.load(Ordering::SeqCst);
                        let read = store.get::<Badge>("1").await.expect("get").expect("there");
                        assert!(read.uses >= before, "{} after {before}", read.uses);
                        if before >= 3000 {
                            return;
                        }
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for uses in 1..=3000 {
            store.apply(Batch::new().put(&badge("1").uses(uses))).await.expect("put");
            acknowledged.store(uses, Ordering::SeqCst);
        }
        for reader in readers {
            reader.await.expect("no panic");
        }
    });
}
