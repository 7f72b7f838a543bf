//! Userinfo (`OpenID` Connect Core section 5.3): what an access token's app may know, fresh at every call.

use serde_json::{Map, Value};

use super::claims;
use super::error::{ErrorCode, OAuthError};
use super::grant;
use super::issue::AccessClaims;
use super::vocabulary::Scopes;
use crate::app::App;
use crate::config::Config;

const BAD_TOKEN: OAuthError =
    OAuthError::new(ErrorCode::InvalidToken, "the access token is wrong, expired or revoked");

/// Where a request carried its token (RFC 6750 section 2).
#[derive(Debug, Default)]
pub struct Carried<'a> {
    /// Every `Authorization` header.
    pub headers: Vec<&'a str>,
    pub body: Option<&'a str>,
    pub query: Option<&'a str>,
}

/// The claims for the app that `carried`'s token was issued to.
pub async fn answer(app: &App, carried: &Carried<'_>) -> Result<Map<String, Value>, OAuthError> {
    let config = app.config();
    let (token, in_query) = carried.token()?;
    let access = app.access_tokens.read(&app.keys, token).ok_or(BAD_TOKEN)?;
    let client = config.apps.get(&access.client_id).ok_or(BAD_TOKEN)?;
    if in_query && !client.userinfo_token_in_query {
        return Err(OAuthError::invalid_request("send the token in the Authorization header"));
    }
    reveal(app, &config, &access).await
}

/// The client a token was issued to, whether or not it still holds: browsers may read the refusal too.
#[must_use]
pub fn client_id(app: &App, carried: &Carried<'_>) -> Option<String> {
    let (token, _) = carried.token().ok()?;
    app.access_tokens.read(&app.keys, token).map(|access| access.client_id.clone())
}

async fn reveal(app: &App, config: &Config, access: &AccessClaims) -> Result<Map<String, Value>, OAuthError> {
    let (grant, user) = grant::behind(app, config, access).await?.ok_or(BAD_TOKEN)?;
    let client = config.apps.get(&grant.client_id).ok_or(BAD_TOKEN)?;
    let scopes = Scopes::parse(&access.scope).ok_or(BAD_TOKEN)?;
    if !scopes.has("openid") {
        return Err(OAuthError::new(ErrorCode::InsufficientScope, "the scope openid is needed here"));
    }
    let roles =
        if scopes.has("roles") { claims::roles(&app.store, &user).await? } else { user.roles.clone() };
    Ok(claims::for_userinfo(client, &user, &scopes, &roles))
}

impl<'a> Carried<'a> {
    /// The one token there is, and whether it came in the query.
    fn token(&self) -> Result<(&'a str, bool), OAuthError> {
        let bearer = match self.headers.as_slice() {
            [] => None,
            [header] => Some(bearer(header)?),
            _ => return Err(OAuthError::invalid_request("one Authorization header is enough")),
        };
        match (bearer, self.body, self.query) {
            (Some(token), None, None) | (None, Some(token), None) => Ok((token, false)),
            (None, None, Some(token)) => Ok((token, true)),
            (None, None, None) => {
                Err(OAuthError::new(ErrorCode::InvalidToken, "an access token is needed here"))
            }
            _ => Err(OAuthError::invalid_request("send the token once")),
        }
    }
}

fn bearer(header: &str) -> Result<&str, OAuthError> {
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().contains(' ') => {
            Ok(token.trim())
        }
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("bearer") => {
            Err(OAuthError::invalid_request("send the token once"))
        }
        _ => Err(OAuthError::new(ErrorCode::InvalidToken, "a Bearer token is needed here")),
    }
}
