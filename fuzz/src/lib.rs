//! What the targets share: a provider with an app of each kind, whose files are gone as soon as they are open.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use gantry::app::App;
use gantry::clock::{Clock, Timestamp};
use gantry::config::{self, Config};
use tokio::runtime::{Builder, Runtime};

pub const ISSUER: &str = "https://op.test";
/// Of the app `c1`, which has a secret.
pub const WEB: &str = "https://rp1.test/cb?keep=1";
/// Of the app `p1`, which has none; its port is free (RFC 8252 section 7.3).
pub const LOOPBACK: &str = "http://127.0.0.1/cb";

const APPS: &str = "
app_registration: { access: [{ group: everyone, policy: standard }] }
apps:
  c1:
    redirect_uris: ['https://rp1.test/cb?keep=1']
    access: [{ group: everyone, policy: standard }]
  p1:
    client: public
    redirect_uris: [http://127.0.0.1/cb]
    access: [{ group: everyone, policy: standard }]
";

pub struct World {
    pub app: Arc<App>,
    pub config: Arc<Config>,
    runtime: Runtime,
}

impl World {
    fn start() -> Self {
        gantry::install_crypto();
        let folder = std::env::temp_dir().join(format!("gantry-fuzz-{}", std::process::id()));
        let text = format!("issuer: {ISSUER}\ndata_dir: {}\n{APPS}", folder.display());
        let config = config::parse("gantry.yaml", &text, Path::new("/")).expect("a configuration").config;
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let clock = Clock::manual(Timestamp::from_seconds(1_800_000_000));
        let app = runtime.block_on(App::open(config, Path::new("gantry.yaml"), clock)).expect("a provider");
        // The store holds its file open: nothing stays behind, however a run ends.
        std::fs::remove_dir_all(&folder).expect("the folder of the store");
        Self { config: app.config(), app, runtime }
    }

    /// Runs `future` to its end.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// The provider; it starts when it is first asked for.
pub fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(World::start);
    &WORLD
}

/// The part before the first line break and the part after it.
pub fn two_parts(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    (&data[..end], data.get(end + 1..).unwrap_or_default())
}
