//! JWTs as a relying party sees them, and as an attacker would forge them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

/// The part at `index`, decoded.
fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
}

pub(crate) fn header(token: &str) -> Value {
    part(token, 0)
}

pub(crate) fn payload(token: &str) -> Value {
    part(token, 1)
}

/// The claims of `token`, when a key of `jwks` signed it. Times are left to the tests.
pub(crate) fn verified(token: &str, jwks: &str, audience: &str) -> Result<Value, String> {
    let set: JwkSet = serde_json::from_str(jwks).expect("JWKS");
    let header = jsonwebtoken::decode_header(token).map_err(|error| error.to_string())?;
    let key = set.find(header.kid.as_deref().unwrap_or_default()).ok_or("no such key")?;
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.set_audience(&[audience]);
    let key = DecodingKey::from_jwk(key).map_err(|error| error.to_string())?;
    jsonwebtoken::decode::<Value>(token, &key, &validation)
        .map(|data| data.claims)
        .map_err(|error| error.to_string())
}

/// `token` with `alg: none` and no signature.
pub(crate) fn unsigned(token: &str) -> String {
    let mut head = header(token);
    head["alg"] = json!("none");
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", encode(&head), encode(&payload(token)))
}

/// `token`'s header and claims under HS256, with `key` as the secret (RFC 8725 section 2.1).
pub(crate) fn under_hs256(token: &str, key: &[u8]) -> String {
    let mut head = Header::new(Algorithm::HS256);
    head.kid = header(token)["kid"].as_str().map(str::to_owned);
    head.typ = header(token)["typ"].as_str().map(str::to_owned);
    jsonwebtoken::encode(&head, &payload(token), &EncodingKey::from_secret(key)).expect("signed")
}

/// A key pair of an app, with the JWK that it publishes.
#[derive(Clone)]
pub(crate) struct AppKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) public: Value,
    pub(crate) private_pem: String,
}

impl AppKey {
    /// P-256, called `kid`.
    pub(crate) fn p256(kid: &str) -> Self {
        let pair = rcgen::KeyPair::generate().expect("a key");
        let (x, y) = pair.public_key_raw()[1..].split_at(32);
        let public = json!({
            "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        });
        Self { algorithm: Algorithm::ES256, public, private_pem: pair.serialize_pem() }
    }

    /// Ed25519, called `kid`.
    pub(crate) fn ed25519(kid: &str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
        let x = URL_SAFE_NO_PAD.encode(pair.public_key_raw());
        let public = json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x });
        Self { algorithm: Algorithm::EdDSA, public, private_pem: pair.serialize_pem() }
    }

    /// The set that an app publishes.
    pub(crate) fn set(keys: &[&Self]) -> String {
        let keys: Vec<&Value> = keys.iter().map(|key| &key.public).collect();
        json!({ "keys": keys }).to_string()
    }

    /// RFC 7638, for these two kinds.
    pub(crate) fn thumbprint(&self) -> String {
        let names: &[&str] =
            if self.algorithm == Algorithm::ES256 { &["crv", "kty", "x", "y"] } else { &["crv", "kty", "x"] };
        let members: Vec<String> =
            names.iter().map(|name| format!("\"{name}\":{}", self.public[name])).collect();
        let text = format!("{{{}}}", members.join(","));
        URL_SAFE_NO_PAD.encode(gantry::secret::Digest::of(text.as_bytes()).bytes())
    }

    /// A JWT with these header members, besides `alg`, and claims.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let mut head = header.clone();
        if head.get("alg").is_none() {
            head["alg"] = json!(format!("{:?}", self.algorithm));
        }
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&head), encode(claims));
        let key = match self.algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(self.private_pem.as_bytes()),
            _ => EncodingKey::from_ed_pem(self.private_pem.as_bytes()),
        };
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.expect("a key"), self.algorithm);
        format!("{message}.{}", signature.expect("a signature"))
    }
}

/// A JWT under HS256 with `secret`.
pub(crate) fn hs256(claims: &Value, secret: &[u8]) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret))
        .expect("signed")
}
