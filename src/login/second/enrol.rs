//! Enrolling a second factor.

use super::super::challenge::Changed;
use super::super::dispatch::{LoginError, Notice, Outcome, Submission};
use super::super::flow::LoginFlow;
use super::super::visitor::Visitor;
use super::super::{challenge, own, passkey, session};
use super::{Proved, again, count, elevated, forgive, is_due, move_on, person, short};
use crate::account::User;
use crate::app::App;
use crate::factor::totp::TotpSecret;
use crate::factor::web_push::{self, Subscription};
use crate::factor::{self, Content, Factor, FactorKind, Method, contact, grid, kba, recovery};
use crate::notify::Credential;
use crate::oauth::backchannel;
use crate::secret::Id;
use crate::store::{Batch, Stored};

/// Enrols the factor that is asked for, and gives recovery codes with the first one.
pub(in crate::login) async fn enrol(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    (session, kind): (Id, FactorKind),
    sent: &Submission,
) -> Result<Outcome, LoginError> {
    let user = person(app, visitor, session).await?;
    if !is_due(app, visitor, &flow).await? {
        return move_on(app, visitor, flow).await;
    }
    if kind.stands_in() && !factor::has_own(&user) {
        return Err(LoginError::Gone);
    }
    let reached = challenge::reached(app, &flow, kind);
    if kind.is_reached() && reached.is_none() {
        let typed = sent.fields.get("address").unwrap_or_default();
        return challenge::reach(app, visitor, flow, &user, (kind, typed)).await;
    }
    // There is nothing to guess about what stands in.
    if !kind.stands_in()
        && let Some(too_many) = count(app, session, user.id, None).await?
    {
        return Ok(again(flow.record, Notice::TooMany(too_many)));
    }
    if kind == FactorKind::Passkey {
        return passkey::enrol(app, visitor, flow, (session, user), sent).await;
    }
    let (master, now) = (app.keys.master(), app.clock.now());
    let proved = match (kind, reached) {
        (FactorKind::Totp, _) => {
            let secret = TotpSecret::offered(master, flow.id, app.config().factors.totp);
            let step = short(&sent.code).and_then(|code| secret.step_of(code, now));
            step.map(|step| (secret.factor(master, user.id, step, now), Method::Totp.amr()))
        }
        (_, Some((to, code))) => {
            let good = code.is(master, (flow.id, kind.name()), short(&sent.code).unwrap_or_default(), now);
            if good {
                Some((reachable(app, visitor, user.id, (kind, &to)).await?, code_amr(kind)))
            } else {
                None
            }
        }
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
    let Some(((kind, factor), amr)) = proved else {
        return Ok(again(flow.record, Notice::WrongCode));
    };
    let changed = match factor.content.keys().last() {
        Some(key) => Changed::named(added(kind), &key.name),
        None => added(kind).into(),
    };
    keep(app, visitor, flow, (session, user), New { kind, factor, changed, amr, verified: true }).await
}

/// A factor that is to be kept.
pub(in crate::login) struct New {
    pub(in crate::login) kind: FactorKind,
    pub(in crate::login) factor: Factor,
    /// What the person is told.
    pub(in crate::login) changed: Changed,
    /// What enrolling it has proved.
    pub(in crate::login) amr: &'static str,
    /// False of a key that did not check who uses it.
    pub(in crate::login) verified: bool,
}

/// Keeps it, gives recovery codes with the first one, and tells the person.
pub(in crate::login) async fn keep(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    (session, mut user): (Id, Stored<User>),
    New { kind, factor, changed, amr, verified }: New,
) -> Result<Outcome, LoginError> {
    let (master, now) = (app.keys.master(), app.clock.now());
    // The one that is replaced may be in other hands, and what it opened there ends (SE-07 of the attack list).
    let replaced = user.factors.contains(&kind) && !kind.is_several();
    user.record.epoch += u64::from(replaced);
    let mut factors = vec![(kind, factor)];
    if !user.factors.contains(&FactorKind::RecoveryCodes) && !kind.stands_in() {
        factors.push(recovery::factor(&recovery::offered(master, flow.id), user.id, now));
        flow.record.progress.codes_unseen = true;
    }
    flow.record.progress.done = true;
    let batch = forgive(factor::enrol(Batch::new(), &mut user, &factors), session, user.id);
    let batch = challenge::notice(app, visitor, &user, changed, batch);
    tracing::info!(target: "gantry::audit", event = "second_factor_enrolled", user = %user.id, kind = kind.name());
    // What was only written down proves nothing yet.
    if kind.stands_in() {
        return if replaced {
            own::begun_anew(app, visitor, flow, user.record, batch).await
        } else {
            own::done(app, visitor, flow, user.record, batch).await
        };
    }
    let (id, method) = (user.id, proved_by(kind));
    let begun_anew = replaced;
    let proved = Proved { session, user: user.record, method, amr, verified, begun_anew, batch };
    let outcome = elevated(app, visitor, flow, proved).await?;
    if replaced {
        backchannel::person_left(app, id).await?;
    }
    Ok(outcome)
}

/// The factor of somebody who is reached there.
async fn reachable(
    app: &App,
    visitor: &Visitor,
    user: Id,
    (kind, to): (FactorKind, &str),
) -> Result<(FactorKind, Factor), LoginError> {
    match Subscription::parse(to).filter(|_| kind == FactorKind::WebPush) {
        Some(subscription) => {
            let browser = session::browser_name(&visitor.user_agent);
            Ok(web_push::added(app, user, &subscription, &browser).await?)
        }
        None => Ok(contact::factor(app.keys.master(), user, (kind, to), app.clock.now())),
    }
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
    let config = app.config();
    let known = pairs.iter().all(|(question, _)| config.factors.may_ask(question));
    let Some(pairs) = kba::taken(user, &pairs).filter(|_| known) else { return Ok(None) };
    let (cost, mut questions) = (config.passwords.argon2id, Vec::new());
    for (text, answer) in pairs {
        let answer = app.passwords.hash(answer, cost).await?;
        questions.push(kba::Question { text, answer });
    }
    let content = Content::Kba { questions, uses: 0 };
    Ok(Some((FactorKind::Kba, Factor { user: user.id, content, created_at: app.clock.now() })))
}

/// What typing the code is worth that was sent to a new contact.
const fn code_amr(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Phone => Method::SmsCode.amr(),
        _ => Method::EmailCode.amr(),
    }
}

/// What was proved by enrolling it.
const fn proved_by(kind: FactorKind) -> Method {
    match kind {
        FactorKind::Totp => Method::Totp,
        FactorKind::RecoveryCodes => Method::RecoveryCode,
        FactorKind::AlternateEmail => Method::AlternateEmailCode,
        FactorKind::Phone => Method::SmsCode,
        FactorKind::Push => Method::Push,
        FactorKind::WebPush => Method::WebPush,
        FactorKind::Passkey => Method::Passkey,
        FactorKind::HardwareToken => Method::HardwareToken,
        FactorKind::Yubikey => Method::Yubikey,
        FactorKind::Grid => Method::Grid,
        FactorKind::Kba => Method::Kba,
    }
}

const fn added(kind: FactorKind) -> Credential {
    match kind {
        FactorKind::Totp => Credential::AuthenticatorAdded,
        FactorKind::RecoveryCodes => Credential::RecoveryCodesMade,
        FactorKind::AlternateEmail => Credential::AddressAdded,
        FactorKind::Phone => Credential::PhoneAdded,
        FactorKind::Push | FactorKind::WebPush => Credential::PushAdded,
        FactorKind::HardwareToken | FactorKind::Yubikey => Credential::TokenAdded,
        FactorKind::Grid => Credential::GridCardMade,
        FactorKind::Kba => Credential::QuestionsChanged,
        FactorKind::Passkey => Credential::PasskeyAdded,
    }
}
