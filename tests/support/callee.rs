//! Another host that is called: it keeps what it was sent and answers as told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A request that arrived.
#[derive(Debug)]
pub(crate) struct Call {
    /// Method and target.
    pub(crate) line: String,
    /// By name in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The body as it came.
    pub(crate) bytes: Vec<u8>,
}

impl Call {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A value of the form in it.
    pub(crate) fn form(&self, name: &str) -> String {
        let mut pairs = url::form_urlencoded::parse(self.body.as_bytes());
        pairs.find(|(known, _)| known == name).expect(name).1.into_owned()
    }
}

/// A host on a free port of this machine.
pub(crate) struct Callee {
    pub(crate) port: u16,
    calls: UnboundedReceiver<Call>,
    answers: Arc<Mutex<VecDeque<String>>>,
    listening: tokio::task::JoinHandle<()>,
}

/// The port is free again.
impl Drop for Callee {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Callee {
    pub(crate) async fn start() -> Self {
        Self::on(0).await
    }

    /// On a port that was free before.
    pub(crate) async fn on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
        let port = listener.local_addr().expect("address").port();
        let (sender, calls) = unbounded_channel();
        let answers: Arc<Mutex<VecDeque<String>>> = Arc::default();
        let next = Arc::clone(&answers);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, sender.clone(), Arc::clone(&next)));
            }
        });
        Self { port, calls, answers, listening }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Answers the next call with this head and body; without one it is `200` and nothing.
    pub(crate) fn will_answer(&self, answer: &str) {
        self.answers.lock().expect("answers").push_back(answer.to_owned());
    }

    /// The next call, which must come.
    pub(crate) async fn called(&mut self) -> Call {
        let patience = std::time::Duration::from_secs(60);
        tokio::time::timeout(patience, self.calls.recv()).await.expect("a call").expect("a call")
    }

    /// Whether another call has come.
    pub(crate) fn is_called(&mut self) -> bool {
        self.calls.try_recv().is_ok()
    }
}

async fn answer(mut stream: TcpStream, calls: UnboundedSender<Call>, answers: Arc<Mutex<VecDeque<String>>>) {
    let mut reader = BufReader::new(&mut stream);
    let (mut line, mut headers, mut length) = (String::new(), Vec::new(), 0);
    reader.read_line(&mut line).await.expect("a request");
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).await.expect("a header");
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':') {
            let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
            if name == "content-length" {
                length = value.parse().expect("a length");
            }
            headers.push((name, value));
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.expect("a body");
    let answer = answers.lock().expect("answers").pop_front();
    let answer = answer
        .unwrap_or_else(|| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned());
    // The caller may have gone, and the test may be over.
    let _ = stream.write_all(answer.as_bytes()).await;
    let (bytes, body) = (body.clone(), String::from_utf8_lossy(&body).into_owned());
    let _ = calls.send(Call { line: line.trim().to_owned(), headers, body, bytes });
}
