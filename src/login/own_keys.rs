//! A person's own keys, such as passkeys: each has a name, and goes by itself.

use super::challenge::{Changed, notice};
use super::dispatch::{LoginError, Notice, Outcome, Submission};
use super::flow::{KeyChange, LoginFlow};
use super::own::{self, removed};
use super::second::again;
use super::visitor::Visitor;
use crate::account::User;
use crate::app::App;
use crate::factor::{self, Factor, FactorKind, own_key};
use crate::notify::Credential;
use crate::secret::Id;
use crate::store::{Batch, Stored};

/// Changes one of them, which is known to be wanted by the person; [`LoginError::Gone`] when it went elsewhere.
pub(super) async fn change(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    (user, sent): (Stored<User>, &Submission),
    (kind, key, change): (FactorKind, Id, KeyChange),
) -> Result<Outcome, LoginError> {
    let factor = app.store.get::<Factor>(&factor::key(user.id, kind)).await?;
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
    let kind = factor.content.kind();
    let what = renamed(kind).ok_or(LoginError::Forged)?;
    let Some(name) = sent.fields.get("name").and_then(own_key::named) else {
        return Ok(again(flow.record, Notice::Missing));
    };
    if !factor.record.content.rename(key, &name) {
        return Err(LoginError::Gone);
    }
    let batch = Batch::new().update(&factor);
    let batch = notice(app, visitor, &user, Changed::named(what, &name), batch);
    tracing::info!(target: "gantry::audit", event = "second_factor_renamed", user = %user.id, kind = kind.name(), key = %key);
    own::done(app, visitor, flow, user.record, batch).await
}

async fn remove(
    app: &App,
    visitor: &Visitor,
    flow: Stored<LoginFlow>,
    (mut user, factor, key): (Stored<User>, Stored<Factor>, Id),
) -> Result<Outcome, LoginError> {
    let kind = factor.content.kind();
    let removed_one = own_key::remove(Batch::new(), &mut user, factor, key);
    let (gone, batch) = removed_one.ok_or(LoginError::Gone)?;
    let batch = notice(app, visitor, &user, Changed::named(removed(kind), &gone.name), batch);
    tracing::info!(target: "gantry::audit", event = "second_factor_removed", user = %user.id, kind = kind.name(), key = %key);
    own::begun_anew(app, visitor, flow, user.record, batch).await
}

/// What is told of another name; `None` where nobody chooses one.
#[must_use]
pub const fn renamed(kind: FactorKind) -> Option<Credential> {
    match kind {
        FactorKind::Passkey => Some(Credential::PasskeyRenamed),
        FactorKind::WebPush => Some(Credential::PushRenamed),
        _ => None,
    }
}
