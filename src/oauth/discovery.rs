//! The metadata documents (`OpenID` Connect Discovery section 3, RFC 8414 section 2): exactly what works.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use serde_json::{Map, Value, json};

use super::device;
use super::vocabulary::{ACR_VALUES, KNOWN_SCOPES, ResponseType};
use crate::config::{Config, GrantKind};
use crate::keys::foreign::ALGORITHMS;

/// The document's text, written once for each configuration.
#[derive(Default)]
pub struct Metadata(ArcSwapOption<(Arc<Config>, Arc<str>)>);

impl Metadata {
    /// The text for `config`.
    #[must_use]
    pub fn text(&self, config: &Arc<Config>) -> Arc<str> {
        if let Some(known) = self.0.load().as_ref().filter(|known| Arc::ptr_eq(&known.0, config)) {
            return Arc::clone(&known.1);
        }
        let text: Arc<str> = document(config).to_string().into();
        self.0.store(Some(Arc::new((Arc::clone(config), Arc::clone(&text)))));
        text
    }
}

/// How clients that are not public prove who they are.
const PROVED: [&str; 4] =
    ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"];

/// The document, for both well-known addresses.
#[must_use]
pub fn document(config: &Config) -> Value {
    let mut document = Map::new();
    for part in [endpoints(config), grants(config), authentication(), claims(), logout()] {
        if let Value::Object(members) = part {
            document.extend(members);
        }
    }
    document.insert("ui_locales_supported".to_owned(), json!(config.organisation.languages));
    document.into()
}

fn offers(config: &Config, grant: GrantKind) -> bool {
    config.apps.values().any(|app| app.grants.contains(&grant))
}

fn endpoints(config: &Config) -> Value {
    let at = |path: &str| format!("{}{path}", config.issuer);
    let mut endpoints = json!({
        "issuer": config.issuer,
        "authorization_endpoint": at("/oauth2/authorize"),
        "pushed_authorization_request_endpoint": at("/oauth2/par"),
        "token_endpoint": at("/oauth2/token"),
        "introspection_endpoint": at("/oauth2/introspect"),
        "revocation_endpoint": at("/oauth2/revoke"),
        "userinfo_endpoint": at("/oauth2/userinfo"),
        "end_session_endpoint": at("/oauth2/logout"),
        "jwks_uri": at("/oauth2/jwks"),
    });
    let further = [
        (
            "device_authorization_endpoint",
            "/oauth2/device_authorization",
            offers(config, GrantKind::DeviceCode),
        ),
        ("registration_endpoint", "/oauth2/register", !config.app_registration.access.is_empty()),
    ];
    if let Some(members) = endpoints.as_object_mut() {
        let there = further.into_iter().filter(|(_, _, there)| *there);
        members.extend(there.map(|(name, path, _)| (name.to_owned(), at(path).into())));
    }
    endpoints
}

fn grants(config: &Config) -> Value {
    let implicit = offers(config, GrantKind::Implicit);
    let response_types: &[&str] = if implicit { &ResponseType::ALL } else { &["code"] };
    let mut grant_types = vec!["authorization_code", "refresh_token"];
    let further = [
        (GrantKind::Implicit, "implicit"),
        (GrantKind::ClientCredentials, "client_credentials"),
        (GrantKind::DeviceCode, device::GRANT_TYPE),
        (GrantKind::Password, "password"),
    ];
    grant_types.extend(further.into_iter().filter(|(grant, _)| offers(config, *grant)).map(|(_, name)| name));
    let mut prompts = vec!["none", "login", "consent", "select_account"];
    prompts.extend(config.self_registration.is_some().then_some("create"));
    json!({
        "response_types_supported": response_types,
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": grant_types,
        "require_pushed_authorization_requests": false,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "prompt_values_supported": prompts,
    })
}

fn authentication() -> Value {
    let all: Vec<&str> = PROVED.into_iter().chain(["none"]).collect();
    let assertion_algs: Vec<&str> = ALGORITHMS.into_iter().chain(["HS256"]).collect();
    json!({
        "token_endpoint_auth_methods_supported": all,
        "token_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "introspection_endpoint_auth_methods_supported": PROVED,
        "introspection_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "revocation_endpoint_auth_methods_supported": all,
        "revocation_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "dpop_signing_alg_values_supported": ALGORITHMS,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": false,
        "request_object_signing_alg_values_supported": ALGORITHMS,
        "require_signed_request_object": false,
    })
}

fn claims() -> Value {
    json!({
        "scopes_supported": KNOWN_SCOPES,
        "subject_types_supported": ["public", "pairwise"],
        "acr_values_supported": ACR_VALUES,
        "userinfo_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "c_hash", "sid",
            "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
            "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "email", "email_verified",
            "address", "phone_number", "phone_number_verified", "groups", "roles",
        ],
        "claims_parameter_supported": true,
    })
}

fn logout() -> Value {
    json!({
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
    })
}
