//! Formats of attestation that single makers have (`WebAuthn` sections 8.4, 8.6 and 8.8; 8.3 is in `attestation_tpm`), with
//! every part of a statement wrong once. Certificates are made here.

use aws_lc_rs::digest::{SHA256, digest};
use gantry::clock::Timestamp;
use gantry::factor::passkey::attestation::New;
use gantry::factor::passkey::data::AuthenticatorData;
use gantry::factor::passkey::{Attestation, attestation, cbor};
use gantry::secret::Digest;
use rcgen::{CertificateParams, CustomExtension, KeyPair, PKCS_ECDSA_P384_SHA384};

use crate::attestation::{Change, KIND, Maker, kind, pair, sign};
use crate::support::authenticator::{self as device, Authenticator};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const HASH: [u8; 32] = [7; 32];

/// A new key, and whose certificates are believed about it.
pub(crate) struct World {
    pub(crate) maker: Maker,
    pub(crate) pair: KeyPair,
    data: Vec<u8>,
    wanted: Attestation,
}

impl World {
    pub(crate) fn new() -> Self {
        let (maker, pair) = (Maker::new("Maker"), pair());
        let data = Authenticator::security_key("").attested("op.test", b"id", &cose(&pair));
        // The second one signs leaves that come alone.
        let roots = attestation::roots(format!("{}{}", maker.root.pem(), maker.middle.pem()).as_bytes());
        let wanted = Attestation { roots: roots.expect("roots"), aaguids: [].into() };
        Self { maker, pair, data, wanted }
    }

    pub(crate) fn signed(&self) -> Vec<u8> {
        [&self.data[..], &HASH].concat()
    }

    pub(crate) fn takes(&self, format: &str, statement: &[(&str, Vec<u8>)]) -> bool {
        let entries: Vec<_> =
            statement.iter().map(|(name, value)| (device::string(name), value.clone())).collect();
        let statement = device::map(&entries);
        let read = AuthenticatorData::read(&self.data).expect("data").attested.expect("a key");
        let party = Digest::of(b"op.test");
        let new = New {
            data: &self.data,
            rp_id_hash: party.bytes(),
            aaguid: &read.aaguid,
            id: read.id,
            key: read.key.as_ref().expect("a key"),
            client_data_hash: &HASH,
        };
        self.wanted.vouches(format, &cbor::map(&statement).expect("a map"), &new, NOW)
    }

    /// The same, where the data names this model and only those are taken.
    pub(crate) fn of(mut self, model: [u8; 16], models: &[[u8; 16]]) -> Self {
        self.data[37..53].copy_from_slice(&model);
        self.wanted.aaguids = models.iter().copied().collect();
        self
    }
}

fn cose(pair: &KeyPair) -> Vec<u8> {
    let (x, y) = pair.public_key_raw()[1..].split_at(32);
    let int = device::int;
    device::cose(&[(1, int(2)), (3, int(-7)), (-1, int(1)), (-2, device::bytes(x)), (-3, device::bytes(y))])
}

pub(crate) fn list(chain: &[Vec<u8>]) -> Vec<u8> {
    let items = chain.iter().flat_map(|certificate| device::bytes(certificate));
    [0x80 | u8::try_from(chain.len()).expect("few")].into_iter().chain(items).collect()
}

/// One element of DER.
pub(crate) fn der(tag: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("short");
    let length = if length < 0x80 { vec![length] } else { vec![0x81, length] };
    [tag, &length, content].concat()
}

pub(crate) fn extension(oid: &[u64], value: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(oid, value)
}

// Section 8.8

fn nonce(nonce: &[u8]) -> CustomExtension {
    let value = der(&[0x30], &der(&[0xa1], &der(&[0x04], nonce)));
    extension(&[1, 2, 840, 113_635, 100, 8, 2], value)
}

#[test]
fn apple_vouches_for_the_very_key_and_the_very_moment() {
    let world = World::new();
    let fresh = digest(&SHA256, &world.signed()).as_ref().to_vec();
    let stale = digest(&SHA256, b"another moment").as_ref().to_vec();
    let chain = |pair: &KeyPair, extensions: Vec<CustomExtension>| {
        list(&world.maker.certify_for(pair, |params| params.custom_extensions = extensions))
    };
    let good = chain(&world.pair, vec![nonce(&fresh)]);
    assert!(world.takes("apple", &[("x5c", good.clone())]));
    for (what, statement) in [
        ("of another moment", vec![("x5c", chain(&world.pair, vec![nonce(&stale)]))]),
        ("of no moment", vec![("x5c", chain(&world.pair, vec![]))]),
        ("in another frame", {
            let value = der(&[0x30], &der(&[0xa2], &der(&[0x04], &fresh)));
            let other = extension(&[1, 2, 840, 113_635, 100, 8, 2], value);
            vec![("x5c", chain(&world.pair, vec![other]))]
        }),
        ("twice", vec![("x5c", chain(&world.pair, vec![nonce(&fresh), nonce(&fresh)]))]),
        ("for another key", vec![("x5c", chain(&pair(), vec![nonce(&fresh)]))]),
        ("and more", vec![("x5c", good.clone()), ("alg", device::int(-7))]),
        ("without a certificate", vec![("x5c", list(&[]))]),
        ("without a chain", vec![]),
    ] {
        assert!(!world.takes("apple", &statement), "{what}");
    }
}

// Section 8.4

/// `KeyDescription` of Android's schema.
fn description(level: u8, challenge: &[u8], software: &[u8], hardware: &[u8]) -> Vec<u8> {
    let parts = [
        der(&[0x02], &[4]),
        der(&[0x0a], &[level]),
        der(&[0x02], &[41]),
        der(&[0x0a], &[level]),
        der(&[0x04], challenge),
        der(&[0x04], &[]),
        der(&[0x30], software),
        der(&[0x30], hardware),
    ];
    der(&[0x30], &parts.concat())
}

fn origin(origin: u8) -> Vec<u8> {
    der(&[0xbf, 0x85, 0x3e], &der(&[0x02], &[origin]))
}

fn purpose(purposes: &[u8]) -> Vec<u8> {
    let set: Vec<u8> = purposes.iter().flat_map(|purpose| der(&[0x02], &[*purpose])).collect();
    der(&[0xa1], &der(&[0x31], &set))
}

fn all_applications() -> Vec<u8> {
    der(&[0xbf, 0x84, 0x58], &der(&[0x05], &[]))
}

const ANDROID: [u64; 10] = [1, 3, 6, 1, 4, 1, 11129, 2, 1, 17];

#[test]
fn android_vouches_for_keys_that_were_made_in_the_device_to_sign() {
    let world = World::new();
    let taken = |value: Vec<u8>| {
        let change =
            |params: &mut CertificateParams| params.custom_extensions = vec![extension(&ANDROID, value)];
        let chain = list(&world.maker.certify_for(&world.pair, change));
        let sig = device::bytes(&sign(&world.pair, &world.signed()));
        world.takes("android-key", &[("alg", device::int(-7)), ("sig", sig), ("x5c", chain)])
    };
    // Those of a phone: a purpose in front, a key size among them.
    let size = der(&[0xa3], &der(&[0x02], &[1, 0]));
    let usual = [purpose(&[2, 3]), size, origin(0)].concat();
    let both = |more: Vec<u8>| [usual.clone(), more].concat();
    for (what, value, good) in [
        ("in a TEE", description(1, &HASH, &[], &usual), true),
        ("in a StrongBox", description(2, &HASH, &[], &[purpose(&[2]), origin(0)].concat()), true),
        ("by software that says so", description(0, &HASH, &usual, &[]), true),
        ("by software that says nothing", description(0, &HASH, &[], &[]), true),
        ("another challenge", description(1, &[8; 32], &[], &usual), false),
        ("half the challenge", description(1, &HASH[..16], &[], &usual), false),
        ("of all applications", description(1, &HASH, &[], &both(all_applications())), false),
        ("of all applications by software", description(1, &HASH, &all_applications(), &usual), false),
        ("imported", description(1, &HASH, &[], &[purpose(&[2]), origin(2)].concat()), false),
        ("imported by software", description(0, &HASH, &[purpose(&[2]), origin(2)].concat(), &[]), false),
        ("to decrypt", description(1, &HASH, &[], &[purpose(&[1]), origin(0)].concat()), false),
        ("to decrypt too", description(1, &HASH, &[], &[purpose(&[1, 2]), origin(0)].concat()), false),
        ("to verify alone", description(1, &HASH, &[], &[purpose(&[3]), origin(0)].concat()), false),
        ("to do nothing", description(1, &HASH, &[], &[purpose(&[]), origin(0)].concat()), false),
        ("of no origin", description(1, &HASH, &[], &purpose(&[2])), false),
        ("of no purpose", description(1, &HASH, &[], &origin(0)), false),
        ("of no origin but by software", description(1, &HASH, &origin(0), &purpose(&[2])), false),
        ("of two origins", description(1, &HASH, &[], &both(origin(2))), false),
        ("a list that is none", description(1, &HASH, &[0xbf], &usual), false),
        ("with a tail", [description(1, &HASH, &[], &usual), vec![0]].concat(), false),
        ("half", description(1, &HASH, &[], &usual)[..30].to_vec(), false),
        ("nothing", Vec::new(), false),
    ] {
        assert_eq!(taken(value), good, "{what}");
    }
}

#[test]
fn android_vouches_for_the_very_key() {
    let world = World::new();
    let usual = [purpose(&[2]), origin(0)].concat();
    let described = |params: &mut CertificateParams| {
        params.custom_extensions = vec![extension(&ANDROID, description(1, &HASH, &[], &usual))];
    };
    let chain = list(&world.maker.certify_for(&world.pair, described));
    let sig = device::bytes(&sign(&world.pair, &world.signed()));
    let other = pair();
    let good = [("alg", device::int(-7)), ("sig", sig.clone()), ("x5c", chain.clone())];
    assert!(world.takes("android-key", &good));
    let changed = |at: usize, value: Vec<u8>| {
        let mut statement = good.to_vec();
        statement[at].1 = value;
        statement
    };
    for (what, statement) in [
        ("another algorithm", changed(0, device::int(-257))),
        ("no algorithm", good[1..].to_vec()),
        ("another signature", changed(1, device::bytes(&sign(&world.pair, b"another message")))),
        ("the signature of another key", changed(1, device::bytes(&sign(&other, &world.signed())))),
        ("another key", changed(2, list(&world.maker.certify_for(&other, described)))),
        ("no description", changed(2, list(&world.maker.certify_for(&world.pair, |_| {})))),
        ("more", [&good[..], &[("ver", device::string("2.0"))]].concat()),
    ] {
        assert!(!world.takes("android-key", &statement), "{what}");
    }
    let chain = list(&world.maker.certify_for(&other, described));
    let sig = device::bytes(&sign(&other, &world.signed()));
    let statement = [("alg", device::int(-7)), ("sig", sig), ("x5c", chain)];
    assert!(!world.takes("android-key", &statement), "another key in everything but the data");
}

// Section 8.6

#[test]
fn a_u2f_key_signs_for_the_site_and_the_key_with_one_certificate() {
    let world = World::new();
    let id = Digest::of(b"op.test");
    let point = world.pair.public_key_raw();
    let parts: [&[u8]; 5] = [&[0], id.bytes(), &HASH, b"id", point];
    let (chain, attester) = world.maker.certify(|_| {});
    let with = |chain: &[Vec<u8>], signature: &[u8]| {
        world.takes("fido-u2f", &[("x5c", list(chain)), ("sig", device::bytes(signature))])
    };
    let signature = sign(&attester, &parts.concat());
    assert!(with(&chain[..1], &signature));
    assert!(!with(&chain, &signature), "a chain");
    assert!(!with(&[], &signature), "no certificate");
    assert!(!with(&chain[..1], &sign(&pair(), &parts.concat())), "another attester");
    for (at, other) in [&[1][..], Digest::of(b"op.evil").bytes(), &[8; 32], b"di", pair().public_key_raw()]
        .iter()
        .enumerate()
    {
        let mut parts = parts;
        parts[at] = other;
        assert!(!with(&chain[..1], &sign(&attester, &parts.concat())), "part {at}");
    }
    let statement =
        [("x5c", list(&chain[..1])), ("sig", device::bytes(&signature)), ("alg", device::int(-7))];
    assert!(!world.takes("fido-u2f", &statement), "an algorithm");
    // Step 2: no key on another curve.
    let wide = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key");
    let chain = world.maker.certify_for(&wide, |_| {});
    assert!(!with(&chain[..1], &sign(&wide, &parts.concat())), "P-384");
}

#[test]
fn a_u2f_key_has_the_model_of_its_certificate_or_none() {
    let none = [0; 16];
    let named: Change = |params| params.custom_extensions = vec![kind(KIND)];
    let unnamed: Change = |params| params.custom_extensions.clear();
    for (model, models, change, good) in [
        (none, &[KIND][..], named, true),
        (none, &[none], named, false),
        (none, &[none], unnamed, true),
        // Nobody signs what the data names.
        (KIND, &[KIND], unnamed, false),
        (KIND, &[none], unnamed, false),
        (none, &[], named, true),
        (KIND, &[], unnamed, true),
    ] {
        let world = World::new().of(model, models);
        let (chain, attester) = world.maker.certify(change);
        let id = Digest::of(b"op.test");
        let signed = [&[0], &id.bytes()[..], &HASH, b"id", world.pair.public_key_raw()].concat();
        let statement = [("x5c", list(&chain[..1])), ("sig", device::bytes(&sign(&attester, &signed)))];
        assert_eq!(world.takes("fido-u2f", &statement), good, "{models:?}");
    }
}

#[test]
fn without_a_certificate_that_says_so_a_model_is_one_of_its_vendor() {
    // WA-09
    let model = |text: &str| uuid::Uuid::parse_str(text).expect("a UUID").into_bytes();
    let apple = model("f24a8e70-d0d3-f82c-2937-32523cc4de5a");
    let android = model("b93fd961-f2e6-462f-b122-82002247de78");
    for (named, models, of_apple, of_android) in [
        (apple, &[apple][..], true, false),
        (android, &[android], false, true),
        (apple, &[android], false, false),
        (KIND, &[KIND], false, false),
        (KIND, &[apple, android], false, false),
        (KIND, &[], true, true),
    ] {
        let world = World::new().of(named, models);
        let fresh = nonce(digest(&SHA256, &world.signed()).as_ref());
        let chain = world.maker.certify_for(&world.pair, |params| params.custom_extensions = vec![fresh]);
        assert_eq!(world.takes("apple", &[("x5c", list(&chain))]), of_apple, "{named:?} {models:?}");
        let usual = [purpose(&[2]), origin(0)].concat();
        let described = extension(&ANDROID, description(1, &HASH, &[], &usual));
        let chain = world.maker.certify_for(&world.pair, |params| params.custom_extensions = vec![described]);
        let sig = device::bytes(&sign(&world.pair, &world.signed()));
        let statement = [("alg", device::int(-7)), ("sig", sig), ("x5c", list(&chain))];
        assert_eq!(world.takes("android-key", &statement), of_android, "{named:?} {models:?}");
    }
}
