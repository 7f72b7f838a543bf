//! `gantry group …`

use std::collections::{BTreeMap, BTreeSet};

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{all, done, list};
use crate::account::{
    AccountError, Group, GroupChange, GroupName, User, UserChange, Username, change_group, change_user,
    create_group, delete_group, find_user,
};
use crate::app::App;
use crate::cli::table::{columns, facts};
use crate::cli::{Failure, Output};
use crate::store::StoreError;

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum GroupCommand {
    /// Add a group
    Add(GroupOptions),
    /// List groups
    List,
    /// Show a group and its members
    Show { name: String },
    /// Change a group's description or roles; what is not named stays
    Set(GroupOptions),
    /// Remove a group; its members lose it at once
    Delete { name: String },
    /// Put people into a group
    Join {
        name: String,
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Take people out of a group
    Leave {
        name: String,
        #[arg(required = true)]
        users: Vec<String>,
    },
}

#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub struct GroupOptions {
    name: String,
    /// What the group is for; empty removes it
    #[arg(long)]
    description: Option<String>,
    /// Give this role to all members; may be repeated. These are all there are then; empty removes all
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: GroupCommand) -> Result<Output, Failure> {
    match command {
        GroupCommand::Add(options) => save(app, options, true).await,
        GroupCommand::Set(options) => save(app, options, false).await,
        GroupCommand::List => listing(app).await,
        GroupCommand::Show { name } => show(app, &name).await,
        GroupCommand::Delete { name } => {
            let name = parse(&name)?;
            let members = delete_group(&app.store, app.clock.now(), &name).await?;
            tracing::info!(target: "gantry::audit", event = "group_deleted", group = name.as_str(), members);
            Ok(done(
                format!("deleted {name}, which had {members} member(s)"),
                json!({ "name": name, "members": members }),
            ))
        }
        GroupCommand::Join { name, users } => members(app, &name, &users, true).await,
        GroupCommand::Leave { name, users } => members(app, &name, &users, false).await,
    }
}

async fn save(app: &App, options: GroupOptions, create: bool) -> Result<Output, Failure> {
    let GroupOptions { name, description, roles } = options;
    let name = parse(&name)?;
    let named = (!roles.is_empty()).then(|| roles.into_iter().filter(|role| !role.is_empty()).collect());
    let change = GroupChange { description, roles: named };
    let group = if create {
        create_group(&app.store, name, &change).await?
    } else {
        change_group(&app.store, &name, &change).await?
    };
    tracing::info!(target: "gantry::audit", event = "group_saved", group = group.name.as_str());
    Ok(done(format!("{}: {}", group.name, if create { "added" } else { "changed" }), json!(group)))
}

async fn members(app: &App, name: &str, users: &[String], join: bool) -> Result<Output, Failure> {
    let name = parse(name)?;
    if join {
        existing(app, &name).await?;
    }
    // All are known before the first is changed: a slip in the last name leaves nothing half done.
    let mut known = Vec::new();
    for who in users {
        let user = find_user(&app.store, who).await?.ok_or_else(|| AccountError::NoUser(who.clone()))?;
        known.push(user.record);
    }
    let names = BTreeSet::from([name.clone()]);
    let mut change = UserChange::default();
    if join {
        change.join = names;
    } else {
        change.leave = names;
    }
    let verb = if join { "joined" } else { "left" };
    let mut changed = Vec::new();
    for user in known {
        let saved = change_user(&app.store, app.clock.now(), &user.id.to_string(), &change).await;
        let user = saved.map_err(|error| unfinished(error, &format!("{verb} {name}"), &changed))?;
        let (group, username) = (name.as_str(), user.username.as_str());
        tracing::info!(target: "gantry::audit", event = "group_members", group, verb, user = %user.id, username);
        changed.push(user.username);
    }
    Ok(done(format!("{} {verb} {name}", list(users)), json!({ "name": name, verb: users })))
}

/// Somebody went meanwhile, or the store cannot: whoever is changed stays so.
fn unfinished(error: AccountError, what: &str, changed: &[Username]) -> Failure {
    match changed {
        [] => error.into(),
        _ => Failure::from(error).hint(format!("before that, {} {what}", list(changed))),
    }
}

async fn show(app: &App, name: &str) -> Result<Output, Failure> {
    let group = existing(app, &parse(name)?).await?;
    let members = membership(app).await?.remove(&group.name).unwrap_or_default();
    let text = facts(&[
        ("name", group.name.to_string()),
        ("description", group.description.clone().unwrap_or_default()),
        ("roles", list(&group.roles)),
        ("members", list(&members)),
    ]);
    let json = json!({
        "name": group.name, "description": group.description, "roles": group.roles, "members": members,
    });
    Ok(Output { text, json })
}

async fn listing(app: &App) -> Result<Output, Failure> {
    let mut members = membership(app).await?;
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for group in all::<Group>(&app.store, |_| true).await? {
        let count = members.remove(&group.name).unwrap_or_default().len();
        rows.push([
            group.name.to_string(),
            count.to_string(),
            list(&group.roles),
            group.description.clone().unwrap_or_default(),
        ]);
        values.push(json!({
            "name": group.name, "members": count, "roles": group.roles, "description": group.description,
        }));
    }
    let text = columns(["GROUP", "MEMBERS", "ROLES", "DESCRIPTION"], &rows);
    Ok(Output { text, json: values.into() })
}

/// Usernames by group.
async fn membership(app: &App) -> Result<BTreeMap<GroupName, Vec<String>>, StoreError> {
    let mut members: BTreeMap<GroupName, Vec<String>> = BTreeMap::new();
    for user in all::<User>(&app.store, |user| !user.groups.is_empty()).await? {
        for group in &user.groups {
            members.entry(group.clone()).or_default().push(user.username.to_string());
        }
    }
    Ok(members)
}

async fn existing(app: &App, name: &GroupName) -> Result<Group, Failure> {
    let group = app.store.get::<Group>(name.as_str()).await?;
    Ok(group.ok_or_else(|| AccountError::NoGroup(name.to_string()))?.record)
}

fn parse(name: &str) -> Result<GroupName, Failure> {
    Ok(name.parse().map_err(AccountError::from)?)
}
