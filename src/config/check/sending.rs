//! Mail servers and gateways.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use ::url::{Host, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::gateway::gateway;
use super::{is_name, optional, resolve, url};
use crate::account::Email;
use crate::config::error::{Place, Problems};
use crate::config::read::{At, short, short_address};
use crate::config::schema::{self, Kept, SecretText};
use crate::config::sending::{Gateways, MailOut, Rocketchat, Smtp, SmtpLogin, SmtpSecurity, SmtpTls};
use crate::secret::Secret;

/// Largest secret or certificate file, in bytes.
const MOST: u64 = 1024 * 1024;
/// Where a secret can be.
const WHERE: &str = "`{ file: PATH }`, readable for the user of the service, or `{ env: NAME }`";

pub(super) fn mail(written: schema::MailOut, base: &Path, problems: &mut Problems) -> Option<MailOut> {
    match written {
        schema::MailOut::Folder(_) => Some(MailOut::Folder),
        schema::MailOut::Smtp(server) => {
            smtp(*server, base, problems).map(|smtp| MailOut::Smtp(Arc::new(smtp)))
        }
    }
}

/// Of text messages, calls and pushes.
pub(super) fn gateways(
    written: [Option<At<schema::Gateway>>; 3],
    base: &Path,
    problems: &mut Problems,
) -> Option<Gateways> {
    let [sms, voice, push] = written.map(|part| {
        optional(part, |part| match part.value {
            schema::Gateway::Http(http) => gateway(http, base, problems).map(Arc::new),
        })
    });
    Some(Gateways { sms: sms?, voice: voice?, push: push? })
}

/// Of direct messages in Rocket.Chat.
pub(super) fn rocketchat(
    written: schema::Rocketchat,
    base: &Path,
    problems: &mut Problems,
) -> Option<Arc<Rocketchat>> {
    let url = written.url.and_then(|text| url::app_url(&text.value, problems));
    let user_id = written.user_id.filter(|id| {
        let good = (1..=64).contains(&id.value.len()) && id.value.bytes().all(|b| b.is_ascii_alphanumeric());
        if !good {
            problems
                .error(id.place, format!("`{}` is no id of a user of Rocket.Chat", short(&id.value)))
                .hint("letters and digits; Rocket.Chat shows it beside the token");
        }
        good
    });
    let place = written.token.as_ref().map(|token| token.place);
    let token = secret(written.token?, base, problems)?;
    if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        problems.error(place?, "a token is one word").hint("without spaces and line breaks");
        return None;
    }
    let url = url?.as_str().trim_end_matches('/').to_owned();
    let attribute = written.attribute.map(|attribute| attribute.value);
    Some(Arc::new(Rocketchat { url, user_id: user_id?.value, token, attribute }))
}

fn smtp(written: schema::SmtpServer, base: &Path, problems: &mut Problems) -> Option<Smtp> {
    let target = written.url.as_ref().and_then(|url| target(url, problems));
    let security = written.tls.as_ref().zip(target.as_ref()).and_then(|(tls, target)| {
        if tls.value == SmtpTls::Required {
            return Some(target.security);
        }
        if target.is_loopback && target.security == SmtpSecurity::StartTls {
            return Some(SmtpSecurity::Off);
        }
        problems
            .error(tls.place, "mail without TLS, for everybody on the way to read")
            .hint("leave `tls` out; `off` is for an `smtp://` server on this machine only");
        None
    });
    let from = written.from.and_then(|from| sender(&from, problems));
    let password_place = written.password.as_ref().map(|password| password.place);
    let password = optional(written.password, |text| secret(text, base, problems));
    let login = login(written.username, password?.zip(password_place), problems);
    if let (Some(Some(_)), Some(SmtpSecurity::Off), Some(place)) = (&login, security, password_place) {
        problems.error(place, "a password without TLS").hint("leave the password out, or `tls: off`");
        return None;
    }
    let ca = optional(written.ca, |path| authority(&path, base, problems));
    let (target, (from_name, from)) = (target?, from?);
    let (host, port) = (target.host, target.port);
    Some(Smtp { host, port, security: security?, from_name, from, login: login?, ca: ca? })
}

struct Target {
    host: String,
    port: u16,
    security: SmtpSecurity,
    is_loopback: bool,
}

/// RFC 8314 section 3.3: 465 for TLS from the start; 587 is the port of submission.
fn target(text: &At<String>, problems: &mut Problems) -> Option<Target> {
    let hint = "write `smtp://mail.example.org:587`, or `smtps://mail.example.org:465`";
    let parsed = Url::parse(&text.value).ok().filter(|url| {
        url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
    });
    let (security, port) = match parsed.as_ref().map(Url::scheme) {
        Some("smtp") => (SmtpSecurity::StartTls, 587),
        Some("smtps") => (SmtpSecurity::Implicit, 465),
        _ => {
            problems
                .error(text.place, format!("`{}` is not a mail server", short_address(&text.value)))
                .hint(hint);
            return None;
        }
    };
    let url = parsed?;
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    // The parser leaves the host of schemes it does not know as it is written.
    let host = Host::parse(url.host_str().unwrap_or_default());
    let is_loopback = match &host {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => {
            problems.error(text.place, format!("`{}` has no host", short_address(&text.value))).hint(hint);
            return None;
        }
    };
    let host = if let Ok(Host::Ipv4(address)) = host { address.to_string() } else { name };
    Some(Target { host, port: url.port().unwrap_or(port), security, is_loopback })
}

/// `gantry@example.org`, or `Example Team <gantry@example.org>`.
fn sender(text: &At<String>, problems: &mut Problems) -> Option<(Option<String>, Email)> {
    let value = text.value.trim();
    let (name, address) = match value.strip_suffix('>').and_then(|value| value.rsplit_once('<')) {
        Some((name, address)) => (Some(name.trim().trim_matches('"').to_owned()), address),
        None => (None, value),
    };
    let name = name.filter(|name| !name.is_empty());
    match address.parse() {
        Ok(address) if name.as_deref().is_none_or(is_name) => Some((name, address)),
        _ => {
            problems
                .error(text.place, format!("`{}` is not a sender", short(&text.value)))
                .hint("such as `gantry@example.org`, or `Example Team <gantry@example.org>`");
            None
        }
    }
}

#[expect(clippy::option_option, reason = "outside: usable or not; inside: written or not")]
fn login(
    username: Option<At<String>>,
    password: Option<(Secret, Place)>,
    problems: &mut Problems,
) -> Option<Option<SmtpLogin>> {
    match (username, password) {
        (Some(username), Some((password, _))) => Some(Some(SmtpLogin { username: username.value, password })),
        (None, None) => Some(None),
        (Some(username), None) => {
            problems
                .error(username.place, "a user name without a password")
                .hint("add `password: { file: … }`");
            None
        }
        (None, Some((_, place))) => {
            problems.error(place, "a password without a user name").hint("add `username`");
            None
        }
    }
}

fn authority(path: &At<String>, base: &Path, problems: &mut Problems) -> Option<Vec<u8>> {
    let pem = read_file(&resolve(base, path, problems)?);
    let checked = pem.and_then(|pem| {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let good = certificates.is_ok_and(|certificates| !certificates.is_empty());
        if good { Ok(pem) } else { Err("no certificate in it".to_owned()) }
    });
    checked
        .map_err(|why| {
            problems
                .error(path.place, format!("`{}`: {why}", short(&path.value)))
                .hint("a PEM file with the certificate of the authority; relative paths start at this file");
        })
        .ok()
}

/// A secret, from wherever it is; read when the configuration is.
pub(super) fn secret(written: At<SecretText>, base: &Path, problems: &mut Problems) -> Option<Secret> {
    let place = written.place;
    let read = match written.value {
        SecretText::Inline(secret) => return Some(secret),
        SecretText::Kept(Kept::File(path)) => {
            let read = read_file(&resolve(base, &path, problems)?).and_then(|bytes| {
                let text = String::from_utf8(bytes).map_err(|_| "not text".to_owned())?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            });
            read.map_err(|why| format!("`{}`: {why}", short(&path.value)))
        }
        SecretText::Kept(Kept::Env(name)) => match std::env::var(&name.value) {
            Ok(text) => Ok(text),
            Err(_) => return unset(&name, place, problems),
        },
    };
    let read =
        read.and_then(|text| if text.is_empty() { Err("the secret is empty".to_owned()) } else { Ok(text) });
    read.map(Secret::new)
        .map_err(|why| {
            problems.error(place, why).hint(WHERE);
        })
        .ok()
}

/// A command goes on without it: nearly none sends anything.
fn unset(name: &At<String>, place: Place, problems: &mut Problems) -> Option<Secret> {
    let name = short(&name.value);
    let message = format!("the environment has no `{name}`");
    if problems.goes_without(&name) {
        problems.warn(place, message).hint("the service does not start without it in its own environment");
        return Some(Secret::new(String::new()));
    }
    problems.error(place, message).hint(WHERE);
    None
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    // A pipe would be waited for.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MOST { Err("is too large".to_owned()) } else { Ok(bytes) }
}
