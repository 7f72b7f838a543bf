//! `gantry token …`

mod receiver;
mod rows;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use receiver::Receiver;
use rows::Row;

use super::{done, own_keys};
use crate::account::find_user;
use crate::app::App;
use crate::cli::table::columns;
use crate::cli::{Failure, Output};
use crate::factor::{FactorKind, Method, OwnKey, method};
use crate::secret::Id;
use crate::store::{ApplyError, Batch};

/// Longer files are no lists of tokens, in bytes.
pub(in crate::cli) const MAX_FILE: u64 = 4 * 1024 * 1024;
/// What is given out here.
const KINDS: [FactorKind; 2] = [FactorKind::HardwareToken, FactorKind::Yubikey];

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum TokenCommand {
    /// Give out the tokens of a CSV or PSKC file (RFC 6030), all or none, beside those that people have. Columns of
    /// CSV: `user`, `type` (totp, hotp, yubikey), `serial`, `secret` (hex or base32), `digits`, `period`, `counter`,
    /// `algorithm`; for a `YubiKey` also `public_id` and `private_id`
    Import {
        file: PathBuf,
        /// File with the key of an encrypted PSKC file, in hex
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// CSV file that says whose the tokens of a PSKC file are. Columns: `serial`, `user`
        #[arg(long, value_name = "FILE")]
        users: Option<PathBuf>,
        #[arg(skip)]
        content: Option<TokenFiles>,
    },
    /// List who has which token
    List {
        /// Only those of this person
        #[arg(long, value_name = "WHO")]
        user: Option<String>,
    },
    /// Take one token away, by its serial number or the public id of a `YubiKey`; the others stay
    Remove { who: String, serial: String },
}

/// What stands in the files of an import, read where the command was typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TokenFiles {
    pub list: String,
    pub key: Option<String>,
    pub users: Option<String>,
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: TokenCommand) -> Result<Output, Failure> {
    match command {
        TokenCommand::Import { content, .. } => import(app, rows::read(&content.unwrap_or_default())?).await,
        TokenCommand::List { user } => list(app, user.as_deref()).await,
        TokenCommand::Remove { who, serial } => {
            let taken = own_keys::take_away(app, who, &KINDS, |key| key.name == serial).await?;
            let Some((user, _)) = taken else {
                let none = format!("there is no token {serial} of this person");
                return Err(Failure::new(none).hint("gantry token list shows all"));
            };
            let json = json!({ "user": user.username, "serial": serial });
            Ok(done(format!("{}: {serial} taken away", user.username), json))
        }
    }
}

async fn import(app: &App, rows: Vec<(String, Row)>) -> Result<Output, Failure> {
    let (master, now, count) = (app.keys.master(), app.clock.now(), rows.len());
    let given = own_keys::owned(app, &KINDS, None).await?;
    let mut owners: BTreeMap<String, String> =
        given.into_iter().map(|(user, key)| (key.name, user)).collect();
    let mut people: BTreeMap<Id, Receiver> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for (place, row) in rows {
        let wrong = |what: &str| Failure::new(format!("{place}: {what}; nothing was imported"));
        let user = find_user(&app.store, &row.user).await?;
        let user = user.ok_or_else(|| {
            wrong(&format!("there is no user {}", row.user)).hint("gantry user list shows all")
        })?;
        let (token, secret) = row.token(master, (user.id, now)).map_err(&wrong)?;
        let OwnKey { kind, name: serial, .. } = OwnKey::from(&token);
        kinds.insert(kind.name());
        if let Some(owner) = owners.insert(serial.clone(), user.username.to_string()) {
            return Err(wrong(&format!("{owner} has the token {serial} already"))
                .hint(format!("gantry token remove {owner} {serial} takes it away first")));
        }
        let receiver = match people.entry(user.id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Receiver::of(app, user).await?),
        };
        receiver.take(master, token, &secret).map_err(|what| wrong(&what))?;
    }
    let mut batch = Batch::new();
    for receiver in people.into_values() {
        batch = receiver.keep(app, batch);
    }
    if count > 0 {
        app.store.apply(batch).await.map_err(|error| match error {
            ApplyError::Conflict(_) => {
                Failure::new("somebody's tokens changed meanwhile; nothing was imported").hint("try again")
            }
            ApplyError::Store(error) => error.into(),
        })?;
        app.notifier.ring();
    }
    tracing::info!(target: "gantry::audit", event = "tokens_imported", count);
    let config = app.config();
    let asked: Vec<_> = method::set_up(&config).filter_map(Method::needs).map(FactorKind::name).collect();
    kinds.retain(|kind| !asked.contains(kind));
    let unasked =
        kinds.iter().map(|kind| format!("\nnobody is asked for a {kind} until factors.offered has it"));
    let text = format!("imported {count} token(s){}", unasked.collect::<String>());
    Ok(done(text, json!({ "imported": count, "not_offered": kinds })))
}

async fn list(app: &App, who: Option<&str>) -> Result<Output, Failure> {
    let (mut rows, mut values): (_, Vec<Value>) = (Vec::new(), Vec::new());
    for (user, key) in own_keys::owned(app, &KINDS, who).await? {
        let (kind, added) = (key.kind.name(), key.created_at.to_string());
        let used = key.last_used_at.map(|at| at.to_string());
        values.push(json!({
            "user": user, "kind": kind, "serial": key.name, "added_at": added, "last_used_at": used,
        }));
        rows.push([user, kind.to_owned(), key.name, added, used.unwrap_or_default()]);
    }
    let text = columns(["USER", "KIND", "SERIAL", "ADDED", "LAST USED"], &rows);
    Ok(Output { text, json: values.into() })
}
