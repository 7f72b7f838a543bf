//! What browsers hand over to get push messages. Whatever is taken is an address with a host, and reads the same again.
#![no_main]

use gantry::factor::web_push::Subscription;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(taken) = Subscription::parse(text) else { return };
    assert!(taken.endpoint().has_host() && matches!(taken.endpoint().scheme(), "https" | "http"));
    assert!(Subscription::parse(&taken.text()).as_ref() == Some(&taken));
});
