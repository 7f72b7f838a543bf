//! Who may use an app, and what they must prove: pure functions of configuration and person.
//!
//! Owns the decision and its trace; the conditions are in [`rule`], what follows from them is in [`mod@judge`]. Does
//! not own how a proof is checked (`login`).

pub mod judge;
pub mod lock_out;
pub mod rule;
mod trace;

use std::collections::BTreeSet;

use serde::Serialize;

pub use judge::{Closed, Judgement, Person, judge};
pub use rule::{Condition, Context, Verdict};
pub use trace::{Line, explain};

use crate::account::{GroupName, User};
use crate::clock::Timestamp;
use crate::config::{Access, App, Config, FirstFactor, Policy, SecondFactor};
use crate::factor::Method;
use crate::factor::passkey::{SuspectedClone, UserVerification};
use crate::oauth::vocabulary::Authentication;

/// What an app says about somebody, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    pub action: Action,
    /// One line per entry looked at, in order, for people who ask why.
    pub trace: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// May use the app under this policy.
    Allow {
        policy: String,
    },
    Deny,
}

/// The first entry of the app's `access` list whose group the person is in; none means no access.
#[must_use]
pub fn access<'a>(app: &'a App, groups: &BTreeSet<GroupName>) -> Option<&'a Access> {
    app.access.iter().find(|access| applies(access, groups))
}

/// The policy of the app for somebody in these groups, with its name.
#[must_use]
pub fn of<'a>(
    config: &'a Config,
    app: &'a App,
    groups: &BTreeSet<GroupName>,
) -> Option<(&'a str, &'a Policy)> {
    let name = access(app, groups)?.policy.as_str();
    config.policies.get(name).map(|policy| (name, policy))
}

/// [`access`] with its reasons.
#[must_use]
pub fn evaluate(app: &App, groups: &BTreeSet<GroupName>) -> Decision {
    let mut trace = Vec::new();
    for entry in &app.access {
        if applies(entry, groups) {
            trace.push(format!("group {}: member, policy {}", entry.group, entry.policy));
            return Decision { action: Action::Allow { policy: entry.policy.clone() }, trace };
        }
        trace.push(format!("group {}: not a member", entry.group));
    }
    trace.push("no entry applies: no access".to_owned());
    Decision { action: Action::Deny, trace }
}

/// Whether `policy` takes what was proved first.
#[must_use]
pub fn takes_first(policy: &Policy, authentication: &Authentication) -> bool {
    let by_key = authentication.began_by_key();
    // Another policy may have let it pass, in the same session.
    let refused = by_key && authentication.suspected_key && policy.suspected_clone == SuspectedClone::Refuse;
    match policy.first_factor {
        FirstFactor::Password => authentication.methods.iter().any(|method| method == "pwd"),
        FirstFactor::MagicLink => authentication.by_mail,
        FirstFactor::Passkey => by_key && !refused,
        FirstFactor::Any => !refused,
    }
}

/// What is still to be done before `policy` is content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// Nothing.
    Fine,
    /// A factor that was enrolled must be proved.
    Challenge,
    /// One must be enrolled, because there is none.
    Enrol,
    /// None of those that were enrolled is offered any more.
    Stuck,
}

/// What somebody could prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// They enrolled something.
    pub enrolled: bool,
    /// They can use something that is offered here.
    pub usable: bool,
}

impl Means {
    /// Of `user`, who can use these.
    #[must_use]
    pub fn of(user: &User, usable: &[Method]) -> Self {
        Self { enrolled: !user.factors.is_empty(), usable: !usable.is_empty() }
    }
}

/// Whether a second factor is asked for: by the policy, or because the app `demands` that level.
#[must_use]
pub fn second_factor(
    policy: &Policy,
    means: Means,
    authentication: &Authentication,
    demanded: bool,
) -> Second {
    let wanted = match policy.second_factor {
        SecondFactor::Never => demanded,
        SecondFactor::IfEnrolled => demanded || means.enrolled,
        SecondFactor::Required => true,
    };
    // Whoever has a copy of a key needs more than it, whatever the policy wants of others.
    let suspected = authentication.suspected_key;
    match (wanted || suspected) && !proves_second(policy, authentication) {
        false => Second::Fine,
        true if means.usable => Second::Challenge,
        // Whoever has only the password, or a copy of a key, must not add a factor beside those that are there.
        true if means.enrolled || suspected => Second::Stuck,
        true => Second::Enrol,
    }
}

/// Whether what was proved is a second factor to `policy`.
#[must_use]
pub fn proves_second(policy: &Policy, authentication: &Authentication) -> bool {
    let others = || authentication.proved.iter().any(|method| *method != Method::Passkey);
    authentication.has_second_factor() && (takes_key(policy, authentication) || others())
}

/// Whether `method` was proved as `policy` wants it.
fn is_proved(policy: &Policy, authentication: &Authentication, method: Method) -> bool {
    let taken = method != Method::Passkey || takes_key(policy, authentication);
    authentication.proved.contains(&method) && taken
}

/// `policy` may want keys to check who uses them.
fn takes_key(policy: &Policy, authentication: &Authentication) -> bool {
    policy.user_verification != UserVerification::Required || !authentication.unverified_key
}

/// Whether somebody without a second factor may still put it off.
#[must_use]
pub fn in_grace(policy: &Policy, user: &User, now: Timestamp) -> bool {
    let early = now < user.created_at + policy.grace || policy.required_from.is_some_and(|from| now < from);
    early && user.factors.is_empty()
}

/// Whether what was proved once is enough for `policy` as it is now. Enrolling later takes nothing away.
#[must_use]
pub fn still_enough(policy: &Policy, user: &User, authentication: &Authentication, now: Timestamp) -> bool {
    if authentication.is_lifted(now) {
        return true;
    }
    let second = policy.second_factor != SecondFactor::Required
        || proves_second(policy, authentication)
        || in_grace(policy, user, now);
    second && takes_first(policy, authentication)
}

/// What the adaptive conditions of `policy` say, and the first of the strictest of them when that is not "fine".
#[must_use]
pub fn decisive(policy: &Policy, context: &Context) -> (Verdict, Option<Condition>) {
    let views = rule::views(policy, context).into_iter().flatten().filter(|view| !view.skipped);
    views.fold((Verdict::Allow, None), |strictest, view| {
        if view.verdict > strictest.0 { (view.verdict, Some(view.condition)) } else { strictest }
    })
}

/// What the conditions say that do not depend on where a request comes from: an app's server refreshes tokens.
#[must_use]
pub fn wherever(policy: &Policy, at: Timestamp) -> Verdict {
    rule::wherever(policy, at)
}

/// Whether a registered device makes up for the hours of `policy`.
#[must_use]
pub fn skips_hours(policy: &Policy) -> bool {
    policy.devices.as_ref().is_some_and(|rule| rule.registered_skips.contains(&Condition::Time))
}

/// Whether a sign-in like this one may become a habit of the person: under none of their policies is it a change
/// that wants more than was proved. A weak app must not teach what a strict one asks about.
#[must_use]
pub fn teaches<'p>(
    mut policies: impl Iterator<Item = &'p Policy>,
    context: &Context,
    authentication: &Authentication,
) -> bool {
    policies.all(|policy| {
        let verdict = policy.behaviour.as_ref().map_or(Verdict::Allow, |rule| rule.judge(context));
        verdict == Verdict::Allow || (verdict == Verdict::Challenge && proves_second(policy, authentication))
    })
}

fn applies(access: &Access, groups: &BTreeSet<GroupName>) -> bool {
    access.group == "everyone" || groups.iter().any(|group| group.as_str() == access.group)
}
