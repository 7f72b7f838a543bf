//! The forms of the sign-in pages. A form that is taken says everything once, and what was read is what another
//! parser reads, with nothing replaced.
#![no_main]

use std::collections::BTreeMap;

use gantry::login::dispatch::Action;
use gantry::web::handlers::login::submission;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|form: &[u8]| {
    let Some(sent) = submission(form) else { return };
    let pairs: Vec<_> = url::form_urlencoded::parse(form).collect();
    let fields: BTreeMap<_, _> = pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
    assert_eq!(fields.len(), pairs.len());
    let field = |name| fields.get(name).copied().unwrap_or_default();
    let action = match sent.action {
        Action::Continue if field("action").is_empty() => "",
        Action::Continue => "continue",
        Action::OtherUser => "other_user",
        Action::Allow => "allow",
        Action::Deny => "deny",
        Action::OtherMethod => "other_method",
        Action::Resend => "resend",
        Action::Skip => "skip",
        Action::TrustDevice => "trust_device",
        Action::Scan => "qr",
        Action::MagicLink => "magic_link",
        Action::Passkey => "passkey",
    };
    assert_eq!((action, sent.csrf.as_str()), (field("action"), field("csrf")));
    assert_eq!((sent.username.as_str(), sent.password.as_str()), (field("username"), field("password")));
});
