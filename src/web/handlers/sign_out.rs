//! Signing out, by oneself or sent by an app (`OpenID` Connect RP-Initiated Logout 1.0).

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use url::Url;

use crate::app::App;
use crate::login::session::{self, SignedIn};
use crate::login::{CookieChange, LoginError};
use crate::oauth::backchannel;
use crate::oauth::logout::LogoutRequest;
use crate::oauth::params::Params;
use crate::web::render::{Look, SignOutPage, SignedOutPage};
use crate::web::{answer, body, cookies, form};

/// GET `/account/sign-out` and `/oauth2/logout`: asks first.
pub async fn ask(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let config = app.config();
    let params = Params::parse([request.query_string().as_bytes()]);
    let logout = match params.and_then(|params| LogoutRequest::check(&params, &config, &app.keys)) {
        Ok(logout) => logout,
        Err(error) => return answer::refused(&request, &config, &error),
    };
    let (here, back) = (logout.address(request.path()), logout.return_to());
    let lang = answer::language(&request, &config, logout.ui_locales.as_deref());
    let mut look = Look::new(&config, lang).at(&here);
    if let Some(back) = &back {
        look = look.leading_to(back);
    }
    match session::current(&app, &cookies::visitor(&request)).await {
        Ok(Some(signed_in)) => {
            let csrf = csrf(&app, &signed_in);
            let user = signed_in.user.username.as_str();
            let title = logout.client.map(|client| client.title.as_str());
            let page = SignOutPage { user, action: &here, csrf: &csrf, app: title }.render(&look);
            answer::page(&request, StatusCode::OK, page, &[])
        }
        Ok(None) => signed_out(&request, &look, &Left { logout: &logout, frames: &[], just_now: false }),
        Err(error) => answer::stuck(&request, &config, &LoginError::Store(error)),
    }
}

/// POST to the same: the page's own form, or an app's request, which becomes one by GET because a post from
/// another site comes without our cookies.
pub async fn submit(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let config = app.config();
    let visitor = cookies::visitor(&request);
    let body = body::form(&request, payload).await.unwrap_or_default();
    let sent = Params::parse([&body[..]]).unwrap_or_default();
    let query = Params::parse([request.query_string().as_bytes()]).unwrap_or_default();
    let of_the_page = sent.get("action").is_some();
    let logout = LogoutRequest::check(if of_the_page { &query } else { &sent }, &config, &app.keys);
    let logout = match logout {
        Ok(logout) => logout,
        Err(error) => return answer::refused(&request, &config, &error),
    };
    if !of_the_page {
        return answer::redirect(&logout.address(&format!("{}{}", config.issuer, request.path())), &[]);
    }
    let look = Look::new(&config, answer::language(&request, &config, logout.ui_locales.as_deref()));
    let signed_in = match session::current(&app, &visitor).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => {
            return signed_out(&request, &look, &Left { logout: &logout, frames: &[], just_now: true });
        }
        Err(error) => return answer::stuck(&request, &config, &LoginError::Store(error)),
    };
    if !form::is_genuine(&sent, &csrf(&app, &signed_in)) || !form::is_from_here(&request, &config) {
        return answer::stuck(&request, &config, &LoginError::Forged);
    }
    if sent.get("action") == Some("stay") {
        return answer::redirect(&format!("{}/", config.issuer), &[]);
    }
    // Looked up first: the end of the session forgets them.
    let frames = match backchannel::frames(&app, signed_in.session.id).await {
        Ok(frames) => frames,
        Err(error) => return answer::stuck(&request, &config, &LoginError::Store(error)),
    };
    if let Err(error) = session::end(&app, &signed_in.session).await {
        return answer::stuck(&request, &config, &error.into());
    }
    match logout.return_to() {
        Some(back) if frames.is_empty() => answer::redirect(&back, &[CookieChange::ForgetSession]),
        _ => signed_out(&request, &look, &Left { logout: &logout, frames: &frames, just_now: true }),
    }
}

/// What the page after signing out tells and does.
struct Left<'a> {
    logout: &'a LogoutRequest<'a>,
    /// Opened by the browser, so that apps sign out too.
    frames: &'a [Url],
    just_now: bool,
}

/// Where frames have to load first, the way back to the app is taken by itself a little later.
fn signed_out(request: &HttpRequest, look: &Look<'_>, left: &Left<'_>) -> HttpResponse {
    let back = left.logout.return_to();
    let title = left.logout.client.map(|client| client.title.as_str());
    let page = SignedOutPage { app: title, return_to: back.as_deref(), frames: left.frames }.render(look);
    let changes: &[CookieChange] = if left.just_now { &[CookieChange::ForgetSession] } else { &[] };
    let mut response = answer::page(request, StatusCode::OK, page, changes);
    if let Some(back) = back.filter(|_| !left.frames.is_empty())
        && let Ok(refresh) = HeaderValue::from_str(&format!("{FRAME_SECONDS}; url={back}"))
    {
        response.headers_mut().insert(header::REFRESH, refresh);
    }
    response
}

/// Frames get this long to load, in seconds.
const FRAME_SECONDS: u32 = 2;

/// Bound to the session: nobody else's page can sign a person out.
pub(super) fn csrf(app: &App, signed_in: &SignedIn) -> String {
    form::csrf(app, "sign-out csrf", signed_in.session.id.bytes())
}
