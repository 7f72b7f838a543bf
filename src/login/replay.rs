//! Past sign-ins under another configuration: whose outcome would be another one.
//!
//! People and what they can prove are as they are now; address, time, place, device and habits as they were. A place
//! that was not known then is looked for in the database of the new configuration.

use serde::{Deserialize, Serialize};

use super::context::SignIn;
use crate::account::User;
use crate::clock::Timestamp;
use crate::config::{Config, Policy};
use crate::factor::method;
use crate::geo::Geo;
use crate::policy::{self, Context, Judgement, Person, Second, Verdict};
use crate::store::{Store, StoreError};

/// Sign-ins that are looked at in one go.
const PAGE: usize = 2000;

/// Some of the past.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Replayed {
    pub checked: usize,
    pub changed: Vec<Changed>,
    /// Where to go on; `None`: that was all.
    pub next: Option<String>,
}

/// A sign-in with another outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub at: String,
    pub user: String,
    pub app: String,
    pub address: String,
    /// The policy under which it would be.
    pub policy: Option<String>,
    pub then: Verdict,
    pub now: Verdict,
    /// What decides now.
    pub because: String,
}

/// Goes through a page of past sign-ins behind `after` that are not older than `since`.
pub async fn replay(
    store: &Store,
    (config, geo): (&Config, &Geo),
    since: Timestamp,
    after: Option<&str>,
) -> Result<Replayed, StoreError> {
    let page = store.scan::<SignIn>(after, PAGE).await?;
    let mut replayed = Replayed::default();
    if page.len() == PAGE {
        replayed.next = page.last().map(|last| crate::store::Record::id(&last.record));
    }
    for sign_in in page.into_iter().filter(|sign_in| sign_in.context.at >= since) {
        // Who is gone signs in no more.
        let Some(user) = store.view::<User>(&sign_in.user.to_string()).await? else { continue };
        replayed.checked += 1;
        replayed.changed.extend(changed(config, geo, &user, &sign_in));
    }
    Ok(replayed)
}

/// The sign-in of `user`, if it would end in another way.
fn changed(config: &Config, geo: &Geo, user: &User, sign_in: &SignIn) -> Option<Changed> {
    let then = if sign_in.refused { Verdict::Deny } else { Verdict::Allow };
    let told = |now: Verdict, policy: Option<&str>, because: &dyn Fn() -> String| {
        (then != now).then(|| Changed {
            at: sign_in.context.at.to_string(),
            user: user.username.to_string(),
            app: sign_in.client_id.clone(),
            address: sign_in.context.address.to_canonical().to_string(),
            policy: policy.map(str::to_owned),
            then,
            now,
            because: because(),
        })
    };
    let Some(client) = config.apps.get(&sign_in.client_id) else {
        return told(Verdict::Deny, None, &|| "there is no such app".to_owned());
    };
    let Some((name, policy)) = policy::of(config, client, &user.groups) else {
        return told(Verdict::Deny, None, &|| "no access".to_owned());
    };
    let mut context = sign_in.context.clone();
    context.place = context.place.or_else(|| geo.place(context.address));
    let usable = method::usable(config, user, Some(client));
    let person = Person { user, usable, authentication: &sign_in.authentication, demanded: sign_in.demanded };
    let judged = policy::judge(policy, &context, person);
    let put_off = judged.second == Second::Enrol && judged.may_skip;
    let now = match (judged.closed, judged.second) {
        (Some(_), _) => Verdict::Deny,
        (None, Second::Fine) if judged.first_taken => Verdict::Allow,
        (None, _) if judged.first_taken && put_off => Verdict::Allow,
        (None, _) => Verdict::Challenge,
    };
    told(now, Some(name), &|| because(policy, &context, &judged))
}

/// What decides.
fn because(policy: &Policy, context: &Context, judged: &Judgement) -> String {
    let lines = policy::explain(policy, context).1;
    match lines.into_iter().find(|line| line.decided) {
        Some(line) => format!("{} {}", line.rule, line.saw),
        None if !judged.first_taken => "first factor".to_owned(),
        None if judged.second != Second::Fine => "second factor".to_owned(),
        None => "no condition".to_owned(),
    }
}
