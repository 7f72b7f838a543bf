//! TLS 1.2 and 1.3 with a certificate that can be replaced while the service runs.

mod objections;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::clock::Timestamp;
use crate::config::{Config, Tls};
use crate::owner::hand_over;

/// Why there is no usable certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {path}: {why}")]
    Read { path: PathBuf, why: String },
    #[error("cannot read {path}: permission denied")]
    Denied { path: PathBuf },
    #[error("{path} holds no certificate in PEM form")]
    NoCertificate { path: PathBuf },
    #[error("{path} holds no private key in PEM form")]
    NoKey { path: PathBuf },
    #[error("the certificate {certificate} and the key {key} do not belong together: {why}")]
    Mismatch { certificate: PathBuf, key: PathBuf, why: String },
    #[error("cannot make a certificate in {path}: {why}")]
    SelfSigned { path: PathBuf, why: String },
    #[error("the TLS library refused its own defaults: {0}")]
    Library(#[from] rustls::Error),
}

/// What to do about most of them.
pub const TLS_HINT: &str =
    "tls names PEM files that this user may read; tls: { self_signed: {} } makes its own";

/// The certificate in use.
pub struct Certificate {
    current: ArcSwap<CertifiedKey>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate")
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl Certificate {
    /// Reads the files that `config` names, or makes a self-signed pair in the data folder. `None` without TLS.
    pub fn load(config: &Config) -> Result<Option<Arc<Self>>, TlsError> {
        let Some((certificate, key)) = files(config)? else {
            return Ok(None);
        };
        let current = ArcSwap::new(Arc::new(read(&certificate, &key)?));
        Ok(Some(Arc::new(Self { current })))
    }

    /// Reads the files again; on any error the old certificate stays.
    pub fn reload(&self, config: &Config) -> Result<(), TlsError> {
        if let Some((certificate, key)) = files(config)? {
            self.current.store(Arc::new(read(&certificate, &key)?));
        }
        Ok(())
    }

    /// The server's side of TLS with this certificate.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let resolver = Arc::clone(self);
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// What clients will have against the certificate that `config` names, or why it cannot serve. Files that belong to the
/// service may be hidden from whoever checks: they are named, not refused. Makes none.
pub fn examine(config: &Config, now: Timestamp) -> Result<Vec<String>, TlsError> {
    let Some((certificate, key)) = paths(config) else {
        return Ok(Vec::new());
    };
    if is_to_be_made(config, &certificate, &key) {
        return Ok(Vec::new());
    }
    let mut said = Vec::new();
    match read(&certificate, &key) {
        Err(TlsError::Denied { path }) if !is_service(config) => {
            said.push(format!("{} cannot be read by this user and was not looked at", path.display()));
        }
        whole => drop(whole?),
    }
    // What cannot be read here was named above.
    let chain = read_chain(&certificate).unwrap_or_default();
    let objections = objections::against(&chain, config, now);
    said.extend(objections.into_iter().map(|objection| format!("{} {objection}", certificate.display())));
    Ok(said)
}

/// Whether this process is the user to whom the data folder belongs.
fn is_service(config: &Config) -> bool {
    let owner = |path: &Path| fs::metadata(path).map(|found| found.uid()).ok();
    owner(&config.data_dir).is_some_and(|uid| owner(Path::new("/proc/self")) == Some(uid))
}

fn issuer_host(config: &Config) -> Option<String> {
    let url = url::Url::parse(&config.issuer).ok()?;
    Some(url.host_str()?.trim_matches(['[', ']']).to_owned())
}

/// The certificate of the little authority that signed our own certificate: what clients are told to trust.
#[must_use]
pub fn own_authority(data_dir: &Path) -> PathBuf {
    data_dir.join("tls/ca.pem")
}

fn paths(config: &Config) -> Option<(PathBuf, PathBuf)> {
    match &config.tls {
        Tls::Off => None,
        Tls::Files { certificate, key } => Some((certificate.clone(), key.clone())),
        Tls::SelfSigned => Some((config.data_dir.join("tls/cert.pem"), config.data_dir.join("tls/key.pem"))),
    }
}

/// The paths, with the files there.
fn files(config: &Config) -> Result<Option<(PathBuf, PathBuf)>, TlsError> {
    let paths = paths(config);
    if let Some((certificate, key)) = &paths
        && is_to_be_made(config, certificate, key)
    {
        make_self_signed(config, certificate, key)?;
    }
    Ok(paths)
}

fn is_to_be_made(config: &Config, certificate: &Path, key: &Path) -> bool {
    matches!(config.tls, Tls::SelfSigned) && !(certificate.exists() && key.exists())
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let chain = read_chain(certificate)?;
    let der = PrivateKeyDer::from_pem_slice(&read_file(key)?)
        .map_err(|_| TlsError::NoKey { path: key.to_owned() })?;
    CertifiedKey::from_der(chain, der, &aws_lc_rs::default_provider()).map_err(|error| match error {
        rustls::Error::InvalidCertificate(why) => {
            TlsError::Read { path: certificate.to_owned(), why: format!("{why:?}") }
        }
        error => TlsError::Mismatch {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            why: error.to_string(),
        },
    })
}

/// The certificate and those between it and its authority.
fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(&read_file(path)?).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| TlsError::Read { path: path.to_owned(), why: error.to_string() })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(chain)
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => TlsError::Denied { path: path.to_owned() },
        _ => TlsError::Read { path: path.to_owned(), why: error.to_string() },
    })
}

/// A certificate for the issuer's host, `localhost` and the loopback addresses, and its key with mode 0600.
/// It is signed by an authority whose own key is forgotten at once, so that trusting it trusts this one
/// certificate: clients do not take an authority's certificate for a server's.
fn make_self_signed(config: &Config, certificate: &Path, key: &Path) -> Result<(), TlsError> {
    let fail = |why: String| TlsError::SelfSigned { path: certificate.to_owned(), why };
    let made = signed_by_own_authority(config).map_err(|error| fail(error.to_string()))?;
    write(key, &made.key, 0o600)
        .and_then(|()| write(&own_authority(&config.data_dir), &made.authority, 0o644))
        .and_then(|()| write(certificate, &made.certificate, 0o644))
        .map_err(|error| fail(error.to_string()))
}

/// All in PEM.
struct SelfSigned {
    authority: String,
    certificate: String,
    key: String,
}

fn signed_by_own_authority(config: &Config) -> Result<SelfSigned, rcgen::Error> {
    let named = |params: &mut CertificateParams, name: &str| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
    };
    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    named(&mut authority, "gantry's own authority");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    authority.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();

    let mut hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    hosts.extend(issuer_host(config).filter(|host| !hosts.contains(host)));
    let mut server = CertificateParams::new(hosts)?;
    named(&mut server, "gantry");
    server.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    server.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let signed = server.signed_by(&key, &Issuer::from_params(&authority, &authority_key))?;
    Ok(SelfSigned { certificate: signed.pem(), authority: authority_pem, key: key.serialize_pem() })
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
        hand_over(dir)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    hand_over(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
