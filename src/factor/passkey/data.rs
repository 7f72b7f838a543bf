//! Authenticator data (`WebAuthn` section 6.1).

use super::cbor;
use super::cose::PublicKey;
use crate::secret::Digest;

/// Longest credential id, in bytes (section 7.1).
const MAX_ID: usize = 1023;

const UP: u8 = 0x01;
const UV: u8 = 0x04;
const BE: u8 = 0x08;
const BS: u8 = 0x10;
const AT: u8 = 0x40;
const ED: u8 = 0x80;

/// What an authenticator says about itself and what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the flags of the specification")]
pub struct AuthenticatorData<'a> {
    pub rp_id_hash: [u8; 32],
    pub user_present: bool,
    pub user_verified: bool,
    pub backup_eligible: bool,
    pub backed_up: bool,
    pub sign_count: u32,
    pub attested: Option<Attested<'a>>,
}

/// The key that was made (section 6.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested<'a> {
    pub aaguid: [u8; 16],
    pub id: &'a [u8],
    /// `None` for one of a kind that is not supported, or that is no key.
    pub key: Option<PublicKey>,
}

impl<'a> AuthenticatorData<'a> {
    /// Reads all of `input`; `None` when anything is missing, left over or reserved.
    #[must_use]
    pub fn read(input: &'a [u8]) -> Option<Self> {
        let (rp_id_hash, rest) = input.split_first_chunk::<32>()?;
        let ([flags], rest) = rest.split_first_chunk::<1>()?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>()?;
        let has = |flag| flags & flag != 0;
        if has(!(UP | UV | BE | BS | AT | ED)) {
            return None;
        }
        let mut attested = None;
        if has(AT) {
            let (read, behind) = Attested::read(rest)?;
            (attested, rest) = (Some(read), behind);
        }
        if has(ED) {
            // Nothing was asked for, so nothing in it counts.
            (_, rest) = cbor::first_map(rest)?;
        }
        rest.is_empty().then_some(Self {
            rp_id_hash: *rp_id_hash,
            user_present: has(UP),
            user_verified: has(UV),
            backup_eligible: has(BE),
            backed_up: has(BS),
            sign_count: u32::from_be_bytes(*sign_count),
            attested,
        })
    }

    /// Whether the authenticator spoke to this relying party.
    #[must_use]
    pub fn is_for(&self, rp_id: &str) -> bool {
        Digest::of(rp_id.as_bytes()).bytes() == &self.rp_id_hash
    }
}

impl<'a> Attested<'a> {
    fn read(input: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (aaguid, rest) = input.split_first_chunk::<16>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (id, rest) = rest.split_at_checked(length).filter(|_| (1..=MAX_ID).contains(&length))?;
        let (key, rest) = cbor::first_map(rest)?;
        Some((Self { aaguid: *aaguid, id, key: PublicKey::read(&key) }, rest))
    }
}
