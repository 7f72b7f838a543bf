//! Children: the real binary and, by starting this program again in another role, the limits.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::load::{Sample, now};
use crate::world::{self, HOST};
use crate::{Outcome, load};

/// The environment variable that makes this program play one of the limits.
pub(crate) const ROLE: &str = "GANTRY_BENCH_ROLE";
/// What is measured.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_gantry");

/// The kernel tells CPU time in hundredths of a second on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;
const PATIENCE: Duration = Duration::from_secs(60);

/// A child that is killed with SIGKILL when it is no longer needed.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn start(command: &mut Command) -> Outcome<Self> {
        Ok(Self(command.spawn()?))
    }

    /// User and system time so far, in seconds.
    pub(crate) fn cpu(&self) -> Outcome<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The name in parentheses may contain anything; the 14th and 15th fields are utime and stime.
        let (_, rest) = stat.rsplit_once(") ").ok_or("/proc/PID/stat cannot be read")?;
        let ticks = rest.split(' ').skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
        Ok(f64::from(ticks) / TICKS_PER_SECOND)
    }

    /// A line of `/proc/PID/status` in MiB: `VmRSS`, `VmHWM`.
    pub(crate) fn memory(&self, line: &str) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let kib: f64 =
            found.and_then(|text| text.split_whitespace().next()).ok_or("no such line")?.parse()?;
        Ok(kib / 1024.0)
    }
}

/// Something that serves HTTP.
pub(crate) struct Server {
    pub process: Process,
    pub address: SocketAddr,
}

impl Server {
    /// Starts the binary on the folder's configuration and returns it with the time until it has answered.
    pub(crate) fn gantry(folder: &Path) -> Outcome<(Self, Duration)> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = world::configure(folder, address)?;
        let log = File::create(folder.join("log"))?;
        let mut command = Command::new(BINARY);
        command.arg("--config").arg(&config).arg("serve").stdout(Stdio::null()).stderr(log);
        let start = now();
        let process = Process::start(&mut command)?;
        let mut server = Self { process, address };
        server.first_answer(folder)?;
        Ok((server, start.elapsed()))
    }

    /// Asks until there is an answer.
    fn first_answer(&mut self, folder: &Path) -> Outcome<()> {
        let start = now();
        while !ready(self.address) {
            if start.elapsed() > PATIENCE || self.process.0.try_wait()?.is_some() {
                return Err(fs::read_to_string(folder.join("log"))?.into());
            }
            thread::sleep(Duration::from_micros(500));
        }
        Ok(())
    }

    /// Loads the server and adds the CPU time it took.
    pub(crate) fn measure<O: load::Operation>(
        &self,
        operations: &mut Vec<O>,
        span: Duration,
    ) -> Outcome<Sample> {
        let before = self.process.cpu()?;
        let sample = load::drive(self.address, operations, span)?;
        Ok(Sample { cpu_seconds: self.process.cpu()? - before, ..sample })
    }
}

fn ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        write!(stream, "GET /readyz HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

/// This program in another role: a line is a question, a line is the answer.
pub(crate) struct Worker {
    pub process: Process,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts `role` with what it needs to know.
    pub(crate) fn start(role: &str, argument: &Path) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(argument).env(ROLE, role).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let questions = process.0.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(process.0.stdout.take().ok_or("no stdout")?);
        Ok(Self { process, questions, answers })
    }

    /// Asks and waits.
    pub(crate) fn ask(&mut self, question: &str) -> Outcome<String> {
        writeln!(self.questions, "{question}")?;
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err(format!("the worker died at {question:?}").into()),
            _ => Ok(line.trim().to_owned()),
        }
    }

    /// Asks for a measurement and adds the CPU time it took.
    pub(crate) fn measure(&mut self, question: &str) -> Outcome<Sample> {
        let before = self.process.cpu()?;
        let sample: Sample = serde_json::from_str(&self.ask(question)?)?;
        Ok(Sample { cpu_seconds: self.process.cpu()? - before, ..sample })
    }

    /// A worker that serves HTTP on the port it answers with.
    pub(crate) fn serve(mut self) -> Outcome<Server> {
        let port: u16 = self.ask("port")?.parse()?;
        Ok(Server { process: self.process, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }
}
