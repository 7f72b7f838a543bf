//! The examples of the specification (Web Authentication Level 3, section 16), as they stand there: what they attest is
//! taken, and nothing in them can be anything else.

use std::fs;

use gantry::clock::Timestamp;
use gantry::factor::passkey::data::AuthenticatorData;
use gantry::factor::passkey::register::Adding;
use gantry::factor::passkey::{
    Assertion, Attestation, Bytes, Ceremony, Passkey, Person, Purpose, Refusal, Registration, RelyingParty,
    SuspectedClone, UserVerification, attestation, cbor,
};
use gantry::secret::Id;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::authenticator as device;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const ALICE: Id = Id::from_bytes([1; 16]);
const FLOW: Id = Id::from_bytes([3; 16]);
#[derive(Deserialize)]
struct Example {
    name: String,
    challenge: Hex,
    client: Hex,
    object: Hex,
    proof: Option<Proof>,
}

/// A use of the same key.
#[derive(Deserialize)]
struct Proof {
    challenge: Hex,
    client: Hex,
    data: Hex,
    signature: Hex,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Hex(Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16);
        (0..text.len()).step_by(2).map(byte).collect::<Result<_, _>>().map(Self)
    }
}

fn file(name: &str) -> String {
    let path = format!("{}/tests/fixtures/webauthn/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).expect("the file")
}

/// All of them, or what was made beside.
fn examples(name: &str) -> Vec<Example> {
    serde_json::from_str(&file(name)).expect("examples")
}

/// Those that say who made the authenticator, of kinds of keys that are asked for here.
fn attested() -> Vec<Example> {
    let kinds = ["packed-es256", "packed-rs256", "packed-eddsa", "tpm", "android-key", "apple", "fido-u2f"];
    let mut examples = examples("examples.json");
    examples.retain(|example| kinds.iter().any(|kind| example.is(kind)));
    assert_eq!(examples.len(), kinds.len());
    examples
}

/// Chains to this root, and these models.
fn demanding(root: &str, models: &[&str]) -> Attestation {
    let aaguids = models.iter().map(|model| uuid::Uuid::parse_str(model).expect("a UUID").into_bytes());
    let roots = attestation::roots(file(root).as_bytes()).expect("a root");
    Attestation { roots, aaguids: aaguids.collect() }
}

/// The ceremony in which this was the challenge.
fn asked(purpose: Purpose, challenge: &Hex, now: Timestamp) -> Ceremony {
    let ceremony = Ceremony::begin(purpose, FLOW, UserVerification::Preferred, now);
    let mut ceremony = serde_json::to_value(ceremony).expect("JSON");
    ceremony["challenge"] = json!(device::text(&challenge.0));
    serde_json::from_value(ceremony).expect("a ceremony")
}

fn party() -> RelyingParty {
    RelyingParty::of("https://example.org").expect("a party")
}

/// The authenticator data in an attestation object, and where it stands.
fn data(object: &[u8]) -> Option<(usize, &[u8])> {
    let map = cbor::map(object)?;
    let Some(cbor::Value::Bytes(data)) = map.named("authData") else { return None };
    Some((data.as_ptr().addr() - object.as_ptr().addr(), data))
}

impl Example {
    fn register(&self, wanted: Option<&Attestation>) -> Result<Passkey, Refusal> {
        self.register_with(&self.object.0, wanted, NOW)
    }

    /// The same with another object.
    fn register_with(
        &self,
        object: &[u8],
        attestation: Option<&Attestation>,
        now: Timestamp,
    ) -> Result<Passkey, Refusal> {
        let read = data(object).and_then(|(_, data)| AuthenticatorData::read(data));
        let id = read.and_then(|data| data.attested).map_or(&b"?"[..], |attested| attested.id);
        let answer = device::registration(id, &self.client.0, object).to_string();
        let answer = Registration::read(&answer).expect("an answer");
        let ceremony = asked(Purpose::Register { user: ALICE }, &self.challenge, now);
        let adding = Adding { user: ALICE, within: FLOW, known: &[], attestation };
        answer.verify(ceremony, &party(), &adding, now).map(|made| made.key)
    }

    fn prove(&self, key: &Passkey) -> Result<gantry::factor::passkey::Proof, Refusal> {
        let proof = self.proof.as_ref().expect("a proof");
        let id = device::text(&key.id.0);
        let answer = json!({
            "id": id, "rawId": id, "type": "public-key",
            "response": {
                "clientDataJSON": device::text(&proof.client.0), "authenticatorData": device::text(&proof.data.0),
                "signature": device::text(&proof.signature.0), "userHandle": Value::Null,
            },
        });
        let answer = Assertion::read(&answer.to_string()).expect("an answer");
        let (handle, keys) = (&Bytes(b"alice".to_vec()), std::slice::from_ref(key));
        let suspected_clone = SuspectedClone::Refuse;
        let person = Person { user: ALICE, handle, keys, within: FLOW, suspected_clone };
        answer.verify(asked(Purpose::Prove { user: ALICE }, &proof.challenge, NOW), &party(), &person, NOW)
    }

    fn is(&self, format: &str) -> bool {
        self.name.starts_with(format)
    }
}

#[test]
fn examples_are_taken_where_they_say_enough_and_prove_from_then_on() {
    let wanted = demanding("root.pem", &[]);
    let mut taken = 0;
    for example in examples("examples.json") {
        let (freely, strictly) = match &*example.name {
            "none-es256" | "packed-self-es256" => (None, Some(Refusal::Make)),
            // These are not asked for.
            "packed-es384" | "packed-es512" | "packed-ed448" => (Some(Refusal::Key), Some(Refusal::Key)),
            _ => (Some(Refusal::Attestation), None),
        };
        let name = &example.name;
        assert_eq!(example.register(None).err(), freely, "{name}");
        assert_eq!(example.register(Some(&wanted)).err(), strictly, "{name}");
        for key in [example.register(None), example.register(Some(&wanted))].into_iter().flatten() {
            let proof = example.prove(&key);
            assert!(proof.is_ok(), "{name} {proof:?}");
            taken += 1;
        }
    }
    assert_eq!(taken, 9);
}

#[test]
fn not_a_bit_of_an_attested_key_can_be_another() {
    let wanted = demanding("root.pem", &[]);
    for example in attested() {
        let (at, _) = data(&example.object.0).expect("data");
        for index in 0..example.object.0.len() {
            // Flags, count and model: a U2F key signs none of them (section 8.6, step 5).
            if example.is("fido-u2f") && (at + 32..at + 53).contains(&index) {
                continue;
            }
            let mut object = example.object.0.clone();
            object[index] ^= 1 << (index % 8);
            let made = example.register_with(&object, Some(&wanted), NOW);
            assert!(made.is_err(), "{}: byte {index} of {}", example.name, object.len());
        }
        // Nor less of it.
        for length in 0..example.object.0.len() {
            let made = example.register_with(&example.object.0[..length], Some(&wanted), NOW);
            assert_eq!(made, Err(Refusal::Malformed), "{}: {length} bytes", example.name);
        }
    }
}

#[test]
fn a_statement_of_one_format_is_none_of_another() {
    let wanted = demanding("root.pem", &[]);
    let formats = ["packed", "tpm", "android-key", "apple", "fido-u2f", "android-safetynet", "compound", ""];
    for example in attested() {
        for format in formats.into_iter().filter(|format| format.is_empty() || !example.is(format)) {
            // The certificate in this example says all that one for `packed` has to say.
            if example.is("android-key") && format == "packed" {
                continue;
            }
            let map = cbor::map(&example.object.0).expect("a map");
            let Some(cbor::Value::Text(known)) = map.named("fmt") else { panic!("no format") };
            let (from, to) = (device::string(known), device::string(format));
            let at = example.object.0.windows(from.len()).position(|window| window == from).expect("there");
            let object = [&example.object.0[..at], &to, &example.object.0[at + from.len()..]].concat();
            let made = example.register_with(&object, Some(&wanted), NOW);
            assert_eq!(made, Err(Refusal::Make), "{} as {format}", example.name);
        }
    }
}

#[test]
fn chains_lead_to_a_root_of_the_list_while_they_are_valid() {
    // WA-09. The examples are valid from 2024 to 3024.
    let wanted = demanding("root.pem", &[]);
    let other = demanding("rs1.pem", &[]);
    for example in attested() {
        assert_eq!(example.register(Some(&other)), Err(Refusal::Make), "{}", example.name);
        for (year, good) in [(2023, false), (2025, true), (3023, true), (3025, false)] {
            let now = Timestamp::from_seconds((year - 1970) * 31_556_952);
            let made = example.register_with(&example.object.0, Some(&wanted), now);
            assert_eq!(made.err(), (!good).then_some(Refusal::Make), "{} in {year}", example.name);
        }
    }
}

#[test]
fn a_model_that_only_the_data_names_is_none_that_is_taken() {
    // WA-09
    for example in attested() {
        let (_, read) = data(&example.object.0).expect("data");
        let named = uuid::Uuid::from_slice(&read[37..53]).expect("an AAGUID").to_string();
        assert_eq!(
            example.register(Some(&demanding("root.pem", &[&named]))),
            Err(Refusal::Make),
            "{}",
            example.name
        );
    }
}

#[test]
fn statements_of_windows_hello_with_sha1_are_taken() {
    // RFC 8812 section 2: RS1, as TPMs of many computers have it; made for this test by other hands.
    let wanted = demanding("rs1.pem", &[]);
    let [example] = &*examples("rs1.json") else { panic!("one example") };
    assert_eq!(example.register(Some(&wanted)).map(|key| key.key.algorithm()), Ok(-257));
    let (end, _) = data(&example.object.0).expect("data");
    for index in (0..end).step_by(7) {
        let mut object = example.object.0.clone();
        object[index] ^= 1 << (index % 8);
        assert!(example.register_with(&object, Some(&wanted), NOW).is_err(), "byte {index}");
    }
}
