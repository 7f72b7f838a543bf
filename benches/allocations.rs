//! Counts what a decision allocates: with one rule of each kind, with a hundred, and with a hundred after a long past.
//! Fails where rules or the past cost allocations of their own.
//!
//! `cargo bench --bench allocations`, and a part of `cargo test`. It stands apart from the other benchmark because
//! counting makes every allocation a little slower, and the limits that rates are held against are played there.

/// Something to decide about.
#[path = "gantry/case.rs"]
mod case;

use std::alloc::System;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use gantry::app::App;
use gantry::clock::Clock;
use gantry::config;
use gantry::login::context::{self, Origin};
use gantry::policy;
use gantry::store::Batch;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use case::{Case, LONG};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What goes wrong in a benchmark ends it.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Other threads only add to a count: of so many the least is ours alone.
const TRIES: usize = 50;
/// A text that a hundred rules stand in grows a few times more than one with one rule.
const GROWTH: usize = 20;

/// Calls of the allocator, a growth counted like an allocation; and what they asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Count {
    calls: usize,
    bytes: usize,
}

impl Count {
    fn of<T>(mut work: impl FnMut() -> Outcome<T>) -> Outcome<Self> {
        // Whatever is made once, at the first time.
        black_box(work()?);
        let mut counts = Vec::with_capacity(TRIES);
        for _ in 0..TRIES {
            let region = Region::new(ALLOCATOR);
            black_box(work()?);
            let change = region.change();
            let grown = usize::try_from(change.bytes_reallocated).unwrap_or(0);
            let calls = change.allocations + change.reallocations;
            counts.push(Self { calls, bytes: change.bytes_allocated + grown });
        }
        counts.into_iter().min().ok_or_else(|| "nothing was counted".into())
    }
}

/// What is counted: the decision, its reasons as the log gets them, and what is gathered from the store before.
struct Counted {
    decision: Count,
    reasons: Count,
    gathered: Count,
}

fn main() -> ExitCode {
    gantry::install_crypto();
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("gantry bench: error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Outcome<bool> {
    let one = counted(1, 0)?;
    let hundred = counted(100, 0)?;
    let old = counted(100, LONG)?;
    println!("{:<12}{:>22}{:>22}{:>30}", "", "1 rule of each", "100 rules of each", "... after a long past");
    let mut met = true;
    for (name, of, growth) in [
        ("decision", (|counted| counted.decision) as fn(&Counted) -> Count, 0),
        ("reasons", |counted| counted.reasons, GROWTH),
        ("gathered", |counted| counted.gathered, 0),
    ] {
        let (one, hundred, old) = (of(&one), of(&hundred), of(&old));
        let fine = hundred.calls <= one.calls + growth && old == hundred;
        let cell = |count: Count| format!("{} in {} bytes", count.calls, count.bytes);
        let word = if fine { "ok" } else { "MISSED" };
        println!("{name:<12}{:>22}{:>22}{:>30} {word}", cell(one), cell(hundred), cell(old));
        met &= fine;
    }
    Ok(met)
}

fn counted(rules: usize, habits: usize) -> Outcome<Counted> {
    let case = Case::new(rules, habits)?;
    let context = case.context();
    let decision = Count::of(|| case.decide())?;
    let reasons = Count::of(|| Ok(policy::explain(case.under()?.1.1, &context)))?;
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let app = runtime.block_on(opened(folder.path(), &case))?;
    let from = Origin { address: context.address, device: None, at: context.at, as_if: None };
    let gathered = Count::of(|| {
        let named = case.under()?.1;
        Ok(runtime.block_on(context::gather(&app, from, &case.user, named))?)
    })?;
    Ok(Counted { decision, reasons, gathered })
}

/// A store with the habits of the case in it.
async fn opened(folder: &Path, case: &Case) -> Outcome<Arc<App>> {
    let file = folder.join("gantry.yaml");
    std::fs::write(&file, case::configuration(1))?;
    let app = App::open(config::load(&file)?.config, &file, Clock::system()).await?;
    app.store.apply(Batch::new().put(&case.habits)).await?;
    Ok(app)
}
