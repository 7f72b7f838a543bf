//! Files that pages load.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::web::{assets, theme};

/// `/assets/{name}`: an embedded file, the theme or the logo.
pub async fn asset(app: web::Data<App>, request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    let organisation = &app.config().organisation;
    match name.as_str() {
        "theme.css" => {
            let css = theme::theme_css(organisation);
            cached(&request, &theme::theme_version(organisation), "text/css; charset=utf-8", css.into_bytes())
        }
        "logo" => match &organisation.logo {
            Some(logo) => {
                cached(&request, &assets::version(&logo.bytes), logo.media_type, logo.bytes.clone())
            }
            None => HttpResponse::NotFound().finish(),
        },
        name => match assets::find(name) {
            Some(asset) => cached(&request, &asset.version, asset.content_type, asset.bytes.to_vec()),
            None => HttpResponse::NotFound().finish(),
        },
    }
}

/// `/push-worker.js`: at the root, since a worker's scope is no wider than its own folder (Service Workers section
/// 7.1). Browsers look for a new one by themselves.
pub async fn push_worker() -> HttpResponse {
    let Some(asset) = assets::find("push-worker.js") else { return HttpResponse::NotFound().finish() };
    HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'"))
        .body(asset.bytes)
}

/// For a year under the address with the right version, else for a moment.
fn cached(request: &HttpRequest, version: &str, content_type: &'static str, bytes: Vec<u8>) -> HttpResponse {
    let current = request.query_string().strip_prefix("v=") == Some(version);
    let control = if current { "public, max-age=31536000, immutable" } else { "public, max-age=60" };
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CACHE_CONTROL, control))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        ))
        .body(bytes)
}
