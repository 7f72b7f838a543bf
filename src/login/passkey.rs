//! Passkeys in a sign-in: what is asked, and what an answer changes.
//!
//! A question is good for one look (`WebAuthn` section 13.4.3): a wrong answer gets a new one, a right one takes it
//! away in the stroke in which the session learns of it. Whoever signs in without saying who they are is asked for
//! any key, so that nobody learns whose keys are known.

use super::dispatch::{LoginError, Notice, Outcome, Submission, proceed};
use super::flow::{LoginFlow, Pending, State};
use super::second::{Proved, again, elevated, forgive};
use super::session::{self, Beginning, SignedIn};
use super::visitor::Visitor;
use crate::account::User;
use crate::app::App;
use crate::factor::passkey::register::Adding;
use crate::factor::passkey::{
    self, Assertion, BY_CREDENTIAL, Ceremony, Owner, Passkey, Person, Proof, Purpose, Registration,
    RelyingParty, UserVerification,
};
use crate::factor::{self, Content, Factor, FactorKind, Method};
use crate::oauth::vocabulary::Authentication;
use crate::secret::Id;
use crate::store::{Batch, Stored};

/// The question that the page of this state asks.
pub(super) async fn question(
    app: &App,
    flow: &LoginFlow,
    user: Option<&User>,
) -> Result<Option<Pending>, LoginError> {
    let config = app.config();
    let Some(party) = RelyingParty::of(&config.issuer) else { return Ok(None) };
    let purpose = match (&flow.state, user) {
        (State::Key, _) => Purpose::SignIn,
        (State::Enrol { .. }, Some(user)) => Purpose::Register { user: user.id },
        (_, Some(user)) => Purpose::Prove { user: user.id },
        (_, None) => return Ok(None),
    };
    let ceremony = Ceremony::begin(purpose, flow.id, UserVerification::Preferred, app.clock.now());
    let keys = match user {
        Some(user) if purpose != Purpose::SignIn => keys(app, user.id).await?,
        _ => Vec::new(),
    };
    let options = match (purpose, user) {
        (Purpose::Register { .. }, Some(user)) => {
            let handle = passkey::handle(app.keys.master(), user.id);
            let owner = Owner {
                organisation: &config.organisation.name,
                username: user.username.as_str(),
                display_name: user.display_name(),
                handle: &handle,
                known: &keys,
            };
            ceremony.creation_options(&party, &owner)
        }
        _ => ceremony.request_options(&party, &keys),
    };
    Ok(Some(Pending::Passkey { ceremony, options: options.to_string() }))
}

async fn keys(app: &App, user: Id) -> Result<Vec<Passkey>, LoginError> {
    let factor = app.store.get::<Factor>(&factor::key(user, FactorKind::Passkey)).await?;
    Ok(match factor.map(|factor| factor.record.content) {
        Some(Content::Passkeys { keys }) => keys,
        _ => Vec::new(),
    })
}

/// Asks anew after an answer that proves nothing.
pub(super) async fn refused(
    app: &App,
    mut flow: Stored<LoginFlow>,
    user: Option<&User>,
    why: &dyn std::fmt::Display,
) -> Result<Outcome, LoginError> {
    tracing::warn!(target: "gantry::audit", event = "passkey_refused", user = ?user.map(|user| user.id), %why);
    flow.record.pending = question(app, &flow, user).await?;
    app.store.apply(Batch::new().update(&flow).relaxed()).await?;
    Ok(again(flow.record, Notice::WrongPasskey))
}

/// What an answer proves about `user`, with the record of their keys after this use.
fn proof(
    app: &App,
    flow: &LoginFlow,
    (user, mut factor): (Id, Stored<Factor>),
    answer: &Assertion,
) -> Result<(Proof, Batch), String> {
    let (Some(Pending::Passkey { ceremony, .. }), Some(party)) =
        (flow.pending.clone(), RelyingParty::of(&app.config().issuer))
    else {
        return Err("nothing was asked".to_owned());
    };
    let Content::Passkeys { keys } = &mut factor.record.content else {
        return Err("there are no keys".to_owned());
    };
    let handle = passkey::handle(app.keys.master(), user);
    let person = Person { user, handle: &handle, keys, within: flow.id };
    let proof = answer.verify(ceremony, &party, &person, app.clock.now()).map_err(|why| why.to_string())?;
    for key in keys.iter_mut().filter(|key| key.id == proof.key.id) {
        key.clone_from(&proof.key);
    }
    Ok((proof, Batch::new().update(&factor)))
}

fn sent(sent: &Submission) -> &str {
    sent.fields.get("credential").unwrap_or_default()
}

/// A key as the second factor of the person behind `session`.
pub(super) async fn prove(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    (session, user): (Id, User),
    submission: &Submission,
) -> Result<Outcome, LoginError> {
    let factor = app.store.get::<Factor>(&factor::key(user.id, FactorKind::Passkey)).await?;
    let (Some(factor), Some(answer)) = (factor, Assertion::read(sent(submission))) else {
        return refused(app, flow, Some(&user), &"no answer").await;
    };
    match proof(app, &flow, (user.id, factor), &answer) {
        Ok((proof, batch)) => {
            let amr = if proof.key.backup_eligible { "swk" } else { "hwk" };
            tracing::info!(target: "gantry::audit", event = "second_factor_proved", user = %user.id, method = "passkey");
            let batch = forgive(batch, session, user.id);
            elevated(app, visitor, flow, Proved { session, user, method: Method::Passkey, amr, batch }).await
        }
        Err(why) => refused(app, flow, Some(&user), &why).await,
    }
}

/// A key that says who it is.
pub(super) async fn sign_in(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    submission: &Submission,
) -> Result<Outcome, LoginError> {
    let Some(answer) = Assertion::read(sent(submission)) else {
        return refused(app, flow, None, &"no answer").await;
    };
    let factor = app.store.find_one::<Factor>(BY_CREDENTIAL, &answer.credential().text()).await?;
    let Some(factor) = factor else { return refused(app, flow, None, &"nobody's key").await };
    let user = app.store.get::<User>(&factor.user.to_string()).await?.filter(|user| user.is_active());
    let Some(user) = user else { return refused(app, flow, None, &"nobody's key").await };
    let (proof, batch) = match proof(app, &flow, (user.id, factor), &answer) {
        Ok(proof) => proof,
        Err(why) => return refused(app, flow, None, &why).await,
    };
    let proved = Authentication::by(&proof.methods(), app.clock.now());
    let proved = Authentication { proved: vec![Method::Passkey], ..proved };
    let Beginning { session, cookies, batch } =
        session::begin(app, visitor, &user.record, proved, batch).await?;
    flow.record.progress.signed_in = Some(session.id);
    flow.record.progress.by_key = false;
    let (user_id, session_id) = (user.id, session.id);
    session::note_language(app, visitor, &user.record).await;
    let signed_in = SignedIn { session, user: user.record };
    let outcome = proceed(app, visitor, flow, Some(&signed_in), batch).await?;
    tracing::info!(target: "gantry::audit", event = "signed_in", user = %user_id, session = %session_id, address = %visitor.address, by = "passkey");
    Ok(Outcome { cookies, ..outcome })
}

/// The factor with one more key, and what the key proves at once.
pub(super) async fn added(
    app: &App,
    flow: &LoginFlow,
    user: &User,
    submission: &Submission,
) -> Result<Option<((FactorKind, Factor), &'static str)>, LoginError> {
    let (Some(Pending::Passkey { ceremony, .. }), Some(party), Some(answer)) =
        (flow.pending.clone(), RelyingParty::of(&app.config().issuer), Registration::read(sent(submission)))
    else {
        return Ok(None);
    };
    let mut keys = keys(app, user.id).await?;
    let name = submission.fields.get("name").and_then(passkey::named);
    let name = name.unwrap_or_else(|| format!("{} {}", Method::Passkey.name(), keys.len() + 1));
    let adding = Adding { user: user.id, within: flow.id, known: &keys, name: &name };
    let now = app.clock.now();
    let key = match answer.verify(ceremony, &party, &adding, now) {
        Ok(key) => key,
        Err(why) => {
            tracing::warn!(target: "gantry::audit", event = "passkey_refused", user = %user.id, %why);
            return Ok(None);
        }
    };
    let amr = if key.backup_eligible { "swk" } else { "hwk" };
    keys.push(key);
    let factor = Factor { user: user.id, content: Content::Passkeys { keys }, created_at: now };
    Ok(Some(((FactorKind::Passkey, factor), amr)))
}
