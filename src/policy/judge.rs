//! What follows from a policy for one person: the one function that pages, grants and explanations ask.

use super::rule::{Condition, Context, Verdict};
use super::{Means, Second, decisive, in_grace, is_proved, proves_second, second_factor, takes_first};
use crate::account::User;
use crate::config::{Challenge, Policy};
use crate::factor::Method;
use crate::oauth::vocabulary::Authentication;

/// Why an app is closed to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// To this person altogether.
    Person,
    /// From here, or at this time: because of this condition.
    Now(Condition),
    /// To whoever cannot prove what is wanted.
    NoMeans,
}

/// Somebody who wants to use an app.
#[derive(Debug)]
pub struct Person<'a> {
    pub user: &'a User,
    /// The ways in which they could prove a second factor here.
    pub usable: Vec<Method>,
    /// What they have proved.
    pub authentication: &'a Authentication,
    /// The app demands a second factor, whatever the policy says.
    pub demanded: bool,
}

/// What a policy makes of somebody.
#[derive(Debug)]
pub struct Judgement {
    /// What the adaptive conditions say.
    pub verdict: Verdict,
    pub closed: Option<Closed>,
    pub first_taken: bool,
    pub second: Second,
    /// Enrolling one may be put off.
    pub may_skip: bool,
    /// The ways in which they can prove a second factor, the one to ask for first.
    pub usable: Vec<Method>,
}

/// Applies `policy` to `person` in `context`.
#[must_use]
pub fn judge(policy: &Policy, context: &Context, person: Person<'_>) -> Judgement {
    let (verdict, condition) = decisive(policy, context);
    let Person { user, usable, authentication, demanded } = person;
    if authentication.is_lifted(context.at) {
        let second = Second::Fine;
        return Judgement { verdict, closed: None, first_taken: true, second, may_skip: false, usable };
    }
    let challenged = verdict == Verdict::Challenge;
    let means = Means::of(user, &usable);
    let mut second = second_factor(policy, means, authentication, demanded || challenged);
    let mut judged = Judgement {
        verdict,
        closed: None,
        first_taken: takes_first(policy, authentication),
        second,
        may_skip: !demanded && !challenged && in_grace(policy, user, context.at),
        usable: if challenged { among(&policy.challenge, &usable) } else { usable },
    };
    if challenged && !answered(policy, authentication) {
        second = match (judged.usable.is_empty(), means.enrolled) {
            (false, _) => Second::Challenge,
            (true, true) => Second::Stuck,
            // Whoever has only a password must not enrol from where it is not trusted.
            (true, false) => return Judgement { closed: condition.map(Closed::Now), ..judged },
        };
    }
    judged.second = second;
    judged.closed = match (verdict, second) {
        (Verdict::Deny, _) => condition.map(Closed::Now),
        (_, Second::Stuck) => Some(Closed::NoMeans),
        (Verdict::Allow | Verdict::Challenge, _) => None,
    };
    judged
}

/// The ways that a challenge takes, in its order.
fn among(challenge: &[Challenge], usable: &[Method]) -> Vec<Method> {
    let mut taken: Vec<Method> = Vec::new();
    for kind in challenge {
        let wanted = |method: &&Method| match kind {
            Challenge::SecondFactor => true,
            Challenge::Method(wanted) => *method == wanted,
        };
        let more: Vec<Method> =
            usable.iter().filter(wanted).filter(|m| !taken.contains(m)).copied().collect();
        taken.extend(more);
    }
    taken
}

/// Whether what was proved is one of the ways that the challenge takes.
fn answered(policy: &Policy, authentication: &Authentication) -> bool {
    proves_second(policy, authentication)
        && policy.challenge.iter().any(|kind| match kind {
            Challenge::SecondFactor => true,
            Challenge::Method(method) => is_proved(policy, authentication, *method),
        })
}
