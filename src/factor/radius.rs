//! One-time passwords that a RADIUS server checks (RFC 2865 with PAP), such as those of RSA `SecurID`.
//!
//! Every packet is authenticated by a Message-Authenticator, which stands first and is demanded in answers, so that
//! nobody on the way turns a no into a yes (RFC 3579 section 3.2; CVE-2024-3596).

use std::net::SocketAddr;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::config::Radius;
use crate::secret::{random, same};

const ACCESS_REQUEST: u8 = 1;
const ACCESS_ACCEPT: u8 = 2;
const ACCESS_REJECT: u8 = 3;
const ACCESS_CHALLENGE: u8 = 11;
const USER_NAME: u8 = 1;
const USER_PASSWORD: u8 = 2;
const REPLY_MESSAGE: u8 = 18;
const STATE: u8 = 24;
const NAS_IDENTIFIER: u8 = 32;
const MESSAGE_AUTHENTICATOR: u8 = 80;
const HEADER: usize = 20;
/// RFC 2865 section 3.
const LONGEST: usize = 4096;
/// RFC 2865 section 5.2.
const LONGEST_PASSWORD: usize = 128;
/// Longer questions are cut, in characters.
const LONGEST_TEXT: usize = 500;
/// Each server is asked so often.
const TRIES: u32 = 2;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum RadiusError {
    #[error("no RADIUS server answered")]
    Silent,
    #[error("the name or the password is too long for RADIUS")]
    TooLong,
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Rejected,
    /// It asks for something more (RFC 2865 section 4.4).
    Asked(Question),
}

/// What a server asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// For people; a stranger's words.
    pub text: String,
    /// Goes back to the server as it came (RFC 2865 section 5.24).
    state: Option<Vec<u8>>,
}

/// What a server says to this password of `username`, which may be the answer to what it `asked`.
pub async fn check(
    config: &Radius,
    username: &str,
    password: &str,
    asked: Option<&Question>,
) -> Result<Verdict, RadiusError> {
    if username.len() > 253 || password.len() > LONGEST_PASSWORD {
        return Err(RadiusError::TooLong);
    }
    for server in &config.servers {
        let request = Request::new(config, username, password, asked);
        for _ in 0..TRIES {
            match timeout(config.timeout, request.ask(*server, config)).await {
                Ok(Ok(verdict)) => return Ok(verdict),
                Ok(Err(error)) => tracing::warn!(%server, %error, "a RADIUS server cannot be asked"),
                Err(_) => tracing::warn!(%server, "a RADIUS server does not answer"),
            }
        }
    }
    Err(RadiusError::Silent)
}

struct Request {
    authenticator: [u8; 16],
    packet: Vec<u8>,
}

impl Request {
    fn new(config: &Radius, username: &str, password: &str, asked: Option<&Question>) -> Self {
        let (authenticator, [id]) = (random::<16>(), random::<1>());
        let secret = config.secret.expose().as_bytes();
        let mut attributes = attribute(MESSAGE_AUTHENTICATOR, &[0; 16]);
        attributes.extend(attribute(USER_NAME, username.as_bytes()));
        attributes.extend(attribute(USER_PASSWORD, &hidden(secret, &authenticator, password.as_bytes())));
        attributes.extend(attribute(NAS_IDENTIFIER, config.nas_identifier.as_bytes()));
        if let Some(state) = asked.and_then(|asked| asked.state.as_ref()) {
            attributes.extend(attribute(STATE, state));
        }
        let mut packet = packet(ACCESS_REQUEST, id, &authenticator, &attributes);
        let mac = authenticate(secret, &packet);
        if let Some(place) = packet.get_mut(HEADER + 2..HEADER + 18) {
            place.copy_from_slice(&mac);
        }
        Self { authenticator, packet }
    }

    /// Waits for an answer that comes from this server and is authentic; others are not looked at.
    async fn ask(&self, server: SocketAddr, config: &Radius) -> std::io::Result<Verdict> {
        let any: SocketAddr =
            if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(server).await?;
        socket.send(&self.packet).await?;
        let mut answer = vec![0; LONGEST];
        loop {
            let length = socket.recv(&mut answer).await?;
            let verdict = answer.get(..length).and_then(|answer| self.verdict(config, answer));
            if let Some(verdict) = verdict {
                return Ok(verdict);
            }
            tracing::warn!(%server, "an answer that is not authentic was not looked at");
        }
    }

    /// What an answer says, if it is one to this request.
    fn verdict(&self, config: &Radius, answer: &[u8]) -> Option<Verdict> {
        let secret = config.secret.expose().as_bytes();
        let (&[code, id, high, low], rest) = answer.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        // What follows the packet is padding (RFC 2865 section 3).
        let answer = answer.get(..length).filter(|_| length >= HEADER)?;
        let (authenticator, _) = rest.split_first_chunk::<16>()?;
        let attributes = answer.get(HEADER..)?;
        let own = self.packet.get(1) == Some(&id);
        let expected = Md5::new()
            .chain_update([code, id, high, low])
            .chain_update(self.authenticator)
            .chain_update(attributes)
            .chain_update(secret)
            .finalize();
        let authentic = own
            && same(&expected, authenticator)
            && self.is_authenticated(secret, answer, attributes, config.message_authenticator);
        match code {
            ACCESS_ACCEPT if authentic => Some(Verdict::Accepted),
            ACCESS_REJECT if authentic => Some(Verdict::Rejected),
            ACCESS_CHALLENGE if authentic => Some(Verdict::Asked(Question::of(attributes))),
            _ => None,
        }
    }

    fn is_authenticated(&self, secret: &[u8], answer: &[u8], attributes: &[u8], demanded: bool) -> bool {
        let Some(found) = find(attributes, MESSAGE_AUTHENTICATOR) else { return false };
        let Some((at, value)) = found else { return !demanded };
        let mut plain = answer.to_vec();
        let places = [(4, &self.authenticator[..]), (HEADER + at, &[0; 16])];
        for (from, bytes) in places {
            match plain.get_mut(from..from + 16) {
                Some(place) => place.copy_from_slice(bytes),
                None => return false,
            }
        }
        same(&authenticate(secret, &plain), value)
    }
}

impl Question {
    /// From attributes whose form was checked.
    fn of(attributes: &[u8]) -> Self {
        let (mut rest, mut text, mut state) = (attributes, String::new(), None);
        while let [kind, length, ..] = *rest {
            let (value, next) = match rest.split_at_checked(usize::from(length)) {
                Some((whole, next)) if length >= 2 => (whole.get(2..).unwrap_or_default(), next),
                _ => break,
            };
            match kind {
                REPLY_MESSAGE => text.push_str(&String::from_utf8_lossy(value)),
                STATE => state = Some(value.to_vec()),
                _ => {}
            }
            rest = next;
        }
        Self { text: text.chars().take(LONGEST_TEXT).collect(), state }
    }
}

fn attribute(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len() + 2).unwrap_or(u8::MAX);
    [&[kind, length], value].concat()
}

fn packet(code: u8, id: u8, authenticator: &[u8; 16], attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + attributes.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[code, id], &length[..], authenticator, attributes].concat()
}

/// RFC 2865 section 5.2: the password under a stream of MD5 values.
fn hidden(secret: &[u8], authenticator: &[u8; 16], password: &[u8]) -> Vec<u8> {
    let mut padded = password.to_vec();
    padded.resize(password.len().div_ceil(16).max(1) * 16, 0);
    let mut previous = authenticator.to_vec();
    let mut out = Vec::new();
    for block in padded.chunks(16) {
        let stream = Md5::new().chain_update(secret).chain_update(&previous).finalize();
        previous = block.iter().zip(stream).map(|(plain, key)| plain ^ key).collect();
        out.extend_from_slice(&previous);
    }
    out
}

/// HMAC-MD5 over the packet (RFC 3579 section 3.2).
fn authenticate(secret: &[u8], packet: &[u8]) -> [u8; 16] {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(secret) else { return [0; 16] };
    mac.update(packet);
    mac.finalize().into_bytes().into()
}

/// Where the value of the one attribute of this kind is, and the value: `None` for a broken list, and for one that
/// has it twice or in another length.
#[expect(clippy::option_option, reason = "outside: readable or not; inside: there or not")]
fn find(attributes: &[u8], kind: u8) -> Option<Option<(usize, &[u8])>> {
    let (mut at, mut found) = (0, None);
    while at < attributes.len() {
        let [known, length] = *attributes.get(at..at + 2)? else { return None };
        let value = attributes.get(at + 2..at + usize::from(length)).filter(|_| length >= 2)?;
        if known == kind {
            if found.is_some() || value.len() != 16 {
                return None;
            }
            found = Some((at + 2, value));
        }
        at += usize::from(length);
    }
    Some(found)
}

/// A server is waited for this long, unless the file says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_lists_of_attributes_are_not_read() {
        assert_eq!(find(&[], 80), Some(None));
        assert_eq!(find(&[1, 3, b'a'], 80), Some(None));
        let whole = attribute(80, &[7; 16]);
        assert_eq!(find(&whole, 80), Some(Some((2, &[7; 16][..]))));
        for broken in [
            &[80, 0][..],
            &[80, 1],
            &[80],
            &[80, 18, 1],
            &[80, 3, 1],
            &[whole.clone(), whole.clone()].concat(),
        ] {
            assert_eq!(find(broken, 80), None, "{broken:?}");
        }
    }

    #[test]
    fn the_password_of_rfc_2865_section_7_1_is_hidden_as_there() {
        let authenticator =
            [0x0f, 0x40, 0x3f, 0x94, 0x73, 0x97, 0x80, 0x57, 0xbd, 0x83, 0xd5, 0xcb, 0x98, 0xf4, 0x22, 0x7a];
        let expected =
            [0x0d, 0xbe, 0x70, 0x8d, 0x93, 0xd4, 0x13, 0xce, 0x31, 0x96, 0xe4, 0x3f, 0x78, 0x2a, 0x0a, 0xee];
        assert_eq!(hidden(b"xyzzy5461", &authenticator, b"arctangent"), expected);
    }
}
