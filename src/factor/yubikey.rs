//! `YubiKey` one-time passwords, checked here: 44 letters, of which the last 32 are one AES block.
//!
//! Source: Yubico OTP specification ("OTPs explained"): public id, then private id, use counter, time, session
//! counter, random and CRC-16, under AES-128.

use aws_lc_rs::cipher::{AES_128, DecryptingKey, DecryptionContext, UnboundCipherKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{FactorKind, OwnKey, own_key};
use crate::clock::Timestamp;
use crate::keys::{MasterKey, SealedBytes, UnsealError};
use crate::secret::{Digest, Id, same};

/// As many as one person may have.
pub const MOST: usize = 5;
/// The digits of modhex, which are on the same keys everywhere.
const MODHEX: &[u8; 16] = b"cbdefghijklnrtuv";
const PUBLIC: usize = 12;
const TYPED: usize = 44;
const PRIVATE: usize = 6;
/// What the CRC of a whole block leaves (ISO/IEC 13239).
const RESIDUE: u16 = 0xf0b8;

/// A key of one person, who may have several.
#[derive(Clone, Serialize, Deserialize)]
pub struct Yubikey {
    /// Twelve letters of modhex, with which everything begins that it types.
    pub public_id: String,
    /// AES key and private id.
    secret: SealedBytes,
    /// Use counter and session counter of the last password; they only grow.
    last: u32,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
}

impl From<&Yubikey> for OwnKey {
    fn from(key: &Yubikey) -> Self {
        Self {
            kind: FactorKind::Yubikey,
            id: own_key::reference(&Digest::of(key.public_id.as_bytes())),
            name: key.public_id.clone(),
            created_at: key.created_at,
            last_used_at: key.last_used_at,
        }
    }
}

/// Uses up what was typed with the one of `keys` that typed it, and says which one that is; `None` for what is no
/// password of them, or an old one. Each is looked at, whichever it is.
pub fn use_up(
    keys: &mut [Yubikey],
    master: &MasterKey,
    user: Id,
    typed: &str,
    now: Timestamp,
) -> Result<Option<String>, UnsealError> {
    let counters = keys.iter().map(|key| key.fresh(master, user, typed)).collect::<Result<Vec<_>, _>>()?;
    let typed_by = keys.iter_mut().zip(counters).find_map(|(key, counter)| Some((key, counter?)));
    Ok(typed_by.map(|(key, counter)| {
        (key.last, key.last_used_at) = (counter, Some(now));
        key.public_id.clone()
    }))
}

impl Yubikey {
    /// A key of `user`; `None` when the parts have other lengths.
    #[must_use]
    pub fn new(
        master: &MasterKey,
        (user, now): (Id, Timestamp),
        public_id: &str,
        private_id: &[u8],
        aes: &[u8],
    ) -> Option<Self> {
        let good = public_id.len() == PUBLIC
            && unhex(public_id, MODHEX).is_some()
            && private_id.len() == PRIVATE
            && aes.len() == 16;
        let secret = Zeroizing::new([aes, private_id].concat());
        let secret = master.seal(&sealed_name(user), &secret);
        let public_id = public_id.to_owned();
        good.then_some(Self { public_id, secret, last: 0, created_at: now, last_used_at: None })
    }

    /// The counters of `typed`; `None` for what is no password of it, or an old one.
    fn fresh(&self, master: &MasterKey, user: Id, typed: &str) -> Result<Option<u32>, UnsealError> {
        let secret = master.open(&sealed_name(user), &self.secret)?;
        let typed = typed.trim().to_ascii_lowercase();
        let Some((public, block)) = typed.split_at_checked(PUBLIC).filter(|_| typed.len() == TYPED) else {
            return Ok(None);
        };
        let Some((aes, private)) = secret.split_at_checked(16) else { return Ok(None) };
        let plain = unhex(block, MODHEX).and_then(|block| decrypt(aes, block));
        let counters = plain.and_then(|plain| read(&plain, private));
        Ok(counters.filter(|counter| public == self.public_id && *counter > self.last))
    }
}

fn sealed_name(user: Id) -> String {
    format!("yubikey {user}")
}

fn decrypt(aes: &[u8], mut block: Vec<u8>) -> Option<Zeroizing<Vec<u8>>> {
    let key = DecryptingKey::ecb(UnboundCipherKey::new(&AES_128, aes).ok()?).ok()?;
    key.decrypt(&mut block, DecryptionContext::None).ok()?;
    Some(Zeroizing::new(block))
}

/// Use counter and session counter as one number, if the block is whole and has this private id.
fn read(plain: &[u8], private: &[u8]) -> Option<u32> {
    let block: &[u8; 16] = plain.try_into().ok()?;
    let [p0, p1, p2, p3, p4, p5, low, high, _, _, _, session, ..] = *block;
    let whole = crc(block) == RESIDUE;
    let own = same(&[p0, p1, p2, p3, p4, p5], private);
    // The highest bit says whether caps lock was on.
    let uses = u32::from(u16::from_le_bytes([low, high]) & 0x7fff);
    (whole && own).then_some((uses << 8) | u32::from(session))
}

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc: u16, byte| {
        (0..8)
            .fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x8408 } else { crc >> 1 })
    })
}

/// Bytes written with these sixteen digits.
fn unhex(text: &str, digits: &[u8; 16]) -> Option<Vec<u8>> {
    let value = |c: u8| digits.iter().position(|digit| *digit == c).and_then(|at| u8::try_from(at).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| match pair {
            [high, low] => Some((value(*high)? << 4) | value(*low)?),
            _ => None,
        })
        .collect();
    bytes.filter(|_| whole)
}

/// Bytes in hexadecimal, in lower or upper case.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    unhex(&text.to_ascii_lowercase(), b"0123456789abcdef")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC_ID: &str = "vvccccfiluij";
    const ALICE: Id = Id::from_bytes([1; 16]);

    fn key(public_id: &str) -> (MasterKey, Yubikey) {
        let master = MasterKey::from_bytes(&[7; 32]).expect("a key");
        let aes = from_hex("ecde18dbe76fbd0c33330f1c354871db").expect("hex");
        let private = from_hex("8792ebfe26cc").expect("hex");
        let key = Yubikey::new(&master, (ALICE, Timestamp::from_seconds(0)), public_id, &private, &aes);
        (master, key.expect("whole"))
    }

    #[test]
    fn a_password_that_openssl_encrypted_is_read() {
        // One block under AES-128-ECB: use counter 19, session 17.
        let ((_, other), (master, key)) = (key("cccccccccccc"), key(PUBLIC_ID));
        let password = format!("{PUBLIC_ID}edidudkvuvurlvvgejlgltfvkbfnduhh");
        let (mut keys, now) = ([other, key], Timestamp::from_seconds(9));
        let mut used = || use_up(&mut keys, &master, ALICE, &password, now).expect("opens");
        assert_eq!(used().as_deref(), Some(PUBLIC_ID));
        // TO-01
        assert_eq!(used(), None);
        assert_eq!(keys.map(|key| (key.last, key.last_used_at)), [(0, None), (0x1311, Some(now))]);
    }

    #[test]
    fn whatever_else_is_typed_is_no_password() {
        let (master, key) = key(PUBLIC_ID);
        let good = format!("{PUBLIC_ID}edidudkvuvurlvvgejlgltfvkbfnduhh");
        let other_key = good.replacen("vv", "cc", 1);
        let changed = good.replace("edid", "edic");
        for wrong in ["", "x", &good[..43], &format!("{good}c"), &other_key, &changed, &"é".repeat(22)] {
            assert!(key.fresh(&master, ALICE, wrong).expect("opens").is_none(), "{wrong}");
        }
        assert!(key.fresh(&master, Id::from_bytes([2; 16]), &good).is_err());
    }
}
