//! `gantry app …`

use std::time::Duration;

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{done, list};
use crate::account::{AccountError, User, find_user};
use crate::app::App;
use crate::cli::table::{columns, facts};
use crate::cli::{Failure, Output};
use crate::config::{self, ClientKind, Config};
use crate::oauth::claims::{self, ClaimsRequest};
use crate::oauth::client::Client;
use crate::oauth::grant::{Grant, Permission};
use crate::oauth::issue::{Beside, Issue};
use crate::oauth::registration::{self, Invitation};
use crate::oauth::subject;
use crate::oauth::vocabulary::{Authentication, Scopes};
use crate::policy;
use crate::secret::Id;
use crate::store::Batch;

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum AppCommand {
    /// List apps
    List,
    /// Show an app
    Show {
        app: String,
        /// Print the client secret too
        #[arg(long)]
        secret: bool,
    },
    /// Make a new client secret; the old one stops working at once
    RotateSecret { app: String },
    /// Print an initial access token, with which apps register themselves (RFC 7591)
    Invite {
        /// Apps that may register with it
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
        uses: u32,
        /// Days until it ends
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=365))]
        days: u32,
    },
    /// Take out an app that registered itself
    Remove { app: String },
    /// Show the ID token and userinfo that a person would give the app
    Preview {
        app: String,
        user: String,
        /// Scopes asked for; all that the app may ask for unless given
        #[arg(long)]
        scope: Option<String>,
    },
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, command: AppCommand) -> Result<Output, Failure> {
    let config = app.config();
    match command {
        AppCommand::List => Ok(listing(&config)),
        AppCommand::Show { app: name, secret } => show(app, &config, &name, secret).await,
        AppCommand::RotateSecret { app: name } => rotate_secret(app, &config, &name).await,
        AppCommand::Invite { uses, days } => invite(app, &config, uses, days).await,
        AppCommand::Remove { app: name } => remove(app, known(&config, &name)?).await,
        AppCommand::Preview { app: name, user, scope } => {
            preview(app, &config, known(&config, &name)?, &user, scope.as_deref()).await
        }
    }
}

/// The app called `name`, or what to do about there being none.
pub(super) fn known<'a>(config: &'a Config, name: &str) -> Result<&'a config::App, Failure> {
    let missing = || {
        Failure::new(format!("there is no app {name}"))
            .hint("apps stand in the configuration file; gantry app list shows them")
    };
    config.apps.get(name).ok_or_else(missing)
}

/// The client secret of a confidential app.
pub async fn secret(app: &App, client_id: &str) -> Result<Option<String>, Failure> {
    let Some(client) = app.store.get::<Client>(client_id).await? else {
        return Ok(None);
    };
    let secret = client.secret(app.keys.master()).map_err(Failure::new)?;
    tracing::info!(target: "gantry::audit", event = "client_secret_shown", client = client_id);
    Ok(Some(secret.expose().to_owned()))
}

fn listing(config: &Config) -> Output {
    let row = |app: &config::App| {
        [
            app.client_id.clone(),
            app.title.clone(),
            kind(app).to_owned(),
            list(app.access.iter().map(|access| format!("{}: {}", access.group, access.policy))),
        ]
    };
    let rows: Vec<_> = config.apps.values().map(row).collect();
    let json = config.apps.values().map(view).collect();
    Output { text: columns(["APP", "TITLE", "CLIENT", "ACCESS"], &rows), json }
}

async fn show(app: &App, config: &Config, name: &str, with_secret: bool) -> Result<Output, Failure> {
    let known = known(config, name)?;
    let mut lines = vec![
        ("client id", known.client_id.clone()),
        ("title", known.title.clone()),
        ("client", kind(known).to_owned()),
        ("redirect URIs", list(&known.redirect_uris)),
        ("scopes", list(&known.scopes)),
        ("access", list(known.access.iter().map(|access| format!("{}: {}", access.group, access.policy)))),
        ("first party", known.first_party.to_string()),
    ];
    let mut json = view(known);
    if with_secret {
        let secret = secret(app, &known.client_id).await?;
        lines.push((
            "client secret",
            secret.clone().unwrap_or_else(|| "none: this client is public".to_owned()),
        ));
        if let Some(object) = json.as_object_mut() {
            object.insert("client_secret".to_owned(), json!(secret));
        }
    }
    Ok(Output { text: facts(&lines), json })
}

async fn rotate_secret(app: &App, config: &Config, name: &str) -> Result<Output, Failure> {
    let known = known(config, name)?;
    if known.kind == ClientKind::Public {
        return Err(Failure::new(format!("{name} is a public client and has no secret")));
    }
    let client = Client::generate(&known.client_id, app.keys.master(), app.clock.now());
    app.store.apply(Batch::new().put(&client)).await?;
    tracing::info!(target: "gantry::audit", event = "client_secret_rotated", client = known.client_id);
    let secret = secret(app, &known.client_id).await?;
    let text = format!("the new client secret of {name} is {}", secret.clone().unwrap_or_default());
    Ok(done(text, json!({ "client_id": known.client_id, "client_secret": secret })))
}

async fn invite(app: &App, config: &Config, uses: u32, days: u32) -> Result<Output, Failure> {
    if config.app_registration.access.is_empty() {
        return Err(Failure::new("apps may not register themselves")
            .hint("say who may use them in app_registration.access"));
    }
    let now = app.clock.now();
    let (invitation, token) =
        Invitation::new(now, uses, now + Duration::from_secs(u64::from(days) * 24 * 3600));
    app.store.apply(Batch::new().insert(&invitation)).await?;
    tracing::info!(target: "gantry::audit", event = "apps_invited", uses, days);
    let endpoint = format!("{}/oauth2/register", config.issuer);
    let text = format!(
        "initial access token: {}\nfor {uses} app(s) at {endpoint}, within {days} day(s)",
        token.reveal()
    );
    Ok(done(text, json!({ "token": token.reveal(), "endpoint": endpoint, "uses": uses })))
}

async fn remove(app: &App, known: &config::App) -> Result<Output, Failure> {
    let name = &known.client_id;
    if !registration::is_registered(&app.store, name).await? {
        return Err(Failure::new(format!("{name} did not register itself"))
            .hint("take it out of the configuration file"));
    }
    registration::withdraw(app, name).await?;
    tracing::info!(target: "gantry::audit", event = "app_removed", client = name);
    Ok(done(format!("removed {name}"), json!({ "client_id": name })))
}

/// Made by the very code that answers the app, with a grant that is never stored.
async fn preview(
    app: &App,
    config: &Config,
    known: &config::App,
    who: &str,
    scope: Option<&str>,
) -> Result<Output, Failure> {
    let user = find_user(&app.store, who).await?.ok_or_else(|| AccountError::NoUser(who.to_owned()))?;
    let decision = policy::evaluate(known, &user.groups);
    let asked =
        scope.map_or_else(|| known.scopes.iter().cloned().collect::<Vec<_>>().join(" "), str::to_owned);
    let scopes =
        Scopes::parse(&asked).ok_or_else(|| Failure::new("the scope is malformed"))?.within(&known.scopes);
    let grant = imagined(app, known, &user, scopes.clone());
    let now = app.clock.now();
    let issue = Issue {
        config,
        client: known,
        grant: &grant,
        user: &user,
        scope: scopes.to_text(),
        nonce: None,
        now,
        holder: None,
    };
    let id_token = issue.id_token_claims(app, Beside::AccessToken("")).await.map_err(Failure::new)?;
    let roles = claims::roles(&app.store, &user).await?;
    let subject = subject::of(app.keys.master(), known, user.id);
    let userinfo = claims::told(known, &subject, &user, grant.claims.of_userinfo(&scopes), &roles);
    let json =
        json!({ "access": decision, "active": user.is_active(), "id_token": id_token, "userinfo": userinfo });
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let text = format!(
        "access:\n  {}\n\nID token:\n{}\n\nuserinfo:\n{}\n",
        decision.trace.join("\n  "),
        pretty(&Value::Object(id_token)),
        pretty(&Value::Object(userinfo))
    );
    Ok(Output { text, json })
}

fn imagined(app: &App, known: &config::App, user: &User, scopes: Scopes) -> Grant {
    let now = app.clock.now();
    let permission = Permission {
        scopes,
        claims: ClaimsRequest::default(),
        resource: None,
        user: user.id,
        epoch: user.epoch,
        session: Some(Id::new(now)),
        authentication: Authentication::by(&["pwd"], now),
    };
    Grant::new(known, permission, now)
}

const fn kind(app: &config::App) -> &'static str {
    match app.kind {
        ClientKind::Confidential => "confidential",
        ClientKind::Public => "public",
    }
}

fn view(app: &config::App) -> Value {
    let access: Vec<Value> =
        app.access.iter().map(|access| json!({ "group": access.group, "policy": access.policy })).collect();
    json!({
        "client_id": app.client_id,
        "title": app.title,
        "client": app.kind,
        "redirect_uris": app.redirect_uris,
        "scopes": app.scopes,
        "grants": app.grants,
        "pkce": app.pkce,
        "first_party": app.first_party,
        "access": access,
    })
}
