//! The dispatcher: applies what a page sent, asks [`decide`](super::flow::decide), stores, and names what comes next.

mod outcome;
mod submission;

pub use outcome::{LoginError, Next, Notice, Outcome};
pub use submission::{Action, Submission};

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::conclude::conclude;
use super::context::{self, Ending, Origin};
use super::flow::{LoginFlow, Pending, Progress, State, Step, Target};
use super::session::{self, SignedIn};
use super::situation::next_step;
use super::visitor::{CookieChange, Visitor};
use super::{challenge, device_trust, first, own, passkey, second};
use crate::account::User;
use crate::app::App;
use crate::config::FirstFactor;
use crate::factor::{FactorKind, Method};
use crate::oauth::{ErrorCode, OAuthError, consent};
use crate::policy;
use crate::secret::{BrowserToken, Id, Token, same};
use crate::store::{ApplyError, Batch, Stored};

/// A sign-in that is not finished after this long begins anew.
const FLOW_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Starts a sign-in, or goes straight through when nothing has to be asked.
pub async fn begin(app: &App, visitor: &Visitor, target: Target) -> Result<Outcome, LoginError> {
    let progress = Progress::default();
    let signed_in = session::current(app, visitor).await?;
    let step = next_step(app, Origin::of(app, visitor, None), &target, &progress, signed_in.as_ref()).await?;
    let mut cookies = Vec::new();
    let next = match step {
        Step::Ask(state) => {
            let now = app.clock.now();
            app.begun.count(visitor.address, now).map_err(LoginError::TooMany)?;
            let fresh;
            let browser = if let Some(browser) = &visitor.browser {
                browser
            } else {
                fresh = Token::<BrowserToken>::generate(now);
                cookies.push(CookieChange::Browser(fresh.reveal()));
                &fresh
            };
            let expires_at = now + FLOW_LIFETIME;
            let mut flow = LoginFlow {
                id: Id::new(now),
                browser: browser.digest(),
                target,
                progress,
                state,
                pending: None,
                expires_at,
            };
            // Nothing is sent to anybody because a page was opened.
            let mut batch = Batch::new();
            let silent = matches!(
                &flow.state,
                State::Identify
                    | State::Key { .. }
                    | State::Prove { method: Method::Grid | Method::Passkey, .. }
                    | State::Enrol { kind: FactorKind::Passkey, .. }
            );
            if silent {
                batch = challenge::ready(app, visitor, &mut flow, signed_in.as_ref(), batch).await?;
            }
            app.store.apply(batch.insert(&flow).relaxed()).await?;
            let register = flow.target.creates() && app.config().self_registration.is_some();
            if register { Next::Register(flow.id) } else { Next::Page(flow.id) }
        }
        step => {
            let ending =
                Ending { visitor, target: &target, began: None, step: &step, signed_in: signed_in.as_ref() };
            let (batch, lesson) = context::learn(app, &ending, Batch::new()).await?;
            let next = conclude(app, step, &target, signed_in.as_ref(), batch).await?;
            context::keep(app, lesson).await;
            next
        }
    };
    Ok(Outcome { next, cookies })
}

/// The flow of this browser, to show its page. When the step's session has ended meanwhile, the flow goes
/// back to the beginning.
pub async fn load(app: &App, visitor: &Visitor, id: &str) -> Result<Stored<LoginFlow>, LoginError> {
    let id: Id = id.parse().map_err(|_| LoginError::Gone)?;
    let mut flow = app.store.get::<LoginFlow>(&id.to_string()).await?.ok_or(LoginError::Gone)?;
    if !visitor.browser.as_ref().is_some_and(|browser| browser.proves(&flow.browser)) {
        return Err(LoginError::Forged);
    }
    if let Some(needed) = flow.state.session() {
        let signed_in = session::current(app, visitor).await?;
        if signed_in.is_none_or(|signed_in| signed_in.session.id != needed) {
            flow.record.state = State::Identify;
            flow.record.progress = Progress::default();
            flow.record.pending = None;
            flow.version = app.store.apply(Batch::new().update(&flow).relaxed()).await?;
        }
    }
    Ok(flow)
}

/// [`load`], with a question on the page that can still be answered.
pub async fn look(app: &App, visitor: &Visitor, id: &str) -> Result<Stored<LoginFlow>, LoginError> {
    let mut flow = load(app, visitor, id).await?;
    if !passkey::is_due(app, &flow) {
        return Ok(flow);
    }
    let signed_in = session::current(app, visitor).await?;
    let user = signed_in.as_ref().map(|signed_in| &signed_in.user);
    flow.record.pending = passkey::question(app, &flow, user).await?;
    match app.store.apply(Batch::new().update(&flow).relaxed()).await {
        Ok(version) => flow.version = version,
        // Another tab was first.
        Err(ApplyError::Conflict(_)) => return load(app, visitor, id).await,
        Err(ApplyError::Store(error)) => return Err(error.into()),
    }
    Ok(flow)
}

/// The value that a form of this flow and step must bring back.
#[must_use]
pub fn csrf(app: &App, flow: &LoginFlow) -> String {
    let input = [&flow.id.bytes()[..], flow.browser.bytes(), flow.state.step().as_bytes()].concat();
    URL_SAFE_NO_PAD.encode(app.keys.master().derive("flow csrf", &input))
}

/// Applies a page's form to its flow.
pub async fn advance(
    app: &App,
    visitor: &Visitor,
    id: &str,
    sent: Submission,
) -> Result<Outcome, LoginError> {
    let flow = load(app, visitor, id).await?;
    if !same(csrf(app, &flow).as_bytes(), sent.csrf.as_bytes()) {
        return Err(LoginError::Forged);
    }
    match (&flow.state, sent.action) {
        (
            State::Identify
            | State::Reauthenticate { .. }
            | State::Key { .. }
            | State::Scan
            | State::Mailed { .. }
            | State::SelectAccount { .. },
            _,
        ) => first_step(app, visitor, flow, sent).await,
        (State::Prove { session, method, .. }, Action::Continue) => {
            let (session, method) = (*session, *method);
            second::prove(app, visitor, flow, (session, method), &sent).await
        }
        (State::Enrol { session, kind, .. }, Action::Continue) => {
            let (session, kind) = (*session, *kind);
            second::enrol(app, visitor, flow, (session, kind), &sent).await
        }
        (State::Prove { method, .. }, Action::Resend) if !method.reaches().is_empty() => {
            let method = *method;
            challenge::resend(app, visitor, flow, method).await
        }
        (State::Enrol { .. }, Action::Skip) if matches!(flow.pending, Some(Pending::Reached { .. })) => {
            challenge::start_over(app, flow).await
        }
        (State::Enrol { may_skip: true, .. }, Action::Skip) => {
            progressed(app, visitor, flow, |progress| progress.skipped = true).await
        }
        (State::Prove { .. } | State::Enrol { .. }, Action::OtherMethod)
        | (State::ChooseMethod { .. } | State::ChooseKind { .. }, Action::Continue) => {
            let chosen = second::choice(&flow.state, &sent).ok_or(LoginError::Forged)?;
            progressed(app, visitor, flow, |progress| chosen.note(progress)).await
        }
        (
            State::RecoveryCodes { .. }
            | State::Remove { .. }
            | State::ChangeKey { .. }
            | State::NewPassword { .. },
            action,
        ) if matches!(flow.target, Target::Account(_)) && !flow.progress.codes_unseen => {
            own::carry_out(app, visitor, flow, action, sent).await
        }
        (State::RecoveryCodes { .. }, Action::Continue) => {
            progressed(app, visitor, flow, |progress| progress.codes_unseen = false).await
        }
        (State::RegisterDevice { .. }, Action::TrustDevice | Action::Skip) => {
            let trusted = sent.action == Action::TrustDevice;
            trust(app, visitor, flow, trusted).await
        }
        (State::Consent { .. }, Action::Allow) => allowed(app, visitor, flow).await,
        (State::Consent { .. }, Action::Deny) => denied(app, visitor, flow).await,
        _ => Err(LoginError::Forged),
    }
}

/// The pages on which it is settled who the person is.
async fn first_step(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    sent: Submission,
) -> Result<Outcome, LoginError> {
    let by_link = first::takes(app, &flow.target, FirstFactor::MagicLink);
    match (&flow.state, sent.action) {
        (State::Identify | State::Reauthenticate { .. }, Action::Continue) => {
            first::by_password(app, visitor, flow, sent).await
        }
        (State::Identify, Action::Passkey) if first::takes(app, &flow.target, FirstFactor::Passkey) => {
            passkey::begin(app, visitor, flow, sent).await
        }
        (State::Reauthenticate { username, .. }, Action::Passkey)
            if first::takes(app, &flow.target, FirstFactor::Passkey) =>
        {
            let username = username.clone();
            passkey::ask_for(app, visitor, flow, username).await
        }
        (State::Key { .. }, Action::Continue) => passkey::sign_in(app, visitor, flow, &sent).await,
        (State::Identify, Action::Scan) | (State::Scan, Action::Resend)
            if first::takes(app, &flow.target, FirstFactor::Any) =>
        {
            progressed(app, visitor, flow, |progress| progress.scanning = true).await
        }
        (State::Identify, Action::MagicLink) if by_link => {
            first::mail_link(app, visitor, flow, &sent.username).await
        }
        (State::Reauthenticate { username, without_link: false, .. }, Action::MagicLink)
        | (State::Mailed { username }, Action::Resend)
            if by_link =>
        {
            let username = username.clone();
            first::mail_link(app, visitor, flow, &username).await
        }
        (State::Key { .. } | State::Scan | State::Mailed { .. }, Action::OtherMethod) => {
            let back = |progress: &mut Progress| {
                (progress.by_key, progress.scanning) = (false, false);
                (progress.key_of, progress.mailed) = (None, None);
            };
            progressed(app, visitor, flow, back).await
        }
        (State::Scan | State::Mailed { .. }, Action::Continue) => {
            first::from_elsewhere(app, visitor, flow).await
        }
        (
            State::Reauthenticate { .. } | State::SelectAccount { .. } | State::Key { username: Some(_) },
            Action::OtherUser,
        ) => {
            let mut flow = flow;
            // Nobody else wants the same change.
            if matches!(flow.target, Target::Account(_)) {
                flow.record.target = Target::Overview;
            }
            progressed(app, visitor, flow, |progress| progress.other_account = true).await
        }
        (State::SelectAccount { .. }, Action::Continue) => {
            progressed(app, visitor, flow, |progress| progress.chosen = true).await
        }
        _ => Err(LoginError::Forged),
    }
}

async fn progressed(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    change: impl FnOnce(&mut Progress),
) -> Result<Outcome, LoginError> {
    change(&mut flow.record.progress);
    let signed_in = session::current(app, visitor).await?;
    proceed(app, visitor, flow, signed_in.as_ref(), Batch::new()).await
}

async fn allowed(app: &App, visitor: &Visitor, mut flow: Stored<LoginFlow>) -> Result<Outcome, LoginError> {
    let signed_in = session::current(app, visitor).await?.ok_or(LoginError::Gone)?;
    let mut batch = Batch::new();
    if let Some((client_id, scopes)) = flow.target.wish() {
        let (now, user) = (app.clock.now(), signed_in.user.id);
        batch = consent::give(&app.store, batch, now, (user, client_id), &scopes).await?;
    }
    flow.record.progress.consented = true;
    proceed(app, visitor, flow, Some(&signed_in), batch).await
}

/// Registers the browser under the policy that asks, or notes that the person does not want it. What the page was
/// shown for must still be so: policy, proofs and the number of devices may have changed (DT-05 of the attack list).
async fn trust(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    trusted: bool,
) -> Result<Outcome, LoginError> {
    let signed_in = session::current(app, visitor).await?.ok_or(LoginError::Gone)?;
    let user = app.store.get::<User>(&signed_in.user.id.to_string()).await?.ok_or(LoginError::Gone)?;
    let step = next_step(app, Origin::of(app, visitor, None), &flow.target, &flow.progress, Some(&signed_in))
        .await?;
    if !matches!(step, Step::Ask(State::RegisterDevice { .. })) {
        return proceed(app, visitor, flow, Some(&signed_in), Batch::new()).await;
    }
    let config = app.config();
    let client = flow.target.wish().and_then(|(client_id, _)| config.apps.get(client_id));
    let named = client.and_then(|client| policy::of(&config, client, &user.groups));
    let batch = match named.filter(|_| trusted) {
        Some(named) => device_trust::register(app, &user, &signed_in.session, named).await?,
        None => device_trust::decline(app, &signed_in.session).await?,
    };
    flow.record.progress.trust_answered = true;
    proceed(app, visitor, flow, Some(&signed_in), batch).await
}

async fn denied(app: &App, visitor: &Visitor, flow: Stored<LoginFlow>) -> Result<Outcome, LoginError> {
    let signed_in = session::current(app, visitor).await?;
    let refusal = OAuthError::new(ErrorCode::AccessDenied, "the person did not allow it");
    let batch = Batch::new().remove(&flow);
    let next = conclude(app, Step::Refuse(refusal), &flow.target, signed_in.as_ref(), batch).await?;
    app.begun.ended(visitor.address);
    Ok(Outcome { next, cookies: Vec::new() })
}

/// Decides after progress, and stores either the next question or the end, together with what the progress
/// itself changes in `batch`.
pub(super) async fn proceed(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    signed_in: Option<&SignedIn>,
    batch: Batch,
) -> Result<Outcome, LoginError> {
    let step =
        next_step(app, Origin::of(app, visitor, None), &flow.target, &flow.progress, signed_in).await?;
    let began = flow.progress.signed_in;
    let ending = Ending { visitor, target: &flow.target, began, step: &step, signed_in };
    let (batch, lesson) = context::learn(app, &ending, batch).await?;
    let next = if let Step::Ask(state) = step {
        flow.record.state = state;
        let batch = challenge::ready(app, visitor, &mut flow.record, signed_in, batch).await?;
        // A question alone may be forgotten by a crash.
        let batch = if batch.is_empty() { batch.relaxed() } else { batch };
        app.store.apply(batch.update(&flow)).await?;
        app.notifier.ring();
        Next::Page(flow.id)
    } else {
        let next = conclude(app, step, &flow.target, signed_in, batch.remove(&flow)).await?;
        context::keep(app, lesson).await;
        app.begun.ended(visitor.address);
        app.notifier.ring();
        next
    };
    Ok(Outcome { next, cookies: Vec::new() })
}

/// Of what the person signs in to.
pub(super) fn title(app: &App, target: &Target) -> String {
    let config = app.config();
    let client = target.wish().and_then(|(client_id, _)| config.apps.get(client_id));
    client.map_or(&config.organisation.name, |client| &client.title).clone()
}
