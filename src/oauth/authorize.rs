//! The authorization request: the visible list of its checks, and the answer that goes back.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use url::Url;

use super::claims::ClaimsRequest;
use super::client;
use super::error::{ErrorCode, OAuthError};
use super::issue::IdTokenHint;
use super::params::Params;
use super::redirect_uri;
use super::vocabulary::{ACR_VALUES, Prompt, ResponseMode, ResponseType, Scopes};
use crate::config::{App, Config, GrantKind, Pkce};
use crate::keys::{Keys, Typ};

/// Longest values taken, in bytes; longer ones are `invalid_request`, never cut.
const MAX_STATE: usize = 8192;
const MAX_NONCE: usize = 512;
const MAX_HINT: usize = 16_384;

/// An authorization request that has passed every check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    pub client_id: String,
    /// As sent, byte for byte: the token request must repeat it.
    pub redirect_uri: String,
    #[serde(default)]
    pub response_type: ResponseType,
    pub response_mode: ResponseMode,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub scopes: Scopes,
    pub code_challenge: Option<String>,
    /// The API that tokens are for (RFC 8707).
    #[serde(default)]
    pub resource: Option<String>,
    /// The thumbprint of the key that the code is for (RFC 9449 section 10).
    #[serde(default)]
    pub dpop_jkt: Option<String>,
    pub prompt: BTreeSet<Prompt>,
    /// In seconds.
    pub max_age: Option<u64>,
    pub login_hint: Option<String>,
    pub ui_locales: Option<String>,
    /// The person the client expects, from `id_token_hint` or a `sub` asked for in `claims`.
    pub expected_subject: Option<String>,
    pub claims: ClaimsRequest,
}

/// Why a request was refused, and where that may be said.
#[derive(Debug)]
pub enum Refusal {
    /// Client or redirect URI are not proved: nothing may be sent anywhere (RFC 9700 section 4.11.2).
    Page(OAuthError),
    Answer {
        error: OAuthError,
        answer: AuthorizationAnswer,
    },
}

/// What the client gets: a code, tokens, or both.
pub type Given = Vec<(&'static str, String)>;

/// What goes back to the client's redirect URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationAnswer {
    pub client_id: String,
    pub redirect_uri: String,
    pub mode: ResponseMode,
    pub params: Vec<(&'static str, String)>,
}

impl AuthorizationAnswer {
    /// What was approved, or an error, with `state` and `iss` (RFC 9207).
    #[must_use]
    pub fn new(request: &AuthorizationRequest, issuer: &str, result: Result<Given, OAuthError>) -> Self {
        let mut params = match result {
            Ok(given) => given,
            Err(error) => vec![
                ("error", error.code.as_str().to_owned()),
                ("error_description", error.description.into_owned()),
            ],
        };
        params.extend(request.state.clone().map(|state| ("state", state)));
        params.push(("iss", issuer.to_owned()));
        Self {
            client_id: request.client_id.clone(),
            redirect_uri: request.redirect_uri.clone(),
            mode: request.response_mode,
            params,
        }
    }

    /// The address to redirect to; the registered query stays as it is. `None` for an answer by form.
    #[must_use]
    pub fn location(&self) -> Option<Url> {
        let mut url = Url::parse(&self.redirect_uri).ok()?;
        match self.mode {
            ResponseMode::Query => {
                url.query_pairs_mut().extend_pairs(&self.params);
            }
            ResponseMode::Fragment => {
                let mut fragment = url::form_urlencoded::Serializer::new(String::new());
                url.set_fragment(Some(&fragment.extend_pairs(&self.params).finish()));
            }
            ResponseMode::FormPost => return None,
        }
        Some(url)
    }
}

/// What the checks look at.
struct Draft<'a> {
    params: &'a Params,
    config: &'a Config,
    app: &'a App,
    keys: &'a Keys,
    request: AuthorizationRequest,
}

type Check = fn(&mut Draft<'_>) -> Result<(), OAuthError>;

/// Every check after client and redirect URI, in order.
const CHECKS: [(&str, Check); 17] = [
    ("response mode", response_mode),
    ("state", state),
    ("each parameter once", each_once),
    ("unsupported parameters", unsupported),
    ("response type", response_type),
    ("grant allowed", grant_allowed),
    ("scope", scope),
    ("nonce", nonce),
    ("prompt", prompt),
    ("max_age", max_age),
    ("hints", hints),
    ("claims", claims),
    ("authentication context", authentication_context),
    ("resource", resource),
    ("id_token_hint", id_token_hint),
    ("code challenge", code_challenge),
    ("key of the code", dpop_jkt),
];

/// Checks an authorization request (`OpenID` Connect Core section 3.1.2.2).
pub fn check(params: &Params, config: &Config, keys: &Keys) -> Result<AuthorizationRequest, Refusal> {
    let app = known_client(params, config).map_err(Refusal::Page)?;
    let redirect_uri = redirect_uri::registered(params, app).map_err(Refusal::Page)?;
    let mut draft = Draft { params, config, app, keys, request: empty_request(app, redirect_uri) };
    for (name, check) in CHECKS {
        if let Err(error) = check(&mut draft) {
            tracing::info!(client = app.client_id, check = name, %error, "authorization request refused");
            let answer = AuthorizationAnswer::new(&draft.request, &config.issuer, Err(error.clone()));
            return Err(Refusal::Answer { error, answer });
        }
    }
    Ok(draft.request)
}

fn empty_request(app: &App, redirect_uri: String) -> AuthorizationRequest {
    AuthorizationRequest {
        client_id: app.client_id.clone(),
        redirect_uri,
        response_type: ResponseType::default(),
        response_mode: ResponseMode::Query,
        state: None,
        nonce: None,
        scopes: Scopes::default(),
        code_challenge: None,
        resource: None,
        dpop_jkt: None,
        prompt: BTreeSet::new(),
        max_age: None,
        login_hint: None,
        ui_locales: None,
        expected_subject: None,
        claims: ClaimsRequest::default(),
    }
}

fn known_client<'a>(params: &Params, config: &'a Config) -> Result<&'a App, OAuthError> {
    let unknown = OAuthError::invalid_request("client_id is missing or unknown");
    let id = params.get("client_id").ok_or_else(|| unknown.clone())?;
    config.apps.get(id).ok_or(unknown)
}

/// Neither tokens nor errors in their place travel in a query (`OpenID` Connect Core sections 3.2.2.6, 3.3.2.6).
fn response_mode(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let kind = draft.params.get("response_type").and_then(ResponseType::parse).unwrap_or_default();
    let over_http = ["https://", "http://"].iter().any(|web| draft.request.redirect_uri.starts_with(web));
    let usual = if kind.is_front_channel() { ResponseMode::Fragment } else { ResponseMode::Query };
    draft.request.response_mode = usual;
    draft.request.response_mode = match draft.params.get("response_mode") {
        None => usual,
        Some("query") if usual == ResponseMode::Query => ResponseMode::Query,
        Some("fragment") => ResponseMode::Fragment,
        // No form can be posted to a private-use scheme.
        Some("form_post") if over_http => ResponseMode::FormPost,
        Some(_) => {
            // The answer still carries the state.
            state(draft)?;
            return Err(OAuthError::invalid_request("this response_mode is not supported here"));
        }
    };
    Ok(())
}

fn state(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    draft.request.state = bounded(draft.params, "state", MAX_STATE)?;
    Ok(())
}

fn each_once(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    draft.params.each_once()
}

fn unsupported(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let refusals = [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ];
    match refusals.into_iter().find(|(name, _)| draft.params.get(name).is_some()) {
        Some((_, code)) => Err(OAuthError::new(code, "this parameter is not supported")),
        None => Ok(()),
    }
}

fn response_type(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let text = draft.params.get("response_type");
    let text = text.ok_or(OAuthError::invalid_request("response_type is missing"))?;
    let unsupported =
        OAuthError::new(ErrorCode::UnsupportedResponseType, "this response_type is not supported");
    draft.request.response_type = ResponseType::parse(text).ok_or(unsupported)?;
    Ok(())
}

/// Hybrid types need both grants (RFC 7591 section 2.1). Nothing binds a token that travels through the browser.
fn grant_allowed(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let kind = draft.request.response_type;
    let has = |grant| draft.app.grants.contains(&grant);
    if (!kind.code || has(GrantKind::AuthorizationCode))
        && (!kind.is_front_channel() || has(GrantKind::Implicit))
        && !(kind.token && draft.app.dpop_bound_access_tokens)
    {
        return Ok(());
    }
    Err(OAuthError::new(ErrorCode::UnauthorizedClient, "this client may not use this response_type"))
}

fn scope(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let text = draft.params.get("scope").unwrap_or_default();
    let invalid = OAuthError::new(ErrorCode::InvalidScope, "scope is malformed or too long");
    draft.request.scopes = Scopes::parse(text).ok_or(invalid)?.within(&draft.app.scopes);
    Ok(())
}

fn nonce(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    draft.request.nonce = bounded(draft.params, "nonce", MAX_NONCE)?;
    let kind = draft.request.response_type;
    if kind.id_token && !draft.request.scopes.has("openid") {
        return Err(OAuthError::invalid_request("an ID token needs the scope openid"));
    }
    // OpenID Connect Core sections 3.2.2.1 and 3.3.2.11.
    if kind.id_token && draft.request.nonce.is_none() {
        return Err(OAuthError::invalid_request("this response_type needs a nonce"));
    }
    Ok(())
}

fn prompt(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let text = draft.params.get("prompt").unwrap_or_default();
    let create = draft.config.self_registration.is_some();
    draft.request.prompt = Prompt::parse_all(text, create).map_err(OAuthError::invalid_request)?;
    Ok(())
}

fn max_age(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let Some(text) = draft.params.get("max_age") else {
        return Ok(());
    };
    let digits = text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.then(|| text.parse().ok()).flatten();
    draft.request.max_age =
        Some(seconds.ok_or(OAuthError::invalid_request("max_age must be a number of seconds"))?);
    Ok(())
}

/// Hints are help, not demands: what is too long is left out.
#[expect(clippy::unnecessary_wraps, reason = "one of the checks")]
fn hints(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let short = |name| draft.params.get(name).filter(|text| text.len() <= 256).map(str::to_owned);
    draft.request.login_hint = short("login_hint");
    draft.request.ui_locales = short("ui_locales");
    Ok(())
}

fn claims(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let Some(text) = draft.params.get("claims") else {
        return Ok(());
    };
    let claims = ClaimsRequest::parse(text).map(|claims| claims.within(&draft.app.scopes));
    draft.request.claims =
        claims.ok_or(OAuthError::invalid_request("claims is not the JSON it should be"))?;
    draft.request.expected_subject = draft.request.claims.subject().map(str::to_owned);
    Ok(())
}

/// `acr_values` are wishes, which the ID token answers; an essential `acr` claim that can never be reached is
/// refused at once (`OpenID` Connect Core Unmet Authentication Requirements section 2).
fn authentication_context(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let demanded = draft.request.claims.demanded_acr();
    if demanded.is_some_and(|values| !values.iter().any(|value| ACR_VALUES.contains(value))) {
        return Err(OAuthError::new(
            ErrorCode::UnmetAuthenticationRequirements,
            "this authentication context cannot be reached here",
        ));
    }
    Ok(())
}

/// RFC 8707 section 2.
fn resource(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    draft.request.resource = client::resource(draft.app, draft.params)?.map(str::to_owned);
    Ok(())
}

/// A hint names who is expected and proves nothing; an expired one of ours still does (`OpenID` Connect Core
/// section 3.1.2.1).
fn id_token_hint(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let Some(text) = draft.params.get("id_token_hint") else {
        return Ok(());
    };
    let hint: Option<IdTokenHint> =
        Some(text).filter(|text| text.len() <= MAX_HINT).and_then(|text| draft.keys.verify(Typ::Jwt, text));
    let ours = hint.filter(|hint| hint.iss == draft.config.issuer);
    let hint = ours.ok_or(OAuthError::invalid_request("id_token_hint is not an ID token from here"))?;
    if draft.request.expected_subject.as_ref().is_some_and(|expected| *expected != hint.sub) {
        return Err(OAuthError::invalid_request("id_token_hint and claims name different people"));
    }
    draft.request.expected_subject = Some(hint.sub);
    Ok(())
}

/// RFC 7636 section 4.3; only S256, because `plain` protects nothing.
fn code_challenge(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let challenge = draft.params.get("code_challenge");
    match (challenge, draft.params.get("code_challenge_method")) {
        (None, Some(_)) => Err(OAuthError::invalid_request("code_challenge is missing")),
        (None, None) if draft.app.pkce == Pkce::Required && draft.request.response_type.code => {
            Err(OAuthError::invalid_request("this client must use PKCE with S256"))
        }
        (None, None) => Ok(()),
        (Some(challenge), Some("S256")) => {
            let hash = URL_SAFE_NO_PAD.decode(challenge).unwrap_or_default();
            if hash.len() != 32 {
                return Err(OAuthError::invalid_request("code_challenge must be a SHA-256 in base64url"));
            }
            draft.request.code_challenge = Some(challenge.to_owned());
            Ok(())
        }
        (Some(_), _) => Err(OAuthError::invalid_request("code_challenge_method must be S256")),
    }
}

/// RFC 9449 section 10.
fn dpop_jkt(draft: &mut Draft<'_>) -> Result<(), OAuthError> {
    let Some(thumbprint) = draft.params.get("dpop_jkt") else {
        return Ok(());
    };
    if URL_SAFE_NO_PAD.decode(thumbprint).unwrap_or_default().len() != 32 {
        return Err(OAuthError::invalid_request("dpop_jkt must be a SHA-256 in base64url"));
    }
    draft.request.dpop_jkt = Some(thumbprint.to_owned());
    Ok(())
}

fn bounded(params: &Params, name: &'static str, limit: usize) -> Result<Option<String>, OAuthError> {
    match params.get(name) {
        Some(value) if value.len() > limit => Err(OAuthError::invalid_request("a parameter is too long")),
        value => Ok(value.map(str::to_owned)),
    }
}
