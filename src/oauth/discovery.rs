//! The metadata documents (`OpenID` Connect Discovery section 3, RFC 8414 section 2): exactly what works.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use serde_json::{Value, json};

use super::device;
use super::vocabulary::{KNOWN_SCOPES, ResponseType};
use crate::config::{Config, GrantKind};

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

/// The document, for both well-known addresses.
#[must_use]
pub fn document(config: &Config) -> Value {
    let at = |path: &str| format!("{}{path}", config.issuer);
    let offered = |grant| config.apps.values().any(|app| app.grants.contains(&grant));
    let implicit = offered(GrantKind::Implicit);
    let response_types: &[&str] = if implicit { &ResponseType::ALL } else { &["code"] };
    let mut response_modes = vec!["query", "form_post"];
    let mut grant_types = vec!["authorization_code", "refresh_token"];
    if implicit {
        response_modes.push("fragment");
        grant_types.push("implicit");
    }
    if offered(GrantKind::ClientCredentials) {
        grant_types.push("client_credentials");
    }
    let device_grant = offered(GrantKind::DeviceCode);
    if device_grant {
        grant_types.push(device::GRANT_TYPE);
    }
    let mut document = json!({
        "issuer": config.issuer,
        "authorization_endpoint": at("/oauth2/authorize"),
        "pushed_authorization_request_endpoint": at("/oauth2/par"),
        "require_pushed_authorization_requests": false,
        "token_endpoint": at("/oauth2/token"),
        "introspection_endpoint": at("/oauth2/introspect"),
        "revocation_endpoint": at("/oauth2/revoke"),
        "userinfo_endpoint": at("/oauth2/userinfo"),
        "end_session_endpoint": at("/oauth2/logout"),
        "jwks_uri": at("/oauth2/jwks"),
        "scopes_supported": KNOWN_SCOPES,
        "response_types_supported": response_types,
        "response_modes_supported": response_modes,
        "grant_types_supported": grant_types,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "amr", "at_hash", "c_hash", "sid",
            "name", "given_name", "family_name", "middle_name", "preferred_username", "profile", "picture",
            "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "email", "email_verified",
            "groups", "roles",
        ],
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": config.organisation.languages,
    });
    if let Some(members) = document.as_object_mut().filter(|_| device_grant) {
        members.insert("device_authorization_endpoint".to_owned(), at("/oauth2/device_authorization").into());
    }
    document
}
