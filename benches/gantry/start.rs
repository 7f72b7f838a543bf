//! Starting, memory and size: with an empty store, and after `kill -9` with a full one.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gantry::account::{User, UserState};
use gantry::app::App;
use gantry::secret::Id;
use gantry::store::Batch;

use crate::load::{count, now};
use crate::process::{BINARY, Server, Worker};
use crate::report::{Report, Single, median};
use crate::world::{self, name};
use crate::{Outcome, Plan};

const USERS_PER_BATCH: usize = 1_000;
const SESSIONS_PER_BATCH: usize = 2_000;
const STARTS: usize = 5;
/// A server that nobody asks has settled after this long.
const SETTLE: Duration = Duration::from_secs(1);

/// All that is measured around a start.
pub(crate) fn measure(plan: &Plan, folder: &Path, report: &mut Report) -> Outcome<()> {
    empty(&folder.join("empty"), report)?;
    full(plan, &folder.join("full"), report)?;
    let bytes = usize::try_from(fs::metadata(BINARY)?.len())?;
    report.singles.push(Single::at_most("stripped binary, MB", count(bytes) / 1e6, 25.0));
    Ok(())
}

fn empty(folder: &Path, report: &mut Report) -> Outcome<()> {
    eprintln!("measuring starts with an empty store");
    let (first, span) = Server::gantry(folder)?;
    drop(first);
    let again = starts(folder, |_| Ok(()))?;
    let (server, _) = Server::gantry(folder)?;
    thread::sleep(SETTLE);
    report.singles.push(Single::at_most(
        "idle memory (RSS), MB",
        server.process.memory("VmRSS")? * 1.048_576,
        20.0,
    ));
    report.singles.push(Single::at_most("start with an empty store, ms", again, 100.0));
    report.note("very first start, which makes the store and the keys, ms", millis(span));
    Ok(())
}

fn full(plan: &Plan, folder: &Path, report: &mut Report) -> Outcome<()> {
    let (users, sessions) = (plan.users, plan.sessions);
    eprintln!("filling a store with {users} users and {sessions} sessions");
    let start = now();
    let mut filler = Worker::start("fill", folder)?;
    filler.ask(&format!("fill {users} {sessions}"))?;
    report.note("seconds it took to fill the store", start.elapsed().as_secs_f64());
    // SIGKILL, with the store open.
    drop(filler);
    let store = folder.join("data/gantry.redb");
    report.note("size of the full store, MB", count(usize::try_from(fs::metadata(&store)?.len())?) / 1e6);
    eprintln!("measuring starts with it");
    let of = format!("{users} users and {sessions} sessions after kill -9");
    let warm = starts(folder, |_| Ok(()))?;
    let cold = starts(folder, |folder| forget(&folder.join("data/gantry.redb")))?;
    report.singles.push(Single::at_most(&format!("start with {of}, ms"), warm, 300.0));
    report.singles.push(Single::at_most("the same, file not in the page cache, ms", cold, 300.0));
    let (server, _) = Server::gantry(folder)?;
    thread::sleep(SETTLE);
    report.note("idle memory (RSS) with the full store, MB", server.process.memory("VmRSS")? * 1.048_576);
    Ok(())
}

/// The median time to the first answer; every server is killed with SIGKILL.
fn starts(folder: &Path, before: impl Fn(&Path) -> Outcome<()>) -> Outcome<f64> {
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        before(folder)?;
        let (_, span) = Server::gantry(folder)?;
        times.push(millis(span));
    }
    Ok(median(times))
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

/// Asks the kernel to drop a file from its page cache.
fn forget(file: &Path) -> Outcome<()> {
    let mut input = std::ffi::OsString::from("if=");
    input.push(file);
    let arguments = ["of=/dev/null", "iflag=nocache", "count=0"];
    let status = Command::new("dd").arg(&input).args(arguments).stderr(Stdio::null()).status()?;
    if !status.success() {
        return Err("dd failed".into());
    }
    Ok(())
}

/// Fills the store of `folder` in big batches and leaves it open.
pub(crate) async fn fill(folder: &Path, users: usize, sessions: usize) -> Outcome<Arc<App>> {
    let app = world::open(folder).await?;
    let mut people = Vec::with_capacity(users);
    while people.len() < users {
        let until = users.min(people.len() + USERS_PER_BATCH);
        let batch: Vec<User> =
            (people.len()..until).map(|number| user(&app, number)).collect::<Outcome<_>>()?;
        app.store.apply(batch.iter().fold(Batch::new(), Batch::insert)).await?;
        people.extend(batch);
    }
    let mut holders = people.iter().cycle();
    let mut left = sessions;
    while left > 0 {
        let size = left.min(SESSIONS_PER_BATCH);
        let records = holders.by_ref().take(size).map(|user| world::session(&app, user));
        let batch = records.fold(Batch::new(), |batch, session| batch.insert(&session));
        app.store.apply(batch).await?;
        left -= size;
    }
    Ok(app)
}

fn user(app: &App, number: usize) -> Outcome<User> {
    let now = app.clock.now();
    let hash =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    Ok(User {
        id: Id::new(now),
        username: name(number).parse()?,
        name: Some("Somebody Example".to_owned()),
        email: Some(format!("{}@example.org", name(number)).parse()?),
        email_verified: true,
        groups: std::collections::BTreeSet::new(),
        roles: std::collections::BTreeSet::new(),
        attributes: std::collections::BTreeMap::new(),
        password: Some(hash.to_owned()),
        state: UserState::Active,
        factors: std::collections::BTreeSet::new(),
        epoch: 0,
        language: None,
        trust: 0,
        created_at: now,
        updated_at: now,
    })
}
