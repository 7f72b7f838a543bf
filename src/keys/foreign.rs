//! JWTs that others signed: with keys of an app, with its secret, or with a key that the token itself shows.
//!
//! The algorithm follows from the key, never from the token (RFC 8725 section 3.1), and a key is taken from
//! where the caller says, never from where a header points.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longest token read, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// Longest key set read, in bytes, and most keys in it.
const MAX_SET: usize = 128 * 1024;
const MAX_KEYS: usize = 50;
/// RFC 7518 section 3.3 demands 2048 bits.
const LEAST_RSA_BYTES: usize = 256;

/// The algorithms that keys of others may sign with.
pub const ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

/// A JOSE header (RFC 7515 section 4.1), as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct JoseHeader {
    alg: String,
    #[serde(default)]
    pub typ: Option<String>,
    #[serde(default)]
    pub kid: Option<String>,
    /// The key that a proof shows (RFC 9449 section 4.2); nothing else may have one.
    #[serde(default)]
    pub jwk: Option<Value>,
    #[serde(default)]
    crit: Option<Value>,
    #[serde(default)]
    jku: Option<Value>,
    #[serde(default)]
    x5u: Option<Value>,
    #[serde(default)]
    x5c: Option<Value>,
    #[serde(default)]
    b64: Option<Value>,
}

impl JoseHeader {
    /// The header of a compact JWS; `None` for anything else, and for one that points to keys or demands what
    /// is not known here.
    #[must_use]
    pub fn read(token: &str) -> Option<Self> {
        if token.len() > MAX_TOKEN || token.bytes().filter(|byte| *byte == b'.').count() != 2 {
            return None;
        }
        let (head, _) = token.split_once('.')?;
        let header: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        let plain = [&header.crit, &header.jku, &header.x5u, &header.x5c, &header.b64]
            .iter()
            .all(|part| part.is_none());
        plain.then_some(header)
    }
}

/// The claims of a token whose signature nobody has checked.
#[must_use]
pub fn unverified<C: DeserializeOwned>(token: &str) -> Option<C> {
    JoseHeader::read(token)?;
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// A public key and the algorithms it is for.
#[derive(Clone)]
pub struct PublicKey {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
    thumbprint: String,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", self.thumbprint)
    }
}

impl PublicKey {
    /// Reads a JWK (RFC 7517) that signs: RSA of 2048 bits or more, P-256, Ed25519. `None` for any other, and
    /// for a private one.
    #[must_use]
    pub fn of(jwk: &Value) -> Option<Self> {
        if ["d", "p", "q", "k"].iter().any(|private| jwk.get(private).is_some()) {
            return None;
        }
        let jwk: Jwk = serde_json::from_value(jwk.clone()).ok()?;
        if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
            return None;
        }
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa)
                if URL_SAFE_NO_PAD.decode(&rsa.n).ok()?.len() >= LEAST_RSA_BYTES =>
            {
                vec![Algorithm::RS256, Algorithm::PS256]
            }
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
                vec![Algorithm::ES256]
            }
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                vec![Algorithm::EdDSA]
            }
            _ => return None,
        };
        if let Some(only) = jwk.common.key_algorithm {
            algorithms.retain(|algorithm| only.to_string() == format!("{algorithm:?}"));
        }
        Some(Self {
            kid: jwk.common.key_id.clone(),
            algorithms,
            decoding: DecodingKey::from_jwk(&jwk).ok()?,
            thumbprint: jwk.thumbprint(ThumbprintHash::SHA256).ok()?,
        })
    }

    /// RFC 7638, SHA-256, base64url.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The claims of `token`, if this key signed it. Times are the caller's.
    #[must_use]
    pub fn verify<C: DeserializeOwned>(&self, header: &JoseHeader, token: &str) -> Option<C> {
        let named = |algorithm: &&Algorithm| header.alg == format!("{algorithm:?}");
        claims(token, &self.decoding, *self.algorithms.iter().find(named)?)
    }
}

/// The keys of an app (RFC 7517 section 5).
#[derive(Debug, Clone, Default)]
pub struct PublicKeys(Vec<PublicKey>);

impl PublicKeys {
    /// Reads a key set; keys that cannot sign are passed over. `None` when it is none, or too long.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_SET {
            return None;
        }
        let set: Value = serde_json::from_slice(text).ok()?;
        let keys = set.get("keys")?.as_array()?;
        Some(Self(keys.iter().take(MAX_KEYS).filter_map(PublicKey::of).collect()))
    }

    /// Whether no key in it can sign.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is called `kid`.
    #[must_use]
    pub fn has(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// The claims of `token`, if one of them signed it: the one it names, or any when it names none.
    #[must_use]
    pub fn verify<C: DeserializeOwned>(&self, header: &JoseHeader, token: &str) -> Option<C> {
        let meant = |key: &&PublicKey| header.kid.is_none() || key.kid.is_none() || key.kid == header.kid;
        self.0.iter().filter(meant).find_map(|key| key.verify(header, token))
    }
}

/// The claims of `token`, if `secret` made its HMAC with SHA-256.
#[must_use]
pub fn verify_hs256<C: DeserializeOwned>(header: &JoseHeader, token: &str, secret: &[u8]) -> Option<C> {
    if header.alg != "HS256" {
        return None;
    }
    claims(token, &DecodingKey::from_secret(secret), Algorithm::HS256)
}

fn claims<C: DeserializeOwned>(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Option<C> {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    jsonwebtoken::decode(token, key, &validation).ok().map(|data| data.claims)
}
