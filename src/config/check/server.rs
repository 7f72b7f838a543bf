//! Where the server listens, who speaks TLS and which proxies are believed.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::resolve;
use crate::config::error::{Place, Problems};
use crate::config::meant::{Listen, Tls};
use crate::config::read::{At, short};
use crate::config::schema;

/// `address:port`, `[address]:port` or `unix:/path`.
pub(super) fn listen(text: &At<String>, base: &Path, problems: &mut Problems) -> Option<Listen> {
    if let Some(path) = text.value.strip_prefix("unix:") {
        let path = At { value: path.to_owned(), place: text.place };
        return resolve(base, &path, problems).map(Listen::Unix);
    }
    if let Ok(address) = text.value.parse() {
        return Some(Listen::Tcp(address));
    }
    problems
        .error(text.place, format!("`{}` is not an address to listen on", short(&text.value)))
        .hint(guess(&text.value));
    None
}

/// What was probably meant.
fn guess(text: &str) -> String {
    let port = text.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    let host = text.rsplit_once(':').map_or("", |(host, _)| host);
    match (host, port) {
        ("" | "*", Some(port)) => format!("write `0.0.0.0:{port}` for every address"),
        ("localhost", Some(port)) => format!("write `127.0.0.1:{port}`"),
        _ if text.starts_with('/') => format!("write `unix:{}`", short(text)),
        _ => "an address and a port such as `127.0.0.1:8443`, or `unix:/run/gantry/http.sock`".to_owned(),
    }
}

pub(super) fn tls(written: schema::Tls, base: &Path, problems: &mut Problems) -> Option<Tls> {
    match written {
        schema::Tls::SelfSigned(_) => Some(Tls::SelfSigned),
        schema::Tls::Off(_) => Some(Tls::Off),
        schema::Tls::Files(files) => {
            let certificate = files.certificate.and_then(|path| existing(base, &path, problems));
            let key = files.key.and_then(|path| existing(base, &path, problems));
            Some(Tls::Files { certificate: certificate?, key: key? })
        }
    }
}

/// A file that is there, as far as can be seen: a check may run as somebody who must not look.
fn existing(base: &Path, written: &At<String>, problems: &mut Problems) -> Option<PathBuf> {
    let path = resolve(base, written, problems)?;
    let message = match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => "is a folder",
        Err(error) if error.kind() == ErrorKind::NotFound => "does not exist",
        _ => return Some(path),
    };
    problems
        .error(written.place, format!("`{}` {message}", short(&written.value)))
        .hint("relative paths start at the folder of this file");
    None
}

/// Networks, or single addresses.
pub(super) fn networks(written: Vec<At<String>>, problems: &mut Problems) -> Option<Vec<IpNet>> {
    let read: Vec<_> = written.into_iter().map(|text| network(&text, problems)).collect();
    read.into_iter().collect()
}

/// Whose headers are believed.
pub(super) fn proxies(written: Vec<At<String>>, problems: &mut Problems) -> Option<Vec<IpNet>> {
    for text in &written {
        if text.value.parse::<IpNet>().is_ok_and(|network| network.prefix_len() == 0) {
            problems
                .warn(text.place, format!("`{}` believes the headers of everybody", text.value))
                .hint("name the addresses of your proxies");
        }
    }
    networks(written, problems)
}

fn network(text: &At<String>, problems: &mut Problems) -> Option<IpNet> {
    let single = text.value.parse::<IpAddr>().map(IpNet::from);
    let Ok(network) = text.value.parse::<IpNet>().or(single) else {
        problems
            .error(text.place, format!("`{}` is not a network", short(&text.value)))
            .hint("such as `127.0.0.1/32` or `10.0.0.0/8`");
        return None;
    };
    if network.trunc() != network {
        problems
            .error(text.place, format!("`{network}` has bits beyond its prefix"))
            .hint(format!("did you mean `{}`?", network.trunc()));
        return None;
    }
    Some(network)
}

/// Where what goes together is written.
pub(super) struct Places {
    listen: Option<Place>,
    tls: Option<Place>,
}

impl Places {
    pub(super) fn of(root: &schema::Root) -> Self {
        let listen = root.listen.as_ref().map(|listen| listen.place);
        Self { listen, tls: root.tls.as_ref().map(|tls| tls.place) }
    }
}

/// Whether address, TLS and proxies fit.
pub(super) fn together(
    places: &Places,
    listen: Option<&Listen>,
    tls: Option<&Tls>,
    proxies: Option<&[IpNet]>,
    problems: &mut Problems,
) {
    match (listen, tls) {
        (Some(Listen::Unix(_)), Some(Tls::Files { .. } | Tls::SelfSigned)) => {
            refuse_tls_on_a_socket(places, problems);
        }
        (Some(Listen::Tcp(address)), Some(Tls::Off)) if proxies.is_some_and(<[_]>::is_empty) => {
            warn_of_plain_http(places, *address, problems);
        }
        _ => {}
    }
}

/// A socket is for a proxy, and what comes over it is plain HTTP whatever `tls` says.
fn refuse_tls_on_a_socket(places: &Places, problems: &mut Problems) {
    // What is not written is a default, and has no place of its own.
    let written = [places.tls, places.listen].into_iter().flatten().find(|place| place.is_written());
    problems
        .error(
            written.unwrap_or(Place::NONE),
            "there is no TLS on a Unix socket, which is for a proxy that speaks it",
        )
        .hint("write `tls: off`, or listen on an address");
}

/// Passwords in clear text across a network are hardly meant.
fn warn_of_plain_http(places: &Places, address: SocketAddr, problems: &mut Problems) {
    if let Some(place) = places.tls.filter(|_| is_reachable(address)) {
        problems
            .warn(place, format!("plain HTTP on {address}, which others can reach, and no trusted proxy"))
            .hint("name the proxy that speaks TLS in `trusted_proxies`, or listen on 127.0.0.1");
    }
}

fn is_reachable(address: SocketAddr) -> bool {
    !address.ip().is_loopback()
}
