//! Signed authorization requests (RFC 9101, `OpenID` Connect Core section 6.1), for apps that have keys.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::assertion::{Audience, LEEWAY, keys_of};
use super::error::{ErrorCode, OAuthError};
use super::params::Params;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::keys::JoseHeader;

/// RFC 9101 section 4.
const TYPE: &str = "oauth-authz-req+jwt";

const BAD_OBJECT: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequestObject,
    "the signed request is wrong, expired, or not from this client",
);

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    aud: Option<Audience>,
    #[serde(default)]
    exp: Option<i64>,
    #[serde(default)]
    nbf: Option<i64>,
    client_id: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// What `params` ask for: themselves, or what is in their signed request, and then nothing of what stands
/// beside it (RFC 9101 section 6.3). Apps without keys are left to the checks that follow, which say that
/// signed requests are not supported.
pub async fn unwrap(app: &App, config: &Config, params: Params) -> Result<Params, OAuthError> {
    let Some(client) = params.get("client_id").and_then(|id| config.apps.get(id)) else {
        return Ok(params);
    };
    if client.keys.is_none() {
        return Ok(params);
    }
    let Some(object) = params.get("request") else {
        return if client.signed_requests_only {
            Err(OAuthError::invalid_request("this app must sign its authorization requests"))
        } else {
            Ok(params)
        };
    };
    let header = JoseHeader::read(object).filter(|header| header.jwk.is_none()).ok_or(BAD_OBJECT)?;
    if header.typ.as_deref().is_some_and(|typ| typ != TYPE && typ != "JWT") {
        return Err(BAD_OBJECT);
    }
    let keys = keys_of(app, config, client, header.kid.as_deref()).await;
    let claims: Claims = keys.verify(&header, object).ok_or(BAD_OBJECT)?;
    let now = app.clock.now();
    let fits = claims.client_id == client.client_id
        && claims.iss.as_ref().is_none_or(|issuer| *issuer == client.client_id)
        && claims.aud.as_ref().is_none_or(|audience| audience.names(&[&config.issuer]))
        && claims.exp.is_none_or(|at| Timestamp::from_seconds(at) + LEEWAY > now)
        && claims.nbf.is_none_or(|at| Timestamp::from_seconds(at) <= now + LEEWAY)
        // Who relies on the signature says for whom it was made, and for how long (RFC 9101 section 10.2).
        && (!client.signed_requests_only || claims.aud.is_some() && claims.exp.is_some())
        && !claims.others.contains_key("request")
        && !claims.others.contains_key("request_uri");
    if !fits {
        return Err(BAD_OBJECT);
    }
    let inside = Params::default().with("client_id", &claims.client_id);
    Ok(claims.others.iter().fold(inside, |params, (name, value)| match value {
        Value::String(text) => params.with(name, text),
        Value::Null => params,
        other => params.with(name, &other.to_string()),
    }))
}
