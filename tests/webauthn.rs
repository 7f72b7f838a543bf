//! Keys and their proofs (`WebAuthn` Level 3), against an authenticator of software.

use std::time::Duration;

use gantry::clock::Timestamp;
use gantry::factor::own_key::named;
use gantry::factor::passkey::{
    Assertion, Bytes, Ceremony, MAX_KEYS, Owner, Passkey, Person, Proof, Purpose, Refusal, Registration,
    RelyingParty, UserVerification, handle, register::Adding,
};
use gantry::keys::MasterKey;
use gantry::secret::Id;
use serde_json::{Value, json};

use crate::support::authenticator::{self as device, Authenticator, BE, BS, Pair, UP, UV};

const ISSUER: &str = "https://op.test";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const ALICE: Id = Id::from_bytes([1; 16]);
const BOB: Id = Id::from_bytes([2; 16]);
const FLOW: Id = Id::from_bytes([3; 16]);

fn party() -> RelyingParty {
    RelyingParty::of(ISSUER).expect("a party")
}

fn handle_of(user: Id) -> Bytes {
    handle(&MasterKey::from_bytes(&[7; 32]).expect("a key"), user)
}

fn begin(purpose: Purpose) -> Ceremony {
    Ceremony::begin(purpose, FLOW, UserVerification::Preferred, NOW)
}

fn creation(ceremony: &Ceremony, known: &[Passkey]) -> Value {
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

fn add(ceremony: Ceremony, answer: &Value, known: &[Passkey]) -> Result<Passkey, Refusal> {
    let adding = Adding { user: ALICE, within: FLOW, known, attestation: None };
    let answer = Registration::read(&answer.to_string()).ok_or(Refusal::Malformed)?;
    answer.verify(ceremony, &party(), &adding, NOW).map(|made| made.key)
}

/// Alice's new key, on this authenticator.
fn registered(authenticator: &mut Authenticator) -> Passkey {
    let ceremony = begin(Purpose::Register { user: ALICE });
    let answer = authenticator.create(&creation(&ceremony, &[]));
    add(ceremony, &answer, &[]).expect("a key")
}

fn prove(ceremony: Ceremony, answer: &Value, keys: &[Passkey]) -> Result<Proof, Refusal> {
    prove_as(ceremony, answer, (ALICE, keys), NOW)
}

fn prove_as(
    ceremony: Ceremony,
    answer: &Value,
    (user, keys): (Id, &[Passkey]),
    now: Timestamp,
) -> Result<Proof, Refusal> {
    let handle = &handle_of(user);
    let answer = Assertion::read(&answer.to_string()).ok_or(Refusal::Malformed)?;
    answer.verify(ceremony, &party(), &Person { user, handle, keys, within: FLOW }, now)
}

/// What comes of alice's proof with this authenticator.
fn proof(authenticator: &mut Authenticator, key: &Passkey) -> Result<Proof, Refusal> {
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
fn the_origin_is_one_to_the_letter() {
    // WA-01
    for origin in [
        "https://badop.test",
        "https://op.test.evil",
        "http://op.test",
        "https://op.test:444",
        "https://op.test.",
        "https://a.op.test",
        "null",
        "https://OP.test",
        "https://op.test/",
        "https://op.test:443",
        "",
        "op.test",
    ] {
        let mut authenticator = Authenticator::new(ISSUER);
        let key = registered(&mut authenticator);
        authenticator.origin = origin.to_owned();
        assert_eq!(proof(&mut authenticator, &key), Err(Refusal::Origin), "{origin}");
        let ceremony = begin(Purpose::Register { user: ALICE });
        let answer = authenticator.create(&creation(&ceremony, &[]));
        assert_eq!(add(ceremony, &answer, &[]), Err(Refusal::Origin), "{origin}");
    }
    // The right origin in somebody's frame, or of another relying party.
    let mut authenticator = Authenticator::new(ISSUER);
    let keys = [registered(&mut authenticator)];
    let ceremony = begin(Purpose::SignIn);
    let challenge = ceremony.request_options(&party(), &[])["challenge"].clone();
    let client = json!({ "type": "webauthn.get", "challenge": challenge, "origin": ISSUER });
    let with = |name: &str, value: Value| {
        let mut client = client.clone();
        client[name] = value;
        client.to_string().into_bytes()
    };
    let credential = &authenticator.credentials[0];
    for (client, rp_id) in [
        (with("crossOrigin", json!(true)), "op.test"),
        (with("topOrigin", json!(ISSUER)), "op.test"),
        (with("crossOrigin", json!(false)), "badop.test"),
    ] {
        let answer = credential.assertion(&client, &device::data(rp_id, authenticator.flags, 0));
        assert_eq!(prove(ceremony.clone(), &answer, &keys), Err(Refusal::Origin), "{rp_id}");
    }
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
            Ok(proof) => assert_eq!((good, proof.key.sign_count), (true, count)),
            Err(refusal) => assert_eq!((good, refusal), (false, Refusal::Counter), "{stored} {count}"),
        }
    }
}

#[test]
fn a_key_proves_its_owner_only() {
    // WA-06
    let mut authenticator = Authenticator::new(ISSUER);
    let keys = [registered(&mut authenticator)];
    let of_bob = authenticator.credentials[0].handle.clone();
    authenticator.credentials[0].handle = handle_of(BOB).text();
    let refused = |ceremony: &Ceremony, answer: &Value, who| {
        assert_eq!(prove_as(ceremony.clone(), answer, who, NOW), Err(Refusal::OtherPerson));
    };
    for purpose in [Purpose::SignIn, Purpose::Prove { user: ALICE }] {
        let ceremony = begin(purpose);
        let answer = authenticator.get(&ceremony.request_options(&party(), &[]));
        // The handle of one, the key of the other.
        refused(&ceremony, &answer, (ALICE, &keys));
        refused(&ceremony, &answer, (BOB, &[]));
    }
    authenticator.credentials[0].handle = of_bob;
    let ceremony = begin(Purpose::Prove { user: BOB });
    let mut answer = authenticator.get(&ceremony.request_options(&party(), &[]));
    refused(&ceremony, &answer, (ALICE, &keys));
    refused(&ceremony, &answer, (BOB, &[]));
    // Without a handle it is only good where the person is known.
    answer["response"]["userHandle"] = Value::Null;
    refused(&begin(Purpose::SignIn), &answer, (ALICE, &keys));
    let ceremony = begin(Purpose::Prove { user: ALICE });
    let mut answer = authenticator.get(&ceremony.request_options(&party(), &keys));
    answer["response"]["userHandle"] = Value::Null;
    assert!(prove(ceremony, &answer, &keys).is_ok());
}

#[test]
fn a_signature_is_of_the_key_that_is_known() {
    // WA-07
    let makes = [Pair::es256 as fn() -> Pair, Pair::ed25519, Pair::rs256];
    for make in makes {
        let mut authenticator = Authenticator::new(ISSUER).with_keys(make);
        let key = registered(&mut authenticator);
        for other in makes {
            authenticator.credentials[0].pair = other();
            assert_eq!(proof(&mut authenticator, &key), Err(Refusal::Signature));
        }
    }
    let mut authenticator = Authenticator::new(ISSUER);
    let keys = [registered(&mut authenticator)];
    let ceremony = begin(Purpose::SignIn);
    let answer = authenticator.get(&ceremony.request_options(&party(), &[]));
    for signature in ["", "AA", "MAYCAQACAQA", &"A".repeat(96)] {
        let mut answer = answer.clone();
        answer["response"]["signature"] = json!(signature);
        assert_eq!(prove(ceremony.clone(), &answer, &keys), Err(Refusal::Signature), "{signature}");
    }
}

#[test]
fn keys_that_are_none_are_not_taken() {
    // WA-07
    let bytes = device::bytes;
    let ec = |alg, crv, x: &[u8], y: &[u8]| {
        let int = device::int;
        device::cose(&[(1, int(2)), (3, int(alg)), (-1, int(crv)), (-2, bytes(x)), (-3, bytes(y))])
    };
    let rsa = |alg, n: &[u8], e: &[u8]| {
        device::cose(&[(1, device::int(3)), (3, device::int(alg)), (-1, bytes(n)), (-2, bytes(e))])
    };
    let n = |length| vec![0xff; length];
    let okp = |crv, x: &[u8]| {
        device::cose(&[(1, device::int(1)), (3, device::int(-8)), (-1, device::int(crv)), (-2, bytes(x))])
    };
    let mut extra = Pair::ed25519().cose();
    extra[0] += 1;
    extra.extend([device::int(2), bytes(b"kid")].concat());
    for (what, key) in [
        ("a point off the curve", ec(-7, 1, &[1; 32], &[1; 32])),
        ("the point at infinity", ec(-7, 1, &[0; 32], &[0; 32])),
        ("a short coordinate", ec(-7, 1, &[1; 31], &[1; 32])),
        ("ES256 on another curve", ec(-7, 2, &[1; 32], &[1; 32])),
        ("ES384", ec(-35, 2, &[1; 48], &[1; 48])),
        ("the algorithm of another kind", ec(-257, 1, &[1; 32], &[1; 32])),
        ("RSA of 512 bits", rsa(-257, &n(64), &[1, 0, 1])),
        ("RSA of 1024 bits", rsa(-257, &n(128), &[1, 0, 1])),
        ("RSA of 32,768 bits", rsa(-257, &n(4096), &[1, 0, 1])),
        ("e = 1", rsa(-257, &n(256), &[1])),
        ("an even modulus", rsa(-257, &[0xfe; 256], &[1, 0, 1])),
        ("RS1", rsa(-65535, &n(256), &[1, 0, 1])),
        ("Ed448", okp(7, &[1; 57])),
        ("X25519", okp(4, &[1; 32])),
        ("a short Ed25519 key", okp(6, &[1; 31])),
        ("more parameters than it has", extra),
        ("no parameters", device::map(&[])),
    ] {
        let authenticator = Authenticator::new(ISSUER);
        let ceremony = begin(Purpose::Register { user: ALICE });
        let client = device::client_data("webauthn.create", &creation(&ceremony, &[]), ISSUER);
        let data = authenticator.attested("op.test", b"id", &key);
        let object = device::attestation("none", &device::map(&[]), &data);
        let answer = device::registration(b"id", &client, &object);
        assert_eq!(add(ceremony, &answer, &[]), Err(Refusal::Key), "{what}");
    }
}

#[test]
fn what_is_no_answer_is_refused_and_costs_nothing() {
    // WA-08
    let mut authenticator = Authenticator::new(ISSUER);
    let ceremony = begin(Purpose::Register { user: ALICE });
    let options = creation(&ceremony, &[]);
    let good = authenticator.create(&options);
    assert!(add(ceremony.clone(), &good, &[]).is_ok());
    let client = String::from_utf8(device::client_data("webauthn.create", &options, ISSUER)).expect("text");
    let twice = client.replacen('{', "{\"origin\":\"https://op.test\",", 1);
    let data = authenticator.attested("op.test", b"id", &Pair::es256().cose());
    let none = device::map(&[]);
    let object = |data: &[u8]| device::attestation("none", &none, data);
    let with = |client: &str, object: &[u8]| device::registration(b"id", client.as_bytes(), object);
    let mut other_id = with(&client, &object(&data));
    other_id["id"] = json!("aWQy");
    let mut unpadded = with(&client, &object(&data));
    unpadded["rawId"] = json!("aWR=");
    let long = Authenticator::new(ISSUER).attested("op.test", &[7; 1024], &Pair::es256().cose());
    let mut extended = data.clone();
    extended[32] |= 0x80;
    let tail = |bytes: &[u8]| [&extended[..], bytes].concat();
    for (what, answer) in [
        ("client data of 1 MB", with(&format!("{client}{}", " ".repeat(1 << 20)), &object(&data))),
        ("client data of 5 kB", with(&format!("{client}{}", " ".repeat(5000)), &object(&data))),
        ("a byte order mark", with(&format!("\u{feff}{client}"), &object(&data))),
        ("a member twice", with(&twice, &object(&data))),
        ("no client data", with("", &object(&data))),
        ("deep client data", with(&"[".repeat(4000), &object(&data))),
        ("no object", with(&client, &[])),
        ("a deep object", with(&client, &[0x81; 10_000])),
        ("an object with a tail", with(&client, &[&object(&data)[..], &[0]].concat())),
        ("more in the object", {
            let mut more = object(&data);
            more[0] += 1;
            with(&client, &[&more[..], &device::string("x"), &device::int(1)].concat())
        }),
        ("short data", with(&client, &object(&data[..40]))),
        ("data without a key", with(&client, &object(&device::data("op.test", UP, 0)))),
        ("data with a tail", with(&client, &object(&[&data[..], &[0]].concat()))),
        ("extensions that are none", with(&client, &object(&tail(&[0xa1])))),
        ("extensions without end", with(&client, &object(&tail(&[0xbf, 0xff])))),
        ("a long id", device::registration(&[7; 1024], client.as_bytes(), &object(&long))),
        ("no id", {
            let data = authenticator.attested("op.test", b"", &Pair::es256().cose());
            device::registration(b"", client.as_bytes(), &object(&data))
        }),
        ("another id in the data", device::registration(b"di", client.as_bytes(), &object(&data))),
        ("another id in the frame", other_id),
        ("an id in another spelling", unpadded),
    ] {
        assert_eq!(add(ceremony.clone(), &answer, &[]), Err(Refusal::Malformed), "{what}");
    }
    let answer =
        with(&client, &object(&tail(&device::map(&[(device::string("credProtect"), device::int(2))]))));
    assert!(add(ceremony, &answer, &[]).is_ok());
    for text in ["", "{}", "null", "[]", &"[".repeat(10_000), &format!("{{{}", "\"a\":{".repeat(3000))] {
        assert!(Registration::read(text).is_none() && Assertion::read(text).is_none());
    }
}

#[test]
fn nobodys_word_on_the_make_of_a_key_is_believed() {
    // WA-09: `none` and self attestation are read; nothing else is, and there is no list of makes to be on.
    let mut authenticator = Authenticator::new(ISSUER);
    registered(&mut authenticator);
    let ceremony = begin(Purpose::Register { user: ALICE });
    let client = device::client_data("webauthn.create", &creation(&ceremony, &[]), ISSUER);
    let credential = &authenticator.credentials[0];
    let data = authenticator.attested("op.test", &credential.id, &credential.pair.cose());
    let signed = [&data[..], gantry::secret::Digest::of(&client).bytes()].concat();
    let (alg, sig) = (device::string("alg"), device::string("sig"));
    let right = device::bytes(&credential.pair.sign(&signed));
    let own = |number, signature: &[u8]| {
        device::map(&[(alg.clone(), device::int(number)), (sig.clone(), signature.to_vec())])
    };
    let list = [&[0x81][..], &device::bytes(b"certificate")].concat();
    let chained = device::map(&[
        (alg.clone(), device::int(-7)),
        (sig.clone(), right.clone()),
        (device::string("x5c"), list),
    ]);
    for (format, statement, good) in [
        ("packed", own(-7, &right), true),
        ("packed", own(-257, &right), false),
        ("packed", own(-7, &device::bytes(&Pair::es256().sign(&signed))), false),
        ("packed", chained, false),
        ("packed", device::map(&[]), false),
        ("none", own(-7, &right), false),
        ("fido-u2f", device::map(&[]), false),
        ("android-safetynet", device::map(&[]), false),
        ("NONE", device::map(&[]), false),
    ] {
        let object = device::attestation(format, &statement, &data);
        let answer = device::registration(&credential.id, &client, &object);
        let added = add(ceremony.clone(), &answer, &[]);
        assert_eq!(added.err(), (!good).then_some(Refusal::Attestation), "{format}");
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
