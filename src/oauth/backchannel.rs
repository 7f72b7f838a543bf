//! Telling apps that somebody is signed out (`OpenID` Connect Back-Channel Logout 1.0), and which addresses the
//! browser opens for it (Front-Channel Logout 1.0).
//!
//! While a session lives, a [`Visit`] remembers each app that was entered in it and wants to hear of its end.
//! The end of a session replaces them by [`Notice`]s in one stroke; these are delivered until the app takes
//! one or a day has passed, whatever happens to this program meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use url::Url;

use super::subject;
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config;
use crate::keys::Typ;
use crate::login::session::Session;
use crate::outbound::OutboundError;
use crate::secret::{Id, random_text};
use crate::store::{ApplyError, Batch, Expect, IndexEntry, Kind, Record, StoreError, Stored};

/// An app that does not take a notice within this time never gets it.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// A logout token is good for this long (section 2.4 asks for two minutes or less).
const TOKEN_LIFETIME: Duration = Duration::from_secs(120);
/// Between the first and the second try; four times as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// Notices that are delivered to one app at the same time.
const AT_ONCE: usize = 8;
/// Notices that became due meanwhile are looked for this often.
const EVERY: Duration = Duration::from_secs(5);
/// Visits of one person or session that are looked at.
const MOST: usize = 10_000;
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// An app was entered in a session and wants to hear of its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Visit {
    session: Id,
    user: Id,
    client_id: String,
    expires_at: Timestamp,
}

const BY_SESSION: &str = "session";
const BY_USER: &str = "user";

impl Record for Visit {
    const KIND: Kind = Kind::Visit;

    fn id(&self) -> String {
        format!("{}/{}", self.session, self.client_id)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }

    fn index(&self) -> Vec<IndexEntry> {
        vec![
            IndexEntry::many(BY_SESSION, self.session.to_string()),
            IndexEntry::many(BY_USER, self.user.to_string()),
        ]
    }
}

/// An app that is still to be told of the end of a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Notice {
    id: Id,
    session: Id,
    user: Id,
    client_id: String,
    tries: u32,
    next_at: Timestamp,
    expires_at: Timestamp,
}

impl Record for Notice {
    const KIND: Kind = Kind::LogoutNotice;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// Wakes the delivery when there is something to deliver.
#[derive(Default)]
pub struct Bell(Notify);

impl Bell {
    /// Notices have been stored.
    pub fn ring(&self) {
        self.0.notify_one();
    }
}

/// Adds to `batch` that `client` is entered in `session`, if it wants to hear of its end.
pub fn entered(batch: Batch, client: &config::App, session: &Session, ends_at: Timestamp) -> Batch {
    if client.backchannel_logout_uri.is_none() && client.frontchannel_logout_uri.is_none() {
        return batch;
    }
    batch.put(&Visit {
        session: session.id,
        user: session.user,
        client_id: client.client_id.clone(),
        expires_at: ends_at,
    })
}

/// Adds to `batch` that the session they were entered in goes on until `ends_at`.
pub async fn stayed(app: &App, session: Id, ends_at: Timestamp, batch: Batch) -> Result<Batch, StoreError> {
    let visits = app.store.find::<Visit>(BY_SESSION, &session.to_string(), MOST).await?;
    Ok(visits.into_iter().fold(batch, |batch, mut visit| {
        visit.record.expires_at = ends_at;
        batch.put(&visit.record)
    }))
}

/// Adds to `batch` that the apps entered in `session` are told of its end. Ring the bell once it is applied.
pub async fn left(app: &App, session: Id, batch: Batch) -> Result<Batch, StoreError> {
    let visits = app.store.find::<Visit>(BY_SESSION, &session.to_string(), MOST).await?;
    Ok(told(app, &visits, batch))
}

/// Tells the apps that were entered in `session` at the very moment it ended. From then on none is.
pub async fn missed(app: &App, session: Id) -> Result<(), ApplyError> {
    let visits = app.store.find::<Visit>(BY_SESSION, &session.to_string(), MOST).await;
    let visits = visits.map_err(ApplyError::Store)?;
    if !visits.is_empty() {
        app.store.apply(told(app, &visits, Batch::new())).await?;
    }
    Ok(())
}

/// Tells the apps that `user` has entered in sessions that have ended by other means than signing out:
/// disabling, deleting, a new password.
pub async fn person_left(app: &App, user: Id) -> Result<(), ApplyError> {
    let visits = app.store.find::<Visit>(BY_USER, &user.to_string(), MOST).await;
    tell_of_dead(app, visits.map_err(ApplyError::Store)?).await
}

async fn tell_of_dead(app: &App, visits: Vec<Stored<Visit>>) -> Result<(), ApplyError> {
    let mut dead = Vec::new();
    for visit in visits {
        if !lives(app, &visit).await.map_err(ApplyError::Store)? {
            dead.push(visit);
        }
    }
    for some in dead.chunks(100) {
        app.store.apply(told(app, some, Batch::new())).await?;
    }
    app.logout_bell.ring();
    Ok(())
}

async fn lives(app: &App, visit: &Visit) -> Result<bool, StoreError> {
    let session = app.store.view::<Session>(&visit.session.to_string()).await?;
    let user = app.store.view::<User>(&visit.user.to_string()).await?;
    Ok(session.zip(user).is_some_and(|(session, user)| session.belongs_to(&user)))
}

fn told(app: &App, visits: &[Stored<Visit>], batch: Batch) -> Batch {
    let now = app.clock.now();
    visits.iter().fold(batch, |batch, visit| {
        let notice = Notice {
            id: Id::new(now),
            session: visit.session,
            user: visit.user,
            client_id: visit.client_id.clone(),
            tries: 0,
            next_at: now,
            expires_at: now + PATIENCE,
        };
        batch.delete::<Visit>(visit.id(), Expect::Any).insert(&notice)
    })
}

/// The addresses that the browser of `session` opens when it ends (Front-Channel Logout section 2), with
/// issuer and session.
pub async fn frames(app: &App, session: Id) -> Result<Vec<Url>, StoreError> {
    let config = app.config();
    let visits = app.store.find::<Visit>(BY_SESSION, &session.to_string(), MOST).await?;
    let frame = |visit: &Stored<Visit>| {
        let client = config.apps.get(&visit.client_id)?;
        let mut url = client.frontchannel_logout_uri.clone()?;
        let sid = subject::session(app.keys.master(), client, session);
        url.query_pairs_mut().append_pair("iss", &config.issuer).append_pair("sid", &sid);
        Some(url)
    };
    Ok(visits.iter().filter_map(frame).collect())
}

/// Delivers for ever: what is stored now, and what comes.
pub async fn run(app: Arc<App>) {
    if let Err(error) = take_up(&app).await {
        tracing::error!(%error, "what was left of earlier sign-outs could not be looked through");
    }
    let mut rounds = Rounds::default();
    loop {
        if let Err(error) = rounds.begin(&app).await {
            tracing::error!(%error, "logout notices wait for the store");
        }
        tokio::select! {
            _ = rounds.ended(), if !rounds.under_way.is_empty() => {}
            _ = tokio::time::timeout(EVERY, app.logout_bell.0.notified()) => {}
        }
    }
}

/// Sessions that ended while nobody could tell: a command on a stopped service, or a crash.
async fn take_up(app: &App) -> Result<(), ApplyError> {
    let mut after: Option<String> = None;
    loop {
        let visits = app.store.scan::<Visit>(after.as_deref(), 500).await.map_err(ApplyError::Store)?;
        let Some(last) = visits.last() else { return Ok(()) };
        after = Some(last.id());
        tell_of_dead(app, visits).await?;
    }
}

/// One try for every notice that is due. Returns how many apps took theirs.
pub async fn deliver_due(app: &Arc<App>) -> Result<usize, StoreError> {
    let (mut rounds, mut taken) = (Rounds::default(), 0);
    loop {
        rounds.begin(app).await?;
        match rounds.ended().await {
            Some(more) => taken += more,
            None => return Ok(taken),
        }
    }
}

/// What is being delivered: to each app by itself, so that one that is slow or dead keeps no other waiting.
#[derive(Default)]
struct Rounds {
    /// With its client, and how many it took.
    under_way: JoinSet<(String, usize)>,
    busy: BTreeSet<String>,
}

impl Rounds {
    /// Takes up what is due for apps that nothing is being delivered to.
    async fn begin(&mut self, app: &Arc<App>) -> Result<(), StoreError> {
        let mut due: BTreeMap<String, Vec<Stored<Notice>>> = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let notices = app.store.scan::<Notice>(after.as_deref(), 500).await?;
            let Some(last) = notices.last() else { break };
            after = Some(last.id());
            let now = app.clock.now();
            let waits = |notice: &Notice| notice.next_at <= now && !self.busy.contains(&notice.client_id);
            for notice in notices.into_iter().filter(|notice| waits(&notice.record)) {
                let some = due.entry(notice.client_id.clone()).or_default();
                if some.len() < AT_ONCE {
                    some.push(notice);
                }
            }
        }
        for (client, notices) in due {
            self.busy.insert(client.clone());
            let mut tries = JoinSet::new();
            for notice in notices {
                let app = Arc::clone(app);
                tries.spawn(async move { deliver(&app, notice).await });
            }
            self.under_way.spawn(async move {
                let ended = tries.join_all().await;
                (client, ended.into_iter().filter(|taken| *taken).count())
            });
        }
        Ok(())
    }

    /// Waits until one app has taken, or not taken, what was under way to it. `None`: nothing is.
    async fn ended(&mut self) -> Option<usize> {
        match self.under_way.join_next().await? {
            Ok((client, taken)) => {
                self.busy.remove(&client);
                Some(taken)
            }
            Err(error) => {
                tracing::error!(%error, "a delivery of logout notices broke off");
                self.busy.clear();
                Some(0)
            }
        }
    }
}

async fn deliver(app: &App, mut notice: Stored<Notice>) -> bool {
    let taken = match send(app, &notice).await {
        Ok(()) => true,
        Err(error) => {
            notice.record.tries = notice.tries.saturating_add(1);
            let factor = 4_u32.saturating_pow(notice.tries - 1);
            let pause = FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE);
            notice.record.next_at = app.clock.now() + pause;
            tracing::warn!(
                client = notice.client_id,
                tries = notice.tries,
                error,
                "an app was not told of a sign-out"
            );
            false
        }
    };
    let batch = if taken { Batch::new().remove(&notice) } else { Batch::new().update(&notice) };
    match app.store.apply(batch).await {
        // Another node was faster.
        Ok(_) | Err(ApplyError::Conflict(_)) => {}
        Err(ApplyError::Store(error)) => tracing::error!(%error, "a logout notice was not noted as tried"),
    }
    taken
}

/// Section 2.5. An app that is gone, or no longer wants to hear, counts as told.
async fn send(app: &App, notice: &Notice) -> Result<(), String> {
    let config = app.config();
    let Some(client) = config.apps.get(&notice.client_id) else { return Ok(()) };
    let Some(uri) = &client.backchannel_logout_uri else { return Ok(()) };
    let now = app.clock.now();
    let claims = json!({
        "iss": config.issuer,
        "sub": subject::of(app.keys.master(), client, notice.user),
        "aud": client.client_id,
        "iat": now.seconds(),
        "exp": (now + TOKEN_LIFETIME).seconds(),
        "jti": random_text::<12>(),
        "sid": subject::session(app.keys.master(), client, notice.session),
        "events": { EVENT: {} },
    });
    let token = app.keys.sign(client.id_token_alg, Typ::Logout, &claims).ok_or("it could not be signed")?;
    match app.outbound.post(uri.as_str(), &[("logout_token", &token)], client.reach).await {
        Ok(200..=299) => {
            tracing::info!(target: "gantry::audit", event = "app_told_of_sign_out", client = client.client_id, user = %notice.user);
            Ok(())
        }
        Ok(status) => Err(format!("the answer is {status}")),
        Err(error @ (OutboundError::Forbidden(_) | OutboundError::TooLong | OutboundError::Failed(_))) => {
            Err(error.to_string())
        }
    }
}
