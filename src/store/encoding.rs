//! Records to bytes and back: a byte that tells the shape, then JSON
//! (docs/decisions/0001-records-are-versioned-json.md).
//!
//! Added fields need only serde defaults. For any other change raise the kind's number in [`shape`]
//! and add the step from the old shape to [`upgrade`].

use serde_json::{Value, json};

use super::{Kind, Record, StoreError};

/// The shape that records of this kind are written in.
const fn shape(kind: Kind) -> u8 {
    match kind {
        Kind::Factor => 2,
        _ => 1,
    }
}

/// Turns a record of shape `from` into the next shape; `None` when there was no such shape. A line per change.
fn upgrade(kind: Kind, from: u8, value: Value) -> Option<Value> {
    match (kind, from) {
        (Kind::Factor, 1) => Some(several_tokens(value)),
        _ => None,
    }
}

/// There was one token of each kind, with the date of its factor, and it needed no serial number.
fn several_tokens(mut factor: Value) -> Value {
    let created_at = factor.get("created_at").cloned().unwrap_or_default();
    let Some(content) = factor.get_mut("content").and_then(Value::as_object_mut) else { return factor };
    for (one, several, list) in
        [("hardware_token", "hardware_tokens", "tokens"), ("yubikey", "yubikeys", "keys")]
    {
        let Some(Value::Object(mut token)) = content.remove(one) else { continue };
        token.insert("created_at".to_owned(), created_at.clone());
        if token.get("serial").is_some_and(|serial| serial == "") {
            token.insert("serial".to_owned(), "1".into());
        }
        content.insert(several.to_owned(), json!({ list: [token] }));
    }
    factor
}

pub(super) fn encode<R: Record>(record: &R) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![shape(R::KIND)];
    match serde_json::to_writer(&mut bytes, record) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(StoreError::Encoding { kind: R::KIND, id: record.id(), why: describe(&error) }),
    }
}

pub(super) fn decode<R: Record>(id: &str, bytes: &[u8]) -> Result<R, StoreError> {
    let damaged = |why: String| StoreError::Damaged { kind: R::KIND, id: id.to_owned(), why };
    let (&found, json) = bytes.split_first().ok_or_else(|| damaged("it is empty".to_owned()))?;
    if found == shape(R::KIND) {
        return serde_json::from_slice(json).map_err(|error| damaged(describe(&error)));
    }
    if found > shape(R::KIND) {
        return Err(damaged(format!("its shape {found} is newer than this program")));
    }
    let mut value = serde_json::from_slice(json).map_err(|error| damaged(describe(&error)))?;
    for from in found..shape(R::KIND) {
        value =
            upgrade(R::KIND, from, value).ok_or_else(|| damaged(format!("its shape {from} is unknown")))?;
    }
    serde_json::from_value(value).map_err(|error| damaged(describe(&error)))
}

/// The error without the value: serde quotes what it read, which may be a secret.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match missing {
        Some(field) => format!("the field {field} is missing"),
        None => format!("{:?} error at column {}", error.classify(), error.column()).to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::{Factor, FactorKind};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    struct Strict {
        name: u64,
    }

    impl Record for Strict {
        const KIND: Kind = Kind::Setting;

        fn id(&self) -> String {
            self.name.to_string()
        }
    }

    fn why(bytes: &[u8]) -> String {
        decode::<Strict>("x", bytes).expect_err("damaged").to_string()
    }

    #[test]
    fn the_one_token_of_old_is_the_first_of_several() {
        let old = |content: &str| {
            let user = "01890a5d-ac96-774b-bcce-b302099a8057";
            format!("\u{1}{{\"user\":\"{user}\",\"content\":{content},\"created_at\":1700000000000}}")
        };
        let read = |content: &str| decode::<Factor>("x", old(content).as_bytes()).expect("reads");
        let token = |serial| {
            format!(
                r#"{{"hardware_token":{{"serial":"{serial}","secret":"AAAA","algorithm":"SHA1","digits":6,"motion":"counter","next":7}}}}"#
            )
        };
        let key = r#"{"yubikey":{"public_id":"vvccccfiluij","secret":"AAAA","last":4881}}"#;
        for (content, name) in [(token("T-1"), "T-1"), (token(""), "1"), (key.to_owned(), "vvccccfiluij")] {
            let factor = read(&content);
            let keys = factor.content.keys();
            assert_eq!(keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), [name]);
            assert_eq!((keys[0].created_at.seconds(), keys[0].last_used_at), (1_700_000_000, None));
            let kept = encode(&factor).expect("text");
            assert_eq!(kept[0], 2);
            let again: Factor = decode("x", &kept).expect("reads");
            assert_eq!(again.content.keys().len(), 1);
            // Where the counter stands is not lost.
            let text = String::from_utf8(kept).expect("text");
            assert!(text.contains("\"next\":7") || text.contains("\"last\":4881"), "{text}");
        }
        assert_eq!(read(r#"{"grid":{"seed":"AAAA","uses":3}}"#).content.kind(), FactorKind::Grid);
    }

    #[test]
    fn a_damaged_record_is_named_and_its_value_is_not() {
        assert_eq!(why(b""), "setting \"x\" is damaged: it is empty");
        assert_eq!(why(b"\x01{}"), "setting \"x\" is damaged: the field name is missing");
        assert_eq!(why(b"\x01{\"name\":\"hunter2\"}"), "setting \"x\" is damaged: data error at column 17");
        assert_eq!(why(b"\x02{}"), "setting \"x\" is damaged: its shape 2 is newer than this program");
        assert_eq!(why(b"\x00{}"), "setting \"x\" is damaged: its shape 0 is unknown");
    }
}
