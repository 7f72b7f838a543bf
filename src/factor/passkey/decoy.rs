//! What somebody is asked for whom nobody knows, or who has no keys: ids of keys that nobody has.
//!
//! They are the same at every look and of the kinds that real ones are, so that a list of keys does not tell which
//! names are somebody's (`WebAuthn` section 14.6.2). Real ones come with the account however it is named; those
//! made up follow the name in front of the `@`, as most addresses do.

use super::{Bytes, Passkey, PublicKey, Transport};
use crate::clock::Timestamp;
use crate::keys::MasterKey;
use crate::secret::Id;

/// Lengths and transports as they are found: phones, password managers, computers, security keys.
const MAKES: [(usize, &[Transport]); 4] = [
    (20, &[Transport::Hybrid, Transport::Internal]),
    (16, &[Transport::Hybrid, Transport::Internal]),
    (32, &[Transport::Internal]),
    (48, &[Transport::Nfc, Transport::Usb]),
];

/// Somebody who is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoy {
    pub user: Id,
    pub keys: Vec<Passkey>,
}

impl Decoy {
    /// The one that `typed` stands for.
    #[must_use]
    pub fn of(master: &MasterKey, typed: &str) -> Self {
        let name = typed.split('@').next().unwrap_or_default().to_lowercase();
        let derived = |what: &str, number: u8| {
            master.derive("passkey decoy", format!("{what} {number} {name}").as_bytes())
        };
        let [count, user @ ..] = derived("person", 0);
        let user = user.first_chunk().map_or(Id::from_bytes([0; 16]), |bytes| Id::from_bytes(*bytes));
        // Most people have one; a few have more.
        let count = match count {
            0..160 => 1,
            160..224 => 2,
            224.. => 3,
        };
        let keys = (0..count).map(|number| {
            let [make, ..] = derived("make", number);
            let (length, transports) = MAKES.get(usize::from(make % 4)).copied().unwrap_or((16, &[]));
            let id = [derived("id", number), derived("more", number)].concat();
            key(id.into_iter().take(length).collect(), transports)
        });
        Self { user, keys: keys.collect() }
    }

    /// One with this very key, against which an answer can be checked for as long as a real one.
    #[must_use]
    pub fn with(id: &Bytes) -> Self {
        Self { user: Id::from_bytes([0; 16]), keys: vec![key(id.0.clone(), &[])] }
    }
}

fn key(id: Vec<u8>, transports: &[Transport]) -> Passkey {
    Passkey {
        id: Bytes(id),
        key: PublicKey::Es256(Bytes(NOBODYS.to_vec())),
        sign_count: 0,
        backup_eligible: false,
        backed_up: false,
        aaguid: Bytes(vec![0; 16]),
        transports: transports.to_vec(),
        name: String::new(),
        created_at: Timestamp::from_seconds(0),
        last_used_at: None,
        suspected_at: None,
    }
}

/// A point of P-256 whose private key nobody has: its x is the SHA-256 of `gantry decoy passkey 0`.
const NOBODYS: [u8; 65] = [
    0x04, 0xb4, 0x79, 0x98, 0x33, 0x4d, 0x58, 0x18, 0x2b, 0xef, 0x25, 0xc8, 0x49, 0x16, 0x1a, 0x65, 0x74,
    0x8d, 0xb9, 0x56, 0x13, 0xc8, 0xc5, 0x83, 0x45, 0x0a, 0xef, 0xfa, 0x5b, 0x75, 0x0b, 0x8d, 0xc9, 0x41,
    0xe6, 0x9d, 0x23, 0x71, 0x32, 0x65, 0xd4, 0xef, 0xa9, 0x1c, 0xdb, 0x70, 0xf4, 0x7e, 0xd4, 0x38, 0xef,
    0x72, 0xaa, 0x73, 0xd5, 0x39, 0xbe, 0x5a, 0xb7, 0xe4, 0x6d, 0x53, 0x80, 0xea, 0xe5,
];
