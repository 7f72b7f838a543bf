//! `gantry user …`

use std::collections::BTreeSet;

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{done, list};
use crate::account::{
    AccountError, Email, GroupName, User, UserChange, UserState, Username, change_user, create_user,
    delete_user, find_user,
};
use crate::app::App;
use crate::cli::table::{columns, facts};
use crate::cli::{Failure, Output};
use crate::config::Config;
use crate::factor::{self, recovery};
use crate::login::break_glass::BreakGlass;
use crate::login::challenge::notice_of_administrator;
use crate::login::password::MAX_PASSWORD_BYTES;
use crate::login::{administrators, break_glass, device_trust};
use crate::notify::Credential;
use crate::oauth::backchannel;
use crate::store::{Batch, Expect};

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum UserCommand {
    /// Add a person; the password is asked for or read from standard input
    Add {
        username: String,
        /// Full name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        email: EmailOptions,
        /// Put into this group; may be repeated
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
        /// Give this role; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Set no password: the person cannot sign in yet
        #[arg(long)]
        without_password: bool,
        #[arg(skip)]
        password: Option<String>,
    },
    /// List people
    List {
        /// Only members of this group
        #[arg(long)]
        group: Option<String>,
    },
    /// Show one person, by username, address or id
    Show { who: String },
    /// Change a person
    Set(Box<SetOptions>),
    /// Keep a person from signing in and end all their sessions and tokens
    Disable { who: String },
    /// Let a person sign in again
    Enable { who: String },
    /// Remove a person for good
    Delete { who: String },
    /// Take away the second factors of a person who has lost them
    ResetFactors { who: String },
    /// Set a new password and end all sessions and tokens
    ResetPassword {
        who: String,
        #[arg(skip)]
        password: Option<String>,
    },
    /// Make new break-glass codes for an administrator; those there were end
    BreakGlass { who: String },
    /// End all sessions and tokens of a person
    Logout { who: String },
}

#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub struct EmailOptions {
    /// Mail address
    #[arg(long)]
    email: Option<String>,
    /// The address is not verified: apps are not told about it
    #[arg(long)]
    unverified: bool,
}

#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub struct SetOptions {
    who: String,
    /// New sign-in name
    #[arg(long)]
    username: Option<String>,
    /// Full name; empty removes it
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    email: EmailOptions,
    /// Put into this group; may be repeated
    #[arg(long, value_name = "GROUP")]
    join: Vec<String>,
    /// Take out of this group; may be repeated
    #[arg(long, value_name = "GROUP")]
    leave: Vec<String>,
    /// All roles from now on; may be repeated, empty removes them
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// NAME=VALUE of an attribute such as `given_name`; an empty value removes it
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    attributes: Vec<String>,
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: UserCommand) -> Result<Output, Failure> {
    let simple = |state, sign_out| UserChange { state, sign_out, ..UserChange::default() };
    match command {
        UserCommand::Add { username, name, email, groups, roles, password, .. } => {
            let username: Username = username.parse().map_err(AccountError::from)?;
            let mut change = UserChange { name, email: email.change()?, ..UserChange::default() };
            change.join = names(&groups)?;
            change.roles = Some(roles.into_iter().collect());
            change.password = hashed(app, password).await?;
            let user = create_user(&app.store, app.clock.now(), username, &change).await?;
            audit("user_added", &user);
            Ok(done(format!("added {}", user.username), view(&user)))
        }
        UserCommand::List { group } => listing(app, group.as_deref()).await,
        UserCommand::Show { who } => {
            let user = find_user(&app.store, &who).await?.ok_or(AccountError::NoUser(who))?;
            Ok(Output { text: describe(&user), json: view(&user) })
        }
        UserCommand::Set(options) => set(app, *options).await,
        UserCommand::Disable { who } => {
            changed(app, &who, simple(Some(UserState::Disabled), false), "disabled").await
        }
        UserCommand::Enable { who } => {
            changed(app, &who, simple(Some(UserState::Active), false), "enabled").await
        }
        UserCommand::Logout { who } => changed(app, &who, simple(None, true), "signed out everywhere").await,
        UserCommand::BreakGlass { who } => break_glass_codes(app, &who).await,
        UserCommand::ResetFactors { who } => reset_factors(app, &who).await,
        UserCommand::Delete { who } => {
            let user = delete_user(&app.store, &who).await?;
            let batch = Batch::new().delete::<BreakGlass>(user.id.to_string(), Expect::Any);
            app.store.apply(factor::forget(batch, user.id)).await?;
            device_trust::forget_all(app, user.id).await?;
            backchannel::person_left(app, user.id).await?;
            audit("user_deleted", &user);
            Ok(done(format!("deleted {}", user.username), view(&user)))
        }
        UserCommand::ResetPassword { who, password } => {
            let change = UserChange { password: hashed(app, password).await?, ..UserChange::default() };
            let output = changed(app, &who, change, "has a new password").await?;
            if let Some(user) = find_user(&app.store, &who).await? {
                let letter = notice_of_administrator(app, &user, Credential::PasswordReset, Batch::new());
                app.store.apply(letter).await?;
                app.notifier.ring();
            }
            Ok(output)
        }
    }
}

async fn break_glass_codes(app: &App, who: &str) -> Result<Output, Failure> {
    let user = find_user(&app.store, who).await?;
    let user = user.ok_or_else(|| AccountError::NoUser(who.to_owned()))?;
    let config = app.config();
    if !administrators::is_one(&config, &user) {
        let hint = match &config.admin_group {
            Some(group) => format!("gantry group join {group} {who}"),
            None => "name a group: `admin: { group: admins }`".to_owned(),
        };
        return Err(Failure::new(format!("{} is no administrator", user.username)).hint(hint));
    }
    let codes: Vec<String> =
        break_glass::make(app, user.id).await?.iter().map(|code| recovery::shown(code)).collect();
    let url = format!("{}/break-glass", config.issuer);
    let text = format!(
        "break-glass codes of {}, each good once at {url}; they are not shown again:\n  {}\n",
        user.username,
        codes.join("\n  ")
    );
    Ok(Output { text, json: json!({ "user": user.username, "url": url, "codes": codes }) })
}

async fn reset_factors(app: &App, who: &str) -> Result<Output, Failure> {
    let user = find_user(&app.store, who).await?;
    let mut user = user.ok_or_else(|| AccountError::NoUser(who.to_owned()))?;
    user.record.factors.clear();
    user.record.trust += 1;
    user.record.epoch += 1;
    let batch = factor::forget(Batch::new().update(&user), user.id);
    let batch = notice_of_administrator(app, &user, Credential::FactorsReset, batch);
    app.store.apply(batch).await?;
    app.notifier.ring();
    backchannel::person_left(app, user.id).await?;
    audit("second_factors_reset", &user);
    Ok(done(format!("{}: has no second factor any more", user.username), view(&user)))
}

async fn set(app: &App, options: SetOptions) -> Result<Output, Failure> {
    let mut change =
        UserChange { name: options.name, email: options.email.change()?, ..UserChange::default() };
    change.username = options.username.map(|name| name.parse()).transpose().map_err(AccountError::from)?;
    change.join = names(&options.join)?;
    change.leave = names(&options.leave)?;
    if !options.roles.is_empty() {
        change.roles = Some(options.roles.into_iter().filter(|role| !role.is_empty()).collect());
    }
    for attribute in &options.attributes {
        let named = attribute.split_once('=').filter(|(name, _)| !name.trim().is_empty());
        let (name, value) = named.ok_or_else(|| {
            Failure::new(format!("{attribute} is not NAME=VALUE")).hint("--attribute given_name=Ada")
        })?;
        change.attributes.push((name.to_owned(), Some(value.to_owned()).filter(|value| !value.is_empty())));
    }
    changed(app, &options.who, change, "changed").await
}

async fn changed(app: &App, who: &str, change: UserChange, what: &str) -> Result<Output, Failure> {
    let user = change_user(&app.store, app.clock.now(), who, &change).await?;
    backchannel::person_left(app, user.id).await?;
    audit("user_changed", &user);
    Ok(done(format!("{}: {what}", user.username), view(&user)))
}

async fn listing(app: &App, group: Option<&str>) -> Result<Output, Failure> {
    let mut users = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = app.store.scan::<User>(after.as_deref(), 1000).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.to_string());
        let wanted =
            |user: &User| group.is_none_or(|group| user.groups.iter().any(|name| name.as_str() == group));
        users.extend(page.into_iter().map(|stored| stored.record).filter(wanted));
    }
    let row = |user: &User| {
        [
            user.username.to_string(),
            user.name.clone().unwrap_or_default(),
            user.email.as_ref().map(ToString::to_string).unwrap_or_default(),
            state(user).to_owned(),
            list(&user.groups),
        ]
    };
    let rows: Vec<_> = users.iter().map(row).collect();
    let json = users.iter().map(view).collect();
    Ok(Output { text: columns(["USERNAME", "NAME", "EMAIL", "STATE", "GROUPS"], &rows), json })
}

fn describe(user: &User) -> String {
    let email = user
        .email
        .as_ref()
        .map(|email| format!("{email} ({})", if user.email_verified { "verified" } else { "not verified" }));
    let attributes = user.attributes.iter().map(|(name, value)| format!("{name}={value}"));
    facts(&[
        ("username", user.username.to_string()),
        ("id", user.id.to_string()),
        ("name", user.name.clone().unwrap_or_default()),
        ("email", email.unwrap_or_default()),
        ("state", state(user).to_owned()),
        ("password", if user.password.is_some() { "set" } else { "none" }.to_owned()),
        ("groups", list(&user.groups)),
        ("roles", list(&user.roles)),
        ("second factors", list(user.factors.iter().map(|kind| kind.name()))),
        ("attributes", list(attributes)),
        ("created", user.created_at.to_string()),
        ("changed", user.updated_at.to_string()),
    ])
}

const fn state(user: &User) -> &'static str {
    match user.state {
        UserState::Active => "active",
        UserState::Disabled => "disabled",
    }
}

/// Everything about a person but the hash.
fn view(user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "email": user.email,
        "email_verified": user.email_verified,
        "state": user.state,
        "groups": user.groups,
        "roles": user.roles,
        "attributes": user.attributes,
        "second_factors": user.factors,
        "has_password": user.password.is_some(),
        "created_at": user.created_at.to_string(),
        "updated_at": user.updated_at.to_string(),
    })
}

impl EmailOptions {
    #[expect(clippy::option_option, reason = "no change, no address, an address")]
    fn change(&self) -> Result<Option<Option<(Email, bool)>>, Failure> {
        match self.email.as_deref() {
            None if self.unverified => {
                Err(Failure::new("--unverified says something about an address").hint("add --email ADDRESS"))
            }
            None => Ok(None),
            Some("") => Ok(Some(None)),
            Some(email) => {
                let email = email.parse().map_err(AccountError::from)?;
                Ok(Some(Some((email, !self.unverified))))
            }
        }
    }
}

fn names(groups: &[String]) -> Result<BTreeSet<GroupName>, Failure> {
    let parsed: Result<_, _> = groups.iter().map(|name| name.parse()).collect();
    Ok(parsed.map_err(AccountError::from)?)
}

async fn hashed(app: &App, password: Option<String>) -> Result<Option<String>, Failure> {
    let Some(password) = password.map(Zeroizing::new) else {
        return Ok(None);
    };
    let config = app.config();
    check_password(&password, &config)?;
    app.passwords.hash(password, config.passwords.argon2id).await.map(Some).map_err(Failure::new)
}

/// Whether this may become somebody's password.
pub(in crate::cli) fn check_password(password: &str, config: &Config) -> Result<(), Failure> {
    let rules = config.passwords;
    if password.chars().count() < rules.min_length {
        let failure = Failure::new(format!("the password is shorter than {} characters", rules.min_length));
        return Err(
            failure.hint("three or four unrelated words are easy to keep in mind; nothing was changed")
        );
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(Failure::new(format!("the password is longer than {MAX_PASSWORD_BYTES} bytes")));
    }
    Ok(())
}

fn audit(event: &'static str, user: &User) {
    tracing::info!(target: "gantry::audit", event, user = %user.id, username = user.username.as_str());
}
