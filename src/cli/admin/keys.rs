//! `gantry key …`

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::App;
use crate::cli::table::columns;
use crate::cli::{Failure, Output};
use crate::config::Alg;
use crate::keys::{KeyInfo, KeyState};

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum KeyCommand {
    /// List published signing keys
    List,
    /// Sign with new keys from now on; the old ones stay published until nothing they signed is alive
    Rotate {
        /// Only the key of this algorithm
        #[arg(long)]
        alg: Option<AlgName>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum, Serialize, Deserialize)]
pub enum AlgName {
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "ES256")]
    Es256,
    #[value(name = "EdDSA")]
    EdDsa,
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: KeyCommand) -> Result<Output, Failure> {
    let keys = match command {
        KeyCommand::List => app.keys.list(),
        KeyCommand::Rotate { alg } => {
            let only = alg.map(|alg| match alg {
                AlgName::Rs256 => Alg::Rs256,
                AlgName::Es256 => Alg::Es256,
                AlgName::EdDsa => Alg::EdDsa,
            });
            let now = app.clock.now();
            let keys =
                app.keys.rotate(&app.store, now, only, app.key_overlap()).await.map_err(Failure::new)?;
            tracing::info!(target: "gantry::audit", event = "keys_rotated");
            keys
        }
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    Ok(Output { text: columns(["KEY", "ALG", "STATE", "MADE", "GOES"], &rows), json: json!(keys) })
}

fn row(key: &KeyInfo) -> [String; 5] {
    let alg = serde_json::to_value(key.alg).ok().and_then(|alg| alg.as_str().map(str::to_owned));
    let state = match key.state {
        KeyState::Active => "active",
        KeyState::Published => "published",
    };
    let goes = key.retires_at.map(|at| at.to_string()).unwrap_or_default();
    [key.kid.clone(), alg.unwrap_or_default(), state.to_owned(), key.created_at.to_string(), goes]
}
