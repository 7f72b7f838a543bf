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
/// At most so many writes are waited for before a kill.
const MOST: usize = 300;
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

/// Kills a child in the middle of its work: when it has been told of a random number of writes, and is
/// already at the next ones. Returns that number.
fn cycle(path: &Path, number: usize, acknowledged: &mut Acknowledged) -> usize {
    let mut child = start(path, number);
    let output = BufReader::new(child.stdout.take().expect("pipe")).lines();
    let mut lines = output.map_while(Result::ok).filter(|line| line.starts_with('>'));
    assert_eq!(lines.next().as_deref(), Some(">open"), "the child could not open the store");
    let enough = 1 + usize::from(u16::from_le_bytes(gantry::secret::random())) % MOST;
    let mut told: Vec<String> = lines.by_ref().take(enough).collect();
    assert_eq!(told.len(), enough, "the child ended by itself");
    // Anywhere within the next commit, not always at its beginning.
    thread::sleep(Duration::from_micros(u64::from_le_bytes(gantry::secret::random()) % 3000));
    child.kill().expect("kill");
    child.wait().expect("wait");
    // What it was told of before it died counts as well.
    told.extend(lines);
    for line in &told {
        acknowledged.note(line);
    }
    told.len()
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
    let mut writes = 0;
    for number in 0..cycles {
        let mut acknowledged = Acknowledged::default();
        writes += cycle(&path, number, &mut acknowledged);
        let store = Store::open_redb(&path, Clock::system()).expect("opens after kill -9");
        run(check(&store, &acknowledged));
        all.inserted.append(&mut acknowledged.inserted);
        all.redeemed.append(&mut acknowledged.redeemed);
        all.counted = all.counted.max(acknowledged.counted);
    }
    let store = Store::open_redb(&path, Clock::system()).expect("store");
    run(check(&store, &all));
    let (inserted, redeemed) = (all.inserted.len(), all.redeemed.len());
    eprintln!("{cycles} kills, {writes} acknowledged writes: {inserted} inserts, {redeemed} redemptions");
    // Half of what is expected, so that a child that does next to nothing is noticed.
    assert!(writes >= cycles * MOST / 4 && redeemed >= cycles * MOST / 16, "{writes}, {redeemed}");
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
