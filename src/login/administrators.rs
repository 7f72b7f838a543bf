//! The administrators, and whether a configuration leaves them a way in.

use std::collections::BTreeMap;

use crate::account::User;
use crate::config::Config;
use crate::policy;
use crate::policy::lock_out::{Provable, Shut, shut};
use crate::store::{Store, StoreError};

/// Whether `user` is one of them.
#[must_use]
pub fn is_one(config: &Config, user: &User) -> bool {
    let group = config.admin_group.as_deref();
    user.is_active() && group.is_some_and(|group| user.groups.iter().any(|name| name.as_str() == group))
}

/// All of them.
pub async fn all(store: &Store, config: &Config) -> Result<Vec<User>, StoreError> {
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = store.scan::<User>(after.as_deref(), 1000).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.id.to_string());
        found.extend(page.into_iter().map(|stored| stored.record).filter(|user| is_one(config, user)));
    }
}

/// An app that lets administrators in, and none of those there are could pass its policy.
#[derive(Debug, Clone)]
pub struct ShutOut {
    pub app: String,
    pub policy: String,
    /// Of the first one of them.
    pub why: Shut,
}

impl ShutOut {
    /// In words.
    #[must_use]
    pub fn message(&self) -> String {
        let Self { app, policy, why } = self;
        format!(
            "of the administrators there are, none could ever pass the policy `{policy}` of the app `{app}`: {why}"
        )
    }
}

/// The first such app. Without administrators nobody is shut out.
pub async fn shut_out(store: &Store, config: &Config) -> Result<Option<ShutOut>, StoreError> {
    if config.admin_group.is_none() {
        return Ok(None);
    }
    let admins = all(store, config).await?;
    let admins: Vec<(&User, Provable)> =
        admins.iter().map(|user| (user, Provable::by(config, user))).collect();
    for app in config.apps.values() {
        let mut shut_ones = BTreeMap::new();
        let mut open = false;
        for (user, provable) in &admins {
            let Some((name, policy)) = policy::of(config, app, &user.groups) else { continue };
            match shut(policy, config, provable) {
                Some(why) => drop(shut_ones.entry(name).or_insert(why)),
                None => open = true,
            }
        }
        if let Some((policy, why)) = shut_ones.pop_first().filter(|_| !open) {
            return Ok(Some(ShutOut { app: app.client_id.clone(), policy: policy.to_owned(), why }));
        }
    }
    Ok(None)
}
