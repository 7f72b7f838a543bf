//! Userinfo (`OpenID` Connect Core section 5.3): what an access token's app may know, fresh at every call.

use serde_json::{Map, Value};

use super::claims;
use super::dpop::{self, Holder};
use super::error::{ErrorCode, OAuthError};
use super::grant;
use super::issue::AccessClaims;
use super::subject;
use super::vocabulary::Scopes;
use crate::app::App;
use crate::config::Config;
use crate::keys::Typ;
use crate::keys::foreign::ALGORITHMS;

const BAD_TOKEN: OAuthError =
    OAuthError::new(ErrorCode::InvalidToken, "the access token is wrong, expired or revoked");

/// Where a request carried its token (RFC 6750 section 2).
#[derive(Debug, Default)]
pub struct Carried<'a> {
    /// Every `Authorization` header.
    pub headers: Vec<&'a str>,
    /// Every `DPoP` header.
    pub dpop: Vec<&'a str>,
    pub method: &'a str,
    pub body: Option<&'a str>,
    pub query: Option<&'a str>,
}

/// The claims for the app that `carried`'s token was issued to.
pub async fn answer(app: &App, carried: &Carried<'_>) -> Result<Answer, OAuthError> {
    let config = app.config();
    let Sent { token, scheme } = carried.token()?;
    let access = app.access_tokens.read(&app.keys, token).ok_or(BAD_TOKEN)?;
    let client = config.apps.get(&access.client_id).ok_or(BAD_TOKEN)?;
    if scheme == Scheme::Query && !client.userinfo_token_in_query {
        return Err(OAuthError::invalid_request("send the token in the Authorization header"));
    }
    let holder = match (scheme, &access.cnf) {
        (Scheme::Dpop, Some(_)) => {
            let holder = proved(app, &config, carried, token).await;
            holder.map_err(|error| match error.code {
                // Here it is the token that is worth nothing (RFC 9449 section 7.1).
                ErrorCode::InvalidDpopProof => OAuthError { code: ErrorCode::InvalidToken, ..error },
                _ => error,
            })?
        }
        (Scheme::Bearer | Scheme::Query, None) => None,
        // A bound token is worth nothing without the proof (RFC 9449 section 7.2), and others have none.
        (Scheme::Dpop, None) | (Scheme::Bearer | Scheme::Query, Some(_)) => return Err(BAD_TOKEN),
    };
    if access.cnf.as_ref().map(|cnf| &cnf.jkt) != holder.as_ref().map(|Holder(jkt)| jkt) {
        return Err(BAD_TOKEN);
    }
    let mut claims = reveal(app, &config, &access).await?;
    let Some(alg) = client.userinfo_alg else {
        return Ok(Answer::Plain(claims));
    };
    claims.insert("iss".to_owned(), config.issuer.clone().into());
    claims.insert("aud".to_owned(), client.client_id.clone().into());
    app.keys.sign(alg, Typ::Jwt, &claims).map(Answer::Signed).ok_or_else(OAuthError::server)
}

async fn proved(
    app: &App,
    config: &Config,
    carried: &Carried<'_>,
    token: &str,
) -> Result<Option<Holder>, OAuthError> {
    let url = format!("{}/oauth2/userinfo", config.issuer);
    match dpop::proof(app, &carried.dpop, carried.method, &url, Some(token))? {
        Some(proof) => proof.used_up(app).await.cloned().map(Some),
        None => Ok(None),
    }
}

/// What the app gets.
#[derive(Debug)]
pub enum Answer {
    Plain(Map<String, Value>),
    /// A JWT, for apps that want one (section 5.3.2).
    Signed(String),
}

/// The client a token was issued to, whether or not it still holds: browsers may read the refusal too.
#[must_use]
pub fn client_id(app: &App, carried: &Carried<'_>) -> Option<String> {
    let Sent { token, .. } = carried.token().ok()?;
    app.access_tokens.read(&app.keys, token).map(|access| access.client_id.clone())
}

async fn reveal(app: &App, config: &Config, access: &AccessClaims) -> Result<Map<String, Value>, OAuthError> {
    let (grant, user) = grant::behind(app, config, access).await?.ok_or(BAD_TOKEN)?;
    let client = config.apps.get(&grant.client_id).ok_or(BAD_TOKEN)?;
    if access.aud != config.issuer {
        return Err(BAD_TOKEN);
    }
    let scopes = Scopes::parse(&access.scope).ok_or(BAD_TOKEN)?;
    if !scopes.has("openid") {
        return Err(OAuthError::new(ErrorCode::InsufficientScope, "the scope openid is needed here"));
    }
    let asked = grant.claims.of_userinfo(&scopes);
    let roles =
        if asked.opens("roles") { claims::roles(&app.store, &user).await? } else { user.roles.clone() };
    let subject = subject::of(app.keys.master(), client, user.id);
    Ok(claims::told(client, &subject, &user, asked, &roles))
}

/// The challenge of a refusal (RFC 6750 section 3, RFC 9449 section 7.1): the error stands with the scheme that was
/// tried, and nowhere when there was no token at all.
#[must_use]
pub fn challenge(carried: &Carried<'_>, error: &OAuthError) -> String {
    let why = format!("error=\"{}\", error_description=\"{}\"", error.code.as_str(), error.description);
    let algorithms = format!("algs=\"{}\"", ALGORITHMS.join(" "));
    let bare = carried.headers.is_empty() && carried.body.is_none() && carried.query.is_none();
    let scheme = carried.token().map(|sent| sent.scheme);
    match scheme {
        _ if bare => format!("Bearer realm=\"gantry\", DPoP {algorithms}"),
        Ok(Scheme::Dpop) => format!("Bearer realm=\"gantry\", DPoP {why}, {algorithms}"),
        _ => format!("Bearer {why}, DPoP {algorithms}"),
    }
}

struct Sent<'a> {
    token: &'a str,
    scheme: Scheme,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Bearer,
    Dpop,
    Query,
}

impl<'a> Carried<'a> {
    /// The one token there is.
    fn token(&self) -> Result<Sent<'a>, OAuthError> {
        let in_header = match self.headers.as_slice() {
            [] => None,
            [header] => Some(authorization(header)?),
            _ => return Err(OAuthError::invalid_request("one Authorization header is enough")),
        };
        match (in_header, self.body, self.query) {
            (Some(sent), None, None) => Ok(sent),
            (None, Some(token), None) => Ok(Sent { token, scheme: Scheme::Bearer }),
            (None, None, Some(token)) => Ok(Sent { token, scheme: Scheme::Query }),
            (None, None, None) => {
                Err(OAuthError::new(ErrorCode::InvalidToken, "an access token is needed here"))
            }
            _ => Err(OAuthError::invalid_request("send the token once")),
        }
    }
}

fn authorization(header: &str) -> Result<Sent<'_>, OAuthError> {
    let (name, token) = header.split_once(' ').unwrap_or((header, ""));
    let scheme = if name.eq_ignore_ascii_case("bearer") {
        Scheme::Bearer
    } else if name.eq_ignore_ascii_case("dpop") {
        Scheme::Dpop
    } else {
        return Err(OAuthError::new(ErrorCode::InvalidToken, "a Bearer or DPoP token is needed here"));
    };
    if token.trim().contains(' ') {
        return Err(OAuthError::invalid_request("send the token once"));
    }
    Ok(Sent { token: token.trim(), scheme })
}
