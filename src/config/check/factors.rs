//! What people can prove beside the first factor.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::sending::secret;
use super::{at_most, attestation, optional, url};
use crate::config::error::{Place, Problems};
use crate::config::factors::{Factors, Radius};
use crate::config::meant::{App, Challenge, Policy, Preset, SecondFactor};
use crate::config::read::{At, short};
use crate::config::schema;
use crate::factor::Method;
use crate::factor::kba;
use crate::factor::totp::TotpForm;
use crate::locale::Lang;

/// The section as it is meant.
pub(super) fn check(written: schema::Factors, base: &Path, problems: &mut Problems) -> Option<Factors> {
    let attestation = written.passkeys.and_then(|part| {
        optional(part.value.attestation, |part| attestation::check(part.value, base, problems))
    });
    let totp = written.totp.and_then(|part| totp(part.value, problems));
    let questions = written.kba.and_then(|part| questions(part.value.questions?, problems));
    let services: Vec<_> =
        written.push_services?.value.iter().map(|text| url::origin(text, problems)).collect();
    let services = services.into_iter().collect::<Option<BTreeSet<_>>>();
    let offered = written.offered?;
    let place = offered.place;
    let offered: BTreeSet<Method> =
        offered.value.into_iter().map(|method: At<Method>| method.value).collect();
    let stand_in = [Method::RecoveryCode].into();
    if offered.is_subset(&stand_in) {
        problems
            .error(place, "nobody could have any of these")
            .hint("recovery codes stand in for another one: add `totp`, for authenticator apps");
        return None;
    }
    Some(Factors {
        offered,
        totp: totp?,
        questions: questions?,
        push_services: services?,
        attestation: attestation?,
    })
}

fn totp(written: schema::Totp, problems: &mut Problems) -> Option<TotpForm> {
    let (algorithm, digits) = (written.algorithm?.value, written.digits?);
    match digits.value {
        6 => Some(TotpForm { algorithm, digits: 6 }),
        8 => Some(TotpForm { algorithm, digits: 8 }),
        other => {
            problems.error(digits.place, format!("{other} digits are shown by no app")).hint("`6` or `8`");
            None
        }
    }
}

fn questions(written: At<schema::Questions>, problems: &mut Problems) -> Option<Vec<(String, Vec<String>)>> {
    let lists = match written.value {
        schema::Questions::Plain(list) if list.is_empty() => return Some(Vec::new()),
        schema::Questions::Plain(list) => {
            vec![(At { value: String::new(), place: written.place }, Some(list))]
        }
        schema::Questions::ByLanguage(lists) => lists.0,
    };
    let read: Vec<_> = lists.into_iter().map(|(name, list)| in_language(name, list?, problems)).collect();
    read.into_iter().collect()
}

fn in_language(
    name: At<String>,
    list: Vec<At<String>>,
    problems: &mut Problems,
) -> Option<(String, Vec<String>)> {
    if !name.value.is_empty() && Lang::from_tag(&name.value).is_none() {
        problems
            .error(name.place, format!("`{}` is no language here", short(&name.value)))
            .hint("`en`, `de`");
        return None;
    }
    let mut seen = BTreeSet::new();
    for question in &list {
        let plain = kba::plain(&question.value).filter(|plain| !plain.is_empty());
        if !plain.is_some_and(|plain| seen.insert(plain.to_string())) {
            problems
                .error(question.place, format!("`{}` is no question of its own", short(&question.value)))
                .hint("1 to 200 bytes, none twice");
            return None;
        }
    }
    if list.len() < kba::CHOSEN {
        problems.error(name.place, "people choose three questions").hint("list three at least");
        return None;
    }
    Some((name.value, list.into_iter().map(|question| question.value).collect()))
}

/// A message in Rocket.Chat is no way into Rocket.Chat; whoever has only that stays outside.
pub(super) fn warn_of_closed_circle(
    apps: &BTreeMap<String, App>,
    policies: &BTreeMap<String, Policy>,
    factors: &Factors,
    problems: &mut Problems,
) {
    let elsewhere = |method: &Method| !method.is_rocketchat() && *method != Method::RecoveryCode;
    let other = factors.offered.iter().any(elsewhere);
    let challenged = |policy: &Policy| {
        let other = policy.challenge.iter().any(|kind| match kind {
            Challenge::SecondFactor => other,
            Challenge::Method(method) => elsewhere(method),
        });
        let conditions = policy.network.is_some()
            || policy.time.is_some()
            || policy.place.is_some()
            || policy.behaviour.is_some();
        conditions && !other
    };
    let closed =
        |policy: &Policy| challenged(policy) || (policy.second_factor == SecondFactor::Required && !other);
    for app in apps.values().filter(|app| app.preset == Some(Preset::Rocketchat)) {
        let names = app.access.iter().map(|access| &access.policy).collect::<BTreeSet<_>>();
        for name in names.into_iter().filter(|name| policies.get(*name).is_some_and(closed)) {
            problems
                .warn(
                    Place::NONE,
                    format!(
                        "the policy `{}` of `{}` is met by a message in Rocket.Chat only, which is no way into Rocket.Chat",
                        short(name),
                        short(&app.client_id)
                    ),
                )
                .hint("offer another way too, such as `totp` or `passkey`");
        }
    }
}

/// Servers that check one-time passwords.
pub(super) fn radius(written: schema::Radius, base: &Path, problems: &mut Problems) -> Option<Radius> {
    let servers = written.servers?;
    if servers.value.is_empty() {
        problems.error(servers.place, "no server").hint("`servers: [\"192.0.2.10:1812\"]`");
        return None;
    }
    let parsed: Vec<Option<SocketAddr>> = servers.value.iter().map(|text| server(text, problems)).collect();
    let secret = secret(written.secret?, base, problems);
    let timeout = at_most(written.timeout, (Duration::from_secs(10), "10s"), problems);
    let nas = written.nas_identifier?;
    if nas.value.is_empty() || nas.value.len() > 253 {
        problems.error(nas.place, "not 1 to 253 bytes").hint("what the servers know this machine by");
        return None;
    }
    Some(Radius {
        servers: parsed.into_iter().collect::<Option<_>>()?,
        secret: secret?,
        timeout: timeout?.value,
        nas_identifier: nas.value,
        message_authenticator: written.message_authenticator?.value,
    })
}

fn server(text: &At<String>, problems: &mut Problems) -> Option<SocketAddr> {
    let address = text.value.parse().ok();
    if address.is_none() {
        problems
            .error(text.place, format!("`{}` is not an address with a port", short(&text.value)))
            .hint("numbers, such as `192.0.2.10:1812`: a name would have to be looked up at every sign-in");
    }
    address
}
