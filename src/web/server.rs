//! Listening: TCP with TLS, plain TCP or a Unix socket behind a proxy; limits, time-outs, graceful stop.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io, thread};

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App as ActixApp, HttpServer, web};

use super::tls::{Certificate, TlsError};
use super::{edge, routes};
use crate::app::App;
use crate::config::{Config, Listen};

/// A request's headers must be there after this long.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// Requests under way get this long to finish at a stop, in seconds.
const STOP_SECONDS: u64 = 10;
const MAX_CONNECTIONS_PER_WORKER: usize = 10_000;

/// Why the service does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {source}")]
    Listen { address: String, source: io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What to listen on, taken before anything else is started, so that a taken port is told at once.
#[derive(Debug)]
pub enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    /// Binds what the configuration says.
    pub fn bind(config: &Config) -> Result<Self, ServeError> {
        let fail = |address: String| move |source| ServeError::Listen { address, source };
        match &config.listen {
            Listen::Tcp(address) => {
                TcpListener::bind(address).map(Self::Tcp).map_err(fail(address.to_string()))
            }
            Listen::Unix(path) => bind_unix(path).map(Self::Unix).map_err(fail(path.display().to_string())),
        }
    }

    /// The address, when it is a TCP one.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

/// A Unix socket for a proxy in the same group; one left behind by a dead process is replaced, and nothing else.
pub fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    if UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there"));
    }
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "what is there is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// A service that runs in threads of its own.
pub struct Running {
    handle: ServerHandle,
    thread: thread::JoinHandle<io::Result<()>>,
    certificate: Option<Arc<Certificate>>,
    socket_file: Option<PathBuf>,
}

impl Running {
    /// Starts serving `socket`. `workers` threads, or as many as there are cores.
    pub fn start(app: &Arc<App>, socket: Socket, workers: Option<usize>) -> Result<Self, ServeError> {
        let config = app.config();
        let certificate = Certificate::load(&config)?;
        let fail = |source| ServeError::Listen { address: "the socket".to_owned(), source };
        let socket_file = match (&socket, &config.listen) {
            (Socket::Unix(_), Listen::Unix(path)) => Some(path.clone()),
            _ => None,
        };
        let (app, tls) = (Arc::clone(app), certificate.clone());
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = thread::Builder::new().name("http".to_owned()).spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = server(app, socket, tls.as_ref(), workers);
                let server = match server {
                    Ok(server) => server,
                    Err(error) => {
                        let _ = sender.send(Err(error));
                        return Ok(());
                    }
                };
                let _ = sender.send(Ok(server.handle()));
                server.await
            })
        });
        let thread = thread.map_err(fail)?;
        let gone = || fail(io::Error::other("the server thread ended"));
        let handle = receiver.recv().map_err(|_| gone())??;
        Ok(Self { handle, thread, certificate, socket_file })
    }

    /// Takes a changed certificate into use; the old one stays on any error.
    pub fn reload_certificate(&self, config: &Config) -> Result<(), TlsError> {
        self.certificate.as_ref().map_or(Ok(()), |certificate| certificate.reload(config))
    }

    /// Lets requests under way finish, then stops.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if let Some(path) = self.socket_file {
            let _ = fs::remove_file(path);
        }
    }
}

fn server(
    app: Arc<App>,
    socket: Socket,
    certificate: Option<&Arc<Certificate>>,
    workers: Option<usize>,
) -> Result<Server, ServeError> {
    let base = base_path(&app.config());
    let data: web::Data<App> = web::Data::from(app);
    let mut server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(data.clone())
            .wrap(from_fn(edge::pass))
            .configure(|config| routes::configure(config, &base))
    })
    .client_request_timeout(HEADER_TIMEOUT)
    .client_disconnect_timeout(Duration::from_secs(2))
    .tls_handshake_timeout(TLS_TIMEOUT)
    .keep_alive(KEEP_ALIVE)
    .max_connections(MAX_CONNECTIONS_PER_WORKER)
    .shutdown_timeout(STOP_SECONDS)
    .disable_signals();
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    let fail = |source| ServeError::Listen { address: "the socket".to_owned(), source };
    let server = match (socket, certificate) {
        (Socket::Tcp(listener), Some(certificate)) => {
            server.listen_rustls_0_23(listener, certificate.server_config()?).map_err(fail)?
        }
        (Socket::Tcp(listener), None) => server.listen(listener).map_err(fail)?,
        (Socket::Unix(listener), _) => server.listen_uds(listener).map_err(fail)?,
    };
    Ok(server.run())
}

/// `/sso` of `https://id.example.org/sso`.
fn base_path(config: &Config) -> String {
    let url = url::Url::parse(&config.issuer).ok();
    url.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
}
