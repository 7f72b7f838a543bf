//! Where somebody says that a sign-in was not theirs.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::login::LoginError;
use crate::login::alert::{self, Disavowal};
use crate::store::Stored;
use crate::web::render::{Look, Message, NotMePage};
use crate::web::{answer, form};

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
    let config = app.config();
    let sent = match form::read(&request, &config, payload).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let found = match alert::find(&app, &token).await {
        Ok(Some(found)) => found,
        other => return gone(&app, &request, other.err().map(LoginError::from)),
    };
    if !form::is_genuine(&sent, &csrf(&app, &found)) {
        return answer::stuck(&request, &config, &LoginError::Forged);
    }
    let done = page(&app, &request, &found, true);
    match alert::disavow(&app, found).await {
        Ok(()) => done,
        Err(error) => answer::stuck(&request, &config, &error.into()),
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
    form::csrf(app, "not me csrf", found.record.id.bytes())
}
