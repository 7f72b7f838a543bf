//! Second factors in a sign-in: proving one, enrolling one.

use std::time::Duration;

use super::dispatch::{LoginError, Next, Notice, Outcome, proceed};
use super::flow::{LoginFlow, State};
use super::session::{self, Beginning, SignedIn};
use super::throttle::TooMany;
use super::visitor::Visitor;
use crate::account::User;
use crate::app::App;
use crate::factor::totp::TotpSecret;
use crate::factor::{self, Content, Factor, FactorKind, recovery};
use crate::oauth::OAuthError;
use crate::secret::Id;
use crate::store::{Batch, Budget, Stored};

/// Tries in a session, and of a person in all sessions together, in this time.
const OF_SESSION: u64 = 5;
const OF_PERSON: u64 = 20;
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Longer codes are none, in bytes.
const MAX_CODE: usize = 64;

/// Checks the code of an authenticator app or a recovery code. The try is counted first; the code is spent in
/// the same stroke in which the session learns of it.
pub(super) async fn prove(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    session: Id,
    code: &str,
) -> Result<Outcome, LoginError> {
    let user = person(app, visitor, session).await?;
    if let Some(too_many) = count(app, session, user.id).await? {
        return Ok(again(flow.record, Notice::TooMany(too_many)));
    }
    let kind = match flow.state {
        State::RecoveryCode { .. } => FactorKind::RecoveryCodes,
        _ => FactorKind::Totp,
    };
    let Some(spent) = check(app, user.id, kind, code).await? else {
        tracing::warn!(target: "gantry::audit", event = "second_factor_refused", user = %user.id, kind = kind.name());
        return Ok(again(flow.record, Notice::WrongCode));
    };
    flow.record.progress.recovering = false;
    let batch = forgive(Batch::new().update(&spent), session, user.id);
    tracing::info!(target: "gantry::audit", event = "second_factor_proved", user = %user.id, kind = kind.name());
    elevated(app, visitor, flow, (session, user.record), batch).await
}

/// Enrols the authenticator app that shows this code, and gives recovery codes with it.
pub(super) async fn enrol(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    session: Id,
    code: &str,
) -> Result<Outcome, LoginError> {
    let mut user = person(app, visitor, session).await?;
    if let Some(too_many) = count(app, session, user.id).await? {
        return Ok(again(flow.record, Notice::TooMany(too_many)));
    }
    let (master, now) = (app.keys.master(), app.clock.now());
    let secret = TotpSecret::offered(master, flow.id);
    let Some(step) = short(code).and_then(|code| secret.step_of(code, now)) else {
        return Ok(again(flow.record, Notice::WrongCode));
    };
    let codes = recovery::offered(master, flow.id);
    let factors = [secret.factor(master, user.id, step, now), recovery::factor(&codes, user.id, now)];
    let batch = forgive(factor::enrol(Batch::new(), &mut user, &factors), session, user.id);
    flow.record.progress.codes_unseen = true;
    tracing::info!(target: "gantry::audit", event = "second_factor_enrolled", user = %user.id);
    elevated(app, visitor, flow, (session, user.record), batch).await
}

/// The factor as it is after `code` was used, or `None` when that is no code.
async fn check(
    app: &App,
    user: Id,
    kind: FactorKind,
    code: &str,
) -> Result<Option<Stored<Factor>>, LoginError> {
    let Some(code) = short(code) else { return Ok(None) };
    let Some(mut factor) = app.store.get::<Factor>(&factor::key(user, kind)).await? else {
        return Ok(None);
    };
    let secret = TotpSecret::enrolled(app.keys.master(), &factor).map_err(|error| {
        tracing::error!(%error, user = %user, "a second factor cannot be read");
        OAuthError::server()
    })?;
    let good = match (&mut factor.record.content, secret) {
        (Content::Totp { last_step, .. }, Some(secret)) => match secret.step_of(code, app.clock.now()) {
            Some(step) if step > *last_step => {
                *last_step = step;
                true
            }
            _ => false,
        },
        (Content::RecoveryCodes { left }, _) => match recovery::used(left, code) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        },
        (Content::Totp { .. }, None) => false,
    };
    Ok(good.then_some(factor))
}

async fn elevated(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    (session, user): (Id, User),
    batch: Batch,
) -> Result<Outcome, LoginError> {
    let beginning = session::elevate(app, visitor, session, "otp", batch).await?;
    let Beginning { session, cookies, batch } = beginning.ok_or(LoginError::Gone)?;
    let outcome = proceed(app, visitor, flow, Some(&SignedIn { session, user }), batch).await?;
    Ok(Outcome { cookies, ..outcome })
}

async fn person(app: &App, visitor: &Visitor, session: Id) -> Result<Stored<User>, LoginError> {
    let signed_in = session::current(app, visitor).await?.filter(|signed_in| signed_in.session.id == session);
    let user = signed_in.ok_or(LoginError::Gone)?.user.id;
    app.store.get::<User>(&user.to_string()).await?.ok_or(LoginError::Gone)
}

fn again(flow: LoginFlow, notice: Notice) -> Outcome {
    let next = Next::Again { flow: Box::new(flow), notice, username: String::new() };
    Outcome { next, cookies: Vec::new() }
}

fn short(code: &str) -> Option<&str> {
    Some(code).filter(|code| code.len() <= MAX_CODE)
}

fn counters(session: Id, user: Id) -> [String; 2] {
    [format!("factor/session/{session}"), format!("factor/user/{user}")]
}

async fn count(app: &App, session: Id, user: Id) -> Result<Option<TooMany>, LoginError> {
    let limits = [OF_SESSION, OF_PERSON];
    let budget = |(counter, limit)| Budget { counter, limit, window: WINDOW };
    let budgets = counters(session, user).into_iter().zip(limits).map(budget).collect();
    Ok(app.store.spend(budgets).await?.map(|_| TooMany { wait: WINDOW }))
}

fn forgive(batch: Batch, session: Id, user: Id) -> Batch {
    counters(session, user).into_iter().fold(batch, Batch::clear)
}
