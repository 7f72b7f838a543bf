//! Public keys of authenticators (RFC 9052 section 7, RFC 9053): ES256, `EdDSA` with Ed25519, RS256.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use super::cbor::{Map, Value};

/// The IANA numbers of the algorithms, in the order in which they are asked for.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// 2048 to 4096 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// The exponent of every key that authenticators make: 65537.
const RSA_EXPONENT: &[u8] = &[1, 0, 1];

/// What stands in front of a point of P-256 (RFC 5480 section 2) and of an Ed25519 key (RFC 8410 section 4) in a
/// `SubjectPublicKeyInfo`, and the identifier of RSA in one (RFC 3279 section 2.3.1).
const ES256_SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const ED25519_SPKI: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const RSA_ALGORITHM: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// An element of DER of 256 bytes or more.
fn long(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[tag, 0x82], &length[..], content].concat()
}

/// A key with the one algorithm that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublicKey {
    /// An uncompressed point of P-256 (SEC 1 section 2.3.3).
    Es256(Bytes),
    Ed25519(Bytes),
    /// The modulus; the exponent is 65537.
    Rs256(Bytes),
}

impl PublicKey {
    /// Reads a `COSE_Key`. It must be one of the three kinds, have the parameters of its kind and no others
    /// (`WebAuthn` section 6.5.1), and be a key: a point on its curve, a modulus of a sensible length.
    #[must_use]
    pub fn read(key: &Map<'_>) -> Option<Self> {
        let number = |label| match key.numbered(label) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        };
        let bytes = |label| match key.numbered(label) {
            Some(Value::Bytes(bytes)) => Some(*bytes),
            _ => None,
        };
        // Labels: 1 kty, 3 alg, -1 crv or n, -2 x or e, -3 y.
        match (number(1)?, number(3)?, key.count()) {
            (2, ES256, 5) if number(-1)? == 1 => {
                let (x, y) = (bytes(-2)?, bytes(-3)?);
                let whole = x.len() == 32 && y.len() == 32;
                let point = whole.then(|| [&[4], x, y].concat())?;
                // Off the curve it is no key (WA-07).
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point).ok()?;
                Some(Self::Es256(Bytes(point)))
            }
            (1, EDDSA, 4) if number(-1)? == 6 => {
                let x = bytes(-2)?;
                ParsedPublicKey::new(&ED25519, x).ok()?;
                (x.len() == 32).then(|| Self::Ed25519(Bytes(x.to_vec())))
            }
            (3, RS256, 4) if bytes(-2)? == RSA_EXPONENT => {
                let n = bytes(-1)?;
                let odd = n.last().is_some_and(|last| last % 2 == 1);
                let whole = odd && n.first() != Some(&0) && RSA_BYTES.contains(&n.len());
                whole.then(|| Self::Rs256(Bytes(n.to_vec())))
            }
            _ => None,
        }
    }

    /// Its algorithm's IANA number.
    #[must_use]
    pub const fn algorithm(&self) -> i64 {
        match self {
            Self::Es256(_) => ES256,
            Self::Ed25519(_) => EDDSA,
            Self::Rs256(_) => RS256,
        }
    }

    /// As certificates write it (RFC 5280 section 4.1.2.7).
    #[must_use]
    pub fn spki(&self) -> Vec<u8> {
        match self {
            Self::Es256(point) => [ES256_SPKI, &point.0].concat(),
            Self::Ed25519(key) => [ED25519_SPKI, &key.0].concat(),
            Self::Rs256(n) => {
                // In front of a high bit stands a zero, or the number would be negative (X.690 section 8.3).
                let zero: &[u8] = if n.0.first().is_some_and(|first| *first > 0x7f) { &[0] } else { &[] };
                let n = long(0x02, &[zero, &n.0].concat());
                let key = long(0x30, &[&n[..], &[0x02, 0x03], RSA_EXPONENT].concat());
                long(0x30, &[RSA_ALGORITHM, &long(0x03, &[&[0], &key[..]].concat())[..]].concat())
            }
        }
    }

    /// Whether this key signed `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point.0).verify(message, signature)
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, &key.0).verify(message, signature),
            Self::Rs256(n) => RsaPublicKeyComponents { n: n.0.as_slice(), e: RSA_EXPONENT }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        };
        verified.is_ok()
    }
}
