//! Tokens made: access tokens (RFC 9068) and ID tokens (`OpenID` Connect Core section 2).

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::claims;
use super::dpop::Holder;
use super::error::OAuthError;
use super::grant::Grant;
use super::subject;
use super::vocabulary::ACR_VALUES;
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{self, Alg, Config};
use crate::keys::{Keys, Typ};
use crate::secret::{Digest, Id, random_text};

/// Access tokens are checked by us at every use and by resource servers: small and quick.
const ACCESS_TOKEN_ALG: Alg = Alg::Es256;

/// The claims of an access token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccessClaims {
    pub iss: String,
    /// The person, or the client itself (RFC 9068 section 2.2).
    pub sub: String,
    pub aud: String,
    pub client_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    /// The grant it hangs on: looked up at every use, so revocation works at once.
    /// `None`: a client's own token, which hangs on nothing but its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<Id>,
    /// Only the holder of this key may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// RFC 9449 section 6.1.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Confirmation {
    /// The thumbprint of the key (RFC 7638).
    pub jkt: String,
}

impl AccessClaims {
    /// Those of a token of the client's own, without scopes.
    fn of_client(config: &Config, client: &config::App, now: Timestamp) -> Self {
        Self {
            iss: config.issuer.clone(),
            sub: client.client_id.clone(),
            aud: config.issuer.clone(),
            client_id: client.client_id.clone(),
            scope: String::new(),
            iat: now.seconds(),
            exp: (now + client.lifetimes.access_token).seconds(),
            jti: random_text::<12>(),
            gid: None,
            cnf: None,
        }
    }

    /// RFC 9449 section 5.
    #[must_use]
    pub const fn token_type(&self) -> &'static str {
        token_type(self.cnf.is_some())
    }

    fn bound_to(self, holder: Option<&Holder>) -> Self {
        Self { cnf: holder.map(|Holder(jkt)| Confirmation { jkt: jkt.clone() }), ..self }
    }

    fn sign(&self, app: &App) -> Result<String, OAuthError> {
        app.keys.sign(ACCESS_TOKEN_ALG, Typ::AccessToken, self).ok_or_else(OAuthError::server)
    }

    /// Whether it was made here and its time has not passed.
    #[must_use]
    pub fn is_in_time(&self, config: &Config, now: Timestamp) -> bool {
        now.seconds() < self.exp && self.iss == config.issuer
    }
}

/// What a token answer calls a token that is bound to a key, or not.
#[must_use]
pub const fn token_type(bound: bool) -> &'static str {
    if bound { "DPoP" } else { "Bearer" }
}

/// The part of an ID token that makes it a hint.
#[derive(Debug, Clone, Deserialize)]
pub struct IdTokenHint {
    pub iss: String,
    pub sub: String,
    #[serde(default)]
    pub aud: String,
}

/// The answer of the token endpoint (RFC 6749 section 5.1, `OpenID` Connect Core section 3.1.3.3).
#[derive(Debug, Serialize)]
pub struct TokenAnswer {
    pub access_token: String,
    pub token_type: &'static str,
    /// In seconds.
    pub expires_in: u64,
    /// There is no empty list of scopes (RFC 6749 section 3.3).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

/// What the tokens are made for.
pub struct Issue<'a> {
    pub config: &'a Config,
    pub client: &'a config::App,
    pub grant: &'a Grant,
    pub user: &'a User,
    /// The scopes of this answer: the grant's, or fewer.
    pub scope: String,
    pub nonce: Option<&'a str>,
    /// Whose key the access token is bound to.
    pub holder: Option<&'a Holder>,
    pub now: Timestamp,
}

impl Issue<'_> {
    fn subject(&self, app: &App) -> String {
        subject::of(app.keys.master(), self.client, self.user.id)
    }

    /// An access token of `Lifetimes::access_token`.
    pub fn access_token(&self, app: &App) -> Result<String, OAuthError> {
        let claims = AccessClaims {
            sub: self.subject(app),
            aud: self.grant.resource.clone().unwrap_or_else(|| self.config.issuer.clone()),
            scope: self.scope.clone(),
            gid: Some(self.grant.id),
            ..AccessClaims::of_client(self.config, self.client, self.now)
        };
        claims.bound_to(self.holder).sign(app)
    }

    /// The ID token, when the grant is for `openid`.
    pub async fn id_token(&self, app: &App, beside: Beside<'_>) -> Result<Option<String>, OAuthError> {
        if !self.grant.scopes.has("openid") {
            return Ok(None);
        }
        let claims = self.id_token_claims(app, beside).await?;
        let token = app.keys.sign(self.client.id_token_alg, Typ::Jwt, &claims);
        token.map(Some).ok_or_else(OAuthError::server)
    }

    /// What was reached, or less where the app demands just that (`OpenID` Connect Core section 5.5.1.1).
    fn acr(&self) -> &'static str {
        let reached = self.grant.authentication.acr();
        let [least, _] = ACR_VALUES;
        match self.grant.claims.demanded_acr() {
            Some(values) if !values.contains(&reached) && values.contains(&least) => least,
            _ => reached,
        }
    }

    /// The claims of the ID token.
    pub async fn id_token_claims(
        &self,
        app: &App,
        beside: Beside<'_>,
    ) -> Result<Map<String, Value>, OAuthError> {
        let subject = self.subject(app);
        let asked = self.grant.claims.of_id_token(&self.grant.scopes);
        // Without an access token there is no userinfo to ask (OpenID Connect Core section 5.4).
        let everything = matches!(beside, Beside::Nothing) || self.client.claims_in_id_token;
        let mut token = Map::new();
        if everything || self.grant.claims.wants_id_token() {
            let roles = claims::roles(&app.store, self.user).await?;
            token = claims::told(self.client, &subject, self.user, asked, &roles);
        }
        if !everything {
            token = claims::by_name(token, asked);
        }
        let authentication = &self.grant.authentication;
        let fixed = json!({
            "iss": self.config.issuer,
            "sub": subject,
            "aud": self.client.client_id,
            "iat": self.now.seconds(),
            "exp": (self.now + self.client.lifetimes.id_token).seconds(),
            "auth_time": authentication.at.seconds(),
            "acr": self.acr(),
            "amr": authentication.methods,
        });
        if let Value::Object(fixed) = fixed {
            token.extend(fixed);
        }
        let alg = self.client.id_token_alg;
        let (access_token, code) = beside.parts();
        token.extend(access_token.map(|text| ("at_hash".to_owned(), json!(half_hash(alg, text)))));
        token.extend(code.map(|text| ("c_hash".to_owned(), json!(half_hash(alg, text)))));
        token.extend(self.nonce.map(|nonce| ("nonce".to_owned(), json!(nonce))));
        let session = self.grant.session.map(|id| subject::session(app.keys.master(), self.client, id));
        token.extend(session.map(|session| ("sid".to_owned(), json!(session))));
        Ok(token)
    }
}

/// A token with which `client` speaks for itself (RFC 6749 section 4.4), for these scopes of APIs: nothing is
/// stored for it.
pub fn client_token(
    app: &App,
    config: &Config,
    client: &config::App,
    wish: Wish<'_>,
) -> Result<TokenAnswer, OAuthError> {
    let mut claims = AccessClaims::of_client(config, client, app.clock.now());
    claims.scope.clone_from(&wish.scope);
    if let Some(resource) = wish.resource {
        resource.clone_into(&mut claims.aud);
    }
    let holder = wish.holder;
    Ok(TokenAnswer {
        access_token: claims.bound_to(holder).sign(app)?,
        token_type: token_type(holder.is_some()),
        expires_in: client.lifetimes.access_token.as_secs(),
        scope: wish.scope,
        refresh_token: None,
        id_token: None,
    })
}

/// What a client wants for itself, checked.
pub struct Wish<'a> {
    pub scope: String,
    pub resource: Option<&'a str>,
    pub holder: Option<&'a Holder>,
}

/// What goes out in the same answer as an ID token; bound to it by hashes.
#[derive(Debug, Clone, Copy)]
pub enum Beside<'a> {
    Nothing,
    AccessToken(&'a str),
    Code(&'a str),
    Both { access_token: &'a str, code: &'a str },
}

impl<'a> Beside<'a> {
    const fn parts(self) -> (Option<&'a str>, Option<&'a str>) {
        match self {
            Self::Nothing => (None, None),
            Self::AccessToken(access_token) => (Some(access_token), None),
            Self::Code(code) => (None, Some(code)),
            Self::Both { access_token, code } => (Some(access_token), Some(code)),
        }
    }
}

/// The left half of the hash of an access token or code (`OpenID` Connect Core sections 3.1.3.6 and 3.3.2.11):
/// SHA-256 for RS256 and ES256, SHA-512 for `EdDSA`, as Ed25519 itself uses.
fn half_hash(alg: Alg, text: &str) -> String {
    let algorithm = match alg {
        Alg::Rs256 | Alg::Es256 => &digest::SHA256,
        Alg::EdDsa => &digest::SHA512,
    };
    let hash = digest::digest(algorithm, text.as_bytes());
    let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

/// Access tokens whose signature has been checked: a bounded cache by hash, so that a token in use costs one
/// signature check. Expiry, grant and person are looked at every time, outside of it.
pub struct AccessTokens(Cache<[u8; 32], Arc<AccessClaims>>);

/// Longer ones are none of ours, in bytes.
const MAX_ACCESS_TOKEN: usize = 8192;

impl Default for AccessTokens {
    fn default() -> Self {
        Self(Cache::new(20_000))
    }
}

impl AccessTokens {
    /// The claims of a token that we signed; not yet whether they still hold.
    #[must_use]
    pub fn read(&self, keys: &Keys, token: &str) -> Option<Arc<AccessClaims>> {
        if token.len() > MAX_ACCESS_TOKEN {
            return None;
        }
        let hash = *Digest::of(token.as_bytes()).bytes();
        if let Some(known) = self.0.get(&hash) {
            return Some(known);
        }
        let claims: Arc<AccessClaims> = Arc::new(keys.verify(Typ::AccessToken, token)?);
        self.0.insert(hash, Arc::clone(&claims));
        Some(claims)
    }
}
