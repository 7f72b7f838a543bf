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
