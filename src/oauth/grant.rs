//! Codes and grants: what a person gave an app, and whether it still holds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::authorize::AuthorizationRequest;
use super::claims::ClaimsRequest;
use super::consent;
use super::error::OAuthError;
use super::issue::AccessClaims;
use super::vocabulary::{Authentication, Scopes};
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{self, Config, Policy};
use crate::login::device_trust::{Device, Seal};
use crate::login::session::Session;
use crate::policy::{self, Verdict};
use crate::secret::{CodeToken, Digest, Id, Token};
use crate::store::{ApplyError, Batch, Expect, IndexEntry, Kind, Record, StoreError, Stored};

/// A spent code is remembered this long at least, so that using it again kills what it gave.
const SPENT_CODE_SECONDS: u64 = 24 * 3600;

const DAY_SECONDS: i64 = 24 * 3600;

/// An authorization code.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Code {
    pub id: Id,
    pub secret: Digest,
    pub client_id: String,
    pub state: CodeState,
    pub expires_at: Timestamp,
}

/// What a code is worth.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeState {
    Fresh(Box<Approved>),
    Spent { grant: Id },
}

/// An approved request: what was allowed, and what the token request must match.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Approved {
    pub redirect_uri: String,
    pub code_challenge: Option<String>,
    pub nonce: Option<String>,
    /// Whose key the code is bound to (RFC 9449 section 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    #[serde(flatten)]
    pub permission: Permission,
}

/// What a person allowed an app: who, proved how, what for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Permission {
    pub scopes: Scopes,
    pub claims: ClaimsRequest,
    /// The API that tokens are for (RFC 8707).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    pub user: Id,
    pub epoch: u64,
    /// At whose browser; `None` without one.
    pub session: Option<Id>,
    pub authentication: Authentication,
}

impl Record for Code {
    const KIND: Kind = Kind::Code;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Code {
    /// The record of a fresh code and the code itself, not yet stored.
    #[must_use]
    pub fn new(app: &config::App, approved: Approved, now: Timestamp) -> (Self, Token<CodeToken>) {
        let token = Token::generate(now);
        let code = Self {
            id: token.id(),
            secret: token.digest(),
            client_id: app.client_id.clone(),
            state: CodeState::Fresh(Box::new(approved)),
            expires_at: now + app.lifetimes.code,
        };
        (code, token)
    }

    /// The same code after it gave `grant`.
    #[must_use]
    pub fn spent(&self, grant: &Grant, now: Timestamp) -> Self {
        let remembered = now + std::time::Duration::from_secs(SPENT_CODE_SECONDS);
        Self {
            state: CodeState::Spent { grant: grant.id },
            expires_at: remembered.max(grant.expires_at),
            ..self.clone()
        }
    }
}

/// What an app holds: all its tokens hang on this record and die with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Grant {
    pub id: Id,
    pub client_id: String,
    pub user: Id,
    pub epoch: u64,
    /// At whose browser it was given; it dies with this session, unless it is for offline use.
    pub session: Option<Id>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offline: bool,
    pub scopes: Scopes,
    pub claims: ClaimsRequest,
    /// The API that access tokens are for; `None`: userinfo here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    pub authentication: Authentication,
    /// Whose key the refresh tokens of a public client are bound to (RFC 9449 section 5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// The number of the refresh token that is current; `None` when there are none.
    pub generation: Option<u32>,
    pub rotated_at: Timestamp,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Index of grants by person.
pub const BY_USER: &str = "user";

impl Record for Grant {
    const KIND: Kind = Kind::Grant;

    fn id(&self) -> String {
        self.id.to_string()
    }

    /// To the next day: every refresh moves the end, and moving it in the store's order of expiry costs more
    /// than the refresh itself. [`holder`] looks at the end itself.
    fn expires_at(&self) -> Option<Timestamp> {
        let days = self.expires_at.seconds().div_euclid(DAY_SECONDS);
        Some(Timestamp::from_seconds(days.saturating_add(1).saturating_mul(DAY_SECONDS)))
    }

    fn index(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::many(BY_USER, self.user.to_string())]
    }
}

impl Grant {
    /// A grant for what was approved, not yet stored.
    #[must_use]
    pub fn new(app: &config::App, permission: Permission, now: Timestamp) -> Self {
        let refreshable = app.grants.contains(&config::GrantKind::RefreshToken);
        let offline = refreshable && permission.scopes.has("offline_access");
        let lifetime = if refreshable { app.lifetimes.refresh_token } else { app.lifetimes.access_token };
        Self {
            id: Id::new(now),
            client_id: app.client_id.clone(),
            user: permission.user,
            epoch: permission.epoch,
            session: permission.session,
            offline,
            scopes: permission.scopes,
            claims: permission.claims,
            resource: permission.resource,
            authentication: permission.authentication,
            jkt: None,
            generation: refreshable.then_some(0),
            rotated_at: now,
            created_at: now,
            expires_at: now + lifetime,
        }
    }

    /// The session that it dies with.
    fn hangs_on(&self) -> Option<Id> {
        self.session.filter(|_| !self.offline)
    }

    /// Lets `batch` happen only while the session lives in which this was allowed. Whoever ends the session afterwards
    /// finds what came of it: nothing comes of it later, not even for offline use.
    pub fn while_allowed(&self, batch: Batch) -> Batch {
        match self.session {
            Some(session) => batch.require::<Session>(session.to_string()),
            None => batch,
        }
    }

    /// A grant for tokens that go out through the browser: for the session only, never refreshed.
    #[must_use]
    pub fn front_channel(app: &config::App, permission: Permission, now: Timestamp) -> Self {
        let scopes = permission.scopes.without("offline_access");
        let expires_at = now + app.lifetimes.access_token;
        Self { offline: false, scopes, generation: None, expires_at, ..Self::new(app, permission, now) }
    }
}

impl Approved {
    /// What `user` approved at the browser of `session`.
    #[must_use]
    pub fn of(request: &AuthorizationRequest, user: &User, session: &Session) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            code_challenge: request.code_challenge.clone(),
            nonce: request.nonce.clone(),
            dpop_jkt: request.dpop_jkt.clone(),
            permission: Permission {
                claims: request.claims.clone(),
                resource: request.resource.clone(),
                ..Permission::at(session, user, request.scopes.clone())
            },
        }
    }
}

impl Permission {
    /// What `user` allows at the browser of `session`.
    #[must_use]
    pub fn at(session: &Session, user: &User, scopes: Scopes) -> Self {
        Self {
            scopes,
            claims: ClaimsRequest::default(),
            resource: None,
            user: user.id,
            epoch: user.epoch,
            session: Some(session.id),
            authentication: session.authentication.clone(),
        }
    }
}

/// Where [`holder`] finds nobody.
pub(super) const NO_LONGER: OAuthError =
    OAuthError::invalid_grant("this person may no longer use this app, or not at this time");

/// Whether what hangs on `grant` may be used now: the one answer for codes, access and refresh tokens. Gives the
/// person, or `None` when it is over ([`standing`]) or its policy is closed at this hour.
pub async fn holder(app: &App, config: &Config, grant: &Grant) -> Result<Option<Arc<User>>, StoreError> {
    let Some((user, named)) = standing(app, config, grant).await? else { return Ok(None) };
    Ok(is_open(app, grant, &user, named).await?.then_some(user))
}

/// Whether `grant` still stands. Gives the person and the policy they are under, with its name, or `None` when its
/// time is over, or the app, the person, their access, the epoch or the session is gone.
pub async fn standing<'c>(
    app: &App,
    config: &'c Config,
    grant: &Grant,
) -> Result<Option<(Arc<User>, (&'c str, &'c Policy))>, StoreError> {
    let Some(client) = config.apps.get(&grant.client_id).filter(|_| app.clock.now() < grant.expires_at)
    else {
        return Ok(None);
    };
    let Some(user) = app.store.view::<User>(&grant.user.to_string()).await? else {
        return Ok(None);
    };
    if let Some(session) = grant.hangs_on() {
        let session = app.store.view::<Session>(&session.to_string()).await?;
        if !session.is_some_and(|session| session.belongs_to(&user)) {
            return Ok(None);
        }
    }
    let needed = grant.claims.widen(&grant.scopes);
    let consented =
        client.first_party || consent::covers(&app.store, user.id, &grant.client_id, &needed).await?;
    let named = policy::of(config, client, &user.groups)
        .filter(|(_, policy)| policy::still_enough(policy, &user, &grant.authentication, app.clock.now()));
    let stands = consented && user.is_active() && user.epoch == grant.epoch;
    Ok(named.filter(|_| stands).map(|named| (user, named)))
}

/// Whether the policy lets an app go on for `user` now, as far as that does not depend on where they are: it is the
/// app's server that asks. A browser that makes up for the hours does so as long as its session is there.
async fn is_open(app: &App, grant: &Grant, user: &User, named: (&str, &Policy)) -> Result<bool, StoreError> {
    let now = app.clock.now();
    let lifted = grant.authentication.is_lifted(now);
    // What a break-glass code has opened ends with it: from here nobody sees whether it would be open without.
    if grant.authentication.lifted_until.is_some() && !lifted {
        return Ok(false);
    }
    Ok(match policy::wherever(named.1, now) {
        Verdict::Allow => true,
        Verdict::Challenge if policy::proves_second(named.1, &grant.authentication) => true,
        Verdict::Challenge | Verdict::Deny => lifted || skips_hours(app, grant, user, named).await?,
    })
}

/// Whether the session of `grant` is at a browser that is registered for not having to meet the hours.
async fn skips_hours(
    app: &App,
    grant: &Grant,
    user: &User,
    named: (&str, &Policy),
) -> Result<bool, StoreError> {
    let Some(id) = grant.hangs_on().filter(|_| policy::skips_hours(named.1)) else { return Ok(false) };
    let device = app.store.view::<Session>(&id.to_string()).await?.and_then(|session| session.device);
    let Some(device) = device else { return Ok(false) };
    let device = app.store.view::<Device>(&device.to_string()).await?;
    Ok(device.is_some_and(|device| device.is_trusted(&Seal::new(user, named))))
}

/// The grant and the person behind an access token that still holds.
pub async fn behind(
    app: &App,
    config: &Config,
    access: &AccessClaims,
) -> Result<Option<(Arc<Grant>, Arc<User>)>, StoreError> {
    let Some(id) = access.gid.filter(|_| access.is_in_time(config, app.clock.now())) else {
        return Ok(None);
    };
    let Some(grant) = app.store.view::<Grant>(&id.to_string()).await? else {
        return Ok(None);
    };
    let user = holder(app, config, &grant).await?;
    Ok(user.map(|user| (grant, user)))
}

/// Most grants ended in one batch.
const AT_ONCE: usize = 500;

/// Ends everything that `user` gave `client_id`, and forgets the consent first, so that nothing new comes of it.
/// Returns how many grants there were.
pub async fn take_back(app: &App, user: Id, client_id: &str) -> Result<usize, ApplyError> {
    app.store.apply(consent::forget(Batch::new(), user, client_id)).await?;
    let all = app.store.find::<Grant>(BY_USER, &user.to_string(), usize::MAX).await;
    let mut all = all.map_err(ApplyError::Store)?;
    all.retain(|grant| grant.client_id == client_id);
    for some in all.chunks(AT_ONCE) {
        let delete = |batch: Batch, grant: &Stored<Grant>| batch.delete::<Grant>(grant.id(), Expect::Any);
        app.store.apply(some.iter().fold(Batch::new(), delete)).await?;
    }
    tracing::warn!(target: "gantry::audit", event = "grants_taken_back", user = %user, client = client_id, count = all.len());
    Ok(all.len())
}

/// Ends what `user` has given since then.
pub async fn end_since(app: &App, user: Id, at: Timestamp) -> Result<(), ApplyError> {
    let all = app.store.find::<Grant>(BY_USER, &user.to_string(), usize::MAX).await;
    let mut all = all.map_err(ApplyError::Store)?;
    all.retain(|grant| grant.created_at >= at);
    for some in all.chunks(AT_ONCE) {
        let delete = |batch: Batch, grant: &Stored<Grant>| batch.delete::<Grant>(grant.id(), Expect::Any);
        app.store.apply(some.iter().fold(Batch::new(), delete)).await?;
    }
    Ok(())
}

/// Ends a grant and with it every token that hangs on it.
pub async fn revoke(app: &App, grant: Id, why: &'static str) -> Result<(), OAuthError> {
    app.store.apply(Batch::new().delete::<Grant>(&grant.to_string(), Expect::Any)).await?;
    tracing::warn!(target: "gantry::audit", event = why, grant = %grant);
    Ok(())
}
