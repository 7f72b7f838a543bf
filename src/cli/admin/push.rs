//! `gantry push …`

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::own_keys::{self, OwnKeyCommand};
use super::sending::{self, SendingCommand};
use crate::app::App;
use crate::cli::{Failure, Output};
use crate::factor::FactorKind;
use crate::notify::Channel;

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum PushCommand {
    #[command(flatten)]
    Sending(SendingCommand),
    #[command(flatten)]
    Browsers(OwnKeyCommand),
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: PushCommand) -> Result<Output, Failure> {
    match command {
        PushCommand::Sending(command) => sending::execute(app, Channel::Push, command).await,
        PushCommand::Browsers(command) => own_keys::execute(app, FactorKind::WebPush, command).await,
    }
}
