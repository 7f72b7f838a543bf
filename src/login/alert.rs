//! Letters about odd sign-ins, and the link in them that takes one back: "this was not me".

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::challenge;
use super::context::Ending;
use super::device_trust::Device;
use super::session::{self, Session, SignedIn};
use super::visitor::Visitor;
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::Policy;
use crate::locale::Lang;
use crate::notify::{Letter, LetterContent, Oddity, mail};
use crate::oauth::grant;
use crate::policy::Context;
use crate::policy::rule::Device as Known;
use crate::secret::{Digest, DisavowalToken, Id, Token};
use crate::store::{ApplyError, Batch, Budget, Expect, Kind, Record, StoreError, Stored};

/// The link in a letter is good for this long.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// A sign-in that its person may say was not theirs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Disavowal {
    pub id: Id,
    secret: Digest,
    pub user: Id,
    pub session: Id,
    pub device: Option<Id>,
    /// For the page.
    pub browser: String,
    pub address: String,
    pub at: Timestamp,
    pub expires_at: Timestamp,
}

impl Record for Disavowal {
    const KIND: Kind = Kind::Disavowal;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// A session may let another browser in before it ends, and that one the next: so often is looked for more.
const ROUNDS: usize = 8;

/// Letters of one kind about one person, in this time: whoever signs in again and again fills no mailbox.
const LETTERS: (u64, Duration) = (5, Duration::from_secs(3600));

/// Adds to `batch` the letters that a sign-in is worth. One that cannot be written stops nobody.
pub(super) async fn of_sign_in(
    app: &App,
    ending: &Ending<'_>,
    (policy, context, refused): (&Policy, &Context, bool),
    mut batch: Batch,
) -> Result<Batch, StoreError> {
    let Some(SignedIn { user, session }) = ending.signed_in else { return Ok(batch) };
    let full = policy.devices.as_ref().filter(|rule| rule.is_exceeded(context));
    let changed = context.past.last.is_some()
        && (context.device == Known::New || (context.place.is_some() && !context.past.country));
    let browser = session::browser_name(&ending.visitor.user_agent);
    let address = context.address.to_canonical().to_string();
    let person = user.email.as_ref().filter(|_| user.email_verified).map(ToString::to_string);
    let to_person = full.is_some_and(|rule| rule.alert_user) || (policy.alerts.user && changed && !refused);
    let person = match person.filter(|_| to_person) {
        Some(to) => may_write(app, user, "person").await?.then_some(to),
        None => None,
    };
    if let (Some(to), Some(rule)) = (&person, full.filter(|rule| rule.alert_user)) {
        let max = rule.max.unwrap_or_default().into();
        let url = format!("{}/account", app.config().issuer);
        let letter = LetterContent::DeviceLimit { max, device: browser, address: address.clone(), url };
        batch = send(app, batch, (to, user.language()), letter);
    } else if let Some(to) = &person {
        let (letter, with) = new_sign_in(app, session, (browser, context), batch);
        batch = send(app, with, (to, user.language()), letter);
    }
    let event = match (refused, full) {
        (true, _) => Some(Oddity::Refused),
        (false, Some(_)) => Some(Oddity::DeviceLimit),
        (false, None) => changed.then_some(Oddity::NewDeviceOrPlace),
    };
    let Some(what) = event.filter(|_| !policy.alerts.admins.is_empty()) else { return Ok(batch) };
    if !may_write(app, user, "admins").await? {
        return Ok(batch);
    }
    for to in &policy.alerts.admins {
        let (person, address) = (user.username.to_string(), address.clone());
        batch =
            send(app, batch, (to, None), LetterContent::AdminAlert { person, what, address, at: context.at });
    }
    Ok(batch)
}

async fn may_write(app: &App, about: &User, to: &str) -> Result<bool, StoreError> {
    let (limit, window) = LETTERS;
    let budget = Budget { counter: format!("alert/{to}/{}", about.id), limit, window };
    Ok(app.store.spend(vec![budget]).await?.is_none())
}

fn new_sign_in(
    app: &App,
    session: &Session,
    (browser, context): (String, &Context),
    batch: Batch,
) -> (LetterContent, Batch) {
    let token = Token::<DisavowalToken>::generate(context.at);
    let address = context.address.to_canonical().to_string();
    let disavowal = Disavowal {
        id: token.id(),
        secret: token.digest(),
        user: session.user,
        session: session.id,
        device: session.device,
        browser: browser.clone(),
        address: address.clone(),
        at: context.at,
        expires_at: context.at + LIFETIME,
    };
    let url = format!("{}/not-me/{}", app.config().issuer, token.reveal());
    let place = context.place.as_ref().map(ToString::to_string);
    let letter = LetterContent::NewSignIn { device: browser, address, place, at: context.at, url };
    (letter, batch.insert(&disavowal))
}

fn send(app: &App, batch: Batch, (to, language): (&str, Option<Lang>), content: LetterContent) -> Batch {
    let letter = Letter { to: to.to_owned(), language, content };
    match mail::queue(app, Batch::new(), &letter) {
        Ok(letter) => batch.and(letter),
        Err(error) => {
            tracing::error!(%error, "a letter about a sign-in was not sent");
            batch
        }
    }
}

/// An older value of a device's cookie was used: somebody has a copy. The device ends, and its person hears of it.
pub(super) async fn stolen(app: &App, visitor: &Visitor, device: &Stored<Device>) -> Result<(), StoreError> {
    tracing::warn!(target: "gantry::audit", event = "device_copied", user = %device.user, device = %device.id, address = %visitor.address);
    let mut batch = Batch::new().delete::<Device>(device.id(), Expect::Any);
    if let Some(user) = app.store.get::<User>(&device.user.to_string()).await? {
        batch = challenge::notice(app, visitor, &user, crate::notify::Credential::DeviceCopied, batch);
    }
    match app.store.apply(batch).await {
        Ok(_) | Err(ApplyError::Conflict(_)) => app.notifier.ring(),
        Err(ApplyError::Store(error)) => return Err(error),
    }
    Ok(())
}

/// The sign-in behind a link.
pub async fn find(app: &App, text: &str) -> Result<Option<Stored<Disavowal>>, StoreError> {
    let Some(token) = Token::<DisavowalToken>::parse(text) else { return Ok(None) };
    let found = app.store.get::<Disavowal>(&token.id().to_string()).await?;
    Ok(found.filter(|found| token.proves(&found.secret)))
}

/// It was not them: the session ends with everything that hangs on it, and so do the device, and what has begun with
/// it or since.
///
/// Whoever it was may be at work at this very moment. So the device goes first, with which sessions begin, then the
/// sessions, in which things are allowed, and then what was allowed: each needs the one before to come about, and what
/// came about in time is found. The link goes last: when something fails on the way, it is still there.
pub async fn disavow(app: &App, disavowal: Stored<Disavowal>) -> Result<(), ApplyError> {
    if let Some(device) = disavowal.device {
        app.store.apply(Batch::new().delete::<Device>(device.to_string(), Expect::Any)).await?;
    }
    for _ in 0..ROUNDS {
        let sessions = theirs(app, &disavowal).await.map_err(ApplyError::Store)?;
        if sessions.is_empty() {
            break;
        }
        for session in sessions {
            session::end(app, &session).await?;
        }
    }
    grant::end_since(app, disavowal.user, disavowal.at).await?;
    app.store.apply(Batch::new().remove(&disavowal)).await?;
    let Disavowal { user, session, address, .. } = &disavowal.record;
    tracing::warn!(target: "gantry::audit", event = "sign_in_disavowed", user = %user, session = %session, address);
    Ok(())
}

/// The sessions of whoever it was. Only the first at a new device is told of, so one letter stands for all of them.
async fn theirs(app: &App, disavowal: &Disavowal) -> Result<Vec<Stored<Session>>, StoreError> {
    let user = disavowal.user.to_string();
    let mut sessions = app.store.find::<Session>(session::BY_USER, &user, usize::MAX).await?;
    sessions.retain(|session| {
        session.id == disavowal.session
            || session.created_at >= disavowal.at
            || (session.device.is_some() && session.device == disavowal.device)
    });
    Ok(sessions)
}
