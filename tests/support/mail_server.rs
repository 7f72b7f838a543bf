//! A mail server: it keeps what it is handed, and misbehaves as told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

/// A mail as it arrived.
#[derive(Debug, Default, Clone)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// With dots taken out again.
    pub(crate) data: String,
    /// What AUTH carried.
    pub(crate) auth: String,
    pub(crate) encrypted: bool,
}

/// How the server behaves.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "ways to misbehave, each on its own")]
pub(crate) struct Behaviour {
    /// TLS from the first byte.
    pub(crate) implicit: bool,
    pub(crate) offers_starttls: bool,
    /// The name in its certificate.
    pub(crate) name: &'static str,
    pub(crate) expired: bool,
    /// The answer to commands that begin with this word; `GREETING` and `.` count as commands.
    pub(crate) answers: Vec<(&'static str, String)>,
    /// Sent in the clear right behind the answer to STARTTLS.
    pub(crate) injected: &'static str,
    /// It takes connections and says nothing.
    pub(crate) hangs: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            implicit: false,
            offers_starttls: true,
            name: "localhost",
            expired: false,
            answers: Vec::new(),
            injected: "",
            hangs: false,
        }
    }
}

impl Behaviour {
    /// Answers this to commands that begin with `word`.
    pub(crate) fn answering(word: &'static str, answer: &str) -> Self {
        Self { answers: vec![(word, answer.to_owned())], ..Self::default() }
    }
}

/// A mail server on a free port of this machine.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    /// PEM of the authority that signed its certificate.
    pub(crate) authority: String,
    mails: UnboundedReceiver<Mail>,
    shared: Arc<Shared>,
    listening: tokio::task::JoinHandle<()>,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    /// Every line heard, with whether it came under TLS.
    heard: Mutex<Vec<(bool, String)>>,
    authority: (CertificateParams, KeyPair),
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl MailServer {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        gantry::install_crypto();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("address").port();
        let mut authority = CertificateParams::new(Vec::<String>::new()).expect("no names");
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = authority.self_signed(&key).expect("a certificate").pem();
        let (sender, mails) = unbounded_channel();
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(behaviour),
            heard: Mutex::default(),
            authority: (authority, key),
        });
        let theirs = Arc::clone(&shared);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&theirs), sender.clone()));
            }
        });
        Self { port, authority: pem, mails, shared, listening }
    }

    /// From the next connection on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().expect("behaviour") = behaviour;
    }

    /// The next mail, which must come.
    pub(crate) async fn mail(&mut self) -> Mail {
        tokio::time::timeout(Duration::from_secs(60), self.mails.recv())
            .await
            .expect("a mail")
            .expect("a mail")
    }

    /// Whether another mail has come.
    pub(crate) fn has_mail(&mut self) -> bool {
        self.mails.try_recv().is_ok()
    }

    /// What was heard in the clear.
    pub(crate) fn heard_in_clear(&self) -> String {
        let heard = self.shared.heard.lock().expect("heard");
        let clear = heard.iter().filter(|(encrypted, _)| !encrypted);
        clear.map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n")
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>, mails: UnboundedSender<Mail>) {
    let behaviour = shared.behaviour.lock().expect("behaviour").clone();
    if behaviour.hangs {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    let acceptor = acceptor(&shared, &behaviour);
    if !behaviour.implicit {
        let session = Session { shared: &shared, behaviour: &behaviour, mails: &mails, encrypted: false };
        if session.talk(&mut stream).await != Some(()) {
            return;
        }
    }
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let session = Session { shared: &shared, behaviour: &behaviour, mails: &mails, encrypted: true };
    session.talk(&mut stream).await;
    // TLS ends politely.
    let _ = stream.shutdown().await;
}

fn acceptor(shared: &Shared, behaviour: &Behaviour) -> TlsAcceptor {
    let mut params = CertificateParams::new(vec![behaviour.name.to_owned()]).expect("a name");
    if behaviour.expired {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let key = KeyPair::generate().expect("a key");
    let (authority, authority_key) = &shared.authority;
    let certificate = params.signed_by(&key, &Issuer::from_params(authority, authority_key)).expect("signed");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).expect("a certificate");
    TlsAcceptor::from(Arc::new(config))
}

struct Session<'a> {
    shared: &'a Shared,
    behaviour: &'a Behaviour,
    mails: &'a UnboundedSender<Mail>,
    encrypted: bool,
}

impl Session<'_> {
    /// Talks until the end, or (`Some`) until TLS is to begin.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S) -> Option<()> {
        let mut stream = BufReader::new(stream);
        // After STARTTLS there is no second greeting (RFC 3207 section 4.2).
        if !self.encrypted || self.behaviour.implicit {
            say(&mut stream, &self.answer("GREETING", "220 mail.test ESMTP")).await?;
        }
        let mut mail = Mail { encrypted: self.encrypted, ..Mail::default() };
        loop {
            let line = self.hear(&mut stream).await?;
            let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let answer = match word.as_str() {
                "EHLO" => self.answer("EHLO", &self.extensions()),
                "STARTTLS" => {
                    let answer = self.answer("STARTTLS", "220 go on");
                    let injected = self.behaviour.injected;
                    say(&mut stream, &format!("{answer}\r\n{injected}")).await?;
                    return answer.starts_with("220").then_some(());
                }
                "AUTH" => {
                    mail.auth = line.clone();
                    self.answer("AUTH", "235 welcome")
                }
                "MAIL" => {
                    mail.from = line.clone();
                    self.answer("MAIL", "250 ok")
                }
                "RCPT" => {
                    mail.to.push(line.clone());
                    self.answer("RCPT", "250 ok")
                }
                "DATA" => {
                    say(&mut stream, &self.answer("DATA", "354 go on")).await?;
                    mail.data = self.data(&mut stream).await?;
                    let answer = self.answer(".", "250 2.0.0 queued as 42");
                    if answer.starts_with("250") {
                        let _ = self.mails.send(std::mem::take(&mut mail));
                    }
                    answer
                }
                "QUIT" => {
                    say(&mut stream, "221 bye").await?;
                    return None;
                }
                _ => "500 what?".to_owned(),
            };
            say(&mut stream, &answer).await?;
        }
    }

    fn extensions(&self) -> String {
        let starttls = self.behaviour.offers_starttls && !self.encrypted;
        let starttls = if starttls { "250-STARTTLS\r\n" } else { "" };
        // AUTH in the clear is a temptation.
        format!("250-mail.test\r\n250-AUTH PLAIN LOGIN\r\n{starttls}250 SIZE 1000000")
    }

    fn answer(&self, word: &str, usual: &str) -> String {
        let other = self.behaviour.answers.iter().find(|(known, _)| *known == word);
        other.map_or_else(|| usual.to_owned(), |(_, answer)| answer.clone())
    }

    async fn hear<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut BufReader<S>) -> Option<String> {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await.ok().filter(|read| *read > 0)?;
        let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        self.shared.heard.lock().expect("heard").push((self.encrypted, line.clone()));
        Some(line)
    }

    /// Up to the lone dot (RFC 5321 section 4.5.2).
    async fn data<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut BufReader<S>) -> Option<String> {
        let mut data = String::new();
        loop {
            let line = self.hear(stream).await?;
            if line == "." {
                return Some(data);
            }
            data += line.strip_prefix('.').unwrap_or(&line);
            data.push('\n');
        }
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, words: &str) -> Option<()> {
    let line = if words.ends_with("\r\n") { words.to_owned() } else { format!("{words}\r\n") };
    stream.get_mut().write_all(line.as_bytes()).await.ok()?;
    stream.get_mut().flush().await.ok()
}
