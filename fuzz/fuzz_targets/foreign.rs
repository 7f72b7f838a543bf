//! What apps sign and publish: a key set and, below it, a token. No key that is made up here can have signed
//! it, so nothing is believed; and what is typed for a device is a code or none.
#![no_main]

use gantry::keys::foreign::{self, JoseHeader, PublicKeys};
use gantry::oauth::device::UserCode;
use gantry::oauth::issue::IdTokenHint;
use gantry_fuzz::two_parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (set, token) = two_parts(text.as_bytes());
    let keys = PublicKeys::parse(set).unwrap_or_default();
    let token = std::str::from_utf8(token).unwrap_or_default();
    let _: Option<IdTokenHint> = foreign::unverified(token);
    if let Some(header) = JoseHeader::read(token) {
        assert!(keys.verify::<IdTokenHint>(&header, token).is_none());
        assert!(foreign::verify_hs256::<IdTokenHint>(&header, token, b"a secret nobody knows").is_none());
    }
    if let Some(code) = UserCode::parse(token) {
        assert_eq!(UserCode::parse(&code.shown()), Some(code));
    }
});
