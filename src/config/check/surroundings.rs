//! Devices, places and habits in a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::resolve;
use crate::config::error::{Place, Problems};
use crate::config::meant::{Alerts, Challenge, Policy};
use crate::config::read::{At, short};
use crate::config::schema;
use crate::policy::Verdict;
use crate::policy::rule::{Around, BehaviourRule, Condition, Country, DeviceRule, PlaceRule, Point};

/// Half of the way round the earth, in kilometres.
const FARTHEST_KM: u32 = 20_100;

pub(super) fn devices(written: schema::Devices) -> Option<DeviceRule> {
    let skips: BTreeSet<Condition> = written.registered_skips?.value.into_iter().map(|at| at.value).collect();
    Some(DeviceRule {
        register: written.register?.value,
        max: written.max.map(|max| max.value),
        exceeded: written.exceeded?.value,
        alert_user: written.alert_user?.value,
        registered_skips: skips,
    })
}

pub(super) fn place(part: At<schema::Places>, action: Verdict, problems: &mut Problems) -> Option<PlaceRule> {
    let At { value: written, place } = part;
    let countries: Vec<_> = written.countries?.value.iter().map(|text| country(text, problems)).collect();
    let near: Vec<_> = written.near?.value.into_iter().map(|at| around(at, problems)).collect();
    let limit = written.impossible_travel_kmh;
    if countries.is_empty() && near.is_empty() && limit.is_none() {
        problems
            .error(place, "this condition on places names none")
            .hint("`countries`, `near` or `impossible_travel_kmh`");
        return None;
    }
    if let Some(limit) = limit.as_ref().filter(|limit| limit.value == 0) {
        problems.error(limit.place, "nobody would get anywhere").hint("900 is as fast as airliners are");
        return None;
    }
    Some(PlaceRule {
        countries: countries.into_iter().collect::<Option<_>>()?,
        near: near.into_iter().collect::<Option<_>>()?,
        impossible_travel_kmh: limit.map(|limit| limit.value),
        otherwise: written.otherwise.map_or(action, |verdict| verdict.value),
    })
}

fn country(text: &At<String>, problems: &mut Problems) -> Option<Country> {
    let country = text.value.parse().ok();
    if country.is_none() {
        problems
            .error(text.place, format!("`{}` is not a country", short(&text.value)))
            .hint("two capital letters (ISO 3166-1), such as `DE` or `US`");
    }
    country
}

fn around(at: At<schema::Near>, problems: &mut Problems) -> Option<Around> {
    let At { value: written, place } = at;
    let (lat, lon, km) = (written.lat?.value.0, written.lon?.value.0, written.km?);
    let Some(point) = Point::new(lat, lon) else {
        problems
            .error(place, format!("{lat} {lon} is not a point on earth"))
            .hint("`lat` from -90 to 90, `lon` from -180 to 180");
        return None;
    };
    if !(1..=FARTHEST_KM).contains(&km.value) {
        problems.error(km.place, format!("{} km are not between 1 and {FARTHEST_KM}", km.value));
        return None;
    }
    Some(Around { point, km: f64::from(km.value) })
}

pub(super) fn behaviour(
    part: At<schema::Behaviour>,
    action: Verdict,
    problems: &mut Problems,
) -> Option<BehaviourRule> {
    let At { value: written, place } = part;
    let value = |verdict: Option<At<Verdict>>| verdict.map(|verdict| verdict.value);
    let rule = BehaviourRule {
        new_device: value(written.new_device),
        new_country: value(written.new_country),
        new_network: value(written.new_network),
        absent_for: written.absent_for.map(|period| period.value.length()),
        otherwise: value(written.otherwise).unwrap_or(action),
    };
    let listed = [rule.new_device, rule.new_country, rule.new_network];
    if listed.iter().all(Option::is_none) && rule.absent_for.is_none() {
        problems
            .error(place, "this condition on behaviour looks at nothing")
            .hint("`new_device`, `new_country`, `new_network` or `absent_for`");
        return None;
    }
    Some(rule)
}

pub(super) fn challenge(list: At<Vec<At<Challenge>>>, problems: &mut Problems) -> Option<Vec<Challenge>> {
    if list.value.is_empty() {
        problems
            .error(list.place, "nothing would answer a challenge")
            .hint("`[second_factor]`, or `deny` as the action");
        return None;
    }
    Some(list.value.into_iter().map(|at| at.value).collect())
}

pub(super) fn alerts(written: schema::Alerts, problems: &mut Problems) -> Option<Alerts> {
    let address = |text: At<String>| {
        let good = text.value.parse::<crate::account::Email>().is_ok();
        if !good {
            problems.error(text.place, format!("`{}` is not a mail address", short(&text.value)));
        }
        good.then_some(text.value)
    };
    let admins: Vec<_> = written.admins?.value.into_iter().map(address).collect();
    Some(Alerts { user: written.user?.value, admins: admins.into_iter().collect::<Option<_>>()? })
}

/// A database that cannot be used is no reason not to start: rules about places take their strict branch.
pub(super) fn database(path: &At<String>, base: &Path, problems: &mut Problems) -> Option<PathBuf> {
    let resolved = resolve(base, path, problems)?;
    if let Err(error) = crate::geo::open(&resolved) {
        problems
            .warn(path.place, format!("the database of places `{}` {error}", short(&path.value)))
            .hint("until it can be read no place is known, and what a policy says of places is `otherwise`");
    }
    Some(resolved)
}

pub(super) fn warn_without_database(
    there: bool,
    policies: Option<&BTreeMap<String, Policy>>,
    problems: &mut Problems,
) {
    let asks = |policy: &Policy| {
        policy.place.is_some() || policy.behaviour.as_ref().is_some_and(|rule| rule.new_country.is_some())
    };
    for (name, _) in policies.into_iter().flatten().filter(|(_, policy)| !there && asks(policy)) {
        problems
            .warn(
                Place::NONE,
                format!("the policy `{}` looks at places, and no database knows any", short(name)),
            )
            .hint("name one: `geo: { database: GeoLite2-City.mmdb }`");
    }
}
