//! Codes that are sent: six digits, good for ten minutes, for one sign-in and one purpose.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::keys::MasterKey;
use crate::secret::{Id, random, same};

/// A code is good for this long.
pub const LIFETIME: Duration = Duration::from_secs(10 * 60);
pub const MINUTES: u64 = LIFETIME.as_secs() / 60;

/// What is kept of a code that was sent: a keyed hash, since there are but a million codes to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCode {
    hash: String,
    expires_at: Timestamp,
}

impl SentCode {
    /// A new code for sign-in `flow` and `purpose`: what is kept, and the six digits.
    #[must_use]
    pub fn new(master: &MasterKey, flow: Id, purpose: &str, now: Timestamp) -> (Self, Zeroizing<String>) {
        // The remainder favours no code by more than one in 10^13.
        let code = Zeroizing::new(format!("{:06}", u64::from_be_bytes(random()) % 1_000_000));
        let hash = hash(master, flow, purpose, &code);
        (Self { hash, expires_at: now + LIFETIME }, code)
    }

    /// Whether this is the code, for the same sign-in and purpose, in time. Spaces do not count.
    #[must_use]
    pub fn is(&self, master: &MasterKey, (flow, purpose): (Id, &str), typed: &str, now: Timestamp) -> bool {
        let code: String = typed.chars().filter(|c| !c.is_whitespace()).take(7).collect();
        same(self.hash.as_bytes(), hash(master, flow, purpose, &code).as_bytes()) && now < self.expires_at
    }
}

fn hash(master: &MasterKey, flow: Id, purpose: &str, code: &str) -> String {
    let input = [flow.bytes(), purpose.as_bytes(), &[0], code.as_bytes()].concat();
    URL_SAFE_NO_PAD.encode(master.derive("sent code", &input))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_for_its_sign_in_purpose_and_time() {
        // EO-03
        let master = MasterKey::from_bytes(&[7; 32]).expect("a key");
        let (flow, now) = (Id::from_bytes([1; 16]), Timestamp::from_seconds(1_000));
        let (kept, code) = SentCode::new(&master, flow, "email_code", now);
        assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()));
        let spaced = format!(" {} {}", &code[..3], &code[3..]);
        assert!(kept.is(&master, (flow, "email_code"), &spaced, now));
        assert!(kept.is(&master, (flow, "email_code"), &code, now + Duration::from_secs(599)));
        assert!(!kept.is(&master, (flow, "email_code"), &code, now + LIFETIME));
        assert!(!kept.is(&master, (flow, "sms_code"), &code, now));
        assert!(!kept.is(&master, (Id::from_bytes([2; 16]), "email_code"), &code, now));
        for wrong in ["", "0", &code[..5], &format!("{}0", *code)] {
            assert!(!kept.is(&master, (flow, "email_code"), wrong, now), "{wrong}");
        }
    }
}
