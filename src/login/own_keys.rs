//! A person's own passkeys: each has a name, and goes by itself.

use super::challenge::{Changed, notice};
use super::dispatch::{LoginError, Notice, Outcome, Submission};
use super::flow::{KeyChange, LoginFlow};
use super::own;
use super::second::again;
use super::visitor::Visitor;
use crate::account::User;
use crate::app::App;
use crate::factor::{self, Content, Factor, FactorKind, Passkey, passkey};
use crate::notify::Credential;
use crate::secret::Id;
use crate::store::{Batch, Stored};

/// The passkeys of `user`, in the order in which they were added.
pub async fn of_user(app: &App, user: Id) -> Result<Vec<Passkey>, LoginError> {
    let factor = app.store.get::<Factor>(&factor::key(user, FactorKind::Passkey)).await?;
    Ok(match factor.map(|factor| factor.record.content) {
        Some(Content::Passkeys { keys }) => keys,
        _ => Vec::new(),
    })
}

/// Changes one of them, which is known to be wanted by the person; [`LoginError::Gone`] when it went elsewhere.
pub(super) async fn change(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    (user, sent): (Stored<User>, &Submission),
    (key, change): (Id, KeyChange),
) -> Result<Outcome, LoginError> {
    let factor = app.store.get::<Factor>(&factor::key(user.id, FactorKind::Passkey)).await?;
    let factor = factor.ok_or(LoginError::Gone)?;
    match change {
        KeyChange::Rename => rename(app, visitor, flow, (user, factor, key), sent).await,
        KeyChange::Remove => remove(app, visitor, flow, (user, factor, key)).await,
    }
}

async fn rename(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    (user, mut factor, key): (Stored<User>, Stored<Factor>, Id),
    sent: &Submission,
) -> Result<Outcome, LoginError> {
    let Some(name) = sent.fields.get("name").and_then(passkey::named) else {
        return Ok(again(flow.record, Notice::Missing));
    };
    let Content::Passkeys { keys } = &mut factor.record.content else { return Err(LoginError::Gone) };
    let renamed = keys.iter_mut().find(|known| known.reference() == key).ok_or(LoginError::Gone)?;
    renamed.name.clone_from(&name);
    let batch = Batch::new().update(&factor);
    let batch = notice(app, visitor, &user, Changed::key(Credential::PasskeyRenamed, &name), batch);
    tracing::info!(target: "gantry::audit", event = "passkey_renamed", user = %user.id, key = %key);
    own::done(app, visitor, flow, user.record, batch).await
}

/// With the last one goes the factor, and what stood in for it.
async fn remove(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    (mut user, mut factor, key): (Stored<User>, Stored<Factor>, Id),
) -> Result<Outcome, LoginError> {
    let Content::Passkeys { keys } = &mut factor.record.content else { return Err(LoginError::Gone) };
    let at = keys.iter().position(|known| known.reference() == key).ok_or(LoginError::Gone)?;
    let removed = keys.remove(at);
    let batch = if keys.is_empty() {
        factor::remove(Batch::new(), &mut user, FactorKind::Passkey)
    } else {
        user.record.trust += 1;
        Batch::new().update(&user).update(&factor)
    };
    let changed = Changed::key(Credential::PasskeyRemoved, &removed.name);
    let batch = notice(app, visitor, &user, changed, batch);
    tracing::info!(target: "gantry::audit", event = "second_factor_removed", user = %user.id, kind = "passkey", key = %key);
    own::done(app, visitor, flow, user.record, batch).await
}
