//! Policies as tables: `tests/fixtures/policy/NAME.yaml` has a policy as written, and what it makes of each context.

use std::fs;
use std::path::Path;

use gantry::account::User;
use gantry::clock::Timestamp;
use gantry::config::{Config, parse};
use gantry::factor::{FactorKind, Method};
use gantry::oauth::vocabulary::Authentication;
use gantry::policy::rule::{Device, Place, Point, Seen};
use gantry::policy::{Context, Person, explain, judge};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// What is under `policies: { it: … }`.
    policy: String,
    table: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(default = "anywhere")]
    ip: String,
    /// A Friday, nine in Berlin, unless given.
    #[serde(default = "some_friday")]
    at: String,
    #[serde(default)]
    device: Device,
    #[serde(default)]
    registered: u32,
    country: Option<String>,
    point: Option<[f64; 2]>,
    /// Hours since the last sign-in; `None`: this is the first.
    last: Option<f64>,
    /// Where that was.
    seen: Option<[f64; 2]>,
    #[serde(default)]
    known_country: bool,
    #[serde(default)]
    known_network: bool,
    /// What the person can prove, and has proved beside the password.
    #[serde(default)]
    has: Vec<Method>,
    #[serde(default)]
    proved: Vec<Method>,
    /// The passkey did not check who uses it.
    #[serde(default)]
    unverified: bool,
    /// Of the conditions.
    verdict: String,
    /// The condition that decided.
    decided: Option<String>,
    /// `in`, `refused`, or what is asked for, the first first.
    meets: Option<String>,
}

fn anywhere() -> String {
    "192.0.2.1".to_owned()
}

fn some_friday() -> String {
    "2027-01-15T08:00:00Z".to_owned()
}

fn instant(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = text.parse().expect(text);
    Timestamp::from_seconds(instant.as_second())
}

fn point([lat, lon]: [f64; 2]) -> Point {
    Point::new(lat, lon).expect("a point on earth")
}

impl Row {
    fn context(&self) -> Context {
        let mut context = Context::at(self.ip.parse().expect("an address"), instant(&self.at));
        (context.device, context.registered) = (self.device, self.registered);
        let country = self.country.as_ref().map(|country| country.parse().expect("a country"));
        let point_here = self.point.map(point);
        if country.is_some() || point_here.is_some() {
            context.place = Some(Place { country, point: point_here, city: None });
        }
        #[expect(clippy::cast_possible_truncation, reason = "hours of a test")]
        let ago = |hours: f64| Timestamp::from_millis(context.at.millis() - (hours * 3_600_000.0) as i64);
        context.past.last = self.last.map(ago);
        context.past.seen =
            self.seen.zip(self.last).map(|(seen, hours)| Seen { at: ago(hours), point: point(seen) });
        (context.past.country, context.past.network) = (self.known_country, self.known_network);
        context
    }

    /// What the pages would do, in a word or two.
    fn met(&self, config: &Config) -> String {
        let context = self.context();
        let kinds: Vec<_> =
            self.has.iter().filter_map(|method| method.needs()).map(FactorKind::name).collect();
        let user: User = serde_json::from_value(serde_json::json!({
            "id": gantry::secret::Id::new(context.at), "username": "alice", "state": "active",
            "created_at": 0, "updated_at": 0, "factors": kinds,
        }))
        .expect("a person");
        let mut authentication = Authentication::by(&["pwd"], context.at);
        if !self.proved.is_empty() {
            authentication.methods.push("mfa".to_owned());
            authentication.proved.clone_from(&self.proved);
            authentication.unverified_key = self.unverified;
        }
        let person = Person {
            user: &user,
            usable: self.has.clone(),
            authentication: &authentication,
            demanded: false,
        };
        let judged = judge(&config.policies["it"], &context, person);
        match (judged.closed, judged.second) {
            (Some(_), _) => "refused".to_owned(),
            (None, gantry::policy::Second::Challenge) => {
                let names: Vec<&str> = judged.usable.iter().map(|method| method.name()).collect();
                names.join(", ")
            }
            (None, gantry::policy::Second::Enrol) => "enrol".to_owned(),
            (None, _) => "in".to_owned(),
        }
    }
}

#[test]
fn every_table_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() >= 8, "{} tables", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let name = file.file_name().expect("a name").display();
        let text = fs::read_to_string(file).expect("text");
        let Table { policy, table } =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let policy: Vec<String> = policy.lines().map(|line| format!("    {line}")).collect();
        let yaml = format!("issuer: https://id.example.org\npolicies:\n  it:\n{}\n", policy.join("\n"));
        let config =
            parse("table", &yaml, Path::new("/nowhere")).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (number, row) in (1..).zip(&table) {
            let (verdict, lines) = explain(&config.config.policies["it"], &row.context());
            let decided = lines.iter().find(|line| line.decided).map(|line| line.rule.to_string());
            let met = row.met(&config.config);
            let same = verdict.name() == row.verdict
                && (row.decided.is_none() || row.decided == decided)
                && row.meets.as_ref().is_none_or(|expected| *expected == met);
            if !same {
                let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
                wrong.push(format!(
                    "{name} row {number}: {} {decided:?}, meets {met}: {lines:#?}",
                    verdict.name()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
