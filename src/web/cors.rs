//! Cross-origin reads (Fetch Standard): only for origins that an app has registered, never with cookies.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use crate::config::Config;

/// Lets the request's origin read `response` when `client_id`, or any app where there is no client, has
/// registered it.
pub fn allow(request: &HttpRequest, config: &Config, client_id: Option<&str>, response: &mut HttpResponse) {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return;
    };
    let Ok(text) = origin.to_str() else { return };
    let mut apps = config.apps.values().filter(|app| client_id.is_none_or(|id| id == app.client_id));
    if apps.any(|app| app.origins.contains(text)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("www-authenticate"));
    }
}

/// The answer to a preflight: it names no client, so every registered origin may ask.
#[must_use]
pub fn preflight(request: &HttpRequest, config: &Config) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    allow(request, config, None, &mut response);
    let headers = response.headers_mut();
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        let allowed = HeaderValue::from_static("authorization, content-type, dpop");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}
