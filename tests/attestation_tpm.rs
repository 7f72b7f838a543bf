//! Attestation by a Trusted Platform Module (`WebAuthn` section 8.3), with every part of it wrong once.

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use crate::attestation::{KIND, OTHER_KIND, kind, pair, sign};
use crate::attestation_formats::{World, der, extension, list};
use crate::support::authenticator as device;

/// What a module and its certificate say, in parts.
#[derive(Clone)]
struct Module {
    /// The certificate names its owner.
    named: bool,
    authority: bool,
    usage: Option<&'static [u64]>,
    /// Manufacturer, model and version.
    names: [&'static str; 3],
    aaguid: Option<[u8; 16]>,
    version: &'static str,
    algorithm: i64,
    magic: u32,
    kind: u16,
    extra: Vec<u8>,
    name: Vec<u8>,
    tail: &'static [u8],
    area: Vec<u8>,
}

/// What is as long as the two bytes in front of it say.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat()
}

/// `TPMT_PUBLIC` of a key on P-256: numbers in front of its policy, behind it, and in front of the point.
fn area(pair: &KeyPair, (first, scheme, curve): ([u16; 4], &[u16], [u16; 2])) -> Vec<u8> {
    let (x, y) = pair.public_key_raw()[1..].split_at(32);
    let numbers =
        |numbers: &[u16]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>();
    [numbers(&first), sized(&[]), numbers(scheme), numbers(&curve), sized(x), sized(y)].concat()
}

/// An ECC key named by SHA-256, that encrypts nothing, with no scheme, on P-256.
const USUAL: ([u16; 4], &[u16], [u16; 2]) = ([0x23, 0x0b, 4, 0x72], &[0x10, 0x10], [3, 0x10]);

fn name_of(area: &[u8]) -> Vec<u8> {
    [&[0, 0x0b], digest(&SHA256, area).as_ref()].concat()
}

impl Module {
    fn about(world: &World) -> Self {
        let area = area(&world.pair, USUAL);
        Self {
            named: false,
            authority: false,
            usage: Some(&[2, 23, 133, 8, 3]),
            names: ["id:494E5443", "Module", "id:13"],
            aaguid: None,
            version: "2.0",
            algorithm: -7,
            magic: 0xff54_4347,
            kind: 0x8017,
            extra: digest(&SHA256, &world.signed()).as_ref().to_vec(),
            name: name_of(&area),
            tail: &[],
            area,
        }
    }

    /// Another public area, which the module certifies.
    fn with_area(&self, area: Vec<u8>) -> Self {
        Self { name: name_of(&area), area, ..self.clone() }
    }

    fn certificate(&self, params: &mut CertificateParams) {
        if !self.named {
            params.distinguished_name = DistinguishedName::new();
        }
        if self.authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let usages = self.usage.iter().map(|usage| ExtendedKeyUsagePurpose::Other(usage.to_vec()));
        params.extended_key_usages = usages.collect();
        let attribute = |(number, value): (u8, &&str)| {
            let pair = [der(&[0x06], &[0x67, 0x81, 0x05, 0x02, number]), der(&[0x0c], value.as_bytes())];
            der(&[0x31], &der(&[0x30], &pair.concat()))
        };
        let there = (1..).zip(&self.names).filter(|(_, value)| !value.is_empty());
        let name = der(&[0x30], &there.flat_map(attribute).collect::<Vec<_>>());
        let mut names = extension(&[2, 5, 29, 17], der(&[0x30], &der(&[0xa4], &name)));
        names.set_criticality(true);
        params.custom_extensions = vec![names];
        params.custom_extensions.extend(self.aaguid.map(kind));
    }

    /// `TPMS_ATTEST`
    fn certified(&self) -> Vec<u8> {
        let (owner, clock_and_firmware) = (sized(&[1; 34]), [2; 25]);
        let start = [&self.magic.to_be_bytes()[..], &self.kind.to_be_bytes(), &owner].concat();
        let rest = [&sized(&self.extra)[..], &clock_and_firmware, &sized(&self.name), &owner, self.tail];
        [&start[..], &rest.concat()].concat()
    }

    fn is_taken(&self, world: &World) -> bool {
        let (chain, attester) = world.maker.certify(|params| self.certificate(params));
        let signature = sign(&attester, &self.certified());
        world.takes("tpm", &self.statement(&chain, &signature))
    }

    fn statement(&self, chain: &[Vec<u8>], signature: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("ver", device::string(self.version)),
            ("alg", device::int(self.algorithm)),
            ("x5c", list(chain)),
            ("sig", device::bytes(signature)),
            ("certInfo", device::bytes(&self.certified())),
            ("pubArea", device::bytes(&self.area)),
        ]
    }
}

#[test]
fn a_module_certifies_the_very_key_in_the_very_moment() {
    let world = World::new();
    let good = Module::about(&world);
    assert!(good.is_taken(&world));
    let changed = |change: fn(&mut Module)| {
        let mut module = good.clone();
        change(&mut module);
        module
    };
    for (what, module) in [
        ("another version of the TPM", changed(|module| module.version = "1.2")),
        ("another algorithm", changed(|module| module.algorithm = -257)),
        ("SHA-1 with an EC key", changed(|module| module.algorithm = -65535)),
        ("an algorithm that is none here", changed(|module| module.algorithm = -8)),
        ("not made by a module", changed(|module| module.magic = 0xff54_4348)),
        ("a quote", changed(|module| module.kind = 0x8018)),
        ("another moment", changed(|module| module.extra = vec![1; 32])),
        ("no moment", changed(|module| module.extra.clear())),
        ("another name", changed(|module| module.name[5] ^= 1)),
        ("a name by another hash", changed(|module| module.name[1] = 0x0c)),
        ("no name", changed(|module| module.name.clear())),
        ("more behind it", changed(|module| module.tail = &[0])),
        ("another area than it certifies", Module { area: area(&pair(), USUAL), ..good.clone() }),
        ("another key", good.with_area(area(&pair(), USUAL))),
    ] {
        assert!(!module.is_taken(&world), "{what}");
    }
    let (chain, attester) = world.maker.certify(|params| good.certificate(params));
    let signature = sign(&attester, &good.certified());
    let whole = good.statement(&chain, &signature);
    assert!(world.takes("tpm", &whole));
    for at in 0..whole.len() {
        let less: Vec<_> = [&whole[..at], &whole[at + 1..]].concat();
        assert!(!world.takes("tpm", &less), "without {}", whole[at].0);
    }
    let more = [&whole[..], &[("x", device::int(1))]].concat();
    assert!(!world.takes("tpm", &more), "more in the statement");
    for (what, signature) in [
        ("another attester", sign(&pair(), &good.certified())),
        ("another statement", sign(&attester, b"another statement")),
    ] {
        assert!(!world.takes("tpm", &good.statement(&chain, &signature)), "{what}");
    }
}

#[test]
fn a_modules_key_is_of_a_kind_that_is_known_here() {
    let world = World::new();
    let good = Module::about(&world);
    let (first, scheme, curve) = USUAL;
    for (what, numbers, taken) in [
        ("ECDSA", (first, &[0x10, 0x18, 0x0b][..], curve), true),
        ("another scheme", (first, &[0x10, 0x1a, 0x0b], curve), false),
        ("half a scheme", (first, &[0x10], curve), false),
        ("one that encrypts", (first, &[0x06, 0x10], curve), false),
        ("a symmetric key", ([0x25, 0x0b, 4, 0x72], scheme, curve), false),
        ("RSA", ([0x01, 0x0b, 4, 0x72], scheme, curve), false),
        ("named by SHA-1", ([0x23, 0x04, 4, 0x72], scheme, curve), false),
        ("P-384", (first, scheme, [4, 0x10]), false),
        ("one that derives others", (first, scheme, [3, 0x07]), false),
    ] {
        assert_eq!(good.with_area(area(&world.pair, numbers)).is_taken(&world), taken, "{what}");
    }
    let usual = area(&world.pair, USUAL);
    assert!(!good.with_area([&usual[..], &[0]].concat()).is_taken(&world), "with a tail");
    for length in 0..usual.len() {
        assert!(!good.with_area(usual[..length].to_vec()).is_taken(&world), "{length} bytes");
    }
}

#[test]
fn a_modules_certificate_names_the_module_and_nobody() {
    // Section 8.3.1
    let world = World::new();
    let good = Module::about(&world);
    let with = |change: &dyn Fn(&mut Module)| {
        let mut module = good.clone();
        change(&mut module);
        module.is_taken(&world)
    };
    assert!(!with(&|module| module.named = true), "somebody");
    assert!(!with(&|module| module.authority = true), "a certificate authority");
    assert!(!with(&|module| module.usage = None), "no usage");
    assert!(!with(&|module| module.usage = Some(&[2, 23, 133, 8, 1])), "another usage");
    for at in 0..3 {
        assert!(!with(&|module| module.names[at] = ""), "without name {at}");
    }
    assert!(!with(&|module| module.names[0] = "Intel"), "a maker that is no number");
    assert!(!with(&|module| module.names[2] = "13"), "a version that is no number");
    assert!(with(&|module| module.aaguid = Some(KIND)), "its model");
    assert!(!with(&|module| module.aaguid = Some(OTHER_KIND)), "another model");
}

#[test]
fn a_module_is_of_windows_or_of_the_model_that_its_certificate_names() {
    // WA-09
    let model = |text: &str| uuid::Uuid::parse_str(text).expect("a UUID").into_bytes();
    let hello = model("08987058-cadc-4b81-b6e1-30de50dcbe96");
    let apart = model("9ddd1817-af5a-4672-a2b9-3e3dd95000a9");
    for (named, certified, models, taken) in [
        (hello, None, &[hello][..], true),
        (apart, None, &[apart], true),
        (hello, None, &[apart], false),
        (KIND, None, &[KIND], false),
        (KIND, None, &[hello], false),
        (KIND, Some(KIND), &[KIND], true),
        (hello, Some(KIND), &[hello, KIND], false),
        (KIND, None, &[], true),
    ] {
        let world = World::new().of(named, models);
        let module = Module { aaguid: certified, ..Module::about(&world) };
        assert_eq!(module.is_taken(&world), taken, "{named:?} {certified:?} {models:?}");
    }
}
