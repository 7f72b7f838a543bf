//! The first factor in a sign-in: name and password.

use zeroize::Zeroizing;

use super::approval::{self, Answer};
use super::dispatch::{LoginError, Next, Notice, Outcome, Submission, proceed};
use super::flow::{LoginFlow, Pending, State};
use super::password::{Checked, MAX_PASSWORD_BYTES};
use super::second::again;
use super::session::{self, Beginning, SignedIn};
use super::throttle::Attempt;
use super::visitor::Visitor;
use crate::account::{User, find_user};
use crate::app::App;
use crate::secret::Token;
use crate::store::{ApplyError, Batch, Stored};

/// Longer names are nobody's, in bytes.
const MAX_NAME: usize = 254;

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
            let Beginning { session, cookies, batch } =
                session::begin(app, visitor, &user, &["pwd"], batch).await?;
            flow.record.progress.signed_in = Some(session.id);
            let (user_id, session_id) = (user.id, session.id);
            let outcome = proceed(app, visitor, flow, Some(&SignedIn { session, user }), batch).await?;
            tracing::info!(target: "gantry::audit", event = "signed_in", user = %user_id, session = %session_id, address = %visitor.address);
            Ok(Outcome { cookies, ..outcome })
        }
    }
}

/// Lets in whom their phone let in.
pub(super) async fn by_phone(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
) -> Result<Outcome, LoginError> {
    let Some(Pending::Asked { approval }) = flow.pending else {
        return Err(LoginError::Forged);
    };
    let answer = approval::find(app, approval).await?;
    let Some(answer) = answer else { return Ok(again(flow.record, Notice::Denied)) };
    let by = match answer.answer {
        Answer::Allowed { by } => by,
        Answer::Open => return Ok(again(flow.record, Notice::Waiting)),
        Answer::Denied => return Ok(again(flow.record, Notice::Denied)),
    };
    let batch = Batch::new().remove(&answer);
    let user = app.store.get::<User>(&by.to_string()).await?.filter(|user| user.is_active());
    let Some(user) = user else { return Ok(again(flow.record, Notice::Denied)) };
    // Another channel than this browser (RFC 8176 section 2).
    let Beginning { session, cookies, batch } =
        session::begin(app, visitor, &user.record, &["mca"], batch).await?;
    flow.record.progress.signed_in = Some(session.id);
    let (user_id, session_id) = (user.id, session.id);
    let signed_in = SignedIn { session, user: user.record };
    let outcome = proceed(app, visitor, flow, Some(&signed_in), batch).await?;
    tracing::info!(target: "gantry::audit", event = "signed_in", user = %user_id, session = %session_id, address = %visitor.address, by = "phone");
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
    let known = match &found {
        Some(user) => session::knows(app, visitor, user.id).await?,
        None => false,
    };
    let device = visitor.device.as_ref().filter(|_| known).map(Token::id);
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
