//! The configuration file: read, checked, explained.
//!
//! Owns the file's text and what it means. `schema` is the configuration as written, [`Config`] as
//! meant; in between, `document` reads YAML, `read` finds the keys, `check` the meaning, and `error`
//! tells what is wrong. `data_dir` answers although something is. `example` makes `config.example.yaml`, `watch` notices changes. Who swaps the
//! configuration of a running program, and when, is decided in `app`.

mod check;
mod claim;
mod data_dir;
mod document;
mod error;
mod example;
mod factors;
mod meant;
mod period;
mod presets;
mod read;
mod registration;
mod schema;
mod sending;
pub mod watch;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

pub use claim::{ClaimSource, Template};
pub use data_dir::data_dir;
pub use error::{ConfigError, Problem};
pub use example::example;
pub use factors::*;
pub use meant::*;
pub use registration::*;
pub use sending::*;

use error::Problems;
use read::Read;

/// A configuration that can be used, and what is odd about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    pub warnings: Vec<Problem>,
    /// What the file wants of the environment and this process does not have.
    pub unset: Vec<String>,
    /// Where each policy stands, for what is found out about it later.
    policies: BTreeMap<String, Problem>,
    /// The same for TLS.
    tls: Option<Problem>,
}

impl Loaded {
    /// What is wrong with a policy of this name.
    #[must_use]
    pub fn about_policy(&self, name: &str, message: String, hint: String) -> ConfigError {
        Self::about(self.policies.get(name), message, hint)
    }

    /// What is wrong with the certificate or its key.
    #[must_use]
    pub fn about_tls(&self, message: String, hint: String) -> ConfigError {
        Self::about(self.tls.as_ref(), message, hint)
    }

    /// Notes what clients will have against the certificate.
    pub fn warn_about_tls(&mut self, objections: &[String]) {
        let said = |place: &Problem| objections.iter().map(|text| place.saying(text.clone(), None)).collect();
        self.warnings.extend(self.tls.as_ref().map_or_else(Vec::new, said));
    }

    fn about(place: Option<&Problem>, message: String, hint: String) -> ConfigError {
        match place {
            Some(place) => ConfigError::at(place, message, hint),
            None => ConfigError::of_file("the configuration", message, Some(hint)),
        }
    }
}

/// Reads and checks the file, as the service does. Relative paths in it start at its folder.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let (text, base) = text(path)?;
    parse(&path.display().to_string(), &text, &base)
}

/// The same for a command: what only the environment of the service has is a warning.
pub fn load_beside(path: &Path) -> Result<Loaded, ConfigError> {
    let (text, base) = text(path)?;
    parse_beside(&path.display().to_string(), &text, &base)
}

/// Checks `text`, which is called `name` in messages. Relative paths in it start at `base`.
pub fn parse(name: &str, text: &str, base: &Path) -> Result<Loaded, ConfigError> {
    parse_noting(name, text, base, Problems::default())
}

/// The same for a command, or for a file that is not in force.
pub fn parse_beside(name: &str, text: &str, base: &Path) -> Result<Loaded, ConfigError> {
    parse_noting(name, text, base, Problems::of_a_command())
}

fn parse_noting(name: &str, text: &str, base: &Path, mut problems: Problems) -> Result<Loaded, ConfigError> {
    // Some editors begin a file with a mark that nobody sees: no place in the file may count it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let checked = document::parse(text, &mut problems)
        .and_then(|node| schema::Root::read(&node, &mut problems))
        .and_then(|root| check::check(root, base, &mut problems));
    let unset = problems.take_unset();
    let warnings = problems.finish(name, text)?;
    match checked {
        Some((config, places)) => {
            let located = |place| error::located(name, text, place);
            let policy = |(policy, place)| Some((policy, located(place)?));
            let policies = places.policies.into_iter().filter_map(policy).collect();
            Ok(Loaded { config, warnings, unset, policies, tls: places.tls.and_then(located) })
        }
        None => Err(ConfigError::of_file(name, "is not usable, for an unknown reason".to_owned(), None)),
    }
}

/// What is wrong with an app that registers itself.
#[derive(Debug)]
pub enum Unfit {
    RedirectUri(String),
    Other(String),
}

/// The app that registered itself with these `settings`, which are those of an app in the file, under its `rules`. The error is the first thing that is wrong, redirect URIs before all else.
pub fn registered_app(
    client_id: &str,
    settings: &serde_json::Value,
    rules: &AppRegistration,
) -> Result<App, Unfit> {
    let mut settings = settings.clone();
    if let Some(members) = settings.as_object_mut() {
        members.insert("access".to_owned(), serde_json::json!(rules.access));
    }
    let text = settings.to_string();
    let first = |error: ConfigError| {
        error.problems().first().map_or_else(String::new, |problem| problem.message.clone())
    };
    let mut problems = Problems::default();
    let app = document::parse(&text, &mut problems).and_then(|node| schema::App::read(&node, &mut problems));
    let mut misled = Problems::default();
    if let Some(app) = &app {
        check::written_redirect_uris(app, &mut misled);
    }
    misled.finish(client_id, &text).map_err(first).map_err(Unfit::RedirectUri)?;
    let app = app.and_then(|app| check::registered_app(client_id, app, rules.reach, &mut problems));
    problems.finish(client_id, &text).map_err(first).map_err(Unfit::Other)?;
    app.ok_or_else(|| Unfit::Other("it is not usable".to_owned()))
}

/// What stands in the file, and its folder.
fn text(path: &Path) -> Result<(String, PathBuf), ConfigError> {
    let name = path.display().to_string();
    let refused = |error: io::Error| ConfigError::unread(&name, &error);
    let bytes = read_file(path).map_err(refused)?;
    let text = decode(&name, bytes)?;
    let path = std::path::absolute(path).map_err(refused)?;
    Ok((text, path.parent().unwrap_or(Path::new("/")).to_owned()))
}

/// At most one byte more than is accepted, so that the size is refused with the other mistakes.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe would be waited for.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a file"));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(document::MAX_BYTES).unwrap_or(u64::MAX);
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn decode(name: &str, bytes: Vec<u8>) -> Result<String, ConfigError> {
    let hint = Some("save the file as UTF-8".to_owned());
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if utf16 || bytes.iter().take(2).any(|byte| *byte == 0) {
        return Err(ConfigError::of_file(name, "is UTF-16 or UTF-32".to_owned(), hint));
    }
    if bytes.len() > document::MAX_BYTES {
        let message = format!("is larger than {} bytes", document::MAX_BYTES);
        return Err(ConfigError::of_file(name, message, None));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = valid.split(|byte| *byte == b'\n').count();
        ConfigError::of_file(name, format!("is not UTF-8 in line {line}"), hint)
    })
}
