//! kill -9 at any moment (ST-01, ST-02): a child process works on a file and tells what was
//! acknowledged; the parent kills it, opens the file and looks.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use gantry::clock::Clock;
use gantry::store::{Batch, OpenError, Store};

use super::actors::{Badge, badge, run, run_parallel};

const FILE: &str = "GANTRY_TEST_STORE";
const CYCLE: &str = "GANTRY_TEST_CYCLE";
const DAY: Duration = Duration::from_secs(86_400);

/// Not a test by itself: what the child runs.
#[test]
fn child() {
    let Ok(path) = env::var(FILE) else { return };
    let cycle = env::var(CYCLE).expect("cycle");
    let store = Store::open_redb(Path::new(&path), Clock::system()).expect("store");
    tell("open");
    run_parallel(async {
        let tasks: Vec<_> =
            (0..8).map(|task| tokio::spawn(work(store.clone(), format!("{cycle}-{task}")))).collect();
        for task in tasks {
            task.await.expect("work");
        }
    });
    // The parent decides when it is over.
    thread::sleep(Duration::from_mins(1));
}

/// Inserts codes, redeems each once, and counts.
async fn work(store: Store, name: String) {
    for n in 0..200 {
        let id = format!("{name}-{n}");
        store.apply(Batch::new().insert(&badge(&id).named(&id))).await.expect("insert");
        tell(&format!("inserted {id}"));
        let mut code = store.get::<Badge>(&id).await.expect("get").expect("there");
        code.record.uses += 1;
        store.apply(Batch::new().update(&code).put(&badge(&format!("{id}-token")))).await.expect("redeem");
        tell(&format!("redeemed {id}"));
        let total = store.add("count", 1, DAY).await.expect("add");
        tell(&format!("counted {total}"));
    }
}

fn tell(line: &str) {
    let mut out = stdout().lock();
    // In one piece, on a line of its own: the test harness writes to the same place.
    out.write_all(format!("\n>{line}\n").as_bytes()).expect("parent");
    out.flush().expect("parent");
}

fn start(path: &Path, cycle: usize) -> Child {
    Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "store::kill::child", "--nocapture"])
        .env(FILE, path)
        .env(CYCLE, cycle.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("child")
}

#[derive(Default)]
struct Acknowledged {
    inserted: BTreeSet<String>,
    redeemed: BTreeSet<String>,
    counted: u64,
}

impl Acknowledged {
    fn note(&mut self, line: &str) {
        match line.split_once(' ') {
            Some((">inserted", id)) => drop(self.inserted.insert(id.to_owned())),
            Some((">redeemed", id)) => drop(self.redeemed.insert(id.to_owned())),
            Some((">counted", total)) => {
                self.counted = self.counted.max(total.parse().expect("number"));
            }
            _ => {}
        }
    }
}

/// Lets a child work for a while after it has opened the store, then kills it.
fn cycle(path: &Path, number: usize, acknowledged: &mut Acknowledged) {
    let mut child = start(path, number);
    let mut lines = BufReader::new(child.stdout.take().expect("pipe")).lines();
    let opened = lines.find(|line| line.as_deref().is_ok_and(|line| line == ">open"));
    assert!(opened.is_some(), "the child could not open the store");
    // Drained beside, so that the child never waits for the parent.
    let reader = thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
    let micros = u64::from_le_bytes(gantry::secret::random()) % 120_000;
    thread::sleep(Duration::from_micros(micros));
    child.kill().expect("kill");
    child.wait().expect("wait");
    for line in reader.join().expect("reader") {
        acknowledged.note(&line);
    }
}

/// Looks at what the cycle's child was told; the whole is looked at in the end.
async fn check(store: &Store, acknowledged: &Acknowledged) {
    for id in &acknowledged.inserted {
        let code = store.get::<Badge>(id).await.expect("get");
        let code = code.unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        let token = store.get::<Badge>(&format!("{id}-token")).await.expect("get");
        assert_eq!(code.uses, u64::from(token.is_some()), "{id} was redeemed by half");
        assert!(code.uses == 1 || !acknowledged.redeemed.contains(id), "{id} works twice");
        let named = store.find_one::<Badge>("name", id).await.expect("find");
        assert_eq!(named.as_deref(), Some(&code.record));
    }
    let counted = store.add("count", 0, DAY).await.expect("read");
    assert!(counted >= acknowledged.counted, "{counted} of {}", acknowledged.counted);
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_works_twice() {
    let cycles = env::var("GANTRY_KILL_CYCLES").map_or(50, |text| text.parse().expect("a number"));
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("gantry.redb");
    let mut all = Acknowledged::default();
    for number in 0..cycles {
        let mut acknowledged = Acknowledged::default();
        cycle(&path, number, &mut acknowledged);
        let store = Store::open_redb(&path, Clock::system()).expect("opens after kill -9");
        run(check(&store, &acknowledged));
        all.inserted.append(&mut acknowledged.inserted);
        all.redeemed.append(&mut acknowledged.redeemed);
        all.counted = all.counted.max(acknowledged.counted);
    }
    let store = Store::open_redb(&path, Clock::system()).expect("store");
    run(check(&store, &all));
    eprintln!("{cycles} kills: {} inserts, {} redemptions", all.inserted.len(), all.redeemed.len());
}

#[test]
fn a_second_process_is_refused() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("gantry.redb");
    let mut child = start(&path, 0);
    let mut lines = BufReader::new(child.stdout.take().expect("pipe")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line == ">open")));
    let second = Store::open_redb(&path, Clock::system());
    child.kill().expect("kill");
    child.wait().expect("wait");
    assert!(matches!(second, Err(OpenError::Locked { .. })));
    Store::open_redb(&path, Clock::system()).expect("free again");
}
