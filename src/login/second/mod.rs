//! Second factors in a sign-in: proving one ([`mod@prove`]), enrolling one ([`mod@enrol`]), choosing between them.
//!
//! Owns how often somebody may try. Does not own what is sent beforehand (`login::challenge`) or what a proof is
//! checked against (`factor`).

pub(in crate::login) mod enrol;
mod prove;

use std::time::Duration;

pub(super) use self::enrol::enrol;
pub(super) use self::prove::prove;
use super::context::Origin;
use super::dispatch::{LoginError, Next, Notice, Outcome, Submission, proceed};
use super::flow::{LoginFlow, Progress, State, Step};
use super::session::{self, Beginning, SignedIn};
use super::situation::next_step;
use super::throttle::TooMany;
use super::visitor::Visitor;
use crate::account::User;
use crate::app::App;
use crate::factor::{FactorKind, Method};
use crate::keys::UnsealError;
use crate::oauth::OAuthError;
use crate::secret::Id;
use crate::store::{Batch, Budget, Stored};

/// Tries, and the seconds in which they are counted: of a session, and of a person in all sessions together.
const OF_SESSION: (u64, u64) = (5, 15 * 60);
const OF_PERSON: (u64, u64) = (15, 60 * 60);
/// Thirty guesses at three six-digit codes that are good at a time succeed once in ten thousand days.
const OF_PERSON_A_DAY: (u64, u64) = (30, 24 * 60 * 60);
/// Longer codes are none, in bytes.
const MAX_CODE: usize = 64;

/// What is done about the ways there are.
pub(super) enum Choice {
    Method(Method),
    Kind(FactorKind),
    Ask,
}

impl Choice {
    pub(super) fn note(self, progress: &mut Progress) {
        progress.choosing = matches!(self, Self::Ask);
        match self {
            Self::Method(method) => progress.method = Some(method),
            Self::Kind(kind) => progress.enrolling = Some(kind),
            Self::Ask => {}
        }
    }
}

/// What the person chose: on the page that asks; elsewhere "another way" leads there, or where there are but two
/// to the other one. `None` for what is no way.
pub(super) fn choice(state: &State, sent: &Submission) -> Option<Choice> {
    let named = sent.fields.get("method");
    match state {
        State::Prove { method, usable, .. } => another(*method, usable, Choice::Method),
        State::Enrol { kind, enrollable, .. } => another(*kind, enrollable, Choice::Kind),
        State::ChooseMethod { .. } => named.and_then(Method::parse).map(Choice::Method),
        State::ChooseKind { .. } => named.and_then(FactorKind::parse).map(Choice::Kind),
        _ => None,
    }
}

fn another<T: Copy + PartialEq>(current: T, there: &[T], chosen: impl FnOnce(T) -> Choice) -> Option<Choice> {
    let others: Vec<T> = there.iter().copied().filter(|other| *other != current).collect();
    match others.as_slice() {
        [] => None,
        [other] => Some(chosen(*other)),
        _ => Some(Choice::Ask),
    }
}

/// A second factor that was proved.
pub(super) struct Proved {
    pub(super) session: Id,
    pub(super) user: User,
    pub(super) method: Method,
    pub(super) amr: &'static str,
    /// False of a key that did not check who uses it.
    pub(super) verified: bool,
    /// The person's epoch goes on in `batch`: every other session ends.
    pub(super) begun_anew: bool,
    /// What the proof changes.
    pub(super) batch: Batch,
}

impl Proved {
    /// By `method`, which says by itself what it is worth.
    pub(super) const fn by(method: Method, session: Id, user: User, batch: Batch) -> Self {
        Self { session, user, method, amr: method.amr(), verified: true, begun_anew: false, batch }
    }
}

pub(super) async fn elevated(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    proved: Proved,
) -> Result<Outcome, LoginError> {
    let Proved { session, user, method, amr, verified, begun_anew, batch } = proved;
    let of = (session, begun_anew);
    let beginning = session::elevate(app, visitor, of, (amr, method, verified), batch).await?;
    let Beginning { session, cookies, batch } = beginning.ok_or(LoginError::Gone)?;
    let outcome = proceed(app, visitor, flow, Some(&SignedIn { session, user }), batch).await?;
    Ok(Outcome { cookies, ..outcome })
}

pub(super) async fn person(app: &App, visitor: &Visitor, session: Id) -> Result<Stored<User>, LoginError> {
    let signed_in = session::current(app, visitor).await?.filter(|signed_in| signed_in.session.id == session);
    let user = signed_in.ok_or(LoginError::Gone)?.user.id;
    app.store.get::<User>(&user.to_string()).await?.ok_or(LoginError::Gone)
}

/// Whether the page of `flow` is still the one to be shown. It may have been held open while a factor was enrolled or
/// removed elsewhere, or a policy became stricter, and gets nobody around that (TO-07 of the attack list). How long ago
/// anything was proved was looked at when it was shown. Asked after reading the [`person`] whose record is then updated,
/// so that nothing comes between.
pub(super) async fn is_due(app: &App, visitor: &Visitor, flow: &LoginFlow) -> Result<bool, LoginError> {
    let signed_in = session::current(app, visitor).await?;
    let from = Origin::of(app, visitor, None);
    let signed_in_here = flow.state.session().or(flow.progress.signed_in);
    let progress = Progress { signed_in: signed_in_here, ..flow.progress.clone() };
    Ok(match next_step(app, from, &flow.target, &progress, signed_in.as_ref()).await? {
        Step::Ask(state) => state == flow.state,
        Step::Finish | Step::Forbidden(_) | Step::Refuse(_) => false,
    })
}

/// Goes to the page that is the one to be shown now.
pub(super) async fn move_on(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
) -> Result<Outcome, LoginError> {
    let signed_in = session::current(app, visitor).await?;
    proceed(app, visitor, flow, signed_in.as_ref(), Batch::new()).await
}

pub(super) fn again(flow: LoginFlow, notice: Notice) -> Outcome {
    let next = Next::Again { flow: Box::new(flow), notice, username: String::new() };
    Outcome { next, cookies: Vec::new() }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
pub(super) fn unreadable(error: UnsealError) -> LoginError {
    tracing::error!(%error, "a second factor cannot be read");
    OAuthError::server().into()
}

fn short(code: &str) -> Option<&str> {
    Some(code).filter(|code| code.len() <= MAX_CODE)
}

fn budgets(session: Id, user: Id) -> Vec<Budget> {
    let budget = |counter, (limit, seconds)| Budget { counter, limit, window: Duration::from_secs(seconds) };
    vec![
        budget(format!("factor/session/{session}"), OF_SESSION),
        budget(format!("factor/user/{user}"), OF_PERSON),
        budget(format!("factor/day/{user}"), OF_PERSON_A_DAY),
    ]
}

/// Answers are easier to guess than codes, and right ones forgive nothing.
fn of_questions(session: Id, user: Id) -> [Budget; 2] {
    let budget = |counter, limit, seconds| Budget { counter, limit, window: Duration::from_secs(seconds) };
    [
        budget(format!("kba/session/{session}"), 3, 15 * 60),
        budget(format!("kba/user/{user}"), 9, 24 * 60 * 60),
    ]
}

async fn count(
    app: &App,
    session: Id,
    user: Id,
    method: Option<Method>,
) -> Result<Option<TooMany>, LoginError> {
    let mut budgets = budgets(session, user);
    if method == Some(Method::Kba) {
        budgets.extend(of_questions(session, user));
    }
    let windows: Vec<Duration> = budgets.iter().map(|budget| budget.window).collect();
    let exhausted = app.store.spend(budgets).await?;
    Ok(exhausted.map(|which| TooMany { wait: windows.get(which).copied().unwrap_or_default() }))
}

pub(super) fn forgive(batch: Batch, session: Id, user: Id) -> Batch {
    budgets(session, user).into_iter().fold(batch, |batch, budget| batch.clear(budget.counter))
}
