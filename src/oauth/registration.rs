//! Apps that register themselves (RFC 7591) and keep their registration (RFC 7592).
//!
//! What they say becomes the settings of an app as in the file and passes the same checks; what they may
//! have at most stands in the file. Somebody has to invite them: without an initial access token nothing is
//! registered.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::client::Client;
use super::device;
use super::error::{ErrorCode, OAuthError};
use super::vocabulary::{ResponseType, Scopes};
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{self, AppRegistration, AuthMethod, ClientKind, Config, GrantKind};
use crate::secret::{Digest, Id, InvitationToken, RegistrationToken, Token, random_text};
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
            let app = checked(&record.client_id, &record.settings, &config.app_registration);
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
    let settings = settings(&rules, body)?;
    for _ in 0..8 {
        let invitation = app.store.get::<Invitation>(&token.id().to_string()).await?;
        let invitation = invitation.filter(|found| token.proves(&found.secret)).ok_or(NOT_INVITED)?;
        let now = app.clock.now();
        let client_id = random_text::<12>();
        let known = checked(&client_id, &settings, &rules)?;
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
        return answer(app, &known, &record, Some(&access)).await;
    }
    Err(OAuthError::server())
}

fn spend(mut invitation: Stored<Invitation>) -> Batch {
    invitation.record.uses_left -= 1;
    if invitation.uses_left == 0 {
        Batch::new().remove(&invitation)
    } else {
        Batch::new().update(&invitation)
    }
}

/// The registration as it stands (RFC 7592 section 2.1).
pub async fn read(app: &App, client_id: &str, token: Option<&str>) -> Result<Value, OAuthError> {
    let record = owned(app, client_id, token).await?;
    let known = checked(client_id, &record.settings, &app.config().app_registration)?;
    answer(app, &known, &record, None).await
}

/// Replaces the registration (RFC 7592 section 2.2).
pub async fn replace(
    app: &App,
    client_id: &str,
    token: Option<&str>,
    body: &[u8],
) -> Result<Value, OAuthError> {
    let mut record = owned(app, client_id, token).await?;
    let rules = app.config().app_registration.clone();
    let said: Said = parse(body)?;
    if said.client_id.as_deref() != Some(client_id) {
        return Err(metadata("client_id must be the one of the registration"));
    }
    record.record.settings = settings(&rules, body)?;
    let known = checked(client_id, &record.settings, &rules)?;
    let mut batch = Batch::new().update(&record);
    let secret = app.store.get::<Client>(client_id).await?;
    if known.auth.has_secret() && secret.is_none() {
        batch = batch.insert(&Client::generate(client_id, app.keys.master(), app.clock.now()));
    }
    app.store.apply(batch).await?;
    app.complete_config().await?;
    tracing::warn!(target: "gantry::audit", event = "app_changed_itself", client = client_id);
    answer(app, &known, &record, None).await
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

async fn owned(app: &App, client_id: &str, token: Option<&str>) -> Result<Stored<Registered>, OAuthError> {
    let token = token.and_then(Token::<RegistrationToken>::parse).ok_or(NOT_YOURS)?;
    let record = app.store.get::<Registered>(client_id).await?;
    record.filter(|record| token.id() == record.token && token.proves(&record.secret)).ok_or(NOT_YOURS)
}

/// The app that `body` describes, were it called `client_id`; nothing is stored.
pub fn understand(client_id: &str, rules: &AppRegistration, body: &[u8]) -> Result<config::App, OAuthError> {
    checked(client_id, &settings(rules, body)?, rules)
}

/// What an app says of itself (RFC 7591 section 2 and the logout specifications). Members that mean nothing
/// here are passed over (section 2).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    client_id: Option<String>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    backchannel_logout_uri: Option<String>,
    frontchannel_logout_uri: Option<String>,
    initiate_login_uri: Option<String>,
    client_name: Option<String>,
    client_uri: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    subject_type: Option<String>,
    id_token_signed_response_alg: Option<String>,
    userinfo_signed_response_alg: Option<String>,
    require_pushed_authorization_requests: bool,
    require_signed_request_object: bool,
    dpop_bound_access_tokens: bool,
}

fn parse(body: &[u8]) -> Result<Said, OAuthError> {
    // A list would be taken for the members in order.
    let object: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let said = object.and_then(|object| serde_json::from_value(object.into()).ok());
    said.ok_or(metadata("the body must be a JSON object of client metadata"))
}

const fn metadata(why: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClientMetadata, why)
}

/// The settings of an app that says this, as the file would have them.
fn settings(rules: &AppRegistration, body: &[u8]) -> Result<Value, OAuthError> {
    let said = parse(body)?;
    let grants = grants(rules, &said)?;
    let scopes = scopes(rules, &said)?;
    let mut settings = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        settings.extend(value.map(|value| (name.to_owned(), value)));
    };
    set("redirect_uris", Some(json!(said.redirect_uris)));
    set("post_logout_redirect_uris", Some(json!(said.post_logout_redirect_uris)));
    set("backchannel_logout_uri", said.backchannel_logout_uri.map(Value::from));
    set("frontchannel_logout_uri", said.frontchannel_logout_uri.map(Value::from));
    set("initiate_login_uri", said.initiate_login_uri.map(Value::from));
    set("title", said.client_name.map(Value::from));
    set("url", said.client_uri.map(Value::from));
    match said.token_endpoint_auth_method.as_deref() {
        Some("none") => set("client", Some(json!("public"))),
        // Who says nothing may use either way of sending the secret, as in the file.
        method => set("token_endpoint_auth_method", method.map(Value::from)),
    }
    set("grants", Some(json!(grants)));
    set("scopes", Some(json!(scopes)));
    let jwks = match (said.jwks, said.jwks_uri) {
        (Some(_), Some(_)) => return Err(metadata("send jwks or jwks_uri, not both")),
        (Some(jwks), None) => Some(json!({ "inline": jwks.to_string() })),
        (None, uri) => uri.map(|uri| json!({ "uri": uri })),
    };
    set("jwks", jwks);
    set("subject_type", said.subject_type.map(Value::from));
    set("id_token_alg", said.id_token_signed_response_alg.map(Value::from));
    set("userinfo_alg", said.userinfo_signed_response_alg.map(Value::from));
    set("pushed_requests_only", Some(said.require_pushed_authorization_requests.into()));
    set("signed_requests_only", Some(said.require_signed_request_object.into()));
    set("dpop_bound_access_tokens", Some(said.dpop_bound_access_tokens.into()));
    Ok(settings.into())
}

fn grants(rules: &AppRegistration, said: &Said) -> Result<Vec<GrantKind>, OAuthError> {
    let named = said.grant_types.clone().unwrap_or_else(|| vec!["authorization_code".to_owned()]);
    let known =
        |name: &String| rules.grants.iter().copied().find(|grant| grant_type(*grant) == name.as_str());
    let grants: Option<Vec<GrantKind>> = named.iter().map(known).collect();
    let grants = grants.ok_or(metadata("one of grant_types is not open to apps that register themselves"))?;
    let response_types = said.response_types.clone().unwrap_or_else(|| vec!["code".to_owned()]);
    for text in &response_types {
        let kind = ResponseType::parse(text).ok_or(metadata("one of response_types is not supported"))?;
        let fits = (!kind.code || grants.contains(&GrantKind::AuthorizationCode))
            && (!kind.is_front_channel() || grants.contains(&GrantKind::Implicit));
        // The default is said by nobody.
        if !fits && said.response_types.is_some() {
            return Err(metadata("response_types and grant_types do not go together"));
        }
    }
    Ok(grants)
}

fn scopes(rules: &AppRegistration, said: &Said) -> Result<Vec<String>, OAuthError> {
    let allowed = &rules.scopes;
    let Some(text) = &said.scope else {
        return Ok(allowed.iter().cloned().collect());
    };
    let asked = Scopes::parse(text).ok_or(metadata("scope is malformed or too long"))?;
    Ok(asked.within(allowed).iter().map(str::to_owned).collect())
}

/// As `grant_types` names it (RFC 7591 section 2).
const fn grant_type(grant: GrantKind) -> &'static str {
    match grant {
        GrantKind::AuthorizationCode => "authorization_code",
        GrantKind::RefreshToken => "refresh_token",
        GrantKind::ClientCredentials => "client_credentials",
        GrantKind::DeviceCode => device::GRANT_TYPE,
        GrantKind::Password => "password",
        GrantKind::Implicit => "implicit",
    }
}

/// The app with these settings, for whom the file says.
fn checked(client_id: &str, settings: &Value, rules: &AppRegistration) -> Result<config::App, OAuthError> {
    config::registered_app(client_id, settings, &rules.access).map_err(|problem| {
        let code = if problem.contains("redirect URI") {
            ErrorCode::InvalidRedirectUri
        } else {
            ErrorCode::InvalidClientMetadata
        };
        OAuthError { code, description: plain(&problem).into() }
    })
}

/// What `error_description` may hold (RFC 6749 section 5.2), within bounds.
fn plain(text: &str) -> String {
    let legal = |c: char| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '?' };
    text.chars().map(|c| if c == '`' { '\'' } else { legal(c) }).take(300).collect()
}

/// RFC 7591 section 3.2.1, RFC 7592 section 3: what holds, in the specification's names.
async fn answer(
    app: &App,
    known: &config::App,
    record: &Registered,
    token: Option<&Token<RegistrationToken>>,
) -> Result<Value, OAuthError> {
    let issuer = &app.config().issuer;
    let mut about = metadata_of(known);
    let secret = app.store.get::<Client>(&known.client_id).await?;
    let secret = match secret.filter(|_| known.auth.has_secret()) {
        Some(secret) => Some(secret.secret(app.keys.master()).map_err(|error| {
            tracing::error!(%error, client = known.client_id, "a client secret cannot be read");
            OAuthError::server()
        })?),
        None => None,
    };
    about.insert("client_id_issued_at".to_owned(), record.created_at.seconds().into());
    about.insert(
        "registration_client_uri".to_owned(),
        format!("{issuer}/oauth2/register/{}", known.client_id).into(),
    );
    if let Some(token) = token {
        about.insert("registration_access_token".to_owned(), token.reveal().into());
    }
    if let Some(secret) = secret {
        about.insert("client_secret".to_owned(), secret.expose().into());
        about.insert("client_secret_expires_at".to_owned(), 0.into());
    }
    Ok(about.into())
}

fn metadata_of(known: &config::App) -> Map<String, Value> {
    let method = match known.auth {
        AuthMethod::None => "none",
        AuthMethod::ClientSecret | AuthMethod::ClientSecretBasic => "client_secret_basic",
        AuthMethod::ClientSecretPost => "client_secret_post",
        AuthMethod::ClientSecretJwt => "client_secret_jwt",
        AuthMethod::PrivateKeyJwt => "private_key_jwt",
    };
    let grants: BTreeSet<&str> = known.grants.iter().map(|grant| grant_type(*grant)).collect();
    let implicit = known.grants.contains(&GrantKind::Implicit);
    let code = known.grants.contains(&GrantKind::AuthorizationCode);
    let response_types: Vec<&str> = ResponseType::ALL
        .into_iter()
        .filter(|text| {
            ResponseType::parse(text)
                .is_some_and(|kind| (code || !kind.code) && (implicit || !kind.is_front_channel()))
        })
        .collect();
    let mut about = json!({
        "client_id": known.client_id,
        "client_name": known.title,
        "application_type": if known.kind == ClientKind::Public { "native" } else { "web" },
        "redirect_uris": known.redirect_uris,
        "post_logout_redirect_uris": known.post_logout_redirect_uris,
        "token_endpoint_auth_method": method,
        "grant_types": grants,
        "response_types": response_types,
        "scope": known.scopes.iter().cloned().collect::<Vec<_>>().join(" "),
        "subject_type": if known.pairwise_sector.is_some() { "pairwise" } else { "public" },
        "id_token_signed_response_alg": known.id_token_alg,
        "require_pushed_authorization_requests": known.pushed_requests_only,
        "require_signed_request_object": known.signed_requests_only,
        "dpop_bound_access_tokens": known.dpop_bound_access_tokens,
    });
    let further = [
        ("client_uri", known.url.as_ref().map(|uri| json!(uri))),
        ("backchannel_logout_uri", known.backchannel_logout_uri.as_ref().map(|uri| json!(uri))),
        ("frontchannel_logout_uri", known.frontchannel_logout_uri.as_ref().map(|uri| json!(uri))),
        ("initiate_login_uri", known.initiate_login_uri.as_ref().map(|uri| json!(uri))),
        ("userinfo_signed_response_alg", known.userinfo_alg.map(|alg| json!(alg))),
    ];
    let members = about.as_object_mut().map(std::mem::take).unwrap_or_default();
    let further = further.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    members.into_iter().chain(further).collect()
}
