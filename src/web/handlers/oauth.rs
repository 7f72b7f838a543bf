//! The protocol's addresses.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use crate::app::App;
use crate::config::Config;
use crate::login::dispatch;
use crate::login::flow::Target;
use crate::oauth::authorize::{self, Refusal};
use crate::oauth::params::Params;
use crate::oauth::userinfo::{self, Carried};
use crate::oauth::{AuthorizationRequest, ErrorCode, OAuthError, device, held, par, token as token_endpoint};
use crate::web::body::{self, BodyError};
use crate::web::edge::Caller;
use crate::web::{answer, cookies, cors, handlers::login};

/// GET `/oauth2/authorize`.
pub async fn authorize(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let config = app.config();
    match requested(&app, &config, request.query_string()).await {
        Err(Refusal::Page(error)) => answer::refused(&request, &config, &error),
        Err(Refusal::Answer { answer: back, .. }) => answer::to_client(&request, &config, &back, &[]),
        Ok(authorization) => {
            let target = Target::App(Box::new(authorization));
            let outcome = dispatch::begin(&app, &cookies::visitor(&request), target).await;
            login::respond(&app, &request, outcome)
        }
    }
}

async fn requested(app: &App, config: &Config, query: &str) -> Result<AuthorizationRequest, Refusal> {
    let params = Params::parse([query.as_bytes()]).map_err(Refusal::Page)?;
    let params = par::resolve(app, config, params).await.map_err(Refusal::Page)?;
    authorize::check(&params, config, &app.keys)
}

/// POST `/oauth2/par`.
pub async fn push(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let body = match body::form(&request, payload).await {
        Ok(body) => body,
        Err(error) => return unread(error),
    };
    let authorization = headers(&request, "authorization");
    let (proofs, address) = (headers(&request, "dpop"), Caller::of(&request).address);
    let pushed = par::push(&app, &authorization, &proofs, address, &body).await;
    let mut response = to_authenticated(StatusCode::CREATED, &authorization, pushed);
    allow_client(&request, &app, &body, &mut response);
    response
}

/// POST `/oauth2/device_authorization`.
pub async fn authorize_device(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let body = match body::form(&request, payload).await {
        Ok(body) => body,
        Err(error) => return unread(error),
    };
    let authorization = headers(&request, "authorization");
    let asked = device::authorize(&app, &authorization, Caller::of(&request).address, &body).await;
    to_authenticated(StatusCode::OK, &authorization, asked)
}

/// The answer to a client that had to prove itself; one that tried Basic is told so (RFC 6749 section 5.2).
fn to_authenticated<T: Serialize>(
    status: StatusCode,
    authorization: &[&str],
    result: Result<T, OAuthError>,
) -> HttpResponse {
    match result {
        Ok(given) => answer::json(status, &given),
        Err(error) => {
            let tried = !authorization.is_empty() && error.code == ErrorCode::InvalidClient;
            answer::json_error(&error, tried.then_some("Basic realm=\"gantry\", charset=\"UTF-8\""))
        }
    }
}

/// Lets the page of the client that sent `form` read the answer, if its origin is registered.
fn allow_client(request: &HttpRequest, app: &App, form: &[u8], response: &mut HttpResponse) {
    // Only pages say where they come from.
    let asked = request.headers().contains_key(header::ORIGIN);
    let params = asked.then(|| Params::parse([form]).ok()).flatten();
    let client = params.and_then(|params| params.get("client_id").map(str::to_owned));
    cors::allow(request, &app.config(), Some(client.as_deref().unwrap_or_default()), response);
}

/// POST `/oauth2/introspect`.
pub async fn introspect(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let body = match body::form(&request, payload).await {
        Ok(body) => body,
        Err(error) => return unread(error),
    };
    let authorization = headers(&request, "authorization");
    let about = held::introspect(&app, &authorization, &body).await;
    to_authenticated(StatusCode::OK, &authorization, about)
}

/// POST `/oauth2/revoke`.
pub async fn revoke(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let body = match body::form(&request, payload).await {
        Ok(body) => body,
        Err(error) => return unread(error),
    };
    let authorization = headers(&request, "authorization");
    let ended = held::revoke(&app, &authorization, &body).await.map(|()| json!({}));
    let mut response = to_authenticated(StatusCode::OK, &authorization, ended);
    allow_client(&request, &app, &body, &mut response);
    response
}

/// POST `/oauth2/authorize`: becomes the same request by GET, because a post from another site comes without
/// our cookies. A name in both query and body stays there twice and is refused.
pub async fn authorize_by_post(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let config = app.config();
    let body = match body::form(&request, payload).await {
        Ok(body) => body,
        Err(BodyError(status)) => {
            return answer::plain_error(&request, &config, status, crate::web::render::Message::BadRequest);
        }
    };
    let Ok(body) = std::str::from_utf8(&body) else {
        return answer::refused(
            &request,
            &config,
            &OAuthError::invalid_request("the form is not valid UTF-8"),
        );
    };
    let mut target = format!("{}/oauth2/authorize?{}", config.issuer, request.query_string());
    if !request.query_string().is_empty() && !body.is_empty() {
        target.push('&');
    }
    target.extend(body.chars().filter(char::is_ascii_graphic));
    answer::redirect(&target, &[])
}

/// POST `/oauth2/token`.
pub async fn token(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let body = match body::form(&request, payload).await {
        Ok(body) => body,
        Err(error) => return unread(error),
    };
    let authorization = headers(&request, "authorization");
    let address = Caller::of(&request).address;
    let proofs = headers(&request, "dpop");
    let result = token_endpoint::answer(&app, &authorization, &proofs, address, &body).await;
    let mut response = to_authenticated(StatusCode::OK, &authorization, result);
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    allow_client(&request, &app, &body, &mut response);
    response
}

/// GET and POST `/oauth2/userinfo`.
pub async fn userinfo(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let body = match body::form_if_any(&request, payload).await {
        Ok(body) => body,
        Err(error) => return unread(error),
    };
    let (Ok(form), Ok(query)) =
        (Params::parse([&body[..]]), Params::parse([request.query_string().as_bytes()]))
    else {
        return answer::json_error(&OAuthError::invalid_request("a parameter cannot be read"), None);
    };
    let carried = Carried {
        headers: headers(&request, "authorization"),
        dpop: headers(&request, "dpop"),
        method: request.method().as_str(),
        body: form.get("access_token"),
        query: query.get("access_token"),
    };
    let asked = request.headers().contains_key(header::ORIGIN);
    let client = asked.then(|| userinfo::client_id(&app, &carried)).flatten();
    let mut response = match userinfo::answer(&app, &carried).await {
        Ok(userinfo::Answer::Plain(claims)) => answer::json(StatusCode::OK, &claims),
        Ok(userinfo::Answer::Signed(token)) => HttpResponse::Ok()
            .content_type("application/jwt")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(token),
        Err(error) => answer::json_error(&error, Some(&userinfo::challenge(&carried, &error))),
    };
    cors::allow(&request, &app.config(), Some(client.as_deref().unwrap_or_default()), &mut response);
    response
}

/// Both well-known documents.
pub async fn discovery(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    public_json(&request, &app, &app.metadata.text(&app.config()), "public, max-age=300")
}

/// GET `/oauth2/jwks`. Whoever meets a key that they do not know asks again, and gets the newest (`OpenID` Connect Core
/// section 10.1.1).
pub async fn jwks(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    public_json(&request, &app, &app.keys.jwks(), "no-cache")
}

/// OPTIONS of the addresses that browsers may call across origins.
pub async fn preflight(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    cors::preflight(&request, &app.config())
}

/// Public and the same for everybody.
fn public_json(request: &HttpRequest, app: &App, text: &str, caching: &'static str) -> HttpResponse {
    let mut response = HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, caching))
        .body(text.to_owned());
    cors::allow(request, &app.config(), None, &mut response);
    response
}

fn unread(BodyError(status): BodyError) -> HttpResponse {
    let error = OAuthError::invalid_request("the body must be a short form in UTF-8");
    let mut response = answer::json_error(&error, None);
    *response.status_mut() = status;
    response
}

/// Every header of this name; one that is not text counts as an unreadable one.
fn headers<'r>(request: &'r HttpRequest, name: &str) -> Vec<&'r str> {
    request.headers().get_all(name).map(|value| value.to_str().unwrap_or("unreadable")).collect()
}
