//! The first factor in a sign-in: name and password.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::approval::{self, Answer};
use super::challenge;
use super::device_trust;
use super::dispatch::{LoginError, Next, Notice, Outcome, Submission, load, proceed, title};
use super::flow::{LoginFlow, Pending, Progress, State, Target};
use super::password::{Checked, MAX_PASSWORD_BYTES};
use super::second::again;
use super::sending::{self, Sent, Whom};
use super::session::{self, Beginning, Session, SignedIn};
use super::throttle::Attempt;
use super::visitor::Visitor;
use crate::account::{User, find_user};
use crate::app::App;
use crate::config::{FirstFactor, Policy};
use crate::factor::passkey::RelyingParty;
use crate::oauth::vocabulary::Authentication;
use crate::secret::Id;
use crate::store::{ApplyError, Batch, Stored};

/// Longer names are nobody's, in bytes.
pub(super) const MAX_NAME: usize = 254;

/// Applies the page for name and password.
pub(super) async fn by_password(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    sent: Submission,
) -> Result<Outcome, LoginError> {
    if sent.password.len() > MAX_PASSWORD_BYTES {
        return Err(LoginError::TooLong);
    }
    let username = match &flow.state {
        State::Reauthenticate { username, .. } => username.clone(),
        _ => sent.username.trim().to_owned(),
    };
    let proved = if username.is_empty() || sent.password.is_empty() {
        Err(Notice::Missing)
    } else {
        prove_password(app, visitor, &username, sent.password).await?
    };
    match proved {
        Err(notice) => {
            let again = Next::Again { flow: Box::new(flow.record), notice, username };
            Ok(Outcome { next: again, cookies: Vec::new() })
        }
        Ok((user, batch)) => {
            let now = app.clock.now();
            let Beginning { session, cookies, batch } =
                session::begin(app, visitor, &user, Authentication::by(&["pwd"], now), batch).await?;
            flow.record.progress.began(session.id);
            let (user_id, session_id) = (user.id, session.id);
            session::note_language(app, visitor, &user).await;
            let outcome = proceed(app, visitor, flow, Some(&SignedIn { session, user }), batch).await?;
            tracing::info!(target: "gantry::audit", event = "signed_in", user = %user_id, session = %session_id, address = %visitor.address);
            Ok(Outcome { cookies, ..outcome })
        }
    }
}

/// Goes on with the flow `id` of this browser as somebody who has just got an account, if it is not too late: they
/// sign in with it like anybody.
pub async fn resume(app: &App, visitor: &Visitor, id: Id, username: &str) -> Result<Next, LoginError> {
    let mut flow = load(app, visitor, &id.to_string()).await?;
    flow.record.state = State::Identify;
    flow.record.pending = None;
    flow.record.progress = Progress { username: Some(username.to_owned()), ..Progress::default() };
    app.store.apply(Batch::new().update(&flow).relaxed()).await?;
    Ok(Next::Page(flow.id))
}

/// Whether a policy on the way to `target` takes this for a first factor. Where no app is on the way, a passkey or a
/// mailed link will do if it does for any app.
#[must_use]
pub fn takes(app: &App, target: &Target, factor: FirstFactor) -> bool {
    let config = app.config();
    let takes = |policy: &Policy| policy.first_factor == factor || policy.first_factor == FirstFactor::Any;
    if factor == FirstFactor::Passkey && RelyingParty::of(&config.issuer).is_none() {
        return false;
    }
    if target.wish().is_none() && matches!(factor, FirstFactor::Passkey | FirstFactor::MagicLink) {
        return config.policies.values().any(takes);
    }
    let client = target.wish().and_then(|(client_id, _)| config.apps.get(client_id));
    let policies = client.iter().flat_map(|client| &client.access);
    policies.filter_map(|access| config.policies.get(&access.policy)).any(takes)
}

/// Goes to the page that waits for somebody to open a link in their mail. Who has a name is not told.
pub(super) async fn mail_link(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    username: &str,
) -> Result<Outcome, LoginError> {
    let username = username.trim();
    if username.is_empty() || username.len() > MAX_NAME {
        return Ok(again(flow.record, Notice::Missing));
    }
    let device = match find_user(&app.store, username).await? {
        Some(user) => device_trust::find(app, visitor, user.id).await?.map(|device| device.id),
        None => None,
    };
    let attempt = Attempt { name: username, address: visitor.address, device };
    if let Err(too_many) = attempt.count_asking(app).await? {
        return Ok(again(flow.record, Notice::TooMany(too_many)));
    }
    flow.record.progress.mailed = Some(username.to_owned());
    // A session of another first factor does not count until the link was opened.
    proceed(app, visitor, flow, None, Batch::new()).await
}

/// Adds the question behind the link to `batch`, and the letter when there is somebody to send it to.
pub(super) async fn send_link(
    app: &App,
    visitor: &Visitor,
    flow: &mut LoginFlow,
    username: &str,
    batch: Batch,
) -> Result<Batch, LoginError> {
    let user = find_user(&app.store, username).await?.filter(|user| user.is_active());
    let title = title(app, &flow.target);
    // For nobody the same is written.
    let about = user.as_ref().map_or_else(|| Id::new(app.clock.now()), |user| user.id);
    let (approval, batch) = approval::ask(app, visitor, Some(about), &title, batch);
    flow.pending = Some(Pending::Asked { approval });
    let reached = user.as_ref().filter(|user| user.email_verified && user.email.is_some());
    let whom = reached.map_or(Whom::Nobody(username), |user| Whom::Person(user.id));
    let too_many = sending::count(app, visitor, (Sent::Link, whom)).await?;
    let Some(user) = reached.filter(|_| too_many.is_none()) else { return Ok(batch) };
    let address = visitor.address.to_canonical().to_string();
    match challenge::letter_with_link(app, (user, approval), (&title, &address)) {
        Ok(letter) => Ok(batch.and(letter)),
        Err(error) => {
            tracing::error!(%error, "a link was not sent");
            Ok(batch)
        }
    }
}

/// Takes the answer that somebody gave elsewhere, if it is a yes: who it is about, and the batch that uses it up. A
/// session that has ended lets nobody in any more.
pub(super) async fn answered(
    app: &App,
    flow: &LoginFlow,
) -> Result<Result<(Arc<User>, Batch), Notice>, LoginError> {
    let Some(Pending::Asked { approval }) = flow.pending else {
        return Ok(Err(Notice::NotSent));
    };
    let Some(answer) = approval::find(app, approval).await? else { return Ok(Err(Notice::Denied)) };
    Ok(match answer.answer {
        Answer::Allowed { by, epoch, session } => {
            let user = app.store.view::<User>(&by.to_string()).await?;
            let user = user.filter(|user| user.is_active() && user.epoch == epoch);
            let Some(user) = user else { return Ok(Err(Notice::Denied)) };
            let taken = Batch::new().remove(&answer);
            match session.map(|session| session.to_string()) {
                None => Ok((user, taken)),
                Some(session) if app.store.view::<Session>(&session).await?.is_some() => {
                    Ok((user, taken.require::<Session>(session)))
                }
                Some(_) => Err(Notice::Denied),
            }
        }
        Answer::Open => Err(Notice::Waiting),
        Answer::Denied => Err(Notice::Denied),
    })
}

/// What is to be said of the answer that is waited for elsewhere; nothing when it is a yes.
pub async fn heard(app: &App, flow: &LoginFlow) -> Result<Option<Notice>, LoginError> {
    Ok(answered(app, flow).await?.err())
}

/// Lets in whom somebody let in elsewhere.
pub(super) async fn from_elsewhere(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
) -> Result<Outcome, LoginError> {
    let (user, batch) = match answered(app, &flow).await? {
        Ok((user, batch)) => (Arc::unwrap_or_clone(user), batch),
        Err(notice) => return Ok(again(flow.record, notice)),
    };
    // Another channel than this browser (RFC 8176 section 2).
    flow.record.pending = None;
    let by_mail = matches!(flow.state, State::Mailed { .. });
    let authentication = Authentication { by_mail, ..Authentication::by(&["mca"], app.clock.now()) };
    let Beginning { session, cookies, batch } =
        session::begin(app, visitor, &user, authentication, batch).await?;
    flow.record.progress.began(session.id);
    let (user_id, session_id) = (user.id, session.id);
    session::note_language(app, visitor, &user).await;
    let signed_in = SignedIn { session, user };
    let outcome = proceed(app, visitor, flow, Some(&signed_in), batch).await?;
    tracing::info!(target: "gantry::audit", event = "signed_in", user = %user_id, session = %session_id, address = %visitor.address, by = "approval");
    Ok(Outcome { cookies, ..outcome })
}

/// Checks name and password: counted first, with equal work for names that nobody has. The batch is what the
/// right password changes.
pub async fn prove_password(
    app: &App,
    visitor: &Visitor,
    username: &str,
    password: Zeroizing<String>,
) -> Result<Result<(User, Batch), Notice>, LoginError> {
    let found = if username.len() <= MAX_NAME { find_user(&app.store, username).await? } else { None };
    let device = match &found {
        Some(user) => device_trust::find(app, visitor, user.id).await?.map(|device| device.id),
        None => None,
    };
    let attempt = Attempt { name: username, address: visitor.address, device };
    if let Err(too_many) = attempt.count(app).await? {
        return Ok(Err(Notice::TooMany(too_many)));
    }
    let cost = app.config().passwords.argon2id;
    let against = found.as_ref().and_then(|user| user.password.clone());
    let checked = app.passwords.check(password, against, cost).await?;
    let Some(user) = found.filter(|user| user.is_active()) else {
        return Ok(Err(Notice::WrongCredentials));
    };
    match checked {
        Checked::Wrong => Ok(Err(Notice::WrongCredentials)),
        Checked::Right { rehash } => {
            Ok(Ok((renewed(app, user, rehash).await?, attempt.forgive(Batch::new()))))
        }
    }
}

/// Keeps the hash at today's costs. Losing the race to another change is no loss: the next sign-in tries again.
async fn renewed(app: &App, mut user: Stored<User>, rehash: Option<String>) -> Result<User, LoginError> {
    if let Some(phc) = rehash {
        user.record.password = Some(phc);
        match app.store.apply(Batch::new().update(&user)).await {
            Ok(_) | Err(ApplyError::Conflict(_)) => {}
            Err(ApplyError::Store(error)) => return Err(error.into()),
        }
    }
    Ok(user.record)
}
