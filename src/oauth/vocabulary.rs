//! The specifications' words as types.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::factor::Method;

/// Scope tokens of a request or grant (RFC 6749 section 3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<String>);

/// What an app may ask for.
pub const KNOWN_SCOPES: [&str; 8] =
    ["openid", "profile", "email", "address", "phone", "groups", "roles", "offline_access"];

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

impl<'a> FromIterator<&'a str> for Scopes {
    fn from_iter<I: IntoIterator<Item = &'a str>>(scopes: I) -> Self {
        Self(scopes.into_iter().map(str::to_owned).collect())
    }
}

/// What an authorization answer carries (OAuth 2.0 Multiple Response Types sections 3 and 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseType {
    pub code: bool,
    pub id_token: bool,
    pub token: bool,
}

impl Default for ResponseType {
    fn default() -> Self {
        Self { code: true, id_token: false, token: false }
    }
}

impl ResponseType {
    /// The ones there are, as metadata names them. `token` alone is not among them: nothing in it says whom
    /// it was meant for (RFC 9700 section 2.1.2).
    pub const ALL: [&'static str; 6] =
        ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"];

    /// The value as sent: words in any order.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut sorted: Vec<&str> = text.split(' ').collect();
        sorted.sort_unstable();
        Self::ALL.into_iter().map(Self::of).find(|known| sorted == known.words())
    }

    fn of(text: &str) -> Self {
        let has = |word| text.split(' ').any(|known| known == word);
        Self { code: has("code"), id_token: has("id_token"), token: has("token") }
    }

    fn words(self) -> Vec<&'static str> {
        let words = [("code", self.code), ("id_token", self.id_token), ("token", self.token)];
        words.into_iter().filter(|(_, there)| *there).map(|(word, _)| word).collect()
    }

    /// Whether tokens come back through the browser.
    #[must_use]
    pub const fn is_front_channel(self) -> bool {
        self.id_token || self.token
    }
}

/// How an authorization answer travels (OAuth 2.0 Multiple Response Types section 2.1, Form Post).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    #[default]
    Query,
    Fragment,
    FormPost,
}

/// `OpenID` Connect Core section 3.1.2.1, `prompt`, and `create` (Initiating User Registration via `OpenID` Connect
/// 1.0 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    None,
    Login,
    Consent,
    SelectAccount,
    Create,
}

impl Prompt {
    /// The values of the parameter, or what is wrong with them. `create` is unknown unless people register here; it
    /// leaves no account to choose or to confirm.
    pub fn parse_all(text: &str, create: bool) -> Result<BTreeSet<Self>, &'static str> {
        let values = text.split(' ').filter(|value| !value.is_empty());
        let prompts: Option<BTreeSet<Self>> = values.map(Self::parse).collect();
        let prompts = prompts.filter(|prompts| create || !prompts.contains(&Self::Create));
        let prompts = prompts.ok_or("prompt has an unknown value")?;
        let together = |one, other| prompts.contains(&one) && prompts.contains(&other);
        if prompts.contains(&Self::None) && prompts.len() > 1 {
            return Err("prompt none stands alone");
        }
        if together(Self::Create, Self::Login) || together(Self::Create, Self::SelectAccount) {
            return Err("prompt create goes with consent alone");
        }
        Ok(prompts)
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "login" => Some(Self::Login),
            "consent" => Some(Self::Consent),
            "select_account" => Some(Self::SelectAccount),
            "create" => Some(Self::Create),
            _ => None,
        }
    }
}

/// How a person proved who they are, for `amr`, `acr` and `auth_time`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// When the last proof was given.
    pub at: Timestamp,
    /// RFC 8176 values, in the order of the proofs.
    pub methods: Vec<String>,
    /// What was proved beside, or instead of, a password: several methods share a value above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proved: Vec<Method>,
    /// Until then every policy is met: a break-glass code was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted_until: Option<Timestamp>,
    /// The key that was a second factor did not check who uses it, when it was last used. What else was proved says
    /// nothing about that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified_key: bool,
    /// A key was used of which there may be a copy. It proves nothing by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspected_key: bool,
    /// The first factor was a link by mail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_mail: bool,
}

/// The `acr` values that can be reached, the weakest first: the authenticator assurance levels of NIST
/// SP 800-63B, as far as they speak of factors.
pub const ACR_VALUES: [&str; 2] = ["aal1", "aal2"];

impl Authentication {
    /// What these values say was proved, at `at`.
    #[must_use]
    pub fn by(methods: &[&str], at: Timestamp) -> Self {
        let methods = methods.iter().map(|&method| method.to_owned()).collect();
        Self {
            at,
            methods,
            proved: Vec::new(),
            lifted_until: None,
            unverified_key: false,
            suspected_key: false,
            by_mail: false,
        }
    }

    /// Whether either was the first factor.
    #[must_use]
    pub fn has_password_or_key(&self) -> bool {
        self.began_by_key() || self.methods.iter().any(|method| method == "pwd")
    }

    /// Whether every policy is met, because a break-glass code was used a moment ago.
    #[must_use]
    pub fn is_lifted(&self, now: Timestamp) -> bool {
        self.lifted_until.is_some_and(|until| now < until)
    }

    /// Whether a key was the first factor (RFC 8176 section 2, `user`).
    #[must_use]
    pub fn began_by_key(&self) -> bool {
        self.methods.iter().any(|method| method == "user")
    }

    /// Whether nothing was proved but by a key of which there may be a copy.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        self.suspected_key && !self.has_second_factor()
    }

    /// What the proofs amount to.
    #[must_use]
    pub fn acr(&self) -> &'static str {
        let [one, two] = ACR_VALUES;
        if self.has_second_factor() { two } else { one }
    }

    /// Whether more than one kind of thing was proved (RFC 8176 section 2, `mfa`).
    #[must_use]
    pub fn has_second_factor(&self) -> bool {
        self.methods.iter().any(|method| method == "mfa")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_types_are_sets_of_words() {
        for text in ResponseType::ALL {
            assert_eq!(ResponseType::parse(text), Some(ResponseType::of(text)), "{text}");
        }
        assert_eq!(ResponseType::parse("token id_token code"), ResponseType::parse("code id_token token"));
        for bad in ["", "token", "none", "CODE", "code code", "code  id_token", "code x", "id_token,code"] {
            assert_eq!(ResponseType::parse(bad), None, "{bad}");
        }
    }

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
