//! Gathers what [`flow::decide`] looks at: policy, consent and what the person can prove.

use super::LoginError;
use super::context::{self, Origin};
use super::device_trust;
use super::flow::{self, Closed, Progress, Situation, Step, Target, Task};
use super::session::{Session, SignedIn};
use crate::app::App;
use crate::config::{self, FirstFactor};
use crate::factor::method::Reach;
use crate::factor::{Method, method};
use crate::oauth::{consent, subject};
use crate::policy::{self, Condition, Person, Second};
use crate::store::StoreError;

/// What comes next for somebody with this progress, who comes `from` there; the device is their session's.
pub(super) async fn next_step(
    app: &App,
    from: Origin,
    target: &Target,
    progress: &Progress,
    signed_in: Option<&SignedIn>,
) -> Result<Step, LoginError> {
    let config = app.config();
    let (mut consent_given, mut first_party, mut subject) = (true, true, None);
    let (now, mut judged) = (from.at, Judged::default());
    match (target.wish(), signed_in) {
        (Some((client_id, scopes)), _) => {
            let Some(client) = config.apps.get(client_id) else {
                return Ok(Step::Forbidden(Closed::Person));
            };
            first_party = client.first_party;
            if let Some(signed_in) = signed_in {
                subject = Some(subject::of(app.keys.master(), client, signed_in.user.id));
                judged = Judged::by_policy(app, from, client, (signed_in, target)).await?;
                consent_given = progress.consented
                    || first_party
                    || consent::covers(&app.store, signed_in.user.id, client_id, &scopes).await?;
            }
        }
        (None, Some(signed_in)) => {
            if let Target::Account(task) = target {
                judged = Judged::for_account(app, from, signed_in, task).await?;
            }
        }
        (None, None) => {}
    }
    let mut enrollable = method::enrollable(&config);
    enrollable.retain(|kind| !kind.stands_in());
    if judged.second == Second::Enrol && enrollable.is_empty() && !judged.may_skip {
        judged.closed = judged.closed.or(Some(Closed::NoMeans));
    }
    Ok(flow::decide(&Situation {
        target,
        progress,
        signed_in,
        subject,
        closed: judged.closed,
        first_taken: judged.first_taken,
        key_wanted: judged.key_wanted,
        second: judged.second,
        may_skip: judged.may_skip,
        offers_trust: judged.offers_trust,
        usable: &judged.usable,
        enrollable: &enrollable,
        consent_given,
        first_party,
        now,
    }))
}

/// Why an app of this person would not be content with a password from here, if one would not.
async fn distrusted(
    app: &App,
    from: Origin,
    SignedIn { user, session }: &SignedIn,
) -> Result<Option<Condition>, StoreError> {
    let config = app.config();
    let from = Origin { device: session.device, ..from };
    for client in config.apps.values() {
        let Some(named) = policy::of(&config, client, &user.groups) else { continue };
        let context = context::gather(app, from, user, named).await?;
        if let (_, Some(condition)) = policy::decisive(named.1, &context) {
            return Ok(Some(condition));
        }
    }
    Ok(None)
}

/// What is made of somebody who is signed in.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
struct Judged {
    closed: Option<Closed>,
    first_taken: bool,
    key_wanted: bool,
    second: Second,
    /// Enrolling may be put off.
    may_skip: bool,
    /// This browser could be registered.
    offers_trust: bool,
    /// The ways in which they can prove a second factor.
    usable: Vec<Method>,
}

impl Default for Judged {
    fn default() -> Self {
        Self {
            closed: None,
            first_taken: true,
            key_wanted: false,
            second: Second::Fine,
            may_skip: false,
            offers_trust: false,
            usable: Vec::new(),
        }
    }
}

/// What was the first factor is not the second one too (TO-07 of the attack list): a key, or whoever reads the mail. After
/// a key of which there may be a copy another factor is wanted (WA-05).
fn not_twice(usable: &mut Vec<Method>, session: &Session) {
    let Session { authentication, .. } = session;
    let key_used = authentication.began_by_key() || authentication.suspected_key;
    usable.retain(|method| !key_used || *method != Method::Passkey);
    usable.retain(|method| !authentication.by_mail || method.reaches() != [Reach::Email]);
}

impl Judged {
    fn closed(why: Closed) -> Self {
        Self { closed: Some(why), ..Self::default() }
    }

    /// By the policy of `client` for this person.
    async fn by_policy(
        app: &App,
        from: Origin,
        client: &config::App,
        (SignedIn { user, session }, target): (&SignedIn, &Target),
    ) -> Result<Self, StoreError> {
        let config = app.config();
        let Some(named) = policy::of(&config, client, &user.groups) else {
            return Ok(Self::closed(Closed::Person));
        };
        let policy = named.1;
        let from = Origin { device: session.device, ..from };
        let context = context::gather(app, from, user, named).await?;
        let mut usable = method::usable(&config, user, Some(client));
        not_twice(&mut usable, session);
        let person = Person {
            user,
            usable,
            authentication: &session.authentication,
            demanded: target.demands_second_factor(),
        };
        let judged = policy::judge(policy, &context, person);
        let proved = user.factors.is_empty() || policy::proves_second(policy, &session.authentication);
        let offered = policy.devices.as_ref().is_some_and(|rule| rule.offers(&context));
        Ok(Self {
            offers_trust: proved && offered && !device_trust::is_declined(app, session).await?,
            closed: judged.closed,
            first_taken: judged.first_taken,
            key_wanted: policy.first_factor == FirstFactor::Passkey,
            second: judged.second,
            may_skip: judged.may_skip,
            usable: judged.usable,
        })
    }

    /// For changes of how somebody proves who they are: with everything they have.
    async fn for_account(
        app: &App,
        from: Origin,
        signed_in: &SignedIn,
        task: &Task,
    ) -> Result<Self, StoreError> {
        let SignedIn { user, session } = signed_in;
        let mut usable = method::usable(&app.config(), user, None);
        not_twice(&mut usable, session);
        Ok(if session.authentication.has_second_factor() {
            Self::default()
        } else if !usable.is_empty() {
            // Also what nobody enrols, such as a code by mail: a factor added with the password alone would answer
            // for it from then on.
            Self { second: Second::Challenge, usable, ..Self::default() }
        } else if user.factors.is_empty() && !session.authentication.suspected_key {
            // A factor that a stolen password adds would answer every challenge from then on.
            let distrusted = match task {
                Task::Add(_) => distrusted(app, from, signed_in).await?,
                _ => None,
            };
            distrusted.map_or_else(Self::default, |why| Self::closed(Closed::Now(why)))
        } else {
            Self::closed(Closed::NoMeans)
        })
    }
}
