//! A request to the token endpoint: the first line is the `Authorization` header, if it is not empty, the rest
//! the body. Nobody holds a code, so nobody gets a token; and no request makes the provider fail.
#![no_main]

use std::net::Ipv4Addr;

use gantry::oauth::{ErrorCode, token};
use gantry_fuzz::{two_parts, world};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (header, body) = two_parts(data);
    let header = str::from_utf8(header).unwrap_or("unreadable");
    let headers = if header.is_empty() { &[][..] } else { &[header][..] };
    let error = world()
        .wait(token::answer(&world().app, headers, &[], Ipv4Addr::LOCALHOST.into(), body))
        .expect_err("a refusal");
    assert!(!matches!(error.code, ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable), "{error}");
    let legal = |c: char| c.is_ascii_graphic() && !"\"\\".contains(c) || c == ' ';
    assert!(error.description.chars().all(legal), "RFC 6749 section 5.2");
});
