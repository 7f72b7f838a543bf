//! A key is proved (`WebAuthn` section 7.2).

use serde::{Deserialize, Serialize};

use super::data::AuthenticatorData;
use super::{Answer, Bytes, Ceremony, Heard, Passkey, Purpose, Refusal, RelyingParty};
use crate::clock::Timestamp;
use crate::secret::{Digest, Id};

/// The browser's answer to request options.
pub struct Assertion(Answer<Response>);

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    #[serde(rename = "authenticatorData")]
    data: Bytes,
    signature: Bytes,
    #[serde(default, rename = "userHandle")]
    handle: Option<Bytes>,
}

/// Whose key it has to be, and where the answer arrived.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    pub user: Id,
    pub handle: &'a Bytes,
    pub keys: &'a [Passkey],
    /// The sign-in or session that the answer arrived in.
    pub within: Id,
    /// What comes of a key of which there may be a copy.
    pub suspected_clone: SuspectedClone,
}

/// What comes of a key whose counter did not grow: the specification leaves it to who asks (section 7.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspectedClone {
    #[default]
    Refuse,
    /// It says who somebody is, and another factor proves it.
    Challenge,
}

/// What was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The key as it is after this use; as it was, if it is suspected.
    pub key: Passkey,
    pub user_verified: bool,
    /// There may be a copy of the key, so that it is no factor by itself.
    pub suspected: bool,
}

impl Proof {
    /// RFC 8176 section 2: a key that stays in its device or one that is synchronised, somebody who touched it,
    /// and, where a PIN or a finger was checked, two factors. A copy may be in hands that were never checked.
    #[must_use]
    pub fn methods(&self) -> Vec<&'static str> {
        let key = if self.key.backup_eligible { "swk" } else { "hwk" };
        let mut methods = vec![key, "user"];
        methods.extend((self.user_verified && !self.suspected).then_some("mfa"));
        methods
    }
}

impl Assertion {
    /// Reads `PublicKeyCredential.toJSON()`.
    #[must_use]
    pub fn read(json: &str) -> Option<Self> {
        Answer::read(json).map(Self)
    }

    /// The id of the key it is made with, to find whose it is.
    #[must_use]
    pub const fn credential(&self) -> &Bytes {
        &self.0.raw_id
    }

    /// Whether the authenticator says that it checked who uses it, whoever that is.
    #[must_use]
    pub fn says_verified(&self) -> bool {
        AuthenticatorData::read(&self.0.response.data.0).is_some_and(|data| data.user_verified)
    }

    /// What it proves about `person`, if everything about it is right. The question is used up either way.
    pub fn verify(
        &self,
        ceremony: Ceremony,
        party: &RelyingParty,
        person: &Person<'_>,
        now: Timestamp,
    ) -> Result<Proof, Refusal> {
        let response = &self.0.response;
        // Step 6: who is known must be the key's owner; who is not is named by the key.
        match (ceremony.purpose, &response.handle) {
            (Purpose::Register { .. }, _) => return Err(Refusal::OtherCeremony),
            (Purpose::Prove { user }, _) if user != person.user => return Err(Refusal::OtherPerson),
            (_, Some(handle)) if handle != person.handle => return Err(Refusal::OtherPerson),
            (Purpose::SignIn, None) => return Err(Refusal::OtherPerson),
            (Purpose::Prove { .. } | Purpose::SignIn, _) => {}
        }
        let known = person.keys.iter().find(|key| key.id == self.0.raw_id).ok_or(Refusal::OtherPerson)?;
        let data = AuthenticatorData::read(&response.data.0).ok_or(Refusal::Malformed)?;
        let client_data = &response.client_data.0;
        ceremony.check(party, &Heard { within: person.within, client_data, data: &data, now })?;
        let signed = [&response.data.0[..], Digest::of(client_data).bytes()].concat();
        if !known.key.verifies(&signed, &response.signature.0) {
            return Err(Refusal::Signature);
        }
        // Only now what is known of the key: an answer of somebody else must not tell by its time.
        if data.backup_eligible != known.backup_eligible {
            return Err(Refusal::Backup);
        }
        let mut key = known.clone();
        // Section 6.1.1: zero means that it does not count.
        let counts = data.sign_count != 0 || known.sign_count != 0;
        let suspected = counts && data.sign_count <= known.sign_count;
        if suspected && person.suspected_clone == SuspectedClone::Refuse {
            return Err(Refusal::Counter);
        }
        // Of one that is suspected the count that is known stays, or a copy would catch up by being used.
        if !suspected {
            (key.sign_count, key.backed_up) = (data.sign_count, data.backed_up);
            (key.last_used_at, key.suspected_at) = (Some(now), None);
        }
        Ok(Proof { key, user_verified: data.user_verified, suspected })
    }
}
