//! Keys and their proofs (`WebAuthn` Level 3), against an authenticator of software: what a ceremony asks and takes.
//! Answers that are wrong on purpose are in `webauthn_hostile`.

use std::time::Duration;

use gantry::clock::Timestamp;
use gantry::factor::own_key::named;
use gantry::factor::passkey::{
    Assertion, Bytes, Ceremony, MAX_KEYS, Owner, Passkey, Person, Proof, Purpose, Refusal, Registration,
    RelyingParty, SuspectedClone, UserVerification, handle, register::Adding,
};
use gantry::keys::MasterKey;
use gantry::secret::Id;
use serde_json::{Value, json};

use crate::support::authenticator::{self as device, Authenticator, BE, BS, Pair, UP, UV};

pub(crate) const ISSUER: &str = "https://op.test";
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub(crate) const ALICE: Id = Id::from_bytes([1; 16]);
pub(crate) const BOB: Id = Id::from_bytes([2; 16]);
pub(crate) const FLOW: Id = Id::from_bytes([3; 16]);

pub(crate) fn party() -> RelyingParty {
    RelyingParty::of(ISSUER).expect("a party")
}

pub(crate) fn handle_of(user: Id) -> Bytes {
    handle(&MasterKey::from_bytes(&[7; 32]).expect("a key"), user)
}

pub(crate) fn begin(purpose: Purpose) -> Ceremony {
    Ceremony::begin(purpose, FLOW, UserVerification::Preferred, NOW)
}

pub(crate) fn creation(ceremony: &Ceremony, known: &[Passkey]) -> Value {
    let handle = &handle_of(ALICE);
    let owner = Owner {
        organisation: "Team",
        username: "alice",
        display_name: "Alice",
        handle,
        known,
        attested: false,
    };
    ceremony.creation_options(&party(), &owner)
}

pub(crate) fn add(ceremony: Ceremony, answer: &Value, known: &[Passkey]) -> Result<Passkey, Refusal> {
    let adding = Adding { user: ALICE, within: FLOW, known, attestation: None };
    let answer = Registration::read(&answer.to_string()).ok_or(Refusal::Malformed)?;
    answer.verify(ceremony, &party(), &adding, NOW).map(|made| made.key)
}

/// Alice's new key, on this authenticator.
pub(crate) fn registered(authenticator: &mut Authenticator) -> Passkey {
    let ceremony = begin(Purpose::Register { user: ALICE });
    let answer = authenticator.create(&creation(&ceremony, &[]));
    add(ceremony, &answer, &[]).expect("a key")
}

pub(crate) fn prove(ceremony: Ceremony, answer: &Value, keys: &[Passkey]) -> Result<Proof, Refusal> {
    prove_as(ceremony, answer, (ALICE, keys), NOW)
}

pub(crate) fn prove_as(
    ceremony: Ceremony,
    answer: &Value,
    (user, keys): (Id, &[Passkey]),
    now: Timestamp,
) -> Result<Proof, Refusal> {
    let handle = &handle_of(user);
    let answer = Assertion::read(&answer.to_string()).ok_or(Refusal::Malformed)?;
    let suspected_clone = SuspectedClone::Refuse;
    let person = Person { user, handle, keys, within: FLOW, suspected_clone };
    answer.verify(ceremony, &party(), &person, now)
}

/// What comes of alice's proof with this authenticator.
pub(crate) fn proof(authenticator: &mut Authenticator, key: &Passkey) -> Result<Proof, Refusal> {
    let ceremony = begin(Purpose::Prove { user: ALICE });
    let options = ceremony.request_options(&party(), std::slice::from_ref(key));
    let answer = authenticator.get(&options);
    prove(ceremony, &answer, std::slice::from_ref(key))
}

#[test]
fn a_key_of_each_kind_is_made_and_proved() {
    for (make, alg) in [(Pair::es256 as fn() -> Pair, -7), (Pair::ed25519, -8), (Pair::rs256, -257)] {
        for mut authenticator in [Authenticator::new(ISSUER), Authenticator::security_key(ISSUER)] {
            let counts = authenticator.count > 0;
            authenticator = authenticator.with_keys(make);
            let key = registered(&mut authenticator);
            assert_eq!((key.key.algorithm(), &*key.name, key.created_at), (alg, "", NOW));
            assert_eq!(json!(key.transports), json!(["internal", "hybrid"]));
            let stored: Passkey =
                serde_json::from_value(serde_json::to_value(&key).expect("JSON")).expect("a key");
            assert_eq!(stored, key);
            let proved = proof(&mut authenticator, &key).expect("a proof");
            assert_eq!((proved.key.last_used_at, proved.user_verified), (Some(NOW), !counts));
            // RFC 8176 section 2
            let methods = if counts { vec!["hwk", "user"] } else { vec!["swk", "user", "mfa"] };
            assert_eq!(proved.methods(), methods);
        }
    }
}

#[test]
fn a_question_names_the_person_by_a_handle_and_leaves_out_known_keys() {
    let mut authenticator = Authenticator::new(ISSUER);
    let key = registered(&mut authenticator);
    let ceremony = begin(Purpose::Register { user: ALICE });
    let options = creation(&ceremony, std::slice::from_ref(&key));
    assert_eq!(options["rp"], json!({ "id": "op.test", "name": "Team" }));
    assert_eq!(options["excludeCredentials"][0]["id"], json!(key.id));
    assert_eq!(options["user"]["id"], json!(handle_of(ALICE)));
    assert_ne!(handle_of(ALICE), handle_of(BOB));
    // Nobody is named to somebody who has not said who they are.
    let options = begin(Purpose::SignIn).request_options(&party(), &[]);
    assert_eq!((&options["allowCredentials"], &options["rpId"]), (&json!([]), &json!("op.test")));
    // A key that comes all the same is not taken twice, and there are not too many of them.
    let answer = authenticator
        .registration(&device::client_data("webauthn.create", &creation(&ceremony, &[]), ISSUER), "op.test");
    let again = add(ceremony.clone(), &answer, std::slice::from_ref(&key));
    assert_eq!(again, Err(Refusal::Known));
    let other = Passkey { id: Bytes(vec![1]), ..key };
    assert_eq!(add(ceremony, &answer, &vec![other; MAX_KEYS]), Err(Refusal::TooMany));
}

#[test]
fn passkeys_are_where_browsers_have_them() {
    for (issuer, there) in [
        ("https://op.test", true),
        ("https://op.test:8443/sso", true),
        ("http://localhost:8080", true),
        ("http://op.test", false),
        ("https://192.0.2.1", false),
        ("https://[2001:db8::1]", false),
        ("", false),
    ] {
        assert_eq!(RelyingParty::of(issuer).is_some(), there, "{issuer}");
    }
    assert_eq!(named("  My\nphone "), Some("Myphone".to_owned()));
    assert_eq!(named(" \t "), None);
    assert_eq!(named(&"ä".repeat(100)).map(|name| name.chars().count()), Some(64));
}

#[test]
fn a_challenge_is_for_one_question() {
    // WA-03
    let mut authenticator = Authenticator::new(ISSUER);
    let keys = [registered(&mut authenticator)];
    let ceremony = begin(Purpose::SignIn);
    let options = ceremony.request_options(&party(), &[]);
    let answer = authenticator.get(&options);
    assert!(prove(ceremony.clone(), &answer, &keys).is_ok());
    // Replayed to the next question, of the same and of another purpose.
    assert_eq!(prove(begin(Purpose::SignIn), &answer, &keys), Err(Refusal::Challenge));
    assert_eq!(prove(begin(Purpose::Register { user: ALICE }), &answer, &keys), Err(Refusal::OtherCeremony));
    assert_eq!(prove(begin(Purpose::Prove { user: BOB }), &answer, &keys), Err(Refusal::OtherPerson));
    // Too late, or in another sign-in.
    let late = NOW + Duration::from_secs(5 * 60);
    assert_eq!(prove_as(ceremony.clone(), &answer, (ALICE, &keys), late), Err(Refusal::Expired));
    let elsewhere = Ceremony::begin(Purpose::SignIn, BOB, UserVerification::Preferred, NOW);
    assert_eq!(prove(elsewhere, &answer, &keys), Err(Refusal::OtherCeremony));
    // In another spelling, without one, or made for a registration.
    let challenge = options["challenge"].as_str().expect("a challenge");
    let credential = &authenticator.credentials[0];
    let data = device::data("op.test", authenticator.flags, 0);
    for (kind, text, refusal) in [
        ("webauthn.get", format!("{challenge}="), Refusal::Challenge),
        ("webauthn.get", format!("{challenge}\n"), Refusal::Challenge),
        ("webauthn.get", challenge.to_lowercase(), Refusal::Challenge),
        ("webauthn.get", String::new(), Refusal::Challenge),
        ("webauthn.create", challenge.to_owned(), Refusal::OtherCeremony),
        ("", challenge.to_owned(), Refusal::OtherCeremony),
    ] {
        let client = device::client_data(kind, &json!({ "challenge": text }), ISSUER);
        let answer = credential.assertion(&client, &data);
        assert_eq!(prove(ceremony.clone(), &answer, &keys), Err(refusal), "{kind} {text}");
    }
    // One that is kept outlives a restart, and nothing else.
    let stored = serde_json::to_string(&ceremony).expect("JSON");
    assert_eq!(serde_json::from_str::<Ceremony>(&stored).expect("a ceremony"), ceremony);
    assert!(ceremony.lasts(Duration::from_secs(60), NOW));
    assert!(!ceremony.lasts(Duration::from_secs(300), NOW));
    assert!(ceremony.until(late + Duration::from_secs(1)).lasts(Duration::from_secs(300), NOW));
}

#[test]
fn somebody_must_be_there_and_be_checked_where_that_is_wanted() {
    // WA-04
    let strict = Ceremony::begin(Purpose::SignIn, FLOW, UserVerification::Required, NOW);
    let relaxed = begin(Purpose::SignIn);
    let mut authenticator = Authenticator::new(ISSUER);
    authenticator.flags = UP | UV;
    let keys = [registered(&mut authenticator)];
    for (flags, strictly, relaxedly) in [
        (UP | UV, None, None),
        (UP, Some(Refusal::NotVerified), None),
        (UV, Some(Refusal::NotPresent), Some(Refusal::NotPresent)),
        (0, Some(Refusal::NotPresent), Some(Refusal::NotPresent)),
        (UP | UV | 0x02, Some(Refusal::Malformed), Some(Refusal::Malformed)),
        (UP | UV | 0x20, Some(Refusal::Malformed), Some(Refusal::Malformed)),
    ] {
        authenticator.flags = flags;
        for (ceremony, refusal) in [(&strict, strictly), (&relaxed, relaxedly)] {
            let answer = authenticator.get(&ceremony.request_options(&party(), &[]));
            assert_eq!(prove(ceremony.clone(), &answer, &keys).err(), refusal, "{flags:#x}");
        }
    }
}

#[test]
fn a_counter_grows_or_is_not_there() {
    // WA-05
    for (stored, count, good) in
        [(10, 9, false), (10, 10, false), (10, 0, false), (10, 11, true), (0, 0, true), (0, 5, true)]
    {
        let mut authenticator = Authenticator::security_key(ISSUER);
        let key = Passkey { sign_count: stored, ..registered(&mut authenticator) };
        authenticator.count = count;
        match proof(&mut authenticator, &key) {
            Ok(proof) => {
                assert_eq!((good, proof.key.sign_count, proof.suspected), (true, count, false));
            }
            Err(refusal) => assert_eq!((good, refusal), (false, Refusal::Counter), "{stored} {count}"),
        }
    }
}

#[test]
fn a_counter_that_did_not_grow_is_no_more_than_a_suspicion_where_that_will_do() {
    // WA-05
    for (stored, count, suspected) in [(10, 9, true), (10, 10, true), (10, 0, true), (10, 11, false)] {
        let mut authenticator = Authenticator::security_key(ISSUER);
        authenticator.flags |= UV;
        let key = Passkey { sign_count: stored, ..registered(&mut authenticator) };
        authenticator.count = count;
        let ceremony = begin(Purpose::Prove { user: ALICE });
        let answer = authenticator.get(&ceremony.request_options(&party(), std::slice::from_ref(&key)));
        let answer = Assertion::read(&answer.to_string()).expect("an answer");
        let (handle, keys) = (&handle_of(ALICE), std::slice::from_ref(&key));
        let suspected_clone = SuspectedClone::Challenge;
        let person = Person { user: ALICE, handle, keys, within: FLOW, suspected_clone };
        let proof = answer.verify(ceremony, &party(), &person, NOW).expect("a proof");
        assert_eq!((proof.suspected, proof.key.sign_count), (suspected, if suspected { 10 } else { 11 }));
        assert_eq!(proof.methods().contains(&"mfa"), !suspected, "{stored} {count}");
    }
}

#[test]
fn backup_flags_agree_with_each_other_and_with_what_was_known() {
    // WA-12
    for (first, then, good) in [
        (UP, UP, true),
        (UP, UP | BE, false),
        (UP, UP | BS, false),
        (UP | BE, UP, false),
        (UP | BE, UP | BE | BS, true),
        (UP | BE | BS, UP | BE, true),
    ] {
        let mut authenticator = Authenticator::new(ISSUER);
        authenticator.flags = first;
        let key = registered(&mut authenticator);
        authenticator.flags = then;
        match proof(&mut authenticator, &key) {
            Ok(proof) => assert_eq!((good, proof.key.backed_up), (true, then & BS != 0)),
            Err(refusal) => assert_eq!((good, refusal), (false, Refusal::Backup), "{first:#x} {then:#x}"),
        }
    }
    let mut authenticator = Authenticator::new(ISSUER);
    authenticator.flags = UP | BS;
    let ceremony = begin(Purpose::Register { user: ALICE });
    let answer = authenticator.create(&creation(&ceremony, &[]));
    assert_eq!(add(ceremony, &answer, &[]), Err(Refusal::Backup));
}
