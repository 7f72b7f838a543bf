//! Where an administrator uses a break-glass code.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use zeroize::Zeroizing;

use crate::app::App;
use crate::login::break_glass;
use crate::web::handlers::login::{message, status_of};
use crate::web::render::{BreakGlassPage, Look, Message};
use crate::web::{answer, cookies, form};

/// GET `/break-glass`: asks.
pub async fn show(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    page(&app, &request, StatusCode::OK, None)
}

/// POST `/break-glass`: name, password and code.
pub async fn submit(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let config = app.config();
    let sent = match form::read(&request, &config, payload).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let field = |name| sent.get(name).unwrap_or_default();
    let proof = (Zeroizing::new(field("password").to_owned()), field("code"));
    match break_glass::sign_in(&app, &cookies::visitor(&request), field("username").trim(), proof).await {
        Ok(Ok(changes)) => answer::redirect(&format!("{}/", config.issuer), &changes),
        Ok(Err(notice)) => page(&app, &request, status_of(Some(notice)), Some(message(notice))),
        Err(error) => answer::stuck(&request, &config, &error),
    }
}

fn page(app: &App, request: &HttpRequest, status: StatusCode, error: Option<Message>) -> HttpResponse {
    let config = app.config();
    let here = request.path().to_owned();
    let look = Look::new(&config, answer::language(request, &config, None)).at(&here);
    answer::page(request, status, BreakGlassPage { action: &here, error }.render(&look), &[])
}
