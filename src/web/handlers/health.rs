//! Liveness and readiness.

use actix_web::{HttpResponse, web};

use crate::app::App;
use crate::store::Health;

/// The process answers.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// The process can do its work: the store takes writes.
pub async fn ready(app: web::Data<App>) -> HttpResponse {
    match app.store.health() {
        Health::Writable => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n"),
        Health::ReadOnly { .. } => HttpResponse::ServiceUnavailable()
            .content_type("text/plain; charset=utf-8")
            .body("the store takes no writes\n"),
    }
}
