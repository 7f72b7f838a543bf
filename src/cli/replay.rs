//! `gantry policy replay` and what `gantry check` asks of the store: another configuration file than the one in force,
//! page by page, through the running service or beside no service.

use std::path::Path;

use serde_json::{Value, json};

use super::admin::{Command, NewFile, PolicyCommand, ReplayOptions, replayed, shut_out};
use super::progress::Progress;
use super::table::columns;
use super::{Failure, Output, remote, runtime};
use crate::clock::Clock;
use crate::config::{self, Config, ConfigError, Loaded};
use crate::login::replay::{Changed, Replayed};
use crate::store::Store;

/// Goes through the past under the configuration at `path`.
pub(super) fn replay(path: &Path, options: &ReplayOptions) -> Result<Output, Failure> {
    let (file, socket) = (NewFile::read(path)?, super::service_of(path));
    let mut own: Option<(Store, Config)> = None;
    let (mut checked, mut changed): (usize, Vec<Changed>) = (0, Vec::new());
    let mut options = ReplayOptions { file: Some(file), ..options.clone() };
    let mut progress = Progress::new();
    loop {
        let command = Command::Policy(PolicyCommand::Replay(options.clone()));
        let asked = match &socket {
            Some(socket) if own.is_none() => remote::ask(socket, &command)?,
            _ => None,
        };
        let page: Replayed = if let Some(answer) = asked {
            serde_json::from_value(answer?.json).map_err(Failure::new)?
        } else {
            let (store, config) = match &mut own {
                Some(own) => own,
                none => none.insert(opened(path)?),
            };
            runtime()?.block_on(replayed(store, config, Clock::system().now(), &options))?
        };
        checked += page.checked;
        changed.extend(page.changed);
        options.after = page.next;
        if options.after.is_none() {
            break;
        }
        progress.tell(&format!("{checked} sign-ins looked at"));
    }
    Ok(table(checked, &changed))
}

fn table(checked: usize, changed: &[Changed]) -> Output {
    let row = |c: &Changed| {
        let policy = c.policy.clone().unwrap_or_default();
        let (then, now) = (c.then.name().to_owned(), c.now.name().to_owned());
        [c.at.clone(), c.user.clone(), c.app.clone(), c.address.clone(), policy, then, now, c.because.clone()]
    };
    let rows: Vec<_> = changed.iter().map(row).collect();
    let header = ["WHEN", "USER", "APP", "ADDRESS", "POLICY", "THEN", "NOW", "BECAUSE"];
    let mut text = format!("{} of {checked} sign-ins would end in another way\n", changed.len());
    if !rows.is_empty() {
        text += &columns(header, &rows);
    }
    Output { text, json: json!({ "checked": checked, "changed": changed }) }
}

fn opened(path: &Path) -> Result<(Store, Config), Failure> {
    let config = super::load_beside(path)?;
    Ok((open(&config, Clock::system())?, config))
}

/// The store of a configuration, as it is: its apps are not taken over.
fn open(config: &Config, clock: Clock) -> Result<Store, Failure> {
    Store::open_redb(&super::store_of(config)?, clock)
        .map_err(|error| Failure::new(&error).hint(error.hint()))
}

/// What is wrong with a good file for the administrators there are; nothing without a store that can be asked.
pub(super) fn about_people(path: &Path, loaded: &Loaded) -> Result<(), ConfigError> {
    let config = &loaded.config;
    if config.admin_group.is_none() || !config.data_dir.join("gantry.redb").exists() {
        return Ok(());
    }
    let command = Command::Policy(PolicyCommand::Administrators { file: NewFile::read(path).ok() });
    let answer = match remote::ask(&remote::socket_path(&config.data_dir), &command) {
        Ok(Some(answer)) => answer.map(|output| output.json),
        Ok(None) => {
            let clock = Clock::system();
            open(config, clock).and_then(|store| runtime()?.block_on(shut_out(&store, config)))
        }
        Err(failure) => Err(failure),
    };
    match answer {
        Ok(Value::Null) => Ok(()),
        Ok(found) => {
            let text = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            Err(loaded.about_policy(&text("policy"), text("message"), text("hint")))
        }
        Err(failure) => {
            eprintln!("gantry: warning: the administrators were not looked at: {}", failure.message);
            Ok(())
        }
    }
}

impl NewFile {
    /// The text of the file at `path`, for whoever cannot read it.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let path = std::path::absolute(path).map_err(Failure::new)?;
        let text = std::fs::read_to_string(&path).map_err(Failure::new)?;
        let base = path.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Self { name: path.display().to_string(), text, base })
    }

    /// What it means.
    pub(super) fn parse(&self) -> Result<Config, Failure> {
        config::parse_beside(&self.name, &self.text, &self.base)
            .map(|loaded| loaded.config)
            .map_err(Failure::new)
    }
}
