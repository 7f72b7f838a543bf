//! Pushed authorization requests (RFC 9126): the client sends its request directly and gets a reference that
//! the browser carries once.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::authorize::{self, Refusal};
use super::client;
use super::dpop::{self, Holder};
use super::error::{ErrorCode, OAuthError};
use super::params::Params;
use super::request_object;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{AuthMethod, Config};
use crate::login::throttle::network;
use crate::secret::{Digest, Id, PushedToken, Token};
use crate::store::{ApplyError, Batch, Budget, Kind, Record};

/// RFC 9126 section 2.2.
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// How long a reference is good for.
const LIFETIME: Duration = Duration::from_secs(90);
/// Requests that one address may push while they live, where the client proves nothing: nothing else bounds what waits
/// in the store.
const ASKED: u64 = 60;
/// What proves the client is not part of the request.
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

const BAD_REFERENCE: OAuthError =
    OAuthError::invalid_request("request_uri is wrong, expired or used already; start again from the app");

/// A request that waits for its browser.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pushed {
    pub id: Id,
    pub secret: Digest,
    pub client_id: String,
    params: Params,
    pub expires_at: Timestamp,
}

impl Record for Pushed {
    const KIND: Kind = Kind::Pushed;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// The answer to a pushed request (RFC 9126 section 2.2).
#[derive(Debug, Serialize)]
pub struct Reference {
    pub request_uri: String,
    /// In seconds.
    pub expires_in: u64,
}

/// Checks a pushed request as if a browser had brought it, and keeps it (RFC 9126 section 2.1).
pub async fn push(
    app: &App,
    authorization: &[&str],
    dpop: &[&str],
    address: IpAddr,
    body: &[u8],
) -> Result<Reference, OAuthError> {
    let config = app.config();
    let params = Params::parse([body])?;
    params.each_once()?;
    if params.get("request_uri").is_some() {
        return Err(OAuthError::invalid_request("a pushed request has no request_uri"));
    }
    let client = client::authenticate(app, &config, authorization, &params).await?;
    let params = params.without(&CREDENTIALS).with("client_id", &client.client_id);
    let params = request_object::unwrap(app, &config, params).await?;
    let url = format!("{}/oauth2/par", config.issuer);
    let proof = dpop::proof(app, dpop, "POST", &url, None)?;
    let params = bound(params, proof.as_ref().map(|proof| &proof.holder))?;
    match authorize::check(&params, &config, &app.keys) {
        Ok(_) => {}
        Err(Refusal::Page(error) | Refusal::Answer { error, .. }) => return Err(error),
    }
    if client.auth == AuthMethod::None {
        let counter = format!("par/asked/{}", network(address));
        if app.store.spend(vec![Budget { counter, limit: ASKED, window: LIFETIME }]).await?.is_some() {
            return Err(OAuthError::new(
                ErrorCode::TemporarilyUnavailable,
                "too many requests are pushed from this address, please wait",
            ));
        }
    }
    if let Some(proof) = &proof {
        proof.used_up(app).await?;
    }
    let now = app.clock.now();
    let token = Token::<PushedToken>::generate(now);
    let pushed = Pushed {
        id: token.id(),
        secret: token.digest(),
        client_id: client.client_id.clone(),
        params,
        expires_at: now + LIFETIME,
    };
    app.store.apply(Batch::new().insert(&pushed)).await?;
    Ok(Reference { request_uri: format!("{PREFIX}{}", token.reveal()), expires_in: LIFETIME.as_secs() })
}

/// A proof beside the request binds the code to its key (RFC 9449 section 10.1).
fn bound(params: Params, holder: Option<&Holder>) -> Result<Params, OAuthError> {
    match (holder, params.get("dpop_jkt")) {
        (Some(Holder(jkt)), Some(named)) if jkt != named => {
            Err(OAuthError::invalid_request("dpop_jkt is not the key of the DPoP proof"))
        }
        (Some(Holder(jkt)), _) => Ok(params.with("dpop_jkt", jkt)),
        (None, _) => Ok(params),
    }
}

/// The request that `params` stand for: themselves, what is in their signed request, or what their `request_uri` refers to, which is gone
/// afterwards. Apps that must push may not do without (RFC 9126 section 5).
pub async fn resolve(app: &App, config: &Config, params: Params) -> Result<Params, OAuthError> {
    let client = params.get("client_id").and_then(|id| config.apps.get(id));
    let Some(reference) = params.get("request_uri").and_then(|uri| uri.strip_prefix(PREFIX)) else {
        return if client.is_some_and(|client| client.pushed_requests_only) {
            Err(OAuthError::invalid_request("this app must push its authorization requests"))
        } else {
            request_object::unwrap(app, config, params).await
        };
    };
    let client = client.ok_or(BAD_REFERENCE)?;
    let token = Token::<PushedToken>::parse(reference).ok_or(BAD_REFERENCE)?;
    let pushed = app.store.get::<Pushed>(&token.id().to_string()).await?;
    let pushed = pushed.filter(|pushed| token.proves(&pushed.secret) && pushed.client_id == client.client_id);
    let pushed = pushed.ok_or(BAD_REFERENCE)?;
    match app.store.apply(Batch::new().remove(&pushed)).await {
        Ok(_) => Ok(pushed.record.params),
        Err(ApplyError::Conflict(_)) => Err(BAD_REFERENCE),
        Err(error) => Err(error.into()),
    }
}
