//! The same requests with few and with many live grants: the store must not slow down as it fills. The writes of a
//! refresh are measured alone too, as no server can be flatter than its store, and refreshes also with far more grants
//! in use than there are few.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use gantry::oauth::grant::Grant;
use gantry::store::{Batch, Stored};
use tokio::runtime::Runtime;

use crate::limits::{Pile, rotations};
use crate::operations::{Post, Refresh, Turns};
use crate::process::Server;
use crate::report::{Goal, Report, Row};
use crate::world::{self, EDDSA_APP, World};
use crate::{Outcome, Plan};

const FEW: usize = 1_000;
/// Grants that each connection uses in turn; together no more than there are few.
const EACH: usize = 14;
/// The same when many are in use.
const MANY_EACH: usize = 896;
const BATCH: usize = 500;

struct Prepared {
    asking: Vec<Turns>,
    rotating: Vec<Refresh>,
    /// The same with many grants in use; none that is in the others.
    widely: Vec<Refresh>,
    /// The grants of each connection.
    piles: Vec<Pile>,
}

pub(crate) fn measure(plan: &Plan, folder: &Path, report: &mut Report) -> Outcome<()> {
    let many = plan.sessions;
    let runtime = Runtime::new()?;
    let (few_folder, many_folder) = (folder.join("few"), folder.join("many"));
    let mut few = runtime.block_on(prepare(plan, &few_folder, FEW))?;
    let mut most = runtime.block_on(prepare(plan, &many_folder, many))?;
    let mut writing = Row::new(&format!("bare writes, {many} grants"), "1,000 grants", Goal::Rate(0.9));
    let (few_app, many_app) = runtime.block_on(async {
        Outcome::Ok((world::open(&few_folder).await?, world::open(&many_folder).await?))
    })?;
    for _ in 0..plan.rounds {
        let limit = runtime.block_on(rotations(&few_app.store, &few.piles, plan.span))?;
        writing.add(limit, runtime.block_on(rotations(&many_app.store, &most.piles, plan.span))?);
    }
    drop((few_app, many_app));
    let (few_server, _) = Server::gantry(&few_folder)?;
    let (many_server, _) = Server::gantry(&many_folder)?;
    eprintln!("measuring introspection and refresh with {FEW} and with {many} grants");
    let mut asking = Row::new(&format!("introspection, {many} grants"), "1,000 grants", Goal::Rate(0.9));
    let mut rotating = Row::new(&format!("refresh, {many} grants"), "1,000 grants", Goal::Rate(0.9));
    for _ in 0..plan.rounds {
        asking.add(
            few_server.measure(&mut few.asking, plan.span)?,
            many_server.measure(&mut most.asking, plan.span)?,
        );
        let limit = few_server.measure(&mut few.rotating, plan.span)?;
        rotating.add(limit, many_server.measure(&mut most.rotating, plan.span)?);
    }
    let in_use = most.widely.iter().map(|refresh| refresh.tokens.len()).sum::<usize>();
    eprintln!("measuring refresh with {in_use} grants in use");
    let mut widely = Row::new(&format!("the same, {in_use} in use"), "1,000 grants", Goal::Rate(0.9));
    for _ in 0..2 * plan.rounds {
        many_server.measure(&mut most.widely, plan.span)?;
    }
    for _ in 0..plan.rounds {
        let limit = few_server.measure(&mut few.rotating, plan.span)?;
        widely.add(limit, many_server.measure(&mut most.widely, plan.span)?);
    }
    report.rows.extend([asking, rotating, widely, writing]);
    Ok(())
}

/// Fills the store and takes what the connections use from all over it.
async fn prepare(plan: &Plan, folder: &Path, grants: usize) -> Outcome<Prepared> {
    eprintln!("preparing {grants} grants");
    let world = World::make(folder).await?;
    let authorization = world.authorization(EDDSA_APP).await?;
    let used = (plan.connections * EACH).min(grants);
    let widely = (plan.connections * MANY_EACH).min(grants / 2);
    let (mut access, mut refresh, mut kept, mut rest) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut made = 0;
    while made < grants {
        let (mut batch, mut chosen) = (Batch::new(), Vec::new());
        for number in made..grants.min(made + BATCH) {
            let (grant, token) = world.grant(EDDSA_APP, number)?;
            batch = batch.insert(&grant);
            if number % (grants / used) == 0 {
                access.push(world.access_token(&grant)?);
                refresh.push(token);
                chosen.push(grant);
            } else if number % (grants / widely) == 1 {
                rest.push(token);
            }
        }
        made += BATCH;
        let version = world.app.store.apply(batch).await?;
        kept.extend(chosen.into_iter().map(|record| Stored { record, version }));
    }
    let post = |token: &String| Post::new("/oauth2/introspect", &authorization, &format!("token={token}"));
    let pile = |some: &[Stored<Grant>]| Arc::new(Mutex::new(VecDeque::from(some.to_vec())));
    let rotating = |tokens: &[String], each| -> Vec<Refresh> {
        let one = |some: &[String]| Refresh {
            tokens: some.to_vec(),
            turn: 0,
            authorization: authorization.clone(),
        };
        tokens.chunks(each).take(plan.connections).map(one).collect()
    };
    Ok(Prepared {
        piles: kept.chunks(EACH).take(plan.connections).map(pile).collect(),
        asking: access
            .chunks(EACH)
            .take(plan.connections)
            .map(|some| Turns::of(some.iter().map(post)))
            .collect(),
        rotating: rotating(&refresh, EACH),
        widely: rotating(&rest, rest.len().div_ceil(plan.connections).max(1)),
    })
}
