//! Apps that register themselves (RFC 7591) and keep their registration (RFC 7592).
//!
//! What they say becomes the settings of an app as in the file and passes the same checks; what they may
//! have at most stands in the file. Somebody has to invite them: without an initial access token nothing is
//! registered.

mod metadata;

pub use metadata::understand;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::Client;
use super::error::{ErrorCode, OAuthError};
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{self, Config};
use crate::secret::{Digest, Id, InvitationToken, RegistrationToken, Secret, Token, random_text};
use crate::store::{ApplyError, Batch, Expect, Kind, Record, Store, StoreError, Stored};

/// An app that registered itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Registered {
    pub client_id: String,
    /// Of the registration access token.
    token: Id,
    secret: Digest,
    /// As an app in the file has them, without access.
    settings: Value,
    pub created_at: Timestamp,
}

impl Record for Registered {
    const KIND: Kind = Kind::RegisteredApp;

    fn id(&self) -> String {
        self.client_id.clone()
    }
}

/// The right to register some apps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invitation {
    pub id: Id,
    secret: Digest,
    pub uses_left: u32,
    pub expires_at: Timestamp,
}

impl Record for Invitation {
    const KIND: Kind = Kind::AppInvitation;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Invitation {
    /// An invitation, not yet stored, and the initial access token that stands for it.
    #[must_use]
    pub fn new(now: Timestamp, uses: u32, expires_at: Timestamp) -> (Self, Token<InvitationToken>) {
        let token = Token::generate(now);
        let invitation = Self { id: token.id(), secret: token.digest(), uses_left: uses, expires_at };
        (invitation, token)
    }
}

/// The configuration with the apps that registered themselves; one that no longer passes the checks is left
/// out.
pub async fn complete(store: &Store, mut config: Config) -> Result<Config, StoreError> {
    if config.app_registration.access.is_empty() {
        return Ok(config);
    }
    let mut after: Option<String> = None;
    loop {
        let records = store.scan::<Registered>(after.as_deref(), 500).await?;
        let Some(last) = records.last() else { return Ok(config) };
        after = Some(last.id());
        for record in records {
            let app = metadata::checked(&record.client_id, &record.settings, &config.app_registration);
            match app {
                // The file comes first.
                Ok(app) => {
                    config.apps.entry(app.client_id.clone()).or_insert(app);
                }
                Err(error) => {
                    tracing::warn!(client = record.client_id, %error, "a registered app is left out");
                }
            }
        }
    }
}

/// Whether `client_id` registered itself.
pub async fn is_registered(store: &Store, client_id: &str) -> Result<bool, StoreError> {
    Ok(store.get::<Registered>(client_id).await?.is_some())
}

const NOT_INVITED: OAuthError =
    OAuthError::new(ErrorCode::InvalidToken, "an initial access token that still counts is needed here");
const NOT_YOURS: OAuthError =
    OAuthError::new(ErrorCode::InvalidToken, "the registration access token is wrong or the app is gone");
const TOO_MANY: OAuthError = OAuthError::new(ErrorCode::AccessDenied, "no more apps may register here");

/// Registers an app (RFC 7591 section 3). `token` is the initial access token.
pub async fn register(app: &App, token: Option<&str>, body: &[u8]) -> Result<Value, OAuthError> {
    let rules = app.config().app_registration.clone();
    let token = token.and_then(Token::<InvitationToken>::parse).ok_or(NOT_INVITED)?;
    let settings = metadata::settings(&rules, body)?;
    let _alone = app.registering.lock().await;
    for _ in 0..8 {
        let invitation = app.store.get::<Invitation>(&token.id().to_string()).await?;
        let invitation = invitation.filter(|found| token.proves(&found.secret)).ok_or(NOT_INVITED)?;
        let now = app.clock.now();
        let client_id = random_text::<12>();
        let known = metadata::checked(&client_id, &settings, &rules)?;
        if app.config().apps.len() >= rules.max {
            return Err(TOO_MANY);
        }
        let access = Token::<RegistrationToken>::generate(now);
        let record = Registered {
            client_id,
            token: access.id(),
            secret: access.digest(),
            settings: settings.clone(),
            created_at: now,
        };
        let mut batch = spend(invitation).insert(&record);
        if known.auth.has_secret() {
            batch = batch.insert(&Client::generate(&known.client_id, app.keys.master(), now));
        }
        match app.store.apply(batch).await {
            Ok(_) => {}
            // Another app was faster with the same invitation.
            Err(ApplyError::Conflict(_)) => continue,
            Err(error) => return Err(error.into()),
        }
        app.complete_config().await?;
        tracing::warn!(target: "gantry::audit", event = "app_registered", client = known.client_id);
        return answer(app, &known, &record, &access).await;
    }
    Err(OAuthError::server())
}

fn spend(mut invitation: Stored<Invitation>) -> Batch {
    invitation.record.uses_left = invitation.uses_left.saturating_sub(1);
    if invitation.uses_left == 0 {
        Batch::new().remove(&invitation)
    } else {
        Batch::new().update(&invitation)
    }
}

/// The registration as it stands (RFC 7592 section 2.1).
pub async fn read(app: &App, client_id: &str, token: Option<&str>) -> Result<Value, OAuthError> {
    let (record, token) = owned(app, client_id, token).await?;
    let known = metadata::checked(client_id, &record.settings, &app.config().app_registration)?;
    answer(app, &known, &record, &token).await
}

/// Replaces the registration (RFC 7592 section 2.2).
pub async fn replace(
    app: &App,
    client_id: &str,
    token: Option<&str>,
    body: &[u8],
) -> Result<Value, OAuthError> {
    let (mut record, token) = owned(app, client_id, token).await?;
    let rules = app.config().app_registration.clone();
    let secret = app.store.get::<Client>(client_id).await?;
    let known_secret = secret.as_ref().map(|secret| revealed(app, secret)).transpose()?;
    metadata::names((client_id, known_secret.as_ref().map(Secret::expose)), body)?;
    record.record.settings = metadata::settings(&rules, body)?;
    let known = metadata::checked(client_id, &record.settings, &rules)?;
    let mut batch = Batch::new().update(&record);
    if known.auth.has_secret() && secret.is_none() {
        batch = batch.insert(&Client::generate(client_id, app.keys.master(), app.clock.now()));
    }
    app.store.apply(batch).await?;
    app.complete_config().await?;
    tracing::warn!(target: "gantry::audit", event = "app_changed_itself", client = client_id);
    answer(app, &known, &record, &token).await
}

/// Ends the registration (RFC 7592 section 2.3).
pub async fn remove(app: &App, client_id: &str, token: Option<&str>) -> Result<(), OAuthError> {
    owned(app, client_id, token).await?;
    withdraw(app, client_id).await?;
    tracing::warn!(target: "gantry::audit", event = "app_removed_itself", client = client_id);
    Ok(())
}

/// Takes a registered app out, with its secret. All it holds dies with it.
pub async fn withdraw(app: &App, client_id: &str) -> Result<(), ApplyError> {
    let batch =
        Batch::new().delete::<Registered>(client_id, Expect::Any).delete::<Client>(client_id, Expect::Any);
    app.store.apply(batch).await?;
    app.complete_config().await.map_err(ApplyError::Store)
}

/// The registration of `client_id`, and the registration access token that proves whose it is.
async fn owned(
    app: &App,
    client_id: &str,
    token: Option<&str>,
) -> Result<(Stored<Registered>, Token<RegistrationToken>), OAuthError> {
    let token = token.and_then(Token::<RegistrationToken>::parse).ok_or(NOT_YOURS)?;
    let record = app.store.get::<Registered>(client_id).await?;
    let record = record.filter(|record| token.id() == record.token && token.proves(&record.secret));
    Ok((record.ok_or(NOT_YOURS)?, token))
}

fn revealed(app: &App, client: &Client) -> Result<Secret, OAuthError> {
    client.secret(app.keys.master()).map_err(|error| {
        tracing::error!(%error, client = client.client_id, "a client secret cannot be read");
        OAuthError::server()
    })
}

/// RFC 7591 section 3.2.1, RFC 7592 section 3: what holds, in the specification's names.
async fn answer(
    app: &App,
    known: &config::App,
    record: &Registered,
    token: &Token<RegistrationToken>,
) -> Result<Value, OAuthError> {
    let issuer = &app.config().issuer;
    let mut about = metadata::of(known, &record.settings);
    let secret = app.store.get::<Client>(&known.client_id).await?;
    let secret = secret.filter(|_| known.auth.has_secret());
    let secret = secret.map(|secret| revealed(app, &secret)).transpose()?;
    about.insert("client_id_issued_at".to_owned(), record.created_at.seconds().into());
    about.insert(
        "registration_client_uri".to_owned(),
        format!("{issuer}/oauth2/register/{}", known.client_id).into(),
    );
    about.insert("registration_access_token".to_owned(), token.reveal().into());
    if let Some(secret) = secret {
        about.insert("client_secret".to_owned(), secret.expose().into());
        about.insert("client_secret_expires_at".to_owned(), 0.into());
    }
    Ok(about.into())
}
