//! The command line: arguments, prompts, where a command is carried out, and how its outcome is printed.
//!
//! A command that works on data is a value ([`admin::Command`]). It is sent to the running service over its
//! admin socket, or carried out on the store directly when no service runs: same code, same output.

pub mod admin;
pub mod arguments;
mod init;
mod man;
mod progress;
mod prompt;
pub mod remote;
mod replay;
pub mod rocketchat;
mod serve;
mod table;
mod trial;

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser};

use crate::app::{App, StartError};
use crate::clock::Clock;
use crate::config::{self, Config, ConfigError};
use crate::web::tls::{self, TLS_HINT};
use arguments::{Arguments, Verb};

/// Why a command failed, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    pub message: String,
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    #[must_use]
    pub fn new(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), hint: None }
    }

    /// With a hint.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// What a command prints: text for people, JSON for scripts.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Output {
    pub text: String,
    pub json: serde_json::Value,
}

/// Runs the program; the exit code is 0 when done, 1 when failed, 2 for wrong arguments.
#[must_use]
pub fn run() -> ExitCode {
    crate::install_crypto();
    let arguments = Arguments::parse();
    match dispatch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("gantry: error: {}", failure.message);
            if let Some(hint) = failure.hint {
                eprintln!("gantry: hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<(), Failure> {
    let (path, json) = (arguments.config, arguments.json);
    match arguments.verb {
        Verb::Serve => serve::serve(&path),
        Verb::Check => check(&path, json),
        Verb::Init(options) => init::init(&path, &options),
        Verb::Try(options) => trial::run(&options),
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "gantry", &mut std::io::stdout());
            Ok(())
        }
        Verb::Man => man::write(Arguments::command(), &mut std::io::stdout()).map_err(Failure::new),
        Verb::Admin(admin::Command::Policy(admin::PolicyCommand::Replay(options))) => {
            print(&replay::replay(&path, &options)?, json)
        }
        Verb::Admin(mut command) => {
            prompt::complete(&mut command)?;
            print(&carry_out(&path, command)?, json)
        }
    }
}

fn check(path: &Path, json: bool) -> Result<(), Failure> {
    let checked = config::load_beside(path).and_then(|mut loaded| {
        let tls = tls::examine(&loaded.config, Clock::system().now())
            .map_err(|error| loaded.about_tls(error.to_string(), TLS_HINT.to_owned()));
        match (tls, replay::about_people(path, &loaded)) {
            (Ok(objections), Ok(())) => {
                loaded.warn_about_tls(&objections);
                Ok(loaded)
            }
            (Err(tls), Err(people)) => Err(tls.and(people)),
            (Err(error), Ok(())) | (Ok(_), Err(error)) => Err(error),
        }
    });
    match checked {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                eprintln!("gantry: warning: {warning}");
            }
            let text = format!("{}: good, {} app(s)\n", path.display(), loaded.config.apps.len());
            let json_text = serde_json::json!({ "ok": true, "warnings": loaded.warnings });
            print(&Output { text, json: json_text }, json)
        }
        Err(error) if json => {
            let report = serde_json::json!({ "ok": false, "problems": error.problems() });
            print(&Output { text: String::new(), json: report }, true)?;
            Err(Failure::new("the configuration is not usable"))
        }
        Err(error) => {
            eprintln!("{error}");
            Err(Failure::new("the configuration is not usable"))
        }
    }
}

/// In the running service when there is one, else on the store directly.
fn carry_out(path: &Path, command: admin::Command) -> Result<Output, Failure> {
    // The service can do it whatever has become of the file meanwhile.
    if let Some(socket) = service_of(path)
        && let Some(answer) = remote::ask(&socket, &command)?
    {
        return answer;
    }
    let config = load_beside(path)?;
    store_of(&config)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let app = App::open(config, path, Clock::system()).await.map_err(|error| refusal(&error))?;
        admin::execute(&app, command).await
    })
}

/// Where the service with this configuration listens for commands.
pub(crate) fn service_of(path: &Path) -> Option<PathBuf> {
    config::data_dir(path).map(|data_dir| remote::socket_path(&data_dir))
}

/// The configuration of a service.
pub(crate) fn load(path: &Path) -> Result<Config, Failure> {
    config::load(path).map(|loaded| loaded.config).map_err(|error| unusable(path, &error))
}

/// The configuration of a command that no service carries out.
pub(crate) fn load_beside(path: &Path) -> Result<Config, Failure> {
    let loaded = config::load_beside(path).map_err(|error| unusable(path, &error))?;
    for name in loaded.unset {
        eprintln!("gantry: warning: the environment has no {name}; what needs it is not sent");
    }
    Ok(loaded.config)
}

/// The file of the store, which commands do not make: a wrong `data_dir` would be an empty installation with a new
/// master key, and nobody would notice.
pub(crate) fn store_of(config: &Config) -> Result<PathBuf, Failure> {
    let file = config.data_dir.join("gantry.redb");
    // Whoever may not look is told so by whatever opens it.
    if file.try_exists().unwrap_or(true) {
        return Ok(file);
    }
    Err(Failure::new(format!("there is no store at {}", file.display()))
        .hint("is data_dir right? a first gantry init or gantry serve makes the store"))
}

fn unusable(path: &Path, error: &ConfigError) -> Failure {
    let path = path.display();
    let hint = match error.why_unread() {
        Some(ErrorKind::NotFound) => format!("gantry init --config {path} writes a first one"),
        Some(ErrorKind::PermissionDenied) => {
            "run this as root or as the user of the service (sudo -u gantry gantry …)".to_owned()
        }
        Some(_) => "--config names the configuration file".to_owned(),
        None => format!("correct it; gantry check --config {path} looks again"),
    };
    // The lines of the file may hold secrets: a journal gets none of them.
    let told = if std::io::stderr().is_terminal() { error.to_string() } else { error.without_excerpts() };
    Failure::new(told).hint(hint)
}

/// What to do about a failed start.
pub(crate) fn refusal(error: &StartError) -> Failure {
    let hint = match error {
        StartError::Open(error) => Some(error.hint().to_owned()),
        StartError::MasterKey(_) => Some(
            "the master key belongs to the store; restore it from the backup, or fix its mode".to_owned(),
        ),
        StartError::Keys(_) => Some("is this the master key that the store was made with?".to_owned()),
        StartError::DataDir { .. } => Some("run as the user that owns the data folder".to_owned()),
        StartError::Config(_) | StartError::Store(_) | StartError::Threads(_) | StartError::Outbound(_) => {
            None
        }
    };
    Failure { message: error.to_string(), hint }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::new)
}

fn print(output: &Output, json: bool) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = if json {
        serde_json::to_writer_pretty(&mut stdout, &output.json)
            .map_err(std::io::Error::from)
            .and_then(|()| writeln!(stdout))
    } else {
        stdout.write_all(output.text.as_bytes())
    };
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(error)),
        _ => Ok(()),
    }
}

/// Opens the app for a command that works without a running service.
pub(crate) async fn open(config: Config, path: &Path) -> Result<Arc<App>, Failure> {
    App::open(config, path, Clock::system()).await.map_err(|error| refusal(&error))
}
