//! Attestation of format `fido-u2f` (`WebAuthn` section 8.6): security keys from before FIDO2.

use webpki::aws_lc_rs::ECDSA_P256_SHA256;

use super::{Leaf, New};
use crate::factor::passkey::PublicKey;
use crate::factor::passkey::cbor::{Map, Value};

/// They have none (FIDO CTAP 2.1 section 7.1.4), unless the certificate names one.
pub(super) const MODELS: [[u8; 16]; 1] = [[0; 16]];

/// The verification procedure of section 8.6. The model in the authenticator data is not signed, and not looked at.
pub(super) fn proves(statement: &Map<'_>, new: &New<'_>, leaf: &Leaf<'_>) -> bool {
    // Step 2: nothing but the one certificate.
    let (Some(Value::Bytes(signature)), Some(Value::List(chain)), 2) =
        (statement.named("sig"), statement.named("x5c"), statement.count())
    else {
        return false;
    };
    // Step 4: the uncompressed point, which is how keys of this kind are kept.
    let PublicKey::Es256(point) = new.key else { return false };
    // Step 5
    let signed = [&[0], &new.rp_id_hash[..], new.client_data_hash, new.id, &point.0].concat();
    // Steps 2 and 6: webpki looks whether the certificate has a key on P-256.
    chain.len() == 1 && leaf.certificate.verify_signature(ECDSA_P256_SHA256, &signed, signature).is_ok()
}
