//! One rule a test; knows no back end.

use std::sync::Arc;
use std::time::Duration;

use gantry::store::{ApplyError, Batch, Budget, ConflictCause, Expect, StoreError};

use super::actors::{Badge, Home, Note, Outcome, SECOND, badge, ids, run};

#[test]
fn what_was_applied_is_read_back_also_after_reopening() {
    run(async {
        let home = Home::new();
        let alice = badge("1").named("alice").uses(3);
        let version = home.store.apply(Batch::new().insert(&alice)).await.expect("apply");
        let home = home.reopened();
        let read = home.store.get::<Badge>("1").await.expect("get").expect("there");
        assert_eq!((read.record, read.version), (alice, version));
        assert!(home.store.get::<Badge>("2").await.expect("get").is_none());
        assert!(home.store.get::<Note>("1").await.expect("get").is_none());
    });
}

#[test]
fn insert_wants_none_and_update_wants_the_version_it_read() {
    run(async {
        let Home { store, .. } = Home::new();
        store.apply(Batch::new().insert(&badge("1"))).await.expect("insert");
        let again = store.apply(Batch::new().insert(&badge("1"))).await;
        assert_eq!(again.expect_conflict(), ("1".into(), ConflictCause::Exists));

        let mut read = store.get::<Badge>("1").await.expect("get").expect("there");
        read.record.uses = 1;
        let next = store.apply(Batch::new().update(&read)).await.expect("update");
        assert!(next > read.version);
        let stale = store.apply(Batch::new().update(&read)).await;
        assert_eq!(stale.expect_conflict(), ("1".into(), ConflictCause::Changed));
        let stale = store.apply(Batch::new().remove(&read)).await;
        assert_eq!(stale.expect_conflict(), ("1".into(), ConflictCause::Changed));
        store.apply(Batch::new().put(&badge("1").uses(9))).await.expect("put");
        assert_eq!(store.get::<Badge>("1").await.expect("get").expect("there").uses, 9);
    });
}

#[test]
fn a_record_made_again_never_has_an_old_version() {
    run(async {
        let Home { store, .. } = Home::new();
        store.apply(Batch::new().insert(&badge("1"))).await.expect("insert");
        let first = store.get::<Badge>("1").await.expect("get").expect("there");
        store.apply(Batch::new().remove(&first)).await.expect("remove");
        assert!(store.get::<Badge>("1").await.expect("get").is_none());
        let gone = store.apply(Batch::new().update(&first)).await;
        assert_eq!(gone.expect_conflict().1, ConflictCause::Changed);
        store.apply(Batch::new().insert(&badge("1"))).await.expect("again");
        let stale = store.apply(Batch::new().update(&first)).await;
        assert_eq!(stale.expect_conflict().1, ConflictCause::Changed);
    });
}

#[test]
fn a_conflict_leaves_no_trace_and_names_the_first() {
    run(async {
        let Home { store, .. } = Home::new();
        store.apply(Batch::new().insert(&badge("2"))).await.expect("insert");
        let batch = Batch::new()
            .insert(&badge("1").named("alice"))
            .delete::<Badge>("2", Expect::Version(999))
            .insert(&badge("2"));
        assert!(matches!(store.apply(batch).await, Err(ApplyError::Store(StoreError::Encoding { .. }))));
        let batch = Batch::new()
            .insert(&badge("1").named("alice"))
            .delete::<Badge>("2", Expect::Version(999))
            .delete::<Badge>("3", Expect::Version(1));
        assert_eq!(store.apply(batch).await.expect_conflict(), ("2".into(), ConflictCause::Changed));
        assert!(store.get::<Badge>("1").await.expect("get").is_none());
        assert!(store.find_one::<Badge>("name", "alice").await.expect("find").is_none());
        assert!(store.get::<Badge>("2").await.expect("get").is_some());
    });
}

#[test]
fn delete_checks_what_it_expects() {
    run(async {
        let Home { store, .. } = Home::new();
        store.apply(Batch::new().delete::<Badge>("1", Expect::Any)).await.expect("any");
        store.apply(Batch::new().delete::<Badge>("1", Expect::Absent)).await.expect("absent");
        store.apply(Batch::new().insert(&badge("1"))).await.expect("insert");
        let there = store.apply(Batch::new().delete::<Badge>("1", Expect::Absent)).await;
        assert_eq!(there.expect_conflict().1, ConflictCause::Exists);
        store.apply(Batch::new().delete::<Badge>("1", Expect::Any)).await.expect("delete");
        assert!(store.get::<Badge>("1").await.expect("get").is_none());
        assert!(store.find::<Badge>("team", "red", 9).await.expect("find").is_empty());
    });
}

#[test]
fn what_is_required_is_live_in_the_end_and_stays_as_it_is() {
    run(async {
        let Home { store, clock, .. } = Home::new();
        let needs = |id: &str| Batch::new().put(&badge("1")).require::<Badge>(id);
        assert_eq!(store.apply(needs("2")).await.expect_conflict(), ("2".into(), ConflictCause::Changed));
        assert!(store.get::<Badge>("1").await.expect("get").is_none());
        let version = store.apply(Batch::new().insert(&badge("2"))).await.expect("insert");
        store.apply(needs("2")).await.expect("there");
        let read = store.get::<Badge>("2").await.expect("get").expect("there");
        assert_eq!(read.version, version);
        // Another kind of the same id is another record.
        let other = store.apply(Batch::new().require::<Note>("2")).await;
        assert_eq!(other.expect_conflict().0, "2");
        // The batch itself may see to it, or against it.
        store.apply(Batch::new().update(&read).require::<Badge>("2")).await.expect("updated");
        store.apply(Batch::new().require::<Badge>("3").insert(&badge("3"))).await.expect("made");
        store.apply(needs("2").delete::<Badge>("2", Expect::Any)).await.expect_conflict();
        assert!(store.get::<Badge>("2").await.expect("get").is_some());
        store.apply(Batch::new().put(&badge("2").expiring(clock.now() + SECOND))).await.expect("put");
        clock.advance(SECOND);
        store.apply(needs("2")).await.expect_conflict();
    });
}

#[test]
fn a_unique_value_has_one_holder_at_a_time() {
    run(async {
        let Home { store, .. } = Home::new();
        let taken = ConflictCause::Taken { index: "name" };
        store.apply(Batch::new().insert(&badge("1").named("alice"))).await.expect("insert");
        let second = store.apply(Batch::new().insert(&badge("2").named("alice"))).await;
        assert_eq!(second.expect_conflict(), ("2".into(), taken));
        let twice = Batch::new().insert(&badge("3").named("bob")).insert(&badge("4").named("bob"));
        assert_eq!(store.apply(twice).await.expect_conflict(), ("4".into(), taken));
        // Another kind has values of its own.
        let note = Note { id: "1".into(), text: "alice".into() };
        store.apply(Batch::new().insert(&note)).await.expect("other kind");
        // A prefix, a longer value and an empty one are other values.
        for (id, name) in [("5", "alic"), ("6", "alice "), ("7", "")] {
            store.apply(Batch::new().insert(&badge(id).named(name))).await.expect("insert");
        }
        store.apply(Batch::new().put(&badge("1").named("carol"))).await.expect("rename");
        store.apply(Batch::new().insert(&badge("2").named("alice"))).await.expect("free again");
        let found = store.find_one::<Badge>("name", "alice").await.expect("find").expect("there");
        assert_eq!(found.id, "2");
    });
}

#[test]
fn values_can_change_hands_within_one_batch() {
    run(async {
        let Home { store, .. } = Home::new();
        let both = Batch::new().insert(&badge("1").named("a")).insert(&badge("2").named("b"));
        store.apply(both).await.expect("insert");
        let swap = Batch::new().put(&badge("1").named("b")).put(&badge("2").named("a"));
        store.apply(swap).await.expect("swap");
        assert_eq!(store.find_one::<Badge>("name", "a").await.expect("find").expect("there").id, "2");
        let heir = Batch::new().delete::<Badge>("1", Expect::Any).insert(&badge("3").named("b"));
        store.apply(heir).await.expect("inherit");
        assert_eq!(store.find_one::<Badge>("name", "b").await.expect("find").expect("there").id, "3");
    });
}

#[test]
fn find_and_scan_are_ordered_and_bounded() {
    run(async {
        let Home { store, .. } = Home::new();
        for id in ["b", "a", "ab", "c", ""] {
            let team = if id == "c" { "blue" } else { "red" };
            store.apply(Batch::new().insert(&badge(id).team(team))).await.expect("insert");
        }
        assert_eq!(ids(&store.find("team", "red", 9).await.expect("find")), ["", "a", "ab", "b"]);
        assert_eq!(ids(&store.find("team", "red", 2).await.expect("find")), ["", "a"]);
        assert!(store.find::<Badge>("team", "red", 0).await.expect("find").is_empty());
        assert_eq!(ids(&store.scan(None, 9).await.expect("scan")), ["", "a", "ab", "b", "c"]);
        assert_eq!(ids(&store.scan(Some("a"), 2).await.expect("scan")), ["ab", "b"]);
        assert_eq!(ids(&store.scan(Some(""), 1).await.expect("scan")), ["a"]);
        assert!(store.scan::<Badge>(Some("c"), 9).await.expect("scan").is_empty());
        assert!(store.scan::<Note>(None, 9).await.expect("scan").is_empty());
    });
}

#[test]
fn a_relaxed_batch_is_seen_at_once_and_survives_an_orderly_end() {
    run(async {
        let home = Home::new();
        let batch = Batch::new().insert(&badge("1").named("alice")).relaxed();
        home.store.apply(batch).await.expect("apply");
        assert!(home.store.get::<Badge>("1").await.expect("get").is_some());
        assert!(home.store.find_one::<Badge>("name", "alice").await.expect("find").is_some());
        let home = home.reopened();
        assert!(home.store.get::<Badge>("1").await.expect("get").is_some());
    });
}

#[test]
fn every_get_after_apply_sees_it_also_from_the_cache() {
    run(async {
        let Home { store, .. } = Home::new();
        for uses in 0..50 {
            store.apply(Batch::new().put(&badge("1").uses(uses))).await.expect("put");
            for _ in 0..3 {
                assert_eq!(store.get::<Badge>("1").await.expect("get").expect("there").uses, uses);
            }
        }
        store.apply(Batch::new().delete::<Badge>("1", Expect::Any)).await.expect("delete");
        assert!(store.get::<Badge>("1").await.expect("get").is_none());
    });
}

#[test]
fn budgets_are_spent_in_order_up_to_the_first_that_has_none_left() {
    run(async {
        let Home { store, .. } = Home::new();
        let window = Duration::from_secs(9);
        let budget = |counter: &str, limit| Budget { counter: counter.to_owned(), limit, window };
        let both = || vec![budget("few", 2), budget("many", 9)];
        assert_eq!(store.spend(both()).await, Ok(None));
        assert_eq!(store.spend(both()).await, Ok(None));
        assert_eq!(store.spend(both()).await, Ok(Some(0)));
        assert_eq!(store.add("many", 0, window).await, Ok(2));
        let last = vec![budget("many", 9), budget("none", 0)];
        assert_eq!(store.spend(last).await, Ok(Some(1)));
    });
}

#[test]
fn a_batch_clears_counters_only_when_it_holds() {
    run(async {
        let Home { store, .. } = Home::new();
        let window = Duration::from_secs(9);
        store.add("tries", 3, window).await.expect("add");
        store.apply(Batch::new().insert(&badge("1")).clear("other".into())).await.expect("insert");
        store.apply(Batch::new().insert(&badge("1")).clear("tries".into())).await.expect_err("conflict");
        assert_eq!(store.add("tries", 0, window).await, Ok(3));
        store.apply(Batch::new().clear("tries".into())).await.expect("clear");
        assert_eq!(store.add("tries", 0, window).await, Ok(0));
    });
}

#[test]
fn a_batch_gives_one_back_but_never_what_was_not_taken() {
    run(async {
        let Home { store, .. } = Home::new();
        let window = Duration::from_secs(9);
        store.add("tries", 2, window).await.expect("add");
        store.apply(Batch::new().insert(&badge("1")).give_back("other".into())).await.expect("insert");
        store.apply(Batch::new().insert(&badge("1")).give_back("tries".into())).await.expect_err("conflict");
        for left in [1, 0, 0] {
            store.apply(Batch::new().give_back("tries".into())).await.expect("give back");
            assert_eq!(store.add("tries", 0, window).await, Ok(left));
        }
    });
}

#[test]
fn a_view_is_shared_until_the_record_changes() {
    run(async {
        let Home { store, .. } = Home::new();
        store.apply(Batch::new().put(&badge("1").uses(1))).await.expect("put");
        let first = store.view::<Badge>("1").await.expect("view").expect("there");
        let again = store.view::<Badge>("1").await.expect("view").expect("there");
        assert!(Arc::ptr_eq(&first, &again));
        store.apply(Batch::new().put(&badge("1").uses(2))).await.expect("put");
        let after = store.view::<Badge>("1").await.expect("view").expect("there");
        assert_eq!((first.uses, after.uses), (1, 2));
        assert!(store.view::<Badge>("2").await.expect("view").is_none());
    });
}
