//! The same requests with few and with many live grants: the store must not slow down as it fills.

use std::path::Path;

use gantry::store::Batch;
use tokio::runtime::Runtime;

use crate::operations::{Post, Refresh, Turns};
use crate::process::Server;
use crate::report::{Goal, Report, Row};
use crate::world::{EDDSA_APP, World};
use crate::{Outcome, Plan};

const FEW: usize = 1_000;
/// Grants that each connection uses in turn; together no more than there are few.
const EACH: usize = 14;
const BATCH: usize = 500;

struct Prepared {
    asking: Vec<Turns>,
    rotating: Vec<Refresh>,
}

pub(crate) fn measure(plan: &Plan, folder: &Path, report: &mut Report) -> Outcome<()> {
    let many = plan.sessions;
    let runtime = Runtime::new()?;
    let mut sides = Vec::new();
    for (name, grants) in [("few", FEW), ("many", many)] {
        eprintln!("preparing {grants} grants");
        let folder = folder.join(name);
        let prepared = runtime.block_on(prepare(plan, &folder, grants))?;
        sides.push((Server::gantry(&folder)?.0, prepared));
    }
    let [(few_server, few), (many_server, most)] = sides.as_mut_slice() else {
        return Err("two sides".into());
    };
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
    report.rows.extend([asking, rotating]);
    Ok(())
}

/// Fills the store and takes what the connections use from all over it.
async fn prepare(plan: &Plan, folder: &Path, grants: usize) -> Outcome<Prepared> {
    let world = World::make(folder).await?;
    let authorization = world.authorization(EDDSA_APP).await?;
    let used = (plan.connections * EACH).min(grants);
    let (mut access, mut refresh) = (Vec::new(), Vec::new());
    let mut made = 0;
    while made < grants {
        let mut batch = Batch::new();
        for number in made..grants.min(made + BATCH) {
            let (grant, token) = world.grant(EDDSA_APP, number)?;
            batch = batch.insert(&grant);
            if number % (grants / used) == 0 {
                access.push(world.access_token(&grant)?);
                refresh.push(token);
            }
        }
        made += BATCH;
        world.app.store.apply(batch).await?;
    }
    let post = |token: &String| Post::new("/oauth2/introspect", &authorization, &format!("token={token}"));
    Ok(Prepared {
        asking: access
            .chunks(EACH)
            .take(plan.connections)
            .map(|some| Turns::of(some.iter().map(post)))
            .collect(),
        rotating: refresh
            .chunks(EACH)
            .take(plan.connections)
            .map(|some| Refresh { tokens: some.to_vec(), turn: 0, authorization: authorization.clone() })
            .collect(),
    })
}
