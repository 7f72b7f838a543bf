//! Where people type the code that a device shows (RFC 8628 section 3.3).

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::login::device::{self, Entered};
use crate::oauth::device::UserCode;
use crate::oauth::params::Params;
use crate::web::render::{DevicePage, Look, Message, Qr};
use crate::web::{answer, cookies, form, handlers::login};

/// GET `/device`: asks for the code. One in the address is filled in and no more: the person compares it with
/// the device's (RFC 8628 section 3.3.1).
pub async fn ask(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let query = Params::parse([request.query_string().as_bytes()]).unwrap_or_default();
    code_page(&app, &request, query.get("user_code").unwrap_or_default(), None)
}

/// POST `/device`.
pub async fn submit(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let config = app.config();
    let sent = match form::read(&request, &config, payload).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let typed = sent.get("user_code").unwrap_or_default();
    match device::enter(&app, &cookies::visitor(&request), typed).await {
        Ok(Entered::Begun(outcome)) => login::respond(&app, &request, Ok(outcome)),
        Ok(Entered::Unknown) => code_page(&app, &request, typed, Some(Message::UnknownDeviceCode)),
        Ok(Entered::TooMany(too_many)) => {
            let wait_seconds = too_many.wait.as_secs();
            let error = Some(Message::TooManyAttempts { wait_seconds });
            let mut response = code_page(&app, &request, typed, error);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_seconds));
            response
        }
        Err(error) => answer::stuck(&request, &config, &error),
    }
}

fn code_page(app: &App, request: &HttpRequest, typed: &str, error: Option<Message>) -> HttpResponse {
    let config = app.config();
    let status = match &error {
        None => StatusCode::OK,
        Some(Message::TooManyAttempts { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let here = request.path();
    let look = Look::new(&config, answer::language(request, &config, None)).at(here);
    let code = typed.get(..MAX_SHOWN).unwrap_or(typed);
    // A person may rather go on with a phone, where they are signed in.
    let complete =
        UserCode::parse(code).map(|code| format!("{}{here}?user_code={}", config.issuer, code.shown()));
    let qr = complete.as_deref().filter(|_| error.is_none()).and_then(Qr::of);
    let page = DevicePage { action: here, code, qr: qr.as_ref(), error };
    answer::page(request, status, page.render(&look), &[])
}

/// As much of a code is shown again, in bytes.
const MAX_SHOWN: usize = 20;
