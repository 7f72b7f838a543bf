//! Attestation of format `android-key` (`WebAuthn` section 8.4): keys in the keystore of an Android device.

use super::der::{self, ENUMERATED, INTEGER, OCTETS, SEQUENCE, SET};
use super::{Leaf, New};
use crate::factor::passkey::cbor::{Map, Value};

/// What Android's authenticator calls itself, b93fd961-f2e6-462f-b122-82002247de78.
pub(super) const MODELS: [[u8; 16]; 1] =
    [[0xb9, 0x3f, 0xd9, 0x61, 0xf2, 0xe6, 0x46, 0x2f, 0xb1, 0x22, 0x82, 0x00, 0x22, 0x47, 0xde, 0x78]];
/// 1.3.6.1.4.1.11129.2.1.17, the description of a key.
const DESCRIPTION: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x01, 0x11];

// Members of an `AuthorizationList` in Android's schema: [1], [600] and [702], each around its value.
const PURPOSE: u32 = 0xa1;
const ALL_APPLICATIONS: u32 = 0x00bf_8458;
const ORIGIN: u32 = 0x00bf_853e;

/// `SecurityLevel`: Android itself says so, no hardware.
const SOFTWARE: &[u8] = &[0];
/// `KM_ORIGIN_GENERATED`
const GENERATED: &[u8] = &[0];
/// `KM_PURPOSE_SIGN`, and `KM_PURPOSE_VERIFY`, which gives nothing away.
const SIGN: &[u8] = &[2];
const VERIFY: &[u8] = &[3];

/// The verification procedure of section 8.4.
pub(super) fn proves(statement: &Map<'_>, new: &New<'_>, leaf: &Leaf<'_>) -> bool {
    let (Some(Value::Int(algorithm)), Some(Value::Bytes(signature)), 3) =
        (statement.named("alg"), statement.named("sig"), statement.count())
    else {
        return false;
    };
    // The certificate is about the new key, so either checks the signature.
    let signed = *algorithm == new.key.algorithm() && new.key.verifies(&new.signed(), signature);
    let described = leaf.extension(DESCRIPTION).is_some_and(|extension| describes(extension.value, new));
    signed && leaf.is_of(new.key) && described
}

/// Whether this `KeyDescription` is of a key that was made for this ceremony, in the device, to sign.
fn describes(description: &[u8], new: &New<'_>) -> bool {
    let fields = der::whole(description, SEQUENCE).and_then(der::elements).unwrap_or_default();
    let [
        (INTEGER, _),
        (ENUMERATED, level),
        (INTEGER, _),
        (ENUMERATED, _),
        (OCTETS, challenge),
        (OCTETS, _),
        (SEQUENCE, software),
        (SEQUENCE, hardware),
    ] = fields[..]
    else {
        return false;
    };
    let (Some(software), Some(hardware)) = (der::elements(software), der::elements(hardware)) else {
        return false;
    };
    let lists = || software.iter().chain(&hardware);
    let scoped = lists().all(|(tag, _)| *tag != ALL_APPLICATIONS);
    let contradicted = lists().any(|(tag, value)| is_right(*tag, value) == Some(false));
    // What hardware has made it says by itself. Software's word for it is worth no more than its silence.
    let said = |wanted| hardware.iter().any(|(tag, _)| *tag == wanted);
    let vouched = *level == *SOFTWARE || (said(ORIGIN) && said(PURPOSE));
    challenge == new.client_data_hash && scoped && vouched && !contradicted
}

/// Whether what a list says of origin or purpose is what it should be; `None` for what is neither.
fn is_right(tag: u32, value: &[u8]) -> Option<bool> {
    match tag {
        ORIGIN => Some(der::whole(value, INTEGER) == Some(GENERATED)),
        PURPOSE => {
            let purposes = der::whole(value, SET).and_then(der::elements).unwrap_or_default();
            let fine = |(tag, purpose): &der::Element<'_>| {
                *tag == INTEGER && (*purpose == SIGN || *purpose == VERIFY)
            };
            let signs = purposes.iter().any(|(_, purpose)| *purpose == SIGN);
            Some(signs && purposes.iter().all(fine))
        }
        _ => None,
    }
}
