//! One mail to the mail server (RFC 5321): nothing of worth is said before TLS, nothing is waited for without end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lettre::Address;
use lettre::message::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::SendError;
use crate::config::{Smtp, SmtpSecurity};

/// For the connection, and for the answer to each command.
const PATIENCE: Duration = Duration::from_secs(10);
/// For the answer to the mail itself: a server that scans it takes its time, and one that is given up on too
/// early gets the mail twice (RFC 5321 section 4.5.3.2.6).
const SCAN_PATIENCE: Duration = Duration::from_secs(60);
/// What a server may say between two commands, in bytes.
const MOST_CLEAR: usize = 64 * 1024;
/// What of an answer is repeated in the log, in characters.
const SHOWN: usize = 300;

/// What TLS needs, made once: reading the system's authorities takes a while.
#[derive(Default)]
pub(super) struct TlsCache(Mutex<Option<(Arc<Smtp>, TlsParameters)>>);

impl TlsCache {
    fn parameters(&self, server: &Arc<Smtp>) -> Result<TlsParameters, SendError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, parameters)) = kept.as_ref()
            && Arc::ptr_eq(known, server)
        {
            return Ok(parameters.clone());
        }
        let made = parameters(server).map_err(|error| SendError::Down(causes(&error)))?;
        *kept = Some((Arc::clone(server), made.clone()));
        Ok(made)
    }
}

/// The certificate must be for the configured name, by the configured authority.
fn parameters(server: &Smtp) -> Result<TlsParameters, Error> {
    let builder = TlsParameters::builder(server.host.clone());
    let Some(pem) = &server.ca else { return builder.build_rustls() };
    let only = builder.certificate_store(CertificateStore::None);
    only.add_root_certificate(Certificate::from_pem(pem)?).build_rustls()
}

/// A mail and how we call ourselves.
pub(super) struct Delivery<'a> {
    pub(super) server: &'a Arc<Smtp>,
    pub(super) tls: &'a TlsCache,
    pub(super) hello: String,
    pub(super) message: &'a Message,
}

/// Hands the mail over; gives what the server said.
pub(super) async fn send(delivery: &Delivery<'_>) -> Result<String, SendError> {
    let mut connection = connect(delivery).await?;
    let sent = hand_over(&mut connection, delivery.message).await;
    // A server that does not answer this has the mail all the same.
    let _ = timeout(Duration::from_secs(1), connection.command(Quit)).await;
    sent
}

/// Connected, under TLS, and logged in where the configuration says so.
async fn connect(delivery: &Delivery<'_>) -> Result<AsyncSmtpConnection, SendError> {
    let server = delivery.server;
    let hello = ClientId::Domain(delivery.hello.clone());
    let target = (server.host.as_str(), server.port);
    let mut connection = if server.security == SmtpSecurity::Implicit {
        let tls = delivery.tls.parameters(server)?;
        let connecting = AsyncSmtpConnection::connect_tokio1(target, Some(PATIENCE), &hello, Some(tls), None);
        patiently("connecting", connecting).await?
    } else {
        let stream = timeout(PATIENCE, TcpStream::connect(target)).await;
        let stream = stream.map_err(|_| too_slow("connecting"))?;
        let stream = stream.map_err(|error| SendError::Down(format!("cannot connect: {error}")))?;
        let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(Guarded::new(stream)), &hello);
        patiently("the greeting", greeted).await?
    };
    if server.security == SmtpSecurity::StartTls {
        if !connection.can_starttls() {
            // Stripped by somebody on the way, or never there: the same to us (RFC 3207 section 6).
            let why = "the server does not offer STARTTLS, so nothing was sent";
            return Err(SendError::Down(why.to_owned()));
        }
        let tls = delivery.tls.parameters(server)?;
        patiently("STARTTLS", connection.starttls(tls, &hello)).await?;
    }
    if let Some(login) = &server.login {
        if !connection.is_encrypted() {
            return Err(SendError::Down("the password is not sent without TLS".to_owned()));
        }
        let credentials = Credentials::new(login.username.clone(), login.password.expose().to_owned());
        patiently("the login", connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials)).await?;
    }
    Ok(connection)
}

async fn patiently<T>(what: &str, step: impl Future<Output = Result<T, Error>>) -> Result<T, SendError> {
    let ended = timeout(PATIENCE, step).await.map_err(|_| too_slow(what))?;
    ended.map_err(|error| SendError::Down(format!("{what}: {}", causes(&error))))
}

fn too_slow(what: &str) -> SendError {
    SendError::Down(format!("{what} took longer than {} seconds", PATIENCE.as_secs()))
}

async fn hand_over(connection: &mut AsyncSmtpConnection, message: &Message) -> Result<String, SendError> {
    let envelope = message.envelope();
    let to = envelope.to().first().cloned();
    let (Some(from), Some(to)) = (envelope.from().cloned(), to) else {
        return Err(SendError::Refused("it has no sender or no recipient".to_owned()));
    };
    let parameters = mail_parameters(connection, &from, &to)?;
    let step = timeout(PATIENCE, connection.command(Mail::new(Some(from), parameters))).await;
    // The sender is the same for every mail: one that is refused is a matter of configuration.
    answered("MAIL", step).map_err(|error| match error {
        SendError::Refused(why) => SendError::NotNow(why),
        other => other,
    })?;
    let step = timeout(PATIENCE, connection.command(Rcpt::new(to, Vec::new()))).await;
    answered("RCPT", step)?;
    let step = timeout(PATIENCE, connection.command(Data)).await;
    answered("DATA", step)?;
    let step = timeout(SCAN_PATIENCE, connection.message(&message.formatted())).await;
    let response = answered("the mail", step)?;
    let lines: Vec<&str> = response.message().collect();
    Ok(printable(&format!("{} {}", response.code(), lines.join(" "))))
}

/// RFC 6531 section 3.4: addresses with other than ASCII characters only where they are understood.
fn mail_parameters(
    connection: &AsyncSmtpConnection,
    from: &Address,
    to: &Address,
) -> Result<Vec<MailParameter>, SendError> {
    let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    if ascii(from) && ascii(to) {
        return Ok(Vec::new());
    }
    if connection.server_info().supports_feature(Extension::SmtpUtfEight) {
        return Ok(vec![MailParameter::SmtpUtfEight]);
    }
    Err(SendError::Refused("the server does not take addresses with letters like these".to_owned()))
}

/// RFC 5321 section 4.2.1: 4yz may be tried again, 5yz not; 421 is the end of the connection.
fn answered<E>(what: &str, step: Result<Result<Response, Error>, E>) -> Result<Response, SendError> {
    let Ok(step) = step else { return Err(SendError::Down(format!("no answer to {what}"))) };
    step.map_err(|error| {
        let why = format!("{what}: {}", causes(&error));
        let code = error.status().map(u16::from);
        match code {
            Some(421) | None => SendError::Down(why),
            // Too many recipients (section 4.5.3.1.10); matters of policy, which the administrators of both
            // sides settle (RFC 3463 section 3.8).
            Some(552) => SendError::NotNow(why),
            Some(500..) if !why.contains(" 5.7.") => SendError::Refused(why),
            Some(_) => SendError::NotNow(why),
        }
    })
}

fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    printable(&text)
}

/// What a peer said, as it may stand in a log.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}

/// A connection that starts in the clear. What a stranger on the way adds behind the answer to STARTTLS must not
/// be taken for something said under TLS (RFC 3207 section 6; EO-07): so not one byte is read ahead while it is
/// clear, and whatever was added breaks the handshake. And a server that talks without end is left.
#[derive(Debug)]
struct Guarded {
    stream: TcpStream,
    clear: bool,
    /// Read since we last said something.
    heard: usize,
}

/// The first byte of a TLS handshake record (RFC 8446 section 5.1); no command begins with it.
const HANDSHAKE: u8 = 22;

impl Guarded {
    const fn new(stream: TcpStream) -> Self {
        Self { stream, clear: true, heard: 0 }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.clear {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut one))?;
        buffer.put_slice(one.filled());
        this.heard += one.filled().len();
        if this.heard > MOST_CLEAR {
            return Poll::Ready(Err(io::Error::other("the server talks without end")));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.clear &= bytes.first() != Some(&HANDSHAKE);
        self.heard = 0;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Guarded {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
