//! A small HTTP/1.1 client that keeps its connections: one operation after the other on each, all of them on
//! one thread, latencies noted.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::Outcome;

/// What one measurement found.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub operations: usize,
    pub seconds: f64,
    pub p50_millis: f64,
    pub p99_millis: f64,
    /// Of the server or the worker, filled in by who watches it.
    pub cpu_seconds: f64,
}

impl Sample {
    /// Of operations that each took one of `latencies`, in `span` together.
    pub(crate) fn new(mut latencies: Vec<Duration>, span: Duration) -> Outcome<Self> {
        latencies.sort_unstable();
        let at = |percent: usize| {
            let latency = latencies.get((latencies.len().saturating_sub(1)) * percent / 100);
            latency.map(|latency| latency.as_secs_f64() * 1000.0).ok_or("nothing was measured")
        };
        Ok(Self {
            operations: latencies.len(),
            seconds: span.as_secs_f64(),
            p50_millis: at(50)?,
            p99_millis: at(99)?,
            cpu_seconds: 0.0,
        })
    }

    /// Operations per second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.operations) / self.seconds
    }

    /// CPU seconds per 1,000 operations.
    pub(crate) fn cpu(&self) -> f64 {
        self.cpu_seconds * 1000.0 / count(self.operations)
    }
}

/// A count for arithmetic.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}

/// Steady time, for measuring only.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time that really passes")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// One kept connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response, within the connection's buffer.
pub(crate) struct Answer<'a> {
    pub status: u16,
    head: &'a str,
    pub body: &'a str,
}

impl Answer<'_> {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    /// This answer, if it has the status that belongs here.
    pub(crate) fn expect(self, status: u16) -> Outcome<Self> {
        if self.status == status {
            return Ok(self);
        }
        Err(format!("expected status {status}, got {}\n{}", self.head, self.body).into())
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.fill().await?;
        };
        let text = std::str::from_utf8(self.buffer.get(..head).unwrap_or_default())?;
        let length: usize = header(text, "content-length").ok_or("no content-length")?.parse()?;
        let end = head + 4 + length;
        while self.buffer.len() < end {
            self.fill().await?;
        }
        let head = std::str::from_utf8(self.buffer.get(..head).unwrap_or_default())?;
        let body = std::str::from_utf8(self.buffer.get(end - length..end).unwrap_or_default())?;
        let status = head.get(9..12).ok_or("no status")?.parse()?;
        Ok(Answer { status, head, body })
    }

    async fn fill(&mut self) -> Outcome<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// What a connection does again and again.
pub(crate) trait Operation: 'static {
    /// Does it once; false when there is nothing left to do.
    fn run(&mut self, connection: &mut Connection) -> impl Future<Output = Outcome<bool>>;
}

/// Runs each of `operations` on a connection of its own for `span`, or until they have nothing left to do.
pub(crate) fn drive<O: Operation>(
    address: SocketAddr,
    operations: &mut Vec<O>,
    span: Duration,
) -> Outcome<Sample> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    runtime.block_on(local.run_until(async {
        let mut connected = Vec::with_capacity(operations.len());
        for operation in operations.drain(..) {
            connected.push((operation, Connection::open(address).await?));
        }
        let start = now();
        let tasks: Vec<_> = connected
            .into_iter()
            .map(|(operation, connection)| {
                tokio::task::spawn_local(repeat(operation, connection, start + span))
            })
            .collect();
        let mut latencies = Vec::new();
        for task in tasks {
            let (operation, seen) = task.await??;
            operations.push(operation);
            latencies.extend(seen);
        }
        Sample::new(latencies, start.elapsed())
    }))
}

async fn repeat<O: Operation>(
    mut operation: O,
    mut connection: Connection,
    until: Instant,
) -> Outcome<(O, Vec<Duration>)> {
    let mut latencies = Vec::new();
    let mut start = now();
    while start < until && operation.run(&mut connection).await? {
        let end = now();
        latencies.push(end - start);
        start = end;
    }
    Ok((operation, latencies))
}
