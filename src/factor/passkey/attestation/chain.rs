//! Chains of certificates, checked by webpki, from a leaf that it may not read as it is.

use std::borrow::Cow;

use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, TrustAnchor,
    UnixTime,
};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

use super::der::{self, SEQUENCE};
use crate::clock::Timestamp;

/// The start of an extension with certificate policies that is critical, up to the mark itself; and the mark.
const POLICIES: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x20, 0x01, 0x01];
const CRITICAL: u8 = 0xff;

/// The leaf as webpki reads it: it knows no policies, and refuses those that are critical, as those of Windows TPMs are.
/// Nobody asks for any here, so any will do (RFC 5280 section 6.1.1); the copy has the mark taken off.
pub(super) fn readable<'a>(leaf: &'a CertificateDer<'a>) -> Cow<'a, CertificateDer<'a>> {
    let marked = [POLICIES, &[CRITICAL]].concat();
    let mut places = leaf.windows(marked.len()).enumerate().filter(|(_, window)| *window == marked);
    match (places.next(), places.next()) {
        (Some((at, _)), None) => {
            let mark = at + POLICIES.len();
            let unmarked = leaf.iter().enumerate().map(|(at, byte)| if at == mark { 0 } else { *byte });
            Cow::Owned(unmarked.collect::<Vec<u8>>().into())
        }
        _ => Cow::Borrowed(leaf),
    }
}

/// A chain from a leaf, which came as `leaf` and is read as `readable`.
pub(super) struct Chain<'a> {
    pub(super) leaf: &'a CertificateDer<'a>,
    pub(super) readable: &'a CertificateDer<'a>,
    pub(super) others: &'a [CertificateDer<'a>],
}

impl Chain<'_> {
    /// Whether it leads to one of `roots`: validity, basic constraints, names and signatures; version 3 and no
    /// certificate authority as the leaf (`WebAuthn` sections 8.2.1 and 8.3.1).
    pub(super) fn leads_to(&self, roots: &[TrustAnchor<'_>], now: Timestamp) -> bool {
        self.check(roots, now).is_some()
    }

    fn check(&self, roots: &[TrustAnchor<'_>], now: Timestamp) -> Option<()> {
        let (signed, copy) = (signed(self.leaf)?, signed(self.readable)?);
        let original = |by: &&'static dyn SignatureVerificationAlgorithm| Original { by: *by, signed, copy };
        let originals: Vec<_> = ALL_VERIFICATION_ALGS.iter().map(original).collect();
        let algorithms: Vec<_> =
            originals.iter().map(|by| -> &dyn SignatureVerificationAlgorithm { by }).collect();
        let time = UnixTime::since_unix_epoch(now.since(Timestamp::from_seconds(0)));
        let leaf = EndEntityCert::try_from(self.readable).ok()?;
        leaf.verify_for_usage(&algorithms, roots, self.others, time, AnyUsage, None, None).ok().map(|_| ())
    }
}

/// What the issuer of a certificate has signed.
fn signed<'a>(certificate: &'a CertificateDer<'_>) -> Option<&'a [u8]> {
    let certificate = der::whole(certificate, SEQUENCE)?;
    let (_, rest) = der::element(certificate, SEQUENCE)?;
    certificate.get(..certificate.len() - rest.len())
}

/// Checks signatures over what came, not over the copy.
#[derive(Debug)]
struct Original<'a> {
    by: &'static dyn SignatureVerificationAlgorithm,
    signed: &'a [u8],
    copy: &'a [u8],
}

impl SignatureVerificationAlgorithm for Original<'_> {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let message = if message == self.copy { self.signed } else { message };
        self.by.verify_signature(key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.by.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.by.signature_alg_id()
    }
}

/// Attestation certificates are for uses of their own, which their formats look at.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}
