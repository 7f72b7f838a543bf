//! Our cookies. All are `__Host-`: only this very host over TLS can have set them (RFC 6265bis section
//! 4.1.3.2). A name that comes twice is treated as not there.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::header;

use super::answer;
use super::edge::Caller;
use crate::login::device_trust::PEOPLE;
use crate::login::{CookieChange, Visitor};
use crate::secret::{DeviceToken, Token, TokenKind};

const BROWSER: &str = "__Host-gantry_browser";
const SESSION: &str = "__Host-gantry_session";
const DEVICE: &str = "__Host-gantry_device";
const LANGUAGE: &str = "__Host-gantry_lang";

const YEAR: u64 = 365 * 24 * 3600;

/// The browser behind a request.
#[must_use]
pub fn visitor(request: &HttpRequest) -> Visitor {
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Visitor {
        browser: token(request, BROWSER),
        session: token(request, SESSION),
        devices: devices(request),
        address: Caller::of(request).address,
        user_agent: agent.unwrap_or_default().to_owned(),
        language: answer::wished_language(request),
    }
}

/// The language chosen before.
#[must_use]
pub fn language(request: &HttpRequest) -> Option<String> {
    read(request, LANGUAGE).map(str::to_owned)
}

/// The tokens of the people of this browser: as many as are ever given out.
fn devices(request: &HttpRequest) -> Vec<Token<DeviceToken>> {
    let value = read(request, DEVICE).unwrap_or_default();
    value.split('.').take(PEOPLE).filter_map(Token::parse).collect()
}

fn token<K: TokenKind>(request: &HttpRequest, name: &str) -> Option<Token<K>> {
    Token::parse(read(request, name)?)
}

fn read<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let headers = request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    let pairs = headers.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// The cookie for a change.
#[must_use]
pub fn of(change: &CookieChange) -> Cookie<'static> {
    match change {
        CookieChange::Browser(value) => build(BROWSER, value, None),
        CookieChange::Session { value, seconds } => build(SESSION, value, Some(*seconds)),
        CookieChange::Device { value, seconds } => build(DEVICE, value, Some(*seconds)),
        CookieChange::ForgetSession => build(SESSION, "", Some(0)),
    }
}

/// The cookie that keeps a language.
#[must_use]
pub fn remember_language(tag: &str) -> Cookie<'static> {
    build(LANGUAGE, tag, Some(YEAR))
}

fn build(name: &'static str, value: &str, seconds: Option<u64>) -> Cookie<'static> {
    let mut cookie =
        Cookie::build(name, value.to_owned()).path("/").secure(true).http_only(true).same_site(SameSite::Lax);
    if let Some(seconds) = seconds.and_then(|seconds| i64::try_from(seconds).ok()) {
        cookie = cookie.max_age(time::Duration::seconds(seconds));
    }
    cookie.finish()
}
