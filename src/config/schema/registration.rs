//! How people get an account by themselves, as written.

use crate::config::document::{Node, Value};
use crate::config::error::Problems;
use crate::config::read::{self, At, Entries, Field, Keys, Need, Read, Shape, choice, section};

choice! {
    /// How people get an account.
    Registration {
        /// By themselves.
        self = Themselves(Themselves),
    }
}

section! {
    /// Accounts that people make for themselves.
    Themselves {
        /// Domains of mail addresses that may register; `["*"]` for any.
        allowed_domains: Vec<At<String>> = Required("[example.org]"),
        /// What they fill in beside name, address and password.
        fields: Vec<At<OwnField>> = Default("[]"),
        /// Groups they get into.
        groups: Vec<At<String>> = Default("[]"),
    }
}

section! {
    /// Something people fill in; kept as an attribute of theirs.
    OwnField {
        /// Name of the attribute.
        name: String = Required("team"),
        /// What the page calls it: a text, or one for each language, such as `{ en: Team, de: Gruppe }`.
        label: Label = Required("Team"),
        /// It must not be left empty.
        required: bool = Default("false"),
        /// A regular expression that the whole text has to match.
        pattern: String = Optional("\"[A-Z]{2}[0-9]+\""),
        /// Characters it may have.
        max_length: u32 = Default("100"),
    }
}

/// A text, or one for each language.
#[derive(Debug)]
pub(in crate::config) enum Label {
    Same(String),
    Each(Entries<String>),
}

impl Read for Label {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.value {
            Value::Map(_) => Entries::read(node, problems).map(Self::Each),
            _ => String::read(node, problems).map(Self::Same),
        }
    }
}
