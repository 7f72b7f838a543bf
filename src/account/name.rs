//! Names as types: parsed once, right ever after.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    #[error("a username has 1 to 64 letters a-z, digits, `-`, `_` or `.`")]
    Username,
    #[error("the username {0} is reserved by the chat")]
    Reserved(String),
    #[error("an e-mail address looks like name@example.org")]
    Email,
    #[error("a group name has 1 to 80 characters, no space at either end, and is not `everyone`")]
    Group,
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

text_newtype! {
    /// A sign-in name, lower case, in the characters that Rocket.Chat takes as they are.
    Username
}

/// Names that Rocket.Chat gives a meaning of its own.
const RESERVED: [&str; 6] = ["admin", "administrator", "system", "user", "all", "here"];

impl FromStr for Username {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let name = text.to_ascii_lowercase();
        if !word(&name, b"-_.") {
            return Err(NameError::Username);
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(NameError::Reserved(name));
        }
        Ok(Self(name))
    }
}

text_newtype! {
    /// A mail address, its domain in lower case; compared without regard to case.
    Email
}

impl Email {
    /// The form that is unique among people.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }

    /// What stands behind the `@`, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for Email {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (local, domain) = text.split_once('@').ok_or(NameError::Email)?;
        let dotted = domain.split('.').all(|label| word(label, b"-")) && domain.contains('.');
        let printable = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        if local.is_empty() || !local.chars().all(printable) || !dotted || text.len() > 254 {
            return Err(NameError::Email);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }
}

text_newtype! {
    /// A group, as the YAML's `access` names it.
    GroupName
}

impl FromStr for GroupName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let printable = text.trim() == text && !text.chars().any(char::is_control);
        let good = printable && (1..=80).contains(&text.chars().count()) && text != "everyone";
        good.then(|| Self(text.to_owned())).ok_or(NameError::Group)
    }
}

fn word(text: &str, also: &[u8]) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || also.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_what_the_chat_accepts() {
        assert_eq!("Alice.B-1_x".parse::<Username>().expect("good").as_str(), "alice.b-1_x");
        for bad in ["", "a b", "ä", "a/b", "a@b", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Username>(), Err(NameError::Username), "{bad}");
        }
        assert_eq!("Admin".parse::<Username>(), Err(NameError::Reserved("admin".into())));
    }

    #[test]
    fn an_address_has_one_at_sign_and_a_dotted_domain() {
        assert_eq!("A.b+c@Example.ORG".parse::<Email>().expect("good").as_str(), "A.b+c@example.org");
        for bad in
            ["a", "a@b", "a@corp.test@evil.test", "@x.org", "a b@x.org", "a@x..org", "a@x.org\r\nBcc: y"]
        {
            assert_eq!(bad.parse::<Email>(), Err(NameError::Email), "{bad}");
        }
    }
}
