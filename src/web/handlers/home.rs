//! The start page, and everything that is not there.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::config;
use crate::login::LoginError;
use crate::login::session;
use crate::policy;
use crate::web::handlers::sign_out;
use crate::web::render::{HomePage, Look, Message};
use crate::web::{answer, cookies};

/// GET `/`: the apps a person may open.
pub async fn home(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let config = app.config();
    let signed_in = match session::current(&app, &cookies::visitor(&request)).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => return answer::redirect(&format!("{}/login", config.issuer), &[]),
        Err(error) => return answer::stuck(&request, &config, &LoginError::Store(error)),
    };
    // What an app says of itself recommends it to nobody.
    let ours = config.apps.values().filter(|known| !known.registered);
    let usable = ours.filter(|known| policy::access(known, &signed_in.user.groups).is_some());
    let links: Vec<(&str, String)> =
        usable.filter_map(|known| Some((known.title.as_str(), link(known, &config.issuer)?))).collect();
    let apps: Vec<(&str, &str)> = links.iter().map(|(title, link)| (*title, link.as_str())).collect();
    let here = request.path().to_owned();
    let action = format!("{}account/sign-out", with_slash(&here));
    let account = format!("{}account", with_slash(&here));
    let csrf = sign_out::csrf(&app, &signed_in);
    let page = HomePage {
        user: signed_in.user.username.as_str(),
        name: signed_in.user.name.as_deref(),
        apps: &apps,
        account: &account,
        action: &action,
        csrf: &csrf,
    };
    let look = Look::new(&config, answer::language(&request, &config, None)).at(&here);
    answer::page(&request, StatusCode::OK, page.render(&look), &[])
}

/// Where an app is opened: its own start of a sign-in (`OpenID` Connect Core section 4), or its address.
fn link(known: &config::App, issuer: &str) -> Option<String> {
    let Some(mut start) = known.initiate_login_uri.clone() else {
        return known.url.as_ref().map(ToString::to_string);
    };
    start.query_pairs_mut().append_pair("iss", issuer);
    Some(start.into())
}

fn with_slash(path: &str) -> String {
    format!("{}/", path.trim_end_matches('/'))
}

/// Any other address.
pub async fn not_found(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    answer::plain_error(&request, &app.config(), StatusCode::NOT_FOUND, Message::NotFound)
}
