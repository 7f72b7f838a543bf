//! Everything the program works with, built once and handed in: configuration, store, clock, keys, hashing.

use std::mem::discriminant;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::config::{self, Config, ConfigError};
use crate::factor::Method;
use crate::geo::Geo;
use crate::keys::{KeyError, Keys, MasterKey, MasterKeyError, VapidKey};
use crate::login::administrators;
use crate::login::password::PasswordPool;
use crate::login::throttle::Begun;
use crate::notify::Notifier;
use crate::oauth::assertion::FetchedKeys;
use crate::oauth::backchannel::Bell;
use crate::oauth::client;
use crate::oauth::discovery::Metadata;
use crate::oauth::issue::AccessTokens;
use crate::oauth::registration;
use crate::outbound::{Outbound, OutboundError};
use crate::store::{OpenError, Store, StoreError};

/// Why the program could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{}", .0.without_excerpts())]
    Config(#[from] ConfigError),
    #[error("cannot create the data folder {path}: {source}")]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot prepare calls to other hosts: {0}")]
    Outbound(#[from] OutboundError),
    #[error("cannot start the password hashing threads: {0}")]
    Threads(std::io::Error),
}

/// The program's state. Cheap to share behind an [`Arc`].
pub struct App {
    config: ArcSwap<Config>,
    /// The file alone, without the apps that registered themselves.
    file: Mutex<Config>,
    config_path: PathBuf,
    pub store: Store,
    pub clock: Clock,
    pub keys: Keys,
    /// There where push messages to browsers are offered.
    vapid: OnceLock<VapidKey>,
    pub passwords: PasswordPool,
    pub begun: Begun,
    pub access_tokens: AccessTokens,
    pub metadata: Metadata,
    pub outbound: Outbound,
    pub logout_bell: Bell,
    pub notifier: Notifier,
    pub fetched_keys: FetchedKeys,
    /// Held by an app while it registers, so that no more do than may.
    pub registering: Mutex<()>,
    pub geo: Geo,
}

impl App {
    /// Opens the store that `config` names, with the keys in it; makes what is missing.
    pub async fn open(config: Config, config_path: &Path, clock: Clock) -> Result<Arc<Self>, StartError> {
        let dir = &config.data_dir;
        create_data_dir(dir).map_err(|source| StartError::DataDir { path: dir.clone(), source })?;
        let file = dir.join("gantry.redb");
        // A store whose master key is lost must not get a new one: nothing sealed in it would open.
        let master = MasterKey::load(dir, !file.exists())?;
        let store = Store::open_redb(&file, clock.clone())?;
        let keys = Keys::load(master, &store, &clock).await?;
        let vapid = OnceLock::new();
        if let Some(key) = vapid_key(&config, &store, &keys).await? {
            let _ = vapid.set(key);
        }
        let file = config;
        let config = registration::complete(&store, file.clone()).await?;
        client::reconcile(&store, &config, keys.master(), clock.now()).await?;
        let outbound = Outbound::new(&config.outbound)?;
        let geo = Geo::default();
        geo.load(config.geo.as_deref());
        // Not starting would help nobody; break-glass codes do.
        if let Some(found) = administrators::shut_out(&store, &config).await? {
            tracing::error!("{}; hint: {}", found.message(), found.why.hint());
        }
        Ok(Arc::new(Self {
            config: ArcSwap::from_pointee(config),
            file: Mutex::new(file),
            config_path: config_path.to_owned(),
            store,
            clock,
            keys,
            vapid,
            passwords: PasswordPool::start().map_err(StartError::Threads)?,
            begun: Begun::default(),
            access_tokens: AccessTokens::default(),
            metadata: Metadata::default(),
            outbound,
            logout_bell: Bell::default(),
            notifier: Notifier::default(),
            fetched_keys: FetchedKeys::default(),
            registering: Mutex::default(),
            geo,
        }))
    }

    /// The configuration in force. Hold on to it for one request, so that all of it is of one piece.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// Where it was read from.
    #[must_use]
    pub fn config_path(&self) -> &Path {
        &self.config_path
    }

    /// The key by which push services know us, if it is needed here.
    #[must_use]
    pub fn vapid(&self) -> Option<&VapidKey> {
        self.vapid.get()
    }

    /// Reads the file again; on any error the old configuration stays in force. Gives the settings in it that wait for
    /// a restart.
    pub async fn reload(&self) -> Result<Vec<String>, StartError> {
        let mut loaded = config::load(&self.config_path)?;
        let waiting = keep_what_runs(&self.config(), &mut loaded.config);
        if let Some(found) = administrators::shut_out(&self.store, &loaded.config).await? {
            let hint = found.why.hint().to_owned();
            return Err(loaded.about_policy(&found.policy, found.message(), hint).into());
        }
        let mut file = self.file.lock().await;
        let config = registration::complete(&self.store, loaded.config.clone()).await?;
        client::reconcile(&self.store, &config, self.keys.master(), self.clock.now()).await?;
        if let Some(key) = vapid_key(&config, &self.store, &self.keys).await? {
            let _ = self.vapid.set(key);
        }
        self.outbound.allow(&loaded.config.outbound);
        self.geo.load(loaded.config.geo.as_deref());
        self.config.store(Arc::new(config));
        *file = loaded.config;
        Ok(waiting)
    }

    /// Takes up what apps have registered, changed or removed.
    pub async fn complete_config(&self) -> Result<(), StoreError> {
        let file = self.file.lock().await;
        self.config.store(Arc::new(registration::complete(&self.store, file.clone()).await?));
        Ok(())
    }

    /// How long a replaced signing key stays published: longer than anything it signed lives, and than a session in
    /// which an old ID token is a hint (`OpenID` Connect RP-Initiated Logout 1.0 section 2).
    #[must_use]
    pub fn key_overlap(&self) -> Duration {
        let config = self.config();
        let lives = config.apps.values().map(|app| app.lifetimes.id_token.max(app.lifetimes.access_token));
        lives.max().unwrap_or_default().max(config.sign_in.absolute) + Duration::from_secs(24 * 3600)
    }
}

async fn vapid_key(config: &Config, store: &Store, keys: &Keys) -> Result<Option<VapidKey>, KeyError> {
    if !config.factors.offered.contains(&Method::WebPush) {
        return Ok(None);
    }
    VapidKey::load(store, keys.master()).await.map(Some)
}

/// Puts back what a running service cannot change, and names what of it was to change. What is compared is what runs, so
/// that a change is named until the restart, and no longer when it is taken back.
fn keep_what_runs(running: &Config, new: &mut Config) -> Vec<String> {
    let mut waiting = Vec::new();
    let mut keep = |name: &str, changed: bool| {
        if changed {
            waiting.push(name.to_owned());
        }
        changed
    };
    if keep("listen", running.listen != new.listen) {
        new.listen = running.listen.clone();
    }
    if keep("data_dir", running.data_dir != new.data_dir) {
        new.data_dir.clone_from(&running.data_dir);
    }
    // Other files of a certificate are taken at once.
    if keep("tls", discriminant(&running.tls) != discriminant(&new.tls)) {
        new.tls = running.tls.clone();
    }
    if keep("log", running.log.format != new.log.format || running.log.level != new.log.level) {
        new.log = running.log.clone();
    }
    waiting
}

fn create_data_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
