//! Measures gantry against what the machine allows, in one run: `cargo bench`.
//!
//! Absolute figures swing with the machine, so every figure stands beside its limit, measured turn by turn
//! with it: endpoints that read beside a bare actix-web handler, endpoints that write beside the same records
//! through the store alone, the sign-in beside the bare password hash. The subject is the real binary; it and
//! the limits run in child processes, whose CPU time is read from outside, so that the client's is not counted.
//!
//! Words after `--` choose what is measured: reads, `client_credentials`, refusals, redemption, refresh, sign-in,
//! growth, policy, start; without one, all. `GANTRY_BENCH_QUICK=1` is a smoke run of half a minute.
//! `GANTRY_BENCH_USERS` and `GANTRY_BENCH_SESSIONS` change the size of the full store, `GANTRY_BENCH_DIR` where data is
//! put. `--json FILE` after `--` writes the figures to a file.

/// Something to decide about.
mod case;
/// The endpoints against their limits.
mod endpoints;
/// Few grants and many.
mod growth;
/// Bare handlers, bare writes, bare hash.
mod limits;
/// The load client.
mod load;
/// The client side of each measured operation.
mod operations;
/// Places of addresses, as tests make them.
#[path = "../../tests/support/places.rs"]
#[expect(dead_code, clippy::expect_used, clippy::indexing_slicing, reason = "shared with the tests")]
mod places;
/// Decisions of a policy, and what they add to a sign-in.
mod policy;
/// Children: started, asked, watched, killed.
mod process;
/// The table and the JSON file.
mod report;
/// Starting with an empty and with a full store; memory and size.
mod start;
/// A store with people, codes and grants in it.
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What goes wrong in a benchmark ends it.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How much is measured.
#[derive(Debug, Clone)]
struct Plan {
    rounds: usize,
    /// Of each measurement.
    span: Duration,
    connections: usize,
    sign_ins: usize,
    users: usize,
    sessions: usize,
    folder: PathBuf,
    /// What is measured; empty: everything.
    chosen: Vec<String>,
}

impl Plan {
    fn wants(&self, part: &str) -> bool {
        self.chosen.is_empty() || self.chosen.iter().any(|chosen| chosen == part)
    }

    fn from_environment() -> Outcome<Self> {
        let quick = std::env::var_os("GANTRY_BENCH_QUICK").is_some_and(|value| value == "1");
        let (rounds, millis, sign_ins) = if quick { (1, 300, 16) } else { (5, 1200, 96) };
        let (users, sessions) = if quick { (2_000, 20_000) } else { (100_000, 1_000_000) };
        Ok(Self {
            rounds,
            span: Duration::from_millis(millis),
            connections: 64,
            sign_ins,
            users: number("GANTRY_BENCH_USERS", users)?,
            sessions: number("GANTRY_BENCH_SESSIONS", sessions)?,
            folder: std::env::var_os("GANTRY_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from),
            chosen: chosen(),
        })
    }
}

fn number(name: &str, default: usize) -> Outcome<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name} is not a number").into()),
        Err(_) => Ok(default),
    }
}

fn main() -> ExitCode {
    gantry::install_crypto();
    let outcome = match std::env::var(process::ROLE) {
        Ok(role) => limits::play(&role),
        Err(_) => measure(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gantry bench: error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Outcome<()> {
    let plan = Plan::from_environment()?;
    let folder = tempfile::Builder::new().prefix("gantry-bench.").tempdir_in(&plan.folder)?;
    let mut report = report::Report::default();
    endpoints::measure(&plan, &folder.path().join("endpoints"), &mut report)?;
    if plan.wants("growth") {
        growth::measure(&plan, &folder.path().join("growth"), &mut report)?;
    }
    if plan.wants("policy") {
        policy::measure(&plan, &folder.path().join("policy"), &mut report)?;
    }
    if plan.wants("start") {
        start::measure(&plan, &folder.path().join("start"), &mut report)?;
    }
    println!("{report}");
    if let Some(file) = json_file() {
        std::fs::write(file, format!("{:#}\n", report.json()))?;
    }
    Ok(())
}

/// The words that are neither options nor the value of one.
fn chosen() -> Vec<String> {
    let mut words = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => drop(arguments.next()),
            option if option.starts_with('-') => {}
            _ => words.push(argument),
        }
    }
    words
}

/// The value of `--json`; everything else that cargo hands over is of no interest.
fn json_file() -> Option<PathBuf> {
    let mut arguments = std::env::args_os().skip_while(|argument| argument != "--json");
    arguments.nth(1).map(PathBuf::from)
}
