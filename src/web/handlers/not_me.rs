//! Where somebody says that a sign-in was not theirs.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::App;
use crate::login::LoginError;
use crate::login::alert::{self, Disavowal};
use crate::oauth::params::Params;
use crate::secret::same;
use crate::store::Stored;
use crate::web::handlers::login;
use crate::web::render::{Look, Message, NotMePage};
use crate::web::{answer, body};

/// GET `/not-me/{token}`: asks. Whoever reads mail ahead of people changes nothing by looking.
pub async fn show(app: web::Data<App>, request: HttpRequest, token: web::Path<String>) -> HttpResponse {
    match alert::find(&app, &token).await {
        Ok(Some(found)) => page(&app, &request, &found, false),
        other => gone(&app, &request, other.err().map(LoginError::from)),
    }
}

/// POST `/not-me/{token}`: ends it.
pub async fn submit(
    app: web::Data<App>,
    request: HttpRequest,
    token: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let form = body::form(&request, payload).await.unwrap_or_default();
    let sent = Params::parse([&form[..]]).ok().filter(|sent| sent.each_once().is_ok()).unwrap_or_default();
    let found = match alert::find(&app, &token).await {
        Ok(Some(found)) => found,
        other => return gone(&app, &request, other.err().map(LoginError::from)),
    };
    let genuine = same(csrf(&app, &found).as_bytes(), sent.get("csrf").unwrap_or_default().as_bytes());
    if !genuine || !login::from_here(&request, &app.config()) {
        return answer::stuck(&request, &app.config(), &LoginError::Forged);
    }
    let done = page(&app, &request, &found, true);
    match alert::disavow(&app, found).await {
        Ok(()) => done,
        Err(error) => answer::stuck(&request, &app.config(), &error.into()),
    }
}

fn gone(app: &App, request: &HttpRequest, error: Option<LoginError>) -> HttpResponse {
    let config = app.config();
    match error {
        Some(error) => answer::stuck(request, &config, &error),
        None => answer::plain_error(request, &config, StatusCode::NOT_FOUND, Message::QuestionGone),
    }
}

fn page(app: &App, request: &HttpRequest, found: &Stored<Disavowal>, done: bool) -> HttpResponse {
    let config = app.config();
    let lang = answer::language(request, &config, None);
    let at = lang.moment(found.at, &config.organisation.time_zone);
    let (here, csrf) = (request.path().to_owned(), csrf(app, found));
    let Disavowal { browser, address, .. } = &found.record;
    let page = NotMePage { browser, address, at: &at, done, action: &here, csrf: &csrf };
    let look = Look::new(&config, lang).at(&here);
    answer::page(request, StatusCode::OK, page.render(&look), &[])
}

fn csrf(app: &App, found: &Stored<Disavowal>) -> String {
    URL_SAFE_NO_PAD.encode(app.keys.master().derive("not me csrf", found.record.id.bytes()))
}
