//! The configuration file. What is accepted holds what the rest of the program relies on; what is refused is
//! told with places in the file and in bounds; an invisible mark at the start changes neither.
#![no_main]

use std::path::Path;

use gantry::config::{Loaded, parse};
use libfuzzer_sys::fuzz_target;
use url::Url;

const MARK: char = '\u{feff}';

fuzz_target!(|text: &str| {
    let read = |text: &str| parse("gantry.yaml", text, Path::new("/nowhere"));
    let result = read(text);
    match &result {
        Ok(loaded) => is_usable(loaded),
        Err(error) => assert!(is_printable(&error.to_string())),
    }
    if !text.starts_with(MARK) {
        assert_eq!(format!("{result:?}"), format!("{:?}", read(&format!("{MARK}{text}"))));
    }
});

fn is_usable(loaded: &Loaded) {
    let config = &loaded.config;
    let issuer = Url::parse(&config.issuer).expect("an address");
    assert_eq!(config.issuer, issuer.origin().ascii_serialization());
    for (id, app) in &config.apps {
        assert_eq!(*id, app.client_id);
        for uri in app.redirect_uris.iter().chain(&app.post_logout_redirect_uris) {
            let url = Url::parse(uri).expect("an address");
            assert!(url.fragment().is_none() && !matches!(url.scheme(), "javascript" | "data" | "file"));
        }
    }
}

fn is_printable(text: &str) -> bool {
    text.len() < 200_000 && text.chars().all(|c| c == '\n' || !c.is_control())
}
