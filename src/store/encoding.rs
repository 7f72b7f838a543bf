//! Records to bytes and back: a byte that tells the shape, then JSON
//! (docs/decisions/0001-records-are-versioned-json.md).
//!
//! Added fields need only serde defaults. For any other change raise the kind's number in [`shape`]
//! and add the step from the old shape to [`upgrade`].

use serde_json::Value;

use super::{Kind, Record, StoreError};

/// The shape that records of this kind are written in.
const fn shape(_kind: Kind) -> u8 {
    1
}

/// Turns a record of shape `from` into the next shape; `None` when there was no such shape. The first
/// change of a shape makes this a match over kind and shape, a line per change.
const fn upgrade(_kind: Kind, _from: u8, _value: &Value) -> Option<Value> {
    None
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
            upgrade(R::KIND, from, &value).ok_or_else(|| damaged(format!("its shape {from} is unknown")))?;
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
    fn a_damaged_record_is_named_and_its_value_is_not() {
        assert_eq!(why(b""), "setting \"x\" is damaged: it is empty");
        assert_eq!(why(b"\x01{}"), "setting \"x\" is damaged: the field name is missing");
        assert_eq!(why(b"\x01{\"name\":\"hunter2\"}"), "setting \"x\" is damaged: data error at column 17");
        assert_eq!(why(b"\x02{}"), "setting \"x\" is damaged: its shape 2 is newer than this program");
        assert_eq!(why(b"\x00{}"), "setting \"x\" is damaged: its shape 0 is unknown");
    }
}
