//! Which makes of authenticators are taken (`WebAuthn` section 8.2), against chains of certificates made here.

use std::time::Duration;

use gantry::secret::Digest;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, IsCa,
    KeyPair, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use serde_json::Value;

use crate::passkeys::options;
use crate::support::authenticator::{self as device, Authenticator};
use crate::support::{RelyingParty, TestIdp, TestUser};

const APPS: &str = r#"
  vault:
    redirect_uris: ["https://vault.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: strict }]
"#;
/// What the authenticator of these tests says it is.
pub(crate) const KIND: [u8; 16] = [0xa9; 16];
pub(crate) const OTHER_KIND: [u8; 16] = [0xb8; 16];

/// A maker of authenticators.
pub(crate) struct Maker {
    pub(crate) root: CertifiedIssuer<'static, KeyPair>,
    pub(crate) middle: CertifiedIssuer<'static, KeyPair>,
}

/// What makes a certificate another one.
pub(crate) type Change = fn(&mut CertificateParams);

pub(crate) fn pair() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key")
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl Maker {
    pub(crate) fn new(name: &str) -> Self {
        let root = CertifiedIssuer::self_signed(authority(name), pair()).expect("a root");
        let middle =
            CertifiedIssuer::signed_by(authority(&format!("{name} 2")), pair(), &root).expect("signed");
        Self { root, middle }
    }

    fn pem(&self) -> String {
        self.root.pem()
    }

    /// A certificate for authenticators of this kind, and its key.
    pub(crate) fn certify(&self, change: impl FnOnce(&mut CertificateParams)) -> (Vec<Vec<u8>>, KeyPair) {
        let key = pair();
        (self.certify_for(&key, change), key)
    }

    /// The same for a key that is there.
    pub(crate) fn certify_for(
        &self,
        key: &KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Vec<Vec<u8>> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (what, value) in [
            (DnType::CountryName, "SE"),
            (DnType::OrganizationName, "Maker"),
            (DnType::OrganizationalUnitName, "Authenticator Attestation"),
            (DnType::CommonName, "Attestation 1"),
        ] {
            params.distinguished_name.push(what, value);
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.custom_extensions = vec![kind(KIND)];
        change(&mut params);
        let leaf = params.signed_by(key, &self.middle).expect("signed");
        vec![leaf.der().to_vec(), self.middle.der().to_vec()]
    }
}

pub(crate) fn kind(aaguid: [u8; 16]) -> CustomExtension {
    let value = [&[0x04, 0x10][..], &aaguid].concat();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4], value)
}

struct World {
    idp: TestIdp,
    alice: TestUser,
    vault: RelyingParty,
}

impl World {
    /// Where chains lead to `maker`, and kinds are these.
    async fn demanding(maker: &Maker, aaguids: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let roots = folder.join("roots.pem");
        std::fs::write(&roots, maker.pem()).expect("written");
        let settings = format!(
            "policies: {{ standard: {{}}, strict: {{ second_factor: required }} }}\nfactors: {{ offered: [passkey, recovery_code], passkeys: {{ attestation: {{ roots: [{}], aaguids: {aaguids} }} }} }}\n",
            roots.display()
        );
        let idp = TestIdp::setup().with_settings(&settings).with_apps(APPS).start().await;
        let alice = idp.user("alice").create().await;
        let vault = idp.relying_party("vault").await;
        Self { idp, alice, vault }
    }

    /// Offers a new key with a statement made of what is to be signed: whether it was taken.
    async fn takes(&self, statement: impl FnOnce(&[u8]) -> (&'static str, Vec<u8>)) -> bool {
        // Tries are counted by the hour.
        self.idp.clock.advance(Duration::from_secs(61 * 60));
        let mut browser = self.idp.browser();
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        let page = page.expect_step("enrol");
        let asked = options(&page);
        assert_eq!(asked["attestation"], "direct");
        let answer = attested(self.idp.at("").trim_end_matches('/'), &asked, statement).to_string();
        let page = page.submit(&[("credential", &answer)]).await;
        let taken = page.step().as_deref() == Some("recovery_codes");
        if taken {
            self.idp.gantry("user reset-factors alice").await;
        } else {
            let page = page.expect_status(422).expect_step("enrol");
            assert!(
                page.html.contains("This kind of passkey or security key is not taken here"),
                "{}",
                page.html
            );
        }
        taken
    }
}

fn attested(origin: &str, asked: &Value, statement: impl FnOnce(&[u8]) -> (&'static str, Vec<u8>)) -> Value {
    let mut authenticator = Authenticator::security_key(origin);
    authenticator.create(asked);
    let credential = &authenticator.credentials[0];
    let client = device::client_data("webauthn.create", asked, origin);
    let rp_id = asked["rp"]["id"].as_str().expect("an RP id");
    let data = authenticator.attested(rp_id, &credential.id, &credential.pair.cose());
    let (format, statement) = statement(&[&data[..], Digest::of(&client).bytes()].concat());
    device::registration(&credential.id, &client, &device::attestation(format, &statement, &data))
}

fn packed(algorithm: i64, signature: &[u8], chain: &[Vec<u8>]) -> (&'static str, Vec<u8>) {
    let list = chain.iter().flat_map(|certificate| device::bytes(certificate)).collect::<Vec<u8>>();
    let count = 0x80 | u8::try_from(chain.len()).expect("few");
    let entries = [
        (device::string("alg"), device::int(algorithm)),
        (device::string("sig"), device::bytes(signature)),
        (device::string("x5c"), [vec![count], list].concat()),
    ];
    ("packed", device::map(&entries))
}

pub(crate) fn sign(key: &KeyPair, message: &[u8]) -> Vec<u8> {
    rcgen::SigningKey::sign(key, message).expect("signed")
}

#[tokio::test]
async fn only_makes_that_a_trusted_root_vouches_for_are_taken() {
    // WA-09
    let (maker, stranger) = (Maker::new("Maker"), Maker::new("Stranger"));
    let world = World::demanding(&maker, "[a9a9a9a9-a9a9-a9a9-a9a9-a9a9a9a9a9a9]").await;
    let (chain, key) = maker.certify(|_| {});
    assert!(world.takes(|signed| packed(-7, &sign(&key, signed), &chain)).await);
    assert!(!world.takes(|_| ("none", device::map(&[]))).await, "none");
    let changes: [(&str, Change); 8] = [
        ("expired", |params| {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }),
        ("not valid yet", |params| params.not_before = date_time_ymd(4000, 1, 1)),
        ("a certificate authority", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        ("of another kind", |params| params.custom_extensions = vec![kind(OTHER_KIND)]),
        ("of no kind", |params| params.custom_extensions.clear()),
        ("critical", |params| params.custom_extensions[0].set_criticality(true)),
        ("another unit", |params| {
            params.distinguished_name.push(DnType::OrganizationalUnitName, "Web servers");
        }),
        ("no country", |params| {
            assert!(params.distinguished_name.remove(DnType::CountryName));
        }),
    ];
    for (what, change) in changes {
        let (chain, key) = maker.certify(change);
        assert!(!world.takes(|signed| packed(-7, &sign(&key, signed), &chain)).await, "{what}");
    }
    let (foreign, foreign_key) = stranger.certify(|_| {});
    assert!(!world.takes(|signed| packed(-7, &sign(&foreign_key, signed), &foreign)).await, "a stranger's");
    let mixed = vec![foreign[0].clone(), chain[1].clone()];
    assert!(
        !world.takes(|signed| packed(-7, &sign(&foreign_key, signed), &mixed)).await,
        "a stranger's leaf"
    );
    assert!(!world.takes(|signed| packed(-7, &sign(&foreign_key, signed), &chain)).await, "another key");
    assert!(!world.takes(|_| packed(-7, &sign(&key, b"another message"), &chain)).await, "another message");
    assert!(!world.takes(|signed| packed(-257, &sign(&key, signed), &chain)).await, "another algorithm");
    assert!(!world.takes(|signed| packed(-7, &sign(&key, signed), &chain[..1])).await, "without the middle");
    assert!(!world.takes(|signed| packed(-7, &sign(&key, signed), &[])).await, "without a chain");
    let long: Vec<_> = std::iter::repeat_n(chain.clone(), 3).flatten().collect();
    assert!(!world.takes(|signed| packed(-7, &sign(&key, signed), &long)).await, "a long chain");
    let broken = vec![chain[0][..200].to_vec(), chain[1].clone()];
    assert!(!world.takes(|signed| packed(-7, &sign(&key, signed), &broken)).await, "half a certificate");
}

#[tokio::test]
async fn a_key_that_attests_itself_says_nothing_about_its_make() {
    // WA-09: the listed AAGUID in its own words.
    let maker = Maker::new("Maker");
    let world = World::demanding(&maker, "[a9a9a9a9-a9a9-a9a9-a9a9-a9a9a9a9a9a9]").await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.vault.authorize_url()).await.submit_password(&world.alice).await;
    let page = page.expect_step("enrol");
    let mut key = Authenticator::security_key(world.idp.at("").trim_end_matches('/'));
    assert_eq!(key.format, "packed");
    let answer = key.create(&options(&page)).to_string();
    let page = page.submit(&[("credential", &answer)]).await.expect_status(422).expect_step("enrol");
    assert!(page.html.contains("is not taken here"), "{}", page.html);
}

#[tokio::test]
async fn kinds_that_are_not_listed_are_not_taken() {
    // WA-09
    let maker = Maker::new("Maker");
    let world = World::demanding(&maker, "[b8b8b8b8-b8b8-b8b8-b8b8-b8b8b8b8b8b8]").await;
    let (chain, key) = maker.certify(|_| {});
    assert!(!world.takes(|signed| packed(-7, &sign(&key, signed), &chain)).await);
    let (chain, key) = maker.certify(|params| params.custom_extensions = vec![kind(OTHER_KIND)]);
    assert!(!world.takes(|signed| packed(-7, &sign(&key, signed), &chain)).await);
    // Without a list every kind of that maker is.
    let world = World::demanding(&maker, "[]").await;
    let (chain, key) = maker.certify(|_| {});
    assert!(world.takes(|signed| packed(-7, &sign(&key, signed), &chain)).await);
}
