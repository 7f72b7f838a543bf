//! Calls to other hosts: short, bounded, without redirects, and only to where they may go.
//!
//! Addresses come from configuration and from apps, names from DNS: whoever controls one of them must not
//! reach what stands behind this machine. Public addresses may be called, others only when the administrator
//! lists their network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use reqwest::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use url::{Host, Url};

use crate::secret::Secret;

/// One call takes this long at most, from the first packet to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longer answers are cut off, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// What of any answer is read, in bytes.
const BEGINNING: usize = 64 * 1024;

/// A request of any kind. Errors never repeat its address, which may hold a code.
pub struct Request {
    pub method: Method,
    pub url: String,
    /// One of them may be a key.
    pub headers: Vec<(String, Secret)>,
    /// Its type and itself.
    pub body: Option<(String, Vec<u8>)>,
    pub reach: Reach,
}

/// How far a call may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// To public addresses, and where `outbound.allow` says.
    Listed,
    /// Strangers chose the address: what `outbound.allow` lists is not for them.
    PublicOnly,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The number in a header.
    #[must_use]
    pub fn number(&self, header: &str) -> Option<u64> {
        self.headers.get(header)?.to_str().ok()?.trim().parse().ok()
    }

    /// How long the peer wants to be left alone (RFC 9110 section 10.2.3; dates are not read).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.number(RETRY_AFTER.as_str()).map(Duration::from_secs)
    }
}

/// Why a call did not get an answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address is not public and in no network that `outbound.allow` lists.
    #[error("{0} may not be called: it is neither public nor in a network that outbound.allow lists for it")]
    Forbidden(String),
    #[error("the answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
    #[error("{0}")]
    Failed(String),
}

/// The one client for calls to other hosts.
pub struct Outbound {
    client: reqwest::Client,
    allowed: Arc<Allowed>,
    /// For addresses that strangers choose.
    public_client: reqwest::Client,
    nothing: Arc<Allowed>,
}

/// Networks that may be called beside the public ones.
#[derive(Default)]
struct Allowed(ArcSwap<Vec<IpNet>>);

impl Outbound {
    /// A client that may call public addresses and `allowed`.
    pub fn new(allowed: &[IpNet]) -> Result<Self, OutboundError> {
        let (guard, nothing) = (Arc::new(Allowed::default()), Arc::new(Allowed::default()));
        guard.0.store(Arc::new(allowed.to_vec()));
        let (client, public_client) = (client(&guard)?, client(&nothing)?);
        Ok(Self { client, allowed: guard, public_client, nothing })
    }

    /// Calls go to these networks from now on.
    pub fn allow(&self, allowed: &[IpNet]) {
        self.allowed.0.store(Arc::new(allowed.to_vec()));
    }

    const fn side(&self, reach: Reach) -> (&reqwest::Client, &Arc<Allowed>) {
        match reach {
            Reach::Listed => (&self.client, &self.allowed),
            Reach::PublicOnly => (&self.public_client, &self.nothing),
        }
    }

    /// Posts a form and gives the status of the answer.
    pub async fn post(&self, url: &str, form: &[(&str, &str)], reach: Reach) -> Result<u16, OutboundError> {
        let (client, guard) = self.side(reach);
        let answer = client.post(target(url, guard)?).form(form).send().await;
        Ok(answer.map_err(|error| failed(&error))?.status().as_u16())
    }

    /// The body of a good answer.
    pub async fn get(&self, url: &str, reach: Reach) -> Result<Vec<u8>, OutboundError> {
        let (client, guard) = self.side(reach);
        let mut answer = client.get(target(url, guard)?).send().await.map_err(|error| failed(&error))?;
        if !answer.status().is_success() {
            return Err(OutboundError::Failed(format!("the answer is {}", answer.status())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(OutboundError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Sends any request and gives the answer, whatever its status; of a long body the beginning.
    pub async fn request(&self, request: Request) -> Result<Answer, OutboundError> {
        let (client, guard) = self.side(request.reach);
        let url = target(&request.url, guard)?;
        let failed = |error: reqwest::Error| failed(&error.without_url());
        let mut builder = client.request(request.method, url);
        for (name, value) in &request.headers {
            let value = HeaderValue::from_bytes(value.expose().as_bytes());
            let mut value = value.map_err(|error| OutboundError::Failed(error.to_string()))?;
            value.set_sensitive(true);
            builder = builder.header(name.as_str(), value);
        }
        if let Some((content_type, body)) = request.body {
            builder = builder.header(CONTENT_TYPE, content_type).body(body);
        }
        let mut answer = builder.send().await.map_err(failed)?;
        let (status, headers, mut body) = (answer.status().as_u16(), answer.headers().clone(), Vec::new());
        while body.len() < BEGINNING {
            let Some(chunk) = answer.chunk().await.map_err(failed)? else { break };
            body.extend_from_slice(&chunk);
        }
        body.truncate(BEGINNING);
        Ok(Answer { status, headers, body })
    }
}

/// Names are looked at when they are resolved; addresses are never resolved, so they are looked at here.
fn target(url: &str, guard: &Allowed) -> Result<Url, OutboundError> {
    let url = Url::parse(url).map_err(|error| OutboundError::Failed(error.to_string()))?;
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain(_)) | None => None,
    };
    match literal {
        Some(address) if !guard.permits(address) => Err(OutboundError::Forbidden(address.to_string())),
        _ => Ok(url),
    }
}

fn client(guard: &Arc<Allowed>) -> Result<reqwest::Client, OutboundError> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .user_agent(concat!("gantry/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::clone(guard))
        .build()
        .map_err(|error| OutboundError::Failed(causes(&error)))
}

impl Allowed {
    fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.0.load().iter().any(|network| network.contains(&address))
    }
}

impl Resolve for Allowed {
    fn resolve(&self, name: Name) -> Resolving {
        let networks = self.0.load_full();
        Box::pin(async move {
            let guard = Self(ArcSwap::new(networks));
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (good, bad): (Vec<SocketAddr>, Vec<SocketAddr>) =
                found.partition(|found| guard.permits(found.ip()));
            match bad.first() {
                // A name that also leads inside is not to be trusted at all.
                Some(bad) => {
                    Err(OutboundError::Forbidden(format!("{} ({})", name.as_str(), bad.ip())).into())
                }
                None => Ok(Box::new(good.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether the internet at large uses `address`: what the special-purpose registries (RFC 6890) leave, also
/// for IPv4 addresses that travel inside IPv6 ones.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 192 && second == 88 && third == 99)
        || (first == 198 && (second == 18 || second == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, .., before_last, last] = address.segments();
    let inner = |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    match (first, second) {
        // NAT64 (RFC 6052) and 6to4 (RFC 3056).
        (0x64, 0xff9b) if third == 0 => is_public_v4(inner(before_last, last)),
        (0x2002, _) => is_public_v4(inner(second, third)),
        // Protocol assignments (Teredo among them) and documentation.
        (0x2001, second) => second >= 0x200 && second != 0xdb8,
        // Of what is assigned to the internet, 2000::/3, documentation again.
        (first, _) => (0x2000..0x4000).contains(&first) && first != 0x3fff,
    }
}

/// Our own refusal, where that is what happened; else what the client says.
fn failed(error: &reqwest::Error) -> OutboundError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(OutboundError::Forbidden(host)) = error.downcast_ref::<OutboundError>() {
            return OutboundError::Forbidden(host.clone());
        }
        cause = error.source();
    }
    OutboundError::Failed(causes(error))
}

fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_internet_uses_is_public() {
        // SR-01
        for inside in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!is_public(inside.parse().expect(inside)), "{inside}");
        }
        for outside in
            ["1.1.1.1", "192.0.1.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"]
        {
            assert!(is_public(outside.parse().expect(outside)), "{outside}");
        }
    }

    #[tokio::test]
    async fn an_address_inside_is_not_called_however_it_is_written() {
        // SR-01
        crate::install_crypto();
        let outbound = Outbound::new(&["10.0.0.0/8".parse().expect("network")]).expect("client");
        for host in [
            "127.0.0.1",
            "127.1",
            "0.0.0.0",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::]",
            "169.254.169.254",
            "[fd00::1]",
            "[fe80::1]",
            "localhost",
        ] {
            let refused = outbound.post(&format!("http://{host}:1/"), &[], Reach::Listed).await;
            assert!(matches!(refused, Err(OutboundError::Forbidden(_))), "{host}: {refused:?}");
        }
        assert!(target("http://10.1.1.1/", &outbound.allowed).is_ok());
        assert!(target("http://10.1.1.1/", &outbound.nothing).is_err());
        outbound.allow(&[]);
        assert!(target("http://10.1.1.1/", &outbound.allowed).is_err());
    }
}
