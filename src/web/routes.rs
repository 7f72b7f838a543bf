//! The table of addresses.

use actix_web::web::{ServiceConfig, get, post, resource, route, scope};

use super::handlers::{health, home, login, oauth, statics};

/// Every address, under the issuer's path `base`.
pub fn configure(config: &mut ServiceConfig, base: &str) {
    config.service(resource("/healthz").route(get().to(health::alive)));
    config.service(resource("/readyz").route(get().to(health::ready)));
    if !base.is_empty() {
        // RFC 8414 section 3.1 puts the issuer's path behind the well-known part.
        let path = format!("/.well-known/oauth-authorization-server{base}");
        config.service(resource(path).route(get().to(oauth::discovery)));
    }
    config.service(
        scope(base)
            .service(
                resource("/.well-known/openid-configuration").route(get().to(oauth::discovery)).route(cors()),
            )
            .service(
                resource("/.well-known/oauth-authorization-server")
                    .route(get().to(oauth::discovery))
                    .route(cors()),
            )
            .service(resource("/oauth2/jwks").route(get().to(oauth::jwks)).route(cors()))
            .service(
                resource("/oauth2/authorize")
                    .route(get().to(oauth::authorize))
                    .route(post().to(oauth::authorize_by_post)),
            )
            .service(resource("/oauth2/token").route(post().to(oauth::token)).route(cors()))
            .service(
                resource("/oauth2/userinfo")
                    .route(get().to(oauth::userinfo))
                    .route(post().to(oauth::userinfo))
                    .route(cors()),
            )
            .service(resource("/login").route(get().to(login::start)))
            .service(resource("/login/{flow}").route(get().to(login::show)).route(post().to(login::submit)))
            .service(
                resource("/account/sign-out")
                    .route(get().to(home::ask_sign_out))
                    .route(post().to(home::sign_out)),
            )
            .service(
                resource("/oauth2/logout")
                    .route(get().to(home::ask_sign_out))
                    .route(post().to(home::sign_out)),
            )
            .service(resource("/assets/{name}").route(get().to(statics::asset)))
            .service(resource("/").route(get().to(home::home)))
            .service(resource("").route(get().to(home::home))),
    );
    config.default_service(route().to(home::not_found));
}

fn cors() -> actix_web::Route {
    actix_web::web::method(actix_web::http::Method::OPTIONS).to(oauth::preflight)
}
