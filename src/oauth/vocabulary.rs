//! The specifications' words as types.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Scope tokens of a request or grant (RFC 6749 section 3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<String>);

/// What an app may ask for.
pub const KNOWN_SCOPES: [&str; 6] = ["openid", "profile", "email", "groups", "roles", "offline_access"];

/// Longest `scope` value read, in bytes.
const MAX_SCOPE_BYTES: usize = 2048;

impl Scopes {
    /// Reads a space-separated list; `None` when it is too long or has characters no scope may have.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e | b' ');
        let good = text.len() <= MAX_SCOPE_BYTES && text.bytes().all(legal);
        good.then(|| Self(text.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect()))
    }

    /// Whether `scope` is in it.
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Those that `allowed` also has; unknown ones are dropped, as `OpenID` Connect Core section 3.1.2.1 wants.
    #[must_use]
    pub fn within(&self, allowed: &BTreeSet<String>) -> Self {
        Self(self.0.intersection(allowed).cloned().collect())
    }

    /// Whether every scope here is in `other` too.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Both together.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Without `scope`.
    #[must_use]
    pub fn without(&self, scope: &str) -> Self {
        Self(self.0.iter().filter(|known| *known != scope).cloned().collect())
    }

    /// In alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Space separated, as in a token answer.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.iter().collect::<Vec<_>>().join(" ")
    }
}

/// How an authorization answer travels (OAuth 2.0 Multiple Response Types section 2.1, Form Post).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    #[default]
    Query,
    FormPost,
}

/// `OpenID` Connect Core section 3.1.2.1, `prompt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    None,
    Login,
    Consent,
    SelectAccount,
}

impl Prompt {
    /// The value as sent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "login" => Some(Self::Login),
            "consent" => Some(Self::Consent),
            "select_account" => Some(Self::SelectAccount),
            _ => None,
        }
    }
}

/// How a person proved who they are, for `amr`, `acr` and `auth_time`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// When the last proof was given.
    pub at: crate::clock::Timestamp,
    /// RFC 8176 values, in the order of the proofs.
    pub methods: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_bounded_and_unknown_ones_drop() {
        // AZ-34
        let allowed = BTreeSet::from(["openid".to_owned(), "email".to_owned()]);
        let scopes = Scopes::parse("openid admin email openid").expect("legal").within(&allowed);
        assert_eq!(scopes.to_text(), "email openid");
        assert!(Scopes::parse("openid\r\nx").is_none());
        assert!(Scopes::parse("öpenid").is_none());
        assert!(Scopes::parse(&"a ".repeat(2000)).is_none());
    }
}
