//! From the configuration as written to the configuration as meant.
//!
//! Owns every rule about what values mean and how they fit together; a part each in the files below.
//! A part that is wrong becomes `None` with the reason noted, and the others are still checked.

mod app;
mod attestation;
mod client;
mod content;
mod credentials;
mod factors;
mod gateway;
mod lock_out;
mod organisation;
mod policy;
mod registration;
mod sending;
mod server;
mod surroundings;
mod url;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::error::{Place, Problems};
use super::meant::{Argon2id, Config, Log, Passwords, SignIn};
use super::period::Period;
use super::read::{self, At};
use super::schema::{self, Hash, Root};

pub(super) use app::registered as registered_app;
pub(super) use client::written_redirect_uris;

/// Where stands what the file alone does not show to be wrong.
pub(super) struct Places {
    pub(super) policies: BTreeMap<String, Place>,
    pub(super) tls: Option<Place>,
}

impl Places {
    fn of(root: &Root) -> Self {
        let policies = root.policies.as_ref().map(|policies| policies.value.places()).unwrap_or_default();
        Self { policies, tls: root.tls.as_ref().map(|tls| tls.place) }
    }
}

/// The configuration, unless something is wrong.
pub(super) fn check(root: Root, base: &Path, problems: &mut Problems) -> Option<(Config, Places)> {
    let places = Places::of(&root);
    let edge = server::Places::of(&root);
    let issuer = root.issuer.and_then(|text| url::issuer(&text, problems));
    let listen = root.listen.and_then(|text| server::listen(&text, base, problems));
    let proxies = root.trusted_proxies.and_then(|list| server::proxies(list.value, problems));
    let tls = root.tls.and_then(|tls| server::tls(tls.value, base, problems));
    server::together(&edge, listen.as_ref(), tls.as_ref(), proxies.as_deref(), problems);
    let organisation = root.organisation.and_then(|part| organisation::check(part.value, base, problems));
    let (apps, app_registration, policies) =
        app::check(root.apps, root.app_registration, root.policies, base, problems);
    let sign_in = root.sign_in.and_then(|part| sign_in(part.value, problems));
    let passwords = root.passwords.and_then(|part| passwords(part.value, problems));
    let factors = root.factors.and_then(|part| factors::check(part.value, base, problems));
    let mail = root.mail.and_then(|part| sending::mail(part.value, base, problems));
    let gateways = sending::gateways([root.sms, root.voice, root.push], base, problems);
    let rocketchat = optional(root.rocketchat, |part| sending::rocketchat(part.value, base, problems));
    let radius = optional(root.radius, |part| factors::radius(part.value, base, problems));
    let outbound = root.outbound.and_then(|part| server::networks(part.value.allow?.value, problems));
    let geo = root
        .geo
        .and_then(|part| optional(part.value.database, |path| surroundings::database(&path, base, problems)));
    surroundings::warn_without_database(
        geo.as_ref().is_some_and(Option::is_some),
        policies.as_ref(),
        problems,
    );
    if let (Some(apps), Some(policies), Some(factors)) = (&apps, &policies, &factors) {
        factors::warn_of_closed_circle(apps, policies, factors, problems);
    }
    let admin_group = root.admin.and_then(|part| optional(part.value.group, |name| admin(name, problems)));
    let admins = admin_group.as_ref().and_then(Option::as_deref);
    let self_registration =
        optional(root.registration, |part| registration::check(part.value, admins, problems));
    let log = root.log.and_then(|part| log(part.value, problems));
    root.store?;
    let config = Config {
        issuer: issuer?,
        listen: listen?,
        data_dir: resolve(base, &root.data_dir?, problems)?,
        tls: tls?,
        trusted_proxies: proxies?,
        organisation: organisation?,
        apps: apps?,
        app_registration: app_registration?,
        self_registration: self_registration?,
        policies: policies?,
        sign_in: sign_in?,
        passwords: passwords?,
        factors: factors?,
        radius: radius?,
        mail: mail?,
        gateways: gateways?,
        rocketchat: rocketchat?,
        outbound: outbound?,
        geo: geo?,
        admin_group: admin_group?,
        log: log?,
    };
    lock_out::check(&config, &places.policies, problems);
    Some((config, places))
}

/// A path; relative ones start at the folder of the file.
fn resolve(base: &Path, path: &At<String>, problems: &mut Problems) -> Option<PathBuf> {
    if path.value.is_empty() {
        problems.error(path.place, "a path is empty");
        return None;
    }
    Some(base.join(&path.value))
}

/// What is not written is fine; what is written and wrong is not.
#[expect(clippy::option_option, reason = "outside: usable or not; inside: written or not")]
fn optional<T, U>(written: Option<T>, check: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    match written {
        Some(written) => check(written).map(Some),
        None => Some(None),
    }
}

/// A name that people chose: for groups, and for titles.
fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=80).contains(&length) && text.trim() == text && !text.chars().any(char::is_control)
}

/// A group by name. Groups are in the store, so whether it exists is not known here.
fn group(name: At<String>, problems: &mut Problems) -> Option<String> {
    if is_name(&name.value) {
        return Some(name.value);
    }
    problems.error(name.place, "not a name of a group").hint("1 to 80 characters, no space at either end");
    None
}

fn admin(name: At<String>, problems: &mut Problems) -> Option<String> {
    if name.value == "everyone" {
        problems
            .error(name.place, "`everyone` would make every person an administrator")
            .hint("name a group");
        return None;
    }
    group(name, problems)
}

/// A period between nothing and `most`.
fn at_most(
    period: Option<At<Period>>,
    most: (Duration, &str),
    problems: &mut Problems,
) -> Option<At<Duration>> {
    let period = period?;
    let value = period.value.length();
    if value > most.0 {
        problems.error(period.place, format!("longer than {}", most.1)).hint(format!("{} at most", most.1));
        return None;
    }
    Some(At { value, place: period.place })
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const YEAR: (Duration, &str) = (Duration::from_secs(365 * 24 * 60 * 60), "365d");

fn sign_in(written: schema::SignIn, problems: &mut Problems) -> Option<SignIn> {
    let session = written.session.map(|session| (session.value.idle, session.value.absolute));
    let (idle, absolute) = session.unwrap_or_default();
    let idle = at_most(idle, YEAR, problems);
    let absolute = at_most(absolute, YEAR, problems);
    let remember_device = at_most(written.remember_device, YEAR, problems);
    let (idle, absolute) = (idle?, absolute?);
    if idle.value > absolute.value {
        // Either may be a default; complain about one that was written.
        let place = if idle.place.is_written() { idle.place } else { absolute.place };
        problems
            .error(place, "`idle` is longer than `absolute`, so it never ends a session")
            .hint("make `idle` the shorter one");
        return None;
    }
    Some(SignIn { idle: idle.value, absolute: absolute.value, remember_device: remember_device?.value })
}

/// A number within bounds; `why` says what they are for.
fn within(number: Option<At<u32>>, bounds: (u32, u32), why: &str, problems: &mut Problems) -> Option<u32> {
    let At { value, place } = number?;
    let (least, most) = bounds;
    if (least..=most).contains(&value) {
        return Some(value);
    }
    problems.error(place, format!("{value} is not between {least} and {most}")).hint(why);
    None
}

fn passwords(written: schema::Passwords, problems: &mut Problems) -> Option<Passwords> {
    let min_length = within(
        written.min_length,
        (8, 128),
        "shorter passwords are guessed, longer ones are not typed",
        problems,
    );
    let argon2id = written.hash.and_then(|hash| match hash.value {
        Hash::Argon2id(costs) => argon2id(costs, problems),
    });
    Some(Passwords { min_length: usize::try_from(min_length?).ok()?, argon2id: argon2id? })
}

fn argon2id(written: schema::Argon2id, problems: &mut Problems) -> Option<Argon2id> {
    let memory = within(
        written.memory_kib,
        (8 * 1024, 1024 * 1024),
        "8 MiB to 1 GiB, in KiB; 19456 is a good value",
        problems,
    );
    let iterations = within(written.iterations, (1, 20), "2 is a good value", problems);
    let parallelism = within(written.parallelism, (1, 8), "1 is a good value", problems);
    Some(Argon2id { memory_kib: memory?, iterations: iterations?, parallelism: parallelism? })
}

fn log(written: schema::Log, problems: &mut Problems) -> Option<Log> {
    let level = written.level?;
    if tracing_subscriber::EnvFilter::builder().parse(&level.value).is_err() {
        problems
            .error(level.place, format!("`{}` is not a log level", read::short(&level.value)))
            .hint("`error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,gantry=debug`");
        return None;
    }
    Some(Log { format: written.format?.value, level: level.value })
}

/// A time zone by its name.
fn zone(name: &At<String>, problems: &mut Problems) -> Option<TimeZone> {
    let zone = TimeZone::get(&name.value).ok();
    if zone.is_none() {
        problems
            .error(name.place, format!("there is no time zone `{}`", read::short(&name.value)))
            .hint("a name of the IANA database, such as `Europe/Berlin` or `UTC`");
    }
    zone
}
