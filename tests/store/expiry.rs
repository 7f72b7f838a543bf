//! What ends by itself: records and counter windows, whatever the clock does (ST-10).

use std::time::Duration;

use gantry::clock::{Clock, Timestamp};
use gantry::store::{Batch, ConflictCause, Store};

use super::actors::{Badge, Home, Outcome, SECOND, badge, ids, run};

#[test]
fn an_expired_record_is_as_good_as_gone() {
    run(async {
        let Home { store, clock, directory: _directory } = Home::new();
        let at = clock.now() + SECOND;
        let alice = badge("1").named("alice").expiring(at);
        store.apply(Batch::new().insert(&alice)).await.expect("insert");
        let old = store.get::<Badge>("1").await.expect("get").expect("live until then");
        clock.set(at);
        assert!(store.get::<Badge>("1").await.expect("get").is_none());
        assert!(store.find::<Badge>("team", "red", 9).await.expect("find").is_empty());
        assert!(store.scan::<Badge>(None, 9).await.expect("scan").is_empty());
        let update = store.apply(Batch::new().update(&old)).await;
        assert_eq!(update.expect_conflict().1, ConflictCause::Changed);
        // Neither its name nor its id is in the way.
        store.apply(Batch::new().insert(&badge("2").named("alice"))).await.expect("name is free");
        store.apply(Batch::new().insert(&badge("1").named("bob"))).await.expect("id is free");
        assert_eq!(store.sweep(9).await.expect("sweep"), 0);
        assert_eq!(ids(&store.scan(None, 9).await.expect("scan")), ["1", "2"]);
    });
}

#[test]
fn nothing_comes_alive_when_the_clock_goes_back() {
    run(async {
        let Home { store, clock, directory: _directory } = Home::new();
        let start = clock.now();
        store.apply(Batch::new().insert(&badge("1").expiring(start + SECOND))).await.expect("insert");
        store.add("tries", 5, SECOND).await.expect("add");
        clock.advance(2 * SECOND);
        assert!(store.get::<Badge>("1").await.expect("get").is_none());
        clock.set(start);
        assert!(store.get::<Badge>("1").await.expect("get").is_none());
        assert_eq!(store.add("tries", 0, SECOND).await.expect("read"), 0);
    });
}

#[test]
fn a_sweep_takes_bounded_steps_from_the_oldest() {
    run(async {
        let Home { store, clock, directory: _directory } = Home::new();
        for n in 0..5_u32 {
            let at = clock.now() + n * SECOND;
            let record = badge(&n.to_string()).named(&format!("n{n}")).expiring(at);
            store.apply(Batch::new().put(&record)).await.expect("put");
        }
        store.add("tries", 1, SECOND).await.expect("add");
        store.apply(Batch::new().insert(&badge("stays"))).await.expect("insert");
        clock.advance(3 * SECOND);
        assert_eq!(store.sweep(2).await.expect("sweep"), 2);
        assert_eq!(store.sweep(9).await.expect("sweep"), 3);
        assert_eq!(store.sweep(9).await.expect("sweep"), 0);
        assert_eq!(ids(&store.scan(None, 9).await.expect("scan")), ["4", "stays"]);
        // A longer life forgets the earlier end.
        let longer = badge("4").named("n4").expiring(clock.now() + 100 * SECOND);
        store.apply(Batch::new().put(&longer)).await.expect("put");
        clock.advance(50 * SECOND);
        assert_eq!(store.sweep(9).await.expect("sweep"), 0);
    });
}

#[test]
fn a_counter_counts_within_its_window() {
    run(async {
        let Home { store, clock, directory: _directory } = Home::new();
        let window = 10 * SECOND;
        assert_eq!(store.add("tries", 0, window).await.expect("read"), 0);
        assert_eq!(store.add("tries", 1, window).await.expect("add"), 1);
        clock.advance(9 * SECOND);
        assert_eq!(store.add("tries", 2, window).await.expect("add"), 3);
        assert_eq!(store.add("tries", 0, window).await.expect("read"), 3);
        assert_eq!(store.add("other", 7, window).await.expect("add"), 7);
        // The window does not slide.
        clock.advance(SECOND);
        assert_eq!(store.add("tries", 0, window).await.expect("read"), 0);
        assert_eq!(store.add("tries", 1, window).await.expect("add"), 1);
        store.clear("tries").await.expect("clear");
        assert_eq!(store.add("tries", 0, window).await.expect("read"), 0);
        store.clear("never was").await.expect("clear");
        assert_eq!(store.add("full", u64::MAX, window).await.expect("add"), u64::MAX);
        assert_eq!(store.add("full", 1, window).await.expect("add"), u64::MAX);
    });
}

#[test]
fn a_counter_opened_in_the_future_ends_within_a_window() {
    run(async {
        let home = Home::new();
        home.clock.advance(Duration::from_secs(86_400 * 3650));
        home.store.add("tries", 1, SECOND).await.expect("add");
        // The clock was put right while the service was down.
        let path = home.directory.path().join("gantry.redb");
        drop(home.store);
        let clock = Clock::manual(Timestamp::from_seconds(1_000_000));
        let store = Store::open_redb(&path, clock.clone()).expect("store");
        assert_eq!(store.add("tries", 1, SECOND).await.expect("add"), 2);
        clock.advance(SECOND);
        assert_eq!(store.add("tries", 1, SECOND).await.expect("add"), 1);
    });
}
