//! Where a person can be reached besides their mail address: another address, a phone, a push topic.

use super::{Content, Factor, FactorKind};
use crate::account::Email;
use crate::clock::Timestamp;
use crate::keys::{MasterKey, SealedBytes, UnsealError};
use crate::secret::Id;

/// Digits of an international number without the plus (ITU-T E.164 section 6.2).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// What was typed, as it is used; `None` when nobody can be reached there.
#[must_use]
pub fn parse(kind: FactorKind, typed: &str) -> Option<String> {
    match kind {
        FactorKind::AlternateEmail => typed.trim().parse::<Email>().ok().map(|email| email.to_string()),
        FactorKind::Phone => phone(typed),
        _ => None,
    }
}

fn phone(typed: &str) -> Option<String> {
    let plain: String =
        typed.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '/' | '.')).take(20).collect();
    let digits = plain.strip_prefix('+').or_else(|| plain.strip_prefix("00"))?;
    let good = PHONE_DIGITS.contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    good.then(|| format!("+{digits}"))
}

/// As much of it as a page may show.
#[must_use]
pub fn masked(to: &str) -> String {
    if let Some((name, domain)) = to.split_once('@') {
        let first: String = name.chars().take(1).collect();
        return format!("{first}…@{domain}");
    }
    let last: Vec<char> = to.chars().rev().take(2).collect();
    format!("…{}", last.iter().rev().collect::<String>())
}

/// The factor of `user`, who has proved to be reached at `to`.
#[must_use]
pub fn factor(
    master: &MasterKey,
    user: Id,
    (kind, to): (FactorKind, &str),
    now: Timestamp,
) -> (FactorKind, Factor) {
    let to = sealed(master, user, (kind, to));
    (kind, Factor { user, content: Content::Contact { kind, to }, created_at: now })
}

/// What is kept of where somebody is reached: it opens for its owner only, which is the person, or the sign-in
/// in which they have yet to prove it.
#[must_use]
pub fn sealed(master: &MasterKey, owner: Id, (kind, to): (FactorKind, &str)) -> SealedBytes {
    master.seal(&sealed_name(owner, kind), to.as_bytes())
}

/// What [`sealed`] made for this owner.
pub fn opened(
    master: &MasterKey,
    owner: Id,
    kind: FactorKind,
    sealed: &SealedBytes,
) -> Result<String, UnsealError> {
    let plain = master.open(&sealed_name(owner, kind), sealed)?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

fn sealed_name(owner: Id, kind: FactorKind) -> String {
    format!("{} {owner}", kind.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_reached_is_taken() {
        // EO-05
        for (typed, expected) in [
            ("+49 (30) 123-456", Some("+4930123456")),
            ("0049 30 123456", Some("+4930123456")),
            ("030 123456", None),
            ("+0301234567", None),
            ("+49", None),
            ("+4930123456;rm", None),
            ("+49301234567890123", None),
            ("", None),
        ] {
            assert_eq!(parse(FactorKind::Phone, typed).as_deref(), expected, "{typed}");
        }
        for bad in ["a@x,b@evil.test", "a@x.test\r\nBcc: b@evil.test", "-f@x.test@y", "a b@x.test", "a"] {
            assert_eq!(parse(FactorKind::AlternateEmail, bad), None, "{bad}");
        }
        assert_eq!(parse(FactorKind::Totp, "a@x.test"), None);
        assert_eq!((&*masked("alice@x.test"), &*masked("+4930123456")), ("a…@x.test", "…56"));
    }
}
