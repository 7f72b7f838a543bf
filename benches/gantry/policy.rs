//! What a decision costs: a large policy, and what devices and places add to a sign-in.

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

use gantry::account::User;
use gantry::clock::Timestamp;
use gantry::config::{self, Config};
use gantry::login::context::{self, Habits, Origin};
use gantry::oauth::vocabulary::Authentication;
use gantry::policy::rule::{Country, Place, Point, Seen};
use gantry::policy::{self, Context, Person};
use gantry::secret::Id;
use gantry::store::Batch;
use zeroize::Zeroizing;

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
    let config = config::parse("bench", &hundred_of_each(), Path::new("/"))?.config;
    let young = decision(plan, &config, 0)?;
    let old = decision(plan, &config, 32)?;
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

/// Apps with a hundred entries of access, under a policy with a hundred networks, windows and points.
fn hundred_of_each() -> String {
    let list = |entry: &dyn Fn(usize) -> String| (0..100).map(entry).collect::<Vec<_>>().join(", ");
    let networks = list(&|n| format!("10.{n}.0.0/16"));
    let windows = list(&|n| format!("{{ days: sat, from: \"{:02}:{:02}\", to: \"23:59\" }}", n / 60, n % 60));
    let points = list(&|n| format!("{{ lat: {}.5, lon: 13.5, km: 1 }}", n % 80));
    let mut text = format!(
        "issuer: https://id.example.org\npolicies:\n  standard: {{}}\n  large:\n    adaptive:\n      action: challenge\n      \
         network: {{ allow: [{networks}] }}\n      time: {{ zone: Europe/Berlin, windows: [{windows}] }}\n      \
         place: {{ near: [{points}], impossible_travel_kmh: 900 }}\n      \
         behaviour: {{ new_device: challenge, new_country: challenge, new_network: challenge, absent_for: 90d }}\n      \
         devices: {{ register: true, max: 3, registered_skips: [network] }}\n\
         apps:\n  wiki:\n    redirect_uris: [https://app.example.org/callback]\n    access:\n"
    );
    for number in 0..99 {
        // Writing to a text never fails.
        let _ = writeln!(text, "      - {{ group: group{number}, policy: standard }}");
    }
    text + "      - { group: everyone, policy: large }\n"
}

/// Microseconds of one decision, for somebody with so many habits.
fn decision(plan: &Plan, config: &Config, habits: usize) -> Outcome<f64> {
    let at = Timestamp::from_seconds(1_800_000_000);
    let user: User = serde_json::from_value(serde_json::json!({
        "id": Id::new(at), "username": "somebody", "state": "active", "created_at": 0, "updated_at": 0,
    }))?;
    let app = config.apps.get("wiki").ok_or("no app")?;
    let past = history(user.id, at, habits)?;
    let place = Place { country: Some("DE".parse()?), point: Point::new(-52.5, 13.4), city: None };
    let authentication = Authentication::by(&["pwd"], at);
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let began = now();
        for _ in 0..DECISIONS {
            let mut context = Context::at([192, 0, 2, 1].into(), at);
            context.past = past.past(context.address, Some(&place));
            context.place = Some(place.clone());
            let (_, policy) = policy::of(config, app, &user.groups).ok_or("no access")?;
            let person =
                Person { user: &user, usable: Vec::new(), authentication: &authentication, demanded: false };
            black_box(policy::judge(policy, black_box(&context), person));
        }
        rounds.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(DECISIONS));
    }
    Ok(median(rounds))
}

fn history(user: Id, at: Timestamp, count: usize) -> Outcome<Habits> {
    let mut habits = Habits::none(user);
    habits.last = Some(at);
    habits.seen = Point::new(40.7, -74.0).map(|point| Seen { at, point });
    for number in 0..count {
        let letter = char::from(b'A' + u8::try_from(number % 26)?);
        habits.countries.push(format!("X{letter}").parse::<Country>()?);
        habits.networks.push(format!("10.{number}.0.0/24").parse()?);
        habits.devices.push(Id::new(at));
    }
    Ok(habits)
}

/// What looking at devices, places and habits costs beside not looking, in hundredths of the hash.
async fn part_of_hash(plan: &Plan, folder: &Path) -> Outcome<f64> {
    let world = World::make(folder).await?;
    let (app, user) = (&world.app, world.person(0)?);
    std::fs::write(folder.join("places.mmdb"), places::database(&[("192.0.2.0/24", places::BERLIN)]))?;
    app.geo.load(Some(&folder.join("places.mmdb")));
    app.store.apply(Batch::new().put(&history(user.id, app.clock.now(), 32)?)).await?;
    let text = hundred_of_each();
    let config = config::parse("bench", &text, Path::new("/"))?.config;
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
