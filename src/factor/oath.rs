//! Hardware tokens that show codes: by counter (HOTP, RFC 4226) or by time (TOTP, RFC 6238). A person may have
//! several, each with a counter of its own.

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{FactorKind, OwnKey, own_key};
use crate::clock::Timestamp;
use crate::keys::{MasterKey, SealedBytes, UnsealError};
use crate::secret::{Digest, Id, same};

/// As many as one person may have.
pub const MOST: usize = 5;
/// Codes that were shown and never typed (RFC 4226 section 7.4), of all tokens of a person together: several are no
/// easier to guess.
const LOOK_AHEAD: usize = 10;
/// Two codes in a row find a token that has run further (RFC 4226 section 7.4).
const RESYNC: u64 = 100;
/// Longer codes are none, in characters.
const MAX_TYPED: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OathAlgorithm {
    #[serde(rename = "SHA1")]
    Sha1,
    #[serde(rename = "SHA256")]
    Sha256,
    #[serde(rename = "SHA512")]
    Sha512,
}

/// What moves a token on to its next code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Motion {
    Counter,
    /// Every so many seconds.
    Time {
        period: u64,
    },
}

/// A token of one person.
#[derive(Clone, Serialize, Deserialize)]
pub struct OathToken {
    pub serial: String,
    pub secret: SealedBytes,
    pub algorithm: OathAlgorithm,
    /// 6 to 8.
    pub digits: u32,
    pub motion: Motion,
    /// The least counter or step that is still good: they only grow (RFC 6238 section 5.2).
    pub next: u64,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

impl From<&OathToken> for OwnKey {
    fn from(token: &OathToken) -> Self {
        Self {
            kind: FactorKind::HardwareToken,
            id: own_key::reference(&Digest::of(token.serial.as_bytes())),
            name: token.serial.clone(),
            created_at: token.created_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// Seals the secret of a token of `user`.
#[must_use]
pub fn seal(master: &MasterKey, user: Id, secret: &[u8]) -> SealedBytes {
    master.seal(&sealed_name(user), secret)
}

fn sealed_name(user: Id) -> String {
    format!("hardware token {user}")
}

/// Uses up what was typed with the one of `tokens` that shows it, and says which one that is; `None` for a wrong or used
/// code. Each is looked at, whichever it is, and only that one moves on.
pub fn use_up(
    tokens: &mut [OathToken],
    master: &MasterKey,
    user: Id,
    typed: &str,
    now: Timestamp,
) -> Result<Option<String>, UnsealError> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).take(MAX_TYPED).collect();
    let ahead = u64::try_from(LOOK_AHEAD / tokens.len().max(1)).unwrap_or_default();
    let mut shown = Vec::new();
    for token in tokens.iter() {
        let secret = token.opened(master, user)?;
        shown.push(token.after(&secret, &typed, now, ahead));
    }
    let shown = tokens.iter_mut().zip(shown).find_map(|(token, next)| Some((token, next?)));
    Ok(shown.map(|(token, next)| {
        (token.next, token.last_used_at) = (next, Some(now));
        token.serial.clone()
    }))
}

impl OathToken {
    /// Whether it is the token with this secret.
    pub fn has(&self, master: &MasterKey, user: Id, secret: &[u8]) -> Result<bool, UnsealError> {
        Ok(same(&self.opened(master, user)?, secret))
    }

    fn opened(&self, master: &MasterKey, user: Id) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        master.open(&sealed_name(user), &self.secret)
    }

    /// The counter or step after the one whose code was typed; `None` for a wrong or used code.
    fn after(&self, secret: &[u8], typed: &str, now: Timestamp, ahead: u64) -> Option<u64> {
        let digits = usize::try_from(self.digits).unwrap_or_default();
        // TO-10: in constant time.
        let is = |counter: u64, code: &str| same(self.code(secret, counter).as_bytes(), code.as_bytes());
        match self.motion {
            Motion::Counter => {
                let near = (self.next..=self.next.saturating_add(ahead)).find(|at| is(*at, typed));
                let twice = typed.split_at_checked(digits).filter(|_| typed.len() == digits * 2);
                let far = twice.and_then(|(first, second)| {
                    let mut range = self.next..=self.next.saturating_add(RESYNC);
                    range.find(|at| is(*at, first) && is(at + 1, second)).map(|at| at + 1)
                });
                near.or(far).map(|at| at.saturating_add(1))
            }
            Motion::Time { period } => {
                let step = u64::try_from(now.seconds()).unwrap_or(0) / period.max(1);
                let near = step.saturating_sub(1)..=step + 1;
                near.filter(|at| *at >= self.next).find(|at| is(*at, typed)).map(|at| at + 1)
            }
        }
    }

    /// RFC 4226 section 5.3.
    fn code(&self, secret: &[u8], counter: u64) -> String {
        let algorithm = match self.algorithm {
            OathAlgorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            OathAlgorithm::Sha256 => hmac::HMAC_SHA256,
            OathAlgorithm::Sha512 => hmac::HMAC_SHA512,
        };
        let mac = hmac::sign(&hmac::Key::new(algorithm, secret), &counter.to_be_bytes());
        let mac = mac.as_ref();
        let offset = mac.last().map_or(0, |last| usize::from(last & 0xf));
        let four = mac.get(offset..offset + 4).and_then(|four| <[u8; 4]>::try_from(four).ok());
        let number = u32::from_be_bytes(four.unwrap_or_default()) & 0x7fff_ffff;
        let width = usize::try_from(self.digits).unwrap_or_default();
        format!("{:0width$}", number % 10_u32.pow(self.digits.min(9)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn master() -> MasterKey {
        MasterKey::from_bytes(&[7; 32]).expect("a key")
    }

    fn token(motion: Motion, algorithm: OathAlgorithm, digits: u32, secret: &[u8]) -> OathToken {
        let (serial, secret) = ("T-1".to_owned(), seal(&master(), user(), secret));
        let created_at = Timestamp::from_seconds(0);
        OathToken { serial, secret, algorithm, digits, motion, next: 0, created_at, last_used_at: None }
    }

    fn counter_token(serial: &str, secret: &[u8]) -> OathToken {
        OathToken { serial: serial.to_owned(), ..token(Motion::Counter, OathAlgorithm::Sha1, 6, secret) }
    }

    fn user() -> Id {
        Id::from_bytes([1; 16])
    }

    fn used(tokens: &mut [OathToken], typed: &str, seconds: i64) -> Option<String> {
        use_up(tokens, &master(), user(), typed, Timestamp::from_seconds(seconds)).expect("opens")
    }

    /// What a token would move on to.
    fn after(token: &OathToken, typed: &str, seconds: i64) -> Option<u64> {
        let mut token = [token.clone()];
        used(&mut token, typed, seconds).map(|_| token[0].next)
    }

    #[test]
    fn counter_tokens_show_the_codes_of_rfc_4226_appendix_d() {
        let mut token = counter_token("T-1", SECRET);
        let codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583"];
        for (counter, code) in codes.into_iter().enumerate() {
            assert_eq!(after(&token, code, 0), Some(u64::try_from(counter).expect("small") + 1), "{code}");
        }
        token.next = 3;
        // TO-01, TO-02
        for used in &codes[..3] {
            assert_eq!(after(&token, used, 0), None, "{used}");
        }
        for wrong in ["", "0", "96942", "9694290", "969429x"] {
            assert_eq!(after(&token, wrong, 0), None, "{wrong}");
        }
    }

    #[test]
    fn two_codes_in_a_row_find_a_token_that_has_run_away() {
        let token = counter_token("T-1", SECRET);
        let code = |counter| token.code(SECRET, counter);
        let after = |typed: &str| after(&token, typed, 0);
        assert_eq!((after(&code(10)), after(&code(11))), (Some(11), None));
        assert_eq!(after(&format!("{} {}", code(60), code(61))), Some(62));
        assert_eq!(after(&format!("{}{}", code(60), code(62))), None);
        assert_eq!(after(&format!("{}{}", code(101), code(102))), None);
    }

    #[test]
    fn of_several_tokens_only_the_one_that_shows_the_code_moves_on() {
        let secrets: [&[u8]; 3] = [SECRET, b"another secret of 20b", b"a third one of twenty"];
        let mut tokens: Vec<_> = ["A", "B", "C"]
            .iter()
            .zip(secrets)
            .map(|(serial, secret)| counter_token(serial, secret))
            .collect();
        let code = |at: usize, counter| counter_token("", secrets[at]).code(secrets[at], counter);
        let next = |tokens: &[OathToken]| tokens.iter().map(|token| token.next).collect::<Vec<_>>();
        assert_eq!(used(&mut tokens, &code(1, 0), 9).as_deref(), Some("B"));
        assert_eq!(
            (next(&tokens), tokens[1].last_used_at),
            (vec![0, 1, 0], Some(Timestamp::from_seconds(9)))
        );
        assert_eq!(used(&mut tokens, &code(1, 0), 9), None);
        // They share what one may run ahead.
        assert_eq!(used(&mut tokens, &code(0, 4), 9), None);
        assert_eq!(used(&mut tokens, &code(0, 3), 9).as_deref(), Some("A"));
        // Two codes in a row are of one token, and find that one.
        assert_eq!(used(&mut tokens, &format!("{}{}", code(1, 60), code(2, 61)), 9), None);
        assert_eq!(used(&mut tokens, &format!("{}{}", code(2, 60), code(2, 61)), 9).as_deref(), Some("C"));
        assert_eq!(next(&tokens), [4, 1, 62]);
        let one = &tokens[0];
        assert!(one.has(&master(), user(), SECRET).expect("opens"));
        assert!(!one.has(&master(), user(), secrets[1]).expect("opens"));
    }

    #[test]
    fn clock_tokens_show_the_codes_of_rfc_6238_appendix_b() {
        let cases: [(OathAlgorithm, &[u8], &str); 3] = [
            (OathAlgorithm::Sha1, b"12345678901234567890", "94287082"),
            (OathAlgorithm::Sha256, b"12345678901234567890123456789012", "46119246"),
            (
                OathAlgorithm::Sha512,
                b"1234567890123456789012345678901234567890123456789012345678901234",
                "90693936",
            ),
        ];
        for (algorithm, secret, code) in cases {
            let mut token = token(Motion::Time { period: 30 }, algorithm, 8, secret);
            // TO-05
            assert_eq!([59, 29, 89, 90].map(|at| after(&token, code, at)), [Some(2), Some(2), Some(2), None]);
            token.next = 2;
            assert_eq!(after(&token, code, 59), None);
        }
    }
}
