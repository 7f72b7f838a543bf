//! The people of these tests: a provider on a real socket, browsers, relying parties, and strangers with a
//! raw socket. Time stands still until a test moves it.

pub(crate) mod authenticator;
pub(crate) mod authenticator_app;
pub(crate) mod browser;
pub(crate) mod callee;
pub(crate) mod idp;
pub(crate) mod jwt;
pub(crate) mod logs;
pub(crate) mod mail_server;
pub(crate) mod places;
pub(crate) mod program;
pub(crate) mod raw;
pub(crate) mod relying_party;
pub(crate) mod signer;
pub(crate) mod small_disk;

pub(crate) use browser::Browser;
pub(crate) use idp::{TestIdp, TestUser};
pub(crate) use relying_party::RelyingParty;

/// Form encoding of pairs.
pub(crate) fn encode(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The value of `name` in decoded pairs, which must not come twice.
pub(crate) fn the<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let value = values.next();
    assert_eq!(values.next(), None, "{name} comes twice");
    value
}
