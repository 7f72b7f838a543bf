//! A passkey of which there may be a copy: its signature counter did not grow (`WebAuthn` section 6.1.1).
//!
//! Owns what the policy makes of it, and that its person hears of it. Does not own how it is found out
//! (`factor::passkey`) or what else such a session has to prove (`policy`).

use super::challenge::{Changed, notice};
use super::dispatch::{LoginError, Outcome, proceed};
use super::flow::LoginFlow;
use super::session::{self, SignedIn};
use super::visitor::Visitor;
use crate::account::User;
use crate::app::App;
use crate::config::Policy;
use crate::factor::passkey::{Bytes, SuspectedClone};
use crate::factor::{Content, Factor};
use crate::notify::Credential;
use crate::policy;
use crate::secret::Id;
use crate::store::{Batch, Stored};

/// What comes of such a key of `user` on the way that `flow` goes. Where no app is on the way, what will do for one of
/// them does: each looks at the session by itself.
pub(super) fn rule(app: &App, flow: &LoginFlow, user: &User) -> SuspectedClone {
    let config = app.config();
    let weighs = |policy: &Policy| policy.suspected_clone == SuspectedClone::Challenge;
    let challenge = match flow.target.wish() {
        Some((client_id, _)) => {
            let client = config.apps.get(client_id);
            let named = client.and_then(|client| policy::of(&config, client, &user.groups));
            named.is_some_and(|(_, policy)| weighs(policy))
        }
        None => config.policies.values().any(weighs),
    };
    if challenge { SuspectedClone::Challenge } else { SuspectedClone::Refuse }
}

/// Notes the suspicion with the key and in the log, and writes to its person: once, until its counter grows again.
pub(super) fn noted(
    app: &App,
    visitor: &Visitor,
    user: Option<&User>,
    mut factor: Stored<Factor>,
    credential: &Bytes,
) -> Batch {
    let Content::Passkeys { keys } = &mut factor.record.content else { return Batch::new() };
    let Some(key) = keys.iter_mut().find(|key| key.id == *credential) else { return Batch::new() };
    let known = key.suspected_at.is_some();
    key.suspected_at.get_or_insert(app.clock.now());
    let (reference, name) = (key.reference(), key.name.clone());
    tracing::warn!(target: "gantry::audit", event = "passkey_suspected", user = %factor.user, key = %reference, address = %visitor.address);
    let batch = Batch::new().update(&factor);
    match user.filter(|_| !known) {
        Some(user) => notice(app, visitor, user, Changed::named(Credential::PasskeySuspected, &name), batch),
        None => batch,
    }
}

/// Goes on with another factor: what the person behind `session` has used proves nothing.
pub(super) async fn ask_for_another(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    (session, user): (Id, User),
    batch: Batch,
) -> Result<Outcome, LoginError> {
    let suspected = session::suspect(app, visitor, session, batch).await?;
    let (session, batch) = suspected.ok_or(LoginError::Gone)?;
    flow.record.progress.key_suspected = true;
    proceed(app, visitor, flow, Some(&SignedIn { session, user }), batch).await
}
