//! `gantry rocketchat …`: what Rocket.Chat has to be told.

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::admin::{client_secret, send_test};
use super::{Failure, Output, table};
use crate::app::App;
use crate::config::{self, Config, Preset};
use crate::notify::Channel;

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum RocketchatCommand {
    /// Print the settings of Rocket.Chat, as a table for its administration pages and as environment variables
    Env {
        /// The app, when several are for Rocket.Chat
        app: Option<String>,
    },
    /// Write a direct message once, now, and print what Rocket.Chat says
    Test {
        /// Whom to write to: their name in Rocket.Chat
        #[arg(long, value_name = "NAME")]
        to: String,
    },
}

/// One setting: suffix of the settings table, suffix of the environment variable, value.
struct Setting {
    id: &'static str,
    env: &'static str,
    value: String,
}

/// Carries out `command`.
pub async fn execute(app: &App, command: RocketchatCommand) -> Result<Output, Failure> {
    match command {
        RocketchatCommand::Env { app: name } => env(app, name.as_deref()).await,
        RocketchatCommand::Test { to } => send_test(app, Channel::Rocketchat, to).await,
    }
}

async fn env(app: &App, name: Option<&str>) -> Result<Output, Failure> {
    let config = app.config();
    let chat = chosen(&config, name)?;
    let service = service(chat)?;
    let missing = || Failure::new(format!("{} has no client secret", chat.client_id));
    let secret = client_secret(app, &chat.client_id).await?.ok_or_else(missing)?;
    let settings = settings(&config, chat, &secret);
    Ok(Output { text: text(&service, &settings), json: as_json(&service, &settings) })
}

fn chosen<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a config::App, Failure> {
    let mut chats = config.apps.values().filter(|app| app.preset == Some(Preset::Rocketchat));
    let chat = match name {
        Some(name) => chats.find(|app| app.client_id == name),
        None => chats.next(),
    };
    chat.ok_or_else(|| {
        Failure::new("no app has the preset rocketchat")
            .hint("add to the configuration: apps: { rocketchat: { preset: rocketchat, url: https://chat.example.org, access: [{ group: everyone, policy: standard }] } }")
    })
}

/// The service's name in Rocket.Chat, from the redirect URI `<url>/_oauth/<name>`.
fn service(chat: &config::App) -> Result<String, Failure> {
    let name = chat.redirect_uris.iter().find_map(|uri| uri.split_once("/_oauth/").map(|(_, name)| name));
    let name = name.ok_or_else(|| Failure::new("the app has no redirect URI of Rocket.Chat"))?;
    Ok(name.trim_end_matches("?close").to_owned())
}

fn settings(config: &Config, chat: &config::App, secret: &str) -> Vec<Setting> {
    let fixed = [
        ("", "", "true"),
        ("-url", "_url", config.issuer.as_str()),
        ("-authorize_path", "_authorize_path", "/oauth2/authorize"),
        ("-token_path", "_token_path", "/oauth2/token"),
        ("-identity_path", "_identity_path", "/oauth2/userinfo"),
        ("-token_sent_via", "_token_sent_via", "payload"),
        ("-identity_token_sent_via", "_identity_token_sent_via", "header"),
        ("-access_token_param", "_access_token_param", "access_token"),
        ("-scope", "_scope", "openid profile email groups roles"),
        ("-id", "_id", chat.client_id.as_str()),
        ("-secret", "_secret", secret),
        ("-login_style", "_login_style", "redirect"),
        ("-button_label_text", "_button_label_text", config.organisation.name.as_str()),
        ("-key_field", "_key_field", "username"),
        ("-username_field", "_username_field", "preferred_username"),
        ("-email_field", "_email_field", "email"),
        ("-name_field", "_name_field", "name"),
        ("-avatar_field", "_avatar_field", "picture"),
        ("-roles_claim", "_roles_claim", "roles"),
        ("-groups_claim", "_groups_claim", "groups"),
        ("-merge_users", "_merge_users", "true"),
        ("-merge_users_distinct_services", "_merge_users_distinct_services", "false"),
        ("-show_button", "_show_button", "true"),
    ];
    fixed.into_iter().map(|(id, env, value)| Setting { id, env, value: value.to_owned() }).collect()
}

/// Settings around the service, without which people meet a second code or a second form.
const AROUND: [(&str, &str); 4] = [
    ("Accounts_RegistrationForm", "Disabled"),
    ("Accounts_Registration_AuthenticationServices_Enabled", "true"),
    ("Accounts_TwoFactorAuthentication_By_Email_Auto_Opt_In", "false"),
    ("Accounts_twoFactorAuthentication_email_available_for_OAuth_users", "false"),
];

fn prefix(service: &str) -> String {
    let mut letters = service.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn text(service: &str, settings: &[Setting]) -> String {
    let name = prefix(service);
    let id = |setting: &Setting| format!("Accounts_OAuth_Custom-{name}{}", setting.id);
    let around = AROUND.iter().map(|(id, value)| [(*id).to_owned(), (*value).to_owned()]);
    let rows: Vec<[String; 2]> =
        settings.iter().map(|setting| [id(setting), setting.value.clone()]).chain(around).collect();
    let mut text = table::columns(["SETTING", "VALUE"], &rows);
    text.push_str(
        "\n# The same as environment variables of Rocket.Chat. They count when the service is first made;\n",
    );
    text.push_str(
        "# put OVERWRITE_SETTING_<setting>=<value> beside them to change a value that is in the database.\n",
    );
    for (variable, value) in environment(&name, settings) {
        text.extend([variable.as_str(), "=", value.as_str(), "\n"]);
    }
    text
}

/// Underscores where settings have a hyphen; values as an env file takes them.
fn environment(name: &str, settings: &[Setting]) -> Vec<(String, String)> {
    let own = settings
        .iter()
        .map(|setting| (format!("Accounts_OAuth_Custom_{name}{}", setting.env), setting.value.clone()));
    let around = AROUND.iter().map(|(id, value)| (format!("OVERWRITE_SETTING_{id}"), (*value).to_owned()));
    own.chain(around).collect()
}

fn as_json(service: &str, settings: &[Setting]) -> Value {
    let name = prefix(service);
    let table: Map<String, Value> = settings
        .iter()
        .map(|setting| (format!("Accounts_OAuth_Custom-{name}{}", setting.id), json!(setting.value)))
        .chain(AROUND.iter().map(|(id, value)| ((*id).to_owned(), json!(value))))
        .collect();
    let environment: Map<String, Value> =
        environment(&name, settings).into_iter().map(|(name, value)| (name, json!(value))).collect();
    json!({ "service": service, "settings": table, "environment": environment })
}
