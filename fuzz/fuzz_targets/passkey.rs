//! What a browser sends for a passkey: the answer as JSON, or, below an empty line, authenticator data or an
//! attestation object that this wraps in an otherwise right answer. Nothing proves a key that never signed, and nobody
//! vouches for one.
#![no_main]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gantry::clock::Timestamp;
use gantry::factor::passkey::attestation::{self, New};
use gantry::factor::passkey::cbor::Value;
use gantry::factor::passkey::data::AuthenticatorData;
use gantry::factor::passkey::register::Adding;
use gantry::factor::passkey::{
    Assertion, Attestation, Bytes, Ceremony, Passkey, Person, PublicKey, Purpose, Refusal, Registration,
    RelyingParty, SuspectedClone, UserVerification, cbor,
};
use gantry::secret::Id;
use gantry_fuzz::{ISSUER, two_parts};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const USER: Id = Id::from_bytes([1; 16]);

fuzz_target!(|input: &[u8]| {
    if let Ok(json) = std::str::from_utf8(input) {
        add(json);
        prove(json);
    }
    let (first, bytes) = two_parts(input);
    if !first.is_empty() {
        return;
    }
    let _ = cbor::map(bytes);
    attest(bytes);
    let data = AuthenticatorData::read(bytes);
    let bytes = URL_SAFE_NO_PAD.encode(bytes);
    prove(&frame(
        "webauthn.get",
        &format!("\"authenticatorData\":\"{bytes}\",\"signature\":\"MAYCAQACAQA\""),
    ));
    add(&frame("webauthn.create", &format!("\"attestationObject\":\"{bytes}\"")));
    if let Some(key) = data.and_then(|data| data.attested).and_then(|attested| attested.key) {
        assert!(!key.verifies(b"nobody signed this", b"signature"));
    }
});

/// Nobody vouches for a key that was made for a question that nobody can guess, though chains lead to a root that is
/// believed: that of the seeds, which are the examples of the specification.
fn attest(object: &[u8]) {
    static WANTED: LazyLock<Attestation> = LazyLock::new(|| {
        let root = include_bytes!("../../tests/fixtures/webauthn/root.pem");
        Attestation { roots: attestation::roots(root).expect("a root"), aaguids: [].into() }
    });
    let Some(object) = cbor::map(object) else { return };
    let (Some(Value::Text(format)), Some(Value::Map(statement)), Some(Value::Bytes(raw))) =
        (object.named("fmt"), object.named("attStmt"), object.named("authData"))
    else {
        return;
    };
    let Some(AuthenticatorData { rp_id_hash, attested: Some(attested), .. }) = AuthenticatorData::read(raw)
    else {
        return;
    };
    let Some(key) = &attested.key else { return };
    let new = New {
        data: raw,
        rp_id_hash: &rp_id_hash,
        aaguid: &attested.aaguid,
        id: attested.id,
        key,
        client_data_hash: &[0; 32],
    };
    assert!(!WANTED.vouches(format, statement, &new, NOW));
}

fn ceremony(purpose: Purpose) -> Ceremony {
    Ceremony::begin(purpose, USER, UserVerification::Preferred, NOW)
}

/// A key that was taken has a challenge that nobody can guess.
fn add(json: &str) {
    let Some(answer) = Registration::read(json) else { return };
    let party = RelyingParty::of(ISSUER).expect("a party");
    let adding = Adding { user: USER, within: USER, known: &[], attestation: None };
    assert!(answer.verify(ceremony(Purpose::Register { user: USER }), &party, &adding, NOW).is_err());
}

fn prove(json: &str) {
    let Some(answer) = Assertion::read(json) else { return };
    let party = RelyingParty::of(ISSUER).expect("a party");
    let key = Passkey {
        id: Bytes(b"id".to_vec()),
        key: PublicKey::Ed25519(Bytes(vec![9; 32])),
        sign_count: 0,
        backup_eligible: false,
        backed_up: false,
        aaguid: Bytes(vec![0; 16]),
        transports: Vec::new(),
        name: String::new(),
        created_at: NOW,
        last_used_at: None,
        suspected_at: None,
    };
    let person = Person {
        user: USER,
        handle: &Bytes(b"h".to_vec()),
        keys: &[key],
        within: USER,
        suspected_clone: SuspectedClone::Refuse,
    };
    let refused = answer.verify(ceremony(Purpose::SignIn), &party, &person, NOW).err();
    assert!(refused.is_some_and(|refusal| refusal != Refusal::Counter));
}

fn frame(kind: &str, response: &str) -> String {
    let client = format!("{{\"type\":\"{kind}\",\"challenge\":\"\",\"origin\":\"{ISSUER}\"}}");
    let client = URL_SAFE_NO_PAD.encode(client);
    format!(
        "{{\"id\":\"aWQ\",\"rawId\":\"aWQ\",\"type\":\"public-key\",\"response\":{{\"clientDataJSON\":\"{client}\",\
         \"userHandle\":\"aA\",{response}}}}}"
    )
}
