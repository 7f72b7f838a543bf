//! Recovery codes: ten, shown once, each good once.

use super::{Content, Factor, FactorKind};
use crate::clock::Timestamp;
use crate::keys::MasterKey;
use crate::secret::{Digest, Id, same};

const COUNT: u8 = 10;
/// No vowels, so no words, and none that look alike.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LETTERS: usize = 10;
/// More than anybody needs to type one with whatever between its letters, in bytes.
pub const MAX_TYPED: usize = 64;

/// The codes that sign-in `flow` gives: derived, so that nothing keeps them.
#[must_use]
pub fn offered(master: &MasterKey, flow: Id) -> Vec<String> {
    let code = |number: u8| {
        letters(LETTERS, &master.derive("recovery code", &[&flow.bytes()[..], &[number]].concat()))
    };
    (0..COUNT).map(code).collect()
}

/// As many letters, each as likely as another, from random bytes.
#[must_use]
pub fn letters(count: usize, random: &[u8]) -> String {
    let fair = random.iter().filter(|byte| **byte < 240).take(count);
    fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 20))).map(|byte| char::from(*byte)).collect()
}

/// As people see one: groups of five letters.
#[must_use]
pub fn shown(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    let groups: Vec<String> = letters.chunks(5).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// The factor of `user` with these codes.
#[must_use]
pub fn factor(codes: &[String], user: Id, now: Timestamp) -> (FactorKind, Factor) {
    let left = codes.iter().map(|code| Digest::of(code.as_bytes())).collect();
    (FactorKind::RecoveryCodes, Factor { user, content: Content::RecoveryCodes { left }, created_at: now })
}

/// What is left when `typed` is used; `None` when it is no code that is left. Every code is compared.
#[must_use]
pub fn used(left: &[Digest], typed: &str) -> Option<Vec<Digest>> {
    if typed.len() > MAX_TYPED {
        return None;
    }
    let code: String =
        typed.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()).collect();
    let digest = Digest::of(code.as_bytes());
    let rest: Vec<Digest> =
        left.iter().copied().filter(|known| !same(known.bytes(), digest.bytes())).collect();
    (rest.len() < left.len()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_used_once_however_it_is_typed() {
        let master = MasterKey::from_bytes(&[7; 32]).expect("a key");
        let flow = Id::from_bytes([1; 16]);
        let codes = offered(&master, flow);
        assert_eq!((codes.len(), codes[0].len()), (10, LETTERS));
        assert_ne!(codes, offered(&master, Id::from_bytes([2; 16])));
        let (_, factor) = factor(&codes, flow, Timestamp::from_seconds(1));
        let Content::RecoveryCodes { left } = factor.content else { panic!("codes") };
        let rest = used(&left, &shown(&codes[3]).to_lowercase()).expect("a code");
        assert_eq!(rest.len(), 9);
        assert!(used(&rest, &codes[3]).is_none());
        for wrong in ["", "BCDFG-HJKLM", &"B".repeat(100)] {
            assert!(used(&rest, wrong).is_none(), "{wrong}");
        }
    }
}
