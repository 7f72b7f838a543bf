//! Passkeys in a sign-in: what is asked, and what an answer changes.
//!
//! A question is good for one look (`WebAuthn` section 13.4.3): it is taken out of the flow before the answer is
//! looked at, and a wrong answer gets a new one. Whoever says a name before they have proved to be its bearer is
//! asked for keys that may be made up, so that nobody learns whose names and keys are known.

mod question;

use question::of_user;
pub(super) use question::{is_due, question};

use super::challenge::Changed;
use super::copied_key;
use super::dispatch::{LoginError, Next, Notice, Outcome, Submission, proceed};
use super::first::MAX_NAME;
use super::flow::{LoginFlow, Pending};
use super::second::enrol::{New, keep};
use super::second::{Proved, again, elevated, forgive};
use super::session::{self, Beginning, SignedIn};
use super::visitor::Visitor;
use crate::account::User;
use crate::app::App;
use crate::factor::passkey::naming::name_for;
use crate::factor::passkey::register::{Adding, Made};
use crate::factor::passkey::{
    self, Assertion, BY_CREDENTIAL, Bytes, Ceremony, Decoy, Passkey, Person, Proof, Refusal, Registration,
    RelyingParty, SuspectedClone,
};
use crate::factor::{self, Content, Factor, FactorKind, Method, own_key};
use crate::notify::Credential;
use crate::oauth::vocabulary::Authentication;
use crate::secret::Id;
use crate::store::{Batch, Stored};

/// Takes the question out of the flow: of two answers at the same moment one finds it.
async fn take(app: &App, flow: &mut Stored<LoginFlow>) -> Result<Option<Ceremony>, LoginError> {
    let Some(Pending::Passkey { ceremony, .. }) = flow.record.pending.take() else { return Ok(None) };
    flow.version = app.store.apply(Batch::new().update(flow).relaxed()).await?;
    Ok(Some(ceremony))
}

/// Why an answer is not taken.
pub(super) struct Refused<'a> {
    user: Option<&'a User>,
    why: String,
    notice: Notice,
    /// What is kept of it all the same.
    batch: Batch,
}

impl<'a> Refused<'a> {
    pub(super) fn new(user: Option<&'a User>, why: impl Into<String>) -> Self {
        Self { user, why: why.into(), notice: Notice::WrongPasskey, batch: Batch::new() }
    }

    /// Says so where there may be a copy of the key, or its make is not taken.
    fn because(user: Option<&'a User>, (why, batch): (Refusal, Batch)) -> Self {
        let notice = match why {
            Refusal::Make => Notice::KeyNotTaken,
            Refusal::Counter => Notice::KeySuspected,
            _ => Notice::WrongPasskey,
        };
        Self { user, why: why.to_string(), notice, batch }
    }

    /// Says so where nobody was checked. This is told by the answer alone, whosever key it is made with.
    fn unless_verified(self, ceremony: &Ceremony, answer: &Assertion) -> Self {
        let unverified = ceremony.wants_verification() && !answer.says_verified();
        Self { notice: if unverified { Notice::KeyUnverified } else { self.notice }, ..self }
    }
}

/// Asks anew after an answer that proves nothing.
pub(super) async fn refused(
    app: &App,
    mut flow: Stored<LoginFlow>,
    Refused { user, why, notice, batch }: Refused<'_>,
) -> Result<Outcome, LoginError> {
    tracing::warn!(target: "gantry::audit", event = "passkey_refused", user = ?user.map(|user| user.id), %why);
    flow.record.pending = question(app, &flow, user).await?;
    let batch = if batch.is_empty() { batch.relaxed() } else { batch };
    app.store.apply(batch.update(&flow)).await?;
    app.notifier.ring();
    Ok(again(flow.record, notice))
}

/// What an answer proves about the owner of `factor`, who is `user` if they may sign in, with the record of their keys
/// after this use; or why it proves nothing, with what is kept of it all the same.
fn proof(
    app: &App,
    visitor: &Visitor,
    flow: &LoginFlow,
    (user, mut factor): (Option<&User>, Stored<Factor>),
    (ceremony, answer): (Ceremony, &Assertion),
) -> (Result<Proof, Refusal>, Batch) {
    let owner = factor.user;
    let Content::Passkeys { keys } = &mut factor.record.content else {
        return (Err(Refusal::OtherPerson), Batch::new());
    };
    let rule = user.map_or_else(SuspectedClone::default, |user| copied_key::rule(app, flow, user));
    let noted = |factor| copied_key::noted(app, visitor, user, factor, answer.credential());
    let checked = verify(app, flow, (owner, keys, rule), (ceremony, answer));
    let batch = match &checked {
        Ok(proof) if proof.suspected => noted(factor),
        Ok(proof) => {
            for key in keys.iter_mut().filter(|key| key.id == proof.key.id) {
                key.clone_from(&proof.key);
            }
            Batch::new().update(&factor)
        }
        Err(Refusal::Counter) => noted(factor),
        Err(_) => Batch::new(),
    };
    (checked, batch)
}

fn verify(
    app: &App,
    flow: &LoginFlow,
    (user, keys, suspected_clone): (Id, &[Passkey], SuspectedClone),
    (ceremony, answer): (Ceremony, &Assertion),
) -> Result<Proof, Refusal> {
    // Where there are no passkeys any more, no site is the right one.
    let party = RelyingParty::of(&app.config().issuer).ok_or(Refusal::Origin)?;
    let handle = passkey::handle(app.keys.master(), user);
    let person = Person { user, handle: &handle, keys, within: flow.id, suspected_clone };
    answer.verify(ceremony, &party, &person, app.clock.now())
}

fn sent(sent: &Submission) -> &str {
    sent.fields.get("credential").unwrap_or_default()
}

/// A key as the second factor of the person behind `session`.
pub(super) async fn prove(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    (session, user): (Id, User),
    submission: &Submission,
) -> Result<Outcome, LoginError> {
    let ceremony = take(app, &mut flow).await?;
    let factor = app.store.get::<Factor>(&factor::key(user.id, FactorKind::Passkey)).await?;
    let (Some(ceremony), Some(factor), Some(answer)) = (ceremony, factor, Assertion::read(sent(submission)))
    else {
        return refused(app, flow, Refused::new(Some(&user), "no answer")).await;
    };
    let (proof, batch) = proof(app, visitor, &flow, (Some(&user), factor), (ceremony.clone(), &answer));
    match proof {
        Ok(proof) if proof.suspected => {
            copied_key::ask_for_another(app, visitor, flow, (session, user), batch).await
        }
        Ok(proof) => {
            let amr = if proof.key.backup_eligible { "swk" } else { "hwk" };
            tracing::info!(target: "gantry::audit", event = "second_factor_proved", user = %user.id, method = "passkey");
            let batch = forgive(batch, session, user.id);
            let proved = Proved {
                amr,
                verified: proof.user_verified,
                ..Proved::by(Method::Passkey, session, user, batch)
            };
            elevated(app, visitor, flow, proved).await
        }
        Err(why) => {
            let why = Refused::because(Some(&user), (why, batch)).unless_verified(&ceremony, &answer);
            refused(app, flow, why).await
        }
    }
}

/// The sign-in page: an answer that the browser gave on it, or the wish to be asked on a page of its own.
pub(super) async fn begin(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    submission: Submission,
) -> Result<Outcome, LoginError> {
    let username = submission.username.trim();
    if !sent(&submission).is_empty() {
        let mut outcome = sign_in(app, visitor, flow, &submission).await?;
        if let Next::Again { username: shown, .. } = &mut outcome.next {
            username.clone_into(shown);
        }
        return Ok(outcome);
    }
    if username.len() > MAX_NAME {
        return Ok(again(flow.record, Notice::Missing));
    }
    flow.record.progress.by_key = true;
    flow.record.progress.key_of = Some(username.to_owned()).filter(|name| !name.is_empty());
    let signed_in = session::current(app, visitor).await?;
    proceed(app, visitor, flow, signed_in.as_ref(), Batch::new()).await
}

/// Goes to the page that asks for a key of this very person.
pub(super) async fn ask_for(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    username: String,
) -> Result<Outcome, LoginError> {
    flow.record.progress.by_key = true;
    flow.record.progress.key_of = Some(username);
    // A session of another first factor does not count until the key was used.
    proceed(app, visitor, flow, None, Batch::new()).await
}

/// A key as the first factor.
pub(super) async fn sign_in(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    submission: &Submission,
) -> Result<Outcome, LoginError> {
    let ceremony = take(app, &mut flow).await?;
    let (Some(ceremony), Some(answer)) = (ceremony, Assertion::read(sent(submission))) else {
        return refused(app, flow, Refused::new(None, "no answer")).await;
    };
    let (user, factor) = owner(app, answer.credential()).await?;
    let user = user.map(|user| user.record);
    // Anybody else's is treated as nobody's, in the time it takes.
    let (checked, batch) = match factor.filter(|factor| ceremony.is_for(factor.user)) {
        Some(factor) => proof(app, visitor, &flow, (user.as_ref(), factor), (ceremony.clone(), &answer)),
        None => (Err(nobodys(app, &flow, (ceremony.clone(), &answer))), Batch::new()),
    };
    let (user, proof) = match (user, checked) {
        (Some(user), Ok(proof)) => (user, proof),
        (_, checked) => {
            let why = match checked {
                Ok(_) => Refused::new(None, "the account is disabled"),
                Err(why) => Refused::because(None, (why, batch)),
            };
            return refused(app, flow, why.unless_verified(&ceremony, &answer)).await;
        }
    };
    let suspected_key = proof.suspected;
    let proved = if suspected_key { Vec::new() } else { vec![Method::Passkey] };
    let by = Authentication::by(&proof.methods(), app.clock.now());
    let proved = Authentication { proved, suspected_key, ..by };
    let Beginning { session, cookies, batch } = session::begin(app, visitor, &user, proved, batch).await?;
    flow.record.progress.began(session.id);
    flow.record.progress.key_suspected = suspected_key;
    let (user_id, session_id) = (user.id, session.id);
    session::note_language(app, visitor, &user).await;
    let outcome = proceed(app, visitor, flow, Some(&SignedIn { session, user }), batch).await?;
    tracing::info!(target: "gantry::audit", event = "signed_in", user = %user_id, session = %session_id, address = %visitor.address, by = "passkey");
    Ok(Outcome { cookies, ..outcome })
}

/// Whose key this is, if they may sign in, and the record it stands in. For nobody's the same is read.
async fn owner(app: &App, key: &Bytes) -> Result<(Option<Stored<User>>, Option<Stored<Factor>>), LoginError> {
    let factor = app.store.find_one::<Factor>(BY_CREDENTIAL, &key.text()).await?;
    let user = factor.as_ref().map_or_else(|| Id::from_bytes([0; 16]), |factor| factor.user);
    let user = app.store.get::<User>(&user.to_string()).await?.filter(|user| user.is_active());
    Ok((user, factor))
}

/// Checks an answer made with nobody's key: it takes as long as with somebody's, and proves nothing.
fn nobodys(app: &App, flow: &LoginFlow, (ceremony, answer): (Ceremony, &Assertion)) -> Refusal {
    let decoy = Decoy::with(answer.credential());
    let person = (ceremony.user().unwrap_or(decoy.user), &*decoy.keys, SuspectedClone::default());
    verify(app, flow, person, (ceremony, answer)).err().unwrap_or(Refusal::OtherPerson)
}

/// Adds the key that the browser has made.
pub(super) async fn enrol(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    (session, user): (Id, Stored<User>),
    submission: &Submission,
) -> Result<Outcome, LoginError> {
    let ceremony = take(app, &mut flow).await?;
    let (Some(ceremony), Some(party), Some(answer)) =
        (ceremony, RelyingParty::of(&app.config().issuer), Registration::read(sent(submission)))
    else {
        return refused(app, flow, Refused::new(Some(&user), "no answer")).await;
    };
    let mut keys = of_user(app, user.id).await?;
    let config = app.config();
    let attestation = config.factors.attestation.as_ref();
    let adding = Adding { user: user.id, within: flow.id, known: &keys, attestation };
    let now = app.clock.now();
    let Made { mut key, user_verified: verified } = match answer.verify(ceremony, &party, &adding, now) {
        Ok(made) => made,
        Err(why) => return refused(app, flow, Refused::because(Some(&user), (why, Batch::new()))).await,
    };
    let amr = if key.backup_eligible { "swk" } else { "hwk" };
    let browser = session::browser_name(&visitor.user_agent);
    let named = submission.fields.get("name").and_then(own_key::named);
    key.name = named.unwrap_or_else(|| name_for(&key, &browser, &keys));
    let changed = Changed::named(Credential::PasskeyAdded, &key.name);
    keys.push(key);
    let factor = Factor { user: user.id, content: Content::Passkeys { keys }, created_at: now };
    keep(
        app,
        visitor,
        flow,
        (session, user),
        New { kind: FactorKind::Passkey, factor, changed, amr, verified },
    )
    .await
}
