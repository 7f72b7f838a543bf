//! What a decision costs: a large policy, and what devices and places add to a sign-in.

use std::hint::black_box;
use std::path::Path;

use gantry::config;
use gantry::login::context::{self, Origin};
use gantry::policy;
use gantry::store::Batch;
use zeroize::Zeroizing;

use crate::case::{self, Case};
use crate::load::now;
use crate::places;
use crate::report::{Report, Single, median};
use crate::world::{PASSWORD, World};
use crate::{Outcome, Plan};

/// Decisions in a round.
const DECISIONS: u32 = 20_000;
/// Times that a sign-in by password gathers what it decides on: for the page that follows, and to remember it.
const GATHERED: f64 = 2.0;

pub(crate) fn measure(plan: &Plan, folder: &Path, report: &mut Report) -> Outcome<()> {
    eprintln!("measuring decisions of a policy");
    let young = decision(plan, &Case::new(100, 0)?)?;
    let old = decision(plan, &Case::new(100, case::LONG)?)?;
    report.singles.push(Single::at_most(
        "a decision among 100 rules of each kind, in microseconds",
        young,
        20.0,
    ));
    report.singles.push(Single::at_most("... after a long history, compared", old / young, 1.2));
    let runtime = tokio::runtime::Runtime::new()?;
    let part = runtime.block_on(part_of_hash(plan, folder))?;
    report.singles.push(Single::at_most(
        "devices and places in a sign-in, in % of its password hash",
        part,
        3.0,
    ));
    Ok(())
}

/// Microseconds of one decision.
fn decision(plan: &Plan, case: &Case) -> Outcome<f64> {
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let began = now();
        for _ in 0..DECISIONS {
            black_box(black_box(case).decide()?);
        }
        rounds.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(DECISIONS));
    }
    Ok(median(rounds))
}

/// What looking at devices, places and habits costs beside not looking, in hundredths of the hash.
async fn part_of_hash(plan: &Plan, folder: &Path) -> Outcome<f64> {
    let world = World::make(folder).await?;
    let (app, user) = (&world.app, world.person(0)?);
    std::fs::write(folder.join("places.mmdb"), places::database(&[("192.0.2.0/24", places::BERLIN)]))?;
    app.geo.load(Some(&folder.join("places.mmdb")));
    app.store.apply(Batch::new().put(&case::history(user.id, app.clock.now(), case::LONG)?)).await?;
    let config = config::parse("bench", &case::configuration(100), Path::new("/"))?.config;
    let policies = ["standard", "large"].map(|name| config.policies.get(name).map(|policy| (name, policy)));
    let [Some(without), Some(with)] = policies else { return Err("no policy".into()) };
    let from = Origin { address: [192, 0, 2, 1].into(), device: None, at: app.clock.now(), as_if: None };
    let (mut parts, count) = (Vec::new(), 2_000_u32);
    for _ in 0..plan.rounds {
        let mut seconds = Vec::new();
        for named in [without, with] {
            let began = now();
            for _ in 0..count {
                let context = context::gather(app, from, user, named).await?;
                black_box(policy::explain(named.1, &context));
            }
            seconds.push(began.elapsed().as_secs_f64() / f64::from(count));
        }
        let [without, with] = seconds.as_slice() else { return Err("two sides".into()) };
        let began = now();
        app.passwords.hash(Zeroizing::new(PASSWORD.to_owned()), app.config().passwords.argon2id).await?;
        let hash = began.elapsed().as_secs_f64();
        parts.push(100.0 * GATHERED * (with - without) / hash);
    }
    Ok(median(parts))
}
