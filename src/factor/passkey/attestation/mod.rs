//! Which makes of authenticators are taken, where that matters: those whose attestation certificate leads to a root
//! that the administrator trusts (`WebAuthn` sections 7.1 and 8).
//!
//! Owns which models are taken; the formats of statements have a file each. Chains are checked by webpki, which TLS uses
//! too ([`chain`]); what it does not look at is read by [`der`]. Nobody is asked whether a certificate was revoked.

mod android_key;
mod apple;
mod chain;
mod der;
mod fido_u2f;
mod packed;
mod tpm;

use std::collections::BTreeSet;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor};
use webpki::EndEntityCert;
use webpki::aws_lc_rs::{ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519, RSA_PKCS1_2048_8192_SHA256};

use self::chain::Chain;
use self::der::Extension;
use super::PublicKey;
use super::cbor::{Map, Value};
use crate::clock::Timestamp;

/// Longest chain; phones send the root too.
const MAX_CHAIN: usize = 5;

/// What an authenticator must show of itself.
#[derive(Debug, Clone)]
pub struct Attestation {
    /// Where chains have to lead.
    pub roots: Vec<TrustAnchor<'static>>,
    /// The models that are taken; empty: every one that a root vouches for.
    pub aaguids: BTreeSet<[u8; 16]>,
}

/// A new key, of which a statement is to say where it was made.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// The authenticator data as it came, and what it says.
    pub data: &'a [u8],
    pub rp_id_hash: &'a [u8; 32],
    pub aaguid: &'a [u8; 16],
    pub id: &'a [u8],
    pub key: &'a PublicKey,
    pub client_data_hash: &'a [u8; 32],
}

impl New<'_> {
    /// What most formats sign.
    pub(super) fn signed(&self) -> Vec<u8> {
        [self.data, self.client_data_hash].concat()
    }
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
    /// Whether a statement of this format says that `new` was made by an authenticator of a model that is taken.
    #[must_use]
    pub fn vouches(&self, format: &str, statement: &Map<'_>, new: &New<'_>, now: Timestamp) -> bool {
        self.check(format, statement, new, now).is_some()
    }

    fn check(&self, format: &str, statement: &Map<'_>, new: &New<'_>, now: Timestamp) -> Option<()> {
        let Some(Value::List(chain)) = statement.named("x5c") else { return None };
        let chain: Vec<CertificateDer<'_>> = chain.iter().map(certificate).collect::<Option<_>>()?;
        let (first, others) = chain.split_first().filter(|_| chain.len() <= MAX_CHAIN)?;
        let readable = chain::readable(first);
        let leaf = Leaf::read(&readable)?;
        let chain = Chain { leaf: first, readable: &readable, others };
        if !chain.leads_to(&self.roots, now) {
            return None;
        }
        let (proved, models): (_, &[[u8; 16]]) = match format {
            "packed" => (packed::proves(statement, new, &leaf), &[]),
            "fido-u2f" => (fido_u2f::proves(statement, new, &leaf), &fido_u2f::MODELS),
            "apple" => (apple::proves(statement, new, &leaf), &apple::MODELS),
            "android-key" => (android_key::proves(statement, new, &leaf), &android_key::MODELS),
            "tpm" => (tpm::proves(statement, new, &leaf), &tpm::MODELS),
            _ => return None,
        };
        // What the authenticator data names was put there by a computer that may be anybody's: without a certificate
        // that names a model it is one of the vendor whose format it is, or none.
        let model = leaf.aaguid.or_else(|| models.iter().find(|model| *model == new.aaguid).copied());
        let taken = self.aaguids.is_empty() || model.is_some_and(|model| self.aaguids.contains(&model));
        (proved && taken).then_some(())
    }
}

fn certificate<'a>(value: &Value<'a>) -> Option<CertificateDer<'a>> {
    match value {
        Value::Bytes(der) => Some(CertificateDer::from(*der)),
        _ => None,
    }
}

/// `id-fido-gen-ce-aaguid`, 1.3.6.1.4.1.45724.1.1.4.
const AAGUID: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xe5, 0x1c, 0x01, 0x01, 0x04];

/// The certificate that attests.
struct Leaf<'a> {
    certificate: EndEntityCert<'a>,
    extensions: Vec<Extension<'a>>,
    /// The model that it is for, where it says so.
    aaguid: Option<[u8; 16]>,
}

impl<'a> Leaf<'a> {
    fn read(der: &'a CertificateDer<'a>) -> Option<Self> {
        let certificate = EndEntityCert::try_from(der).ok()?;
        let extensions = der::extensions(der)?;
        let mut leaf = Self { certificate, extensions, aaguid: None };
        if let Some(named) = leaf.extension(AAGUID) {
            // Section 8.2.1: one string in another, and not critical.
            let aaguid = der::whole(named.value, der::OCTETS).filter(|_| !named.critical)?;
            leaf.aaguid = Some(aaguid.try_into().ok()?);
        }
        Some(leaf)
    }

    fn extension(&self, oid: &[u8]) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.oid == oid)
    }

    /// Whether its key signed `message`, by the algorithm of this COSE number.
    fn signed(&self, algorithm: i64, message: &[u8], signature: &[u8]) -> bool {
        let verifier = verifier(algorithm);
        verifier.is_some_and(|by| self.certificate.verify_signature(by, message, signature).is_ok())
    }

    /// Whether it is for this key itself.
    fn is_of(&self, key: &PublicKey) -> bool {
        self.spki() == key.spki()
    }

    /// Its public key, as RFC 5280 section 4.1.2.7 has it.
    fn spki(&self) -> Vec<u8> {
        self.certificate.subject_public_key_info().to_vec()
    }

    /// Whether it is for no other model than `new` is said to be of.
    fn names_no_other(&self, new: &New<'_>) -> bool {
        self.aaguid.is_none_or(|named| named == *new.aaguid)
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
