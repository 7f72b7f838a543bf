//! Something to decide about: a policy with any number of rules, and somebody with any past.

use std::fmt::Write;
use std::path::Path;

use gantry::account::User;
use gantry::clock::Timestamp;
use gantry::config::{self, App, Config, Policy};
use gantry::factor::method;
use gantry::login::context::Habits;
use gantry::oauth::vocabulary::Authentication;
use gantry::policy::rule::{Country, Place, Point, Seen};
use gantry::policy::{self, Context, Judgement, Person};
use gantry::secret::Id;

use crate::Outcome;

/// As much past as is kept of anybody.
pub(crate) const LONG: usize = 32;

/// Somebody at an app with so many entries of access, under a policy with as many networks, windows and points.
pub(crate) struct Case {
    config: Config,
    pub(crate) user: User,
    pub(crate) habits: Habits,
    authentication: Authentication,
    place: Place,
    at: Timestamp,
}

impl Case {
    /// With so many rules of each kind, and so many habits of each.
    pub(crate) fn new(rules: usize, habits: usize) -> Outcome<Self> {
        let at = Timestamp::from_seconds(1_800_000_000);
        let user: User = serde_json::from_value(serde_json::json!({
            "id": Id::new(at), "username": "somebody", "state": "active", "factors": ["totp"],
            "created_at": 0, "updated_at": 0,
        }))?;
        Ok(Self {
            config: config::parse("bench", &configuration(rules), Path::new("/"))?.config,
            habits: history(user.id, at, habits)?,
            user,
            authentication: Authentication::by(&["pwd"], at),
            place: Place { country: Some("DE".parse()?), point: Point::new(-52.5, 13.4), city: None },
            at,
        })
    }

    /// The app, and the policy that it has for them.
    pub(crate) fn under(&self) -> Outcome<(&App, (&str, &Policy))> {
        let app = self.config.apps.get("wiki").ok_or("no app")?;
        Ok((app, policy::of(&self.config, app, &self.user.groups).ok_or("no access")?))
    }

    /// What is known when it is decided, put together anew.
    pub(crate) fn context(&self) -> Context {
        let mut context = Context::at([192, 0, 2, 1].into(), self.at);
        context.past = self.habits.past(context.address, Some(&self.place));
        context.place = Some(self.place.clone());
        context
    }

    /// The decision.
    pub(crate) fn decide(&self) -> Outcome<Judgement> {
        let (app, (_, policy)) = self.under()?;
        let usable = method::usable(&self.config, &self.user, Some(app));
        let person =
            Person { user: &self.user, usable, authentication: &self.authentication, demanded: false };
        Ok(policy::judge(policy, &self.context(), person))
    }
}

/// Apps with `count` entries of access; the last is for everyone, under a policy with as many rules of each kind.
pub(crate) fn configuration(count: usize) -> String {
    let list = |entry: &dyn Fn(usize) -> String| (0..count).map(entry).collect::<Vec<_>>().join(", ");
    let networks = list(&|n| format!("10.{n}.0.0/16"));
    let windows = list(&|n| format!("{{ days: sat, from: \"{:02}:{:02}\", to: \"23:59\" }}", n / 60, n % 60));
    let points = list(&|n| format!("{{ lat: {}.5, lon: 13.5, km: 1 }}", n % 80));
    let mut text = format!(
        "issuer: https://id.example.org\ndata_dir: data\npolicies:\n  standard: {{}}\n  large:\n    adaptive:\n      \
         action: challenge\n      network: {{ allow: [{networks}] }}\n      \
         time: {{ zone: Europe/Berlin, windows: [{windows}] }}\n      \
         place: {{ near: [{points}], impossible_travel_kmh: 900 }}\n      \
         behaviour: {{ new_device: challenge, new_country: challenge, new_network: challenge, absent_for: 90d }}\n      \
         devices: {{ register: true, max: 3, registered_skips: [network] }}\n\
         apps:\n  wiki:\n    redirect_uris: [https://app.example.org/callback]\n    access:\n"
    );
    for number in 1..count {
        // Writing to a text never fails.
        let _ = writeln!(text, "      - {{ group: group{number}, policy: standard }}");
    }
    text + "      - { group: everyone, policy: large }\n"
}

/// So many countries, networks and devices.
pub(crate) fn history(user: Id, at: Timestamp, count: usize) -> Outcome<Habits> {
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
