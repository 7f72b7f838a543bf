//! `gantry serve`: start in the right order, reload, stop.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use super::{Failure, refusal, remote};
use crate::app::App;
use crate::clock::Clock;
use crate::config::{self, LogFormat};
use crate::maintenance;
use crate::notify;
use crate::oauth::backchannel;
use crate::web::server::{Running, ServeError, Socket};
use crate::web::tls::{self, TLS_HINT};

/// How often files that change without notice, such as certificates, are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// A service that has started.
pub(crate) struct Service {
    pub(crate) app: Arc<App>,
    running: Running,
    admin_socket: PathBuf,
    /// What was said last about the certificate.
    objections: Mutex<Vec<String>>,
}

/// Runs until a signal says stop.
pub(crate) fn serve(path: &Path) -> Result<(), Failure> {
    super::runtime()?.block_on(async {
        let service = Service::start(path).await?;
        service.run().await;
        Ok(())
    })
}

impl Service {
    /// Configuration, socket, store, HTTP, admin socket: each only when the one before it is good.
    pub(crate) async fn start(path: &Path) -> Result<Self, Failure> {
        let config = super::load(path)?;
        start_logging(&config.log)?;
        let socket = Socket::bind(&config).map_err(|error| not_listening(&error))?;
        let app = App::open(config, path, Clock::system()).await.map_err(|error| refusal(&error))?;
        let config = app.config();
        let running = Running::start(&app, socket, None).map_err(|error| not_listening(&error))?;
        let admin_socket = remote::socket_path(&config.data_dir);
        let listener = remote::listen(&admin_socket)
            .map_err(|error| Failure::new(format!("the admin socket {}: {error}", admin_socket.display())))?;
        tokio::spawn(remote::serve(Arc::clone(&app), listener, admin_socket.clone()));
        tokio::spawn(maintenance::run(Arc::clone(&app)));
        tokio::spawn(backchannel::run(Arc::clone(&app)));
        tokio::spawn(notify::run(Arc::clone(&app)));
        let service = Self { app, running, admin_socket, objections: Mutex::default() };
        service.examine_certificate();
        Ok(service)
    }

    /// Reloads when asked or when the file changes; returns when it is time to stop.
    pub(crate) async fn run(self) {
        if let Err(error) = self.until_stopped().await {
            tracing::error!(%error, "signals cannot be heard");
        }
        tell_systemd(&[NotifyState::Stopping]);
        tracing::info!("gantry stops");
        self.running.stop().await;
        // Threads that still hold the store are not waited for.
        if let Err(error) = self.app.store.flush().await {
            tracing::error!(%error, "what came last may be lost");
        }
        let _ = std::fs::remove_file(&self.admin_socket);
    }

    async fn until_stopped(&self) -> std::io::Result<()> {
        let (tell, mut changes) = mpsc::channel(1);
        let watcher = config::watch::watch(self.app.config_path().to_owned(), move || {
            // A full channel means that a reload is waiting already.
            let _ = tell.try_send(());
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "changes of the configuration file are not noticed; SIGHUP reloads it");
        }
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut alive = tokio::time::interval(watchdog().unwrap_or(LOOK_EVERY) / 2);
        let mut look = tokio::time::interval(LOOK_EVERY);
        // Not before: a signal that nobody hears yet would end it at once.
        let issuer = &self.app.config().issuer;
        tracing::info!(issuer, version = env!("CARGO_PKG_VERSION"), "gantry is ready");
        tell_systemd(&[NotifyState::Ready]);
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hangup.recv() => self.reload().await,
                Some(()) = changes.recv() => self.reload().await,
                _ = alive.tick() => tell_systemd(&[NotifyState::Watchdog]),
                _ = look.tick() => self.look_around(),
            }
        }
    }

    async fn reload(&self) {
        match self.app.reload().await {
            Ok(needs_restart) if needs_restart.is_empty() => tracing::info!("the configuration was reloaded"),
            Ok(needs_restart) => {
                tracing::warn!(
                    ?needs_restart,
                    "the configuration was reloaded; these settings wait for a restart"
                );
            }
            Err(error) => {
                tracing::error!("the configuration was not reloaded, the old one stays");
                for line in error.to_string().lines() {
                    tracing::error!("{line}");
                }
            }
        }
        self.renew_certificate();
    }

    /// What lies in files of its own may have changed.
    fn look_around(&self) {
        self.app.geo.load(self.app.config().geo.as_deref());
        self.renew_certificate();
    }

    fn renew_certificate(&self) {
        if let Err(error) = self.running.reload_certificate(&self.app.config()) {
            tracing::error!(%error, "the certificate was not reloaded, the old one stays");
        }
        self.examine_certificate();
    }

    /// Says what clients have or will have against it, when that is new.
    fn examine_certificate(&self) {
        let found = tls::examine(&self.app.config(), self.app.clock.now()).unwrap_or_default();
        let mut said = self.objections.lock().unwrap_or_else(PoisonError::into_inner);
        if *said != found {
            for objection in &found {
                tracing::warn!("{objection}");
            }
            *said = found;
        }
    }
}

fn tell_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager was not told");
    }
}

fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn not_listening(error: &ServeError) -> Failure {
    let hint = match error {
        ServeError::Listen { source, .. } => match source.kind() {
            std::io::ErrorKind::AddrInUse => Some("another program has this port; stop it, or change listen"),
            std::io::ErrorKind::AlreadyExists => Some("name another path in listen, or remove what is there"),
            std::io::ErrorKind::PermissionDenied => {
                Some("ports below 1024 need root or CAP_NET_BIND_SERVICE, which the systemd unit gives")
            }
            _ => Some("listen names an address of this machine and a port, or unix:/PATH"),
        },
        ServeError::Tls(_) => Some(TLS_HINT),
    };
    Failure { message: error.to_string(), hint: hint.map(str::to_owned) }
}

fn start_logging(log: &config::Log) -> Result<(), Failure> {
    // It calls every malformed request an error, so strangers could fill the log; a level of its own wins.
    let filter = EnvFilter::try_new(format!("actix_http=off,{}", log.level)).map_err(Failure::new)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(Failure::new)
}
