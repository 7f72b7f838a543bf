//! The provider: a real listener on a free port, a store in a temporary folder, a clock that tests move.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use gantry::app::App;
use gantry::cli::admin::{self, Command, UserCommand};
use gantry::cli::arguments::{Arguments, Verb};
use gantry::cli::{Failure, Output};
use gantry::clock::{Clock, Timestamp};
use gantry::config;
use gantry::web::server::{Running, Socket};
use serde_json::Value;
use tempfile::TempDir;

use super::relying_party::Reply;
use super::{Browser, RelyingParty, logs};

/// The apps of nearly every test. `c1` is ours, `c2` asks for consent, `staff` lets only one group in.
const APPS: &str = r#"
  c1:
    redirect_uris: ["https://rp1.test/cb", "https://rp1.test/cb?keep=1", "https://rp1.test/app/cb"]
    first_party: true
  c2:
    title: Second App
    redirect_uris: ["https://rp2.test/cb"]
    access: [{ group: everyone, policy: standard }]
  p1:
    client: public
    redirect_uris: ["http://127.0.0.1/cb"]
    origins: ["https://spa.test"]
    first_party: true
  staff:
    redirect_uris: ["https://staff.test/cb"]
    first_party: true
    access: [{ group: staff, policy: standard }]
  chat:
    preset: rocketchat
    url: https://chat.test
"#;

/// When every test begins.
const BEGIN: i64 = 1_800_000_000;

/// How a provider is set up.
pub(crate) struct Setup {
    tls: bool,
    apps: String,
    settings: String,
    argon2id: &'static str,
    data_dir: PathBuf,
    workers: usize,
}

impl Setup {
    /// Plain HTTP, with the tests as the trusted proxy: they choose from which address a browser comes.
    pub(crate) fn behind_proxy(mut self) -> Self {
        self.tls = false;
        self
    }

    /// Requests are really answered beside each other.
    pub(crate) fn with_workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// More apps.
    pub(crate) fn with_apps(mut self, apps: &str) -> Self {
        self.apps.push_str(apps.trim_start_matches('\n'));
        self
    }

    /// Further settings of the whole, each line ended.
    pub(crate) fn with_settings(mut self, settings: &str) -> Self {
        self.settings.push_str(settings);
        self
    }

    /// Data elsewhere than beside the configuration.
    pub(crate) fn keeping_data_in(mut self, data_dir: &Path) -> Self {
        self.data_dir = data_dir.into();
        self
    }

    /// Every check of a password takes a while.
    pub(crate) fn hashing_slowly(mut self) -> Self {
        self.argon2id = "{ memory_kib: 65536, iterations: 2, parallelism: 1 }";
        self
    }

    pub(crate) async fn start(self) -> TestIdp {
        gantry::install_crypto();
        logs::start();
        let dir = tempfile::tempdir().expect("temporary folder");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("address").port();
        let path = dir.path().join("gantry.yaml");
        std::fs::write(&path, self.yaml(port)).expect("configuration file");
        let loaded = config::load(&path).expect("configuration");
        let clock = Clock::manual(Timestamp::from_seconds(BEGIN));
        let app = App::open(loaded.config, &path, clock.clone()).await.expect("app");
        let running = Running::start(&app, Socket::Tcp(listener), Some(self.workers)).expect("service");
        let certificate =
            self.tls.then(|| std::fs::read(app.config().data_dir.join("tls/ca.pem")).expect("certificate"));
        let issuer = format!("https://localhost:{port}");
        let http = client(certificate.as_deref(), port);
        TestIdp { app, issuer, port, clock, certificate, http, path, running: Some(running), _dir: dir }
    }

    fn yaml(&self, port: u16) -> String {
        let access = "    access: [{ group: everyone, policy: standard }]\n";
        // Whatever app says nothing about access is for everyone.
        let mut apps = String::new();
        for app in split_apps(&self.apps) {
            apps.push_str(&app);
            if !app.contains("access:") {
                apps.push_str(access);
            }
        }
        let edge = if self.tls {
            "tls: { self_signed: {} }"
        } else {
            "tls: { off: {} }\ntrusted_proxies: [127.0.0.1/32]"
        };
        format!(
            "issuer: https://localhost:{port}\nlisten: 127.0.0.1:{port}\ndata_dir: {}\n{edge}\n{}\
             passwords: {{ hash: {{ argon2id: {} }} }}\napps:\n{apps}",
            self.data_dir.display(),
            self.settings,
            self.argon2id
        )
    }
}

/// The YAML of each app: its name stands at two spaces.
fn split_apps(yaml: &str) -> Vec<String> {
    let mut apps: Vec<String> = Vec::new();
    for line in yaml.lines().filter(|line| !line.trim().is_empty()) {
        if !line.starts_with("   ") {
            apps.push(String::new());
        }
        let app = apps.last_mut().expect("an app's name comes first");
        app.push_str(line);
        app.push('\n');
    }
    apps
}

/// A client without proxy and redirects that trusts this certificate and no other.
pub(crate) fn client(certificate: Option<&[u8]>, port: u16) -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .resolve("localhost", std::net::SocketAddr::from(([127, 0, 0, 1], port)))
        .timeout(Duration::from_secs(60));
    let trusted = certificate.map(|pem| reqwest::Certificate::from_pem(pem).expect("certificate"));
    builder.tls_certs_only(trusted).build().expect("client")
}

/// A running provider. Dropping it stops the service.
pub(crate) struct TestIdp {
    pub(crate) app: Arc<App>,
    pub(crate) issuer: String,
    pub(crate) port: u16,
    pub(crate) clock: Clock,
    /// PEM; `None` behind a proxy.
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) http: reqwest::Client,
    pub(crate) path: PathBuf,
    running: Option<Running>,
    _dir: TempDir,
}

impl Drop for TestIdp {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            // Its threads end by themselves; nobody waits for them.
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("runtime").block_on(running.stop());
            });
        }
    }
}

impl TestIdp {
    /// The usual set-up, with TLS.
    pub(crate) async fn start() -> Self {
        Self::setup().start().await
    }

    pub(crate) fn setup() -> Setup {
        Setup {
            tls: true,
            apps: APPS.to_owned(),
            settings: String::new(),
            argon2id: "{ memory_kib: 8192, iterations: 1, parallelism: 1 }",
            data_dir: "data".into(),
            workers: 1,
        }
    }

    /// A browser that has never been here.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self)
    }

    /// An app of the configuration.
    pub(crate) async fn relying_party(&self, client_id: &str) -> RelyingParty {
        RelyingParty::new(self, client_id).await
    }

    /// Somebody new, with the e-mail address `<name>@example.org`.
    pub(crate) fn user(&self, name: &str) -> NewUser<'_> {
        NewUser { idp: self, name: name.to_owned(), options: String::new() }
    }

    /// An address of this provider, as it is reached from here.
    pub(crate) fn at(&self, path: &str) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}{path}", self.port)
    }

    /// GET without cookies.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::of(self.forwarded(self.http.get(self.at(path)))).await
    }

    /// What a proxy in front adds.
    pub(crate) fn forwarded(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        if self.certificate.is_some() { request } else { request.header("x-forwarded-proto", "https") }
    }

    /// `gantry <words>`, which must go well; gives what `--json` prints.
    pub(crate) async fn gantry(&self, words: &str) -> Value {
        self.try_gantry(words, None).await.expect(words).json
    }

    /// The same, with a password where the command asks for one.
    pub(crate) async fn gantry_typing(&self, words: &str, password: &str) -> Value {
        self.try_gantry(words, Some(password)).await.expect(words).json
    }

    pub(crate) async fn try_gantry(&self, words: &str, typed: Option<&str>) -> Result<Output, Failure> {
        let arguments = Arguments::try_parse_from(std::iter::once("gantry").chain(words.split_whitespace()));
        let Verb::Admin(mut command) = arguments.expect(words).verb else {
            panic!("no command on data: {words}")
        };
        if let Command::User(
            UserCommand::Add { password, .. } | UserCommand::ResetPassword { password, .. },
        ) = &mut command
        {
            *password = typed.map(str::to_owned);
        }
        admin::execute(&self.app, command).await
    }

    /// Changes the configuration file and reads it again.
    pub(crate) async fn edit(&self, change: impl FnOnce(String) -> String) -> Result<Vec<String>, String> {
        let old = std::fs::read_to_string(&self.path).expect("configuration file");
        std::fs::write(&self.path, change(old)).expect("configuration file");
        self.app.reload().await.map_err(|error| error.to_string())
    }

    /// Takes an app out of the configuration file.
    pub(crate) async fn remove_app(&self, name: &str) {
        let without = |yaml: String| {
            let (head, apps) = yaml.split_once("apps:\n").expect("apps");
            let heading = format!("  {name}:\n");
            let kept: String =
                split_apps(apps).into_iter().filter(|app| !app.starts_with(&heading)).collect();
            format!("{head}apps:\n{kept}")
        };
        self.edit(without).await.expect("still a good configuration");
        assert!(!self.app.config().apps.contains_key(name));
    }
}

/// A person who is about to get an account.
pub(crate) struct NewUser<'a> {
    idp: &'a TestIdp,
    name: String,
    options: String,
}

impl NewUser<'_> {
    /// Further options of `gantry user add`.
    pub(crate) fn with(mut self, options: &str) -> Self {
        self.options = format!("{} {options}", self.options);
        self
    }

    pub(crate) async fn create(self) -> TestUser {
        let name = &self.name;
        let password = format!("{name}'s quiet horse & staple");
        let email = if self.options.contains("--email") {
            String::new()
        } else {
            format!("--email {name}@example.org")
        };
        let words = format!("user add {name} {email} {}", self.options);
        let made = self.idp.gantry_typing(&words, &password).await;
        let id = made["id"].as_str().expect("id").to_owned();
        TestUser { username: self.name, password, id }
    }
}

/// Somebody with an account.
#[derive(Debug, Clone)]
pub(crate) struct TestUser {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) id: String,
}

impl TestUser {
    /// The same person with another password in mind.
    pub(crate) fn typing(&self, password: &str) -> Self {
        Self { password: password.to_owned(), ..self.clone() }
    }
}
