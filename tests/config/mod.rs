//! The configuration file: what is refused and how it is told, what is understood, what is noticed.

mod bounds;
mod example;
mod meaning;
mod mutation;
mod watch;
mod wrong;

use std::path::Path;

use gantry::config::{Config, ConfigError, Loaded, parse};

/// Reads `text` as `gantry.yaml` in a folder with nothing in it.
fn read(text: &str) -> Result<Loaded, ConfigError> {
    parse("gantry.yaml", text, Path::new("/nowhere"))
}

/// A file that is fine and has nothing odd.
fn config(text: &str) -> Config {
    let loaded = read(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.warnings, []);
    loaded.config
}

/// The whole text about a file that is refused.
fn refusal(text: &str) -> String {
    read(text).expect_err("a refusal").to_string()
}
