//! Second factors: what a person has enrolled, and how a proof is checked.
//!
//! Owns the records and the arithmetic of each factor. When one is asked for is decided by `policy`, and asked
//! by `login`.

pub mod code;
pub mod contact;
pub mod grid;
pub mod kba;
pub mod method;
pub mod oath;
pub mod own_key;
pub mod passkey;
pub mod pskc;
pub mod radius;
pub mod recovery;
pub mod totp;
pub mod web_push;
pub mod yubikey;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use kba::Question;
use oath::OathToken;
use totp::TotpForm;
use web_push::PushBrowser;
use yubikey::Yubikey;

use crate::account::User;
use crate::clock::Timestamp;
use crate::keys::SealedBytes;
use crate::secret::{Digest, Id};
use crate::store::{Batch, Expect, IndexEntry, Kind, Record, Stored};

pub use method::Method;
pub use own_key::OwnKey;
pub use passkey::Passkey;

/// What can be enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    Totp,
    RecoveryCodes,
    /// Another mail address than the account's.
    AlternateEmail,
    Phone,
    /// A topic of a push service.
    Push,
    /// Browsers that take push messages.
    WebPush,
    Passkey,
    /// A device that shows codes.
    HardwareToken,
    Yubikey,
    /// A printed card.
    Grid,
    /// Security questions.
    Kba,
}

impl FactorKind {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::Totp,
        Self::RecoveryCodes,
        Self::AlternateEmail,
        Self::Phone,
        Self::Push,
        Self::WebPush,
        Self::HardwareToken,
        Self::Yubikey,
        Self::Grid,
        Self::Kba,
        Self::Passkey,
    ];

    /// Whether people enrol it by themselves: tokens come from the administrator, recovery codes with another one.
    #[must_use]
    pub const fn is_own(self) -> bool {
        !matches!(self, Self::RecoveryCodes | Self::HardwareToken | Self::Yubikey)
    }

    /// Whether something is sent there before it counts.
    #[must_use]
    pub const fn is_reached(self) -> bool {
        matches!(self, Self::AlternateEmail | Self::Phone | Self::Push | Self::WebPush)
    }

    /// Whether it stands in for another one, so that nobody is asked to begin with it.
    #[must_use]
    pub const fn stands_in(self) -> bool {
        matches!(self, Self::Grid | Self::Kba)
    }

    /// Whether a person may have several, each with a name.
    #[must_use]
    pub const fn is_several(self) -> bool {
        matches!(self, Self::Passkey | Self::HardwareToken | Self::Yubikey | Self::WebPush)
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// As commands print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCodes => "recovery_codes",
            Self::AlternateEmail => "alternate_email",
            Self::Phone => "phone",
            Self::Push => "push",
            Self::WebPush => "web_push",
            Self::HardwareToken => "hardware_token",
            Self::Yubikey => "yubikey",
            Self::Grid => "grid",
            Self::Kba => "kba",
            Self::Passkey => "passkey",
        }
    }
}

/// A factor of one person; there is one of each kind.
#[derive(Clone, Serialize, Deserialize)]
pub struct Factor {
    pub user: Id,
    pub content: Content,
    pub created_at: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Totp {
        secret: SealedBytes,
        /// Steps only grow: a code is good once (RFC 6238 section 5.2).
        last_step: u64,
        #[serde(default)]
        form: TotpForm,
    },
    RecoveryCodes {
        /// Those that have not been used.
        left: Vec<Digest>,
    },
    /// Where the person is reached.
    Contact {
        kind: FactorKind,
        to: SealedBytes,
    },
    WebPush {
        /// In the order in which they were added.
        browsers: Vec<PushBrowser>,
    },
    HardwareTokens {
        /// One at least.
        tokens: Vec<OathToken>,
    },
    Yubikeys {
        /// One at least.
        keys: Vec<Yubikey>,
    },
    Grid {
        seed: SealedBytes,
        /// Right answers so far.
        uses: u64,
    },
    Kba {
        questions: Vec<Question>,
        uses: u64,
    },
    Passkeys {
        /// In the order in which they were added, one at least.
        keys: Vec<Passkey>,
    },
}

impl Content {
    #[must_use]
    pub const fn kind(&self) -> FactorKind {
        match self {
            Self::Totp { .. } => FactorKind::Totp,
            Self::RecoveryCodes { .. } => FactorKind::RecoveryCodes,
            Self::Contact { kind, .. } => *kind,
            Self::WebPush { .. } => FactorKind::WebPush,
            Self::HardwareTokens { .. } => FactorKind::HardwareToken,
            Self::Yubikeys { .. } => FactorKind::Yubikey,
            Self::Grid { .. } => FactorKind::Grid,
            Self::Kba { .. } => FactorKind::Kba,
            Self::Passkeys { .. } => FactorKind::Passkey,
        }
    }
}

impl Record for Factor {
    const KIND: Kind = Kind::Factor;

    fn id(&self) -> String {
        key(self.user, self.content.kind())
    }

    /// `WebAuthn` section 7.1 step 26: a key is one person's.
    fn index(&self) -> Vec<IndexEntry> {
        let Content::Passkeys { keys } = &self.content else { return Vec::new() };
        keys.iter().map(|key| IndexEntry::unique(passkey::BY_CREDENTIAL, key.id.text())).collect()
    }
}

/// The id of a person's factor of this kind.
#[must_use]
pub fn key(user: Id, kind: FactorKind) -> String {
    format!("{user}/{}", kind.name())
}

/// Adds to `batch` that `user` has no factor any more.
pub fn forget(batch: Batch, user: Id) -> Batch {
    FactorKind::ALL.iter().fold(batch, |batch, kind| batch.delete::<Factor>(key(user, *kind), Expect::Any))
}

/// Adds to `batch` that `user` has `factors` from now on, in place of those of their kinds.
pub fn enrol(batch: Batch, user: &mut Stored<User>, factors: &[(FactorKind, Factor)]) -> Batch {
    let kinds: BTreeSet<FactorKind> = factors.iter().map(|(kind, _)| *kind).collect();
    user.record.factors.extend(kinds);
    user.record.trust += 1;
    factors.iter().fold(batch.update(user), |batch, (_, factor)| batch.put(factor))
}

/// Whether `user` has a factor that does not just stand in for one.
#[must_use]
pub fn has_own(user: &User) -> bool {
    user.factors.iter().any(|kind| *kind != FactorKind::RecoveryCodes && !kind.stands_in())
}

/// Adds to `batch` that `user` has no factor of this kind any more, and that whatever began with it ends (SE-07 of the
/// attack list). What stands in for another one goes with the last.
pub fn remove(batch: Batch, user: &mut Stored<User>, kind: FactorKind) -> Batch {
    user.record.factors.remove(&kind);
    user.record.trust += 1;
    user.record.epoch += 1;
    if !has_own(&user.record) {
        user.record.factors.clear();
        return forget(batch.update(user), user.id);
    }
    batch.update(user).delete::<Factor>(key(user.id, kind), Expect::Any)
}
