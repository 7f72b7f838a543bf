//! All apps and policies, their names, and who may use an app. One app as a client is in `client`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{client, group, policy};
use crate::config::error::{Place, Problems};
use crate::config::meant::{Access, App, AppRegistration, GrantKind, Policy};
use crate::config::read::{At, Entries, short};
use crate::config::schema;
use crate::outbound::Reach;

type Apps = BTreeMap<String, App>;
type Policies = BTreeMap<String, Policy>;

/// All parts at once, because they refer to each other.
pub(super) fn check(
    apps: Option<At<Entries<schema::App>>>,
    registration: Option<At<schema::AppRegistration>>,
    policies: Option<At<Entries<schema::Policy>>>,
    base: &Path,
    problems: &mut Problems,
) -> (Option<Apps>, Option<AppRegistration>, Option<Policies>) {
    let named = Named::of(policies.as_ref(), base);
    let apps = apps.and_then(|apps| all_apps(apps.value, &named, problems));
    let registration = registration.and_then(|part| self::registration(part.value, &named, problems));
    if let (Some(apps), Some(registration)) = (&apps, &registration) {
        let access = apps.values().flat_map(|app| &app.access).chain(&registration.access);
        named.warn_of_unused(access, problems);
    }
    (apps, registration, policies.and_then(|written| all_policies(written.value, problems)))
}

/// An app that registered itself; `access` stands in the file, and how far it may `reach`.
pub(in crate::config) fn registered(
    client_id: &str,
    app: schema::App,
    reach: Reach,
    problems: &mut Problems,
) -> Option<App> {
    let name = At { value: client_id.to_owned(), place: Place::NONE };
    let app = client::check(name, app, &Named { policies: None, base: Path::new("/") }, problems)?;
    Some(App { registered: true, reach, ..app })
}

fn registration(
    written: schema::AppRegistration,
    named: &Named<'_>,
    problems: &mut Problems,
) -> Option<AppRegistration> {
    let access = access(written.access?, false, named, problems);
    let max = written.max?.value;
    let grants = written.grants?.value.into_iter().map(|grant| {
        if grant.value != GrantKind::Password {
            return Some(grant.value);
        }
        problems
            .error(grant.place, "the grant `password` is only for apps of your own")
            .hint("leave out `password`");
        None
    });
    let grants: Option<BTreeSet<GrantKind>> = grants.collect();
    let scopes = written.scopes?.value.into_iter().map(|scope| scope.value.0.to_owned()).collect();
    Some(AppRegistration {
        access: access?,
        grants: grants?,
        scopes,
        pkce: written.pkce?.value,
        max: usize::try_from(max).ok()?,
        reach: if written.listed_networks?.value { Reach::Listed } else { Reach::PublicOnly },
    })
}

/// What an app refers to: the names of the policies, also of those that are wrong inside: a reference to them is not.
pub(super) struct Named<'a> {
    policies: Option<Vec<(String, Place)>>,
    /// The folder of the file, where relative paths start.
    pub(super) base: &'a Path,
}

impl<'a> Named<'a> {
    fn of(policies: Option<&At<Entries<schema::Policy>>>, base: &'a Path) -> Self {
        let entries = policies.map(|policies| &policies.value.0);
        let policies =
            entries.map(|entries| entries.iter().map(|(name, _)| (name.value.clone(), name.place)).collect());
        Self { policies, base }
    }

    /// Unknown when the policies could not be read at all.
    fn resolve(&self, name: &At<String>, problems: &mut Problems) -> Option<String> {
        let Some(known) = &self.policies else {
            return Some(name.value.clone());
        };
        if known.iter().any(|(known, _)| *known == name.value) {
            return Some(name.value.clone());
        }
        problems
            .error(name.place, format!("there is no policy `{}`", short(&name.value)))
            .nearest(&name.value, known.iter().map(|(known, _)| known.as_str()));
        None
    }

    fn warn_of_unused<'u>(&self, access: impl Iterator<Item = &'u Access>, problems: &mut Problems) {
        let used: BTreeSet<_> = access.map(|access| &access.policy).collect();
        let written = self.policies.iter().flatten().filter(|(_, place)| place.is_written());
        for (name, place) in written.filter(|(name, _)| !used.contains(name)) {
            problems.warn(*place, format!("no app uses the policy `{}`", short(name)));
        }
    }
}

fn all_policies(written: Entries<schema::Policy>, problems: &mut Problems) -> Option<Policies> {
    let policy = |(name, policy): (At<String>, Option<schema::Policy>)| {
        let name = identifier(name, "a policy", problems);
        let policy = policy::check(policy?, problems);
        Some((name?, policy?))
    };
    let read: Vec<_> = written.0.into_iter().map(policy).collect();
    read.into_iter().collect()
}

fn all_apps(written: Entries<schema::App>, policies: &Named<'_>, problems: &mut Problems) -> Option<Apps> {
    let mut ids = BTreeSet::new();
    let mut read = Vec::new();
    for (name, app) in written.0 {
        let id = app.as_ref().and_then(|app| app.client_id.as_ref()).unwrap_or(&name);
        if !ids.insert(id.value.clone()) {
            problems
                .error(id.place, format!("another app has the client id `{}`", short(&id.value)))
                .hint("give one of them another `client_id`");
        }
        read.push(app.and_then(|app| client::check(name, app, policies, problems)));
    }
    let apps: Option<Vec<_>> = read.into_iter().collect();
    Some(apps?.into_iter().map(|app| (app.client_id.clone(), app)).collect())
}

/// In order, each group once and nothing behind `everyone`, or an entry could never decide.
pub(super) fn access(
    list: At<Vec<At<schema::Access>>>,
    people: bool,
    policies: &Named<'_>,
    problems: &mut Problems,
) -> Option<Vec<Access>> {
    if list.value.is_empty() && people {
        problems
            .error(list.place, "nobody may use this app: no entry, no access")
            .hint("write `access: [{ group: everyone, policy: standard }]`");
        return None;
    }
    let mut seen = BTreeSet::new();
    let mut read = Vec::new();
    for At { value: entry, place } in list.value {
        let policy = entry.policy.and_then(|name| policies.resolve(&name, problems));
        let group = entry.group.and_then(|name| group(name, problems));
        if let Some(group) = &group {
            if seen.contains("everyone") {
                problems
                    .error(place, "this entry never decides: `everyone` stands above it")
                    .hint("move `everyone` to the end");
            } else if !seen.insert(group.clone()) {
                problems
                    .error(place, format!("this entry never decides: `{}` stands above it", short(group)))
                    .hint("remove one of them");
            }
        }
        read.push(group.zip(policy).map(|(group, policy)| Access { group, policy }));
    }
    read.into_iter().collect()
}

/// A name for machines: unreserved characters (RFC 3986 section 2.3), so that no encoding changes it.
pub(super) fn identifier(name: At<String>, what: &str, problems: &mut Problems) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    if (1..=100).contains(&name.value.len()) && name.value.chars().all(allowed) {
        return Some(name.value);
    }
    problems
        .error(name.place, format!("`{}` cannot name {what}", short(&name.value)))
        .hint("letters, digits, `-`, `.`, `_` and `~`, at most 100");
    None
}
