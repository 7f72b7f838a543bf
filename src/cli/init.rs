//! `gantry init`: a first configuration, keys, and an administrator.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::admin::{self, Command, GroupCommand, UserCommand};
use super::arguments::InitOptions;
use super::{Failure, prompt};
use crate::account::{AccountError, Group, Username};
use crate::app::App;
use crate::config::{self, Config};

/// The group of the administrators, as the file names it.
const ADMINS: &str = "admins";

/// What goes into the file.
pub(crate) struct Answers<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) listen: &'a str,
    pub(crate) data_dir: &'a Path,
    pub(crate) rocketchat: &'a str,
    pub(crate) organisation: &'a str,
}

/// Asks for everything, writes the file, opens the store once so that keys exist, and adds the administrator.
pub(crate) fn init(path: &Path, options: &InitOptions) -> Result<(), Failure> {
    if path.exists() {
        let failure = Failure::new(format!("{} exists already", path.display()));
        return Err(failure.hint("nothing was changed; edit the file, then run gantry check"));
    }
    let ask = !options.yes && io::stdin().is_terminal();
    let issuer =
        answer(ask, "Public address of gantry", options.issuer.as_deref(), "https://id.example.org")?;
    let listen = answer(ask, "Listen on", options.listen.as_deref(), "0.0.0.0:443")?;
    let chat =
        answer(ask, "Address of Rocket.Chat", options.rocketchat.as_deref(), "https://chat.example.org")?;
    let answers = Answers {
        issuer: issuer.trim_end_matches('/'),
        listen: &listen,
        data_dir: &options.data_dir,
        rocketchat: chat.trim_end_matches('/'),
        organisation: "Our Team",
    };
    let text = file(&answers);
    let name = path.display().to_string();
    let checked = config::parse(&name, &text, path.parent().unwrap_or(Path::new("/")));
    let loaded =
        checked.map_err(|error| Failure::new(error).hint("nothing was written; give other answers"))?;
    let admin = options.admin.as_deref().map(|name| Admin::ask(name, &loaded.config)).transpose()?;
    write_new(path, &text)?;
    println!("wrote {name}");
    let made = super::runtime()?.block_on(async {
        let app = super::open(loaded.config, path).await?;
        println!("made keys and store in {}", options.data_dir.display());
        match admin {
            Some(admin) => admin.make(&app).await,
            None => Ok(()),
        }
    });
    if made.is_err() {
        // Half an installation would not be completed by a second try: what exists is never written over.
        let _ = fs::remove_file(path);
        println!("removed {name} again");
    }
    made?;
    println!("\nnext: gantry check --config {name} && gantry serve --config {name}");
    Ok(())
}

/// The first administrator, who can be made.
struct Admin {
    username: Username,
    password: String,
}

impl Admin {
    fn ask(username: &str, config: &Config) -> Result<Self, Failure> {
        let username: Username = username.parse().map_err(AccountError::from)?;
        let password = prompt::new_password(username.as_str())?;
        admin::check_password(&password, config)?;
        Ok(Self { username, password })
    }

    async fn make(self, app: &App) -> Result<(), Failure> {
        // It is there already where a store outlived its configuration.
        if app.store.get::<Group>(ADMINS).await?.is_none() {
            let add: GroupCommand = serde_json::from_value(serde_json::json!({
                "Add": { "name": ADMINS, "description": "may administrate gantry", "roles": ["admin"] }
            }))
            .map_err(Failure::new)?;
            admin::execute(app, Command::Group(add)).await?;
        }
        let Self { username, password } = self;
        let user: UserCommand = serde_json::from_value(serde_json::json!({ "Add": {
            "username": username, "name": null, "email": { "email": null, "unverified": false },
            "groups": [ADMINS], "roles": [], "without_password": false, "password": password,
        }}))
        .map_err(Failure::new)?;
        let added = admin::execute(app, Command::User(user)).await?;
        let who = username.to_string();
        let codes = admin::execute(app, Command::User(UserCommand::BreakGlass { who })).await?;
        print!("{}{}", added.text, codes.text);
        Ok(())
    }
}

fn answer(ask: bool, question: &str, given: Option<&str>, default: &str) -> Result<String, Failure> {
    match given {
        Some(given) => Ok(given.to_owned()),
        None if ask => prompt::line(question, default),
        None => Ok(default.to_owned()),
    }
}

/// Makes a file that nobody else may read, never over another.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let fail = |error: io::Error| {
        Failure::new(format!("cannot write {}: {error}", path.display()))
            .hint("is the folder there, and yours?")
    };
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        fs::create_dir_all(dir).map_err(fail)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(path).map_err(fail)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)
}

const CERTIFICATE: &str = "\
# A certificate of our own making. With a real one:
#   tls: { files: { certificate: fullchain.pem, key: privkey.pem } }
# Behind a reverse proxy that speaks TLS:
#   tls: { off: {} }
#   trusted_proxies: [127.0.0.1/32]
tls: { self_signed: {} }";

const PROXY: &str = "\
# Whoever may connect to the socket is a reverse proxy that speaks TLS.
tls: { off: {} }";

/// The text of a first configuration.
pub(crate) fn file(answers: &Answers<'_>) -> String {
    let Answers { issuer, listen, data_dir, rocketchat, organisation } = answers;
    let data_dir = data_dir.display();
    let tls = if listen.starts_with("unix:") { PROXY } else { CERTIFICATE };
    format!(
        "\
# Gantry. Say `gantry check` after a change; a running service takes it by itself and keeps the old
# configuration when something is wrong. config.example.yaml explains every key.

# The public address. Everything else derives from it; tokens name it.
issuer: {issuer}
listen: {listen}
data_dir: {data_dir}

{tls}

organisation:
  name: {organisation}
  languages: [en, de]

# Each app and who may use it; the first entry whose group a person is in decides.
apps:
  rocketchat:
    preset: rocketchat
    title: Rocket.Chat
    url: {rocketchat}
    access:
      - {{ group: everyone, policy: standard }}

policies:
  standard: {{ first_factor: password }}

admin: {{ group: {ADMINS} }}
"
    )
}
