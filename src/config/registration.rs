//! The configuration as meant: how people get an account by themselves.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

/// Accounts that people make for themselves.
#[derive(Debug, Clone)]
pub struct SelfRegistration {
    pub domains: Domains,
    pub fields: Vec<OwnField>,
    /// Names of the groups they get into.
    pub groups: BTreeSet<String>,
}

/// Whose mail addresses may register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domains {
    Any,
    /// In lower case.
    Only(BTreeSet<String>),
}

impl Domains {
    /// Whether addresses at `domain`, in lower case, may register; one below a listed one is another.
    #[must_use]
    pub fn include(&self, domain: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(domains) => domains.contains(domain),
        }
    }
}

/// Something people fill in when they register.
#[derive(Debug, Clone)]
pub struct OwnField {
    /// Of the attribute.
    pub name: String,
    pub label: Label,
    pub required: bool,
    /// In characters.
    pub max_length: usize,
    pub pattern: Option<Regex>,
}

impl OwnField {
    /// Whether `text` may be kept.
    #[must_use]
    pub fn takes(&self, text: &str) -> bool {
        if text.is_empty() {
            return !self.required;
        }
        text.chars().count() <= self.max_length
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }
}

/// What a page calls a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// In languages without a text of their own.
    pub usual: String,
    /// By language.
    pub each: BTreeMap<String, String>,
}

impl Label {
    /// In the language `tag`.
    #[must_use]
    pub fn text(&self, tag: &str) -> &str {
        self.each.get(tag).unwrap_or(&self.usual)
    }
}
