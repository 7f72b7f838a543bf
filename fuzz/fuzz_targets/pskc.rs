//! Files of hardware tokens (RFC 6030). Whatever is read is a token that could be given out.
#![no_main]

use gantry::factor::pskc;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for key in [None, Some(&[0x12; 16][..])] {
        let Ok(read) = pskc::read(text, key) else { continue };
        assert!(
            read.iter().all(|token| (6..=8).contains(&token.digits) && token.serial.chars().count() <= 64)
        );
    }
});
