//! The master key: one file, or a systemd credential, that seals secrets in the store.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::owner::hand_over;
use crate::secret::random;

const CREDENTIAL: &str = "gantry.master";

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("cannot read the master key {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot create the master key {path}: {source}")]
    Create { path: PathBuf, source: io::Error },
    #[error("the master key {path} must hold 32 bytes as base64url, it does not")]
    Malformed { path: PathBuf },
    #[error("the master key {path} can be read by others (mode {mode:o}), it must be 0600 or stricter")]
    TooOpen { path: PathBuf, mode: u32 },
}

/// A sealed value could not be opened: another master key made it, or it was changed.
#[derive(Debug, thiserror::Error)]
#[error("the sealed value of {what} does not open with this master key")]
pub struct UnsealError {
    what: String,
}

/// Bytes under AES-256-GCM, bound to the name of what they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedBytes(String);

impl fmt::Debug for SealedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealed]")
    }
}

/// 256 bits from which every other secret at rest hangs.
pub struct MasterKey {
    seal: LessSafeKey,
    derive: hmac::Key,
}

impl MasterKey {
    /// The systemd credential `gantry.master` when there is one, else `<data_dir>/master.key`, which is
    /// made with mode 0600 when `create` says so: also where there is an empty one, from which nothing can hang.
    pub fn load(data_dir: &Path, create: bool) -> Result<Self, MasterKeyError> {
        let credential =
            std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| Path::new(&dir).join(CREDENTIAL));
        if let Some(path) = credential.filter(|path| path.exists()) {
            return Self::read(&path, false);
        }
        let path = data_dir.join("master.key");
        if create && is_blank(&path) {
            create_file(data_dir, &path)
                .map_err(|source| MasterKeyError::Create { path: path.clone(), source })?;
        }
        Self::read(&path, true)
    }

    fn read(path: &Path, check_mode: bool) -> Result<Self, MasterKeyError> {
        let fail = |source| MasterKeyError::Read { path: path.to_owned(), source };
        let mode = fs::metadata(path).map_err(fail)?.mode() & 0o777;
        if check_mode && mode & 0o077 != 0 {
            return Err(MasterKeyError::TooOpen { path: path.to_owned(), mode });
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(fail)?);
        let malformed = || MasterKeyError::Malformed { path: path.to_owned() };
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| malformed())?);
        Self::from_bytes(&bytes).ok_or_else(malformed)
    }

    /// A key from 32 bytes; `None` for any other length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let derive = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let seal = hmac::sign(&derive, b"gantry seal v1");
        let seal = UnboundKey::new(&AES_256_GCM, seal.as_ref()).ok()?;
        (bytes.len() == 32).then(|| Self { seal: LessSafeKey::new(seal), derive })
    }

    /// Seals `plain`, bound to `what`: it opens under the same name only.
    #[must_use]
    pub fn seal(&self, what: &str, plain: &[u8]) -> SealedBytes {
        let nonce: [u8; 12] = random();
        let mut bytes = plain.to_vec();
        let tag = self.seal.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(what.as_bytes()),
            &mut bytes,
        );
        let Ok(tag) = tag else {
            // Only an input of more than 2^36 bytes gets here.
            return SealedBytes(String::new());
        };
        SealedBytes(URL_SAFE_NO_PAD.encode([&nonce[..], &bytes, tag.as_ref()].concat()))
    }

    /// Opens what [`MasterKey::seal`] made under the same name.
    pub fn open(&self, what: &str, sealed: &SealedBytes) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        self.try_open(what, sealed).ok_or_else(|| UnsealError { what: what.to_owned() })
    }

    fn try_open(&self, what: &str, sealed: &SealedBytes) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = URL_SAFE_NO_PAD.decode(&sealed.0).ok()?;
        let (nonce, rest) = bytes.split_first_chunk::<12>()?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.seal.open_in_place(nonce, Aad::from(what.as_bytes()), &mut rest).ok()?;
        Some(Zeroizing::new(plain.to_vec()))
    }

    /// 32 bytes that only this key yields for `purpose` and `input`.
    #[must_use]
    pub fn derive(&self, purpose: &str, input: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.derive);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(input);
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

fn is_blank(path: &Path) -> bool {
    fs::metadata(path).map_or_else(|error| error.kind() == ErrorKind::NotFound, |found| found.len() == 0)
}

/// It has its name when it is whole and on the disk, not before.
fn create_file(data_dir: &Path, path: &Path) -> io::Result<()> {
    let folder = File::open(data_dir)?;
    // Another process may be about to make one: whoever is second takes that of the first.
    folder.lock()?;
    if !is_blank(path) {
        return Ok(());
    }
    let draft = path.with_extension("key.new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*Zeroizing::new(random::<32>())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    hand_over(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    folder.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_under_its_own_name_only() {
        let key = MasterKey::from_bytes(&[7; 32]).expect("32 bytes");
        let sealed = key.seal("client app", b"secret");
        assert_eq!(key.open("client app", &sealed).expect("opens").as_slice(), b"secret");
        assert!(key.open("client other", &sealed).is_err());
        assert!(MasterKey::from_bytes(&[8; 32]).expect("32 bytes").open("client app", &sealed).is_err());
    }

    #[test]
    fn a_master_key_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("folder");
        MasterKey::load(dir.path(), true).expect("made");
        let path = dir.path().join("master.key");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(matches!(MasterKey::load(dir.path(), true), Err(MasterKeyError::TooOpen { .. })));
        fs::write(&path, "short").expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
        assert!(matches!(MasterKey::load(dir.path(), true), Err(MasterKeyError::Malformed { .. })));
    }
}
