//! What the page of a step asks for, and of which keys.

use std::time::Duration;

use super::super::dispatch::LoginError;
use super::super::first;
use super::super::flow::{LoginFlow, Pending, State};
use crate::account::{User, find_user};
use crate::app::App;
use crate::config::FirstFactor;
use crate::factor::passkey::{
    self, Ceremony, Decoy, Owner, Passkey, Purpose, RelyingParty, UserVerification,
};
use crate::factor::{self, Content, Factor, FactorKind, Method};
use crate::policy;
use crate::secret::Id;

/// A question that lasts no longer than this is asked anew when its page is opened.
const SPARE: Duration = Duration::from_secs(60);

/// The question that the page of this state asks.
pub(in crate::login) async fn question(
    app: &App,
    flow: &LoginFlow,
    user: Option<&User>,
) -> Result<Option<Pending>, LoginError> {
    let config = app.config();
    let Some(party) = RelyingParty::of(&config.issuer) else { return Ok(None) };
    let now = app.clock.now();
    // In place of a password a key is two things, or it would be one that is found on the street.
    let first = |purpose| Ceremony::begin(purpose, flow.id, UserVerification::Required, now);
    let (ceremony, options) = match (&flow.state, user) {
        (State::Identify, _) => {
            let ceremony = first(Purpose::SignIn).until(flow.expires_at);
            let options = ceremony.request_options(&party, &[]);
            (ceremony, options)
        }
        (State::Key { username: None }, _) => {
            let ceremony = first(Purpose::SignIn);
            let options = ceremony.request_options(&party, &[]);
            (ceremony, options)
        }
        (State::Key { username: Some(username) }, _) => {
            let (user, keys) = of_name(app, username).await?;
            let ceremony = first(Purpose::Prove { user });
            let options = ceremony.request_options(&party, &keys);
            (ceremony, options)
        }
        (State::Enrol { .. }, Some(user)) => {
            let purpose = Purpose::Register { user: user.id };
            let ceremony = Ceremony::begin(purpose, flow.id, verification(app, flow, user), now);
            let owner = Owner {
                organisation: &config.organisation.name,
                username: user.username.as_str(),
                display_name: user.display_name(),
                handle: &passkey::handle(app.keys.master(), user.id),
                known: &of_user(app, user.id).await?,
                attested: config.factors.attestation.is_some(),
            };
            let options = ceremony.creation_options(&party, &owner);
            (ceremony, options)
        }
        (_, Some(user)) => {
            let purpose = Purpose::Prove { user: user.id };
            let ceremony = Ceremony::begin(purpose, flow.id, verification(app, flow, user), now);
            let options = ceremony.request_options(&party, &of_user(app, user.id).await?);
            (ceremony, options)
        }
        (_, None) => return Ok(None),
    };
    Ok(Some(Pending::Passkey { ceremony, options: options.to_string() }))
}

/// What the policy on the way says about keys of `user` that are a second factor.
fn verification(app: &App, flow: &LoginFlow, user: &User) -> UserVerification {
    let config = app.config();
    let client = flow.target.wish().and_then(|(client_id, _)| config.apps.get(client_id));
    let access = client.and_then(|client| policy::access(client, &user.groups));
    let policy = access.and_then(|access| config.policies.get(&access.policy));
    policy.map_or_else(UserVerification::default, |policy| policy.user_verification)
}

/// The keys of `user`, in the order in which they were added.
pub(super) async fn of_user(app: &App, user: Id) -> Result<Vec<Passkey>, LoginError> {
    let factor = app.store.get::<Factor>(&factor::key(user, FactorKind::Passkey)).await?;
    Ok(match factor.map(|factor| factor.record.content) {
        Some(Content::Passkeys { keys }) => keys,
        _ => Vec::new(),
    })
}

/// Who has this name, and their keys; those of somebody made up where there are none. The same is read and
/// derived for either.
async fn of_name(app: &App, username: &str) -> Result<(Id, Vec<Passkey>), LoginError> {
    let found = find_user(&app.store, username).await?;
    let decoy = Decoy::of(app.keys.master(), username);
    let user = found.map_or(decoy.user, |found| found.id);
    let keys = of_user(app, user).await?;
    Ok((user, if keys.is_empty() { decoy.keys } else { keys }))
}

/// Whether the page of this flow needs a new question: there is none, or it is about to end.
#[must_use]
pub(in crate::login) fn is_due(app: &App, flow: &LoginFlow) -> bool {
    let asks = match &flow.state {
        State::Identify => first::takes(app, &flow.target, FirstFactor::Passkey),
        State::Key { .. }
        | State::Prove { method: Method::Passkey, .. }
        | State::Enrol { kind: FactorKind::Passkey, .. } => true,
        _ => false,
    };
    let lasts = match &flow.pending {
        Some(Pending::Passkey { ceremony, .. }) => ceremony.lasts(SPARE, app.clock.now()),
        _ => false,
    };
    asks && !lasts
}
