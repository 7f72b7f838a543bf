//! TLS 1.2 and 1.3 with a certificate that can be replaced while the service runs.

use std::fs;
use std::io;
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

use crate::config::{Config, Tls};
use crate::owner::hand_over;

/// Why there is no usable certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {path}: {why}")]
    Read { path: PathBuf, why: String },
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

/// The certificate of the little authority that signed our own certificate: what clients are told to trust.
#[must_use]
pub fn own_authority(data_dir: &Path) -> PathBuf {
    data_dir.join("tls/ca.pem")
}

fn files(config: &Config) -> Result<Option<(PathBuf, PathBuf)>, TlsError> {
    match &config.tls {
        Tls::Off => Ok(None),
        Tls::Files { certificate, key } => Ok(Some((certificate.clone(), key.clone()))),
        Tls::SelfSigned => {
            let certificate = config.data_dir.join("tls/cert.pem");
            let key = config.data_dir.join("tls/key.pem");
            if !(certificate.exists() && key.exists()) {
                make_self_signed(config, &certificate, &key)?;
            }
            Ok(Some((certificate, key)))
        }
    }
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let unreadable = |path: &Path, why: String| TlsError::Read { path: path.to_owned(), why };
    let text = |path: &Path| fs::read(path).map_err(|error| unreadable(path, error.to_string()));
    let chain = text(certificate)?;
    let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| unreadable(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: certificate.to_owned() });
    }
    let der =
        PrivateKeyDer::from_pem_slice(&text(key)?).map_err(|_| TlsError::NoKey { path: key.to_owned() })?;
    let mismatch = |error: rustls::Error| TlsError::Mismatch {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        why: error.to_string(),
    };
    CertifiedKey::from_der(chain, der, &aws_lc_rs::default_provider()).map_err(mismatch)
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

    let host = url::Url::parse(&config.issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
    let mut hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    hosts.extend(
        host.map(|host| host.trim_matches(['[', ']']).to_owned()).filter(|host| !hosts.contains(host)),
    );
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
