//! Attestation of format `tpm` (`WebAuthn` section 8.3): keys in the Trusted Platform Module of a computer, as Windows
//! Hello has them. Structures are those of TPM 2.0 Library, Part 2.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};

use super::der::{self, OID, SEQUENCE, SET};
use super::{Leaf, New};
use crate::factor::passkey::cbor::{Map, Value};
use crate::factor::passkey::{Bytes, PublicKey};

/// What Windows Hello calls itself: 08987058-cadc-4b81-b6e1-30de50dcbe96, and 9ddd1817-af5a-4672-a2b9-3e3dd95000a9 where
/// it runs apart from the system.
pub(super) const MODELS: [[u8; 16]; 2] = [
    [0x08, 0x98, 0x70, 0x58, 0xca, 0xdc, 0x4b, 0x81, 0xb6, 0xe1, 0x30, 0xde, 0x50, 0xdc, 0xbe, 0x96],
    [0x9d, 0xdd, 0x18, 0x17, 0xaf, 0x5a, 0x46, 0x72, 0xa2, 0xb9, 0x3e, 0x3d, 0xd9, 0x50, 0x00, 0xa9],
];

/// RSASSA-PKCS1-v1_5 with SHA-1, which many modules sign their statements with (RFC 8812 section 2).
const RS1: i64 = -65535;

// Part 2, sections 6.2, 6.3, 6.4 and 6.9.
const GENERATED: u32 = 0xff54_4347;
const ATTEST_CERTIFY: u16 = 0x8017;
const ALG_RSA: u16 = 0x0001;
const ALG_SHA256: u16 = 0x000b;
const ALG_NULL: u16 = 0x0010;
const ALG_RSASSA: u16 = 0x0014;
const ALG_ECDSA: u16 = 0x0018;
const ALG_ECC: u16 = 0x0023;
const CURVE_P256: u16 = 0x0003;

// 2.5.29.37 and 2.5.29.17; 2.23.133.8.3; 2.23.133.2.1 to .3.
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const AIK_CERTIFICATE: &[u8] = &[0x67, 0x81, 0x05, 0x08, 0x03];
const MANUFACTURER: &[u8] = &[0x67, 0x81, 0x05, 0x02, 0x01];
const PRODUCT: &[u8] = &[0x67, 0x81, 0x05, 0x02, 0x02];
const VERSION: &[u8] = &[0x67, 0x81, 0x05, 0x02, 0x03];
/// A name that is a distinguished one (RFC 5280 section 4.2.1.6).
const DIRECTORY_NAME: u32 = 0xa4;

/// The verification procedure of section 8.3.
pub(super) fn proves(statement: &Map<'_>, new: &New<'_>, leaf: &Leaf<'_>) -> bool {
    let (
        Some(Value::Text("2.0")),
        Some(Value::Int(algorithm)),
        Some(Value::Bytes(signature)),
        Some(Value::Bytes(certified)),
        Some(Value::Bytes(area)),
        6,
    ) = (
        statement.named("ver"),
        statement.named("alg"),
        statement.named("sig"),
        statement.named("certInfo"),
        statement.named("pubArea"),
        statement.count(),
    )
    else {
        return false;
    };
    public_key(area).is_some_and(|key| key == *new.key)
        && is_attestation_certificate(leaf)
        && leaf.names_no_other(new)
        && is_signed(leaf, *algorithm, certified, signature)
        && certifies(certified, &hash(*algorithm, &new.signed()), area).is_some()
}

/// The hash of the algorithm.
fn hash(algorithm: i64, message: &[u8]) -> Vec<u8> {
    let by = if algorithm == RS1 { &SHA1_FOR_LEGACY_USE_ONLY } else { &SHA256 };
    digest(by, message).as_ref().to_vec()
}

/// SHA-1 is taken here and nowhere else: the module makes most of what it signs, and whoever could make it collide would
/// only get a passkey of their own taken that is not in their module.
fn is_signed(leaf: &Leaf<'_>, algorithm: i64, certified: &[u8], signature: &[u8]) -> bool {
    match algorithm {
        RS1 => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, leaf.spki())
            .verify(certified, signature)
            .is_ok(),
        // ES256 and RS256: those whose hash is SHA-256.
        -7 | -257 => leaf.signed(algorithm, certified, signature),
        _ => false,
    }
}

/// Whether this `TPMS_ATTEST` says that the module has the key with this public `area`, and was asked with `nonce`.
fn certifies(certified: &[u8], nonce: &[u8], area: &[u8]) -> Option<()> {
    let mut reader = Reader(certified);
    let whole = reader.number()? == GENERATED && reader.short()? == ATTEST_CERTIFY;
    let _qualified_signer = reader.sized()?;
    let asked = reader.sized()? == nonce;
    let _clock_and_firmware = reader.take(17 + 8)?;
    // `TPMS_CERTIFY_INFO`. A name is the hash of the public area behind the number of its algorithm (Part 1,
    // section 16).
    let name = [&ALG_SHA256.to_be_bytes()[..], digest(&SHA256, area).as_ref()].concat();
    let named = reader.sized()? == name;
    let _qualified_name = reader.sized()?;
    (whole && asked && named && reader.0.is_empty()).then_some(())
}

/// The key of a `TPMT_PUBLIC` whose name is made with SHA-256.
fn public_key(area: &[u8]) -> Option<PublicKey> {
    let mut reader = Reader(area);
    let (kind, _) = (reader.short()?, reader.short().filter(|hash| *hash == ALG_SHA256)?);
    let _attributes = reader.number()?;
    let _policy = reader.sized()?;
    // It encrypts nothing for others.
    reader.short().filter(|symmetric| *symmetric == ALG_NULL)?;
    match reader.short()? {
        ALG_NULL => {}
        ALG_RSASSA | ALG_ECDSA => {
            reader.short()?;
        }
        _ => return None,
    }
    let key = match kind {
        ALG_RSA => {
            let _bits = reader.short()?;
            // Zero stands for 65537, the one exponent that there is here.
            reader.number().filter(|exponent| matches!(exponent, 0 | 65537))?;
            PublicKey::Rs256(Bytes(reader.sized()?.to_vec()))
        }
        ALG_ECC => {
            reader.short().filter(|curve| *curve == CURVE_P256)?;
            reader.short().filter(|derivation| *derivation == ALG_NULL)?;
            let (x, y) = (reader.sized()?, reader.sized()?);
            PublicKey::Es256(Bytes([&[4], x, y].concat()))
        }
        _ => return None,
    };
    reader.0.is_empty().then_some(key)
}

/// Section 8.3.1. Version and basic constraints are webpki's.
fn is_attestation_certificate(leaf: &Leaf<'_>) -> bool {
    let usages = leaf.extension(EXTENDED_KEY_USAGE);
    let usages = usages.and_then(|usages| der::elements(der::whole(usages.value, SEQUENCE)?));
    let attests = usages.is_some_and(|usages| usages.contains(&(OID, AIK_CERTIFICATE)));
    let named = leaf.extension(ALTERNATIVE_NAME).is_some_and(|name| names_module(name.value) == Some(true));
    leaf.certificate.subject().is_empty() && attests && named
}

/// Whether a subject alternative name tells manufacturer, model and version of a module (TCG EK Credential Profile
/// section 3.2.9).
fn names_module(names: &[u8]) -> Option<bool> {
    let names = der::elements(der::whole(names, SEQUENCE)?)?;
    let (_, name) = names.into_iter().find(|(tag, _)| *tag == DIRECTORY_NAME)?;
    let mut told: Vec<&[u8]> = Vec::new();
    for (_, set) in der::elements(der::whole(name, SEQUENCE)?)?.iter().filter(|(tag, _)| *tag == SET) {
        for (_, pair) in der::elements(set)? {
            let (oid, value) = der::element(pair, OID)?;
            let [(_, value)] = der::elements(value)?[..] else { return None };
            // Maker and version are numbers, such as `id:494E5443`.
            let number = value.strip_prefix(b"id:").is_some_and(|digits| !digits.is_empty());
            let good = number || (oid == PRODUCT && !value.is_empty());
            told.extend(good.then_some(oid));
        }
    }
    Some([MANUFACTURER, PRODUCT, VERSION].iter().all(|wanted| told.contains(wanted)))
}

/// Numbers are big endian, and what has no fixed length has it in front (Part 2, section 10.4).
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn short(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.short()?;
        self.take(usize::from(length))
    }
}
