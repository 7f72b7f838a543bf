//! Signing keys: one active key an algorithm, older ones published until what they signed has died.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{MasterKey, SealedBytes, UnsealError};
use crate::clock::{Clock, Timestamp};
use crate::config::Alg;
use crate::secret::Digest;
use crate::store::{ApplyError, Batch, Kind, Record, Store, StoreError, Stored};

/// Why keys could not be loaded or rotated.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    #[error("the signing key {kid} in the store cannot be parsed")]
    Malformed { kid: String },
    #[error("a signing key could not be generated")]
    Generate,
}

/// A signing key at rest.
#[derive(Clone, Serialize, Deserialize)]
pub struct SigningKey {
    pub kid: String,
    pub alg: Alg,
    sealed: SealedBytes,
    pub created_at: Timestamp,
    /// Set when a successor took over; published until then.
    pub retires_at: Option<Timestamp>,
}

impl Record for SigningKey {
    const KIND: Kind = Kind::SigningKey;

    fn id(&self) -> String {
        self.kid.clone()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        self.retires_at
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    Active,
    Published,
}

/// What an administrator sees of a key.
#[derive(Debug, Clone, Serialize)]
pub struct KeyInfo {
    pub kid: String,
    pub alg: Alg,
    pub state: KeyState,
    pub created_at: Timestamp,
    pub retires_at: Option<Timestamp>,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

struct Parsed {
    record: SigningKey,
    pair: Pair,
    public: Value,
    decoding: DecodingKey,
    /// The encoded JOSE header for each [`Typ`], in its order.
    headers: [String; 3],
}

/// What a JWT is, in its `typ` header (RFC 9068 section 2.1 keeps access tokens apart from ID tokens).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typ {
    Jwt,
    AccessToken,
    /// Back-Channel Logout 1.0 section 2.4.
    Logout,
}

impl Typ {
    /// The header's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "JWT",
            Self::AccessToken => "at+jwt",
            Self::Logout => "logout+jwt",
        }
    }
}

struct Ring {
    keys: Vec<Parsed>,
    jwks: Arc<str>,
}

/// The parsed key ring and the master key it is sealed with.
pub struct Keys {
    master: MasterKey,
    ring: ArcSwap<Ring>,
}

const ALL: [Alg; 3] = [Alg::Rs256, Alg::Es256, Alg::EdDsa];

impl Keys {
    /// Loads the ring; algorithms without an active key get one.
    pub async fn load(master: MasterKey, store: &Store, clock: &Clock) -> Result<Self, KeyError> {
        let keys =
            Self { master, ring: ArcSwap::from_pointee(Ring { keys: Vec::new(), jwks: Arc::from("") }) };
        keys.reload(store).await?;
        for alg in ALL {
            if keys.ring.load().active(alg).is_none() {
                let record = keys.generate(alg, clock.now())?;
                store.apply(Batch::new().insert(&record)).await?;
            }
        }
        keys.reload(store).await?;
        Ok(keys)
    }

    /// Reads the ring again, after another node or a command has changed it.
    pub async fn reload(&self, store: &Store) -> Result<(), KeyError> {
        let records = records(store).await?;
        let keys =
            records.into_iter().map(|stored| self.parse(stored.record)).collect::<Result<Vec<_>, _>>()?;
        let public: Vec<&Value> = keys.iter().map(|key| &key.public).collect();
        let jwks = json!({ "keys": public }).to_string().into();
        self.ring.store(Arc::new(Ring { keys, jwks }));
        Ok(())
    }

    /// Makes a new active key for each algorithm, or for `only`; the old ones stay published for `overlap`,
    /// which must be longer than any token they signed lives.
    pub async fn rotate(
        &self,
        store: &Store,
        now: Timestamp,
        only: Option<Alg>,
        overlap: Duration,
    ) -> Result<Vec<KeyInfo>, KeyError> {
        for alg in ALL.into_iter().filter(|alg| only.is_none_or(|only| only == *alg)) {
            let successor = self.generate(alg, now)?;
            let mut batch = Batch::new().insert(&successor);
            for mut old in active_records(store, alg).await? {
                old.record.retires_at = Some(now + overlap);
                batch = batch.update(&old);
            }
            store.apply(batch).await?;
        }
        self.reload(store).await?;
        Ok(self.list())
    }

    /// All published keys.
    #[must_use]
    pub fn list(&self) -> Vec<KeyInfo> {
        let info = |key: &Parsed| KeyInfo {
            kid: key.record.kid.clone(),
            alg: key.record.alg,
            state: if key.record.retires_at.is_some() { KeyState::Published } else { KeyState::Active },
            created_at: key.record.created_at,
            retires_at: key.record.retires_at,
        };
        self.ring.load().keys.iter().map(info).collect()
    }

    /// When the oldest active key was made.
    #[must_use]
    pub fn oldest_active(&self) -> Option<Timestamp> {
        let ring = self.ring.load();
        ring.keys.iter().filter(|key| key.record.retires_at.is_none()).map(|key| key.record.created_at).min()
    }

    /// The JSON Web Key Set (RFC 7517 section 5): public members only.
    #[must_use]
    pub fn jwks(&self) -> Arc<str> {
        Arc::clone(&self.ring.load().jwks)
    }

    /// A signed JWT (RFC 7515 section 7.1) over `claims`, or `None` when signing fails.
    #[must_use]
    pub fn sign<C: Serialize>(&self, alg: Alg, typ: Typ, claims: &C) -> Option<String> {
        let ring = self.ring.load();
        let key = ring.active(alg)?;
        let header = match typ {
            Typ::Jwt => &key.headers[0],
            Typ::AccessToken => &key.headers[1],
            Typ::Logout => &key.headers[2],
        };
        let mut token = String::with_capacity(1024);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).ok()?, &mut token);
        let signature = key.pair.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Some(token)
    }

    /// The claims of a JWT that one of our published keys signed as `typ`. Times are not checked here.
    #[must_use]
    pub fn verify<C: serde::de::DeserializeOwned>(&self, typ: Typ, token: &str) -> Option<C> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.typ.as_deref() != Some(typ.as_str()) {
            return None;
        }
        let ring = self.ring.load();
        let key = ring.keys.iter().find(|key| Some(&key.record.kid) == header.kid.as_ref())?;
        // The algorithm belongs to the key, never to the header (RFC 8725 section 3.1).
        let mut validation = jsonwebtoken::Validation::new(key.record.alg.jose());
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode(token, &key.decoding, &validation).ok().map(|data| data.claims)
    }

    /// The master key, to seal other things with.
    #[must_use]
    pub const fn master(&self) -> &MasterKey {
        &self.master
    }

    fn generate(&self, alg: Alg, now: Timestamp) -> Result<SigningKey, KeyError> {
        let (pkcs8, public) = generate_pkcs8(alg).ok_or(KeyError::Generate)?;
        let kid = URL_SAFE_NO_PAD.encode(&Digest::of(&public).bytes()[..12]);
        let sealed = self.master.seal(&sealed_name(&kid), &pkcs8);
        Ok(SigningKey { kid, alg, sealed, created_at: now, retires_at: None })
    }

    fn parse(&self, record: SigningKey) -> Result<Parsed, KeyError> {
        let pkcs8 = self.master.open(&sealed_name(&record.kid), &record.sealed)?;
        let malformed = || KeyError::Malformed { kid: record.kid.clone() };
        let pair = Pair::parse(record.alg, &pkcs8).ok_or_else(malformed)?;
        let public = pair.public_jwk(&record).ok_or_else(malformed)?;
        let jwk: Jwk = serde_json::from_value(public.clone()).map_err(|_| malformed())?;
        let decoding = DecodingKey::from_jwk(&jwk).map_err(|_| malformed())?;
        let header = |typ: Typ| {
            let header = json!({ "alg": record.alg, "kid": record.kid, "typ": typ.as_str() });
            URL_SAFE_NO_PAD.encode(header.to_string())
        };
        let headers = [header(Typ::Jwt), header(Typ::AccessToken), header(Typ::Logout)];
        Ok(Parsed { record, pair, public, decoding, headers })
    }
}

impl Ring {
    /// The newest key that has not been replaced.
    fn active(&self, alg: Alg) -> Option<&Parsed> {
        let active = self.keys.iter().filter(|key| key.record.alg == alg && key.record.retires_at.is_none());
        active.max_by_key(|key| key.record.created_at)
    }
}

impl Alg {
    /// The same algorithm in jsonwebtoken's vocabulary.
    #[must_use]
    pub const fn jose(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

impl Pair {
    fn parse(alg: Alg, pkcs8: &[u8]) -> Option<Self> {
        match alg {
            Alg::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).ok().map(Self::Rsa),
            Alg::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok().map(Self::P256)
            }
            Alg::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(Self::Ed25519),
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut out).ok()?;
                Some(out)
            }
            Self::P256(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.try_sign(message).ok()?.as_ref().to_vec()),
        }
    }

    /// RFC 7518 section 6, RFC 8037 section 2.
    fn public_jwk(&self, record: &SigningKey) -> Option<Value> {
        let mut jwk = match self {
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
                let modulus = part(public.modulus().big_endian_without_leading_zero());
                let exponent = part(public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "n": modulus, "e": exponent })
            }
            Self::P256(pair) => {
                let (x, y) = pair.public_key().as_ref().get(1..65)?.split_at_checked(32)?;
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
            }
            Self::Ed25519(pair) => {
                let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
            }
        };
        let common = jwk.as_object_mut()?;
        common.insert("kid".to_owned(), json!(record.kid));
        common.insert("use".to_owned(), json!("sig"));
        common.insert("alg".to_owned(), json!(record.alg));
        Some(jwk)
    }
}

/// However many there are: without the last one nothing could be signed.
async fn records(store: &Store) -> Result<Vec<Stored<SigningKey>>, StoreError> {
    store.scan(None, usize::MAX).await
}

async fn active_records(store: &Store, alg: Alg) -> Result<Vec<Stored<SigningKey>>, StoreError> {
    let mut records = records(store).await?;
    records.retain(|key| key.alg == alg && key.retires_at.is_none());
    Ok(records)
}

fn sealed_name(kid: &str) -> String {
    format!("signing key {kid}")
}

/// A fresh key as PKCS #8 with its public key's encoding.
fn generate_pkcs8(alg: Alg) -> Option<(Zeroizing<Vec<u8>>, Vec<u8>)> {
    match alg {
        Alg::Rs256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
            let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).ok()?;
            Some((Zeroizing::new(der.as_ref().to_vec()), pair.public_key().as_ref().to_vec()))
        }
        Alg::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
            let document = pair.to_pkcs8v1().ok()?;
            Some((Zeroizing::new(document.as_ref().to_vec()), pair.public_key().as_ref().to_vec()))
        }
        Alg::EdDsa => {
            let pair = Ed25519KeyPair::generate().ok()?;
            let document = pair.to_pkcs8().ok()?;
            Some((Zeroizing::new(document.as_ref().to_vec()), pair.public_key().as_ref().to_vec()))
        }
    }
}
