//! A small database of places in `MaxMind`'s format (version 2.0), for as many networks as a test needs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;

/// A value of the data section.
enum Value<'a> {
    Text(&'a str),
    Double(f64),
    /// Unsigned, of as many bits.
    Number(u8, u64),
    List(Vec<Value<'a>>),
    Map(Vec<(&'a str, Value<'a>)>),
}

impl Value<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                control(2, text.len(), out);
                out.extend(text.as_bytes());
            }
            Self::Double(number) => {
                control(3, 8, out);
                out.extend(number.to_be_bytes());
            }
            Self::Number(bits, number) => {
                let bytes = number.to_be_bytes();
                let digits = bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
                let kind = match bits {
                    16 => 5,
                    32 => 6,
                    _ => 9,
                };
                control(kind, digits.len(), out);
                out.extend(digits);
            }
            Self::List(items) => {
                control(11, items.len(), out);
                for item in items {
                    item.write(out);
                }
            }
            Self::Map(entries) => {
                control(7, entries.len(), out);
                for (key, value) in entries {
                    Self::Text(key).write(out);
                    value.write(out);
                }
            }
        }
    }
}

/// Type and size, as the format packs them; types beyond seven take a byte of their own.
fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    let size = u8::try_from(size).expect("small");
    assert!(size < 29, "longer values are not needed");
    if kind <= 7 {
        out.push(kind << 5 | size);
    } else {
        out.extend([size, kind - 7]);
    }
}

/// Country, and a point where one is known.
pub(crate) type At = (&'static str, Option<(f64, f64)>);

pub(crate) const BERLIN: At = ("DE", Some((52.52, 13.405)));
pub(crate) const NEW_YORK: At = ("US", Some((40.71, -74.0)));
/// Nobody knows where in France.
pub(crate) const FRANCE: At = ("FR", None);

/// The file with these networks.
pub(crate) fn database(networks: &[(&str, At)]) -> Vec<u8> {
    // A node has two children: another node, or data behind all nodes.
    let (mut nodes, mut leaves) = (vec![[None::<usize>; 2]], BTreeMap::new());
    let mut data = Vec::new();
    for (network, (country, point)) in networks {
        let network: IpNet = network.parse().expect("a network");
        let (bits, length) = match network.addr() {
            IpAddr::V4(address) => (u128::from(u32::from(address)), usize::from(network.prefix_len()) + 96),
            IpAddr::V6(address) => (u128::from(address), usize::from(network.prefix_len())),
        };
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from((bits >> (127 - depth)) & 1 == 1);
            if depth + 1 == length {
                leaves.insert((node, side), data.len());
            } else {
                let next = nodes[node][side].unwrap_or(nodes.len());
                if next == nodes.len() {
                    nodes.push([None; 2]);
                }
                nodes[node][side] = Some(next);
                node = next;
            }
        }
        let mut place = vec![("country", Value::Map(vec![("iso_code", Value::Text(country))]))];
        if let Some((lat, lon)) = point {
            let point = vec![("latitude", Value::Double(*lat)), ("longitude", Value::Double(*lon))];
            place.push(("location", Value::Map(point)));
        }
        Value::Map(place).write(&mut data);
    }
    let count = nodes.len();
    let mut file = Vec::new();
    for (number, sides) in nodes.iter().enumerate() {
        for (side, next) in sides.iter().enumerate() {
            let leaf = leaves.get(&(number, side)).map(|offset| count + 16 + offset);
            let record = next.or(leaf).unwrap_or(count);
            file.extend(u32::try_from(record).expect("small").to_be_bytes());
        }
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    let metadata = vec![
        ("binary_format_major_version", Value::Number(16, 2)),
        ("binary_format_minor_version", Value::Number(16, 0)),
        ("build_epoch", Value::Number(64, 1_800_000_000)),
        ("database_type", Value::Text("Test-City")),
        ("description", Value::Map(vec![("en", Value::Text("made by a test"))])),
        ("ip_version", Value::Number(16, 6)),
        ("languages", Value::List(vec![Value::Text("en")])),
        ("node_count", Value::Number(32, u64::try_from(count).expect("small"))),
        ("record_size", Value::Number(16, 32)),
    ];
    Value::Map(metadata).write(&mut file);
    file
}

/// Writes it beside `path` and moves it there, as `geoipupdate` does.
pub(crate) fn write(path: &Path, networks: &[(&str, At)]) {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, database(networks)).expect("a file");
    std::fs::rename(fresh, path).expect("a file");
}
