//! The table of addresses.

use actix_web::web::{ServiceConfig, delete, get, head, post, put, resource, route, scope};
use actix_web::{FromRequest, Handler, Resource, Responder, Route};

use super::handlers::{
    account, approve, break_glass, device, health, home, login, new_account, not_me, oauth, registration,
    sign_out, statics,
};

/// Every address, under the issuer's path `base`.
pub fn configure(config: &mut ServiceConfig, base: &str) {
    config.service(page("/healthz", health::alive));
    config.service(page("/readyz", health::ready));
    if !base.is_empty() {
        // RFC 8414 section 3.1 puts the issuer's path behind the well-known part.
        let path = format!("/.well-known/oauth-authorization-server{base}");
        config.service(page(&path, oauth::discovery));
    }
    config.service(
        scope(base)
            .service(page("/.well-known/openid-configuration", oauth::discovery).route(cors()))
            .service(page("/.well-known/oauth-authorization-server", oauth::discovery).route(cors()))
            .service(page("/oauth2/jwks", oauth::jwks).route(cors()))
            .service(page("/oauth2/authorize", oauth::authorize).route(post().to(oauth::authorize_by_post)))
            .service(resource("/oauth2/par").route(post().to(oauth::push)).route(cors()))
            .service(resource("/oauth2/token").route(post().to(oauth::token)).route(cors()))
            .service(resource("/oauth2/introspect").route(post().to(oauth::introspect)))
            .service(resource("/oauth2/revoke").route(post().to(oauth::revoke)).route(cors()))
            .service(
                page("/oauth2/userinfo", oauth::userinfo).route(post().to(oauth::userinfo)).route(cors()),
            )
            .service(resource("/oauth2/register").route(post().to(registration::register)))
            .service(
                page("/oauth2/register/{client_id}", registration::read)
                    .route(put().to(registration::replace))
                    .route(delete().to(registration::remove)),
            )
            .service(resource("/oauth2/device_authorization").route(post().to(oauth::authorize_device)))
            .service(page("/device", device::ask).route(post().to(device::submit)))
            .service(page("/approve/{token}", approve::show).route(post().to(approve::submit)))
            .service(page("/not-me/{token}", not_me::show).route(post().to(not_me::submit)))
            .service(page("/break-glass", break_glass::show).route(post().to(break_glass::submit)))
            .service(page("/login", login::start))
            .service(page("/login/{flow}", login::show).route(post().to(login::submit)))
            .service(page("/register", new_account::start))
            .service(page("/register/{flow}", new_account::show).route(post().to(new_account::submit)))
            .service(page("/activate/{token}", new_account::ask).route(post().to(new_account::activate)))
            .service(page("/account", account::show).route(post().to(account::submit)))
            .service(page("/account/sign-out", sign_out::ask).route(post().to(sign_out::submit)))
            .service(page("/oauth2/logout", sign_out::ask).route(post().to(sign_out::submit)))
            .service(page("/assets/{name}", statics::asset))
            .service(page("/push-worker.js", statics::push_worker))
            .service(page("/", home::home))
            .service(page("", home::home)),
    );
    config.default_service(route().to(home::not_found));
}

/// GET, and HEAD as the same without the body (RFC 9110 section 9.3.2).
fn page<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    resource(path).route(get().to(handler.clone())).route(head().to(handler))
}

fn cors() -> Route {
    actix_web::web::method(actix_web::http::Method::OPTIONS).to(oauth::preflight)
}
