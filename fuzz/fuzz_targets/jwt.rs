//! Tokens of ours that come back: access tokens and ID token hints. The input is a token; or, in three lines, a
//! header, claims and a signature that this encodes, with the words below standing for what only the provider
//! knows. Nothing is believed that was not signed.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gantry::config::Alg;
use gantry::keys::Typ;
use gantry::oauth::issue::IdTokenHint;
use gantry_fuzz::{ISSUER, two_parts, world};
use libfuzzer_sys::fuzz_target;

/// A token that really was signed, in its three parts, and the id of its key, for each kind of key.
static SIGNED: LazyLock<[(String, [String; 3]); 3]> = LazyLock::new(|| {
    let keys = &world().app.keys;
    let claims = BTreeMap::from([("iss", ISSUER), ("sub", "u1")]);
    [Alg::Rs256, Alg::Es256, Alg::EdDsa].map(|alg| {
        let token = keys.sign(alg, Typ::Jwt, &claims).expect("a token");
        let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        let kid = keys.list().into_iter().find(|key| key.alg == alg).expect("a key").kid;
        (kid, parts.try_into().expect("three parts"))
    })
});

fuzz_target!(|text: &str| {
    is_not_believed(text);
    let (header, rest) = two_parts(text.as_bytes());
    let (claims, signature) = two_parts(rest);
    for (kid, signed) in SIGNED.iter() {
        assert!(hint(&signed.join(".")).is_some_and(|hint| hint.sub == "u1"));
        let header = String::from_utf8_lossy(header).replace("KID", kid);
        let signature = match signature {
            b"SIGNATURE" => signed[2].clone(),
            other => URL_SAFE_NO_PAD.encode(other),
        };
        let (header, claims) = (URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        is_not_believed(&format!("{header}.{claims}.{signature}"));
        is_not_believed(&format!("{}.{claims}.{signature}", signed[0]));
    }
});

fn is_not_believed(token: &str) {
    assert!(world().app.access_tokens.read(&world().app.keys, token).is_none());
    let signed = SIGNED.iter().any(|(_, signed)| signed.join(".") == token);
    assert!(signed || hint(token).is_none(), "{token}");
}

fn hint(token: &str) -> Option<IdTokenHint> {
    world().app.keys.verify(Typ::Jwt, token)
}
