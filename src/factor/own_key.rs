//! What a person may have several of: each has a name, and goes by itself.

use super::{Content, Factor, FactorKind, key};
use crate::account::User;
use crate::clock::Timestamp;
use crate::factor;
use crate::locale::plain;
use crate::secret::{Digest, Id};
use crate::store::{Batch, Store, StoreError, Stored};

/// Longest name, in characters.
pub const MAX_NAME: usize = 64;

/// One of them, as its owner and administrators see it.
#[derive(Debug, Clone)]
pub struct OwnKey {
    pub kind: FactorKind,
    /// What forms, commands and the log call it: nothing to sign in with, and short.
    pub id: Id,
    pub name: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// The id of what has this digest.
#[must_use]
pub fn reference(digest: &Digest) -> Id {
    digest.bytes().first_chunk().map_or(Id::from_bytes([0; 16]), |bytes| Id::from_bytes(*bytes))
}

/// A name as it is kept: trimmed, of one line in one direction, not too long. `None` when nothing is left.
#[must_use]
pub fn named(typed: &str) -> Option<String> {
    let name: String = plain(typed.trim()).chars().take(MAX_NAME).collect();
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// `wanted`, with a number where it is `taken` by one of so many.
#[must_use]
pub fn unused(wanted: String, known: usize, taken: impl Fn(&str) -> bool) -> String {
    if !taken(&wanted) {
        return wanted;
    }
    let numbered = |number| format!("{wanted} {number}");
    (2..=known + 1).map(numbered).find(|name| !taken(name)).unwrap_or(wanted)
}

/// All that `user` has, those of a kind in the order in which they were added.
pub async fn of_user(store: &Store, user: &User) -> Result<Vec<OwnKey>, StoreError> {
    let mut keys = Vec::new();
    for kind in user.factors.iter().filter(|kind| kind.is_several()) {
        if let Some(factor) = store.get::<Factor>(&key(user.id, *kind)).await? {
            keys.extend(factor.content.keys());
        }
    }
    Ok(keys)
}

/// Adds to `batch` that `user` has this one no more, and the others still, and that whatever began with it ends: with
/// the last one goes the factor, and what stood in for it. `None` when it is gone already.
#[must_use]
pub fn remove(
    batch: Batch,
    user: &mut Stored<User>,
    mut factor: Stored<Factor>,
    id: Id,
) -> Option<(OwnKey, Batch)> {
    let removed = factor.record.content.take(id)?;
    if factor.content.keys().is_empty() {
        return Some((removed, factor::remove(batch, user, factor.content.kind())));
    }
    user.record.trust += 1;
    user.record.epoch += 1;
    Some((removed, batch.update(user).update(&factor)))
}

impl Content {
    /// What there is several of, in the order in which it was added.
    #[must_use]
    pub fn keys(&self) -> Vec<OwnKey> {
        match self {
            Self::Passkeys { keys } => keys.iter().map(OwnKey::from).collect(),
            Self::HardwareTokens { tokens } => tokens.iter().map(OwnKey::from).collect(),
            Self::Yubikeys { keys } => keys.iter().map(OwnKey::from).collect(),
            Self::WebPush { browsers } => browsers.iter().map(OwnKey::from).collect(),
            _ => Vec::new(),
        }
    }

    /// Gives one another name; `false` when there is none such.
    pub fn rename(&mut self, id: Id, name: &str) -> bool {
        let renamed = match self {
            Self::Passkeys { keys } => {
                keys.iter_mut().find(|key| key.reference() == id).map(|key| &mut key.name)
            }
            Self::WebPush { browsers } => {
                browsers.iter_mut().find(|browser| browser.reference() == id).map(|browser| &mut browser.name)
            }
            _ => None,
        };
        renamed.map(|old| name.clone_into(old)).is_some()
    }

    fn take(&mut self, id: Id) -> Option<OwnKey> {
        let (at, taken) = self.keys().into_iter().enumerate().find(|(_, key)| key.id == id)?;
        match self {
            Self::Passkeys { keys } => drop(keys.remove(at)),
            Self::HardwareTokens { tokens } => drop(tokens.remove(at)),
            Self::Yubikeys { keys } => drop(keys.remove(at)),
            Self::WebPush { browsers } => drop(browsers.remove(at)),
            _ => return None,
        }
        Some(taken)
    }
}
