//! Second factors in a sign-in: proving one, enrolling one.

use std::time::Duration;

use super::dispatch::{LoginError, Next, Notice, Outcome, Submission, proceed};
use super::flow::{LoginFlow, Pending, Progress, State};
use super::password::Checked;
use super::session::{self, Beginning, SignedIn};
use super::throttle::TooMany;
use super::visitor::Visitor;
use super::{challenge, first, own, passkey};
use crate::account::User;
use crate::app::App;
use crate::factor::totp::TotpSecret;
use crate::factor::{self, Content, Factor, FactorKind, Method, recovery};
use crate::factor::{contact, grid, kba, radius};
use crate::keys::UnsealError;
use crate::notify::Credential;
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

/// Checks a second factor. The try is counted first; what was proved is used up in the same stroke in which
/// the session learns of it.
pub(super) async fn prove(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    (session, method): (Id, Method),
    sent: &Submission,
) -> Result<Outcome, LoginError> {
    let user = person(app, visitor, session).await?;
    if method.is_link() {
        return by_link(app, visitor, flow, (session, method), user.record).await;
    }
    if let Some(too_many) = count(app, session, user.id, Some(method)).await? {
        return Ok(again(flow.record, Notice::TooMany(too_many)));
    }
    if method == Method::Passkey {
        return passkey::prove(app, visitor, flow, (session, user.record), sent).await;
    }
    if method == Method::Radius {
        return by_radius(app, visitor, flow, user.record, sent).await;
    }
    let Some(batch) = check(app, &flow, user.id, method, sent).await? else {
        tracing::warn!(target: "gantry::audit", event = "second_factor_refused", user = %user.id, method = method.name());
        return Ok(again(flow.record, Notice::WrongCode));
    };
    let batch = forgive(batch, session, user.id);
    tracing::info!(target: "gantry::audit", event = "second_factor_proved", user = %user.id, method = method.name());
    elevated(app, visitor, flow, Proved { session, user: user.record, amr: method.amr(), batch }).await
}

/// The answer that was given elsewhere. There is nothing to guess, so nothing is counted.
async fn by_link(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    (session, method): (Id, Method),
    user: User,
) -> Result<Outcome, LoginError> {
    match first::answered(app, &flow).await? {
        Ok((by, batch)) if by == user.id => {
            tracing::info!(target: "gantry::audit", event = "second_factor_proved", user = %user.id, method = method.name());
            elevated(app, visitor, flow, Proved { session, user, amr: method.amr(), batch }).await
        }
        Ok(_) => Ok(again(flow.record, Notice::Denied)),
        Err(notice) => Ok(again(flow.record, notice)),
    }
}

/// A password that another server checks. One that is down leaves the other ways.
async fn by_radius(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    user: User,
    sent: &Submission,
) -> Result<Outcome, LoginError> {
    let (Some(session), Some(radius)) = (flow.state.session(), app.config().radius.clone()) else {
        return Err(LoginError::Forged);
    };
    match radius::check(&radius, user.username.as_str(), sent.code.trim()).await {
        Ok(true) => {
            tracing::info!(target: "gantry::audit", event = "second_factor_proved", user = %user.id, method = "radius");
            let batch = forgive(Batch::new(), session, user.id);
            let amr = Method::Radius.amr();
            elevated(app, visitor, flow, Proved { session, user, amr, batch }).await
        }
        Ok(false) => {
            tracing::warn!(target: "gantry::audit", event = "second_factor_refused", user = %user.id, method = "radius");
            Ok(again(flow.record, Notice::WrongCode))
        }
        Err(error) => {
            tracing::error!(%error, "a second factor could not be checked");
            Ok(again(flow.record, Notice::NotSent))
        }
    }
}

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

/// Enrols the factor that is asked for, and gives recovery codes with the first one.
pub(super) async fn enrol(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    (session, kind): (Id, FactorKind),
    sent: &Submission,
) -> Result<Outcome, LoginError> {
    let mut user = person(app, visitor, session).await?;
    let reached = matches!(&flow.pending, Some(Pending::Reached { kind: reached, .. }) if *reached == kind);
    if matches!(kind, FactorKind::AlternateEmail | FactorKind::Phone | FactorKind::Push) && !reached {
        let typed = sent.fields.get("address").unwrap_or_default();
        return challenge::reach(app, flow, user.id, kind, typed).await;
    }
    // There is nothing to guess about what stands in.
    if !kind.stands_in()
        && let Some(too_many) = count(app, session, user.id, None).await?
    {
        return Ok(again(flow.record, Notice::TooMany(too_many)));
    }
    let (master, now) = (app.keys.master(), app.clock.now());
    let proved = match (kind, &flow.pending) {
        (FactorKind::Totp, _) => {
            let secret = TotpSecret::offered(master, flow.id);
            let step = short(&sent.code).and_then(|code| secret.step_of(code, now));
            step.map(|step| (secret.factor(master, user.id, step, now), Method::Totp.amr()))
        }
        (_, Some(Pending::Reached { kind: reached, to, code })) if *reached == kind => {
            let good = code.is(master, (flow.id, kind.name()), short(&sent.code).unwrap_or_default(), now);
            good.then(|| (contact::factor(master, user.id, (kind, to), now), amr_of(kind)))
        }
        (FactorKind::Passkey, _) => match passkey::added(app, &flow, &user, sent).await? {
            Some(added) => Some(added),
            None => return passkey::refused(app, flow, Some(&user), &"not added").await,
        },
        (FactorKind::Grid, _) => {
            let seed = grid::seal(master, user.id, &grid::offered(master, flow.id));
            let content = Content::Grid { seed, uses: 0 };
            let factor = Factor { user: user.id, content, created_at: now };
            Some(((FactorKind::Grid, factor), Method::Grid.amr()))
        }
        (FactorKind::Kba, _) => match questions(app, &user, sent).await? {
            Some(factor) => Some((factor, Method::Kba.amr())),
            None => return Ok(again(flow.record, Notice::BadAnswers)),
        },
        _ => return Err(LoginError::Forged),
    };
    let Some((factor, amr)) = proved else {
        return Ok(again(flow.record, Notice::WrongCode));
    };
    let mut factors = vec![factor];
    if !user.factors.contains(&FactorKind::RecoveryCodes) && !kind.stands_in() {
        factors.push(recovery::factor(&recovery::offered(master, flow.id), user.id, now));
        flow.record.progress.codes_unseen = true;
    }
    flow.record.progress.done = true;
    let batch = forgive(factor::enrol(Batch::new(), &mut user, &factors), session, user.id);
    let batch = challenge::notice(app, visitor, &user, added(kind), batch);
    tracing::info!(target: "gantry::audit", event = "second_factor_enrolled", user = %user.id, kind = kind.name());
    // What was only written down proves nothing yet.
    if kind.stands_in() {
        return own::done(app, visitor, flow, user.record, batch).await;
    }
    elevated(app, visitor, flow, Proved { session, user: user.record, amr, batch }).await
}

/// What using up the proof changes, or `None` when it is none.
async fn check(
    app: &App,
    flow: &LoginFlow,
    user: Id,
    method: Method,
    sent: &Submission,
) -> Result<Option<Batch>, LoginError> {
    let Some(code) = short(&sent.code) else { return Ok(None) };
    let (master, now) = (app.keys.master(), app.clock.now());
    if let Some(Pending::Sent { method: sent_for, codes, questions }) = &flow.pending {
        let typed = [code, sent.fields.get("code_2").and_then(short).unwrap_or_default()];
        let right = codes.iter().enumerate().zip(typed).map(|((index, kept), typed)| {
            kept.is(master, (flow.id, &challenge::purpose(method, index)), typed, now)
        });
        // Each is looked at, so that nobody learns which one was wrong.
        let wrong = right.filter(|right| !right).count();
        let answered = answers(app, user, method, questions, sent).await?;
        return Ok(answered.filter(|_| *sent_for == method && wrong == 0));
    }
    let Some(kind) = method.needs() else { return Ok(None) };
    let Some(mut factor) = app.store.get::<Factor>(&factor::key(user, kind)).await? else {
        return Ok(None);
    };
    let good = match (method, &mut factor.record.content) {
        (Method::Totp, Content::Totp { secret, last_step }) => {
            let secret = TotpSecret::enrolled(master, user, secret).map_err(unreadable)?;
            let step = secret.step_of(code, now).filter(|step| step > last_step);
            step.map(|step| *last_step = step).is_some()
        }
        (Method::RecoveryCode, Content::RecoveryCodes { left }) => {
            recovery::used(left, code).map(|rest| *left = rest).is_some()
        }
        (Method::HardwareToken, Content::HardwareToken(token)) => {
            let next = token.after(master, user, code, now).map_err(unreadable)?;
            next.map(|next| token.next = next).is_some()
        }
        (Method::Yubikey, Content::Yubikey(key)) => {
            key.used(master, user, code).map_err(unreadable)?.map(|used| *key = used).is_some()
        }
        (Method::Grid, Content::Grid { seed, uses }) => {
            let cells = grid::cells(master, user, *uses);
            let answers =
                ["answer_1", "answer_2", "answer_3"].map(|name| sent.fields.get(name).unwrap_or_default());
            *uses += 1;
            grid::is_right(master, (user, seed), &cells, &answers).map_err(unreadable)?
        }
        // Nothing was sent, or what is stored is of another kind.
        _ => false,
    };
    Ok(good.then(|| Batch::new().update(&factor)))
}

/// What right answers to `questions` change; nothing where none are asked. Each answer is hashed and compared,
/// right or wrong (KB-05).
async fn answers(
    app: &App,
    user: Id,
    method: Method,
    questions: &[(usize, String)],
    sent: &Submission,
) -> Result<Option<Batch>, LoginError> {
    if method != Method::Kba {
        return Ok(Some(Batch::new()));
    }
    let Some(mut factor) = app.store.get::<Factor>(&factor::key(user, FactorKind::Kba)).await? else {
        return Ok(None);
    };
    let Content::Kba { questions: known, uses } = &mut factor.record.content else { return Ok(None) };
    let (cost, mut right) = (app.config().passwords.argon2id, 0);
    for ((at, text), name) in questions.iter().zip(["answer_1", "answer_2"]) {
        let against = known.get(*at).filter(|known| known.text == *text).map(|known| known.answer.clone());
        let answer = kba::plain(sent.fields.get(name).unwrap_or_default()).unwrap_or_default();
        if app.passwords.check(answer, against, cost).await? != Checked::Wrong {
            right += 1;
        }
    }
    *uses += 1;
    Ok((right == kba::ASKED).then(|| Batch::new().update(&factor)))
}

/// The factor with three questions and their answers; `None` when they cannot be taken.
async fn questions(
    app: &App,
    user: &User,
    sent: &Submission,
) -> Result<Option<(FactorKind, Factor)>, LoginError> {
    let field = |name: String| sent.fields.get(&name).unwrap_or_default().trim().to_owned();
    let pairs: Vec<(String, String)> = (1..=kba::CHOSEN)
        .map(|at| (field(format!("question_{at}")), field(format!("answer_{at}"))))
        .collect();
    let Some(pairs) = kba::taken(user, &pairs) else { return Ok(None) };
    let (cost, mut questions) = (app.config().passwords.argon2id, Vec::new());
    for (text, answer) in pairs {
        let answer = app.passwords.hash(answer, cost).await?;
        questions.push(kba::Question { text, answer });
    }
    let content = Content::Kba { questions, uses: 0 };
    Ok(Some((FactorKind::Kba, Factor { user: user.id, content, created_at: app.clock.now() })))
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
pub(super) fn unreadable(error: UnsealError) -> LoginError {
    tracing::error!(%error, "a second factor cannot be read");
    OAuthError::server().into()
}

/// What proving a new contact is worth at once.
const fn amr_of(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Phone => Method::SmsCode.amr(),
        _ => Method::EmailCode.amr(),
    }
}

const fn added(kind: FactorKind) -> Credential {
    match kind {
        FactorKind::Totp => Credential::AuthenticatorAdded,
        FactorKind::RecoveryCodes => Credential::RecoveryCodesMade,
        FactorKind::AlternateEmail => Credential::AddressAdded,
        FactorKind::Phone => Credential::PhoneAdded,
        FactorKind::Push => Credential::PushAdded,
        FactorKind::HardwareToken | FactorKind::Yubikey => Credential::TokenAdded,
        FactorKind::Grid => Credential::GridCardMade,
        FactorKind::Kba => Credential::QuestionsChanged,
        FactorKind::Passkey => Credential::PasskeyAdded,
    }
}

/// A second factor that was proved.
pub(super) struct Proved {
    pub(super) session: Id,
    pub(super) user: User,
    pub(super) amr: &'static str,
    /// What the proof changes.
    pub(super) batch: Batch,
}

pub(super) async fn elevated(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    proved: Proved,
) -> Result<Outcome, LoginError> {
    let Proved { session, user, amr, batch } = proved;
    let beginning = session::elevate(app, visitor, session, amr, batch).await?;
    let Beginning { session, cookies, batch } = beginning.ok_or(LoginError::Gone)?;
    let outcome = proceed(app, visitor, flow, Some(&SignedIn { session, user }), batch).await?;
    Ok(Outcome { cookies, ..outcome })
}

pub(super) async fn person(app: &App, visitor: &Visitor, session: Id) -> Result<Stored<User>, LoginError> {
    let signed_in = session::current(app, visitor).await?.filter(|signed_in| signed_in.session.id == session);
    let user = signed_in.ok_or(LoginError::Gone)?.user.id;
    app.store.get::<User>(&user.to_string()).await?.ok_or(LoginError::Gone)
}

pub(super) fn again(flow: LoginFlow, notice: Notice) -> Outcome {
    let next = Next::Again { flow: Box::new(flow), notice, username: String::new() };
    Outcome { next, cookies: Vec::new() }
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
