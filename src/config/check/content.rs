//! What is in the tokens of an app: scopes and resources of APIs, claims of its own, the name of a person.

use std::collections::{BTreeMap, BTreeSet};

use ::url::Url;

use crate::config::error::Problems;
use crate::config::read::{At, Entries, short};
use crate::config::schema::{self, SubjectType};
use crate::config::{ClaimSource, Template};
use crate::oauth::vocabulary::{KNOWN_SCOPES, Scopes};

pub(super) struct Content {
    pub(super) api_scopes: BTreeSet<String>,
    pub(super) resources: BTreeSet<String>,
    pub(super) claims: BTreeMap<String, ClaimSource>,
    pub(super) pairwise_sector: Option<String>,
}

/// Takes its keys out of `app`.
pub(super) fn check(
    app: &mut schema::App,
    redirect_uris: Option<&[String]>,
    problems: &mut Problems,
) -> Option<Content> {
    let api_scopes = app.api_scopes.take();
    let api_scopes =
        api_scopes.and_then(|list| names(list.value, "a scope of an API", is_api_scope, problems));
    let resources = app.resources.take();
    let resources = resources.and_then(|list| names(list.value, "a resource", is_resource, problems));
    let claims = app.claims.take().and_then(|claims| self::claims(claims.value, problems));
    let sector = sector(app.subject_type.as_ref(), redirect_uris, problems);
    Some(Content {
        api_scopes: api_scopes?,
        resources: resources?,
        claims: claims?,
        pairwise_sector: sector?,
    })
}

/// Each of them is what `good` says, and there once.
fn names(
    list: Vec<At<String>>,
    what: &str,
    good: fn(&str) -> Option<&'static str>,
    problems: &mut Problems,
) -> Option<BTreeSet<String>> {
    let read: Vec<_> = list
        .into_iter()
        .map(|name| match good(&name.value) {
            None => Some(name.value),
            Some(hint) => {
                problems.error(name.place, format!("`{}` cannot be {what}", short(&name.value))).hint(hint);
                None
            }
        })
        .collect();
    read.into_iter().collect()
}

/// RFC 6749 section 3.3; not one that means something here.
fn is_api_scope(name: &str) -> Option<&'static str> {
    let legal = Scopes::parse(name).is_some_and(|scopes| scopes.iter().count() == 1);
    if KNOWN_SCOPES.contains(&name) {
        Some("this one stands in `scopes`")
    } else if legal {
        None
    } else {
        Some("printable ASCII without spaces, quotes and backslashes")
    }
}

/// RFC 8707 section 2.
fn is_resource(uri: &str) -> Option<&'static str> {
    let absolute = Url::parse(uri).is_ok_and(|uri| uri.fragment().is_none());
    (!absolute).then_some("an absolute URI without fragment, such as `https://api.example.org/`")
}

/// Claims that say what a token is, or that apps take for proved.
const PROTOCOL_CLAIMS: [&str; 20] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "sid",
    "cnf",
    "events",
    "email",
    "email_verified",
    "phone_number_verified",
];

fn claims(written: Entries<schema::Claim>, problems: &mut Problems) -> Option<BTreeMap<String, ClaimSource>> {
    let read: Vec<_> = written
        .0
        .into_iter()
        .map(|(name, source)| {
            if name.value.is_empty() || PROTOCOL_CLAIMS.contains(&name.value.as_str()) {
                problems
                    .error(name.place, format!("the claim `{}` is not free to choose", short(&name.value)))
                    .hint("apps rely on what the specifications say about it; choose another name");
                return None;
            }
            let source = match source? {
                schema::Claim::Attribute(name) => ClaimSource::Attribute(name.value),
                schema::Claim::Value(value) => ClaimSource::Value(value.value),
                schema::Claim::Template(text) => match Template::parse(&text.value) {
                    Ok(template) => ClaimSource::Template(template),
                    Err(error) => {
                        problems
                            .error(text.place, error.to_string())
                            .hint("such as `\"{given_name} {family_name}\"`");
                        return None;
                    }
                },
            };
            Some((name.value, source))
        })
        .collect();
    read.into_iter().collect()
}

/// `OpenID` Connect Core section 8.1: the one host of the redirect URIs.
#[expect(clippy::option_option, reason = "outside: usable or not; inside: pairwise or not")]
fn sector(
    kind: Option<&At<SubjectType>>,
    redirect_uris: Option<&[String]>,
    problems: &mut Problems,
) -> Option<Option<String>> {
    let kind = kind?;
    if kind.value == SubjectType::Public {
        return Some(None);
    }
    let host = |uri: &String| Url::parse(uri).ok()?.host_str().map(str::to_owned);
    let hosts: BTreeSet<_> = redirect_uris?.iter().filter_map(host).collect();
    let mut hosts = hosts.into_iter();
    if let (Some(host), None) = (hosts.next(), hosts.next()) {
        return Some(Some(host));
    }
    problems
        .error(kind.place, "pairwise subjects need redirect URIs on one host, whose apps share them")
        .hint("list URIs of one host only, or write `subject_type: public`");
    None
}
