//! As much CBOR (RFC 8949) as authenticators speak: the form that CTAP2 section 6 prescribes, with bounds. What
//! is indefinite, tagged, longer than it must be, said twice or nested deeper than `MAX_DEPTH` is refused.

/// An attestation statement with certificates needs three.
const MAX_DEPTH: u8 = 4;

/// One item, borrowing its strings from the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    List(Vec<Value<'a>>),
    Map(Map<'a>),
    Bool(bool),
    Null,
}

/// A map without repeated keys, in the order in which it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map<'a>(Vec<(Value<'a>, Value<'a>)>);

impl<'a> Map<'a> {
    /// The value of a text key.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Value<'a>> {
        self.get(|key| matches!(key, Value::Text(text) if *text == name))
    }

    /// The value of a number key.
    #[must_use]
    pub fn numbered(&self, number: i64) -> Option<&Value<'a>> {
        self.get(|key| *key == Value::Int(number))
    }

    /// The number of entries.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    fn get(&self, meant: impl Fn(&Value<'a>) -> bool) -> Option<&Value<'a>> {
        self.0.iter().find(|(key, _)| meant(key)).map(|(_, value)| value)
    }
}

/// The map that is the whole of `input`.
#[must_use]
pub fn map(input: &[u8]) -> Option<Map<'_>> {
    first_map(input).filter(|(_, rest)| rest.is_empty()).map(|(map, _)| map)
}

/// The map at the start of `input`, and what follows it.
#[must_use]
pub fn first_map(input: &[u8]) -> Option<(Map<'_>, &[u8])> {
    let mut reader = Reader(input);
    match reader.item(MAX_DEPTH)? {
        Value::Map(map) => Some((map, reader.0)),
        _ => None,
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next item. Nothing is set aside for lengths that are only claimed, so memory follows the input.
    fn item(&mut self, depth: u8) -> Option<Value<'a>> {
        let (major, argument) = self.head()?;
        match major {
            0 => i64::try_from(argument).ok().map(Value::Int),
            1 => i64::try_from(argument).ok().map(|number| Value::Int(-1 - number)),
            2 => self.take(argument).map(Value::Bytes),
            3 => std::str::from_utf8(self.take(argument)?).ok().map(Value::Text),
            4 => {
                let depth = depth.checked_sub(1)?;
                (0..argument).map(|_| self.item(depth)).collect::<Option<_>>().map(Value::List)
            }
            5 => self.entries(argument, depth.checked_sub(1)?).map(Value::Map),
            7 => match argument {
                20 => Some(Value::Bool(false)),
                21 => Some(Value::Bool(true)),
                22 => Some(Value::Null),
                _ => None,
            },
            _ => None,
        }
    }

    fn entries(&mut self, count: u64, depth: u8) -> Option<Map<'a>> {
        let mut entries: Vec<(Value<'a>, Value<'a>)> = Vec::new();
        for _ in 0..count {
            let key = self.item(depth)?;
            let simple = matches!(key, Value::Int(_) | Value::Text(_));
            if !simple || entries.len() >= MAX_ENTRIES || entries.iter().any(|(known, _)| *known == key) {
                return None;
            }
            entries.push((key, self.item(depth)?));
        }
        Some(Map(entries))
    }

    /// Major type and argument, which must be in its shortest form (RFC 8949 section 4.2.1).
    fn head(&mut self) -> Option<(u8, u64)> {
        let first = *self.take(1)?.first()?;
        let (major, short) = (first >> 5, first & 0x1f);
        let (argument, least) = match short {
            0..24 => return Some((major, u64::from(short))),
            // Behind these stand floats and further simple values.
            _ if major == 7 => return None,
            24 => (self.number(1)?, 24),
            25 => (self.number(2)?, 1 << 8),
            26 => (self.number(4)?, 1 << 16),
            27 => (self.number(8)?, 1 << 32),
            _ => return None,
        };
        (argument >= least).then_some((major, argument))
    }

    fn number(&mut self, bytes: u64) -> Option<u64> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

/// Entries are compared with each other: a few, not thousands.
const MAX_ENTRIES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_authenticators_write_is_read() {
        let (map, rest) = first_map(b"\xa3\x01\x02\x03\x26\x61a\x82\xf5\x41\xff!").expect("a map");
        assert_eq!((map.numbered(1), map.numbered(3)), (Some(&Value::Int(2)), Some(&Value::Int(-7))));
        let list = Value::List(vec![Value::Bool(true), Value::Bytes(b"\xff")]);
        assert_eq!((map.named("a"), map.count(), rest), (Some(&list), 3, &b"!"[..]));
    }

    #[test]
    fn nothing_else_is() {
        // WA-08
        let deep = |depth| [[0xa1, 0x01].repeat(depth), vec![0xa0]].concat();
        assert!(map(&deep(3)).is_some());
        for (what, input) in [
            ("depth 4", deep(4)),
            ("depth 10,000", deep(10_000)),
            ("lists 10,000 deep", [vec![0xa1, 0x01], vec![0x81; 10_000]].concat()),
            ("a string of 2^63 bytes", b"\xa1\x01\x5b\x80\0\0\0\0\0\0\0".to_vec()),
            ("a map of 2^63 entries", b"\xbb\x80\0\0\0\0\0\0\0\x01\x01".to_vec()),
            ("a list of 2^63 items", b"\xa1\x01\x9b\x80\0\0\0\0\0\0\0\x01".to_vec()),
            ("indefinite map", b"\xbf\x01\x02\xff".to_vec()),
            ("indefinite string", b"\xa1\x01\x5f\x41a\xff".to_vec()),
            ("duplicate keys", b"\xa2\x01\x02\x01\x03".to_vec()),
            ("trailing bytes", b"\xa0\0".to_vec()),
            ("longer than needed", b"\xa1\x18\x01\x02".to_vec()),
            ("a tag", b"\xa1\x01\xc0\x02".to_vec()),
            ("a float", b"\xa1\x01\xf9\0\0".to_vec()),
            ("undefined", b"\xa1\x01\xf7".to_vec()),
            ("a number beyond 63 bits", b"\xa1\x01\x1b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
            ("text that is none", b"\xa1\x01\x61\xff".to_vec()),
            ("a map as key", b"\xa1\xa0\x01".to_vec()),
            ("33 entries", [vec![0xb8, 33], (0..33).flat_map(|key| [0x18, key + 24, 0]).collect()].concat()),
            ("cut off", b"\xa1\x01".to_vec()),
            ("nothing", Vec::new()),
            ("no map", b"\x01".to_vec()),
        ] {
            assert_eq!(map(&input), None, "{what}");
        }
    }
}
