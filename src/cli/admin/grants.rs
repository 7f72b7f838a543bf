//! `gantry grant …`: what people have given apps.

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{all, done};
use crate::account::{AccountError, User, find_user};
use crate::app::App;
use crate::cli::table::columns;
use crate::cli::{Failure, Output};
use crate::oauth::grant::{self, BY_USER, Grant};
use crate::store::Stored;

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum GrantCommand {
    /// List what apps may still use
    List {
        /// Only what this person gave
        #[arg(long, value_name = "WHO")]
        user: Option<String>,
        /// Only what this app has
        #[arg(long, value_name = "APP")]
        app: Option<String>,
    },
    /// Take back everything a person gave an app, with its tokens and the remembered consent
    Revoke {
        /// Name, mail address or id of the person
        user: String,
        /// Client id of the app
        app: String,
    },
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: GrantCommand) -> Result<Output, Failure> {
    match command {
        GrantCommand::List { user, app: client_id } => {
            listing(app, user.as_deref(), client_id.as_deref()).await
        }
        GrantCommand::Revoke { user, app: client_id } => {
            let user = person(app, &user).await?;
            let ended = grant::take_back(app, user.id, &client_id).await?;
            let text = format!("ended {ended} grants of {} to {client_id}", user.username);
            Ok(done(text, json!({ "user": user.username, "app": client_id, "ended": ended })))
        }
    }
}

async fn person(app: &App, who: &str) -> Result<Stored<User>, Failure> {
    let user = find_user(&app.store, who).await?;
    Ok(user.ok_or_else(|| AccountError::NoUser(who.to_owned()))?)
}

async fn listing(app: &App, who: Option<&str>, client_id: Option<&str>) -> Result<Output, Failure> {
    let wanted = |grant: &Grant| client_id.is_none_or(|id| id == grant.client_id);
    let grants = match who {
        Some(who) => {
            let user = person(app, who).await?;
            app.store.find::<Grant>(BY_USER, &user.id.to_string(), usize::MAX).await?
        }
        None => all(&app.store, wanted).await?,
    };
    let config = app.config();
    let mut rows = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    for grant in grants.into_iter().filter(|grant| wanted(grant)) {
        // One whose person, session or access is gone is dead already; one that waits for its hours is not.
        let Some((user, _)) = grant::standing(app, &config, &grant).await? else {
            continue;
        };
        let offline = grant.session.is_none();
        rows.push([
            user.username.to_string(),
            grant.client_id.clone(),
            grant.scopes.to_text(),
            grant.created_at.to_string(),
            grant.expires_at.to_string(),
            if offline { "also without session" } else { "while signed in" }.to_owned(),
        ]);
        values.push(json!({
            "id": grant.id,
            "user": user.username,
            "app": grant.client_id,
            "scopes": grant.scopes,
            "created_at": grant.created_at.to_string(),
            "expires_at": grant.expires_at.to_string(),
            "session": grant.session,
        }));
    }
    Ok(Output {
        text: columns(["USER", "APP", "SCOPES", "SINCE", "UNTIL", "GOOD"], &rows),
        json: values.into(),
    })
}
