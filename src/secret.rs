//! The only place that asks for randomness (a lint forbids it elsewhere), and the types that keep
//! secrets out of logs and out of `==`.
//!
//! Owns [`Token`] (what a browser or client carries), [`Digest`] (what the store keeps of it),
//! [`Secret`] (text that must not be printed) and [`Id`]. Password hashes are in `login::password`,
//! sealing of keys at rest in `keys`.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroize;

use crate::clock::Timestamp;

/// `N` bytes from the system's cryptographic generator.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that may ask")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if rand::fill(&mut bytes).is_err() {
        // aws-lc aborts by itself when the kernel refuses entropy; going on with zeros is not an option.
        std::process::abort();
    }
    bytes
}

/// `N` random bytes as base64url without padding: letters, digits, `-` and `_` only.
#[must_use]
pub fn random_text<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(random::<N>())
}

/// A time-ordered record id (UUID version 7, RFC 9562 section 5.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(Uuid);

impl Id {
    /// A fresh id that sorts by `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random()).into_uuid())
    }

    /// The 16 bytes, most significant first.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Id {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// SHA-256 of something secret. Compare with [`Digest::matches`], never with `==`.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The SHA-256 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(out)
    }

    /// Whether `bytes` has this digest, in constant time.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        Self::of(bytes).0.ct_eq(&self.0).into()
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(serde::de::Error::custom)?;
        bytes.try_into().map(Self).map_err(|_| serde::de::Error::custom("a digest has 32 bytes"))
    }
}

/// Whether two secrets are the same, in constant time for equal lengths.
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Text that is never printed and is wiped when dropped.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What a [`Token`] stands for; its prefix keeps one kind from being taken for another.
pub trait TokenKind {
    /// Two letters and an underscore.
    const PREFIX: &'static str;
}

macro_rules! token_kinds {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl TokenKind for $name {
            const PREFIX: &'static str = $prefix;
        }
    )*};
}

token_kinds! {
    /// An authorization code (RFC 6749 section 4.1.2).
    CodeToken = "gc_";
    /// A refresh token (RFC 6749 section 1.5).
    RefreshToken = "gr_";
    /// A reference to a pushed authorization request (RFC 9126 section 2.2).
    PushedToken = "gp_";
    /// An initial access token (RFC 7591 section 1.2).
    InvitationToken = "gi_";
    /// A registration access token (RFC 7592 section 1.2).
    RegistrationToken = "gm_";
    /// A browser session cookie.
    SessionToken = "gs_";
    /// The cookie that binds pending sign-ins to a browser.
    BrowserToken = "gb_";
    /// The cookie of a browser in which a person has signed in before.
    DeviceToken = "gd_";
    /// The link that says a sign-in was somebody else's.
    DisavowalToken = "gn_";
    /// A device code (RFC 8628 section 3.2).
    DeviceCodeToken = "gx_";
    /// The address at which somebody answers for another browser.
    ApprovalToken = "ga_";
    /// The link that proves the mail address of a new account.
    ActivationToken = "gv_";
}

/// A bearer value: prefix, 16-byte time-ordered id and 32 random bytes, as 64 characters of base64url.
/// The record is found by the id and keeps only the [`Digest`] of the random bytes.
pub struct Token<K> {
    id: Id,
    secret: [u8; 32],
    kind: PhantomData<K>,
}

impl<K: TokenKind> Token<K> {
    /// A fresh token; its id sorts by `now`.
    #[must_use]
    pub fn generate(now: Timestamp) -> Self {
        Self::with_id(Id::new(now))
    }

    /// A token with a fresh secret for a record that exists already.
    #[must_use]
    pub fn with_id(id: Id) -> Self {
        Self::from_parts(id, random())
    }

    /// A token whose secret is known: a refresh answered twice yields the same successor.
    #[must_use]
    pub const fn from_parts(id: Id, secret: [u8; 32]) -> Self {
        Self { id, secret, kind: PhantomData }
    }

    /// Reads what a peer presented; `None` for anything that is not a token of this kind.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(K::PREFIX)?;
        if encoded.len() != 64 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let (id, secret) = bytes.split_first_chunk::<16>()?;
        Some(Self { id: Id::from_bytes(*id), secret: secret.try_into().ok()?, kind: PhantomData })
    }

    /// The record's id.
    #[must_use]
    pub const fn id(&self) -> Id {
        self.id
    }

    /// What the record keeps.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.secret)
    }

    /// Whether a record that keeps `digest` belongs to this token, in constant time.
    #[must_use]
    pub fn proves(&self, digest: &Digest) -> bool {
        digest.matches(&self.secret)
    }

    /// The text for the bearer.
    #[must_use]
    pub fn reveal(&self) -> String {
        let mut bytes = [0; 48];
        let (id, secret) = bytes.split_at_mut(16);
        id.copy_from_slice(self.id.bytes());
        secret.copy_from_slice(&self.secret);
        format!("{}{}", K::PREFIX, URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl<K: TokenKind> fmt::Debug for Token<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[redacted]", K::PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_only_as_its_own_kind() {
        let token = Token::<CodeToken>::generate(Timestamp::from_seconds(1));
        let text = token.reveal();
        let read = Token::<CodeToken>::parse(&text).expect("own kind");
        assert_eq!(read.id(), token.id());
        assert!(read.proves(&token.digest()));
        assert!(Token::<RefreshToken>::parse(&text).is_none());
    }

    #[test]
    fn a_cut_longer_or_changed_token_proves_nothing() {
        let token = Token::<CodeToken>::generate(Timestamp::from_seconds(1));
        let text = token.reveal();
        assert!(Token::<CodeToken>::parse(&text[..text.len() - 1]).is_none());
        assert!(Token::<CodeToken>::parse(&format!("{text}A")).is_none());
        let last = if text.ends_with('A') { "B" } else { "A" };
        let changed = format!("{}{last}", &text[..text.len() - 1]);
        assert!(!Token::<CodeToken>::parse(&changed).expect("well-formed").proves(&token.digest()));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let token = Token::<SessionToken>::generate(Timestamp::from_seconds(1));
        assert_eq!(format!("{token:?}"), "gs_[redacted]");
        assert_eq!(format!("{:?} {:?}", Secret::new("x".into()), token.digest()), "[redacted] [digest]");
    }
}
