//! `gantry session …`

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{all, done};
use crate::account::{AccountError, User, find_user};
use crate::app::App;
use crate::cli::table::columns;
use crate::cli::{Failure, Output};
use crate::login::session::{self, BY_USER, Session};

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum SessionCommand {
    /// List live sessions
    List {
        /// Only those of this person
        #[arg(long, value_name = "WHO")]
        user: Option<String>,
    },
    /// End a session by its id; `gantry user logout` ends all of a person's
    Revoke { id: String },
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: SessionCommand) -> Result<Output, Failure> {
    match command {
        SessionCommand::List { user } => listing(app, user.as_deref()).await,
        SessionCommand::Revoke { id } => {
            let found = app.store.get::<Session>(&id).await?;
            let missing =
                || Failure::new(format!("there is no session {id}")).hint("gantry session list shows all");
            let found = found.ok_or_else(missing)?;
            session::end(app, &found).await?;
            Ok(done(format!("ended session {id}"), json!({ "id": id })))
        }
    }
}

async fn listing(app: &App, who: Option<&str>) -> Result<Output, Failure> {
    let sessions = match who {
        Some(who) => {
            let user = find_user(&app.store, who).await?;
            let user = user.ok_or_else(|| AccountError::NoUser(who.to_owned()))?;
            app.store.find::<Session>(BY_USER, &user.id.to_string(), usize::MAX).await?
        }
        None => all::<Session>(&app.store, |_| true).await?,
    };
    let mut rows = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    for session in sessions {
        let user = app.store.get::<User>(&session.user.to_string()).await?;
        // Sessions of an earlier epoch are dead already; the sweep has not come by.
        let Some(user) = user.filter(|user| session.belongs_to(user)) else {
            continue;
        };
        rows.push([
            session.id.to_string(),
            user.username.to_string(),
            session.created_at.to_string(),
            session.last_used_at.to_string(),
            session.address.clone(),
            session.user_agent.chars().take(60).collect(),
        ]);
        values.push(json!({
            "id": session.id,
            "user": user.username,
            "created_at": session.created_at.to_string(),
            "last_used_at": session.last_used_at.to_string(),
            "expires_at": session.expires_at.to_string(),
            "address": session.address,
            "user_agent": session.user_agent,
        }));
    }
    Ok(Output {
        text: columns(["ID", "USER", "SINCE", "LAST USED", "ADDRESS", "BROWSER"], &rows),
        json: values.into(),
    })
}
