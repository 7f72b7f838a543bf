//! Files of hardware tokens (PSKC, RFC 6030): plain, or encrypted with a key that both sides know.
//!
//! Read without document types and entities, and never half: the first key that cannot be used ends it.

use aws_lc_rs::cipher::{AES_128, AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node, ParsingOptions};
use zeroize::Zeroizing;

use super::oath::{Motion, OathAlgorithm};

const PSKC: &str = "urn:ietf:params:xml:ns:keyprov:pskc";
const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
/// More elements, attributes and texts are no list of tokens.
const MOST_NODES: u32 = 500_000;
/// Of a block of AES, in bytes.
const BLOCK: usize = 16;

/// One token of a file.
pub struct PskcKey {
    /// As messages name it.
    pub id: String,
    pub serial: String,
    /// Whose it is, where the file says.
    pub user: Option<String>,
    pub secret: Zeroizing<Vec<u8>>,
    pub algorithm: OathAlgorithm,
    pub digits: u32,
    pub motion: Motion,
    pub counter: u64,
}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PskcError {
    /// Its own words never repeat what stands in the file.
    #[error("no XML that is read here: {0}")]
    Xml(String),
    #[error("no KeyContainer of RFC 6030")]
    NoContainer,
    #[error("{0}")]
    Container(&'static str),
    #[error("key {id}: {why}")]
    Key { id: String, why: &'static str },
}

/// The tokens of a file; `key` is the one that both sides know.
pub fn read(text: &str, key: Option<&[u8]>) -> Result<Vec<PskcKey>, PskcError> {
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options);
    let document = document.map_err(|error| PskcError::Xml(place(&error)))?;
    let container = document.root_element();
    if !container.has_tag_name((PSKC, "KeyContainer")) {
        return Err(PskcError::NoContainer);
    }
    if container.attribute("Version") != Some("1.0") {
        return Err(PskcError::Container("only Version 1.0 is known"));
    }
    let locks = Locks::of(container, key)?;
    let mut keys = Vec::new();
    for (number, package) in children(container, "KeyPackage").enumerate() {
        let Some(key) = child(package, "Key") else { continue };
        let serial = find(package, &["DeviceInfo", "SerialNo"]).map(content).unwrap_or_default();
        let id = key.attribute("Id").map_or_else(|| (number + 1).to_string(), short);
        let user = find(package, &["DeviceInfo", "UserId"]).or_else(|| child(key, "UserId"));
        let user = user.map(content).map(|name| common_name(&name));
        let refused = |why| PskcError::Key { id: id.clone(), why };
        keys.push(token(key, &locks).map_err(refused).map(|token| PskcKey { id, serial, user, ..token })?);
    }
    Ok(keys)
}

/// Where the mistake is, without the text that is there.
fn place(error: &roxmltree::Error) -> String {
    let what = match error {
        roxmltree::Error::DtdDetected => "a document type",
        roxmltree::Error::NodesLimitReached => "too many elements",
        _ => "a mistake",
    };
    format!("{what} at {}", error.pos())
}

/// What one key is, but for its names.
fn token(key: Node<'_, '_>, locks: &Locks) -> Result<PskcKey, &'static str> {
    let by_counter = match key.attribute("Algorithm").unwrap_or_default() {
        "urn:ietf:params:xml:ns:keyprov:pskc:hotp" => true,
        "urn:ietf:params:xml:ns:keyprov:pskc:totp" => false,
        _ => return Err("the algorithm is neither hotp nor totp"),
    };
    let parameters = child(key, "AlgorithmParameters");
    let format = parameters.and_then(|parameters| child(parameters, "ResponseFormat"));
    let encoding = format.and_then(|format| format.attribute("Encoding")).unwrap_or("DECIMAL");
    let checked = format.and_then(|format| format.attribute("CheckDigits")).unwrap_or("false");
    if encoding != "DECIMAL" || !matches!(checked, "false" | "0") {
        return Err("codes are read as plain decimal digits only");
    }
    let digits =
        format.and_then(|format| format.attribute("Length")).map_or(Some(6), |text| text.parse().ok());
    let digits = digits.filter(|digits| (6..=8).contains(digits)).ok_or("digits are 6 to 8")?;
    let suite = parameters.and_then(|parameters| child(parameters, "Suite")).map(content).unwrap_or_default();
    let algorithm = match suite.as_str() {
        "" | "HMAC-SHA1" | "SHA1" => OathAlgorithm::Sha1,
        "HMAC-SHA256" | "SHA256" => OathAlgorithm::Sha256,
        "HMAC-SHA512" | "SHA512" => OathAlgorithm::Sha512,
        _ => return Err("the suite is none of HMAC-SHA1, HMAC-SHA256, HMAC-SHA512"),
    };
    let data = child(key, "Data").ok_or("there is no secret")?;
    let secret = locks.open(child(data, "Secret").ok_or("there is no secret")?)?;
    let motion = match number(data, "TimeInterval")? {
        _ if by_counter => Motion::Counter,
        period => Motion::Time { period: period.unwrap_or(30) },
    };
    let counter = if by_counter { number(data, "Counter")?.unwrap_or(0) } else { 0 };
    let (id, serial) = (String::new(), String::new());
    Ok(PskcKey { id, serial, user: None, secret, algorithm, digits, motion, counter })
}

/// A number of `data` that is not encrypted.
fn number(data: Node<'_, '_>, name: &str) -> Result<Option<u64>, &'static str> {
    let Some(value) = child(data, name) else { return Ok(None) };
    let plain = child(value, "PlainValue").ok_or("only secrets may be encrypted")?;
    content(plain).parse().map(Some).map_err(|_| "a counter or interval is no number")
}

/// How values are encrypted and authenticated (RFC 6030 section 6).
struct Locks {
    key: Option<Zeroizing<Vec<u8>>>,
    mac: Option<hmac::Key>,
}

impl Locks {
    fn of(container: Node<'_, '_>, key: Option<&[u8]>) -> Result<Self, PskcError> {
        let Some(encryption) = find(container, &["EncryptionKey"]) else {
            return Ok(Self { key: None, mac: None });
        };
        if encryption.children().any(|part| part.tag_name().name() == "DerivedKey") {
            return Err(PskcError::Container(
                "its key is derived from a password, which is not read here; have it exported with a key",
            ));
        }
        let key =
            key.ok_or(PskcError::Container("it is encrypted; --key names the file with the key in hex"))?;
        let Some(method) = child(container, "MACMethod") else {
            return Ok(Self { key: Some(Zeroizing::new(key.to_vec())), mac: None });
        };
        let algorithm = match method.attribute("Algorithm").unwrap_or_default() {
            "http://www.w3.org/2000/09/xmldsig#hmac-sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256" => hmac::HMAC_SHA256,
            _ => return Err(PskcError::Container("the MAC is neither hmac-sha1 nor hmac-sha256")),
        };
        // Without a key of its own the MAC uses the other one (section 6.1.1).
        let own = child(method, "MACKey").map(|own| decrypt(key, own)).transpose();
        let own = own.map_err(|_| PskcError::Container("the key does not open the file"))?;
        let mac = hmac::Key::new(algorithm, own.as_ref().map_or(key, |own| own.as_slice()));
        Ok(Self { key: Some(Zeroizing::new(key.to_vec())), mac: Some(mac) })
    }

    /// The bytes of a value. Nothing is decrypted that is not authentic.
    fn open(&self, value: Node<'_, '_>) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        if let Some(plain) = child(value, "PlainValue") {
            return base64(plain).map(Zeroizing::new).ok_or("the secret is no base64");
        }
        let encrypted = child(value, "EncryptedValue").ok_or("there is no secret")?;
        let key = self.key.as_ref().ok_or("it is encrypted, but the file names no key")?;
        let mac = self
            .mac
            .as_ref()
            .ok_or("it is encrypted without a MAC, so nobody knows whether it was changed")?;
        let tag = child(value, "ValueMAC").and_then(base64).ok_or("its MAC is missing")?;
        let sealed = cipher_value(encrypted).ok_or("the encrypted secret is no base64")?;
        hmac::verify(mac, &sealed, &tag).map_err(|_| "its MAC is wrong: another key, or a changed file")?;
        decrypt(key, encrypted)
    }
}

fn cipher_value(encrypted: Node<'_, '_>) -> Option<Vec<u8>> {
    let data = encrypted.children().find(|node| node.has_tag_name((XENC, "CipherData")))?;
    base64(data.children().find(|node| node.has_tag_name((XENC, "CipherValue")))?)
}

/// AES in CBC mode with the initialisation vector in front (XML Encryption section 5.2).
fn decrypt(key: &[u8], encrypted: Node<'_, '_>) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let method = encrypted.children().find(|node| node.has_tag_name((XENC, "EncryptionMethod")));
    let algorithm = match method.and_then(|method| method.attribute("Algorithm")).unwrap_or_default() {
        "http://www.w3.org/2001/04/xmlenc#aes128-cbc" => &AES_128,
        "http://www.w3.org/2001/04/xmlenc#aes256-cbc" => &AES_256,
        _ => return Err("it is encrypted by something else than aes128-cbc or aes256-cbc"),
    };
    let sealed = cipher_value(encrypted).ok_or("the encrypted secret is no base64")?;
    let (iv, body) = sealed.split_first_chunk::<BLOCK>().ok_or("the encrypted secret is too short")?;
    let fits = !body.is_empty() && body.len().is_multiple_of(BLOCK);
    let key = UnboundCipherKey::new(algorithm, key).ok().filter(|_| fits);
    let key = key.and_then(|key| PaddedBlockDecryptingKey::cbc_iso10126(key).ok());
    let key = key.ok_or("the key or the encrypted secret has a wrong length")?;
    let mut plain = Zeroizing::new(body.to_vec());
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    let length = key.decrypt(&mut plain, context).map_err(|_| "the key does not open it")?.len();
    plain.truncate(length);
    Ok(plain)
}

fn children<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name((PSKC, name)))
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name((PSKC, name)))
}

fn find<'a, 'i>(node: Node<'a, 'i>, path: &[&str]) -> Option<Node<'a, 'i>> {
    path.iter().try_fold(node, |node, name| child(node, name))
}

fn content(node: Node<'_, '_>) -> String {
    short(node.text().unwrap_or_default().trim())
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

fn base64(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let text: String = node.text()?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}

/// `alice` of `CN=alice,OU=Staff` (RFC 6030 section 4.1 wants a distinguished name), or the whole.
fn common_name(name: &str) -> String {
    let parts = name.split(',').filter_map(|part| part.trim().split_once('='));
    let named = |wanted: &str| {
        parts.clone().find(|(kind, _)| kind.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned())
    };
    named("UID").or_else(|| named("CN")).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with the values of RFC 6030 figure 6.
    fn encrypted(value: &str, mac: &str) -> String {
        format!(
            r#"<?xml version="1.0"?>
            <p:KeyContainer Version="1.0" xmlns:p="{PSKC}" xmlns:x="{XENC}" xmlns:d="http://www.w3.org/2000/09/xmldsig#">
              <p:EncryptionKey><d:KeyName>Pre-shared-key</d:KeyName></p:EncryptionKey>
              <p:MACMethod Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1"><p:MACKey>
                <x:EncryptionMethod Algorithm="{XENC}aes128-cbc"/>
                <x:CipherData><x:CipherValue>
                  ESIzRFVmd4iZABEiM0RVZgKn6WjLaTC1sbeBMSvIhRejN9vJa2BOlSaMrR7I5wSX
                </x:CipherValue></x:CipherData></p:MACKey></p:MACMethod>
              <p:KeyPackage>
                <p:DeviceInfo><p:SerialNo>987654321</p:SerialNo><p:UserId>CN=alice,O=x</p:UserId></p:DeviceInfo>
                <p:Key Id="12345678" Algorithm="{PSKC}:hotp">
                  <p:AlgorithmParameters><p:ResponseFormat Length="8" Encoding="DECIMAL"/></p:AlgorithmParameters>
                  <p:Data><p:Secret><p:EncryptedValue>
                    <x:EncryptionMethod Algorithm="{XENC}aes128-cbc"/>
                    <x:CipherData><x:CipherValue>{value}</x:CipherValue></x:CipherData></p:EncryptedValue>
                    <p:ValueMAC>{mac}</p:ValueMAC></p:Secret>
                    <p:Counter><p:PlainValue>7</p:PlainValue></p:Counter></p:Data>
                </p:Key></p:KeyPackage></p:KeyContainer>"#
        )
    }

    const KEY: [u8; 16] =
        [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12];
    const VALUE: &str = "AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv";
    const MAC: &str = "Su+NvtQfmvfJzF6bmQiJqoLRExc=";

    fn why(text: &str, key: Option<&[u8]>) -> String {
        read(text, key).map(|_| ()).expect_err("refused").to_string()
    }

    #[test]
    fn the_encrypted_token_of_rfc_6030_is_read_with_its_key() {
        let keys = read(&encrypted(VALUE, MAC), Some(&KEY)).unwrap_or_else(|error| panic!("{error}"));
        let [key] = keys.as_slice() else { panic!("one key") };
        assert_eq!(key.secret.as_slice(), b"12345678901234567890");
        assert_eq!(
            (key.id.as_str(), key.serial.as_str(), key.user.as_deref()),
            ("12345678", "987654321", Some("alice"))
        );
        assert_eq!((key.digits, key.motion, key.counter), (8, Motion::Counter, 7));
    }

    #[test]
    fn another_key_and_a_changed_file_are_named() {
        assert!(why(&encrypted(VALUE, MAC), None).contains("--key"));
        let other = [7; 16];
        assert!(
            why(&encrypted(VALUE, MAC), Some(&other)).contains("key"),
            "{}",
            why(&encrypted(VALUE, MAC), Some(&other))
        );
        assert_eq!(why(&encrypted(VALUE, MAC), Some(&other[..5])), "the key does not open the file");
        for (value, mac, expected) in [
            (VALUE.replace("AAEC", "AAED"), MAC, "MAC is wrong"),
            (VALUE.to_owned(), "AAAA", "MAC is wrong"),
            (VALUE.to_owned(), "", "MAC is missing"),
            ("!".to_owned(), MAC, "no base64"),
        ] {
            let why = why(&encrypted(&value, mac), Some(&KEY));
            assert!(why.starts_with("key 12345678") && why.contains(expected), "{why}");
        }
        let by_password = encrypted(VALUE, MAC).replace("KeyName", "DerivedKey");
        assert!(why(&by_password, None).contains("derived from a password"), "{}", why(&by_password, None));
        let bare = encrypted(VALUE, MAC).replace("MACMethod", "Nothing");
        assert!(why(&bare, Some(&KEY)).contains("without a MAC"));
    }

    #[test]
    fn what_is_no_list_of_tokens_is_refused_whole() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><x>&b;</x>";
        assert_eq!(why(bomb, None), "no XML that is read here: a document type at 1:1");
        let outside = "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>";
        assert!(why(outside, None).contains("a document type"));
        for text in ["", "<", "user,type\n", "<a>\u{0}</a>", "<a><b></a>", "<a>&secret;</a>"] {
            assert!(why(text, None).starts_with("no XML"), "{text}");
        }
        assert_eq!(why("<KeyContainer Version=\"1.0\"/>", None), "no KeyContainer of RFC 6030");
        let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
        assert!(read(&deep, None).is_err());
        let wide = format!("<a>{}</a>", "<b/>".repeat(600_000));
        assert!(why(&wide, None).contains("too many elements"));
        let plain = |algorithm: &str, more: &str| {
            format!(
                "<KeyContainer Version=\"1.0\" xmlns=\"{PSKC}\"><KeyPackage><Key Id=\"k\" Algorithm=\"{PSKC}:{algorithm}\">{more}\
                 <Data><Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret></Data></Key></KeyPackage></KeyContainer>"
            )
        };
        let keys = read(&plain("totp", ""), None).unwrap_or_else(|error| panic!("{error}"));
        assert!(matches!(
            keys.as_slice(),
            [PskcKey { motion: Motion::Time { period: 30 }, digits: 6, user: None, .. }]
        ));
        assert!(why(&plain("ocra", ""), None).contains("neither hotp nor totp"));
        let format =
            |more: &str| plain("totp", &format!("<AlgorithmParameters>{more}</AlgorithmParameters>"));
        assert!(why(&format("<Suite>MD5</Suite>"), None).contains("suite"));
        assert!(
            why(&format("<ResponseFormat Length=\"99\" Encoding=\"DECIMAL\"/>"), None).contains("digits")
        );
        assert!(
            why(&format("<ResponseFormat Length=\"6\" Encoding=\"HEXADECIMAL\"/>"), None).contains("decimal")
        );
    }
}
