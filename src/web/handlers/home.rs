//! The start page, signing out, and everything that is not there.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::App;
use crate::login::session::{self, SignedIn};
use crate::login::{CookieChange, LoginError};
use crate::oauth::params::Params;
use crate::policy;
use crate::secret::same;
use crate::web::render::{HomePage, Look, Message, SignOutPage, SignedOutPage};
use crate::web::{answer, body, cookies, handlers::login};

/// GET `/`: the apps a person may open.
pub async fn home(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let config = app.config();
    let signed_in = match session::current(&app, &cookies::visitor(&request)).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => return answer::redirect(&format!("{}/login", config.issuer), &[]),
        Err(error) => return answer::stuck(&request, &config, &LoginError::Store(error)),
    };
    let usable = config.apps.values().filter(|known| policy::access(known, &signed_in.user.groups).is_some());
    let apps: Vec<(&str, &str)> =
        usable.filter_map(|known| Some((known.title.as_str(), known.url.as_ref()?.as_str()))).collect();
    let here = request.path().to_owned();
    let action = format!("{}account/sign-out", with_slash(&here));
    let csrf = csrf(&app, &signed_in);
    let page = HomePage {
        user: signed_in.user.username.as_str(),
        name: signed_in.user.name.as_deref(),
        apps: &apps,
        action: &action,
        csrf: &csrf,
    };
    let look = Look::new(&config, answer::language(&request, &config, None)).at(&here);
    answer::page(&request, StatusCode::OK, page.render(&look), &[])
}

fn with_slash(path: &str) -> String {
    format!("{}/", path.trim_end_matches('/'))
}

/// GET `/account/sign-out`: asks first.
pub async fn ask_sign_out(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let config = app.config();
    let here = request.path().to_owned();
    let look = Look::new(&config, answer::language(&request, &config, None)).at(&here);
    match session::current(&app, &cookies::visitor(&request)).await {
        Ok(Some(signed_in)) => {
            let csrf = csrf(&app, &signed_in);
            let user = signed_in.user.username.as_str();
            let page = SignOutPage { user, action: &here, csrf: &csrf, app: None }.render(&look);
            answer::page(&request, StatusCode::OK, page, &[])
        }
        Ok(None) => signed_out_page(&request, &look, &[]),
        Err(error) => answer::stuck(&request, &config, &LoginError::Store(error)),
    }
}

/// POST `/account/sign-out`.
pub async fn sign_out(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let config = app.config();
    let visitor = cookies::visitor(&request);
    let look = Look::new(&config, answer::language(&request, &config, None));
    let form = body::form(&request, payload).await.unwrap_or_default();
    let sent = Params::parse([&form[..]]).unwrap_or_default();
    let signed_in = match session::current(&app, &visitor).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => return signed_out_page(&request, &look, &[CookieChange::ForgetSession]),
        Err(error) => return answer::stuck(&request, &config, &LoginError::Store(error)),
    };
    let genuine = same(csrf(&app, &signed_in).as_bytes(), sent.get("csrf").unwrap_or_default().as_bytes());
    if !genuine || !login::from_here(&request, &config) {
        return answer::stuck(&request, &config, &LoginError::Forged);
    }
    if sent.get("action") == Some("stay") {
        return answer::redirect(&format!("{}/", config.issuer), &[]);
    }
    match session::end(&app, &signed_in.session).await {
        Ok(()) => signed_out_page(&request, &look, &[CookieChange::ForgetSession]),
        Err(error) => answer::stuck(&request, &config, &error.into()),
    }
}

fn signed_out_page(request: &HttpRequest, look: &Look<'_>, changes: &[CookieChange]) -> HttpResponse {
    let page = SignedOutPage { app: None, return_to: None }.render(look);
    answer::page(request, StatusCode::OK, page, changes)
}

/// Bound to the session: nobody else's page can sign a person out.
fn csrf(app: &App, signed_in: &SignedIn) -> String {
    URL_SAFE_NO_PAD.encode(app.keys.master().derive("sign-out csrf", signed_in.session.id.bytes()))
}

/// Any other address.
pub async fn not_found(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    answer::plain_error(&request, &app.config(), StatusCode::NOT_FOUND, Message::NotFound)
}
