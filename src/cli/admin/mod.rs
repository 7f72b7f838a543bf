//! Commands that work on data: each is a value that one function carries out.

mod apps;
mod devices;
mod grants;
mod groups;
mod keys;
mod own_keys;
mod policy;
mod push;
mod sending;
mod sessions;
pub(in crate::cli) mod tokens;
mod users;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::{Failure, Output, rocketchat};
use crate::account::AccountError;
use crate::app::App;
use crate::factor::FactorKind;
use crate::notify::Channel;
use crate::store::{ApplyError, Record, Store, StoreError, Stored};

pub use apps::{AppCommand, secret as client_secret};
pub use devices::DeviceCommand;
pub use grants::GrantCommand;
pub use groups::GroupCommand;
pub use keys::KeyCommand;
pub use own_keys::OwnKeyCommand;
pub use policy::{NewFile, PolicyCommand, ReplayOptions};
pub(in crate::cli) use policy::{replayed, shut_out};
pub use push::PushCommand;
pub use sending::SendingCommand;
pub(in crate::cli) use sending::send_test;
pub use sessions::SessionCommand;
pub use tokens::{TokenCommand, TokenFiles};
pub use users::UserCommand;
pub(in crate::cli) use users::check_password;

/// One command.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum Command {
    /// People
    #[command(subcommand)]
    User(UserCommand),
    /// Groups and their members
    #[command(subcommand)]
    Group(GroupCommand),
    /// Applications
    #[command(subcommand)]
    App(AppCommand),
    /// Browser sessions
    #[command(subcommand)]
    Session(SessionCommand),
    /// Browsers that people have signed in with
    #[command(subcommand)]
    Device(DeviceCommand),
    /// What people have given apps
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Hardware tokens that are given out
    #[command(subcommand)]
    Token(TokenCommand),
    /// Passkeys and security keys
    #[command(subcommand)]
    Passkey(OwnKeyCommand),
    /// What must be proved, where and when
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Mail to people
    #[command(subcommand)]
    Mail(SendingCommand),
    /// Text messages to people
    #[command(subcommand)]
    Sms(SendingCommand),
    /// Calls to people
    #[command(subcommand)]
    Voice(SendingCommand),
    /// Messages that are pushed to phones and browsers
    #[command(subcommand)]
    Push(PushCommand),
    /// Rocket.Chat
    #[command(subcommand)]
    Rocketchat(rocketchat::RocketchatCommand),
}

/// Carries out `command`.
pub async fn execute(app: &App, command: Command) -> Result<Output, Failure> {
    match command {
        Command::User(command) => users::execute(app, command).await,
        Command::Group(command) => groups::execute(app, command).await,
        Command::App(command) => apps::execute(app, command).await,
        Command::Session(command) => sessions::execute(app, command).await,
        Command::Device(command) => devices::execute(app, command).await,
        Command::Grant(command) => grants::execute(app, command).await,
        Command::Token(command) => tokens::execute(app, command).await,
        Command::Passkey(command) => own_keys::execute(app, FactorKind::Passkey, command).await,
        Command::Policy(command) => policy::execute(app, command).await,
        Command::Key(command) => keys::execute(app, command).await,
        Command::Mail(command) => sending::execute(app, Channel::Mail, command).await,
        Command::Sms(command) => sending::execute(app, Channel::Sms, command).await,
        Command::Voice(command) => sending::execute(app, Channel::Voice, command).await,
        Command::Push(command) => push::execute(app, command).await,
        Command::Rocketchat(command) => rocketchat::execute(app, command).await,
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        let hint = match &error {
            AccountError::NoUser(_) => Some("gantry user list shows all"),
            AccountError::NoGroup(_) => Some("gantry group list shows all, gantry group add makes one"),
            AccountError::UsernameTaken(_) | AccountError::EmailTaken(_) => {
                Some("gantry user show says whose it is")
            }
            _ => None,
        };
        Self { message: error.to_string(), hint: hint.map(str::to_owned) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(error)
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        Self::new(error)
    }
}

/// All records of a kind that are `wanted`, page by page: however many there are, none is left out.
async fn all<R: Record>(store: &Store, wanted: impl Fn(&R) -> bool) -> Result<Vec<Stored<R>>, StoreError> {
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = store.scan::<R>(after.as_deref(), 1000).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.record.id());
        found.extend(page.into_iter().filter(|record| wanted(record)));
    }
}

/// One sentence about what was done, with its value for scripts.
fn done(text: impl std::fmt::Display, json: serde_json::Value) -> Output {
    Output { text: format!("{text}\n"), json }
}

fn list(values: impl IntoIterator<Item = impl ToString>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(", ")
}
