//! Responses: pages with their policy, JSON, redirects, and errors with their reference number.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::json;

use super::cookies;
use super::edge::Caller;
use super::locale::Lang;
use super::render::{ErrorPage, FormPostPage, Look, Message, Rendered};
use crate::config::Config;
use crate::login::password::PoolError;
use crate::login::throttle::TooMany;
use crate::login::{CookieChange, LoginError};
use crate::oauth::vocabulary::ResponseMode;
use crate::oauth::{AuthorizationAnswer, ErrorCode, OAuthError};

/// The language of the pages for this request.
#[must_use]
pub fn language(request: &HttpRequest, config: &Config, ui_locales: Option<&str>) -> Lang {
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let chosen =
        switched_to(request).map(|lang| lang.tag().to_owned()).or_else(|| cookies::language(request));
    Lang::negotiate(ui_locales, chosen.as_deref(), accepted, &config.organisation.languages)
}

/// What the person chose, or the browser prefers.
#[must_use]
pub fn wished_language(request: &HttpRequest) -> Option<Lang> {
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let chosen = switched_to(request).or_else(|| Lang::from_tag(&cookies::language(request)?));
    Lang::wished(chosen, accepted)
}

/// The language switch: `?lang=de` on any page.
fn switched_to(request: &HttpRequest) -> Option<Lang> {
    let mut pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
    pairs.find(|(name, _)| name == "lang").and_then(|(_, value)| Lang::from_tag(&value))
}

/// A page, with the cookies that a sign-in changed and the language that was chosen.
#[must_use]
pub fn page(
    request: &HttpRequest,
    status: StatusCode,
    page: Rendered,
    changes: &[CookieChange],
) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.content_type("text/html; charset=utf-8");
    response.insert_header((header::CONTENT_SECURITY_POLICY, policy(&page)));
    for cookie in changes.iter().map(cookies::of).chain(language_cookie(request)) {
        response.cookie(cookie);
    }
    response.body(page.html)
}

fn language_cookie(request: &HttpRequest) -> Option<Cookie<'static>> {
    switched_to(request).map(|lang| cookies::remember_language(lang.tag()))
}

fn policy(page: &Rendered) -> String {
    let sources = |directive: &str, first: &str, sources: &[String]| {
        let list: Vec<&str> = std::iter::once(first).chain(sources.iter().map(String::as_str)).collect();
        format!("{directive} {}; ", list.join(" ").trim())
    };
    let forms = sources("form-action", "'self'", page.form_action.as_slice());
    let frames = if page.frames.is_empty() { String::new() } else { sources("frame-src", "", &page.frames) };
    format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; {forms}{frames}\
         frame-ancestors 'none'; base-uri 'none'"
    )
}

/// To another address, with the cookies that a sign-in changed.
#[must_use]
pub fn redirect(to: &str, changes: &[CookieChange]) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, to));
    for change in changes {
        response.cookie(cookies::of(change));
    }
    response.finish()
}

/// Back to the client, by redirect or by form.
#[must_use]
pub fn to_client(
    request: &HttpRequest,
    config: &Config,
    answer: &AuthorizationAnswer,
    outcome: &[CookieChange],
) -> HttpResponse {
    match (answer.mode, answer.location()) {
        (ResponseMode::Query | ResponseMode::Fragment, Some(url)) => redirect(url.as_str(), outcome),
        (ResponseMode::FormPost, _) => {
            let fields: Vec<(&str, &str)> =
                answer.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let known = config.apps.get(&answer.client_id);
            let app = known.map_or(answer.client_id.as_str(), |app| app.title.as_str());
            let form = FormPostPage { action: &answer.redirect_uri, fields: &fields, app };
            let look = Look::new(config, language(request, config, None));
            page(request, StatusCode::OK, form.render(&look), outcome)
        }
        (ResponseMode::Query | ResponseMode::Fragment, None) => {
            plain_error(request, config, StatusCode::INTERNAL_SERVER_ERROR, Message::Unexpected)
        }
    }
}

/// An error page with its reference number, which the log gets too.
#[must_use]
pub fn plain_error(
    request: &HttpRequest,
    config: &Config,
    status: StatusCode,
    message: Message,
) -> HttpResponse {
    error(request, config, status, &Problem { message, code: None, hint: None, app: None })
}

/// What an error page says.
#[derive(Debug)]
pub struct Problem<'a> {
    pub message: Message,
    /// For `data-error`.
    pub code: Option<ErrorCode>,
    pub hint: Option<&'a str>,
    /// Title and address.
    pub app: Option<(&'a str, Option<&'a str>)>,
}

/// An error page.
#[must_use]
pub fn error(
    request: &HttpRequest,
    config: &Config,
    status: StatusCode,
    problem: &Problem<'_>,
) -> HttpResponse {
    let caller = Caller::of(request);
    tracing::info!(
        target: "gantry::http",
        reference = caller.reference,
        status = status.as_u16(),
        cause = ?problem.message,
        code = problem.code.map(ErrorCode::as_str),
        "error page"
    );
    let rendered = ErrorPage {
        code: problem.code.map(ErrorCode::as_str),
        message: problem.message.clone().into(),
        hint: problem.hint,
        reference: &caller.reference,
        status: status.as_u16(),
        app: problem.app.map(|(title, _)| title),
        app_url: problem.app.and_then(|(_, url)| url),
    };
    page(request, status, rendered.render(&Look::new(config, language(request, config, None))), &[])
}

/// The page for an authorization request that may not be answered by redirect.
#[must_use]
pub fn refused(request: &HttpRequest, config: &Config, refusal: &OAuthError) -> HttpResponse {
    let message = match refusal.description.as_ref() {
        text if text.starts_with("client_id") => Message::UnknownApp,
        text if text.starts_with("redirect_uri") => Message::UnknownReturnAddress,
        _ => Message::BadRequest,
    };
    let problem = Problem { message, code: Some(refusal.code), hint: Some(&refusal.description), app: None };
    error(request, config, StatusCode::BAD_REQUEST, &problem)
}

/// The page for a sign-in that cannot go on.
#[must_use]
pub fn stuck(request: &HttpRequest, config: &Config, failure: &LoginError) -> HttpResponse {
    let (status, message) = match failure {
        LoginError::Gone => (StatusCode::NOT_FOUND, Message::FlowExpired),
        LoginError::Forged => (StatusCode::FORBIDDEN, Message::BadForm),
        LoginError::TooLong => (StatusCode::BAD_REQUEST, Message::BadForm),
        LoginError::TooMany(TooMany { wait }) => {
            let wait_seconds = wait.as_secs();
            (StatusCode::TOO_MANY_REQUESTS, Message::TooManyAttempts { wait_seconds })
        }
        LoginError::Pool(PoolError::Full) | LoginError::Store(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, Message::Busy)
        }
        LoginError::Issue(_) | LoginError::Pool(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, Message::Unexpected)
        }
    };
    if status.is_server_error() {
        tracing::error!(reference = Caller::of(request).reference, error = %failure, "a sign-in failed");
    }
    // Whatever it was on the way to, the start page is a way on.
    let start = Some((config.organisation.name.as_str(), Some(config.issuer.as_str())));
    let app = start.filter(|_| matches!(failure, LoginError::Gone));
    let mut response = error(request, config, status, &Problem { message, code: None, hint: None, app });
    let wait = match failure {
        LoginError::TooMany(TooMany { wait }) => Some(wait.as_secs()),
        _ => (status == StatusCode::SERVICE_UNAVAILABLE).then_some(2),
    };
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}

/// JSON for clients, never cached (RFC 6749 section 5.1).
#[must_use]
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> HttpResponse {
    HttpResponse::build(status).insert_header((header::CACHE_CONTROL, "no-store")).json(value)
}

/// A protocol error for a client (RFC 6749 section 5.2). `challenge` is the scheme it tried.
#[must_use]
pub fn json_error(error: &OAuthError, challenge: Option<&str>) -> HttpResponse {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response =
        json(status, &json!({ "error": error.code.as_str(), "error_description": error.description }));
    if let Some(challenge) = challenge.and_then(|text| HeaderValue::from_str(text).ok()) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}
