//! What every request passes, in and out: who asks (behind trusted proxies), whether it asks for us, size
//! limits, security headers, a reference number and a log line without secrets.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};

use super::answer;
use super::render::Message;
use crate::app::App;
use crate::config::{Config, Tls};
use crate::secret::random;

/// Longest request target, in bytes.
const MAX_TARGET: usize = 16 * 1024;
/// All headers together, in bytes.
const MAX_HEADERS: usize = 16 * 1024;

/// What the edge found out about a request.
#[derive(Debug, Clone)]
pub struct Caller {
    pub address: IpAddr,
    /// Whether the person's connection is encrypted, as far as we can know.
    pub secure: bool,
    /// Short and random; stands on error pages and in the log.
    pub reference: String,
}

impl Caller {
    /// Of this request; the edge has put it there.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or(Self {
            address: IpAddr::from([0, 0, 0, 0]),
            secure: false,
            reference: String::new(),
        })
    }
}

/// The edge as middleware.
pub async fn pass(
    app: web::Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let config = app.config();
    let caller = Caller {
        address: address(&request, &config),
        secure: is_secure(&request, &config),
        reference: reference(),
    };
    let started = app.clock.now();
    request.extensions_mut().insert(caller.clone());
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let mut response = match refusal(&request, &config, &caller) {
        Some(response) => request.into_response(response).map_into_boxed_body(),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    harden(response.headers_mut(), &config);
    if let Ok(reference) = HeaderValue::from_str(&caller.reference) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), reference);
    }
    tracing::debug!(
        target: "gantry::http",
        %method,
        path = printable(&path),
        status = response.status().as_u16(),
        millis = app.clock.now().since(started).as_millis(),
        address = %caller.address,
        reference = caller.reference,
    );
    Ok(response)
}

/// Eight characters without vowels or look-alikes: people read them out on the phone.
fn reference() -> String {
    const ALPHABET: [char; 20] =
        ['2', '3', '4', '6', '7', '9', 'C', 'D', 'F', 'H', 'J', 'K', 'M', 'N', 'P', 'R', 'T', 'W', 'X', 'Z'];
    random::<8>().iter().filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len())).collect()
}

/// Control characters never reach a log line as they are, and tokens in links not at all (EO-08 of the attack list).
fn printable(path: &str) -> String {
    let is_token = |last: &str| last.starts_with('g') && last.as_bytes().get(2) == Some(&b'_');
    let shown = match path.rsplit_once('/') {
        Some((folder, last)) if is_token(last) => format!("{folder}/[redacted]"),
        _ => path.to_owned(),
    };
    shown
        .chars()
        .take(200)
        .map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { '?' } else { c })
        .collect()
}

fn refusal(request: &ServiceRequest, config: &Arc<Config>, caller: &Caller) -> Option<HttpResponse> {
    let page = |status, message| Some(answer::plain_error(request.request(), config, status, message));
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > MAX_TARGET {
        return page(StatusCode::URI_TOO_LONG, Message::BadRequest);
    }
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > MAX_HEADERS {
        return page(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Message::BadRequest);
    }
    if matches!(request.path(), "/healthz" | "/readyz") {
        return None;
    }
    if !asks_for_us(request, &config.issuer) {
        return page(StatusCode::MISDIRECTED_REQUEST, Message::NotFound);
    }
    if !caller.secure && config.issuer.starts_with("https:") {
        return Some(to_https(request, config));
    }
    None
}

/// No cookie is taken or given without TLS: pages move over, everything else is refused.
fn to_https(request: &ServiceRequest, config: &Config) -> HttpResponse {
    if request.method() != Method::GET {
        return HttpResponse::BadRequest().body("use https");
    }
    let origin = origin_of(&config.issuer);
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, format!("{origin}{target}"))).finish()
}

/// The host of the request is the issuer's: links and cookies are made for no other (PW-13).
fn asks_for_us(request: &ServiceRequest, issuer: &str) -> bool {
    let expected = authority_of(issuer);
    let hosts: Vec<_> = request.headers().get_all(header::HOST).collect();
    let absolute_form = request.uri().authority().is_none_or(|authority| authority.as_str() == expected);
    match hosts.as_slice() {
        [host] => absolute_form && host.as_bytes().eq_ignore_ascii_case(expected.as_bytes()),
        _ => false,
    }
}

/// `https://id.example.org` of `https://id.example.org/base`.
fn origin_of(issuer: &str) -> String {
    let scheme = issuer.split_once("://").map_or("https", |(scheme, _)| scheme);
    format!("{scheme}://{}", authority_of(issuer))
}

fn authority_of(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// The right-most address that is not one of our proxies; their word about it counts, nobody else's.
fn address(request: &ServiceRequest, config: &Config) -> IpAddr {
    let Some(peer) = peer(request) else {
        return forwarded_for(request, config).unwrap_or(LOCAL);
    };
    if trusted(peer, config) { forwarded_for(request, config).unwrap_or(peer) } else { peer }
}

/// Of which nothing is known.
const NOWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// `None` for a Unix socket, whose file permissions say who may connect.
fn peer(request: &ServiceRequest) -> Option<IpAddr> {
    request.peer_addr().map(|peer| peer.ip().to_canonical())
}

fn trusted(peer: IpAddr, config: &Config) -> bool {
    config.trusted_proxies.iter().any(|network| network.contains(&peer))
}

/// `None`: nobody but our proxies is named. What a proxy passed on and cannot be read is nowhere: it must not turn
/// into the proxy's own address, which policies may let in (AD-03 of the attack list).
fn forwarded_for(request: &ServiceRequest, config: &Config) -> Option<IpAddr> {
    let lists = request.headers().get_all("x-forwarded-for").map(HeaderValue::as_bytes);
    let hops: Vec<&[u8]> = lists.flat_map(|list| list.split(|byte| *byte == b',')).collect();
    let addresses = hops.into_iter().rev().map(|hop| read_hop(hop).unwrap_or(NOWHERE));
    addresses.into_iter().find(|hop| !trusted(*hop, config))
}

/// An address as proxies write it: bare, in brackets, with a port.
fn read_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse::<IpAddr>().ok().or_else(with_port).map(|address| address.to_canonical())
}

fn is_secure(request: &ServiceRequest, config: &Config) -> bool {
    if config.tls != Tls::Off {
        return true;
    }
    let believed = peer(request).is_none_or(|peer| trusted(peer, config));
    let protos: Vec<_> = request.headers().get_all("x-forwarded-proto").collect();
    believed && matches!(protos.as_slice(), [proto] if proto.as_bytes() == b"https")
}

/// Headers of every answer (RFC 9700 section 4.16); what a handler has set stays.
fn harden(headers: &mut HeaderMap, config: &Config) {
    let mut default = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    default(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::X_FRAME_OPTIONS, "DENY");
    default(header::REFERRER_POLICY, "no-referrer");
    default(header::CACHE_CONTROL, "no-store");
    if config.issuer.starts_with("https:") {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}
