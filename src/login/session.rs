//! Browser sessions: who is signed in where, with an idle and an absolute end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::device_trust;
use super::visitor::{CookieChange, Visitor};
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::SignIn;
use crate::factor::Method;
use crate::oauth::backchannel;
use crate::oauth::vocabulary::Authentication;
use crate::secret::{Digest, Id, SessionToken, Token};
use crate::store::{ApplyError, Batch, Expect, IndexEntry, Kind, Record, StoreError, Stored};

/// Writing down the last use is worth a write this often.
const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// Longest user agent kept, in characters.
const MAX_USER_AGENT: usize = 200;

/// Index of sessions and devices by person.
pub const BY_USER: &str = "user";

/// Somebody is signed in at a browser.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    pub id: Id,
    pub secret: Digest,
    pub user: Id,
    pub epoch: u64,
    pub authentication: Authentication,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
    pub address: String,
    pub user_agent: String,
    /// The device that the browser is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Id>,
}

impl Record for Session {
    const KIND: Kind = Kind::Session;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }

    fn index(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::many(BY_USER, self.user.to_string())]
    }
}

impl Session {
    /// Whether it is `user`'s and `user` may still be signed in.
    #[must_use]
    pub fn belongs_to(&self, user: &User) -> bool {
        self.user == user.id && self.epoch == user.epoch && user.is_active()
    }

    fn end(&self, now: Timestamp, limits: SignIn) -> Timestamp {
        (now + limits.idle).min(self.created_at + limits.absolute)
    }
}

/// A live session with its person.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub session: Session,
    pub user: User,
}

/// Who is signed in at `visitor`'s browser; notes the use.
pub async fn current(app: &App, visitor: &Visitor) -> Result<Option<SignedIn>, StoreError> {
    let Some(token) = &visitor.session else {
        return Ok(None);
    };
    let session = app.store.get::<Session>(&token.id().to_string()).await?;
    let Some(session) = session.filter(|session| token.proves(&session.secret)) else {
        return Ok(None);
    };
    let user = app.store.get::<User>(&session.user.to_string()).await?;
    let Some(user) = user.filter(|user| session.belongs_to(user)) else {
        return Ok(None);
    };
    let session = touch(app, session).await?;
    Ok(Some(SignedIn { session, user: user.record }))
}

async fn touch(app: &App, mut session: Stored<Session>) -> Result<Session, StoreError> {
    let now = app.clock.now();
    if now.since(session.last_used_at) >= TOUCH_EVERY {
        session.record.last_used_at = now;
        session.record.expires_at = session.end(now, app.config().sign_in);
        match app.store.apply(Batch::new().update(&session).relaxed()).await {
            // Somebody else noted it, or ended it: the next request will tell.
            Ok(_) | Err(ApplyError::Conflict(_)) => {}
            // A full disk must not sign anybody out.
            Err(ApplyError::Store(error)) => tracing::warn!(%error, "the use of a session was not noted"),
        }
    }
    Ok(session.record)
}

/// Notes the language of whoever has just signed in, for what is written to them.
pub async fn note_language(app: &App, visitor: &Visitor, user: &User) {
    let Some(lang) = visitor.language.filter(|lang| user.language.as_deref() != Some(lang.tag())) else {
        return;
    };
    let noted = async {
        let Some(mut stored) = app.store.get::<User>(&user.id.to_string()).await? else { return Ok(()) };
        stored.record.language = Some(lang.tag().to_owned());
        app.store.apply(Batch::new().update(&stored).relaxed()).await.map(|_| ())
    };
    match noted.await {
        // Somebody else changed the person: the next sign-in notes it.
        Ok(()) | Err(ApplyError::Conflict(_)) => {}
        Err(ApplyError::Store(error)) => tracing::warn!(%error, "a language was not noted"),
    }
}

/// A session that begins when `batch` is applied.
pub struct Beginning {
    pub session: Session,
    pub cookies: Vec<CookieChange>,
    pub batch: Batch,
}

/// A new session for `user`, in place of any the browser had (its cookie never survives a sign-in), and the
/// browser marked as known to them; added to `batch`. Apps of somebody else's session are told of its end.
pub async fn begin(
    app: &App,
    visitor: &Visitor,
    user: &User,
    authentication: Authentication,
    batch: Batch,
) -> Result<Beginning, StoreError> {
    let now = app.clock.now();
    let limits = app.config().sign_in;
    let (device, batch, device_cookie) = device_trust::renew(app, visitor, user.id, batch).await?;
    let old = old_session(app, visitor).await?;
    // The same person again: what hangs on the session goes on, only the cookie is another.
    let same = old.as_ref().filter(|old| old.belongs_to(user)).map(|old| old.id);
    let token = Token::<SessionToken>::with_id(same.unwrap_or_else(|| Id::new(now)));
    let mut session = Session {
        id: token.id(),
        secret: token.digest(),
        user: user.id,
        epoch: user.epoch,
        authentication: Authentication { at: now, ..authentication },
        created_at: now,
        last_used_at: now,
        expires_at: now,
        address: visitor.address.to_string(),
        user_agent: visitor.user_agent.chars().take(MAX_USER_AGENT).collect(),
        device: Some(device),
    };
    session.expires_at = session.end(now, limits);
    let cookies = vec![
        CookieChange::Session { value: token.reveal(), seconds: limits.absolute.as_secs() },
        device_cookie,
    ];
    let batch = match old {
        Some(mut old) if same.is_some() => {
            old.record = session.clone();
            backchannel::stayed(app, session.id, now + limits.absolute, batch.update(&old)).await?
        }
        Some(old) => ending(app, old.id, batch.insert(&session)).await?,
        None => batch.insert(&session),
    };
    Ok(Beginning { session, cookies, batch })
}

/// The browser's session after a second factor was proved in it: more methods, a new time and a new cookie;
/// added to `batch`. `verified` is false of a key that did not check who uses it; with `begun_anew` the person's epoch
/// goes on in the same batch. `None` when `session` is no longer the browser's.
pub async fn elevate(
    app: &App,
    visitor: &Visitor,
    (session, begun_anew): (Id, bool),
    (amr, method, verified): (&str, Method, bool),
    batch: Batch,
) -> Result<Option<Beginning>, StoreError> {
    let Some(mut old) = old_session(app, visitor).await?.filter(|old| old.id == session) else {
        return Ok(None);
    };
    let token = Token::<SessionToken>::with_id(session);
    old.record.secret = token.digest();
    old.record.epoch += u64::from(begun_anew);
    old.record.authentication.at = app.clock.now();
    // Another proof does not make up for what the key has not checked.
    if method == Method::Passkey {
        old.record.authentication.unverified_key = !verified;
    }
    for value in [amr, "mfa"] {
        if !old.authentication.methods.iter().any(|known| known == value) {
            old.record.authentication.methods.push(value.to_owned());
        }
    }
    if !old.authentication.proved.contains(&method) {
        old.record.authentication.proved.push(method);
    }
    let seconds = app.config().sign_in.absolute.as_secs();
    let cookies = vec![CookieChange::Session { value: token.reveal(), seconds }];
    let batch = batch.update(&old);
    Ok(Some(Beginning { session: old.record, cookies, batch }))
}

/// The browser's session after a key was used in it of which there may be a copy; added to `batch`. `None` when
/// `session` is no longer the browser's.
pub async fn suspect(
    app: &App,
    visitor: &Visitor,
    session: Id,
    batch: Batch,
) -> Result<Option<(Session, Batch)>, StoreError> {
    let Some(mut old) = old_session(app, visitor).await?.filter(|old| old.id == session) else {
        return Ok(None);
    };
    old.record.authentication.suspected_key = true;
    let batch = batch.update(&old);
    Ok(Some((old.record, batch)))
}

async fn old_session(app: &App, visitor: &Visitor) -> Result<Option<Stored<Session>>, StoreError> {
    let Some(token) = &visitor.session else {
        return Ok(None);
    };
    let session = app.store.get::<Session>(&token.id().to_string()).await?;
    Ok(session.filter(|session| token.proves(&session.secret)))
}

async fn ending(app: &App, session: Id, batch: Batch) -> Result<Batch, StoreError> {
    backchannel::left(app, session, batch.delete::<Session>(&session.to_string(), Expect::Any)).await
}

/// Ends the session of `visitor`'s browser and all that hangs on it.
pub async fn end(app: &App, session: &Session) -> Result<(), ApplyError> {
    let batch = ending(app, session.id, Batch::new()).await.map_err(ApplyError::Store)?;
    app.store.apply(batch).await?;
    backchannel::missed(app, session.id).await?;
    app.logout_bell.ring();
    tracing::info!(target: "gantry::audit", event = "signed_out", user = %session.user, session = %session.id);
    Ok(())
}

/// What a browser is called in a list: the product and the system it names, as far as they are known.
#[must_use]
pub fn browser_name(user_agent: &str) -> String {
    // The most particular name first: browsers name those they descend from too.
    let products = [
        ("Rocket.Chat", "Rocket.Chat"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iOS"),
        ("iPad", "iOS"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| *name)
    };
    match (find(&products), find(&systems)) {
        (Some(product), Some(system)) => format!("{product} · {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => user_agent.chars().take(60).collect(),
    }
}
