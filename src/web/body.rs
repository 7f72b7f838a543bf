//! Request bodies: forms and JSON, bounded in size and time.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::{Bytes, Payload};

/// Largest body, in bytes; every form here is far smaller.
pub const MAX_BODY: usize = 64 * 1024;
/// A body must be there after this long.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a body was not read: the status says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyError(pub StatusCode);

/// The whole body of a form post.
pub async fn form(request: &HttpRequest, payload: Payload) -> Result<Bytes, BodyError> {
    if !is_form(request) {
        return Err(BodyError(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    read(request, payload).await
}

/// The body of a form post, empty for anything else.
pub async fn form_if_any(request: &HttpRequest, payload: Payload) -> Result<Bytes, BodyError> {
    if is_form(request) { read(request, payload).await } else { Ok(Bytes::new()) }
}

/// The whole body of a JSON request.
pub async fn json(request: &HttpRequest, payload: Payload) -> Result<Bytes, BodyError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        return Err(BodyError(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    read(request, payload).await
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, BodyError> {
    let declared =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > MAX_BODY) {
        return Err(BodyError(StatusCode::PAYLOAD_TOO_LARGE));
    }
    match tokio::time::timeout(BODY_TIMEOUT, payload.to_bytes_limited(MAX_BODY)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(_))) => Err(BodyError(StatusCode::BAD_REQUEST)),
        Ok(Err(_)) => Err(BodyError(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(_) => Err(BodyError(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// Form encoding in UTF-8: the only one the specifications know.
fn is_form(request: &HttpRequest) -> bool {
    let Some(value) = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let form =
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let utf8 = parts.all(|part| {
        let charset = part.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
        charset.is_none_or(|(_, value)| value.trim_matches('"').eq_ignore_ascii_case("utf-8"))
    });
    form && utf8
}
