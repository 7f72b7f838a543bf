//! `gantry try`: everything in one folder, ready to be clicked through.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::admin::{self, Command, UserCommand};
use super::arguments::TryOptions;
use super::init::{Answers, file, write_new};
use super::{Failure, serve};
use crate::app::App;
use crate::secret::random_text;
use crate::web::tls::own_authority;

const USER: &str = "alice";
const CHAT: &str = "https://chat.example.org";
const CLIENT: &str = "rocketchat";

/// Prepares the folder, on a second run with what is in it, and serves until stopped.
pub(crate) fn run(options: &TryOptions) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::new(format!("{}: {error}", options.dir.display()));
    fs::create_dir_all(&options.dir).map_err(fail)?;
    let dir = fs::canonicalize(&options.dir).map_err(fail)?;
    let path = configuration(&dir, options.port)?;
    let runtime = super::runtime()?;
    runtime.block_on(async {
        let service = serve::Service::start(&path).await?;
        let facts = prepare(&service.app, &dir).await?;
        announce(&service.app, &facts).await?;
        service.run().await;
        println!("\nstopped; the data is kept in {}", dir.display());
        Ok(())
    })
}

/// The trial's configuration, with the port of this run.
fn configuration(dir: &Path, port: u16) -> Result<PathBuf, Failure> {
    let path = dir.join("gantry.yaml");
    let issuer = format!("https://localhost:{port}");
    let listen = format!("127.0.0.1:{port}");
    if !path.exists() {
        let data_dir = dir.join("data");
        let answers = Answers {
            issuer: &issuer,
            listen: &listen,
            data_dir: &data_dir,
            rocketchat: CHAT,
            organisation: "Gantry Trial",
        };
        write_new(&path, &file(&answers))?;
        return Ok(path);
    }
    let text = fs::read_to_string(&path).map_err(Failure::new)?;
    let line = |line: &str| match line.split_once(':') {
        Some(("issuer", _)) => format!("issuer: {issuer}\n"),
        Some(("listen", _)) => format!("listen: {listen}\n"),
        _ => format!("{line}\n"),
    };
    let moved: String = text.lines().map(line).collect();
    if moved != text {
        fs::write(&path, moved).map_err(Failure::new)?;
    }
    Ok(path)
}

/// One user, whose password is known from `try.json` on a second run, and the facts for scripts.
async fn prepare(app: &App, dir: &Path) -> Result<Value, Failure> {
    let path = dir.join("try.json");
    let known: Option<Value> =
        fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str(&text).ok());
    let password = known.as_ref().and_then(|facts| facts.get("password")?.as_str()).map(str::to_owned);
    let missing = crate::account::find_user(&app.store, USER).await?.is_none();
    let password = match password.filter(|_| !missing) {
        Some(password) => password,
        None => new_user(app, missing).await?,
    };
    let config = app.config();
    let show = admin::AppCommand::Show { app: CLIENT.to_owned(), secret: true };
    let shown = admin::execute(app, Command::App(show)).await?;
    let facts = json!({
        "url": config.issuer,
        "username": USER,
        "password": password,
        "client_id": CLIENT,
        "client_secret": shown.json.get("client_secret"),
        "redirect_uri": format!("{CHAT}/_oauth/gantry"),
        "ca": own_authority(&config.data_dir),
        "config": app.config_path(),
    });
    write_private(&path, &format!("{facts:#}\n"))?;
    Ok(facts)
}

async fn new_user(app: &App, missing: bool) -> Result<String, Failure> {
    let password = random_text::<9>();
    let command = if missing {
        json!({ "Add": {
            "username": USER, "name": "Alice Example",
            "email": { "email": "alice@example.org", "unverified": false },
            "groups": [], "roles": [], "without_password": false, "password": password,
        }})
    } else {
        json!({ "ResetPassword": { "who": USER, "password": password } })
    };
    let command: UserCommand = serde_json::from_value(command).map_err(Failure::new)?;
    admin::execute(app, Command::User(command)).await?;
    Ok(password)
}

fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut options = fs::OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(path).map_err(Failure::new)?;
    file.write_all(text.as_bytes()).map_err(Failure::new)
}

async fn announce(app: &App, facts: &Value) -> Result<(), Failure> {
    let fact = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let chat = super::rocketchat::RocketchatCommand::Env { app: None };
    let settings = admin::execute(app, Command::Rocketchat(chat)).await?;
    println!("{}", settings.text);
    println!("Open      {}", fact("url"));
    println!("User      {}", fact("username"));
    println!("Password  {}", fact("password"));
    println!("CA file   {}   (self-signed: the browser will ask once)", fact("ca"));
    println!("Letters   {}   (there is no mail server)", app.config().data_dir.join("mail").display());
    println!("\nThe settings for Rocket.Chat stand above. Ctrl-C stops; the next run finds its data again.");
    Ok(())
}
