//! Keys: the master key that seals what must be read again, the signing keys in memory, and the secrets
//! derived from the master key.
//!
//! Owns sealing ([`MasterKey`]), keys of others ([`foreign`]), the key for push services ([`VapidKey`]), signing keys
//! with their rotation ([`Keys`]) and the published key set (JWKS). Does not own what is signed (`oauth::issue`) or
//! when a rotation is due (`maintenance`).

pub mod foreign;
mod master;
mod signing;
mod vapid;

pub use foreign::{JoseHeader, PublicKey, PublicKeys};
pub use master::{MasterKey, MasterKeyError, SealedBytes, UnsealError};
pub use signing::{KeyError, KeyInfo, KeyState, Keys, SigningKey, Typ};
pub use vapid::VapidKey;
