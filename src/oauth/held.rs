//! Tokens that a client holds: whether one still counts (introspection, RFC 7662), and its end (revocation,
//! RFC 7009). A client learns of its own tokens only; all others are unknown to it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::client;
use super::error::{ErrorCode, OAuthError};
use super::grant::{self, Grant};
use super::issue::AccessClaims;
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
pub async fn introspect(app: &App, authorization: &[&str], body: &[u8]) -> Result<Value, OAuthError> {
    let config = app.config();
    let (client, params) = asked(app, &config, authorization, body).await?;
    if client.kind == ClientKind::Public {
        return Err(OAuthError::new(ErrorCode::InvalidClient, "only an app with a secret may ask this"));
    }
    let about = match held(app, client, token(&params)?).await? {
        Some(Held::Access(access)) => about_access(app, &config, client, &access).await?,
        Some(Held::Refresh { grant, presented }) => {
            about_refresh(app, client, &config, &grant, &presented).await?
        }
        None => None,
    };
    // Nothing says why (RFC 7662 section 2.2).
    Ok(about.unwrap_or_else(|| json!({ "active": false })))
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
    access: &AccessClaims,
) -> Result<Option<Value>, StoreError> {
    let holds = match access.gid {
        Some(_) => grant::behind(app, config, access).await?.is_some(),
        None => access.is_in_time(config, app.clock.now()) && client.speaks_for_itself(),
    };
    Ok(holds.then(|| {
        let mut about = json!({
            "active": true,
            "token_type": access.token_type(),
            "iss": access.iss,
            "sub": access.sub,
            "aud": access.aud,
            "client_id": access.client_id,
            "scope": access.scope,
            "iat": access.iat,
            "exp": access.exp,
            "jti": access.jti,
        });
        if let (Some(cnf), Some(members)) = (&access.cnf, about.as_object_mut()) {
            members.insert("cnf".to_owned(), json!(cnf));
        }
        about
    }))
}

async fn about_refresh(
    app: &App,
    client: &config::App,
    config: &Config,
    grant: &Grant,
    presented: &Presented,
) -> Result<Option<Value>, StoreError> {
    let usable = matches!(presented, Presented::Current | Presented::JustRotated);
    if !usable || grant::holder(app, config, grant).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(json!({
        "active": true,
        "iss": config.issuer,
        "sub": subject::of(app.keys.master(), client, grant.user),
        "client_id": grant.client_id,
        "scope": grant.scopes.to_text(),
        "iat": grant.rotated_at.seconds(),
        "exp": grant.expires_at.seconds(),
    })))
}
