//! Attestation of format `packed` (`WebAuthn` section 8.2): what most security keys say of themselves.

use super::der::{self, OID, SEQUENCE, SET};
use super::{Leaf, New};
use crate::factor::passkey::cbor::{Map, Value};

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
const UNIT: &[u8] = &[0x55, 0x04, 0x0b];

/// The verification procedure of section 8.2, for statements with a certificate. An authenticator that attests itself
/// says nothing about its make.
pub(super) fn proves(statement: &Map<'_>, new: &New<'_>, leaf: &Leaf<'_>) -> bool {
    let (Some(Value::Int(algorithm)), Some(Value::Bytes(signature)), 3) =
        (statement.named("alg"), statement.named("sig"), statement.count())
    else {
        return false;
    };
    leaf.signed(*algorithm, &new.signed(), signature)
        && is_attestation_subject(leaf.certificate.subject())
        && leaf.names_no_other(new)
}

/// Section 8.2.1: a country, an organisation, the unit "Authenticator Attestation" and a name.
fn is_attestation_subject(subject: &[u8]) -> bool {
    let parts = || -> Option<Vec<(&[u8], &[u8])>> {
        let sets = der::elements(subject)?.into_iter().filter(|(tag, _)| *tag == SET);
        sets.map(|(_, set)| {
            let (pair, _) = der::element(set, SEQUENCE)?;
            let (oid, rest) = der::element(pair, OID)?;
            let [(_, value)] = der::elements(rest)?[..] else { return None };
            Some((oid, value))
        })
        .collect()
    };
    let parts = parts().unwrap_or_default();
    let has = |wanted: &[u8]| parts.iter().any(|(oid, value)| *oid == wanted && !value.is_empty());
    let attests = parts.iter().any(|(oid, value)| *oid == UNIT && *value == b"Authenticator Attestation");
    has(COUNTRY) && has(ORGANISATION) && has(COMMON_NAME) && attests
}
