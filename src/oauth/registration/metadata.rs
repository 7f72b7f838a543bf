//! What an app says of itself (RFC 7591 section 2), and the settings that it means here.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::config::{self, AppRegistration, AuthMethod, ClientKind, GrantKind, Pkce, Unfit};
use crate::oauth::device;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::vocabulary::{ResponseType, Scopes};
use crate::secret::same;

/// The app that `body` describes, were it called `client_id`; nothing is stored.
pub fn understand(client_id: &str, rules: &AppRegistration, body: &[u8]) -> Result<config::App, OAuthError> {
    checked(client_id, &settings(rules, body)?, rules)
}

/// What an app says of itself (RFC 7591 section 2 and the logout specifications). Members that mean nothing
/// here are passed over (section 2).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    client_id: Option<String>,
    client_secret: Option<String>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    backchannel_logout_uri: Option<String>,
    frontchannel_logout_uri: Option<String>,
    initiate_login_uri: Option<String>,
    client_name: Option<String>,
    client_uri: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    subject_type: Option<String>,
    sector_identifier_uri: Option<String>,
    id_token_signed_response_alg: Option<String>,
    userinfo_signed_response_alg: Option<String>,
    require_pushed_authorization_requests: bool,
    require_signed_request_object: bool,
    dpop_bound_access_tokens: bool,
}

fn parse(body: &[u8]) -> Result<Said, OAuthError> {
    // A list would be taken for the members in order.
    let object: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let said = object.and_then(|object| serde_json::from_value(object.into()).ok());
    said.ok_or(bad("the body must be a JSON object of client metadata"))
}

/// Whether `body` is about the app it is sent for, and names no secret but the one it has (RFC 7592 section 2.2).
pub(super) fn names((client_id, secret): (&str, Option<&str>), body: &[u8]) -> Result<(), OAuthError> {
    let said = parse(body)?;
    if said.client_id.as_deref() != Some(client_id) {
        return Err(bad("client_id must be the one of the registration"));
    }
    let known = secret.unwrap_or_default();
    if said.client_secret.is_some_and(|sent| !same(sent.as_bytes(), known.as_bytes())) {
        return Err(bad("client_secret must be the one of the registration, or left out"));
    }
    Ok(())
}

const fn bad(why: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClientMetadata, why)
}

/// The settings of an app that says this, as the file would have them.
pub(super) fn settings(rules: &AppRegistration, body: &[u8]) -> Result<Value, OAuthError> {
    let said = parse(body)?;
    if said.sector_identifier_uri.is_some() {
        return Err(bad("sector_identifier_uri is not supported, the sector is the host of redirect_uris"));
    }
    let grants = grants(rules, &said)?;
    let scopes = scopes(rules, &said)?;
    let mut settings = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        settings.extend(value.map(|value| (name.to_owned(), value)));
    };
    set("redirect_uris", Some(json!(said.redirect_uris)));
    set("post_logout_redirect_uris", Some(json!(said.post_logout_redirect_uris)));
    set("backchannel_logout_uri", said.backchannel_logout_uri.map(Value::from));
    set("frontchannel_logout_uri", said.frontchannel_logout_uri.map(Value::from));
    set("initiate_login_uri", said.initiate_login_uri.map(Value::from));
    set("title", said.client_name.map(Value::from));
    set("url", said.client_uri.map(Value::from));
    match said.token_endpoint_auth_method.as_deref() {
        Some("none") => set("client", Some(json!("public"))),
        // Who says nothing may use either way of sending the secret, as in the file.
        method => set("token_endpoint_auth_method", method.map(Value::from)),
    }
    set("grants", Some(json!(grants)));
    set("scopes", Some(json!(scopes)));
    let jwks = match (said.jwks, said.jwks_uri) {
        (Some(_), Some(_)) => return Err(bad("send jwks or jwks_uri, not both")),
        (Some(jwks), None) => Some(json!({ "inline": jwks.to_string() })),
        (None, uri) => uri.map(|uri| json!({ "uri": uri })),
    };
    set("jwks", jwks);
    set("subject_type", said.subject_type.map(Value::from));
    set("id_token_alg", said.id_token_signed_response_alg.map(Value::from));
    set("userinfo_alg", said.userinfo_signed_response_alg.map(Value::from));
    set("pushed_requests_only", Some(said.require_pushed_authorization_requests.into()));
    set("signed_requests_only", Some(said.require_signed_request_object.into()));
    set("dpop_bound_access_tokens", Some(said.dpop_bound_access_tokens.into()));
    Ok(settings.into())
}

fn grants(rules: &AppRegistration, said: &Said) -> Result<Vec<GrantKind>, OAuthError> {
    let named = said.grant_types.clone().unwrap_or_else(|| vec!["authorization_code".to_owned()]);
    let known =
        |name: &String| rules.grants.iter().copied().find(|grant| grant_type(*grant) == name.as_str());
    let grants: Option<Vec<GrantKind>> = named.iter().map(known).collect();
    let grants = grants.ok_or(bad("one of grant_types is not open to apps that register themselves"))?;
    let response_types = said.response_types.clone().unwrap_or_else(|| vec!["code".to_owned()]);
    for text in &response_types {
        let kind = ResponseType::parse(text).ok_or(bad("one of response_types is not supported"))?;
        let fits = (!kind.code || grants.contains(&GrantKind::AuthorizationCode))
            && (!kind.is_front_channel() || grants.contains(&GrantKind::Implicit));
        // The default is said by nobody.
        if !fits && said.response_types.is_some() {
            return Err(bad("response_types and grant_types do not go together"));
        }
    }
    Ok(grants)
}

fn scopes(rules: &AppRegistration, said: &Said) -> Result<Vec<String>, OAuthError> {
    let allowed = &rules.scopes;
    let Some(text) = &said.scope else {
        return Ok(allowed.iter().cloned().collect());
    };
    let asked = Scopes::parse(text).ok_or(bad("scope is malformed or too long"))?;
    Ok(asked.within(allowed).iter().map(str::to_owned).collect())
}

/// As `grant_types` names it (RFC 7591 section 2).
const fn grant_type(grant: GrantKind) -> &'static str {
    match grant {
        GrantKind::AuthorizationCode => "authorization_code",
        GrantKind::RefreshToken => "refresh_token",
        GrantKind::ClientCredentials => "client_credentials",
        GrantKind::DeviceCode => device::GRANT_TYPE,
        GrantKind::Password => "password",
        GrantKind::Implicit => "implicit",
    }
}

/// The app with these settings, for whom the file says.
pub(super) fn checked(
    client_id: &str,
    settings: &Value,
    rules: &AppRegistration,
) -> Result<config::App, OAuthError> {
    let mut settings = settings.clone();
    let proves_itself = settings.get("client").is_none();
    if let Some(settings) = settings.as_object_mut().filter(|_| proves_itself && rules.pkce == Pkce::Optional)
    {
        settings.insert("pkce".to_owned(), json!("optional"));
    }
    config::registered_app(client_id, &settings, rules).map_err(|unfit| {
        let (code, why) = match unfit {
            Unfit::RedirectUri(why) => (ErrorCode::InvalidRedirectUri, why),
            Unfit::Other(why) => (ErrorCode::InvalidClientMetadata, why),
        };
        OAuthError { code, description: plain(&why).into() }
    })
}

/// What `error_description` may hold (RFC 6749 section 5.2), within bounds.
fn plain(text: &str) -> String {
    let legal = |c: char| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '?' };
    text.chars().map(|c| if c == '`' { '\'' } else { legal(c) }).take(300).collect()
}

/// What holds of an app with these settings, in the specification's names.
pub(super) fn of(known: &config::App, settings: &Value) -> Map<String, Value> {
    let method = match known.auth {
        AuthMethod::None => "none",
        AuthMethod::ClientSecret | AuthMethod::ClientSecretBasic => "client_secret_basic",
        AuthMethod::ClientSecretPost => "client_secret_post",
        AuthMethod::ClientSecretJwt => "client_secret_jwt",
        AuthMethod::PrivateKeyJwt => "private_key_jwt",
    };
    let grants: BTreeSet<&str> = known.grants.iter().map(|grant| grant_type(*grant)).collect();
    let implicit = known.grants.contains(&GrantKind::Implicit);
    let code = known.grants.contains(&GrantKind::AuthorizationCode);
    let response_types: Vec<&str> = ResponseType::ALL
        .into_iter()
        .filter(|text| {
            ResponseType::parse(text)
                .is_some_and(|kind| (code || !kind.code) && (implicit || !kind.is_front_channel()))
        })
        .collect();
    let mut about = json!({
        "client_id": known.client_id,
        "client_name": known.title,
        "application_type": if known.kind == ClientKind::Public { "native" } else { "web" },
        "redirect_uris": known.redirect_uris,
        "post_logout_redirect_uris": known.post_logout_redirect_uris,
        "token_endpoint_auth_method": method,
        "grant_types": grants,
        "response_types": response_types,
        "scope": known.scopes.iter().cloned().collect::<Vec<_>>().join(" "),
        "subject_type": if known.pairwise_sector.is_some() { "pairwise" } else { "public" },
        "id_token_signed_response_alg": known.id_token_alg,
        "require_pushed_authorization_requests": known.pushed_requests_only,
        "require_signed_request_object": known.signed_requests_only,
        "dpop_bound_access_tokens": known.dpop_bound_access_tokens,
    });
    let further = [
        ("client_uri", known.url.as_ref().map(|uri| json!(uri))),
        ("backchannel_logout_uri", known.backchannel_logout_uri.as_ref().map(|uri| json!(uri))),
        ("frontchannel_logout_uri", known.frontchannel_logout_uri.as_ref().map(|uri| json!(uri))),
        ("initiate_login_uri", known.initiate_login_uri.as_ref().map(|uri| json!(uri))),
        ("userinfo_signed_response_alg", known.userinfo_alg.map(|alg| json!(alg))),
        ("jwks", settings.pointer("/jwks/inline").and_then(|text| serde_json::from_str(text.as_str()?).ok())),
        ("jwks_uri", settings.pointer("/jwks/uri").cloned()),
    ];
    let members = about.as_object_mut().map(std::mem::take).unwrap_or_default();
    let further = further.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    members.into_iter().chain(further).collect()
}
