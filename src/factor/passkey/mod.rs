//! Passkeys and security keys (Web Authentication Level 3): what a browser is asked and how its answer is
//! checked.
//!
//! Owns the ceremonies, the keys' records and the parsing of what authenticators send ([`cbor`], [`cose`],
//! [`data`]). Does not own where a ceremony is kept and taken from: whoever keeps one takes it out of the store
//! before the answer is looked at, so that a challenge is good for one look.

pub mod attestation;
pub mod authenticate;
pub mod bytes;
pub mod cbor;
pub mod cose;
pub mod data;
pub mod decoy;
pub mod naming;
pub mod register;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::{Host, Url};

pub use attestation::Attestation;
pub use authenticate::{Assertion, Person, Proof, SuspectedClone};
pub use bytes::Bytes;
pub use cose::PublicKey;
pub use decoy::Decoy;
pub use register::Registration;

use super::{FactorKind, OwnKey, own_key};
use crate::clock::Timestamp;
use crate::keys::MasterKey;
use crate::secret::{Digest, Id, random};

/// Index of factors by the ids of their keys.
pub const BY_CREDENTIAL: &str = "credential";
/// As many as one person may have.
pub const MAX_KEYS: usize = 20;
/// Longest answer of a browser, in bytes; one with an RSA key and its signature has 2,500.
pub const MAX_ANSWER: usize = 16 * 1024;
/// Longest client data, in bytes.
const MAX_CLIENT_DATA: usize = 4096;
/// How long a person may take.
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// One key of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    pub id: Bytes,
    pub key: PublicKey,
    /// Grows with each use, or stays zero (`WebAuthn` section 6.1.1).
    pub sign_count: u32,
    /// Whether it may leave its device; this never changes (section 6.1.3).
    pub backup_eligible: bool,
    pub backed_up: bool,
    /// The kind of authenticator, as far as it says so; nobody vouches for it.
    pub aaguid: Bytes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<Transport>,
    /// What the person calls it.
    pub name: String,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Since when there may be a copy of it: its counter did not grow, and has not done so since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspected_at: Option<Timestamp>,
}

impl Passkey {
    /// Its id as an [`OwnKey`].
    #[must_use]
    pub fn reference(&self) -> Id {
        own_key::reference(&Digest::of(&self.id.0))
    }
}

impl From<&Passkey> for OwnKey {
    fn from(key: &Passkey) -> Self {
        Self {
            kind: FactorKind::Passkey,
            id: key.reference(),
            name: key.name.clone(),
            created_at: key.created_at,
            last_used_at: key.last_used_at,
        }
    }
}

/// How a browser reaches the authenticator (section 5.8.4); others are forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Usb,
    Nfc,
    Ble,
    SmartCard,
    Hybrid,
    Internal,
}

/// Who asks: the host of the issuer, and its one origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

impl RelyingParty {
    /// That of `issuer`; `None` where browsers have no passkeys: at an address instead of a name, and without
    /// TLS, unless that is this very machine.
    #[must_use]
    pub fn of(issuer: &str) -> Option<Self> {
        let url = Url::parse(issuer).ok()?;
        let Some(Host::Domain(id)) = url.host() else { return None };
        let local = id == "localhost" || id.ends_with(".localhost");
        let secure = url.scheme() == "https" || (url.scheme() == "http" && local);
        secure.then(|| Self { id: id.to_owned(), origin: url.origin().ascii_serialization() })
    }
}

/// What a ceremony is for. A challenge made for one is good for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// `user` adds a key.
    Register { user: Id },
    /// `user`, who is known, proves to have one.
    Prove { user: Id },
    /// Somebody signs in; the key says who it is.
    SignIn,
}

/// Whether the authenticator must have checked a PIN or a finger (section 5.8.6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserVerification {
    Required,
    #[default]
    Preferred,
    Discouraged,
}

/// A question that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceremony {
    challenge: Bytes,
    purpose: Purpose,
    /// The sign-in or session in which it was asked.
    within: Id,
    user_verification: UserVerification,
    expires_at: Timestamp,
}

impl Ceremony {
    /// A fresh one (section 13.4.3).
    #[must_use]
    pub fn begin(purpose: Purpose, within: Id, user_verification: UserVerification, now: Timestamp) -> Self {
        let challenge = Bytes(random::<32>().to_vec());
        Self { challenge, purpose, within, user_verification, expires_at: now + LIFETIME }
    }

    /// The same until `end`, for a page on which it may be answered at any time.
    #[must_use]
    pub fn until(self, end: Timestamp) -> Self {
        Self { expires_at: end, ..self }
    }

    /// Whether it can still be answered for at least `spare`.
    #[must_use]
    pub fn lasts(&self, spare: Duration, now: Timestamp) -> bool {
        now + spare < self.expires_at
    }

    /// Who has to answer, where that is known.
    #[must_use]
    pub const fn user(&self) -> Option<Id> {
        match self.purpose {
            Purpose::Register { user } | Purpose::Prove { user } => Some(user),
            Purpose::SignIn => None,
        }
    }

    /// Whether a key of `user` may be the answer.
    #[must_use]
    pub fn is_for(&self, user: Id) -> bool {
        self.user().is_none_or(|wanted| wanted == user)
    }

    /// Whether only somebody who was checked can answer it.
    #[must_use]
    pub fn wants_verification(&self) -> bool {
        self.user_verification == UserVerification::Required
    }

    /// What `navigator.credentials.create` is asked for: a key that is none of `known`.
    #[must_use]
    pub fn creation_options(&self, party: &RelyingParty, owner: &Owner<'_>) -> Value {
        let algorithm = |alg: &i64| json!({ "type": "public-key", "alg": alg });
        json!({
            "rp": { "id": party.id, "name": owner.organisation },
            "user": { "id": owner.handle, "name": owner.username, "displayName": owner.display_name },
            "challenge": self.challenge,
            "pubKeyCredParams": cose::ALGORITHMS.iter().map(algorithm).collect::<Vec<_>>(),
            "timeout": LIFETIME.as_millis(),
            "excludeCredentials": descriptors(owner.known),
            "authenticatorSelection": {
                "residentKey": "preferred",
                "requireResidentKey": false,
                "userVerification": self.user_verification,
            },
            "attestation": if owner.attested { "direct" } else { "none" },
        })
    }

    /// What `navigator.credentials.get` is asked for: one of `allowed`, or any when there are none.
    #[must_use]
    pub fn request_options(&self, party: &RelyingParty, allowed: &[Passkey]) -> Value {
        json!({
            "challenge": self.challenge,
            "timeout": LIFETIME.as_millis(),
            "rpId": party.id,
            "allowCredentials": descriptors(allowed),
            "userVerification": self.user_verification,
        })
    }

    /// Checks what both kinds of answers have in common, in the order of sections 7.1 and 7.2: the client data,
    /// whose party the authenticator spoke to, and its flags.
    fn check(self, party: &RelyingParty, heard: &Heard<'_>) -> Result<(), Refusal> {
        if heard.within != self.within {
            return Err(Refusal::OtherCeremony);
        }
        if heard.now >= self.expires_at {
            return Err(Refusal::Expired);
        }
        let client = ClientData::read(heard.client_data).ok_or(Refusal::Malformed)?;
        let kind = match self.purpose {
            Purpose::Register { .. } => "webauthn.create",
            Purpose::Prove { .. } | Purpose::SignIn => "webauthn.get",
        };
        if client.kind != kind {
            return Err(Refusal::OtherCeremony);
        }
        // The text is compared, so there is one spelling (WA-03).
        if !crate::secret::same(client.challenge.as_bytes(), self.challenge.text().as_bytes()) {
            return Err(Refusal::Challenge);
        }
        // One origin, to the letter: no suffixes and no other ports (section 13.4.9, WA-01).
        if client.origin != party.origin || client.cross_origin == Some(true) || client.top_origin.is_some() {
            return Err(Refusal::Origin);
        }
        let data = heard.data;
        if !data.is_for(&party.id) {
            return Err(Refusal::Origin);
        }
        if !data.user_present {
            return Err(Refusal::NotPresent);
        }
        if self.user_verification == UserVerification::Required && !data.user_verified {
            return Err(Refusal::NotVerified);
        }
        // Section 6.1.3: what cannot be backed up is not backed up.
        if data.backed_up && !data.backup_eligible {
            return Err(Refusal::Backup);
        }
        Ok(())
    }
}

/// Whose key is made, and what the authenticator shows of it.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    pub organisation: &'a str,
    pub username: &'a str,
    pub display_name: &'a str,
    pub handle: &'a Bytes,
    /// Keys that the person has already.
    pub known: &'a [Passkey],
    /// The authenticator has to say what it is.
    pub attested: bool,
}

/// What authenticators call a person: always the same, and telling nothing (section 14.6.1).
#[must_use]
pub fn handle(master: &MasterKey, user: Id) -> Bytes {
    Bytes(master.derive("passkey user handle", user.bytes()).to_vec())
}

/// Why an answer was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the answer cannot be read")]
    Malformed,
    #[error("the answer came too late")]
    Expired,
    #[error("the answer belongs to another question")]
    OtherCeremony,
    #[error("the challenge is another one")]
    Challenge,
    #[error("the answer was given to another site")]
    Origin,
    #[error("nobody touched the authenticator")]
    NotPresent,
    #[error("the authenticator did not check who uses it")]
    NotVerified,
    #[error("the backup flags contradict each other or what was known")]
    Backup,
    #[error("the kind of key is not supported")]
    Key,
    #[error("the attestation is not supported or wrong")]
    Attestation,
    #[error("no trusted root vouches for the make of the authenticator, or it is not taken")]
    Make,
    #[error("the signature is wrong")]
    Signature,
    /// There may be a copy of the key (section 6.1.1).
    #[error("the signature counter did not grow")]
    Counter,
    #[error("the key is nobody's, or somebody else's")]
    OtherPerson,
    #[error("the key is known already")]
    Known,
    #[error("there are {MAX_KEYS} keys already")]
    TooMany,
}

/// What arrived, of either kind.
struct Heard<'a> {
    within: Id,
    client_data: &'a [u8],
    data: &'a data::AuthenticatorData<'a>,
    now: Timestamp,
}

/// What the browser says it did (section 5.8.1). A member that is there twice is refused.
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: Option<bool>,
    #[serde(default, rename = "topOrigin")]
    top_origin: Option<serde::de::IgnoredAny>,
}

impl ClientData {
    fn read(json: &[u8]) -> Option<Self> {
        (json.len() <= MAX_CLIENT_DATA).then(|| serde_json::from_slice(json).ok()).flatten()
    }
}

/// The frame of both kinds of answers (section 5.1): `PublicKeyCredential.toJSON()`.
#[derive(Deserialize)]
struct Answer<R> {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: Bytes,
    #[serde(rename = "type")]
    kind: String,
    response: R,
}

impl<R: for<'de> Deserialize<'de>> Answer<R> {
    fn read(json: &str) -> Option<Self> {
        let answer: Self = (json.len() <= MAX_ANSWER).then(|| serde_json::from_str(json).ok()).flatten()?;
        (answer.kind == "public-key" && answer.id == answer.raw_id.text()).then_some(answer)
    }
}

fn descriptors(keys: &[Passkey]) -> Vec<Value> {
    let descriptor =
        |key: &Passkey| json!({ "type": "public-key", "id": key.id, "transports": key.transports });
    keys.iter().map(descriptor).collect()
}
