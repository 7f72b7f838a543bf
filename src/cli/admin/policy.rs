//! `gantry policy …`

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::apps::known;
use crate::account::{AccountError, find_user};
use crate::app::App;
use crate::cli::{Failure, Output};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::geo::Geo;
use crate::locale::Lang;
use crate::login::administrators;
use crate::login::flow::{State, Step};
use crate::login::foresee::{Foreseen, Visit, With, foresee};
use crate::login::replay::{Replayed, replay};
use crate::policy::rule::Device as Known;
use crate::policy::{self, Verdict};
use crate::store::Store;
use crate::web::handlers::login::refusal;

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum PolicyCommand {
    /// Say what a person who knows the password would meet, and why
    Explain(ExplainOptions),
    /// Run past sign-ins against the file that --config names, and list whose outcome would change
    Replay(ReplayOptions),
    /// Say whether a configuration leaves the administrators a way in
    #[command(hide = true)]
    Administrators {
        #[arg(skip)]
        file: Option<NewFile>,
    },
}

#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub struct ReplayOptions {
    /// How far to look back
    #[arg(long, default_value_t = 30)]
    pub(in crate::cli) days: u32,
    #[arg(skip)]
    pub(in crate::cli) file: Option<NewFile>,
    /// Where to go on
    #[arg(skip)]
    pub(in crate::cli) after: Option<String>,
}

/// A configuration file that is not in force, read by whoever gives the command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewFile {
    pub name: String,
    pub text: String,
    /// Where relative paths in it start.
    pub base: PathBuf,
}

#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub struct ExplainOptions {
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
    /// The browser: `new`, `known`, `registered`, or the id of one of the person's devices
    #[arg(long, value_name = "DEVICE", default_value = "new")]
    device: String,
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: PolicyCommand) -> Result<Output, Failure> {
    match command {
        PolicyCommand::Explain(options) => explain(app, options).await,
        PolicyCommand::Replay(options) => {
            let config = parsed(options.file.as_ref())?;
            let page = replayed(&app.store, &config, app.clock.now(), &options).await?;
            let json = serde_json::to_value(page).map_err(Failure::new)?;
            Ok(Output { text: String::new(), json })
        }
        PolicyCommand::Administrators { file } => {
            let json = shut_out(&app.store, &parsed(file.as_ref())?).await?;
            Ok(Output { text: String::new(), json })
        }
    }
}

fn parsed(file: Option<&NewFile>) -> Result<Config, Failure> {
    file.ok_or_else(|| Failure::new("there is no file"))?.parse()
}

/// A page of the past under `config`.
pub(in crate::cli) async fn replayed(
    store: &Store,
    config: &Config,
    now: Timestamp,
    options: &ReplayOptions,
) -> Result<Replayed, Failure> {
    let geo = Geo::default();
    geo.load(config.geo.as_deref());
    let since = now - Duration::from_secs(u64::from(options.days) * 24 * 3600);
    Ok(replay(store, (config, &geo), since, options.after.as_deref()).await?)
}

/// The app from which all administrators are shut out, with its policy and why; or nothing.
pub(in crate::cli) async fn shut_out(store: &Store, config: &Config) -> Result<Value, Failure> {
    let found = administrators::shut_out(store, config).await?;
    let told = |found: administrators::ShutOut| json!({ "policy": found.policy, "message": found.message(), "hint": found.why.hint() });
    Ok(found.map_or(Value::Null, told))
}

async fn explain(app: &App, options: ExplainOptions) -> Result<Output, Failure> {
    let ExplainOptions { app: name, user: who, ip, at, device } = options;
    let config = app.config();
    let client = known(&config, &name)?;
    let user = find_user(&app.store, &who).await?.ok_or(AccountError::NoUser(who))?;
    let at = at.map_or_else(|| Ok(app.clock.now()), |text| moment(&text))?;
    let visit = Visit { client, user: &user, address: ip, at, with: with(&device)? };
    let Foreseen { rules, step } = foresee(app, &visit).await.map_err(Failure::new)?;
    let mut trace = policy::evaluate(client, &user.groups).trace;
    trace.extend(rules.iter().map(ToString::to_string));
    let policy = policy::of(&config, client, &user.groups).map(|(name, _)| name);
    let decided = rules.iter().find(|line| line.decided).map(|line| &line.rule);
    let mut met = Met::at(&step, &client.title);
    if !user.is_active() {
        trace.push("the account is disabled: deny".to_owned());
        met = Met {
            verdict: Verdict::Deny,
            step: "password",
            ..Met::at(&Step::Ask(State::Identify), &client.title)
        };
    }
    let Met { verdict, step, words, title, text: shown } = met;
    let page: Vec<&str> =
        [title.as_str(), shown.as_str()].into_iter().filter(|text| !text.is_empty()).collect();
    let reads = if page.is_empty() { String::new() } else { format!("reads: {}\n", page.join(" — ")) };
    let (verdict, why) = (verdict.name(), trace.join("\n  "));
    let text = format!("verdict: {verdict}\nmeets: {words}\n{reads}why:\n  {why}\n");
    Ok(Output {
        text,
        json: json!({
            "verdict": verdict, "step": step, "meets": words, "page": { "title": title, "text": shown },
            "policy": policy, "decided": decided, "rules": rules, "trace": trace,
        }),
    })
}

/// What a step comes to for the person.
struct Met {
    verdict: Verdict,
    /// As `data-step` has it, or `code` for the app's answer.
    step: &'static str,
    words: &'static str,
    /// What stands on the page, in English.
    title: String,
    text: String,
}

impl Met {
    fn at(step: &Step, app: &str) -> Self {
        let lang = Lang::En;
        let about = |key: &str| lang.text(&key.replace('_', "-"));
        let challenge = |step: &State, words, title: String, text: String| Self {
            verdict: Verdict::Challenge,
            step: step.step(),
            words,
            title,
            text,
        };
        match step {
            Step::Forbidden(why) => {
                let message = refusal(*why, app);
                let (title, text) = (message.title(lang), message.text(lang));
                Self { verdict: Verdict::Deny, step: "refused", words: "a page that says no", title, text }
            }
            Step::Ask(state @ State::Prove { method, .. }) => {
                let (title, text) = (format!("{}-title", method.name()), format!("{}-lead", method.name()));
                challenge(state, "the page for a second factor", about(&title), about(&text))
            }
            Step::Ask(state @ State::Enrol { kind, .. }) => {
                let title = about(&format!("{}-add", kind.name()));
                challenge(state, "the page that sets up a second factor", title, String::new())
            }
            Step::Ask(state @ State::Key { .. }) => {
                challenge(state, "the page for a passkey", about("passkey-title"), String::new())
            }
            Step::Ask(State::Identify) => Self {
                verdict: Verdict::Challenge,
                step: "password",
                words: "the sign-in page, as with a wrong password",
                title: lang.text("sign-in"),
                text: String::new(),
            },
            Step::Ask(state @ State::Reauthenticate { .. }) => challenge(
                state,
                "the page for another first factor",
                lang.text("confirm-title"),
                String::new(),
            ),
            Step::Ask(State::RegisterDevice { .. }) => Self {
                verdict: Verdict::Allow,
                step: "register_device",
                words: "the app, after the password and the question whether to trust the browser",
                title: lang.text("trust-title"),
                text: lang.text("trust-lead"),
            },
            Step::Ask(state) => challenge(state, "another page", String::new(), String::new()),
            Step::Finish | Step::Refuse(_) => Self {
                verdict: Verdict::Allow,
                step: "code",
                words: "the app, after the password",
                title: String::new(),
                text: String::new(),
            },
        }
    }
}

fn with(device: &str) -> Result<With, Failure> {
    let kinds = [Known::New, Known::Known, Known::Registered];
    if let Some(kind) = kinds.into_iter().find(|kind| kind.name() == device) {
        return Ok(With::Any(kind));
    }
    let wrong = || {
        Failure::new(format!("{device} is no device"))
            .hint("--device new, known or registered, or an id of gantry device list")
    };
    device.parse().map(With::Device).map_err(|_| wrong())
}

fn moment(text: &str) -> Result<Timestamp, Failure> {
    let parsed = text.parse::<DateTime>().ok().and_then(|at| at.to_zoned_datetime(TimeZone::UTC).ok());
    let at = parsed
        .ok_or_else(|| Failure::new(format!("{text} is not a time")).hint("--at 2026-12-24T22:00, in UTC"))?;
    Ok(Timestamp::from_seconds(at.timestamp().as_second()))
}
