//! One app as an OAuth client: what it may ask for, how, and where answers go.

use std::collections::BTreeSet;
use std::time::Duration;

use ::url::Url;

use super::app::{Named, access, identifier};
use super::organisation::title;
use super::{DAY, YEAR, at_most, content, credentials, optional, url};
use crate::config::error::{Place, Problems};
use crate::config::meant::{App, ClientKind, GrantKind, Lifetimes, Pkce};
use crate::config::presets::{self, Defaults};
use crate::config::read::{At, short};
use crate::config::schema::{self, Scope};
use crate::outbound::Reach;

/// Longest life of a code (RFC 6749 section 4.1.2 recommends ten minutes at most).
const CODE: (Duration, &str) = (Duration::from_secs(600), "10m");

/// Longest life of a token that others take at its word.
const TOKEN: (Duration, &str) = (DAY, "24h");

/// Checks the app called `name`.
pub(super) fn check(
    name: At<String>,
    mut app: schema::App,
    named: &Named<'_>,
    problems: &mut Problems,
) -> Option<App> {
    let (key, place) = (name.value.clone(), name.place);
    let url = optional(app.url.as_ref(), |text| url::app_url(text, problems));
    let defaults = defaults(&name, &app, url.as_ref(), problems);
    let kind = app.client.as_ref().map_or(ClientKind::Confidential, |client| client.value);
    refuse_public_preset(&app, problems);
    let credentials = credentials::check(&mut app, kind, named.base, problems);
    let grants = grants(app.grants.take(), kind, defaults.as_ref(), problems);
    let redirect_uris = redirect_uris(&name, &app, grants.as_ref(), defaults.as_ref(), problems);
    let after_logout = app.post_logout_redirect_uris.as_ref().and_then(|list| uris(list, kind, problems));
    let backchannel = optional(app.backchannel_logout_uri.take(), |text| url::logout_uri(&text, problems));
    let frontchannel = optional(app.frontchannel_logout_uri.take(), |text| {
        frontchannel(&text, redirect_uris.as_deref().unwrap_or_default(), problems)
    });
    let origins = app.origins.as_ref().and_then(|list| each(&list.value, |text| url::origin(text, problems)));
    let pkce = pkce(app.pkce.take(), kind, defaults.as_ref(), problems);
    let content = content::check(&mut app, redirect_uris.as_deref(), problems);
    let initiate = optional(app.initiate_login_uri.take(), |text| url::initiate_login_uri(&text, problems));
    let scopes = scopes(app.scopes, grants.as_ref(), defaults.as_ref(), problems);
    let lifetimes = app.lifetimes.and_then(|part| lifetimes(part.value, problems));
    let people = grants.as_ref().is_none_or(is_for_people);
    let access = app.access.and_then(|list| access(list, people, named, problems));
    let shown = optional(app.title, |text| title(text, problems));
    let client_id = identifier(app.client_id.unwrap_or(name), "an app", problems);
    let first_party = first_party(place, app.first_party, defaults.as_ref(), grants.as_ref(), problems);
    let (credentials, content) = (credentials?, content?);
    Some(App {
        client_id: client_id?,
        title: shown?.unwrap_or(key),
        preset: app.preset.map(|preset| preset.value),
        url: url?,
        redirect_uris: redirect_uris?,
        post_logout_redirect_uris: after_logout?,
        backchannel_logout_uri: backchannel?,
        frontchannel_logout_uri: frontchannel?,
        origins: origins?.into_iter().collect(),
        kind,
        auth: credentials.auth,
        keys: credentials.keys,
        grants: grants?,
        pkce: pkce?,
        pushed_requests_only: app.pushed_requests_only?.value,
        signed_requests_only: credentials.signed_requests_only,
        dpop_bound_access_tokens: app.dpop_bound_access_tokens?.value,
        first_party: first_party?,
        scopes: &scopes? | &content.api_scopes,
        api_scopes: content.api_scopes,
        resources: content.resources,
        claims: content.claims,
        claims_in_id_token: app.claims_in_id_token?.value,
        pairwise_sector: content.pairwise_sector,
        lifetimes: lifetimes?,
        id_token_alg: app.id_token_alg?.value,
        userinfo_alg: app.userinfo_alg.map(|alg| alg.value),
        initiate_login_uri: initiate?,
        access: access?,
        userinfo_token_in_query: app.userinfo_token_in_query?.value,
        registered: false,
        reach: Reach::Listed,
        withheld_claims: defaults.map_or(&[], |preset| preset.withheld_claims),
    })
}

/// What the preset says. Also `None` when what it needs is missing or wrong.
fn defaults(
    name: &At<String>,
    app: &schema::App,
    url: Option<&Option<Url>>,
    problems: &mut Problems,
) -> Option<Defaults> {
    if app.preset.is_none() {
        if let Some(service) = &app.service {
            problems
                .error(service.place, "`service` is only for `preset: rocketchat`")
                .hint("remove it, or add the preset");
        }
        return None;
    }
    if app.url.is_none() {
        problems
            .error(name.place, "`preset: rocketchat` needs `url`")
            .hint("the `Site_Url` of Rocket.Chat, such as `url: https://chat.example.org`");
    }
    let service = match &app.service {
        Some(service) => service_name(service, problems)?,
        None => "gantry",
    };
    Some(presets::rocketchat(url?.as_ref()?, service))
}

/// Rocket.Chat builds setting names and paths from it.
fn service_name<'a>(name: &'a At<String>, problems: &mut Problems) -> Option<&'a str> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if (1..=40).contains(&name.value.len()) && name.value.chars().all(allowed) {
        return Some(&name.value);
    }
    problems
        .error(name.place, format!("`{}` cannot name a service of Rocket.Chat", short(&name.value)))
        .hint("small letters, digits and `_`, at most 40");
    None
}

fn refuse_public_preset(app: &schema::App, problems: &mut Problems) {
    let public = app.client.as_ref().filter(|client| client.value == ClientKind::Public);
    if let (Some(client), Some(_)) = (public, &app.preset) {
        problems
            .error(client.place, "Rocket.Chat keeps a secret, so it is `confidential`")
            .hint("remove `client`");
    }
}

/// What was written, else what the preset says, else the default.
fn or_preset<T>(written: Option<At<T>>, preset: Option<T>) -> Option<T> {
    match (written?, preset) {
        (written, Some(preset)) if !written.place.is_written() => Some(preset),
        (written, _) => Some(written.value),
    }
}

/// Every item, or `None` when one is wrong.
fn each<T>(list: &[At<String>], check: impl FnMut(&At<String>) -> Option<T>) -> Option<Vec<T>> {
    let read: Vec<_> = list.iter().map(check).collect();
    read.into_iter().collect()
}

fn uris(list: &At<Vec<At<String>>>, kind: ClientKind, problems: &mut Problems) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    each(&list.value, |text| {
        if !seen.insert(text.value.clone()) {
            problems.error(text.place, "this address is listed twice").hint("keep one of them");
            return None;
        }
        url::redirect_uri(text, kind, problems)
    })
}

/// Whether anybody signs in to it.
fn is_for_people(grants: &BTreeSet<GrantKind>) -> bool {
    [GrantKind::AuthorizationCode, GrantKind::Implicit, GrantKind::DeviceCode, GrantKind::Password]
        .iter()
        .any(|grant| grants.contains(grant))
}

pub(in crate::config) fn written_redirect_uris(
    app: &schema::App,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let kind = app.client.as_ref().map_or(ClientKind::Confidential, |client| client.value);
    uris(app.redirect_uris.as_ref()?, kind, problems)
}

/// Those of the preset and those written; there must be one where codes or tokens are sent.
fn redirect_uris(
    name: &At<String>,
    app: &schema::App,
    grants: Option<&BTreeSet<GrantKind>>,
    preset: Option<&Defaults>,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let written = written_redirect_uris(app, problems)?;
    let mut all = preset.map(|preset| preset.redirect_uris.clone()).unwrap_or_default();
    for uri in written {
        if !all.contains(&uri) {
            all.push(uri);
        }
    }
    let by_browser = [GrantKind::AuthorizationCode, GrantKind::Implicit];
    let needed = grants.is_some_and(|grants| by_browser.iter().any(|grant| grants.contains(grant)));
    if all.is_empty() && app.preset.is_none() && needed {
        problems
            .error(name.place, format!("the app `{}` has no redirect URI", short(&name.value)))
            .hint("such as `redirect_uris: [https://app.example.org/callback]`");
        return None;
    }
    Some(all)
}

/// Front-Channel Logout section 2: on the origin of a redirect URI.
fn frontchannel(text: &At<String>, redirect_uris: &[String], problems: &mut Problems) -> Option<Url> {
    let url = url::logout_uri(text, problems)?;
    let same_origin = |uri: &String| Url::parse(uri).is_ok_and(|uri| uri.origin() == url.origin());
    if redirect_uris.iter().any(same_origin) {
        return Some(url);
    }
    problems
        .error(text.place, "no redirect URI of the app is on this host (Front-Channel Logout section 2)")
        .hint("use the scheme, host and port of one of its `redirect_uris`");
    None
}

/// RFC 9700 section 2.1.1: a public client must use PKCE.
fn pkce(
    written: Option<At<Pkce>>,
    kind: ClientKind,
    preset: Option<&Defaults>,
    problems: &mut Problems,
) -> Option<Pkce> {
    let place = written.as_ref()?.place;
    let pkce = or_preset(written, preset.map(|preset| preset.pkce))?;
    if kind == ClientKind::Public && place.is_written() && pkce == Pkce::Optional {
        problems
            .error(place, "an app without a secret must use PKCE (RFC 9700 section 2.1.1)")
            .hint("write `pkce: required`");
        return None;
    }
    Some(pkce)
}

fn grants(
    written: Option<At<Vec<At<GrantKind>>>>,
    kind: ClientKind,
    preset: Option<&Defaults>,
    problems: &mut Problems,
) -> Option<BTreeSet<GrantKind>> {
    let written = written?;
    let place = written.place;
    for grant in &written.value {
        warn_of_old(grant, problems);
    }
    let set = At { value: written.value.into_iter().map(|grant| grant.value).collect(), place };
    let grants: BTreeSet<_> = or_preset(Some(set), preset.map(|preset| preset.grants.clone()))?;
    let own = grants.contains(&GrantKind::ClientCredentials);
    if own && kind == ClientKind::Public {
        problems
            .error(
                place,
                "an app without a secret cannot prove that it speaks for itself (RFC 6749 section 4.4)",
            )
            .hint("leave out `client_credentials`, or write `client: confidential`");
        return None;
    }
    if !own && !is_for_people(&grants) {
        problems
            .error(place, "without `authorization_code` or `device_code` nobody can sign in")
            .hint("write `grants: [authorization_code]`");
        return None;
    }
    Some(grants)
}

/// Grants that RFC 9700 advises against.
fn warn_of_old(grant: &At<GrantKind>, problems: &mut Problems) {
    let (why, hint) = match grant.value {
        GrantKind::Implicit => (
            "tokens in addresses leak through history, logs and scripts (RFC 9700 section 2.1.2)",
            "leave out `implicit` if the app can use codes with PKCE",
        ),
        GrantKind::Password => (
            "the app sees every password, and nothing but a password can be asked for (RFC 9700 section 2.4)",
            "leave out `password` if the app can open a browser",
        ),
        _ => return,
    };
    problems.warn(grant.place, why).hint(hint);
}

/// Who gives an app a password is not asked for consent, so it must be ours.
fn first_party(
    app: Place,
    written: Option<At<bool>>,
    preset: Option<&Defaults>,
    grants: Option<&BTreeSet<GrantKind>>,
    problems: &mut Problems,
) -> Option<bool> {
    let place = Some(written.as_ref()?.place).filter(|place| place.is_written()).unwrap_or(app);
    let ours = or_preset(written, preset.map(|preset| preset.first_party))?;
    if ours || grants.is_none_or(|grants| !grants.contains(&GrantKind::Password)) {
        return Some(ours);
    }
    problems
        .error(place, "the grant `password` is only for apps of your own")
        .hint("write `first_party: true`, or leave out `password`");
    None
}

fn scopes(
    written: Option<At<Vec<At<Scope>>>>,
    grants: Option<&BTreeSet<GrantKind>>,
    preset: Option<&Defaults>,
    problems: &mut Problems,
) -> Option<BTreeSet<String>> {
    let written = written?;
    let offline = written.value.iter().find(|scope| scope.value.0 == "offline_access");
    let refresh = grants.is_none_or(|grants| grants.contains(&GrantKind::RefreshToken));
    if let Some(offline) = offline.filter(|scope| scope.place.is_written() && !refresh) {
        problems
            .warn(offline.place, "`offline_access` does nothing without the grant `refresh_token`")
            .hint("add the grant, or remove the scope");
    }
    let set = At {
        value: written.value.iter().map(|scope| scope.value.0.to_owned()).collect(),
        place: written.place,
    };
    or_preset(Some(set), preset.map(|preset| preset.scopes.clone()))
}

fn lifetimes(written: schema::Lifetimes, problems: &mut Problems) -> Option<Lifetimes> {
    let access_token = at_most(written.access_token, TOKEN, problems);
    let id_token = at_most(written.id_token, TOKEN, problems);
    let refresh_token = at_most(written.refresh_token, YEAR, problems);
    let code = at_most(written.code, CODE, problems);
    Some(Lifetimes {
        access_token: access_token?.value,
        id_token: id_token?.value,
        refresh_token: refresh_token?.value,
        code: code?.value,
    })
}
