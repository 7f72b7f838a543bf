//! Any sequence of operations does what a map would do.

use std::collections::BTreeMap;
use std::time::Duration;

use gantry::clock::{Clock, Timestamp};
use gantry::store::{ApplyError, Batch, Expect, Store, Stored};
use proptest::prelude::*;

use super::actors::{Badge, badge, clock, run};
use super::disk::Disk;

#[derive(Debug, Clone)]
enum Step {
    Insert(Badge, Option<u64>),
    Put(Badge, Option<u64>),
    /// Two at once, all or nothing.
    InsertBoth(Badge, Badge),
    /// With what was read when this id was last remembered.
    Update(String, Badge),
    Remember(String),
    Delete(String),
    Remove(String),
    Relaxed(Badge),
    Advance(u64),
    Sweep(usize),
    Add(u8, u64),
    Reopen,
}

fn id() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "ab", "c", "ba"]).prop_map(str::to_owned)
}

fn some_badge() -> impl Strategy<Value = Badge> {
    let name = prop::option::of(prop::sample::select(vec!["x", "y", "xy", ""]));
    let team = prop::sample::select(vec!["red", "blue", "re"]);
    (id(), name, team, 0..9_u64).prop_map(|(id, name, team, uses)| Badge {
        name: name.map(str::to_owned),
        ..badge(&id).team(team).uses(uses)
    })
}

fn step() -> impl Strategy<Value = Step> {
    let life = || prop::option::of(1..20_u64);
    prop_oneof![
        4 => (some_badge(), life()).prop_map(|(badge, life)| Step::Insert(badge, life)),
        3 => (some_badge(), life()).prop_map(|(badge, life)| Step::Put(badge, life)),
        2 => (some_badge(), some_badge()).prop_map(|(a, b)| Step::InsertBoth(a, b)),
        3 => (id(), some_badge()).prop_map(|(id, badge)| Step::Update(id, badge)),
        2 => id().prop_map(Step::Remember),
        1 => id().prop_map(Step::Delete),
        1 => id().prop_map(Step::Remove),
        1 => some_badge().prop_map(Step::Relaxed),
        2 => (1..10_u64).prop_map(Step::Advance),
        1 => (0..4_usize).prop_map(Step::Sweep),
        2 => (0..2_u8, 0..4_u64).prop_map(|(name, n)| Step::Add(name, n)),
        1 => Just(Step::Reopen),
    ]
}

const WINDOW: Duration = Duration::from_secs(7);

#[derive(Default)]
struct Model {
    records: BTreeMap<String, (Badge, u64)>,
    remembered: BTreeMap<String, Stored<Badge>>,
    counters: BTreeMap<u8, (Timestamp, u64)>,
}

impl Model {
    fn expire(&mut self, now: Timestamp) {
        self.records.retain(|_, (badge, _)| badge.expires.is_none_or(|at| now < at));
    }

    fn name_is_free(&self, badge: &Badge) -> bool {
        let holds = |other: &Badge| other.id != badge.id && other.name.is_some() && other.name == badge.name;
        !self.records.values().any(|(other, _)| holds(other))
    }

    fn can_insert(&self, badge: &Badge) -> bool {
        !self.records.contains_key(&badge.id) && self.name_is_free(badge)
    }

    fn set(&mut self, badge: &Badge, version: u64) {
        self.records.insert(badge.id.clone(), (badge.clone(), version));
    }
}

/// Whether it was applied, and as what; anything but a conflict is a failure.
fn applied(result: Result<u64, ApplyError>) -> Option<u64> {
    match result {
        Ok(version) => Some(version),
        Err(ApplyError::Conflict(_)) => None,
        Err(ApplyError::Store(error)) => panic!("{error}"),
    }
}

fn living(badge: Badge, life: Option<u64>, now: Timestamp) -> Badge {
    Badge { expires: life.map(|seconds| now + Duration::from_secs(seconds)), ..badge }
}

async fn write(store: &Store, model: &mut Model, batch: Batch, allowed: bool, puts: &[&Badge]) {
    let version = applied(store.apply(batch).await);
    assert_eq!(version.is_some(), allowed);
    for badge in puts.iter().filter(|_| allowed) {
        model.set(badge, version.expect("allowed"));
    }
}

async fn perform(store: &Store, model: &mut Model, clock: &Clock, step: Step) {
    let now = clock.now();
    match step {
        Step::Delete(id) => {
            store.apply(Batch::new().delete::<Badge>(id.as_str(), Expect::Any)).await.expect("delete");
            model.records.remove(&id);
        }
        Step::Remember(id) => {
            if let Some(read) = store.get::<Badge>(&id).await.expect("get") {
                model.remembered.insert(id, read);
            }
        }
        Step::Advance(seconds) => clock.advance(Duration::from_secs(seconds)),
        Step::Sweep(limit) => assert!(store.sweep(limit).await.expect("sweep") <= limit),
        Step::Add(name, n) => {
            let total = store.add(&format!("counter {name}"), n, WINDOW).await.expect("add");
            assert_eq!(total, count(model, name, n, now));
        }
        Step::Reopen => {}
        Step::Insert(..) | Step::Put(..) | Step::Relaxed(_) | Step::InsertBoth(..) => {
            put(store, model, now, step).await;
        }
        Step::Update(..) | Step::Remove(_) => change(store, model, step).await,
    }
}

async fn put(store: &Store, model: &mut Model, now: Timestamp, step: Step) {
    match step {
        Step::Insert(badge, life) => {
            let badge = living(badge, life, now);
            let allowed = model.can_insert(&badge);
            write(store, model, Batch::new().insert(&badge), allowed, &[&badge]).await;
        }
        Step::Put(badge, life) => {
            let badge = living(badge, life, now);
            let allowed = model.name_is_free(&badge);
            write(store, model, Batch::new().put(&badge), allowed, &[&badge]).await;
        }
        Step::Relaxed(badge) => {
            let allowed = model.name_is_free(&badge);
            write(store, model, Batch::new().put(&badge).relaxed(), allowed, &[&badge]).await;
        }
        Step::InsertBoth(a, b) if a.id != b.id => {
            let clash = a.name.is_some() && a.name == b.name;
            let allowed = model.can_insert(&a) && model.can_insert(&b) && !clash;
            write(store, model, Batch::new().insert(&a).insert(&b), allowed, &[&a, &b]).await;
        }
        _ => {}
    }
}

/// What needs a version that was read before.
async fn change(store: &Store, model: &mut Model, step: Step) {
    match step {
        Step::Update(id, badge) => {
            let Some(mut old) = model.remembered.get(&id).cloned() else {
                return;
            };
            old.record = Badge { id, ..badge };
            let current = model.records.get(&old.record.id).map(|(_, version)| *version);
            let allowed = current == Some(old.version) && model.name_is_free(&old.record);
            write(store, model, Batch::new().update(&old), allowed, &[&old.record]).await;
        }
        Step::Remove(id) => {
            let Some(old) = model.remembered.get(&id).cloned() else {
                return;
            };
            let allowed = model.records.get(&id).is_some_and(|(_, version)| *version == old.version);
            assert_eq!(applied(store.apply(Batch::new().remove(&old)).await).is_some(), allowed);
            if allowed {
                model.records.remove(&id);
            }
        }
        _ => {}
    }
}

fn count(model: &mut Model, name: u8, n: u64, now: Timestamp) -> u64 {
    let live = model.counters.get(&name).copied().filter(|(end, _)| now < *end);
    let (end, total) = live.unwrap_or((now + WINDOW, 0));
    if n > 0 {
        model.counters.insert(name, (end, total + n));
    }
    total + n
}

async fn compare(store: &Store, model: &Model) {
    let read = store.scan::<Badge>(None, 99).await.expect("scan");
    let read: Vec<_> = read.into_iter().map(|read| (read.record, read.version)).collect();
    assert_eq!(read, model.records.values().cloned().collect::<Vec<_>>());
    for id in ["a", "b", "ab", "c", "ba"] {
        let read = store.get::<Badge>(id).await.expect("get");
        let read = read.map(|read| (read.record, read.version));
        assert_eq!(read.as_ref(), model.records.get(id));
    }
    for team in ["red", "blue", "re", "r"] {
        let found = store.find::<Badge>("team", team, 99).await.expect("find");
        let wanted = model.records.values().filter(|(badge, _)| badge.team == team);
        assert!(found.iter().map(|found| &found.record).eq(wanted.map(|(badge, _)| badge)), "{team}");
    }
    for name in ["x", "y", "xy", ""] {
        let found = store.find_one::<Badge>("name", name).await.expect("find");
        let wanted = model.records.values().find(|(badge, _)| badge.name.as_deref() == Some(name));
        assert_eq!(found.map(|found| found.record), wanted.map(|(badge, _)| badge.clone()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_is_a_map(steps in prop::collection::vec(step(), 1..60)) {
        run(async {
            let (disk, clock) = (Disk::default(), clock());
            let mut store = disk.open(&clock).expect("store");
            let mut model = Model::default();
            for step in steps {
                if matches!(step, Step::Reopen) {
                    drop(store);
                    store = disk.open(&clock).expect("reopen");
                }
                model.expire(clock.now());
                perform(&store, &mut model, &clock, step).await;
                model.expire(clock.now());
                compare(&store, &model).await;
            }
        });
    }
}
