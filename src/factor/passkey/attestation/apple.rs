//! Attestation of format `apple` (`WebAuthn` section 8.8): a certificate that Apple makes for this one key.

use super::{Leaf, New};
use crate::factor::passkey::cbor::Map;
use crate::secret::Digest;

/// What Apple's authenticators call themselves, f24a8e70-d0d3-f82c-2937-32523cc4de5a.
pub(super) const MODELS: [[u8; 16]; 1] =
    [[0xf2, 0x4a, 0x8e, 0x70, 0xd0, 0xd3, 0xf8, 0x2c, 0x29, 0x37, 0x32, 0x52, 0x3c, 0xc4, 0xde, 0x5a]];
/// 1.2.840.113635.100.8.2
const NONCE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x08, 0x02];
/// `SEQUENCE { [1] { OCTET STRING (32 bytes) } }`, up to the nonce itself.
const FRAME: &[u8] = &[0x30, 0x24, 0xa1, 0x22, 0x04, 0x20];

/// The verification procedure of section 8.8.
pub(super) fn proves(statement: &Map<'_>, new: &New<'_>, leaf: &Leaf<'_>) -> bool {
    // Steps 2 to 4
    let nonce = [FRAME, Digest::of(&new.signed()).bytes()].concat();
    let fresh = leaf.extension(NONCE).is_some_and(|extension| extension.value == nonce);
    // Step 5
    statement.count() == 1 && fresh && leaf.is_of(new.key)
}
