//! Requests that no HTTP library sends, byte by byte over a socket of their own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::TestIdp;

/// Longer than any time-out of the service.
const PATIENCE: Duration = Duration::from_secs(40);

/// Sends `bytes` and reads until the service closes the connection: status and everything after it.
pub(crate) async fn send(idp: &TestIdp, bytes: impl Into<Vec<u8>>) -> (u16, String) {
    send_to(idp.port, idp.certificate.clone(), bytes).await
}

/// The same to any service on this port, with TLS when there is a certificate to trust.
pub(crate) async fn send_to(
    port: u16,
    certificate: Option<Vec<u8>>,
    bytes: impl Into<Vec<u8>>,
) -> (u16, String) {
    let bytes = bytes.into();
    let spoken = tokio::task::spawn_blocking(move || speak(port, certificate.as_deref(), &bytes));
    spoken.await.expect("an answer")
}

/// A request of these lines, without a body; the `Host` is among them or it is missing.
pub(crate) async fn request(idp: &TestIdp, lines: &[&str]) -> (u16, String) {
    let forwarded = if idp.certificate.is_some() { "" } else { "X-Forwarded-Proto: https\r\n" };
    send(idp, format!("{}\r\n{forwarded}Connection: close\r\n\r\n", lines.join("\r\n"))).await
}

/// A plain connection to the service, for those who say nothing, or say it slowly.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("read time-out");
    stream
}

fn speak(port: u16, certificate: Option<&[u8]>, bytes: &[u8]) -> (u16, String) {
    let stream = connect(port);
    match certificate {
        None => exchange(stream, bytes),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(pem).expect("PEM")).expect("certificate");
            let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            let name = ServerName::try_from("localhost").expect("name");
            let connection = ClientConnection::new(Arc::new(config), name).expect("TLS");
            exchange(StreamOwned::new(connection, stream), bytes)
        }
    }
}

fn exchange(mut stream: impl Read + Write, bytes: &[u8]) -> (u16, String) {
    // The service may answer and close before it has read everything.
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..read]);
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text)
}
