//! `Cookie` headers, one a line. A token is taken only from a cookie of its name that is there once, as it is;
//! pages are in a language that is offered.
#![no_main]

use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::test::TestRequest;
use gantry::secret::{Token, TokenKind};
use gantry::web::{answer, cookies};
use gantry_fuzz::world;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut request = TestRequest::default();
    let mut twice = TestRequest::default();
    for line in data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        request = request.append_header((COOKIE, line.clone()));
        twice = twice.append_header((COOKIE, line.clone())).append_header((COOKIE, line));
    }
    let (request, twice) = (request.to_http_request(), twice.to_http_request());
    let visitor = cookies::visitor(&request);
    is_in(data, "browser", visitor.browser.as_ref());
    is_in(data, "session", visitor.session.as_ref());
    for device in &visitor.devices {
        is_in(data, "device", Some(device));
    }
    let doubled = cookies::visitor(&twice);
    assert!(doubled.browser.is_none() && doubled.session.is_none() && doubled.devices.is_empty());
    assert!(cookies::language(&twice).is_none());
    let offered = &world().config.organisation.languages;
    let language = answer::language(&request, &world().config, None);
    assert!(offered.iter().any(|tag| tag == language.tag()));
});

fn is_in<K: TokenKind>(data: &[u8], name: &str, token: Option<&Token<K>>) {
    let Some(token) = token else { return };
    let cookie = format!("__Host-gantry_{name}={}", token.reveal());
    assert!(data.windows(cookie.len()).any(|window| window == cookie.as_bytes()));
}
