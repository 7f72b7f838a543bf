//! Tokens that a client holds: whether one still counts (introspection, RFC 7662), and its end (revocation,
//! RFC 7009). A client learns of its own tokens only; all others are unknown to it.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::client;
use super::error::{ErrorCode, OAuthError};
use super::grant::{self, Grant};
use super::issue::{AccessClaims, Confirmation};
use super::params::Params;
use super::refresh::{self, Presented};
use super::subject;
use crate::app::App;
use crate::config::{self, ClientKind, Config};
use crate::secret::{RefreshToken, Token};
use crate::store::StoreError;

/// A token that was issued to the client that shows it.
enum Held {
    Access(Arc<AccessClaims>),
    Refresh { grant: Box<Grant>, presented: Presented },
}

/// Answers an introspection request (RFC 7662 section 2). `authorization` holds every such header.
pub async fn introspect(app: &App, authorization: &[&str], body: &[u8]) -> Result<Introspection, OAuthError> {
    let config = app.config();
    let (client, params) = asked(app, &config, authorization, body).await?;
    if client.kind == ClientKind::Public {
        return Err(OAuthError::new(ErrorCode::InvalidClient, "only an app with a secret may ask this"));
    }
    match held(app, client, token(&params)?).await? {
        Some(Held::Access(access)) => Ok(about_access(app, &config, client, access).await?),
        Some(Held::Refresh { grant, presented }) => {
            Ok(about_refresh(app, client, &config, &grant, &presented).await?)
        }
        None => Ok(Introspection::INACTIVE),
    }
}

/// Answers a revocation request (RFC 7009 section 2): ends the grant, and so all tokens that hang on it.
/// `authorization` holds every such header.
pub async fn revoke(app: &App, authorization: &[&str], body: &[u8]) -> Result<(), OAuthError> {
    let config = app.config();
    let (client, params) = asked(app, &config, authorization, body).await?;
    let grant = match held(app, client, token(&params)?).await? {
        Some(Held::Access(access)) => access.gid.ok_or(OAuthError::new(
            ErrorCode::UnsupportedTokenType,
            "a token of the app itself ends by its time only",
        ))?,
        Some(Held::Refresh { grant, .. }) => grant.id,
        None => return Ok(()),
    };
    grant::revoke(app, grant, "token_revoked").await
}

async fn asked<'a>(
    app: &App,
    config: &'a Config,
    authorization: &[&str],
    body: &[u8],
) -> Result<(&'a config::App, Params), OAuthError> {
    let params = Params::parse([body])?;
    params.each_once()?;
    let client = client::authenticate(app, config, authorization, &params).await?;
    Ok((client, params))
}

fn token(params: &Params) -> Result<&str, OAuthError> {
    params.get("token").ok_or(OAuthError::invalid_request("token is missing"))
}

/// Tells the kinds of tokens apart by themselves: `token_type_hint` is not needed.
async fn held(app: &App, client: &config::App, token: &str) -> Result<Option<Held>, StoreError> {
    if let Some(access) = app.access_tokens.read(&app.keys, token) {
        return Ok((access.client_id == client.client_id).then_some(Held::Access(access)));
    }
    let Some(token) = Token::<RefreshToken>::parse(token) else {
        return Ok(None);
    };
    let found = app.store.get::<Grant>(&token.id().to_string()).await?;
    let Some(grant) = found.map(|found| found.record).filter(|grant| grant.client_id == client.client_id)
    else {
        return Ok(None);
    };
    Ok(match refresh::recognise(app.keys.master(), &grant, &token, app.clock.now()) {
        Presented::Foreign => None,
        presented => Some(Held::Refresh { grant: Box::new(grant), presented }),
    })
}

async fn about_access(
    app: &App,
    config: &Config,
    client: &config::App,
    access: Arc<AccessClaims>,
) -> Result<Introspection, StoreError> {
    let holds = match access.gid {
        Some(_) => grant::behind(app, config, &access).await?.is_some(),
        None => access.is_in_time(config, app.clock.now()) && client.speaks_for_itself(),
    };
    Ok(if holds { Introspection::Access(access) } else { Introspection::INACTIVE })
}

async fn about_refresh(
    app: &App,
    client: &config::App,
    config: &Config,
    grant: &Grant,
    presented: &Presented,
) -> Result<Introspection, StoreError> {
    let usable = matches!(presented, Presented::Current | Presented::JustRotated);
    if !usable || grant::holder(app, config, grant).await?.is_none() {
        return Ok(Introspection::INACTIVE);
    }
    Ok(Introspection::Refresh {
        active: true,
        iss: config.issuer.clone(),
        sub: subject::of(app.keys.master(), client, grant.user),
        client_id: grant.client_id.clone(),
        scope: grant.scopes.to_text(),
        iat: grant.rotated_at.seconds(),
        exp: grant.expires_at.seconds(),
    })
}

/// What a client is told of a token (RFC 7662 section 2.2). Nothing says why one is inactive.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Introspection {
    Inactive {
        active: bool,
    },
    #[serde(serialize_with = "access_members")]
    Access(Arc<AccessClaims>),
    Refresh {
        active: bool,
        iss: String,
        sub: String,
        client_id: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        scope: String,
        iat: i64,
        exp: i64,
    },
}

impl Introspection {
    const INACTIVE: Self = Self::Inactive { active: false };
}

/// The claims themselves, without the grant.
fn access_members<S: Serializer>(access: &AccessClaims, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Members<'a> {
        active: bool,
        token_type: &'static str,
        iss: &'a str,
        sub: &'a str,
        aud: &'a str,
        client_id: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        scope: &'a str,
        iat: i64,
        exp: i64,
        jti: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cnf: Option<&'a Confirmation>,
    }
    let AccessClaims { iss, sub, aud, client_id, scope, jti, .. } = access;
    let (iat, exp, cnf) = (access.iat, access.exp, access.cnf.as_ref());
    let token_type = access.token_type();
    Members { active: true, token_type, iss, sub, aud, client_id, scope, iat, exp, jti, cnf }
        .serialize(serializer)
}
