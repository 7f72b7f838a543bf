//! What must be proved, where and when.

use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use super::{YEAR, at_most, optional, server, surroundings, zone};
use crate::clock::Timestamp;
use crate::config::error::Problems;
use crate::config::meant::Policy;
use crate::config::read::{At, short};
use crate::config::schema;
use crate::policy::Verdict;
use crate::policy::rule::{NetworkRule, TimeRule, Window};
use crate::secret::Digest;

/// One policy.
pub(super) fn check(policy: schema::Policy, problems: &mut Problems) -> Option<Policy> {
    let grace = optional(policy.grace, |grace| at_most(Some(grace), YEAR, problems));
    let required_from = optional(policy.required_from, |text| {
        let midnight = date(&text, problems)?.at(0, 0, 0, 0).to_zoned_datetime(TimeZone::UTC).ok()?;
        Some(Timestamp::from_seconds(midnight.timestamp().as_second()))
    });
    let adaptive = policy.adaptive?.value;
    let written = adaptive.action.map(|action| action.value);
    // A wrong one is told already; the rest is read all the same.
    let action = written.unwrap_or(Verdict::Deny);
    let network = optional(adaptive.network, |part| network(part.value, action, problems));
    let time = optional(adaptive.time, |part| time(part.value, action, problems));
    let devices = optional(adaptive.devices, |part| surroundings::devices(part.value));
    let place = optional(adaptive.place, |part| surroundings::place(part, action, problems));
    let behaviour = optional(adaptive.behaviour, |part| surroundings::behaviour(part, action, problems));
    let challenge = adaptive.challenge.and_then(|list| surroundings::challenge(list, problems));
    let alerts = adaptive.alerts.and_then(|part| surroundings::alerts(part.value, problems));
    written?;
    let policy = Policy {
        first_factor: policy.first_factor?.value,
        second_factor: policy.second_factor?.value,
        user_verification: policy.user_verification?.value,
        suspected_clone: policy.suspected_clone?.value,
        grace: grace?.map_or(Duration::ZERO, |grace| grace.value),
        required_from: required_from?,
        network: network?,
        time: time?,
        devices: devices?,
        place: place?,
        behaviour: behaviour?,
        challenge: challenge?,
        alerts: alerts?,
        fingerprint: Digest::of(&[]),
    };
    // Once for all requests: a large policy makes a long text.
    Some(Policy { fingerprint: Digest::of(format!("{policy:?}").as_bytes()), ..policy })
}

fn network(written: schema::Network, action: Verdict, problems: &mut Problems) -> Option<NetworkRule> {
    let (allow, deny) = (written.allow?.value, written.deny?.value);
    for everything in allow.iter().chain(&deny).filter(|text| text.value.ends_with("/0")) {
        problems
            .warn(everything.place, format!("`{}` is every address there is", short(&everything.value)))
            .hint("without `allow`, everywhere is fine but what `deny` lists");
    }
    let (allow, deny) = (server::networks(allow, problems), server::networks(deny, problems));
    let otherwise = written.otherwise.map_or(action, |verdict| verdict.value);
    Some(NetworkRule { allow: allow?, deny: deny?, otherwise })
}

fn time(written: schema::TimeWindows, action: Verdict, problems: &mut Problems) -> Option<TimeRule> {
    let zone = written.zone.and_then(|name| zone(&name, problems));
    let windows: Vec<_> = written.windows?.value.into_iter().map(|at| window(at.value, problems)).collect();
    let off: Vec<_> = written.off?.value.iter().map(|text| date(text, problems)).collect();
    Some(TimeRule {
        zone: zone?,
        windows: windows.into_iter().collect::<Option<_>>()?,
        off: off.into_iter().collect::<Option<_>>()?,
        otherwise: written.otherwise.map_or(action, |verdict| verdict.value),
    })
}

fn date(text: &At<String>, problems: &mut Problems) -> Option<Date> {
    let date = text.value.parse().ok();
    if date.is_none() {
        problems
            .error(text.place, format!("`{}` is not a day", short(&text.value)))
            .hint("year, month and day in quotes, such as `\"2026-12-25\"`");
    }
    date
}

fn window(written: schema::Window, problems: &mut Problems) -> Option<Window> {
    let days = written.days.and_then(|text| days(&text, problems));
    let from = written.from.and_then(|text| clock(&text, problems));
    let to_place = written.to.as_ref().map(|to| to.place);
    let to = written.to.and_then(|text| clock(&text, problems));
    let (from, to) = (from?, to?);
    if from == to {
        problems
            .error(to_place?, "this window ends when it begins")
            .hint("a whole day is `from: \"00:00\"` `to: \"24:00\"`, or no window at all");
        return None;
    }
    Some(Window { days: days?, from, to })
}

/// `07:30`. `24:00` is as late as a day gets.
fn clock(text: &At<String>, problems: &mut Problems) -> Option<Time> {
    let part = |digits: &str| (digits.len() == 2).then(|| digits.parse::<i8>().ok()).flatten();
    let parts = text.value.split_once(':').and_then(|(hour, minute)| Some((part(hour)?, part(minute)?)));
    let time = match parts {
        Some((24, 0)) => Some(Time::MAX),
        Some((hour, minute)) => Time::new(hour, minute, 0, 0).ok(),
        None => None,
    };
    if time.is_none() {
        problems
            .error(text.place, format!("`{}` is not a time of day", short(&text.value)))
            .hint("hours and minutes in quotes, such as `\"07:30\"`");
    }
    time
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// `mon-fri,sun`. A range may go over the weekend.
fn days(text: &At<String>, problems: &mut Problems) -> Option<Vec<Weekday>> {
    let place = |name: &str| DAYS.iter().position(|(known, _)| *known == name.trim());
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (place(first)?, place(last)?);
        let count = (last + 7 - first) % 7 + 1;
        Some(DAYS.iter().cycle().skip(first).take(count).map(|(_, day)| *day).collect::<Vec<_>>())
    };
    let days: Option<Vec<Vec<Weekday>>> = text.value.split(',').map(range).collect();
    if days.is_none() {
        problems.error(text.place, format!("`{}` are not days", short(&text.value))).hint(
            "`mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`; ranges such as `mon-fri`; with commas between",
        );
    }
    days.map(|days| days.concat())
}
