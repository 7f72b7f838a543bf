//! Authenticator apps (RFC 6238): thirty seconds, and what the configuration says of hash and digits.

use serde::{Deserialize, Serialize};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::{Content, Factor, FactorKind};
use crate::clock::Timestamp;
use crate::keys::{MasterKey, SealedBytes, UnsealError};
use crate::secret::Id;

/// Clocks may be this many steps apart (RFC 6238 section 6).
const SKEW: u16 = 1;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TotpAlgorithm {
    #[default]
    #[serde(rename = "SHA1")]
    Sha1,
    #[serde(rename = "SHA256")]
    Sha256,
}

/// How codes are made. Kept with each secret, so that it stays as the app was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TotpForm {
    pub algorithm: TotpAlgorithm,
    /// 6 or 8.
    pub digits: u8,
}

/// What every app knows, and what was meant before there was a choice.
impl Default for TotpForm {
    fn default() -> Self {
        Self { algorithm: TotpAlgorithm::Sha1, digits: 6 }
    }
}

impl TotpForm {
    /// As long as the hash (RFC 6238 section 5.1; RFC 4226 section 4, R6: 160 bits), in bytes.
    const fn secret_bytes(self) -> usize {
        match self.algorithm {
            TotpAlgorithm::Sha1 => 20,
            TotpAlgorithm::Sha256 => 32,
        }
    }

    /// The algorithm, for people.
    #[must_use]
    pub const fn hash(self) -> &'static str {
        match self.algorithm {
            TotpAlgorithm::Sha1 => "SHA-1",
            TotpAlgorithm::Sha256 => "SHA-256",
        }
    }
}

/// A secret that is being enrolled, or checked against.
pub struct TotpSecret {
    bytes: Zeroizing<Vec<u8>>,
    form: TotpForm,
}

impl TotpSecret {
    /// The secret that sign-in `flow` offers: derived, so that nothing keeps it until it is proved.
    #[must_use]
    pub fn offered(master: &MasterKey, flow: Id, form: TotpForm) -> Self {
        let derived = Zeroizing::new(master.derive("totp enrolment", flow.bytes()));
        let bytes = Zeroizing::new(derived.iter().copied().take(form.secret_bytes()).collect());
        Self { bytes, form }
    }

    /// The secret of an enrolled factor.
    pub fn enrolled(
        master: &MasterKey,
        user: Id,
        sealed: &SealedBytes,
        form: TotpForm,
    ) -> Result<Self, UnsealError> {
        Ok(Self { bytes: master.open(&sealed_name(user), sealed)?, form })
    }

    /// The factor of `user`, whose code for `step` has just been shown.
    #[must_use]
    pub fn factor(&self, master: &MasterKey, user: Id, step: u64, now: Timestamp) -> (FactorKind, Factor) {
        let secret = master.seal(&sealed_name(user), &self.bytes);
        let content = Content::Totp { secret, last_step: step, form: self.form };
        (FactorKind::Totp, Factor { user, content, created_at: now })
    }

    /// The step whose code this is, within a step of now; `None` for a wrong code.
    #[must_use]
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        let digits = usize::from(self.form.digits);
        let code: String = code.chars().filter(|c| !c.is_whitespace()).take(digits + 1).collect();
        let seconds = u64::try_from(now.seconds()).ok()?;
        (code.len() == digits).then(|| self.totp("", "")?.check(&code, seconds)).flatten()
    }

    /// For typing, in groups of four.
    #[must_use]
    pub fn typed(&self) -> String {
        let text = Secret::from(self.bytes.to_vec()).to_base32();
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
        let algorithm = match self.form.algorithm {
            TotpAlgorithm::Sha1 => Algorithm::SHA1,
            TotpAlgorithm::Sha256 => Algorithm::SHA256,
        };
        let builder = Builder::new().with_secret(self.bytes.to_vec()).with_skew(SKEW);
        let builder = builder.with_algorithm(algorithm).with_digits(self.form.digits);
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
        let bytes = Zeroizing::new(b"12345678901234567890".to_vec());
        TotpSecret { bytes, form: TotpForm::default() }
    }

    #[test]
    fn eight_digits_by_sha_256_are_those_of_rfc_6238_appendix_b() {
        let bytes = Zeroizing::new(b"12345678901234567890123456789012".to_vec());
        let form = TotpForm { algorithm: TotpAlgorithm::Sha256, digits: 8 };
        let secret = TotpSecret { bytes, form };
        for (seconds, code) in [(59, "46119246"), (1_111_111_109, "68084774"), (2_000_000_000, "90698825")] {
            let step = u64::try_from(seconds).expect("positive") / 30;
            assert_eq!(secret.step_of(code, Timestamp::from_seconds(seconds)), Some(step), "{seconds}");
            assert_eq!(secret.step_of(&code[2..], Timestamp::from_seconds(seconds)), None, "{seconds}");
        }
        let url = secret.url("Team", "alice").expect("a URL");
        assert!(url.contains("digits=8") && url.contains("algorithm=SHA256"), "{url}");
    }

    #[test]
    fn a_secret_from_before_there_was_a_choice_keeps_its_form() {
        let old = r#"{"totp":{"secret":"AAAA","last_step":7}}"#;
        let Ok(Content::Totp { form, last_step, .. }) = serde_json::from_str(old) else {
            panic!("not read");
        };
        assert_eq!((form, last_step), (TotpForm { algorithm: TotpAlgorithm::Sha1, digits: 6 }, 7));
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
