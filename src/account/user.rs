//! The records of people and groups.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Email, GroupName, Username};
use crate::clock::Timestamp;
use crate::factor::FactorKind;
use crate::locale::Lang;
use crate::secret::Id;
use crate::store::{IndexEntry, Kind, Record};

/// Whether somebody may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    Active,
    Disabled,
}

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// The `sub` of every token: never used again, not even for the same name.
    pub id: Id,
    pub username: Username,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Only a verified address goes out to apps.
    #[serde(default)]
    pub email_verified: bool,
    #[serde(default)]
    pub groups: BTreeSet<GroupName>,
    /// Roles of this person's own; groups may add more.
    #[serde(default)]
    pub roles: BTreeSet<String>,
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// A PHC string; nobody without one signs in by password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    pub state: UserState,
    /// The language this person used last, as a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What this person has enrolled beside the password.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub factors: BTreeSet<FactorKind>,
    /// Sessions and grants carry the epoch they began in; raising it ends all of them at once.
    #[serde(default)]
    pub epoch: u64,
    /// Raised when a factor is added or removed: devices are trusted no more.
    #[serde(default)]
    pub trust: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Unique index: the username.
pub(super) const BY_USERNAME: &str = "username";
/// Unique index: the mail address in lower case.
pub(super) const BY_EMAIL: &str = "email";

impl User {
    /// Whether this person may sign in now.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        matches!(self.state, UserState::Active)
    }

    /// The language to write to this person in: what an administrator says, else what they used last.
    #[must_use]
    pub fn language(&self) -> Option<Lang> {
        let said = self.attributes.get("locale").and_then(|tag| Lang::from_tag(tag));
        said.or_else(|| self.language.as_deref().and_then(Lang::from_tag))
    }

    /// What to call this person on a page.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.username.as_str())
    }
}

impl Record for User {
    const KIND: Kind = Kind::User;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn index(&self) -> Vec<IndexEntry> {
        let mut entries = vec![IndexEntry::unique(BY_USERNAME, self.username.as_str())];
        entries.extend(self.email.as_ref().map(|email| IndexEntry::unique(BY_EMAIL, email.key())));
        entries
    }
}

/// A group: who is in it stands with the people, what it means stands here and in the YAML.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    pub name: GroupName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Roles that its members get.
    #[serde(default)]
    pub roles: BTreeSet<String>,
}

impl Record for Group {
    const KIND: Kind = Kind::Group;

    fn id(&self) -> String {
        self.name.to_string()
    }
}
