//! The admin socket: commands as JSON lines between the same user on the same machine.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::admin::tokens::MAX_FILE;
use super::admin::{self, Command};
use super::{Failure, Output};
use crate::app::App;
use crate::web::server::bind_unix;

/// Longest command, in bytes: the three files of an import of tokens, with a backslash before every line break and
/// quotation mark, and what is around them.
const MAX_COMMAND: u64 = 3 * 2 * MAX_FILE + (1 << 20);
/// Longest answer, in bytes.
const MAX_ANSWER: u64 = 1 << 30;
const TIMEOUT: Duration = Duration::from_secs(120);

/// Where the service listens for commands.
#[must_use]
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.sock")
}

/// Sends a command to the running service; `None` when there is none.
pub fn ask(socket: &Path, command: &Command) -> Result<Option<Result<Output, Failure>>, Failure> {
    let mut stream = match UnixStream::connect(socket) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let failure =
                Failure::new(format!("the admin socket {} may not be used by you", socket.display()));
            return Err(
                failure.hint("run this as root or as the user of the service (sudo -u gantry gantry …)")
            );
        }
        Err(error) => {
            return Err(Failure::new(format!("the admin socket {}: {error}", socket.display())));
        }
    };
    exchange(&mut stream, command)
        .map(Some)
        .map_err(|error| Failure::new(format!("the running service did not answer: {error}")))
}

fn exchange(stream: &mut UnixStream, command: &Command) -> io::Result<Result<Output, Failure>> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    if line.len() as u64 > MAX_COMMAND {
        return Ok(Err(too_long()));
    }
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).take(MAX_ANSWER).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}

fn too_long() -> Failure {
    Failure::new(format!(
        "a command to the running service has {} MiB at most, and this one more",
        MAX_COMMAND >> 20
    ))
    .hint("split the files; line breaks and quotation marks count twice")
}

/// Listens for commands at `socket`, mode 0600.
pub fn listen(socket: &Path) -> io::Result<UnixListener> {
    let listener = bind_unix(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Answers commands for ever. Only root and the owner of the socket are heard, whatever the file system says.
pub async fn serve(app: Arc<App>, listener: UnixListener, socket: PathBuf) {
    let owner = fs::metadata(&socket).map_or(0, |metadata| metadata.uid());
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the admin socket did not accept");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == owner) {
            tracing::warn!(target: "gantry::audit", event = "admin_socket_refused");
            continue;
        }
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            if let Err(error) = answer(&app, stream).await {
                tracing::debug!(%error, "an admin connection broke");
            }
        });
    }
}

async fn answer(app: &Arc<App>, stream: tokio::net::UnixStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = Vec::new();
    let mut reader = tokio::io::BufReader::new(read).take(MAX_COMMAND);
    tokio::time::timeout(TIMEOUT, reader.read_until(b'\n', &mut line)).await??;
    let result = match serde_json::from_slice::<Command>(&line) {
        Ok(command) => admin::execute(app, command).await,
        Err(_) if line.len() as u64 == MAX_COMMAND => Err(too_long()),
        Err(_) => Err(Failure::new("the running service does not know this command")
            .hint("it may be an older version: restart it after an upgrade")),
    };
    let mut bytes = serde_json::to_vec(&result)?;
    bytes.push(b'\n');
    write.write_all(&bytes).await
}
