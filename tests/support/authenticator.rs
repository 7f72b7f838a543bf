//! A security key made of software, with the browser in front of it: what `navigator.credentials` answers, and
//! every way in which an answer can be wrong.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gantry::secret::{Digest, random};
use serde_json::{Value, json};

pub(crate) const UP: u8 = 0x01;
pub(crate) const UV: u8 = 0x04;
pub(crate) const BE: u8 = 0x08;
pub(crate) const BS: u8 = 0x10;
const AT: u8 = 0x40;

pub(crate) enum Pair {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
}

/// What an authenticator keeps of one account.
pub(crate) struct Credential {
    pub(crate) id: Vec<u8>,
    pub(crate) pair: Pair,
    pub(crate) handle: String,
}

pub(crate) struct Authenticator {
    pub(crate) credentials: Vec<Credential>,
    pub(crate) origin: String,
    /// Of every answer, without the one for attested data.
    pub(crate) flags: u8,
    /// Of the next answer; grows with each when it is not zero.
    pub(crate) count: u32,
    /// `none` or `packed`.
    pub(crate) format: &'static str,
    make: fn() -> Pair,
}

impl Authenticator {
    /// A platform authenticator that synchronises its keys and has checked a finger.
    pub(crate) fn new(origin: &str) -> Self {
        let origin = origin.to_owned();
        let flags = UP | UV | BE | BS;
        Self { credentials: Vec::new(), origin, flags, count: 0, format: "none", make: Pair::es256 }
    }

    /// A key on a key ring, which counts and has no PIN.
    pub(crate) fn security_key(origin: &str) -> Self {
        Self { flags: UP, count: 1, format: "packed", ..Self::new(origin) }
    }

    pub(crate) fn with_keys(self, make: fn() -> Pair) -> Self {
        Self { make, ..self }
    }

    /// `navigator.credentials.create`, as JSON.
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        let excluded = options["excludeCredentials"].as_array().expect("a list");
        let known = |credential: &Credential| excluded.iter().any(|one| one["id"] == text(&credential.id));
        assert!(!self.credentials.iter().any(known), "InvalidStateError: there is a key already");
        let pair = (self.make)();
        let alg = pair.algorithm();
        let params = options["pubKeyCredParams"].as_array().expect("a list");
        assert!(params.iter().any(|param| param["alg"] == alg), "NotSupportedError");
        let handle = options["user"]["id"].as_str().expect("a handle").to_owned();
        self.credentials.push(Credential { id: random::<24>().to_vec(), pair, handle });
        let client = client_data("webauthn.create", options, &self.origin);
        let answer = self.registration(&client, options["rp"]["id"].as_str().expect("an RP id"));
        self.grow();
        answer
    }

    /// The registration of the newest credential.
    pub(crate) fn registration(&self, client: &[u8], rp_id: &str) -> Value {
        let credential = self.credentials.last().expect("a credential");
        let data = self.attested(rp_id, &credential.id, &credential.pair.cose());
        let statement = match self.format {
            "packed" => {
                let signature = credential.pair.sign(&[&data[..], Digest::of(client).bytes()].concat());
                let alg = int(credential.pair.algorithm());
                map(&[(string("alg"), alg), (string("sig"), bytes(&signature))])
            }
            _ => map(&[]),
        };
        registration(&credential.id, client, &attestation(self.format, &statement, &data))
    }

    /// Authenticator data with a key in it.
    pub(crate) fn attested(&self, rp_id: &str, id: &[u8], key: &[u8]) -> Vec<u8> {
        let length = u16::try_from(id.len()).expect("short").to_be_bytes();
        let data = data(rp_id, self.flags | AT, self.count);
        [&data[..], &[0xa9; 16], &length, id, key].concat()
    }

    /// `navigator.credentials.get`, as JSON: with the first credential that is allowed.
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        let allowed = options["allowCredentials"].as_array().expect("a list");
        let fits = |credential: &&Credential| {
            allowed.is_empty() || allowed.iter().any(|one| one["id"] == text(&credential.id))
        };
        let credential = self.credentials.iter().find(fits).expect("NotAllowedError: no key for this");
        let client = client_data("webauthn.get", options, &self.origin);
        let data = data(options["rpId"].as_str().expect("an RP id"), self.flags, self.count);
        let answer = credential.assertion(&client, &data);
        self.grow();
        answer
    }

    const fn grow(&mut self) {
        if self.count > 0 {
            self.count += 1;
        }
    }
}

impl Credential {
    pub(crate) fn assertion(&self, client: &[u8], data: &[u8]) -> Value {
        let signature = self.pair.sign(&[data, Digest::of(client).bytes()].concat());
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(client), "authenticatorData": text(data),
                "signature": text(&signature), "userHandle": self.handle,
            },
        })
    }
}

impl Pair {
    pub(crate) fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"))
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().expect("a key"))
    }

    pub(crate) fn rs256() -> Self {
        Self::Rs256(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")))
    }

    pub(crate) const fn algorithm(&self) -> i64 {
        match self {
            Self::Es256(_) => -7,
            Self::Ed25519(_) => -8,
            Self::Rs256(_) => -257,
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(pair) => pair.sign(&SystemRandom::new(), message).expect("signed").as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("signed");
                signature
            }
        }
    }

    /// As a `COSE_Key`.
    pub(crate) fn cose(&self) -> Vec<u8> {
        match self {
            Self::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let key = [(1, int(2)), (3, int(-7)), (-1, int(1)), (-2, bytes(x)), (-3, bytes(y))];
                cose(&key)
            }
            Self::Ed25519(pair) => {
                let x = bytes(pair.public_key().as_ref());
                cose(&[(1, int(1)), (3, int(-8)), (-1, int(6)), (-2, x)])
            }
            Self::Rs256(pair) => {
                let n = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
                cose(&[(1, int(3)), (3, int(-257)), (-1, bytes(&n)), (-2, bytes(&[1, 0, 1]))])
            }
        }
    }
}

pub(crate) fn client_data(kind: &str, options: &Value, origin: &str) -> Vec<u8> {
    let challenge = &options["challenge"];
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
        .to_string()
        .into_bytes()
}

/// Authenticator data without a key.
pub(crate) fn data(rp_id: &str, flags: u8, count: u32) -> Vec<u8> {
    [Digest::of(rp_id.as_bytes()).bytes(), &[flags][..], &count.to_be_bytes()].concat()
}

/// An attestation object.
pub(crate) fn attestation(format: &str, statement: &[u8], data: &[u8]) -> Vec<u8> {
    let entries = [
        (string("fmt"), string(format)),
        (string("attStmt"), statement.to_vec()),
        (string("authData"), bytes(data)),
    ];
    map(&entries)
}

pub(crate) fn registration(id: &[u8], client: &[u8], attestation: &[u8]) -> Value {
    json!({
        "id": text(id), "rawId": text(id), "type": "public-key", "clientExtensionResults": {},
        "response": {
            "clientDataJSON": text(client), "attestationObject": text(attestation),
            "transports": ["internal", "hybrid", "internal", "telepathy"],
        },
    })
}

pub(crate) fn cose(entries: &[(i64, Vec<u8>)]) -> Vec<u8> {
    map(&entries.iter().map(|(label, value)| (int(*label), value.clone())).collect::<Vec<_>>())
}

pub(crate) fn map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let entry = |(key, value): &(Vec<u8>, Vec<u8>)| [&key[..], value].concat();
    [head(5, entries.len()), entries.iter().flat_map(entry).collect()].concat()
}

pub(crate) fn bytes(bytes: &[u8]) -> Vec<u8> {
    [&head(2, bytes.len()), bytes].concat()
}

pub(crate) fn string(text: &str) -> Vec<u8> {
    [&head(3, text.len()), text.as_bytes()].concat()
}

pub(crate) fn int(number: i64) -> Vec<u8> {
    let major = if number < 0 { (1, -1 - number) } else { (0, number) };
    head(major.0, usize::try_from(major.1).expect("positive"))
}

fn head(major: u8, argument: usize) -> Vec<u8> {
    let major = major << 5;
    match u16::try_from(argument).expect("short") {
        short @ 0..24 => vec![major | u8::try_from(short).expect("short")],
        short @ 24..256 => vec![major | 0x18, u8::try_from(short).expect("short")],
        long => [&[major | 0x19][..], &long.to_be_bytes()].concat(),
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
