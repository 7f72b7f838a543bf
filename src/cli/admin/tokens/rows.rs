//! The files of an import: CSV by hand, PSKC (RFC 6030) by vendors.

use std::collections::BTreeMap;

use serde::Deserialize;
use totp_rs::Secret;
use zeroize::Zeroizing;

use super::TokenFiles;
use crate::cli::Failure;
use crate::clock::Timestamp;
use crate::factor::oath::{self, Motion, OathAlgorithm, OathToken};
use crate::factor::pskc::{self, PskcKey};
use crate::factor::yubikey::{self, Yubikey};
use crate::factor::{OwnKey, own_key};
use crate::keys::MasterKey;
use crate::secret::Id;

/// RFC 4226 section 4, R6 wants 128 bits; eight bytes are seen in old tokens.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 8..=128;

/// A row as written.
#[derive(Deserialize)]
pub(super) struct Row {
    pub(super) user: String,
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

/// What a row gives out.
pub(super) enum Token {
    Oath(OathToken),
    Yubikey(Yubikey),
}

impl From<&Token> for OwnKey {
    fn from(token: &Token) -> Self {
        match token {
            Token::Oath(token) => token.into(),
            Token::Yubikey(key) => key.into(),
        }
    }
}

/// The rows of a file, each with what messages call it.
pub(super) fn read(files: &TokenFiles) -> Result<Vec<(String, Row)>, Failure> {
    if files.list.trim_start().starts_with('<') { pskc_rows(files) } else { csv_rows(&files.list) }
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
    let row = |mut key: PskcKey| {
        // Without a device there is the key's own name (RFC 6030 section 4.1).
        if key.serial.is_empty() {
            key.serial.clone_from(&key.id);
        }
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

impl Row {
    /// The token of `user` that it tells of, and its secret.
    pub(super) fn token(
        &self,
        master: &MasterKey,
        (user, now): (Id, Timestamp),
    ) -> Result<(Token, Zeroizing<Vec<u8>>), &'static str> {
        let secret = secret(&self.secret).ok_or("the secret is neither hex nor base32 of 8 to 128 bytes")?;
        let motion = match self.kind.to_ascii_lowercase().as_str() {
            "totp" => Motion::Time { period: self.period.unwrap_or(30) },
            "hotp" => Motion::Counter,
            "yubikey" => {
                let private = yubikey::from_hex(&self.private_id).ok_or("the private id is not hex")?;
                let key = Yubikey::new(master, (user, now), &self.public_id, &private, &secret);
                let key = key.ok_or(
                    "a YubiKey has a public id of 12 modhex letters, a private id of 6 bytes and a key of 16",
                )?;
                return Ok((Token::Yubikey(key), secret));
            }
            _ => return Err("the type is none of totp, hotp, yubikey"),
        };
        let digits = self.digits.filter(|digits| (6..=8).contains(digits));
        let digits = digits.or(self.digits.is_none().then_some(6)).ok_or("digits are 6 to 8")?;
        if matches!(motion, Motion::Time { period } if !(10..=300).contains(&period)) {
            return Err("the period is 10 to 300 seconds");
        }
        let serial = own_key::named(&self.serial).filter(|serial| *serial == self.serial);
        let token = OathToken {
            serial: serial
                .ok_or("the serial number is missing, or no plain text of 64 characters at most")?,
            secret: oath::seal(master, user, &secret),
            algorithm: self.algorithm.unwrap_or(OathAlgorithm::Sha1),
            digits,
            motion,
            next: self.counter.unwrap_or(0),
            created_at: now,
            last_used_at: None,
        };
        Ok((Token::Oath(token), secret))
    }
}

fn secret(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = yubikey::from_hex(&text).or_else(|| {
        Secret::try_from_base32(text.to_ascii_uppercase().trim_end_matches('='))
            .ok()
            .map(|secret| secret.as_ref().to_vec())
    });
    bytes.map(Zeroizing::new).filter(|bytes| SECRET_BYTES.contains(&bytes.len()))
}
