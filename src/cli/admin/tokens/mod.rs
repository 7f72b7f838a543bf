//! `gantry token …`

mod rows;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::json;

use rows::{Row, csv_rows, factor_of, pskc_rows};

use super::done;
use crate::account::{AccountError, User, find_user};
use crate::app::App;
use crate::cli::table::columns;
use crate::cli::{Failure, Output};
use crate::factor::{self, Content, Factor, FactorKind};
use crate::login::challenge::notice_of_administrator;
use crate::notify::Credential;
use crate::store::{Batch, Stored};

/// Longer files are no lists of tokens, in bytes.
pub(in crate::cli) const MAX_FILE: u64 = 4 * 1024 * 1024;
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum TokenCommand {
    /// Give out the tokens of a CSV or PSKC file (RFC 6030), all or none. Columns of CSV: `user`, `type` (totp, hotp,
    /// yubikey), `serial`, `secret` (hex or base32), `digits`, `period`, `counter`, `algorithm`; for a `YubiKey` also
    /// `public_id` and `private_id`
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
    List,
    /// Take a token away: `hardware_token` or `yubikey`
    Remove { who: String, kind: String },
}

/// What stands in the files of an import, read where the command was typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TokenFiles {
    pub list: String,
    pub key: Option<String>,
    pub users: Option<String>,
}

/// Somebody who gets tokens.
type Receiver = (Stored<User>, Vec<(FactorKind, Factor)>);

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: TokenCommand) -> Result<Output, Failure> {
    match command {
        TokenCommand::Import { content, .. } => {
            let files = content.unwrap_or_default();
            let rows = if files.list.trim_start().starts_with('<') {
                pskc_rows(&files)
            } else {
                csv_rows(&files.list)
            };
            import(app, rows?).await
        }
        TokenCommand::List => list(app).await,
        TokenCommand::Remove { who, kind } => {
            let kind =
                FactorKind::parse(&kind).filter(|kind| !kind.is_own() && *kind != FactorKind::RecoveryCodes);
            let kind = kind.ok_or_else(|| Failure::new("no such kind").hint("hardware_token or yubikey"))?;
            let mut user = find_user(&app.store, &who).await?.ok_or(AccountError::NoUser(who))?;
            let batch = factor::remove(Batch::new(), &mut user, kind);
            let batch = notice_of_administrator(app, &user, Credential::TokenRemoved, batch);
            app.store.apply(batch).await?;
            app.notifier.ring();
            tracing::info!(target: "gantry::audit", event = "token_removed", user = %user.id, kind = kind.name());
            Ok(done(
                format!("{}: {} taken away", user.username, kind.name()),
                json!({ "user": user.username }),
            ))
        }
    }
}

async fn import(app: &App, rows: Vec<(String, Row)>) -> Result<Output, Failure> {
    let mut people: BTreeMap<String, Receiver> = BTreeMap::new();
    let count = rows.len();
    for (place, row) in rows {
        let wrong = |what: &str| Failure::new(format!("{place}: {what}; nothing was imported"));
        let user = find_user(&app.store, &row.user).await?;
        let user = user.ok_or_else(|| {
            wrong(&format!("there is no user {}", row.user)).hint("gantry user list shows all")
        })?;
        let factor = factor_of(app, &user, &row).map_err(&wrong)?;
        let (_, factors) = people.entry(user.id.to_string()).or_insert_with(|| (user, Vec::new()));
        if factors.iter().any(|(kind, _)| *kind == factor.0) {
            return Err(wrong(&format!("{} has a token of this type in this file already", row.user)));
        }
        factors.push(factor);
    }
    let mut batch = Batch::new();
    for (user, factors) in people.values_mut() {
        batch = factor::enrol(batch, user, factors);
        batch = notice_of_administrator(app, user, Credential::TokenAdded, batch);
    }
    if count > 0 {
        app.store.apply(batch).await?;
        app.notifier.ring();
    }
    tracing::info!(target: "gantry::audit", event = "tokens_imported", count);
    Ok(done(format!("imported {count} token(s)"), json!({ "imported": count })))
}

async fn list(app: &App) -> Result<Output, Failure> {
    let (mut rows, mut values, mut after) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let page = app.store.scan::<Factor>(after.as_deref(), 1000).await?;
        let Some(last) = page.last() else { break };
        after = Some(crate::store::Record::id(&last.record));
        for factor in page {
            let (kind, serial) = match &factor.content {
                Content::HardwareToken(token) => ("hardware_token", token.serial.clone()),
                Content::Yubikey(key) => ("yubikey", key.public_id.clone()),
                _ => continue,
            };
            let user = app.store.get::<User>(&factor.user.to_string()).await?;
            let name = user.map(|user| user.username.to_string()).unwrap_or_default();
            values.push(json!({ "user": name, "kind": kind, "serial": serial }));
            rows.push([name, kind.to_owned(), serial]);
        }
    }
    Ok(Output { text: columns(["USER", "KIND", "SERIAL"], &rows), json: values.into() })
}
