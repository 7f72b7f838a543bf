//! `gantry token …`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::json;
use totp_rs::Secret;
use zeroize::Zeroizing;

use super::done;
use crate::account::{AccountError, User, find_user};
use crate::app::App;
use crate::cli::table::columns;
use crate::cli::{Failure, Output};
use crate::factor::oath::{self, Motion, OathAlgorithm, OathToken};
use crate::factor::pskc::{self, PskcKey};
use crate::factor::yubikey::{self, Yubikey};
use crate::factor::{self, Content, Factor, FactorKind};
use crate::login::challenge::notice_of_administrator;
use crate::notify::Credential;
use crate::store::{Batch, Stored};

/// Longer files are no lists of tokens, in bytes.
pub(in crate::cli) const MAX_FILE: u64 = 4 * 1024 * 1024;
/// RFC 4226 section 4, R6 wants 128 bits; eight bytes are seen in old tokens.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 8..=128;

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

/// A row as written.
#[derive(Deserialize)]
struct Row {
    user: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    serial: String,
    secret: String,
    #[serde(default)]
    digits: Option<u32>,
    #[serde(default)]
    period: Option<u64>,
    #[serde(default)]
    counter: Option<u64>,
    #[serde(default)]
    algorithm: Option<OathAlgorithm>,
    #[serde(default)]
    public_id: String,
    #[serde(default)]
    private_id: String,
}

/// Whose a token is.
#[derive(Deserialize)]
struct Owner {
    serial: String,
    user: String,
}

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

/// The rows of a CSV file, each with what messages call it.
fn csv_rows(text: &str) -> Result<Vec<(String, Row)>, Failure> {
    let mut rows = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let rows = rows.deserialize::<Row>().enumerate().map(|(index, row)| {
        let row = row.map_err(|error| Failure::new(format!("{error}; nothing was imported")).hint(
            "the first line names the columns: user,type,serial,secret,digits,period,counter,algorithm,public_id,private_id",
        ))?;
        Ok((format!("line {}", index + 2), row))
    });
    rows.collect()
}

/// The keys of a PSKC file as rows. Whose they are says the other file, or this one.
fn pskc_rows(files: &TokenFiles) -> Result<Vec<(String, Row)>, Failure> {
    let wrong = |what: String| Failure::new(format!("{what}; nothing was imported"));
    let key = match files.key.as_deref().map(|text| yubikey::from_hex(text.trim())) {
        Some(None) => return Err(wrong("the key is not hex".to_owned())),
        key => key.flatten().map(Zeroizing::new),
    };
    let keys = pskc::read(&files.list, key.as_ref().map(|key| key.as_slice()));
    let keys = keys.map_err(|error| wrong(error.to_string()))?;
    let owners = files.users.as_deref().map(owners).transpose()?;
    let row = |key: PskcKey| {
        let user = match &owners {
            Some(owners) => owners.get(&key.serial).cloned(),
            None => key.user,
        };
        let user = user.ok_or_else(|| {
            wrong(format!("key {}: nobody is named for the serial number {}", key.id, key.serial))
                .hint("--users names a CSV file with the columns serial,user")
        })?;
        let (kind, period) = match key.motion {
            Motion::Counter => ("hotp", None),
            Motion::Time { period } => ("totp", Some(period)),
        };
        let row = Row {
            user,
            kind: kind.to_owned(),
            serial: key.serial,
            secret: Secret::from(key.secret.to_vec()).to_base32(),
            digits: Some(key.digits),
            period,
            counter: Some(key.counter),
            algorithm: Some(key.algorithm),
            public_id: String::new(),
            private_id: String::new(),
        };
        Ok((format!("key {}", key.id), row))
    };
    keys.into_iter().map(row).collect()
}

/// User names by serial number.
fn owners(text: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut rows = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let rows = rows.deserialize::<Owner>().map(|row| row.map(|Owner { serial, user }| (serial, user)));
    rows.collect::<Result<_, _>>().map_err(|error| {
        Failure::new(format!("the list of users: {error}; nothing was imported"))
            .hint("the first line names the columns: serial,user")
    })
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

fn factor_of(app: &App, user: &User, row: &Row) -> Result<(FactorKind, Factor), &'static str> {
    let (master, now) = (app.keys.master(), app.clock.now());
    let secret = secret(&row.secret).ok_or("the secret is neither hex nor base32 of 8 to 128 bytes")?;
    let motion = match row.kind.to_ascii_lowercase().as_str() {
        "totp" => Motion::Time { period: row.period.unwrap_or(30) },
        "hotp" => Motion::Counter,
        "yubikey" => {
            let private = yubikey::from_hex(&row.private_id).ok_or("the private id is not hex")?;
            let key = Yubikey::new(master, user.id, &row.public_id, &private, &secret);
            let key = key.ok_or(
                "a YubiKey has a public id of 12 modhex letters, a private id of 6 bytes and a key of 16",
            )?;
            let content = Content::Yubikey(key);
            return Ok((FactorKind::Yubikey, Factor { user: user.id, content, created_at: now }));
        }
        _ => return Err("the type is none of totp, hotp, yubikey"),
    };
    let digits = row.digits.filter(|digits| (6..=8).contains(digits)).or(row.digits.is_none().then_some(6));
    let digits = digits.ok_or("digits are 6 to 8")?;
    if matches!(motion, Motion::Time { period } if !(10..=300).contains(&period)) {
        return Err("the period is 10 to 300 seconds");
    }
    let token = OathToken {
        serial: row.serial.chars().take(64).collect(),
        secret: oath::seal(master, user.id, &secret),
        algorithm: row.algorithm.unwrap_or(OathAlgorithm::Sha1),
        digits,
        motion,
        next: row.counter.unwrap_or(0),
    };
    let content = Content::HardwareToken(token);
    Ok((FactorKind::HardwareToken, Factor { user: user.id, content, created_at: now }))
}

fn secret(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = yubikey::from_hex(&text).or_else(|| {
        Secret::try_from_base32(text.to_ascii_uppercase().trim_end_matches('='))
            .ok()
            .map(|secret| secret.as_ref().to_vec())
    });
    bytes.filter(|bytes| SECRET_BYTES.contains(&bytes.len()))
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
