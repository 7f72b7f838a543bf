//! A key is made (`WebAuthn` section 7.1).

use serde::Deserialize;

use super::attestation::New;
use super::cbor::{self, Map, Value};
use super::data::{Attested, AuthenticatorData};
use super::{
    Answer, Attestation, Bytes, Ceremony, Heard, MAX_KEYS, Passkey, Purpose, Refusal, RelyingParty, Transport,
};
use crate::clock::Timestamp;
use crate::secret::{Digest, Id};

/// More transports than there are kinds of are not looked at.
const MAX_TRANSPORTS: usize = 16;

/// The browser's answer to creation options.
pub struct Registration(Answer<Response>);

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    #[serde(rename = "attestationObject")]
    attestation: Bytes,
    #[serde(default)]
    transports: Vec<String>,
}

/// Who adds a key where.
#[derive(Debug, Clone, Copy)]
pub struct Adding<'a> {
    pub user: Id,
    /// The sign-in or session that the answer arrived in.
    pub within: Id,
    /// What the person has already.
    pub known: &'a [Passkey],
    /// Which makes are taken; without it each is.
    pub attestation: Option<&'a Attestation>,
}

/// A new key, which has no name yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub key: Passkey,
    /// It was checked who made it.
    pub user_verified: bool,
}

impl Registration {
    /// Reads `PublicKeyCredential.toJSON()`.
    #[must_use]
    pub fn read(json: &str) -> Option<Self> {
        Answer::read(json).map(Self)
    }

    /// What was made, if everything about it is right. The question is used up either way.
    pub fn verify(
        &self,
        ceremony: Ceremony,
        party: &RelyingParty,
        adding: &Adding<'_>,
        now: Timestamp,
    ) -> Result<Made, Refusal> {
        if ceremony.purpose != (Purpose::Register { user: adding.user }) {
            return Err(Refusal::OtherCeremony);
        }
        let response = &self.0.response;
        let object = cbor::map(&response.attestation.0).ok_or(Refusal::Malformed)?;
        let (Some(Value::Text(format)), Some(Value::Map(statement)), Some(Value::Bytes(raw)), 3) =
            (object.named("fmt"), object.named("attStmt"), object.named("authData"), object.count())
        else {
            return Err(Refusal::Malformed);
        };
        let data = AuthenticatorData::read(raw).ok_or(Refusal::Malformed)?;
        let client_data = &response.client_data.0;
        ceremony.check(party, &Heard { within: adding.within, client_data, data: &data, now })?;
        let Some(Attested { aaguid, id, key }) = &data.attested else { return Err(Refusal::Malformed) };
        if self.0.raw_id.0 != *id {
            return Err(Refusal::Malformed);
        }
        let key = key.as_ref().ok_or(Refusal::Key)?;
        let (hash, rp_id_hash) = (Digest::of(client_data), &data.rp_id_hash);
        let new = New { data: raw, rp_id_hash, aaguid, id, key, client_data_hash: hash.bytes() };
        match adding.attestation {
            None if attested(format, statement, &new) => {}
            None => return Err(Refusal::Attestation),
            Some(wanted) if wanted.vouches(format, statement, &new, now) => {}
            Some(_) => return Err(Refusal::Make),
        }
        if adding.known.iter().any(|known| known.id.0 == *id) {
            return Err(Refusal::Known);
        }
        if adding.known.len() >= MAX_KEYS {
            return Err(Refusal::TooMany);
        }
        let key = Passkey {
            id: Bytes(id.to_vec()),
            key: key.clone(),
            sign_count: data.sign_count,
            backup_eligible: data.backup_eligible,
            backed_up: data.backed_up,
            aaguid: Bytes(aaguid.to_vec()),
            transports: transports(&response.transports),
            name: String::new(),
            created_at: now,
            last_used_at: None,
            suspected_at: None,
        };
        Ok(Made { key, user_verified: data.user_verified })
    }
}

/// Sections 8.7 and 8.2: nothing was attested, or the key attests itself. `none` is asked for, so browsers take
/// everything else away, and nobody's word on the kind of authenticator is believed.
fn attested(format: &str, statement: &Map<'_>, new: &New<'_>) -> bool {
    match (format, statement.named("alg"), statement.named("sig"), statement.count()) {
        ("none", _, _, 0) => true,
        ("packed", Some(Value::Int(algorithm)), Some(Value::Bytes(signature)), 2) => {
            *algorithm == new.key.algorithm() && new.key.verifies(&new.signed(), signature)
        }
        _ => false,
    }
}

fn transports(named: &[String]) -> Vec<Transport> {
    let known = |name: &String| serde_json::from_value(name.as_str().into()).ok();
    let mut transports: Vec<Transport> = Vec::new();
    for transport in named.iter().take(MAX_TRANSPORTS).filter_map(known) {
        if !transports.contains(&transport) {
            transports.push(transport);
        }
    }
    transports
}
