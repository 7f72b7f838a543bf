//! What a new passkey is called when the person does not say.

use super::{Bytes, Passkey};
use crate::factor::own_key;

/// Kinds of authenticators that say which one they are, as their makers list them. Nobody vouches for it, so it is a
/// name and nothing else.
const MAKES: [(&str, &str); 10] = [
    ("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "Google Password Manager"),
    ("fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "Apple Passwords"),
    ("08987058-cadc-4b81-b6e1-30de50dcbe96", "Windows Hello"),
    ("9ddd1817-af5a-4672-a2b9-3e3dd95000a9", "Windows Hello"),
    ("6028b017-b1d4-4c02-b4b3-afcdafc96bb2", "Windows Hello"),
    ("bada5566-a7aa-401f-bd96-45619a55120d", "1Password"),
    ("d548826e-79b4-db40-a3d8-11116f7e8349", "Bitwarden"),
    ("fdb141b2-5d84-443e-8a35-4698c205a502", "KeePassXC"),
    ("531126d6-e717-415c-9320-3d9aa6981239", "Dashlane"),
    ("53414d53-554e-4700-0000-000000000000", "Samsung Pass"),
];

/// The name of its make, else of the `browser` it was added in, with a number where that name is taken.
#[must_use]
pub fn name_for(key: &Passkey, browser: &str, known: &[Passkey]) -> String {
    let make = MAKES.iter().find(|(aaguid, _)| is(&key.aaguid, aaguid)).map(|(_, name)| *name);
    let name =
        make.map(str::to_owned).or_else(|| own_key::named(browser)).unwrap_or_else(|| "Passkey".to_owned());
    own_key::unused(name, known.len(), |name| known.iter().any(|key| key.name == name))
}

fn is(aaguid: &Bytes, text: &str) -> bool {
    uuid::Uuid::parse_str(text).is_ok_and(|known| known.as_bytes()[..] == aaguid.0[..])
}
