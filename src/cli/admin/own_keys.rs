//! What people have several of, for administrators: who has which, and taking a single one away.

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{all, done};
use crate::account::{AccountError, User, find_user};
use crate::app::App;
use crate::cli::table::columns;
use crate::cli::{Failure, Output};
use crate::factor::{self, Factor, FactorKind, OwnKey, own_key};
use crate::login::challenge::{Changed, notice_of_administrator};
use crate::login::own::removed;
use crate::oauth::backchannel;
use crate::store::{Batch, Stored};

/// `gantry passkey …`, and what `gantry push …` has of it
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum OwnKeyCommand {
    /// List who has which
    List {
        /// Only those of this person
        #[arg(long, value_name = "WHO")]
        user: Option<String>,
    },
    /// Take a single one away, by its id; the others stay
    Remove { who: String, id: String },
}

/// Carries out `command` for those of one kind.
pub(super) async fn execute(app: &App, kind: FactorKind, command: OwnKeyCommand) -> Result<Output, Failure> {
    match command {
        OwnKeyCommand::List { user } => list(app, kind, user.as_deref()).await,
        OwnKeyCommand::Remove { who, id } => {
            let taken = take_away(app, who, &[kind], |key| key.id.to_string() == id).await?;
            let Some((user, key)) = taken else {
                let (one, command) =
                    if kind == FactorKind::WebPush { ("browser", "push") } else { ("passkey", "passkey") };
                return Err(Failure::new(format!("there is no {one} {id} of this person"))
                    .hint(format!("gantry {command} list shows all")));
            };
            let json = json!({ "user": user.username, "id": id, "name": key.name });
            Ok(done(format!("{}: {} taken away", user.username, key.name), json))
        }
    }
}

async fn list(app: &App, kind: FactorKind, who: Option<&str>) -> Result<Output, Failure> {
    let (mut rows, mut values): (_, Vec<Value>) = (Vec::new(), Vec::new());
    for (user, key) in owned(app, &[kind], who).await? {
        let (id, added) = (key.id.to_string(), key.created_at.to_string());
        let used = key.last_used_at.map(|at| at.to_string());
        values.push(json!({
            "user": user, "id": id, "name": key.name, "added_at": added, "last_used_at": used,
        }));
        rows.push([id, user, added, used.unwrap_or_default(), key.name]);
    }
    let text = columns(["ID", "USER", "ADDED", "LAST USED", "NAME"], &rows);
    Ok(Output { text, json: values.into() })
}

/// Everybody's of these kinds, or those of `who`, each with the name of its owner.
pub(super) async fn owned(
    app: &App,
    kinds: &[FactorKind],
    who: Option<&str>,
) -> Result<Vec<(String, OwnKey)>, Failure> {
    let mut found = Vec::new();
    let keys = |user: &User, keys: Vec<OwnKey>| {
        let keys = keys.into_iter().filter(|key| kinds.contains(&key.kind));
        keys.map(|key| (user.username.to_string(), key)).collect::<Vec<_>>()
    };
    if let Some(who) = who {
        let user = find_user(&app.store, who).await?;
        let user = user.ok_or_else(|| AccountError::NoUser(who.to_owned()))?;
        return Ok(keys(&user, own_key::of_user(&app.store, &user).await?));
    }
    for factor in all::<Factor>(&app.store, |factor| kinds.contains(&factor.content.kind())).await? {
        if let Some(user) = app.store.get::<User>(&factor.user.to_string()).await? {
            found.extend(keys(&user, factor.content.keys()));
        }
    }
    Ok(found)
}

/// Takes the one that `is` says away from `who`, and tells them; `None` when they have none such.
pub(super) async fn take_away(
    app: &App,
    who: String,
    kinds: &[FactorKind],
    is: impl Fn(&OwnKey) -> bool,
) -> Result<Option<(Stored<User>, OwnKey)>, Failure> {
    let mut user = find_user(&app.store, &who).await?.ok_or(AccountError::NoUser(who))?;
    let keys = own_key::of_user(&app.store, &user).await?;
    let Some(key) = keys.into_iter().find(|key| kinds.contains(&key.kind) && is(key)) else {
        return Ok(None);
    };
    let Some(factor) = app.store.get::<Factor>(&factor::key(user.id, key.kind)).await? else {
        return Ok(None);
    };
    let Some((key, batch)) = own_key::remove(Batch::new(), &mut user, factor, key.id) else {
        return Ok(None);
    };
    let changed = Changed::named(removed(key.kind), &key.name);
    app.store.apply(notice_of_administrator(app, &user, changed, batch)).await?;
    app.notifier.ring();
    backchannel::person_left(app, user.id).await?;
    tracing::info!(
        target: "gantry::audit", event = "second_factor_removed", by = "administrator", user = %user.id, kind = key.kind.name(), key = key.name
    );
    Ok(Some((user, key)))
}
