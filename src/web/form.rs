//! Forms of our own pages: only what one of them sends, from the browser that it was shown in, counts.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::HeaderValue;
use actix_web::web::Payload;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::App;
use crate::config::Config;
use crate::login::LoginError;
use crate::oauth::params::Params;
use crate::secret::same;
use crate::web::answer;
use crate::web::body::{self, BodyError};
use crate::web::render::Message;

/// What a page of ours sent, or the answer to what is none.
pub async fn read(request: &HttpRequest, config: &Config, payload: Payload) -> Result<Params, HttpResponse> {
    match body::form(request, payload).await {
        Ok(form) => fields(&form)
            .filter(|_| is_from_here(request, config))
            .ok_or_else(|| answer::stuck(request, config, &LoginError::Forged)),
        Err(BodyError(status)) => Err(answer::plain_error(request, config, status, Message::BadForm)),
    }
}

/// What a form says; `None` when it is not one, or says something twice.
#[must_use]
pub fn fields(form: &[u8]) -> Option<Params> {
    Params::parse([form]).ok().filter(|fields| fields.each_once().is_ok())
}

/// Whether a form comes from a page of ours. `Sec-Fetch-Site` says so; `Origin` does where that is missing.
/// Together with it `Origin: null` means nothing: our pages send no referrer, and browsers then hide the
/// origin of a form too (Fetch Standard, "append a request Origin header").
#[must_use]
pub fn is_from_here(request: &HttpRequest, config: &Config) -> bool {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    let ours =
        url::Url::parse(&config.issuer).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    match (header("sec-fetch-site"), header("origin")) {
        (Some(site), origin) => {
            site == b"same-origin"
                && origin.is_none_or(|origin| origin == b"null" || origin == ours.as_bytes())
        }
        (None, origin) => origin.is_none_or(|origin| origin == ours.as_bytes()),
    }
}

/// The value that the form on a page brings back: nobody else's page knows it.
#[must_use]
pub fn csrf(app: &App, purpose: &str, input: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(app.keys.master().derive(purpose, input))
}

/// Whether a form brought it back.
#[must_use]
pub fn is_genuine(fields: &Params, csrf: &str) -> bool {
    same(csrf.as_bytes(), fields.get("csrf").unwrap_or_default().as_bytes())
}
