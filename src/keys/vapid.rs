//! The key by which push services know this installation (VAPID, RFC 8292). It never changes: browsers bind
//! what they register to it.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{KeyError, MasterKey, SealedBytes};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::store::{ApplyError, Batch, Kind, Record, Store};

/// RFC 8292 section 2: a day at most.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);
const NAME: &str = "vapid";

/// The key at rest.
#[derive(Serialize, Deserialize)]
struct SealedKey {
    sealed: SealedBytes,
}

impl Record for SealedKey {
    const KIND: Kind = Kind::PushKey;

    fn id(&self) -> String {
        NAME.to_owned()
    }
}

/// The key, parsed.
pub struct VapidKey(EcdsaKeyPair);

impl VapidKey {
    /// The one of this store; made when it is first asked for.
    pub async fn load(store: &Store, master: &MasterKey) -> Result<Self, KeyError> {
        if let Some(found) = store.get::<SealedKey>(NAME).await? {
            return Self::open(master, &found);
        }
        let fresh = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok();
        let fresh = fresh.and_then(|pair| pair.to_pkcs8v1().ok()).ok_or(KeyError::Generate)?;
        let sealed = SealedKey { sealed: master.seal(NAME, fresh.as_ref()) };
        match store.apply(Batch::new().insert(&sealed)).await {
            Ok(_) => Self::open(master, &sealed),
            // Another node was faster.
            Err(ApplyError::Conflict(_)) => match store.get::<SealedKey>(NAME).await? {
                Some(found) => Self::open(master, &found),
                None => Err(KeyError::Generate),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn open(master: &MasterKey, key: &SealedKey) -> Result<Self, KeyError> {
        let pkcs8 = master.open(NAME, &key.sealed)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8);
        pair.map(Self).map_err(|_| KeyError::Malformed { kid: NAME.to_owned() })
    }

    /// The public half, as browsers and push services want it: an uncompressed point in base64url.
    #[must_use]
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref())
    }

    /// The value of `Authorization` for the push service at `origin` (RFC 8292 sections 2 and 3). `contact` is where
    /// its operators reach us.
    pub fn authorization(&self, origin: &str, contact: &str, now: Timestamp) -> Result<Secret, KeyError> {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ES256"}"#);
        let claims = json!({ "aud": origin, "exp": (now + LIFETIME).seconds(), "sub": contact });
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature =
            self.0.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| KeyError::Generate)?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Ok(Secret::new(format!("vapid t={signed}.{signature}, k={}", self.public())))
    }
}
