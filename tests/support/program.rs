//! The built program as a process: a folder with its configuration, commands, and a service whose log is read
//! line by line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// A log line that takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration and its data, not running yet.
pub(crate) struct Installation {
    dir: TempDir,
    pub(crate) port: u16,
}

impl Installation {
    /// With TLS of its own and these further settings.
    pub(crate) fn new(settings: &str) -> Self {
        gantry::install_crypto();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("address").port();
        let installation = Self { dir: tempfile::tempdir().expect("folder"), port };
        installation.configure(settings);
        installation
    }

    /// The same with a store, which a service makes at its first start.
    pub(crate) fn with_store(settings: &str) -> Self {
        let installation = Self::new(settings);
        installation.serve().stop();
        installation
    }

    /// Writes the configuration anew.
    pub(crate) fn configure(&self, settings: &str) {
        let port = self.port;
        let yaml = format!(
            "issuer: https://localhost:{port}\nlisten: 127.0.0.1:{port}\ndata_dir: data\n\
             passwords: {{ hash: {{ argon2id: {{ memory_kib: 8192, iterations: 1, parallelism: 1 }} }} }}\n\
             {settings}\n"
        );
        std::fs::write(self.path("gantry.yaml"), yaml).expect("configuration file");
    }

    /// Keeps its data where another installation does.
    pub(crate) fn share_data_of(&self, other: &Self) {
        std::os::unix::fs::symlink(other.path("data"), self.path("data")).expect("link");
    }

    /// A file beside the configuration.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
        command.arg("--config").arg(self.path("gantry.yaml")).args(words.split_whitespace());
        command.env_remove("RUST_LOG").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `gantry <words>` to its end, with `typed` on standard input.
    pub(crate) fn run(&self, words: &str, typed: &str) -> Ended {
        let mut child = self.command(words).spawn().expect("the program");
        // A command that asks for nothing may have ended already.
        let _ = child.stdin.take().expect("pipe").write_all(typed.as_bytes());
        child.wait_with_output().expect("an end").into()
    }

    /// `gantry serve`, which must not come to serve anything.
    pub(crate) fn refused(&self) -> Ended {
        let ended = self.run("serve", "");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        ended
    }

    /// `gantry serve`, ready.
    pub(crate) fn serve(&self) -> Service {
        self.serve_with(&[])
    }

    /// The same with this in its environment.
    pub(crate) fn serve_with(&self, environment: &[(&str, &str)]) -> Service {
        let mut command = self.command("serve");
        command.envs(environment.iter().copied());
        let mut child = command.spawn().expect("the program");
        let log = BufReader::new(child.stderr.take().expect("pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut service = Service { child, lines };
        service.expect_line("gantry is ready");
        service
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn expect_done(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self
    }

    /// Nothing but one line that says what is wrong, and one that says what to do: each without the prefix.
    #[track_caller]
    pub(crate) fn error_and_hint(&self) -> (&str, &str) {
        let lines: Vec<&str> = self.err.lines().collect();
        let [error, hint] = lines.as_slice() else { panic!("{}", self.err) };
        let error = error.strip_prefix("gantry: error: ").expect(error);
        let hint = hint.strip_prefix("gantry: hint: ").expect(hint);
        assert!(!error.ends_with('.') && !hint.ends_with('.'), "{}", self.err);
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""));
        (error, hint)
    }
}

/// A running service. Dropping it kills it.
pub(crate) struct Service {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    /// The next log line with these words in it.
    #[track_caller]
    pub(crate) fn expect_line(&mut self, words: &str) -> String {
        let mut seen = String::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else { panic!("no {words:?} in:\n{seen}") };
            if line.contains(words) {
                return line;
            }
            seen = seen + &line + "\n";
        }
    }

    /// Asks for a reload and waits for what the log says about it.
    #[track_caller]
    pub(crate) fn reload(&mut self) -> String {
        self.signal("-HUP");
        self.expect_line("reloaded")
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Asks it to stop; gives the rest of the log.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.signal("-TERM");
        let rest = self.lines.iter().collect();
        assert!(self.child.wait().expect("an end").success());
        rest
    }
}
