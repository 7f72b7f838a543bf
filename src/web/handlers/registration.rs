//! Where apps register themselves (RFC 7591, RFC 7592).

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use crate::app::App;
use crate::oauth::{ErrorCode, OAuthError, registration};
use crate::web::body::{self, BodyError};
use crate::web::{answer, handlers::home};

/// POST `/oauth2/register`.
pub async fn register(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    if app.config().app_registration.access.is_empty() {
        return home::not_found(app, request).await;
    }
    let body = match body::json(&request, payload).await {
        Ok(body) => body,
        Err(error) => return unread(error),
    };
    respond(StatusCode::CREATED, registration::register(&app, bearer(&request), &body).await)
}

/// GET `/oauth2/register/{client_id}`.
pub async fn read(app: web::Data<App>, request: HttpRequest, client: web::Path<String>) -> HttpResponse {
    respond(StatusCode::OK, registration::read(&app, &client, bearer(&request)).await)
}

/// PUT `/oauth2/register/{client_id}`.
pub async fn replace(
    app: web::Data<App>,
    request: HttpRequest,
    client: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let body = match body::json(&request, payload).await {
        Ok(body) => body,
        Err(error) => return unread(error),
    };
    respond(StatusCode::OK, registration::replace(&app, &client, bearer(&request), &body).await)
}

/// DELETE `/oauth2/register/{client_id}`.
pub async fn remove(app: web::Data<App>, request: HttpRequest, client: web::Path<String>) -> HttpResponse {
    match registration::remove(&app, &client, bearer(&request)).await {
        Ok(()) => HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, "no-store")).finish(),
        Err(error) => respond(StatusCode::OK, Err(error)),
    }
}

fn respond(status: StatusCode, result: Result<Value, OAuthError>) -> HttpResponse {
    match result {
        Ok(about) => answer::json(status, &about),
        Err(error) => {
            let challenge =
                (error.code == ErrorCode::InvalidToken).then_some("Bearer error=\"invalid_token\"");
            answer::json_error(&error, challenge)
        }
    }
}

fn unread(BodyError(status): BodyError) -> HttpResponse {
    let error = OAuthError::new(ErrorCode::InvalidClientMetadata, "the body must be a short JSON object");
    let mut response = answer::json_error(&error, None);
    *response.status_mut() = status;
    response
}

/// The one Bearer token there is.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let (scheme, token) = headers.next()?.to_str().ok()?.split_once(' ')?;
    (headers.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim())
}
