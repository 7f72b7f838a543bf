//! What is kept: kinds, ids, expiry and index entries of records.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Timestamp;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $name:literal;)*) => {
        /// What a record is. The numbers are part of the file format and are never given twice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Kind {
            $($(#[$doc])* $kind = $number,)*
        }

        impl Kind {
            /// Every kind, by number.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The number in keys.
            #[must_use]
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The kind with this number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$kind),)*
                    _ => None,
                }
            }

            /// The word for messages to operators.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A person who can sign in.
    User = 1, "user";
    /// A named set of users.
    Group = 2, "group";
    /// A browser that is signed in.
    Session = 3, "session";
    /// A sign-in under way.
    Flow = 4, "flow";
    /// An authorization code or another single-use value.
    Code = 5, "code";
    /// What a client was given: refresh tokens hang on it.
    Grant = 6, "grant";
    /// A relying party.
    Client = 7, "client";
    /// What a user allowed a client.
    Consent = 8, "consent";
    /// A sealed signing key.
    SigningKey = 9, "signing key";
    /// A registered browser or device.
    Device = 10, "device";
    /// Something there is one of.
    Setting = 11, "setting";
    /// An authorization request that waits for its browser.
    Pushed = 12, "pushed request";
    /// A device that waits for somebody to let it in.
    DeviceRequest = 14, "device request";
    /// An app that was entered in a session.
    Visit = 13, "visit";
    /// An app that is to be told of a sign-out.
    LogoutNotice = 15, "logout notice";
    /// A signed message that counts once.
    UsedJwt = 16, "used JWT";
    /// An app that registered itself.
    RegisteredApp = 17, "registered app";
    /// The right to register apps.
    AppInvitation = 18, "app invitation";
    /// A second factor of a person.
    Factor = 19, "factor";
    /// A letter or message that waits to be sent.
    MailJob = 20, "mail job";
    /// The key by which push services know us.
    PushKey = 45, "push key";
    /// A question that somebody answers elsewhere.
    Approval = 25, "approval";
    /// What is usual for a person.
    Habits = 30, "habits";
    /// A sign-in of the past.
    SignIn = 31, "sign-in";
    /// A sign-in that its person may say was not theirs.
    Disavowal = 32, "disavowal";
    /// A code that lets an administrator in once.
    BreakGlass = 33, "break-glass code";
    /// What somebody filled in who wants an account.
    Registration = 40, "registration";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A thing the store can keep. Fields may be added with serde defaults; any other change of shape
/// needs a step in `encoding`.
pub trait Record: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind; one Rust type per kind.
    const KIND: Kind;

    /// The id as text, unique within the kind. Scans run in its byte order, so time-ordered ids
    /// keep inserts cheap.
    fn id(&self) -> String;

    /// From this instant on the record is as good as gone; swept some time later.
    fn expires_at(&self) -> Option<Timestamp> {
        None
    }

    /// How the record is found besides its id.
    fn index(&self) -> Vec<IndexEntry> {
        Vec::new()
    }
}

/// One way a record is found besides its id. Names and values are kept in the clear: never put a
/// secret here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexEntry {
    /// The index, unique within the kind; at most 255 bytes.
    pub name: &'static str,
    /// What is looked up, byte by byte: normalise before. At most 65,535 bytes.
    pub value: String,
    /// Whether at most one live record of the kind may hold the value.
    pub unique: bool,
}

impl IndexEntry {
    /// An entry that at most one live record may hold.
    #[must_use]
    pub fn unique(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), unique: true }
    }

    /// An entry that any number of records may share.
    #[must_use]
    pub fn many(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), unique: false }
    }
}

/// A record as it was read, with the version that an update must still find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored<R> {
    /// The record; change it and hand the whole to [`super::Batch::update`].
    pub record: R,
    /// The commit that wrote it. Grows store-wide, so a deleted and recreated record never has an
    /// old version again.
    pub version: u64,
}

impl<R> Deref for Stored<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.record
    }
}
