//! `gantry policy …`

use std::net::IpAddr;

use clap::Subcommand;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::apps::known;
use crate::account::{AccountError, find_user};
use crate::app::App;
use crate::cli::{Failure, Output};
use crate::clock::Timestamp;
use crate::factor::method;
use crate::oauth::vocabulary::Authentication;
use crate::policy::{self, Closed, Context, Judgement, Person, Second, Verdict};

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum PolicyCommand {
    /// Say what a person who knows the password would meet, and why
    Explain {
        #[arg(long)]
        app: String,
        #[arg(long, value_name = "WHO")]
        user: String,
        /// Address of the browser
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
        ip: IpAddr,
        /// Time in UTC, such as 2026-12-24T22:00; now unless given
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: PolicyCommand) -> Result<Output, Failure> {
    let PolicyCommand::Explain { app: name, user: who, ip, at } = command;
    let config = app.config();
    let client = known(&config, &name)?;
    let user = find_user(&app.store, &who).await?.ok_or(AccountError::NoUser(who))?;
    let at = at.map_or_else(|| Ok(app.clock.now()), |text| moment(&text))?;
    let mut trace = policy::evaluate(client, &user.groups).trace;
    let access = policy::access(client, &user.groups);
    let policy = access.and_then(|access| config.policies.get(&access.policy));
    let mut verdict = Verdict::Deny;
    let mut meets = "the page that says this account has no access";
    if let Some(policy) = policy {
        let context = Context::at(ip, at);
        trace.extend(policy::explain(policy, &context).1.iter().map(ToString::to_string));
        let proved = Authentication { at, methods: vec!["pwd".to_owned()] };
        let usable = method::usable(app, &user, Some(client));
        let person = Person { user: &user, usable, authentication: &proved, demanded: false };
        let judged = policy::judge(policy, &context, person);
        (verdict, meets) = met(&judged);
    }
    if !user.is_active() {
        trace.push("the account is disabled: deny".to_owned());
        (verdict, meets) = (Verdict::Deny, "the sign-in page, as with a wrong password");
    }
    let text = format!("verdict: {}\nmeets: {meets}\nwhy:\n  {}\n", verdict.name(), trace.join("\n  "));
    let policy = access.map(|access| access.policy.as_str());
    Ok(Output {
        text,
        json: json!({ "verdict": verdict.name(), "meets": meets, "policy": policy, "trace": trace }),
    })
}

/// What that comes to, and the page that says so.
const fn met(judged: &Judgement) -> (Verdict, &'static str) {
    match (judged.closed, judged.second) {
        (Some(Closed::Person), _) => (Verdict::Deny, "the page that says this account has no access"),
        (Some(Closed::Now), _) => (Verdict::Deny, "the page that says the app is not open here and now"),
        (Some(Closed::NoMeans), _) | (None, Second::Stuck) => {
            (Verdict::Deny, "the page that says a second factor is missing")
        }
        (None, Second::Fine) => (Verdict::Allow, "the app, after the password"),
        (None, Second::Challenge) => (Verdict::Challenge, "the page for a second factor"),
        (None, Second::Enrol) => (Verdict::Challenge, "the page that sets up a second factor"),
    }
}

fn moment(text: &str) -> Result<Timestamp, Failure> {
    let parsed = text.parse::<DateTime>().ok().and_then(|at| at.to_zoned_datetime(TimeZone::UTC).ok());
    let at = parsed
        .ok_or_else(|| Failure::new(format!("{text} is not a time")).hint("--at 2026-12-24T22:00, in UTC"))?;
    Ok(Timestamp::from_seconds(at.timestamp().as_second()))
}
