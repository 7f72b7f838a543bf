//! Hardware tokens that show codes: by counter (HOTP, RFC 4226) or by time (TOTP, RFC 6238).

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::keys::{MasterKey, SealedBytes, UnsealError};
use crate::secret::{Id, same};

/// Codes that were shown and never typed (RFC 4226 section 7.4).
const LOOK_AHEAD: u64 = 10;
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
}

/// Seals the secret of a token of `user`.
#[must_use]
pub fn seal(master: &MasterKey, user: Id, secret: &[u8]) -> SealedBytes {
    master.seal(&sealed_name(user), secret)
}

fn sealed_name(user: Id) -> String {
    format!("hardware token {user}")
}

impl OathToken {
    /// The counter or step after the one whose code was typed; `None` for a wrong or used code.
    pub fn after(
        &self,
        master: &MasterKey,
        user: Id,
        typed: &str,
        now: Timestamp,
    ) -> Result<Option<u64>, UnsealError> {
        let secret = master.open(&sealed_name(user), &self.secret)?;
        let typed: String = typed.chars().filter(|c| !c.is_whitespace()).take(MAX_TYPED).collect();
        let digits = usize::try_from(self.digits).unwrap_or_default();
        // TO-10: in constant time.
        let is = |counter: u64, code: &str| same(self.code(&secret, counter).as_bytes(), code.as_bytes());
        Ok(match self.motion {
            Motion::Counter => {
                let near = (self.next..=self.next.saturating_add(LOOK_AHEAD)).find(|at| is(*at, &typed));
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
                near.filter(|at| *at >= self.next).find(|at| is(*at, &typed)).map(|at| at + 1)
            }
        })
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

    fn token(motion: Motion, algorithm: OathAlgorithm, digits: u32, secret: &[u8]) -> (MasterKey, OathToken) {
        let master = MasterKey::from_bytes(&[7; 32]).expect("a key");
        let secret = seal(&master, user(), secret);
        (master, OathToken { serial: "1".into(), secret, algorithm, digits, motion, next: 0 })
    }

    fn user() -> Id {
        Id::from_bytes([1; 16])
    }

    #[test]
    fn counter_tokens_show_the_codes_of_rfc_4226_appendix_d() {
        let (master, mut token) = token(Motion::Counter, OathAlgorithm::Sha1, 6, b"12345678901234567890");
        let now = Timestamp::from_seconds(0);
        let codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583"];
        for (counter, code) in codes.into_iter().enumerate() {
            let next = token.after(&master, user(), code, now).expect("opens");
            assert_eq!(next, Some(u64::try_from(counter).expect("small") + 1), "{code}");
        }
        token.next = 3;
        // TO-01, TO-02
        for used in &codes[..3] {
            assert_eq!(token.after(&master, user(), used, now).expect("opens"), None, "{used}");
        }
        for wrong in ["", "0", "96942", "9694290", "969429x"] {
            assert_eq!(token.after(&master, user(), wrong, now).expect("opens"), None, "{wrong}");
        }
    }

    #[test]
    fn two_codes_in_a_row_find_a_token_that_has_run_away() {
        let (master, token) = token(Motion::Counter, OathAlgorithm::Sha1, 6, b"12345678901234567890");
        let code = |counter| token.code(b"12345678901234567890", counter);
        let now = Timestamp::from_seconds(0);
        let after = |typed: &str| token.after(&master, user(), typed, now).expect("opens");
        assert_eq!((after(&code(10)), after(&code(11))), (Some(11), None));
        assert_eq!(after(&format!("{} {}", code(60), code(61))), Some(62));
        assert_eq!(after(&format!("{}{}", code(60), code(62))), None);
        assert_eq!(after(&format!("{}{}", code(101), code(102))), None);
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
            let (master, mut token) = token(Motion::Time { period: 30 }, algorithm, 8, secret);
            let at = |token: &OathToken, seconds| {
                token.after(&master, user(), code, Timestamp::from_seconds(seconds)).expect("opens")
            };
            // TO-05
            assert_eq!(
                [at(&token, 59), at(&token, 29), at(&token, 89), at(&token, 90)],
                [Some(2), Some(2), Some(2), None]
            );
            token.next = 2;
            assert_eq!(at(&token, 59), None);
        }
    }
}
