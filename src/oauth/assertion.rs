//! Clients that prove themselves with a signed assertion (RFC 7523, `OpenID` Connect Core section 9), and the
//! record of everything signed that counts only once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use url::Url;

use super::client::Client;
use super::error::OAuthError;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{self, AuthMethod, ClientKeys, Config};
use crate::keys::{JoseHeader, PublicKeys, foreign};
use crate::outbound::Reach;
use crate::secret::Digest;
use crate::store::{ApplyError, Batch, Kind, Record, StoreError};

/// The one type there is (RFC 7523 section 2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Clocks of others may differ by this much.
pub const LEEWAY: Duration = Duration::from_secs(60);
/// An assertion must end within this time: its `jti` is remembered until then.
const LONGEST_LIFE: Duration = Duration::from_secs(3600);
/// Longest `jti`, in bytes.
const MAX_JTI: usize = 256;

/// Something signed that has been used.
#[derive(Debug, Serialize, Deserialize)]
struct Used {
    id: String,
    expires_at: Timestamp,
}

impl Record for Used {
    const KIND: Kind = Kind::UsedJwt;

    fn id(&self) -> String {
        self.id.clone()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// Notes that `jti`, unique to `whose`, is used until `expires_at`; false when it was before.
pub async fn first_use(app: &App, whose: &str, jti: &str, expires_at: Timestamp) -> Result<bool, StoreError> {
    let id = URL_SAFE_NO_PAD.encode(Digest::of(format!("{whose}\0{jti}").as_bytes()).bytes());
    match app.store.apply(Batch::new().insert(&Used { id, expires_at })).await {
        Ok(_) => Ok(true),
        Err(ApplyError::Conflict(_)) => Ok(false),
        Err(ApplyError::Store(error)) => Err(error),
    }
}

/// Whom a JWT is for (RFC 7519 section 4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    /// Whether one of `names` is in it.
    #[must_use]
    pub fn names(&self, names: &[&str]) -> bool {
        match self {
            Self::One(one) => names.contains(&one.as_str()),
            Self::Many(many) => many.iter().any(|one| names.contains(&one.as_str())),
        }
    }
}

/// RFC 7523 section 3.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
    jti: String,
}

#[derive(Deserialize)]
struct Subject {
    sub: String,
}

/// The client that an assertion claims to be of.
#[must_use]
pub fn claimed_client(assertion: &str) -> Option<String> {
    foreign::unverified(assertion).map(|claims: Subject| claims.sub)
}

/// Whether `assertion` proves to be from `client`, for the first time.
pub async fn proves(
    app: &App,
    config: &Config,
    client: &config::App,
    assertion: &str,
) -> Result<bool, OAuthError> {
    let Some(header) = JoseHeader::read(assertion).filter(|header| header.jwk.is_none()) else {
        return Ok(false);
    };
    let claims: Option<Claims> = match client.auth {
        AuthMethod::PrivateKeyJwt => {
            keys_of(app, config, client, header.kid.as_deref()).await.verify(&header, assertion)
        }
        AuthMethod::ClientSecretJwt => match app.store.get::<Client>(&client.client_id).await? {
            Some(stored) => {
                let secret = stored.secret(app.keys.master()).map_err(|error| {
                    tracing::error!(%error, client = client.client_id, "a client secret cannot be read");
                    OAuthError::server()
                })?;
                foreign::verify_hs256(&header, assertion, secret.expose().as_bytes())
            }
            None => None,
        },
        _ => None,
    };
    let Some(claims) = claims.filter(|claims| fits(claims, app, config, client)) else {
        return Ok(false);
    };
    let until = Timestamp::from_seconds(claims.exp) + LEEWAY;
    Ok(first_use(app, &format!("assertion {}", client.client_id), &claims.jti, until).await?)
}

fn fits(claims: &Claims, app: &App, config: &Config, client: &config::App) -> bool {
    let now = app.clock.now();
    // RFC 7523 section 3, RFC 9126 section 2.
    let endpoint = |name| format!("{}/oauth2/{name}", config.issuer);
    let (token, par) = (endpoint("token"), endpoint("par"));
    claims.iss == client.client_id
        && claims.sub == client.client_id
        && claims.aud.names(&[&config.issuer, &token, &par])
        && !claims.jti.is_empty()
        && claims.jti.len() <= MAX_JTI
        && Timestamp::from_seconds(claims.exp) + LEEWAY > now
        && Timestamp::from_seconds(claims.exp) <= now + LONGEST_LIFE
        && claims.nbf.is_none_or(|at| Timestamp::from_seconds(at) <= now + LEEWAY)
        && claims.iat.is_none_or(|at| Timestamp::from_seconds(at) <= now + LEEWAY)
}

/// Keys that apps publish, fetched when they are needed.
#[derive(Default)]
pub struct FetchedKeys(Mutex<HashMap<(Url, Reach), Arc<Published>>>);

/// What an app publishes at one address.
#[derive(Default)]
struct Published {
    known: Mutex<Option<(Timestamp, Arc<PublicKeys>)>>,
    /// Held by the one who fetches.
    fetching: tokio::sync::Mutex<()>,
}

impl FetchedKeys {
    fn at(&self, config: &Config, place: (Url, Reach)) -> Arc<Published> {
        let mut places = lock(&self.0);
        if let Some(published) = places.get(&place) {
            return Arc::clone(published);
        }
        let is_named = |(url, _): &(Url, Reach)| {
            config.apps.values().any(|app| matches!(&app.keys, Some(ClientKeys::At(at)) if at == url))
        };
        places.retain(|place, _| is_named(place));
        Arc::clone(places.entry(place).or_default())
    }
}

impl Published {
    /// What needs no fetching now.
    fn fresh(&self, kid: Option<&str>, now: Timestamp) -> Option<Arc<PublicKeys>> {
        let (at, keys) = lock(&self.known).clone()?;
        let complete = kid.is_none_or(|kid| keys.has(kid)) && !keys.is_empty();
        (now.since(at) < if complete { FRESH } else { PAUSE }).then_some(keys)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fetched keys are good for this long.
const FRESH: Duration = Duration::from_secs(600);
/// A key that is missing is looked for no more often than this.
const PAUSE: Duration = Duration::from_secs(30);

/// The keys of `client`, with the one called `kid` if it can be had. However many ask, one call is made.
pub async fn keys_of(app: &App, config: &Config, client: &config::App, kid: Option<&str>) -> Arc<PublicKeys> {
    let url = match &client.keys {
        None => return Arc::default(),
        Some(ClientKeys::Fixed(keys)) => return Arc::clone(keys),
        Some(ClientKeys::At(url)) => url,
    };
    let published = app.fetched_keys.at(config, (url.clone(), client.reach));
    if let Some(keys) = published.fresh(kid, app.clock.now()) {
        return keys;
    }
    let _one = published.fetching.lock().await;
    let now = app.clock.now();
    if let Some(keys) = published.fresh(kid, now) {
        return keys;
    }
    let fetched = match app.outbound.get(url.as_str(), client.reach).await {
        Ok(text) => PublicKeys::parse(&text).map(Arc::new),
        Err(error) => {
            tracing::warn!(client = client.client_id, %error, "the keys of an app could not be fetched");
            None
        }
    };
    let mut known = lock(&published.known);
    // What was there stays while the app cannot be reached.
    let keys = fetched.or(known.take().map(|(_, keys)| keys)).unwrap_or_default();
    *known = Some((now, Arc::clone(&keys)));
    keys
}
