//! What a person changes about their own account, once they have proved who they are.

use zeroize::Zeroizing;

use super::challenge::notice;
use super::device_trust::{self, Device};
use super::dispatch::{Action, LoginError, Next, Notice, Outcome, Submission, proceed};
use super::flow::{LoginFlow, Target, Task};
use super::own_keys;
use super::password::MAX_PASSWORD_BYTES;
use super::second::{again, is_due, move_on, person};
use super::session::{self, Beginning, SignedIn};
use super::visitor::Visitor;
use crate::account::User;
use crate::app::App;
use crate::factor::{self, FactorKind, recovery};
use crate::notify::Credential;
use crate::oauth::backchannel;
use crate::secret::Id;
use crate::store::{Batch, Stored};

/// Carries out the task of the flow, or leaves everything as it is when the person does not want it any more.
pub(super) async fn carry_out(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    action: Action,
    sent: Submission,
) -> Result<Outcome, LoginError> {
    let (Target::Account(task), Some(session)) = (&flow.target, flow.state.session()) else {
        return Err(LoginError::Forged);
    };
    let user = person(app, visitor, session).await?;
    if action != Action::Deny && !is_due(app, visitor, &flow).await? {
        return move_on(app, visitor, flow).await;
    }
    match (action, task.clone()) {
        (Action::Deny, _) => {
            app.store.apply(Batch::new().remove(&flow)).await?;
            Ok(Outcome { next: Next::Account, cookies: Vec::new() })
        }
        (Action::Continue, Task::Add(FactorKind::RecoveryCodes)) => {
            renew_codes(app, visitor, flow, user).await
        }
        (Action::Continue, Task::Remove(kind)) => remove(app, visitor, flow, user, kind).await,
        (Action::Continue, Task::Key { kind, key, change, .. }) => {
            own_keys::change(app, visitor, flow, (user, &sent), (kind, key, change)).await
        }
        (Action::Continue, Task::Password) => change_password(app, visitor, flow, user, sent).await,
        _ => Err(LoginError::Forged),
    }
}

async fn renew_codes(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    mut user: Stored<User>,
) -> Result<Outcome, LoginError> {
    let codes = recovery::offered(app.keys.master(), flow.id);
    let codes = recovery::factor(&codes, user.id, app.clock.now());
    let batch = factor::enrol(Batch::new(), &mut user, &[codes]);
    let batch = notice(app, visitor, &user, Credential::RecoveryCodesMade, batch);
    done(app, visitor, flow, user.record, batch).await
}

async fn remove(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    mut user: Stored<User>,
    kind: FactorKind,
) -> Result<Outcome, LoginError> {
    let batch = factor::remove(Batch::new(), &mut user, kind);
    let batch = notice(app, visitor, &user, removed(kind), batch);
    tracing::info!(target: "gantry::audit", event = "second_factor_removed", user = %user.id, kind = kind.name());
    begun_anew(app, visitor, flow, user.record, batch).await
}

/// The task is carried out, and with a new epoch every session and grant of the person ends but the session that does
/// it, which begins anew.
pub(super) async fn begun_anew(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    user: User,
    batch: Batch,
) -> Result<Outcome, LoginError> {
    let current = session::current(app, visitor).await?.ok_or(LoginError::Gone)?;
    let proved = current.session.authentication;
    let Beginning { session, cookies, batch } = session::begin(app, visitor, &user, proved, batch).await?;
    flow.record.progress.done = true;
    let id = user.id;
    let outcome = proceed(app, visitor, flow, Some(&SignedIn { session, user }), batch).await?;
    backchannel::person_left(app, id).await?;
    Ok(Outcome { cookies, ..outcome })
}

async fn change_password(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    mut user: Stored<User>,
    sent: Submission,
) -> Result<Outcome, LoginError> {
    let passwords = app.config().passwords;
    if sent.password.len() > MAX_PASSWORD_BYTES {
        return Err(LoginError::TooLong);
    }
    if sent.password.chars().count() < passwords.min_length {
        return Ok(again(flow.record, Notice::PasswordTooShort(passwords.min_length)));
    }
    if sent.fields.get("password_again") != Some(sent.password.as_str()) {
        return Ok(again(flow.record, Notice::PasswordsDiffer));
    }
    let password = Zeroizing::new(sent.password.to_string());
    user.record.password = Some(app.passwords.hash(password, passwords.argon2id).await?);
    user.record.epoch += 1;
    user.record.updated_at = app.clock.now();
    let batch = notice(app, visitor, &user, Credential::PasswordChanged, Batch::new().update(&user));
    let id = user.id;
    let outcome = begun_anew(app, visitor, flow, user.record, batch).await?;
    tracing::info!(target: "gantry::audit", event = "password_changed", user = %id);
    Ok(outcome)
}

/// What is told of a factor that is gone.
#[must_use]
pub const fn removed(kind: FactorKind) -> Credential {
    match kind {
        FactorKind::Totp => Credential::AuthenticatorRemoved,
        FactorKind::RecoveryCodes => Credential::RecoveryCodesRemoved,
        FactorKind::AlternateEmail => Credential::AddressRemoved,
        FactorKind::Phone => Credential::PhoneRemoved,
        FactorKind::Push | FactorKind::WebPush => Credential::PushRemoved,
        FactorKind::HardwareToken | FactorKind::Yubikey => Credential::TokenRemoved,
        FactorKind::Grid => Credential::GridCardRemoved,
        FactorKind::Kba => Credential::QuestionsChanged,
        FactorKind::Passkey => Credential::PasskeyRemoved,
    }
}

/// The task is carried out, unless the session has just ended.
pub(super) async fn done(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    user: User,
    batch: Batch,
) -> Result<Outcome, LoginError> {
    flow.record.progress.done = true;
    let session = session::current(app, visitor).await?.ok_or(LoginError::Gone)?.session;
    let batch = batch.require::<session::Session>(session.id.to_string());
    proceed(app, visitor, flow, Some(&SignedIn { session, user }), batch).await
}

/// The live sessions of a person.
pub async fn sessions(app: &App, user: &User) -> Result<Vec<session::Session>, LoginError> {
    const MOST: usize = 100;
    let found = app.store.find::<session::Session>(session::BY_USER, &user.id.to_string(), MOST).await?;
    Ok(found.into_iter().map(|stored| stored.record).filter(|session| session.belongs_to(user)).collect())
}

/// Ends a session of this very person; [`LoginError::Gone`] for any other.
pub async fn end_session(app: &App, user: &User, id: &str) -> Result<(), LoginError> {
    let id: Id = id.parse().map_err(|_| LoginError::Gone)?;
    let session = app.store.get::<session::Session>(&id.to_string()).await?;
    let session = session.filter(|session| session.belongs_to(user)).ok_or(LoginError::Gone)?;
    Ok(session::end(app, &session).await?)
}

/// Forgets a device of this very person; [`LoginError::Gone`] for any other.
pub async fn forget_device(app: &App, user: &User, id: &str) -> Result<(), LoginError> {
    let id: Id = id.parse().map_err(|_| LoginError::Gone)?;
    let device = app.store.get::<Device>(&id.to_string()).await?;
    let device = device.filter(|device| device.user == user.id).ok_or(LoginError::Gone)?;
    Ok(device_trust::revoke(app, &[device]).await?)
}
