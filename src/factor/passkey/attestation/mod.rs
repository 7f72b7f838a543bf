//! Which makes of authenticators are taken, where that matters: those whose attestation certificate leads to a root
//! that the administrator trusts (`WebAuthn` sections 7.1 and 8.2).
//!
//! Chains are checked by webpki, which TLS uses too. What it does not look at (the subject and the extension with the
//! kind of the authenticator) is read here. Nobody is asked whether a certificate was revoked.

use std::collections::BTreeSet;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::aws_lc_rs::{ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519, RSA_PKCS1_2048_8192_SHA256};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

use super::cbor::{Map, Value};
use crate::clock::Timestamp;

/// Longest chain, the root apart.
const MAX_CHAIN: usize = 4;

/// What an authenticator must show of itself.
#[derive(Debug, Clone)]
pub struct Attestation {
    /// Where chains have to lead.
    pub roots: Vec<TrustAnchor<'static>>,
    /// The kinds that are taken; empty: every one that a root vouches for.
    pub aaguids: BTreeSet<[u8; 16]>,
}

/// The certificates of a PEM file as roots; what is wrong with it otherwise.
pub fn roots(pem: &[u8]) -> Result<Vec<TrustAnchor<'static>>, &'static str> {
    let certificates: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|_| "is not PEM")?;
    if certificates.is_empty() {
        return Err("has no certificate in it");
    }
    let anchor = |certificate: &CertificateDer<'static>| {
        webpki::anchor_from_trusted_cert(certificate).map(|anchor| anchor.to_owned())
    };
    certificates.iter().map(anchor).collect::<Result<_, _>>().map_err(|_| "has a certificate that is none")
}

impl Attestation {
    /// Whether the statement of format `packed` says that `signed` comes from an authenticator of a kind that is
    /// taken, and the right one: `aaguid`. An authenticator that attests itself says nothing (section 8.2).
    #[must_use]
    pub fn vouches(&self, statement: &Map<'_>, signed: &[u8], aaguid: &[u8; 16], now: Timestamp) -> bool {
        self.check(statement, signed, aaguid, now).is_some()
    }

    fn check(&self, statement: &Map<'_>, signed: &[u8], aaguid: &[u8; 16], now: Timestamp) -> Option<()> {
        let (Some(Value::Int(algorithm)), Some(Value::Bytes(signature)), Some(Value::List(chain)), 3) =
            (statement.named("alg"), statement.named("sig"), statement.named("x5c"), statement.count())
        else {
            return None;
        };
        let chain: Vec<CertificateDer<'_>> = chain.iter().map(certificate).collect::<Option<_>>()?;
        let (first, others) = chain.split_first().filter(|_| chain.len() <= MAX_CHAIN)?;
        let leaf = EndEntityCert::try_from(first).ok()?;
        let time = UnixTime::since_unix_epoch(now.since(Timestamp::from_seconds(0)));
        // Validity, basic constraints, names and signatures up to a root; version 3 and no certificate authority as
        // the leaf (section 8.2.1).
        leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &self.roots, others, time, AnyUsage, None, None).ok()?;
        leaf.verify_signature(verifier(*algorithm)?, signed, signature).ok()?;
        let attests = is_attestation_subject(leaf.subject());
        let same = kind(first)? == *aaguid;
        let taken = self.aaguids.is_empty() || self.aaguids.contains(aaguid);
        (attests && same && taken).then_some(())
    }
}

fn certificate<'a>(value: &Value<'a>) -> Option<CertificateDer<'a>> {
    match value {
        Value::Bytes(der) => Some(CertificateDer::from(*der)),
        _ => None,
    }
}

/// What COSE calls the algorithm of the attestation key.
fn verifier(algorithm: i64) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    match algorithm {
        -7 => Some(ECDSA_P256_SHA256),
        -8 => Some(ED25519),
        -35 => Some(ECDSA_P384_SHA384),
        -257 => Some(RSA_PKCS1_2048_8192_SHA256),
        _ => None,
    }
}

/// Attestation certificates are for no use that others have.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

// DER tags and object identifiers (X.690 section 8).
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXTENSIONS: u8 = 0xa3;
/// `id-fido-gen-ce-aaguid`, 1.3.6.1.4.1.45724.1.1.4.
const AAGUID: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xe5, 0x1c, 0x01, 0x01, 0x04];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
const UNIT: &[u8] = &[0x55, 0x04, 0x0b];

/// The kind that the certificate is for. It must say so: a root may stand above several (section 8.2.1).
fn kind(certificate: &CertificateDer<'_>) -> Option<[u8; 16]> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (signed, _) = element(certificate, SEQUENCE)?;
    let (_, extensions) = elements(signed)?.into_iter().find(|(tag, _)| *tag == EXTENSIONS)?;
    let (extensions, _) = element(extensions, SEQUENCE)?;
    let ours = |extension: &(u8, &[u8])| element(extension.1, OID).is_some_and(|(oid, _)| oid == AAGUID);
    let (_, extension) = elements(extensions)?.into_iter().find(ours)?;
    // Not marked critical: the value stands right behind the identifier.
    let (_, rest) = element(extension, OID)?;
    let (value, _) = element(rest, OCTETS)?;
    let (aaguid, _) = element(value, OCTETS)?;
    aaguid.try_into().ok()
}

/// Section 8.2.1: a country, an organisation, the unit "Authenticator Attestation" and a name.
fn is_attestation_subject(subject: &[u8]) -> bool {
    let parts = || -> Option<Vec<(&[u8], &[u8])>> {
        let sets = elements(subject)?.into_iter().filter(|(tag, _)| *tag == SET);
        sets.map(|(_, set)| {
            let (pair, _) = element(set, SEQUENCE)?;
            let (oid, rest) = element(pair, OID)?;
            let (_, value, _) = split(rest)?;
            Some((oid, value))
        })
        .collect()
    };
    let parts = parts().unwrap_or_default();
    let has = |wanted: &[u8]| parts.iter().any(|(oid, value)| *oid == wanted && !value.is_empty());
    let attests = parts.iter().any(|(oid, value)| *oid == UNIT && *value == b"Authenticator Attestation");
    has(COUNTRY) && has(ORGANISATION) && has(COMMON_NAME) && attests
}

/// The content of the element at the start of `input`, if it has this tag, and what follows it.
fn element(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    split(input).filter(|(found, _, _)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// Everything that `input` is made of.
fn elements(mut input: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut found = Vec::new();
    while !input.is_empty() {
        let (tag, content, rest) = split(input)?;
        found.push((tag, content));
        input = rest;
    }
    Some(found)
}

/// Tag, content and rest. Lengths are as short as they can be, and of two bytes at most (X.690 section 10.1).
fn split(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = input.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&[length], rest) = rest.split_first_chunk()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}
