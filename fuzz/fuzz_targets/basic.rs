//! The `Authorization` header of a client. What was read is read again when it is form-encoded as RFC 6749
//! section 2.3.1 says, and reading never adds to it.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry::oauth::client::basic;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    let Ok((id, secret)) = basic(header) else { return };
    assert!(id.len() + secret.expose().len() < header.len());
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let encoded = STANDARD.encode(format!("{}:{}", encode(&id), encode(secret.expose())));
    // Encoding may make it longer than a header may be.
    if let Ok((again, same)) = basic(&format!("Basic {encoded}")) {
        assert_eq!((again.as_str(), same.expose()), (id.as_str(), secret.expose()));
    } else {
        assert!(encoded.len() > 4000);
    }
});
