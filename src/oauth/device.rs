//! Devices without a browser (RFC 8628): a device asks for a pair of codes, shows one to a person and polls
//! with the other.
//!
//! Owns the codes, the record that joins them and the polling. Who lets a device in, and on which pages, is
//! decided by `login`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::client;
use super::error::{ErrorCode, OAuthError};
use super::grant::{self, Grant, Permission};
use super::params::Params;
use super::vocabulary::Scopes;
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{self, Config, GrantKind};
use crate::keys::MasterKey;
use crate::login::throttle::network;
use crate::secret::{DeviceCodeToken, Digest, Id, Token};
use crate::store::{ApplyError, Batch, Budget, IndexEntry, Kind, Record, StoreError, Stored};

/// As `grant_type` names it (RFC 8628 section 3.4).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Both codes are good for this long.
const LIFETIME: Duration = Duration::from_secs(600);
/// A device that comes too late is told so for this long after.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// Between two polls (RFC 8628 section 3.2), and what `slow_down` adds each time (section 3.5).
const INTERVAL: Duration = Duration::from_secs(5);
/// Codes that one address may ask for while they live: nothing else bounds what waits in the store.
const ASKED: u64 = 60;
/// A poll may come this much early: networks are no clocks.
const TOLERANCE: Duration = Duration::from_millis(500);

/// The letters of a user code: no vowels, so no words, and none that look alike (RFC 8628 section 6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LETTERS: usize = 8;
/// More than anybody needs to type a code with whatever between its letters, in bytes.
const MAX_TYPED: usize = 64;

/// What a person types. It is derived from the request's id with the master key, so nothing keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    fn of(master: &MasterKey, request: Id) -> Self {
        let derived = master.derive("device user code", request.bytes());
        let (first, _) = derived.split_first_chunk().unwrap_or((&[0; 8], &[]));
        // 20^8 in 2^64: the bias is below one in 10^8.
        let mut number = u64::from_be_bytes(*first);
        let letters = (0..LETTERS).filter_map(|_| {
            let letter = usize::try_from(number % 20).ok().and_then(|place| ALPHABET.get(place));
            number /= 20;
            letter.map(|&byte| char::from(byte))
        });
        Self(letters.collect())
    }

    /// Reads what was typed: any case, with or without punctuation (RFC 8628 section 6.1). `None` when it is
    /// no user code.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > MAX_TYPED {
            return None;
        }
        let letters: String = typed
            .chars()
            .filter(|c| !matches!(c, '-' | ' ' | '\t'))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let good = letters.len() == LETTERS && letters.bytes().all(|byte| ALPHABET.contains(&byte));
        good.then_some(Self(letters))
    }

    /// As people see it: two groups of four letters.
    #[must_use]
    pub fn shown(&self) -> String {
        let (left, right) = self.0.split_at(LETTERS / 2);
        format!("{left}-{right}")
    }

    /// What the store finds the request by: with the key one can compute it, without it not even by trying
    /// all codes.
    fn index(&self, master: &MasterKey) -> String {
        URL_SAFE_NO_PAD.encode(master.derive("device user code index", self.0.as_bytes()))
    }
}

impl std::fmt::Debug for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[user code]")
    }
}

/// A device that asked to be let in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceRequest {
    pub id: Id,
    secret: Digest,
    pub client_id: String,
    pub scopes: Scopes,
    state: DeviceState,
    ends_at: Timestamp,
}

/// What people have said to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DeviceState {
    /// Nothing yet; the request is found by the index of its user code.
    Pending {
        user_code: String,
    },
    Approved(Box<Permission>),
    Denied,
}

/// Index of pending requests by user code.
const BY_USER_CODE: &str = "user code";

impl Record for DeviceRequest {
    const KIND: Kind = Kind::DeviceRequest;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at + REMEMBERED)
    }

    fn index(&self) -> Vec<IndexEntry> {
        match &self.state {
            DeviceState::Pending { user_code } => vec![IndexEntry::unique(BY_USER_CODE, user_code)],
            DeviceState::Approved(_) | DeviceState::Denied => Vec::new(),
        }
    }
}

/// The answer to a device (RFC 8628 section 3.2).
#[derive(Debug, Serialize)]
pub struct DeviceAnswer {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    /// In seconds.
    expires_in: u64,
    /// In seconds.
    interval: u64,
}

/// Answers a device authorization request (RFC 8628 section 3.1). `authorization` holds every such header.
pub async fn authorize(
    app: &App,
    authorization: &[&str],
    address: IpAddr,
    body: &[u8],
) -> Result<DeviceAnswer, OAuthError> {
    let config = app.config();
    let params = Params::parse([body])?;
    params.each_once()?;
    let client = client::authenticate(app, &config, authorization, &params).await?;
    if !client.grants.contains(&GrantKind::DeviceCode) {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "this client may not use the device authorization grant",
        ));
    }
    let invalid = OAuthError::new(ErrorCode::InvalidScope, "scope is malformed or too long");
    let scopes = Scopes::parse(params.get("scope").unwrap_or_default()).ok_or(invalid)?;
    let counter = format!("device/asked/{}", network(address));
    if app.store.spend(vec![Budget { counter, limit: ASKED, window: LIFETIME }]).await?.is_some() {
        return Err(OAuthError::new(
            ErrorCode::SlowDown,
            "too many devices ask from this address, please wait",
        ));
    }
    let (token, code) = begin(app, client, &scopes.within(&client.scopes)).await?;
    let (user_code, verification_uri) = (code.shown(), format!("{}/device", config.issuer));
    Ok(DeviceAnswer {
        device_code: token.reveal(),
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        user_code,
        verification_uri,
        expires_in: LIFETIME.as_secs(),
        interval: INTERVAL.as_secs(),
    })
}

/// Stores a request whose user code no other waiting request has.
async fn begin(
    app: &App,
    client: &config::App,
    scopes: &Scopes,
) -> Result<(Token<DeviceCodeToken>, UserCode), OAuthError> {
    let (now, master) = (app.clock.now(), app.keys.master());
    for _ in 0..8 {
        let token = Token::generate(now);
        let code = UserCode::of(master, token.id());
        let request = DeviceRequest {
            id: token.id(),
            secret: token.digest(),
            client_id: client.client_id.clone(),
            scopes: scopes.clone(),
            state: DeviceState::Pending { user_code: code.index(master) },
            ends_at: now + LIFETIME,
        };
        match app.store.apply(Batch::new().insert(&request)).await {
            Ok(_) => return Ok((token, code)),
            Err(ApplyError::Conflict(_)) => {}
            Err(ApplyError::Store(error)) => return Err(error.into()),
        }
    }
    Err(OAuthError::server())
}

/// A request that waits for an answer.
pub struct Waiting(Stored<DeviceRequest>);

impl Waiting {
    /// The one with this user code.
    pub async fn by_code(app: &App, code: &UserCode) -> Result<Option<Self>, StoreError> {
        let index = code.index(app.keys.master());
        Ok(Self::checked(app, app.store.find_one(BY_USER_CODE, &index).await?))
    }

    /// The one with this id.
    pub async fn by_id(app: &App, id: Id) -> Result<Option<Self>, StoreError> {
        Ok(Self::checked(app, app.store.get(&id.to_string()).await?))
    }

    fn checked(app: &App, found: Option<Stored<DeviceRequest>>) -> Option<Self> {
        let now = app.clock.now();
        let waits = |request: &DeviceRequest| {
            matches!(request.state, DeviceState::Pending { .. }) && now < request.ends_at
        };
        found.filter(|found| waits(&found.record)).map(Self)
    }

    /// What the device asked for.
    #[must_use]
    pub const fn request(&self) -> &DeviceRequest {
        &self.0.record
    }

    /// The user code of request `id`, as the device shows it.
    #[must_use]
    pub fn shown_code(app: &App, id: Id) -> String {
        UserCode::of(app.keys.master(), id).shown()
    }

    /// Adds to `batch` that a person allowed it, unless somebody answers first.
    pub fn approved(self, batch: Batch, permission: Permission) -> Batch {
        self.answered(batch, DeviceState::Approved(Box::new(permission)))
    }

    /// Adds to `batch` that a person said no, unless somebody answers first.
    pub fn denied(self, batch: Batch) -> Batch {
        self.answered(batch, DeviceState::Denied)
    }

    fn answered(mut self, batch: Batch, state: DeviceState) -> Batch {
        self.0.record.state = state;
        batch.update(&self.0)
    }
}

const BAD_CODE: OAuthError =
    OAuthError::invalid_grant("the device code is wrong, used already or belongs to another client");

/// The request that a poll of the token endpoint is about (RFC 8628 section 3.4).
pub async fn polled(
    app: &App,
    client: &config::App,
    params: &Params,
) -> Result<Stored<DeviceRequest>, OAuthError> {
    let sent = params.get("device_code").ok_or(OAuthError::invalid_request("device_code is missing"))?;
    let token = Token::<DeviceCodeToken>::parse(sent).ok_or(BAD_CODE)?;
    let found = app.store.get::<DeviceRequest>(&token.id().to_string()).await?;
    let ours =
        |request: &DeviceRequest| token.proves(&request.secret) && request.client_id == client.client_id;
    found.filter(|found| ours(&found.record)).ok_or(BAD_CODE)
}

/// The grant, once a person has allowed it (RFC 8628 section 3.5).
pub async fn redeem(
    app: &App,
    config: &Config,
    client: &config::App,
    request: Stored<DeviceRequest>,
    bound: impl FnOnce(Grant) -> Grant,
) -> Result<(Grant, Arc<User>), OAuthError> {
    let now = app.clock.now();
    if now >= request.ends_at {
        return Err(OAuthError::new(
            ErrorCode::ExpiredToken,
            "the codes are too old, please ask for new ones",
        ));
    }
    let permission = match &request.state {
        DeviceState::Pending { .. } => return Err(pace(app, request.id).await?),
        DeviceState::Denied => {
            return Err(OAuthError::new(ErrorCode::AccessDenied, "the person did not allow it"));
        }
        DeviceState::Approved(permission) => (**permission).clone(),
    };
    // Signing out between allowing and fetching takes the permission back; afterwards the device is on its own.
    let allowed = bound(Grant::new(client, permission, now));
    let user = grant::holder(app, config, &allowed).await?;
    let grant = Grant { session: None, ..allowed.clone() };
    // Taken before anything is issued: of many polls at once one gets tokens.
    let ending = Batch::new().remove(&request);
    let batch = if user.is_some() { allowed.while_allowed(ending).insert(&grant) } else { ending };
    match app.store.apply(batch).await {
        Ok(_) => {}
        Err(ApplyError::Conflict(_)) => return Err(BAD_CODE),
        Err(error) => return Err(error.into()),
    }
    let user = user.ok_or(grant::NO_LONGER)?;
    Ok((grant, user))
}

/// What a device is told while nobody has answered. A poll that comes too early makes the interval longer for
/// good, and the waiting begins anew (RFC 8628 section 3.5).
async fn pace(app: &App, request: Id) -> Result<OAuthError, StoreError> {
    let early = format!("device/early/{request}");
    let poll = format!("device/poll/{request}");
    let times = app.store.add(&early, 0, LIFETIME).await?;
    let one_poll = |times: u64| {
        let interval = INTERVAL.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX).saturating_add(1));
        vec![Budget { counter: poll.clone(), limit: 1, window: interval.saturating_sub(TOLERANCE) }]
    };
    if app.store.spend(one_poll(times)).await?.is_none() {
        return Ok(OAuthError::new(ErrorCode::AuthorizationPending, "nobody has entered the code yet"));
    }
    let times = app.store.add(&early, 1, LIFETIME).await?;
    app.store.clear(&poll).await?;
    app.store.spend(one_poll(times)).await?;
    Ok(OAuthError::new(ErrorCode::SlowDown, "too many polls, wait five seconds longer between them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_read_however_it_is_typed() {
        // RFC 8628 section 6.1
        let code = UserCode::parse("WDJB-MJHT").expect("a code");
        for typed in ["wdjbmjht", "WDJB MJHT", " wd jb-mj ht ", "WDJB--MJHT"] {
            assert_eq!(UserCode::parse(typed), Some(code.clone()), "{typed}");
        }
        assert_eq!(code.shown(), "WDJB-MJHT");
        assert_eq!(format!("{code:?}"), "[user code]");
        for typed in ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH0", "WDJB-MJHé", &"-".repeat(65)] {
            assert_eq!(UserCode::parse(typed), None, "{typed}");
        }
    }
}
