//! Changes to people and groups: each is one conditional batch, tried again when somebody else was faster.

use std::collections::BTreeSet;

use super::user::{BY_EMAIL, BY_USERNAME};
use super::{Email, Group, GroupName, NameError, User, UserState, Username};
use crate::clock::Timestamp;
use crate::login::context;
use crate::secret::Id;
use crate::store::{ApplyError, Batch, Conflict, ConflictCause, Expect, Kind, Store, StoreError, Stored};

/// Why a change was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("there is no user {0}")]
    NoUser(String),
    #[error("there is no group {0}")]
    NoGroup(String),
    #[error("the username {0} is taken")]
    UsernameTaken(String),
    #[error("the e-mail address {0} belongs to somebody else")]
    EmailTaken(String),
    #[error("the group {0} exists already")]
    GroupExists(String),
    #[error("somebody else keeps changing {0}; nothing was changed")]
    Contended(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to change of a person; `None` leaves a field as it is, an empty text clears it.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    pub username: Option<Username>,
    pub name: Option<String>,
    /// The address and whether it is verified; `Some(None)` removes it.
    pub email: Option<Option<(Email, bool)>>,
    /// A PHC string. Ends all sessions and grants.
    pub password: Option<String>,
    /// Disabling ends all sessions and grants.
    pub state: Option<UserState>,
    pub join: BTreeSet<GroupName>,
    pub leave: BTreeSet<GroupName>,
    pub roles: Option<BTreeSet<String>>,
    pub attributes: Vec<(String, Option<String>)>,
    /// End all sessions and grants although nothing else asks for it.
    pub sign_out: bool,
}

impl UserChange {
    fn apply(&self, user: &mut User, now: Timestamp) {
        if let Some(username) = &self.username {
            user.username = username.clone();
        }
        if let Some(name) = &self.name {
            user.name = Some(name.clone()).filter(|name| !name.is_empty());
        }
        if let Some(email) = &self.email {
            user.email_verified = email.as_ref().is_some_and(|(_, verified)| *verified);
            user.email = email.as_ref().map(|(email, _)| email.clone());
        }
        if let Some(roles) = &self.roles {
            user.roles.clone_from(roles);
        }
        for (key, value) in &self.attributes {
            match value {
                Some(value) => user.attributes.insert(key.clone(), value.clone()),
                None => user.attributes.remove(key),
            };
        }
        user.groups.extend(self.join.iter().cloned());
        user.groups.retain(|group| !self.leave.contains(group));
        let disabled = self.state == Some(UserState::Disabled) && user.is_active();
        user.state = self.state.unwrap_or(user.state);
        if let Some(password) = &self.password {
            user.password = Some(password.clone());
        }
        if disabled || self.password.is_some() || self.sign_out {
            user.epoch += 1;
        }
        user.updated_at = now;
    }

    /// Nobody joins a group that is gone: whoever deletes it then looks for its members and finds them all.
    fn require_groups(&self, batch: Batch) -> Batch {
        self.join.iter().fold(batch, |batch, name| batch.require::<Group>(name.as_str()))
    }
}

/// A new active person with `change` applied.
pub async fn create_user(
    store: &Store,
    now: Timestamp,
    username: Username,
    change: &UserChange,
) -> Result<User, AccountError> {
    create_user_with(store, now, username, change, Batch::new()).await
}

/// The same together with everything in `batch`, or neither.
pub(super) async fn create_user_with(
    store: &Store,
    now: Timestamp,
    username: Username,
    change: &UserChange,
    batch: Batch,
) -> Result<User, AccountError> {
    let mut user = User {
        id: Id::new(now),
        username,
        name: None,
        email: None,
        email_verified: false,
        groups: BTreeSet::new(),
        roles: BTreeSet::new(),
        attributes: std::collections::BTreeMap::new(),
        password: None,
        state: UserState::Active,
        language: None,
        factors: BTreeSet::new(),
        epoch: 0,
        trust: 0,
        created_at: now,
        updated_at: now,
    };
    change.apply(&mut user, now);
    match store.apply(change.require_groups(batch.insert(&user))).await {
        Ok(_) => Ok(user),
        Err(error) => Err(refusal(error, &user)),
    }
}

/// The person with this username, mail address or id. An id is one before all: nobody answers to somebody else's
/// by calling themselves so.
pub async fn find_user(store: &Store, who: &str) -> Result<Option<Stored<User>>, StoreError> {
    if let Ok(id) = who.parse::<Id>()
        && let Some(user) = store.get::<User>(&id.to_string()).await?
    {
        return Ok(Some(user));
    }
    if let Ok(username) = who.parse::<Username>()
        && let Some(user) = store.find_one::<User>(BY_USERNAME, username.as_str()).await?
    {
        return Ok(Some(user));
    }
    match who.parse::<Email>() {
        Ok(email) => store.find_one::<User>(BY_EMAIL, &email.key()).await,
        Err(_) => Ok(None),
    }
}

/// Applies `change` to the person called `who` and returns the result.
pub async fn change_user(
    store: &Store,
    now: Timestamp,
    who: &str,
    change: &UserChange,
) -> Result<User, AccountError> {
    for _ in 0..8 {
        let found = find_user(store, who).await?;
        let mut user = found.ok_or_else(|| AccountError::NoUser(who.to_owned()))?;
        change.apply(&mut user.record, now);
        match store.apply(change.require_groups(Batch::new().update(&user))).await {
            Ok(_) => return Ok(user.record),
            Err(ApplyError::Conflict(Conflict {
                kind: Kind::User, cause: ConflictCause::Changed, ..
            })) => {}
            Err(error) => return Err(refusal(error, &user.record)),
        }
    }
    Err(AccountError::Contended(who.to_owned()))
}

/// Removes a person. Sessions and grants name the id, which is never used again, so they are dead too.
pub async fn delete_user(store: &Store, who: &str) -> Result<User, AccountError> {
    let found = find_user(store, who).await?;
    let user = found.ok_or_else(|| AccountError::NoUser(who.to_owned()))?;
    let id = user.id.to_string();
    store
        .apply(context::forget(Batch::new().delete::<User>(&id, Expect::Any), user.id))
        .await
        .map_err(|error| refusal(error, &user))?;
    Ok(user.record)
}

/// What to change of a group; `None` leaves a field as it is, an empty text clears it.
#[derive(Debug, Clone, Default)]
pub struct GroupChange {
    pub description: Option<String>,
    pub roles: Option<BTreeSet<String>>,
}

impl GroupChange {
    fn apply(&self, group: &mut Group) {
        if let Some(description) = &self.description {
            group.description = Some(description.clone()).filter(|description| !description.is_empty());
        }
        if let Some(roles) = &self.roles {
            group.roles.clone_from(roles);
        }
    }
}

/// A new group with `change` applied.
pub async fn create_group(
    store: &Store,
    name: GroupName,
    change: &GroupChange,
) -> Result<Group, AccountError> {
    let mut group = Group { name, description: None, roles: BTreeSet::new() };
    change.apply(&mut group);
    match store.apply(Batch::new().insert(&group)).await {
        Ok(_) => Ok(group),
        Err(ApplyError::Store(error)) => Err(error.into()),
        Err(ApplyError::Conflict(_)) => Err(AccountError::GroupExists(group.name.to_string())),
    }
}

/// Changes a group.
pub async fn change_group(
    store: &Store,
    name: &GroupName,
    change: &GroupChange,
) -> Result<Group, AccountError> {
    for _ in 0..8 {
        let found = store.get::<Group>(name.as_str()).await?;
        let mut group = found.ok_or_else(|| AccountError::NoGroup(name.to_string()))?;
        change.apply(&mut group.record);
        match store.apply(Batch::new().update(&group)).await {
            Ok(_) => return Ok(group.record),
            Err(ApplyError::Store(error)) => return Err(error.into()),
            Err(ApplyError::Conflict(_)) => {}
        }
    }
    Err(AccountError::Contended(name.to_string()))
}

/// Removes a group and then everybody's membership of it; returns how many people were in it. The members of one that
/// is gone already are looked for too: somebody may have been interrupted.
pub async fn delete_group(store: &Store, now: Timestamp, name: &GroupName) -> Result<usize, AccountError> {
    let known = store.get::<Group>(name.as_str()).await?.is_some();
    match store.apply(Batch::new().delete::<Group>(name.as_str(), Expect::Any)).await {
        Ok(_) | Err(ApplyError::Conflict(_)) => {}
        Err(ApplyError::Store(error)) => return Err(error.into()),
    }
    let members = empty_group(store, now, name).await?;
    if known || members > 0 { Ok(members) } else { Err(AccountError::NoGroup(name.to_string())) }
}

async fn empty_group(store: &Store, now: Timestamp, name: &GroupName) -> Result<usize, AccountError> {
    let change = UserChange { leave: BTreeSet::from([name.clone()]), ..UserChange::default() };
    let mut members = 0;
    let mut after: Option<String> = None;
    loop {
        let users = store.scan::<User>(after.as_deref(), 500).await?;
        let Some(last) = users.last() else { return Ok(members) };
        after = Some(last.id.to_string());
        for user in users.iter().filter(|user| user.groups.contains(name)) {
            match change_user(store, now, &user.id.to_string(), &change).await {
                Ok(_) => members += 1,
                // Whoever was removed meanwhile is in no group.
                Err(AccountError::NoUser(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn refusal(error: ApplyError, user: &User) -> AccountError {
    match error {
        ApplyError::Store(error) => error.into(),
        ApplyError::Conflict(Conflict { kind: Kind::Group, id, .. }) => AccountError::NoGroup(id),
        ApplyError::Conflict(Conflict { cause: ConflictCause::Taken { index: BY_EMAIL }, .. }) => {
            AccountError::EmailTaken(user.email.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        ApplyError::Conflict(Conflict { cause: ConflictCause::Taken { .. }, .. }) => {
            AccountError::UsernameTaken(user.username.to_string())
        }
        ApplyError::Conflict(_) => AccountError::Contended(user.username.to_string()),
    }
}
