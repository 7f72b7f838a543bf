//! Tables, keys and the envelope around a record: the file format, numbered by [`SCHEMA`].

use redb::TableDefinition;

use crate::clock::Timestamp;
use crate::store::batch::Content;
use crate::store::{Kind, StoreError};

/// The number of this layout, kept in [`META`] under [`SCHEMA_KEY`].
///
/// 1 has nothing in [`RECENT`]. It becomes 2 with the first record there and not before: whoever updates and has to go
/// back at once finds a file that the older program reads.
pub(super) const SCHEMA: u64 = 2;
pub(super) const SCHEMA_KEY: &str = "schema";
/// The version of the last batch.
pub(super) const SEQUENCE_KEY: &str = "sequence";

pub(super) const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
/// Kind and id to envelope.
pub(super) const RECORDS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("records");
/// The same for what `rows` keeps apart; its row in [`RECORDS`] is empty.
pub(super) const RECENT: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("recent");
/// [`index_key`] to nothing.
pub(super) const INDEX: TableDefinition<'static, &[u8], ()> = TableDefinition::new("index");
/// Time and record key (or [`COUNTER`] and name) to nothing: what a sweep reads from the front.
pub(super) const EXPIRY: TableDefinition<'static, &[u8], ()> = TableDefinition::new("expiry");
/// Name to end of the window in milliseconds and total.
pub(super) const COUNTERS: TableDefinition<'static, &[u8], (i64, u64)> = TableDefinition::new("counters");

/// Stands where a kind's number stands in [`EXPIRY`]; no kind has it.
pub(super) const COUNTER: u8 = 0xff;

const NEVER: i64 = i64::MAX;

/// The key of a record.
pub(super) fn record_key(kind: Kind, id: &str) -> Vec<u8> {
    tagged(kind.number(), id.as_bytes())
}

fn tagged(tag: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + rest.len());
    key.push(tag);
    key.extend_from_slice(rest);
    key
}

/// What all index keys for one value begin with, and no other key does: lengths go before texts.
pub(super) fn index_prefix(kind: Kind, name: &[u8], value: &[u8]) -> Vec<u8> {
    index_key(kind.number(), name, value, &[])
}

/// Where the record `id` of the kind with number `tag` stands in [`INDEX`] by one of its values.
pub(super) fn index_key(tag: u8, name: &[u8], value: &[u8], id: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(4 + name.len() + value.len() + id.len());
    key.push(tag);
    // Longer ones are refused when the batch is made; a saturated length only finds nothing.
    key.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    key.extend_from_slice(name);
    key.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
    key.extend_from_slice(value);
    key.extend_from_slice(id);
    key
}

/// Where a record stands in the order of expiry.
pub(super) fn expiry_key(at: Timestamp, record_key: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(8 + record_key.len());
    key.extend_from_slice(&ordered(at));
    key.extend_from_slice(record_key);
    key
}

/// Where a counter stands in the order of expiry.
pub(super) fn counter_expiry_key(at: i64, name: &[u8]) -> Vec<u8> {
    expiry_key(Timestamp::from_millis(at), &tagged(COUNTER, name))
}

/// The first key after everything that has expired at `now`.
pub(super) fn expiry_end(now: Timestamp) -> [u8; 8] {
    ordered(Timestamp::from_millis(now.millis().saturating_add(1)))
}

/// Splits an expiry key into time and the rest.
pub(super) fn split_expiry_key(key: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (time, rest) = key.split_first_chunk::<8>()?;
    let millis = (u64::from_be_bytes(*time) ^ (1 << 63)).cast_signed();
    Some((Timestamp::from_millis(millis), rest))
}

/// Big-endian with the sign turned, so that byte order is time order.
fn ordered(at: Timestamp) -> [u8; 8] {
    (at.millis().cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// A stored record before its payload is understood. The index entries are kept with it, so that it
/// can be replaced or swept without knowing its type.
pub(super) struct Envelope<'a> {
    pub(super) version: u64,
    pub(super) expires: Option<Timestamp>,
    /// Name and value.
    pub(super) index: Vec<(&'a [u8], &'a [u8])>,
    pub(super) payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Reads what [`seal`] wrote.
    pub(super) fn open(record_key: &[u8], bytes: &'a [u8]) -> Result<Self, StoreError> {
        Self::parse(bytes).ok_or_else(|| damaged(record_key, "its envelope is cut short"))
    }

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (version, bytes) = bytes.split_first_chunk()?;
        let (expires, bytes) = bytes.split_first_chunk()?;
        let (&entries, mut rest) = bytes.split_first()?;
        let mut index = Vec::with_capacity(usize::from(entries));
        for _ in 0..entries {
            let (&length, bytes) = rest.split_first()?;
            let (name, bytes) = bytes.split_at_checked(usize::from(length))?;
            let (length, bytes) = bytes.split_first_chunk()?;
            let (value, bytes) = bytes.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            index.push((name, value));
            rest = bytes;
        }
        let expires = i64::from_be_bytes(*expires);
        Some(Self {
            version: u64::from_be_bytes(*version),
            expires: (expires != NEVER).then_some(Timestamp::from_millis(expires)),
            index,
            payload: rest,
        })
    }

    /// Whether it has not expired at `now`.
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        is_live(self.expires, now)
    }
}

pub(super) fn is_live(expires: Option<Timestamp>, now: Timestamp) -> bool {
    expires.is_none_or(|at| now < at)
}

/// Wraps a record for [`RECORDS`].
pub(super) fn seal(version: u64, content: &Content) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.payload.len() + 64);
    bytes.extend_from_slice(&version.to_be_bytes());
    bytes.extend_from_slice(&content.expires.map_or(NEVER, Timestamp::millis).to_be_bytes());
    // Lengths were checked when the batch was made.
    bytes.push(u8::try_from(content.index.len()).unwrap_or(u8::MAX));
    for entry in &content.index {
        bytes.push(u8::try_from(entry.name.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(entry.name.as_bytes());
        bytes.extend_from_slice(&u16::try_from(entry.value.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(entry.value.as_bytes());
    }
    bytes.extend_from_slice(&content.payload);
    bytes
}

/// The error for a record or its key; the id is the key's text as far as it is text.
pub(super) fn damaged(record_key: &[u8], why: &str) -> StoreError {
    let (tag, id) = record_key.split_first().unwrap_or((&0, &[]));
    StoreError::Damaged {
        kind: Kind::from_number(*tag).unwrap_or(Kind::Setting),
        id: String::from_utf8_lossy(id).into_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_bytes_and_are_read_back() {
        let times = [i64::MIN, -1, 0, 1, 1_700_000_000_000, i64::MAX].map(Timestamp::from_millis);
        assert!(times.map(ordered).is_sorted());
        for at in times {
            assert_eq!(split_expiry_key(&expiry_key(at, b"x")), Some((at, &b"x"[..])));
        }
    }

    #[test]
    fn no_index_prefix_begins_another() {
        let short = index_prefix(Kind::User, b"n", b"ab");
        assert!(!index_prefix(Kind::User, b"n", b"abc").starts_with(&short));
        assert!(!index_prefix(Kind::User, b"na", b"b").starts_with(&index_prefix(Kind::User, b"n", b"ab")));
    }

    #[test]
    fn a_cut_envelope_is_an_error() {
        let content = Content {
            expires: None,
            index: vec![crate::store::IndexEntry::many("name", "value")],
            payload: Vec::new(),
        };
        let whole = seal(7, &content);
        assert!(Envelope::parse(&whole).is_some());
        for end in 0..whole.len() {
            assert!(Envelope::parse(&whole[..end]).is_none(), "{end}");
        }
    }
}
