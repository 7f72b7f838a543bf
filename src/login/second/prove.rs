//! Proving a second factor.

use super::super::dispatch::{LoginError, Next, Notice, Outcome, Submission};
use super::super::flow::{LoginFlow, Pending};
use super::super::password::Checked;
use super::super::visitor::Visitor;
use super::super::{challenge, first, passkey};
use super::{Proved, again, count, elevated, forgive, is_due, move_on, person, short, unreadable};
use crate::account::User;
use crate::app::App;
use crate::factor::radius::{self, Verdict};
use crate::factor::totp::TotpSecret;
use crate::factor::{self, Content, Factor, FactorKind, Method, grid, kba, oath, recovery, yubikey};
use crate::notify::Credential;
use crate::secret::Id;
use crate::store::{Batch, Stored};

/// Checks a second factor. The try is counted first; what was proved is used up in the same stroke in which
/// the session learns of it.
pub(in crate::login) async fn prove(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    (session, method): (Id, Method),
    sent: &Submission,
) -> Result<Outcome, LoginError> {
    let user = person(app, visitor, session).await?;
    if !is_due(app, visitor, &flow).await? {
        return move_on(app, visitor, flow).await;
    }
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
    let mut batch = forgive(batch, session, user.id);
    if method == Method::RecoveryCode {
        batch = challenge::notice(app, visitor, &user, Credential::RecoveryCodeUsed, batch);
    }
    tracing::info!(target: "gantry::audit", event = "second_factor_proved", user = %user.id, method = method.name());
    elevated(app, visitor, flow, Proved::by(method, session, user.record, batch)).await
}

/// The answer that was given elsewhere. There is nothing to guess, so nothing is counted.
async fn by_link(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    (session, method): (Id, Method),
    user: User,
) -> Result<Outcome, LoginError> {
    match first::answered(app, &flow).await? {
        Ok((by, batch)) if by.id == user.id => {
            flow.record.pending = None;
            tracing::info!(target: "gantry::audit", event = "second_factor_proved", user = %user.id, method = method.name());
            elevated(app, visitor, flow, Proved::by(method, session, user, batch)).await
        }
        Ok(_) => Ok(again(flow.record, Notice::Denied)),
        Err(notice) => Ok(again(flow.record, notice)),
    }
}

/// A password that another server checks. One that is down leaves the other ways.
async fn by_radius(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    user: User,
    sent: &Submission,
) -> Result<Outcome, LoginError> {
    let (Some(session), Some(radius)) = (flow.state.session(), app.config().radius.clone()) else {
        return Err(LoginError::Forged);
    };
    // One round of questions: a server that asks for ever is a no.
    let asked = match flow.record.pending.take() {
        Some(Pending::Radius(question)) => Some(question),
        _ => None,
    };
    match radius::check(&radius, user.username.as_str(), sent.code.trim(), asked.as_ref()).await {
        Ok(Verdict::Accepted) => {
            tracing::info!(target: "gantry::audit", event = "second_factor_proved", user = %user.id, method = "radius");
            let batch = forgive(Batch::new(), session, user.id);
            elevated(app, visitor, flow, Proved::by(Method::Radius, session, user, batch)).await
        }
        Ok(Verdict::Asked(question)) if asked.is_none() => {
            flow.record.pending = Some(Pending::Radius(question));
            app.store.apply(Batch::new().update(&flow).relaxed()).await?;
            Ok(Outcome { next: Next::Page(flow.id), cookies: Vec::new() })
        }
        Ok(Verdict::Rejected | Verdict::Asked(_)) => {
            tracing::warn!(target: "gantry::audit", event = "second_factor_refused", user = %user.id, method = "radius");
            app.store.apply(Batch::new().update(&flow).relaxed()).await?;
            Ok(again(flow.record, Notice::WrongCode))
        }
        Err(error) => {
            tracing::error!(%error, "a second factor could not be checked");
            Ok(again(flow.record, Notice::NotSent))
        }
    }
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
    if !method.reaches().is_empty() {
        let Some(Pending::Sent { method: sent_for, codes, questions }) = &flow.pending else {
            return Ok(None);
        };
        let typed = [code, sent.fields.get("code_2").and_then(short).unwrap_or_default()];
        let right = codes.iter().enumerate().zip(typed).map(|((index, kept), typed)| {
            kept.is(master, (flow.id, &challenge::purpose(method, index)), typed, now)
        });
        // Each is looked at, so that nobody learns which one was wrong.
        let wrong = right.filter(|right| !right).count();
        let all_sent = *sent_for == method && codes.len() == method.reaches().len();
        let answered = answers(app, user, method, questions, sent).await?;
        return Ok(answered.filter(|_| all_sent && wrong == 0));
    }
    let Some(kind) = method.needs() else { return Ok(None) };
    let Some(mut factor) = app.store.get::<Factor>(&factor::key(user, kind)).await? else {
        return Ok(None);
    };
    let good = match (method, &mut factor.record.content) {
        (Method::Totp, Content::Totp { secret, last_step, form }) => {
            let secret = TotpSecret::enrolled(master, user, secret, *form).map_err(unreadable)?;
            let step = secret.step_of(code, now).filter(|step| step > last_step);
            step.map(|step| *last_step = step).is_some()
        }
        (Method::RecoveryCode, Content::RecoveryCodes { left }) => {
            recovery::used(left, code).map(|rest| *left = rest).is_some()
        }
        (Method::HardwareToken, Content::HardwareTokens { tokens }) => {
            let serial = oath::use_up(tokens, master, user, code, now).map_err(unreadable)?;
            serial.map(|serial| note_token(user, &serial)).is_some()
        }
        (Method::Yubikey, Content::Yubikeys { keys }) => {
            let serial = yubikey::use_up(keys, master, user, code, now).map_err(unreadable)?;
            serial.map(|serial| note_token(user, &serial)).is_some()
        }
        (Method::Grid, Content::Grid { seed, uses }) => {
            let cells = grid::cells(master, user, *uses);
            let answers =
                ["answer_1", "answer_2", "answer_3"].map(|name| sent.fields.get(name).unwrap_or_default());
            *uses += 1;
            grid::is_right(master, (user, seed), &cells, &answers).map_err(unreadable)?
        }
        // What is stored is of another kind.
        _ => false,
    };
    Ok(good.then(|| Batch::new().update(&factor)))
}

fn note_token(user: Id, serial: &str) {
    tracing::info!(target: "gantry::audit", event = "token_used", user = %user, serial);
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
