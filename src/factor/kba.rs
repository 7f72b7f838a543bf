//! Security questions. Answers are guessed and found out, so they are no authenticator (NIST SP 800-63B section
//! 5.1.1.2): they only count together with a code in a mail.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;

use crate::account::{Email, User};
use crate::keys::MasterKey;
use crate::secret::Id;

/// Questions that are chosen, and those of them that are asked.
pub const CHOSEN: usize = 3;
pub const ASKED: usize = 2;
/// Longer questions and answers are refused before anything is done with them, in bytes.
pub const MAX_TEXT: usize = 200;
/// ... and so is a plain form that is longer: few letters stand for many, none in any language of people.
const MAX_PLAIN: usize = 4 * MAX_TEXT;
const MIN_ANSWER: usize = 3;

/// A question with the hash of its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Question {
    pub text: String,
    /// Argon2id over the plain form of the answer, as a PHC string.
    pub answer: String,
}

/// The plain form of an answer: without case, accents, and more than one space between words; `None` for what is
/// too long to look at.
#[must_use]
pub fn plain(answer: &str) -> Option<Zeroizing<String>> {
    if answer.len() > MAX_TEXT {
        return None;
    }
    let letters: String = answer.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let lower: String = letters.to_lowercase().nfkc().collect();
    let plain = Zeroizing::new(lower.split_whitespace().collect::<Vec<_>>().join(" "));
    (plain.len() <= MAX_PLAIN).then_some(plain)
}

/// The plain forms of three answers, if they may be taken: not too short, none the same as another one, as a
/// question, or as what everybody knows of `user`.
#[must_use]
pub fn taken(user: &User, pairs: &[(String, String)]) -> Option<Vec<(String, Zeroizing<String>)>> {
    let known = [Some(user.username.as_str()), user.email.as_ref().map(Email::as_str), user.name.as_deref()];
    let questions = pairs.iter().map(|(question, _)| question.as_str());
    let known: Vec<Zeroizing<String>> =
        known.into_iter().flatten().chain(questions).filter_map(plain).collect();
    let mut good: Vec<(String, Zeroizing<String>)> = Vec::new();
    for (question, answer) in pairs {
        let (asked, answer) = (plain(question)?, plain(answer)?);
        let fresh = !known.contains(&answer)
            && good.iter().all(|(other, taken)| *taken != answer && other != question);
        if answer.chars().count() < MIN_ANSWER || asked.is_empty() || !fresh {
            return None;
        }
        good.push((question.clone(), answer));
    }
    (good.len() == CHOSEN).then_some(good)
}

/// The questions that are asked after so many right answers: the same ones until they are answered.
#[must_use]
pub fn asked(master: &MasterKey, user: Id, answered: u64) -> [usize; ASKED] {
    let [byte, ..] =
        master.derive("security questions", &[&user.bytes()[..], &answered.to_be_bytes()].concat());
    match byte % 3 {
        0 => [0, 1],
        1 => [0, 2],
        _ => [1, 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_in_their_plain_form() {
        // KB-07
        for (typed, expected) in [
            ("  Käthe   KRÜGER ", "kathe kruger"),
            ("ﬁsh", "fish"),
            ("K\u{e4}the", "kathe"),
            ("Ka\u{308}the", "kathe"),
            ("ＡＢＣ", "abc"),
            ("\t\n", ""),
        ] {
            assert_eq!(plain(typed).expect("short").as_str(), expected, "{typed}");
        }
        assert!(plain(&"x".repeat(1 << 20)).is_none());
        // U+FDFA is eighteen letters.
        let many = "\u{fdfa}".repeat(MAX_TEXT / 3);
        assert!(many.len() <= MAX_TEXT && plain(&many).is_none());
    }
}
