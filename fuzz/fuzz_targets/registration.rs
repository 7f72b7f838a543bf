//! What apps say of themselves when they register: nothing makes the provider fail, and whatever is taken has
//! addresses that lead out and nothing that the file does not allow.
#![no_main]

use gantry::oauth::registration;
use gantry_fuzz::world;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let rules = &world().config.app_registration;
    let Ok(app) = registration::understand("app", rules, body) else { return };
    assert!(!app.first_party && app.client_id == "app");
    assert!(app.grants.is_subset(&rules.grants) && app.scopes.is_subset(&rules.scopes));
    for uri in app.redirect_uris.iter().chain(&app.post_logout_redirect_uris) {
        let scheme = uri.split(':').next().unwrap_or_default().to_ascii_lowercase();
        assert!(!["javascript", "data", "vbscript", "file", "blob"].contains(&scheme.as_str()), "{uri}");
        assert!(!uri.contains(['#', '*', ' ', '\n']), "{uri}");
    }
});
