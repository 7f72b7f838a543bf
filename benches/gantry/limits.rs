//! What this program plays when it is started again: the limits that gantry is held against, and the process
//! that fills a store and is killed.

use std::collections::VecDeque;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use gantry::config::Alg;
use gantry::keys::Typ;
use gantry::oauth::grant::{Code, Grant};
use gantry::store::{Batch, Store, Stored};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::endpoints::CHAINS;
use crate::load::{Sample, now};
use crate::world::{EDDSA_APP, PASSWORD, World};
use crate::{Outcome, Plan, start};

/// As many as the load client has connections.
const SUBMITTERS: usize = 64;
/// Records in a batch of preparation.
const BATCH: usize = 500;

/// Plays `role` until there are no more questions.
pub(crate) fn play(role: &str) -> Outcome<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("a role needs a folder")?);
    match role {
        "handler" => handler(),
        "rotation" => rotation(&folder),
        "writes" => writes(&folder),
        "hash" => answer(|_, [count, _]| Ok(serde_json::to_string(&hash(count)?)?)),
        "fill" => {
            let runtime = Runtime::new()?;
            let mut kept = None;
            answer(|_, [users, sessions]| {
                // Kept open, so that nothing is tidied up before the kill.
                kept = Some(runtime.block_on(start::fill(&folder, users, sessions))?);
                Ok("filled".to_owned())
            })
        }
        _ => Err(format!("there is no role {role}").into()),
    }
}

/// Answers each line, a word and up to two numbers, with a line.
fn answer(mut reply: impl FnMut(&str, [usize; 2]) -> Outcome<String>) -> Outcome<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split(' ');
        let verb = words.next().unwrap_or_default();
        let mut number = || words.next().map_or(Ok(0), str::parse::<usize>);
        let numbers = [number()?, number()?];
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", reply(verb, numbers)?)?;
        out.flush()?;
    }
    Ok(())
}

/// The least that actix-web can do: a fixed object as JSON, the same for a form, and with one signature as access
/// tokens have.
fn handler() -> Outcome<()> {
    async fn fixed() -> HttpResponse {
        HttpResponse::Ok().json(serde_json::json!({
            "sub": "019a0000-0000-7000-8000-000000000000", "name": "Somebody Example",
            "preferred_username": "person000000", "email": "person000000@example.org", "email_verified": true,
        }))
    }
    async fn form(_: web::Bytes) -> HttpResponse {
        fixed().await
    }
    async fn signature(pair: web::Data<EcdsaKeyPair>) -> HttpResponse {
        match pair.sign(&SystemRandom::new(), &[7; 400]) {
            Ok(signature) => {
                HttpResponse::Ok().json(serde_json::json!({ "length": signature.as_ref().len() }))
            }
            Err(_) => HttpResponse::InternalServerError().finish(),
        }
    }
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| "no key")?;
    let pair = web::Data::new(pair);
    serve(move |app| {
        app.app_data(pair.clone())
            .route("/", web::get().to(fixed))
            .route("/", web::post().to(form))
            .route("/signature", web::get().to(signature));
    })
}

/// What no rotation can do without: a form read, a grant written, an access token and an ID token signed, and an
/// answer as long as gantry's.
fn rotation(folder: &Path) -> Outcome<()> {
    struct Bare {
        world: World,
        grants: Mutex<VecDeque<Stored<Grant>>>,
        claims: serde_json::Value,
    }
    async fn answer_form(_: web::Bytes, alg: web::Path<Alg>, bare: web::Data<Bare>) -> HttpResponse {
        let Some(mut grant) = lock(&bare.grants).pop_front() else {
            return HttpResponse::ServiceUnavailable().finish();
        };
        grant.record.rotated_at = grant.rotated_at + Duration::from_millis(1);
        let keys = &bare.world.app.keys;
        let write = bare.world.app.store.apply(Batch::new().update(&grant));
        let sign = async {
            let access = keys.sign(Alg::Es256, Typ::AccessToken, &bare.claims);
            (access, keys.sign(*alg, Typ::Jwt, &bare.claims))
        };
        let (Ok(version), (Some(access), Some(id))) = tokio::join!(write, sign) else {
            return HttpResponse::InternalServerError().finish();
        };
        lock(&bare.grants).push_back(Stored { version, ..grant });
        HttpResponse::Ok().json(serde_json::json!({ "access_token": access, "id_token": id }))
    }
    let runtime = Runtime::new()?;
    let world = runtime.block_on(World::make(folder))?;
    runtime.block_on(insert_codes(&world, Plan::from_environment()?.codes()))?;
    let piles = runtime.block_on(insert_grants(&world, CHAINS))?;
    // In the order in which connections that have some each would use them.
    let in_turn = |turn| piles.iter().filter_map(move |pile| lock(pile).get(turn).cloned());
    let grants = Mutex::new((0..CHAINS).flat_map(in_turn).collect());
    // As much as is in such tokens.
    let claims = serde_json::json!({ "sub": "0".repeat(36), "other": "0".repeat(340) });
    let bare = web::Data::new(Bare { world, grants, claims });
    serve(move |app| {
        app.app_data(bare.clone()).route("/{alg}", web::post().to(answer_form));
    })
}

/// Serves what `routes` adds with actix-web's own default of workers, which is gantry's.
fn serve(routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static) -> Outcome<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let serving = thread::spawn(move || -> std::io::Result<()> {
        actix_web::rt::System::new().block_on(async move {
            let app = move || App::new().configure(routes.clone());
            HttpServer::new(app).listen(listener)?.run().await
        })
    });
    // Nobody asks again: the port is all there is to tell, and the process is ended from outside.
    answer(|_, _| Ok(port.to_string()))?;
    serving.join().map_err(|_| "the handler ended")??;
    Ok(())
}

/// The records that the token endpoint writes, straight into the store.
fn writes(folder: &Path) -> Outcome<()> {
    let runtime = Runtime::new()?;
    let world = Arc::new(runtime.block_on(World::make(folder))?);
    let store = world.app.store.clone();
    let codes = Arc::new(Mutex::new(Vec::new()));
    let mut grants = Vec::new();
    answer(|verb, [count, _]| {
        let span = Duration::from_millis(u64::try_from(count)?);
        match verb {
            "codes" => lock(&codes).extend(runtime.block_on(insert_codes(&world, count))?),
            "grants" => grants = runtime.block_on(insert_grants(&world, count))?,
            "redeem" => {
                let redeem = |until| redeem(Arc::clone(&world), Arc::clone(&codes), until);
                return Ok(serde_json::to_string(&runtime.block_on(submit(span, redeem))?)?);
            }
            "refresh" => {
                return Ok(serde_json::to_string(&runtime.block_on(rotations(&store, &grants, span))?)?);
            }
            _ => return Err(format!("there is no question {verb}").into()),
        }
        Ok("done".to_owned())
    })
}

async fn insert_codes(world: &World, count: usize) -> Outcome<Vec<Stored<Code>>> {
    let mut stored = Vec::with_capacity(count);
    while stored.len() < count {
        let mut records = Vec::with_capacity(BATCH);
        for number in stored.len()..count.min(stored.len() + BATCH) {
            records.push(world.code(EDDSA_APP, number)?.0);
        }
        let version = world.app.store.apply(records.iter().fold(Batch::new(), Batch::insert)).await?;
        stored.extend(records.into_iter().map(|record| Stored { record, version }));
    }
    // Taken from the end: the oldest first, as they come in real life.
    stored.reverse();
    Ok(stored)
}

/// The grants that one submitter writes in turn.
pub(crate) type Pile = Arc<Mutex<VecDeque<Stored<Grant>>>>;

async fn insert_grants(world: &World, each: usize) -> Outcome<Vec<Pile>> {
    let mut piles = Vec::with_capacity(SUBMITTERS);
    for number in 0..SUBMITTERS {
        let mut pile = VecDeque::with_capacity(each);
        for _ in 0..each {
            let (record, _) = world.grant(EDDSA_APP, number)?;
            let version = world.app.store.apply(Batch::new().insert(&record)).await?;
            pile.push_back(Stored { record, version });
        }
        piles.push(Arc::new(Mutex::new(pile)));
    }
    Ok(piles)
}

/// What a submitter did, or why not.
type Submitted = Result<Vec<Duration>, String>;

/// Lets submitters work side by side for `span`.
async fn submit<F>(span: Duration, mut submitter: impl FnMut(Instant) -> F) -> Outcome<Sample>
where
    F: Future<Output = Submitted> + Send + 'static,
{
    let start = now();
    let mut tasks = JoinSet::new();
    for _ in 0..SUBMITTERS {
        tasks.spawn(submitter(start + span));
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    Sample::new(latencies, start.elapsed())
}

/// The write of a redemption: the code spent, a grant made.
async fn redeem(world: Arc<World>, codes: Arc<Mutex<Vec<Stored<Code>>>>, until: Instant) -> Submitted {
    let mut latencies = Vec::new();
    loop {
        let start = now();
        let code = if start < until { lock(&codes).pop() } else { None };
        let Some(code) = code else { return Ok(latencies) };
        let grant = world.granted(EDDSA_APP, &code).map_err(|error| error.to_string())?;
        let record = code.spent(&grant, world.app.clock.now());
        let spent = Stored { record, version: code.version };
        let applied = world.app.store.apply(Batch::new().update(&spent).insert(&grant)).await;
        applied.map_err(|error| error.to_string())?;
        latencies.push(start.elapsed());
    }
}

/// The writes of rotations, side by side.
pub(crate) async fn rotations(store: &Store, piles: &[Pile], span: Duration) -> Outcome<Sample> {
    let mut piles = piles.iter().cloned();
    submit(span, |until| rotate(store.clone(), piles.next().unwrap_or_default(), until)).await
}

/// The write of a rotation, except that its number stays: the token that is out goes on counting.
async fn rotate(store: Store, pile: Pile, until: Instant) -> Submitted {
    let mut latencies = Vec::new();
    loop {
        let start = now();
        let grant = if start < until { lock(&pile).pop_front() } else { None };
        let Some(mut grant) = grant else {
            return Ok(latencies);
        };
        grant.record.rotated_at = grant.rotated_at + Duration::from_millis(1);
        grant.version = store.apply(Batch::new().update(&grant)).await.map_err(|error| error.to_string())?;
        lock(&pile).push_back(grant);
        latencies.push(start.elapsed());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One password hash after the other, with gantry's default costs and its habit of reusing the memory.
fn hash(count: usize) -> Outcome<Sample> {
    let params = Params::new(19_456, 2, 1, Some(32)).map_err(|error| error.to_string())?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let begin = now();
    let mut latencies = Vec::with_capacity(count);
    for _ in 0..count {
        let start = now();
        let mut out = [0; 32];
        argon2
            .hash_password_into_with_memory(PASSWORD.as_bytes(), &[7; 16], &mut out, &mut memory)
            .map_err(|error| error.to_string())?;
        std::hint::black_box(out);
        latencies.push(start.elapsed());
    }
    Sample::new(latencies, begin.elapsed())
}
