//! The endpoints against their limits, turn by turn.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry::store::Batch;
use tokio::runtime::Runtime;

use crate::load::{Sample, count};
use crate::operations::{Get, Post, Redeem, Refresh, SignIn};
use crate::process::{Server, Worker};
use crate::report::{Goal, Report, Row};
use crate::world::{EDDSA_APP, PLAIN_APP, ROBOT, RSA_APP, World};
use crate::{Outcome, Plan};

/// Codes made for one round of one app: more than a round can redeem. Limits get as many, as a store slows down with
/// what is in it.
const CODES: usize = 30_000;
/// Refresh tokens that each connection rotates in turn.
pub(crate) const CHAINS: usize = 16;
const AT_ONCE: usize = 8;
const BATCH: usize = 500;

/// The apps that are measured, with the algorithm of their ID tokens.
const APPS: [(&str, Option<&str>, &str); 3] = [
    (RSA_APP, Some("RS256"), "ID token by RS256"),
    (EDDSA_APP, Some("EdDSA"), "ID token by EdDSA"),
    (PLAIN_APP, None, "no ID token"),
];

/// What the store holds for one app.
struct Client {
    /// Of its ID tokens; `None`: it gets none.
    alg: Option<&'static str>,
    title: &'static str,
    authorization: String,
    codes: Rc<RefCell<Vec<String>>>,
    refresh: Vec<Refresh>,
}

/// What was put into the store before the server started.
struct Prepared {
    userinfo: Vec<Get>,
    introspection: Vec<Post>,
    /// Of the app that speaks for itself.
    robot: String,
    clients: Vec<Client>,
}

impl Plan {
    /// Codes that a store holds before anything is measured.
    pub(crate) fn codes(&self) -> usize {
        APPS.len() * self.rounds * CODES
    }
}

const PARTS: [&str; 6] = ["reads", "client_credentials", "refusals", "redemption", "refresh", "sign-in"];

/// Everything that is asked over HTTP.
pub(crate) fn measure(plan: &Plan, folder: &Path, report: &mut Report) -> Outcome<()> {
    if !PARTS.iter().any(|part| plan.wants(part)) {
        return Ok(());
    }
    eprintln!("preparing {} codes and {} grants", plan.codes(), APPS.len() * plan.connections * CHAINS);
    let gantry = folder.join("gantry");
    let mut prepared = Runtime::new()?.block_on(prepare(plan, &gantry))?;
    let (server, _) = Server::gantry(&gantry)?;
    if plan.wants("reads") {
        reads(plan, &server, &mut prepared, report)?;
    }
    if plan.wants("client_credentials") {
        own_tokens(plan, &server, &prepared.robot, report)?;
    }
    if plan.wants("refusals") {
        refusals(plan, &server, &prepared.robot, report)?;
    }
    let mut writes = Worker::start("writes", &folder.join("bare"))?;
    writes.ask(&format!("codes {}", plan.codes()))?;
    let bare = Worker::start("rotation", &folder.join("rotation"))?.serve()?;
    for client in &mut prepared.clients {
        if plan.wants("redemption") {
            redemptions(plan, &server, client, &mut writes, report)?;
        }
        if plan.wants("refresh") {
            rotations(plan, &server, client, &mut writes, report)?;
            if let Some(alg) = client.alg {
                rotations_over_http(plan, &server, (client, alg), &bare, report)?;
            }
        }
    }
    let authorization = prepared.clients.first().map(|client| client.authorization.clone());
    if plan.wants("sign-in") {
        sign_ins(plan, &server, &authorization.unwrap_or_default(), report)?;
    }
    report.note("peak memory after all of this, MiB", server.process.memory("VmHWM")?);
    Ok(())
}

async fn prepare(plan: &Plan, folder: &Path) -> Outcome<Prepared> {
    let world = World::make(folder).await?;
    let (mut userinfo, mut introspection) = (Vec::new(), Vec::new());
    let authorization = world.authorization(RSA_APP).await?;
    for number in 0..plan.connections {
        let (grant, _) = world.grant(RSA_APP, number)?;
        world.app.store.apply(Batch::new().insert(&grant)).await?;
        let token = world.access_token(&grant)?;
        userinfo.push(Get::new("/oauth2/userinfo", Some(&token)));
        introspection.push(Post::new("/oauth2/introspect", &authorization, &format!("token={token}")));
    }
    let mut clients = Vec::new();
    for (client, alg, title) in APPS {
        let authorization = world.authorization(client).await?;
        let codes = Rc::new(RefCell::new(codes(&world, client, plan.rounds * CODES).await?));
        let mut refresh = Vec::new();
        for number in 0..plan.connections {
            let tokens = chains(&world, client, number).await?;
            refresh.push(Refresh { tokens, turn: 0, authorization: authorization.clone() });
        }
        clients.push(Client { alg, title, authorization, codes, refresh });
    }
    let robot = world.authorization(ROBOT).await?;
    Ok(Prepared { userinfo, introspection, robot, clients })
}

/// Stored codes, the oldest last, where they are taken from.
async fn codes(world: &World, client: &str, count: usize) -> Outcome<Vec<String>> {
    let mut texts = Vec::with_capacity(count);
    while texts.len() < count {
        let mut batch = Batch::new();
        for number in texts.len()..count.min(texts.len() + BATCH) {
            let (code, text) = world.code(client, number)?;
            batch = batch.insert(&code);
            texts.push(text);
        }
        world.app.store.apply(batch).await?;
    }
    texts.reverse();
    Ok(texts)
}

async fn chains(world: &World, client: &str, person: usize) -> Outcome<Vec<String>> {
    let mut tokens = Vec::with_capacity(CHAINS);
    let mut batch = Batch::new();
    for _ in 0..CHAINS {
        let (grant, token) = world.grant(client, person)?;
        batch = batch.insert(&grant);
        tokens.push(token);
    }
    world.app.store.apply(batch).await?;
    Ok(tokens)
}

fn reads(plan: &Plan, server: &Server, prepared: &mut Prepared, report: &mut Report) -> Outcome<()> {
    let bare = Worker::start("handler", Path::new("-"))?.serve()?;
    let same = |target| (0..plan.connections).map(|_| Get::new(target, None)).collect::<Vec<_>>();
    let mut fixed = same("/");
    let mut discovery = same("/.well-known/openid-configuration");
    let mut jwks = same("/oauth2/jwks");
    let subjects = [("userinfo", &mut prepared.userinfo), ("discovery", &mut discovery), ("jwks", &mut jwks)];
    for (name, operations) in subjects {
        eprintln!("measuring {name} against a bare handler");
        server.measure(operations, plan.span / 4)?;
        bare.measure(&mut fixed, plan.span / 4)?;
        let mut row = Row::new(name, "bare handler", Goal::RateAndCpu(0.6));
        for _ in 0..plan.rounds {
            row.add(bare.measure(&mut fixed, plan.span)?, server.measure(operations, plan.span)?);
        }
        report.rows.push(row);
    }
    eprintln!("measuring introspection against a bare handler of forms");
    let mut forms = prepared.introspection.iter().map(|form| form.to("/")).collect::<Vec<_>>();
    let mut row = Row::new("introspection", "bare form handler", Goal::RateAndCpu(0.6));
    for _ in 0..plan.rounds {
        row.add(
            bare.measure(&mut forms, plan.span)?,
            server.measure(&mut prepared.introspection, plan.span)?,
        );
    }
    report.rows.push(row);
    Ok(())
}

fn own_tokens(plan: &Plan, server: &Server, authorization: &str, report: &mut Report) -> Outcome<()> {
    eprintln!("measuring client_credentials against a handler that makes one signature");
    let bare = Worker::start("handler", Path::new("-"))?.serve()?;
    let mut signing = (0..plan.connections).map(|_| Get::new("/signature", None)).collect::<Vec<_>>();
    let own = || Post::new("/oauth2/token", authorization, "grant_type=client_credentials");
    let mut asking = (0..plan.connections).map(|_| own()).collect::<Vec<_>>();
    let mut row = Row::new("client_credentials", "bare signature", Goal::Rate(0.6));
    for _ in 0..plan.rounds {
        row.add(bare.measure(&mut signing, plan.span)?, server.measure(&mut asking, plan.span)?);
    }
    report.rows.push(row);
    Ok(())
}

/// Whether the time of a refusal tells which clients there are, or how much of a secret is right: an unknown client and
/// a secret of which all but the end is right, beside a wrong one.
fn refusals(plan: &Plan, server: &Server, robot: &str, report: &mut Report) -> Outcome<()> {
    let all = |pair: &str| {
        let authorization = format!("Basic {}", STANDARD.encode(pair));
        let one = || Post::new("/oauth2/token", &authorization, "grant_type=client_credentials").refused();
        (0..plan.connections).map(|_| one()).collect::<Vec<_>>()
    };
    let right = String::from_utf8(STANDARD.decode(robot.trim_start_matches("Basic "))?)?;
    let nearly = format!("{}~", right.strip_suffix(|_: char| true).ok_or("no secret")?);
    let mut wrong = all(&format!("{ROBOT}:{}", "x".repeat(43)));
    let others = [
        ("refusal of an unknown client", all(&format!("nobody:{}", "x".repeat(43)))),
        ("refusal of a secret that is nearly right", all(&nearly)),
    ];
    for (name, mut other) in others {
        eprintln!("measuring {name} against that of a wrong secret");
        let mut row = Row::new(name, "of a wrong secret", Goal::Rate(0.9));
        for _ in 0..plan.rounds {
            row.add(server.measure(&mut wrong, plan.span)?, server.measure(&mut other, plan.span)?);
        }
        report.rows.push(row);
    }
    Ok(())
}

fn redemptions(
    plan: &Plan,
    server: &Server,
    client: &Client,
    writes: &mut Worker,
    report: &mut Report,
) -> Outcome<()> {
    let name = format!("code redemption, {}", client.title);
    eprintln!("measuring {name} against bare writes");
    let (authorization, all) = (&client.authorization, &client.codes);
    let mut row = Row::new(&name, "bare writes", Goal::Rate(0.5));
    for _ in 0..plan.rounds {
        let limit = writes.measure(&format!("redeem {}", plan.span.as_millis()))?;
        // A slow round must not leave codes over to the next: they would be older than they live.
        let keep = all.borrow().len().saturating_sub(CODES);
        let codes = Rc::new(RefCell::new(all.borrow_mut().split_off(keep)));
        let operation = || Redeem { codes: Rc::clone(&codes), authorization: authorization.clone() };
        let mut operations = (0..plan.connections).map(|_| operation()).collect();
        row.add(limit, server.measure(&mut operations, plan.span)?);
    }
    report.rows.push(row);
    Ok(())
}

fn rotations(
    plan: &Plan,
    server: &Server,
    client: &mut Client,
    writes: &mut Worker,
    report: &mut Report,
) -> Outcome<()> {
    let name = format!("refresh with rotation, {}", client.title);
    eprintln!("measuring {name} against bare writes");
    let mut row = Row::new(&name, "bare writes", Goal::Rate(0.5));
    writes.ask(&format!("grants {CHAINS}"))?;
    for _ in 0..plan.rounds {
        let limit = writes.measure(&format!("refresh {}", plan.span.as_millis()))?;
        row.add(limit, server.measure(&mut client.refresh, plan.span)?);
    }
    report.rows.push(row);
    Ok(())
}

/// The same beside the least that can answer such a request: how much of the distance is HTTP and signatures.
fn rotations_over_http(
    plan: &Plan,
    server: &Server,
    (client, alg): (&mut Client, &str),
    bare: &Server,
    report: &mut Report,
) -> Outcome<()> {
    let name = format!("the same, {}", client.title);
    eprintln!("measuring refresh with rotation against a bare handler that writes and signs");
    let post = || Post::new(&format!("/{alg}"), &client.authorization, "grant_type=refresh_token");
    let mut forms = (0..plan.connections).map(|_| post()).collect::<Vec<_>>();
    let mut row = Row::new(&name, "bare handler that writes and signs", Goal::Rate(0.6));
    for _ in 0..plan.rounds {
        row.add(bare.measure(&mut forms, plan.span)?, server.measure(&mut client.refresh, plan.span)?);
    }
    report.rows.push(row);
    Ok(())
}

fn sign_ins(plan: &Plan, server: &Server, authorization: &str, report: &mut Report) -> Outcome<()> {
    eprintln!("measuring sign-ins against the password hash");
    let mut hashes = Worker::start("hash", Path::new("-"))?;
    let number = Rc::new(Cell::new(0));
    let sign_in = |count: usize| -> Outcome<Sample> {
        let left = Rc::new(Cell::new(count));
        let operation = || SignIn {
            left: Rc::clone(&left),
            number: Rc::clone(&number),
            authorization: authorization.to_owned(),
        };
        let mut operations = (0..AT_ONCE).map(|_| operation()).collect();
        server.measure(&mut operations, plan.span * 100)
    };
    sign_in(AT_ONCE)?;
    let mut row = Row::new("whole sign-in, 8 at once", "argon2id alone", Goal::CpuAtMost(1.15));
    let mut rest = Vec::new();
    for _ in 0..plan.rounds {
        let limit = hashes.measure(&format!("hash {}", plan.sign_ins))?;
        let subject = sign_in(plan.sign_ins)?;
        rest.push(subject.cpu() - limit.cpu());
        row.add(limit, subject);
    }
    report.rows.push(row);
    let mean = rest.iter().sum::<f64>() / count(rest.len());
    report.note("CPU s per 1,000 sign-ins without the hash (mean)", mean);
    Ok(())
}
