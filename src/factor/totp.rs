//! Authenticator apps (RFC 6238): SHA-1, six digits, thirty seconds, which every app knows.

use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::{Content, Factor, FactorKind};
use crate::clock::Timestamp;
use crate::keys::{MasterKey, SealedBytes, UnsealError};
use crate::secret::Id;

/// 160 bits (RFC 4226 section 4, R6).
const SECRET_BYTES: usize = 20;
/// Clocks may be this many steps apart (RFC 6238 section 6).
const SKEW: u16 = 1;

/// A secret that is being enrolled, or checked against.
pub struct TotpSecret(Zeroizing<Vec<u8>>);

impl TotpSecret {
    /// The secret that sign-in `flow` offers: derived, so that nothing keeps it until it is proved.
    #[must_use]
    pub fn offered(master: &MasterKey, flow: Id) -> Self {
        let derived = Zeroizing::new(master.derive("totp enrolment", flow.bytes()));
        Self(Zeroizing::new(derived.iter().copied().take(SECRET_BYTES).collect()))
    }

    /// The secret of an enrolled factor.
    pub fn enrolled(master: &MasterKey, user: Id, sealed: &SealedBytes) -> Result<Self, UnsealError> {
        master.open(&sealed_name(user), sealed).map(Self)
    }

    /// The factor of `user`, whose code for `step` has just been shown.
    #[must_use]
    pub fn factor(&self, master: &MasterKey, user: Id, step: u64, now: Timestamp) -> (FactorKind, Factor) {
        let secret = master.seal(&sealed_name(user), &self.0);
        let content = Content::Totp { secret, last_step: step };
        (FactorKind::Totp, Factor { user, content, created_at: now })
    }

    /// The step whose code this is, within a step of now; `None` for a wrong code.
    #[must_use]
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).take(7).collect();
        let seconds = u64::try_from(now.seconds()).ok()?;
        (code.len() == 6).then(|| self.totp("", "")?.check(&code, seconds)).flatten()
    }

    /// For typing, in groups of four.
    #[must_use]
    pub fn typed(&self) -> String {
        let text = Secret::from(self.0.to_vec()).to_base32();
        let letters: Vec<char> = text.chars().collect();
        letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }

    /// The `otpauth` address that apps read.
    #[must_use]
    pub fn url(&self, issuer: &str, account: &str) -> Option<String> {
        // The label is cut at colons by everybody who reads it.
        let plain = |text: &str| text.replace(':', " ");
        self.totp(&plain(issuer), &plain(account))?.to_url().ok()
    }

    fn totp(&self, issuer: &str, account: &str) -> Option<Totp> {
        let builder = Builder::new().with_secret(self.0.to_vec()).with_skew(SKEW);
        let builder =
            builder.with_account_name(account).with_issuer(Some(issuer).filter(|text| !text.is_empty()));
        builder.build().ok()
    }
}

fn sealed_name(user: Id) -> String {
    format!("totp {user}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> TotpSecret {
        TotpSecret(Zeroizing::new(b"12345678901234567890".to_vec()))
    }

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            let now = Timestamp::from_seconds(seconds);
            let step = u64::try_from(seconds).expect("positive") / 30;
            assert_eq!(secret().step_of(code, now), Some(step), "{seconds}");
            assert_eq!(secret().step_of(&format!(" {} {}", &code[..3], &code[3..]), now), Some(step));
            for wrong in ["", "1", "287083", "2870822", "28708x", "²87082"] {
                assert_eq!(secret().step_of(wrong, now), None, "{wrong}");
            }
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_and_late() {
        let at = |seconds| secret().step_of("287082", Timestamp::from_seconds(seconds));
        assert_eq!((at(29), at(30), at(89), at(90)), (None.or(at(29)), Some(1), Some(1), None));
    }

    #[test]
    fn apps_read_the_address() {
        let url = secret().url("Team: one", "alice").expect("a URL");
        assert!(
            url.starts_with("otpauth://totp/Team%20%20one:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            "{url}"
        );
        assert_eq!(secret().typed(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    }
}
