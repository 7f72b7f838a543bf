//! `gantry push …`

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::sending::{self, SendingCommand};
use super::{done, own_keys};
use crate::app::App;
use crate::cli::table::columns;
use crate::cli::{Failure, Output};
use crate::factor::FactorKind;
use crate::notify::Channel;

const KINDS: [FactorKind; 1] = [FactorKind::WebPush];

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum PushCommand {
    #[command(flatten)]
    Sending(SendingCommand),
    /// List the browsers that take push messages
    List {
        /// Only those of this person
        #[arg(long, value_name = "WHO")]
        user: Option<String>,
    },
    /// Take one browser away, by its id; the others stay
    Remove { who: String, id: String },
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: PushCommand) -> Result<Output, Failure> {
    match command {
        PushCommand::Sending(command) => sending::execute(app, Channel::Push, command).await,
        PushCommand::List { user } => list(app, user.as_deref()).await,
        PushCommand::Remove { who, id } => {
            let taken = own_keys::take_away(app, who, &KINDS, |key| key.id.to_string() == id).await?;
            let Some((user, key)) = taken else {
                let none = format!("there is no browser {id} of this person");
                return Err(Failure::new(none).hint("gantry push list shows all"));
            };
            let json = json!({ "user": user.username, "id": id, "name": key.name });
            Ok(done(format!("{}: {} taken away", user.username, key.name), json))
        }
    }
}

async fn list(app: &App, who: Option<&str>) -> Result<Output, Failure> {
    let (mut rows, mut values): (_, Vec<Value>) = (Vec::new(), Vec::new());
    for (user, key) in own_keys::owned(app, &KINDS, who).await? {
        let (id, added) = (key.id.to_string(), key.created_at.to_string());
        let used = key.last_used_at.map(|at| at.to_string());
        values.push(json!({
            "user": user, "id": id, "name": key.name, "added_at": added, "last_used_at": used,
        }));
        rows.push([id, user, added, used.unwrap_or_default(), key.name]);
    }
    let text = columns(["ID", "USER", "ADDED", "LAST USED", "BROWSER"], &rows);
    Ok(Output { text, json: values.into() })
}
