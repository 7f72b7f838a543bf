//! What clients have against a certificate that can serve. Who signed it is their business and not looked at.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};

use super::issuer_host;
use crate::clock::Timestamp;
use crate::config::{Config, Tls};

const DAY: u64 = 24 * 3600;
/// A certificate is spoken of when less is left of it than this and than a third of its life.
const SOON: u64 = 14 * DAY;

/// Each goes on after the name of the file.
pub(super) fn against(chain: &[CertificateDer<'_>], config: &Config, now: Timestamp) -> Vec<String> {
    let Some((leaf, others)) = chain.split_first() else {
        return Vec::new();
    };
    let now = UnixTime::since_unix_epoch(now.since(Timestamp::from_seconds(0)));
    let refused = match refusal(leaf, now) {
        Some(webpki::Error::CertExpired { .. }) => Some("has expired: clients refuse it"),
        Some(webpki::Error::CertNotValidYet { .. }) => Some("is not valid yet: clients refuse it"),
        Some(webpki::Error::CaUsedAsEndEntity) => {
            Some("is the certificate of an authority: some clients refuse it as a server's")
        }
        Some(webpki::Error::RequiredEkuNotFoundContext(_)) => {
            Some("is not for servers (extended key usage): clients refuse it")
        }
        _ => None,
    };
    let mut objections: Vec<_> = refused.map(str::to_owned).into_iter().collect();
    objections.extend(ends_soon(leaf, now));
    if others.iter().any(|other| matches!(refusal(other, now), Some(webpki::Error::CertExpired { .. }))) {
        objections.push("has a certificate in its chain that has expired: some clients refuse it".to_owned());
    }
    objections.extend(is_elsewhere(leaf, config));
    objections
}

/// Why it is no server's certificate at `time`. Its own times are looked at before all else, and that nobody known
/// signed it after all else.
fn refusal(certificate: &CertificateDer<'_>, time: UnixTime) -> Option<webpki::Error> {
    let read = EndEntityCert::try_from(certificate).ok()?;
    let usage = KeyUsage::server_auth();
    read.verify_for_usage(ALL_VERIFICATION_ALGS, &[], &[], time, usage, None, None).err()
}

fn ends_soon(certificate: &CertificateDer<'_>, now: UnixTime) -> Option<String> {
    let at = |seconds| refusal(certificate, UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
    let begins = match at(0) {
        Some(webpki::Error::CertNotValidYet { not_before, .. }) => not_before.as_secs(),
        _ => 0,
    };
    let ends = match at(u64::MAX) {
        Some(webpki::Error::CertExpired { not_after, .. }) => not_after.as_secs(),
        _ => u64::MAX,
    };
    let left = ends.checked_sub(now.as_secs())?;
    let soon = begins <= now.as_secs() && left < SOON.min((ends - begins.min(ends)) / 3);
    soon.then(|| format!("expires in {} day(s)", left / DAY))
}

/// Whether it is for another host. A proxy may reach us under another name, so it is not asked behind one.
fn is_elsewhere(certificate: &CertificateDer<'_>, config: &Config) -> Option<String> {
    if !config.trusted_proxies.is_empty() {
        return None;
    }
    let host = issuer_host(config)?;
    let name = ServerName::try_from(host.as_str()).ok()?;
    EndEntityCert::try_from(certificate).ok()?.verify_is_valid_for_subject_name(&name).err()?;
    let remedy = match config.tls {
        Tls::SelfSigned => "; remove its folder and gantry makes a new one",
        Tls::Files { .. } | Tls::Off => "",
    };
    Some(format!("is not for {host}, the host of the issuer: clients refuse it{remedy}"))
}
