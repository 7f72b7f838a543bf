//! Consent: what a person has allowed an app to see, remembered.

use serde::{Deserialize, Serialize};

use super::vocabulary::Scopes;
use crate::clock::Timestamp;
use crate::secret::Id;
use crate::store::{Batch, Expect, Kind, Record, Store, StoreError};

/// One person's consent to one app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Consent {
    pub user: Id,
    pub client_id: String,
    pub scopes: Scopes,
    pub given_at: Timestamp,
}

impl Record for Consent {
    const KIND: Kind = Kind::Consent;

    fn id(&self) -> String {
        key(self.user, &self.client_id)
    }
}

fn key(user: Id, client_id: &str) -> String {
    format!("{user}/{client_id}")
}

/// Whether `user` has allowed `client_id` all of `scopes` before.
pub async fn covers(store: &Store, user: Id, client_id: &str, scopes: &Scopes) -> Result<bool, StoreError> {
    let known = store.view::<Consent>(&key(user, client_id)).await?;
    Ok(known.is_some_and(|consent| scopes.is_subset(&consent.scopes)))
}

/// Forgets what `user` allowed `client_id`.
pub fn forget(batch: Batch, user: Id, client_id: &str) -> Batch {
    batch.delete::<Consent>(key(user, client_id), Expect::Any)
}

/// Adds to `batch` that `user` allowed `scopes` now, beside what was allowed before: what another page is told at the
/// same time is not lost.
pub async fn give(
    store: &Store,
    batch: Batch,
    now: Timestamp,
    (user, client_id): (Id, &str),
    scopes: &Scopes,
) -> Result<Batch, StoreError> {
    Ok(match store.get::<Consent>(&key(user, client_id)).await? {
        Some(mut known) => {
            known.record.scopes = known.scopes.union(scopes);
            known.record.given_at = now;
            batch.update(&known)
        }
        None => batch.insert(&Consent {
            user,
            client_id: client_id.to_owned(),
            scopes: scopes.clone(),
            given_at: now,
        }),
    })
}
