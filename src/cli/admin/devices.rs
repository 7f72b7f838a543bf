//! `gantry device …`

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{all, done};
use crate::account::{AccountError, User, find_user};
use crate::app::App;
use crate::cli::table::columns;
use crate::cli::{Failure, Output};
use crate::login::device_trust::{self, Device};

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum DeviceCommand {
    /// List the browsers that people have signed in with, and what they are registered for
    List {
        /// Only those of this person
        #[arg(long, value_name = "WHO")]
        user: Option<String>,
    },
    /// Forget a browser by its id: it is new again, and registered for nothing
    Revoke { id: String },
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: DeviceCommand) -> Result<Output, Failure> {
    match command {
        DeviceCommand::List { user } => listing(app, user.as_deref()).await,
        DeviceCommand::Revoke { id } => {
            let found = app.store.get::<Device>(&id).await?;
            let missing =
                || Failure::new(format!("there is no device {id}")).hint("gantry device list shows all");
            let found = found.ok_or_else(missing)?;
            device_trust::revoke(app, &[found]).await?;
            Ok(done(format!("revoked device {id}"), json!({ "id": id })))
        }
    }
}

async fn listing(app: &App, who: Option<&str>) -> Result<Output, Failure> {
    let devices = match who {
        Some(who) => {
            let user = find_user(&app.store, who).await?;
            let user = user.ok_or_else(|| AccountError::NoUser(who.to_owned()))?;
            device_trust::of_user(app, user.id).await?
        }
        None => all::<Device>(&app.store, |_| true).await?,
    };
    let config = app.config();
    let mut rows = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    for device in devices {
        let Some(user) = app.store.get::<User>(&device.user.to_string()).await? else { continue };
        let registered = device_trust::registered_for(&device, &device_trust::seals(&user, &config));
        rows.push([
            device.id.to_string(),
            user.username.to_string(),
            device.rotated_at.to_string(),
            device.address.clone(),
            device.name.clone(),
            registered.join(", "),
        ]);
        values.push(json!({
            "id": device.id,
            "user": user.username,
            "last_used_at": device.rotated_at.to_string(),
            "expires_at": device.expires_at.to_string(),
            "address": device.address,
            "browser": device.name,
            "registered_for": registered,
        }));
    }
    Ok(Output {
        text: columns(["ID", "USER", "LAST USED", "ADDRESS", "BROWSER", "REGISTERED FOR"], &rows),
        json: values.into(),
    })
}
