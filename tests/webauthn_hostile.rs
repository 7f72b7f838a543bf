//! Answers to passkey ceremonies that are wrong on purpose: of other sites, people and keys, or no answers at all.

use gantry::factor::passkey::{Assertion, Ceremony, Purpose, Refusal, Registration};
use serde_json::{Value, json};

use crate::support::authenticator::{self as device, Authenticator, Pair, UP};
use crate::webauthn::{
    ALICE, BOB, ISSUER, NOW, add, begin, creation, handle_of, party, proof, prove, prove_as, registered,
};

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
