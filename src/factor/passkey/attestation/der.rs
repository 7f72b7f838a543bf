//! As much DER (X.690) as there is in certificates beside what webpki reads. What is longer than two bytes can count is
//! refused.

pub(super) const BOOLEAN: u32 = 0x01;
pub(super) const INTEGER: u32 = 0x02;
pub(super) const OCTETS: u32 = 0x04;
pub(super) const OID: u32 = 0x06;
pub(super) const ENUMERATED: u32 = 0x0a;
pub(super) const SEQUENCE: u32 = 0x30;
pub(super) const SET: u32 = 0x31;
const EXTENSIONS: u32 = 0xa3;

/// One element: its tag, as the number that its bytes are, and its content.
pub(super) type Element<'a> = (u32, &'a [u8]);

/// An extension of a certificate (RFC 5280 section 4.2).
pub(super) struct Extension<'a> {
    pub(super) oid: &'a [u8],
    pub(super) critical: bool,
    pub(super) value: &'a [u8],
}

/// All extensions of a certificate; `None` where one is there twice, as none may be.
pub(super) fn extensions(certificate: &[u8]) -> Option<Vec<Extension<'_>>> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (signed, _) = element(certificate, SEQUENCE)?;
    let Some((_, list)) = elements(signed)?.into_iter().find(|(tag, _)| *tag == EXTENSIONS) else {
        return Some(Vec::new());
    };
    let mut found: Vec<Extension<'_>> = Vec::new();
    for (_, extension) in elements(whole(list, SEQUENCE)?)? {
        let extension = read_extension(extension)?;
        if found.iter().any(|known| known.oid == extension.oid) {
            return None;
        }
        found.push(extension);
    }
    Some(found)
}

fn read_extension(extension: &[u8]) -> Option<Extension<'_>> {
    let (oid, rest) = element(extension, OID)?;
    let (critical, rest) = match element(rest, BOOLEAN) {
        Some((value, rest)) => (value != [0], rest),
        None => (false, rest),
    };
    Some(Extension { oid, critical, value: whole(rest, OCTETS)? })
}

/// The content of the element at the start of `input`, if it has this tag, and what follows it.
pub(super) fn element(input: &[u8], tag: u32) -> Option<(&[u8], &[u8])> {
    split(input).filter(|(found, _, _)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// The content of the one element that `input` is, if it has this tag.
pub(super) fn whole(input: &[u8], tag: u32) -> Option<&[u8]> {
    element(input, tag).filter(|(_, rest)| rest.is_empty()).map(|(content, _)| content)
}

/// Everything that `input` is made of.
pub(super) fn elements(mut input: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    while !input.is_empty() {
        let (tag, content, rest) = split(input)?;
        found.push((tag, content));
        input = rest;
    }
    Some(found)
}

/// Tag, content and rest.
fn split(input: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (tag, rest) = tag(input)?;
    let (&first, rest) = rest.split_first()?;
    // As short as it can be (X.690 section 10.1).
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&length, rest) = rest.split_first().filter(|(length, _)| **length > 0x7f)?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// A tag of one byte or, for numbers above 30, of three (X.690 section 8.1.2.4).
fn tag(input: &[u8]) -> Option<(u32, &[u8])> {
    let (&first, rest) = input.split_first()?;
    if first & 0x1f != 0x1f {
        return Some((u32::from(first), rest));
    }
    let (&[second, third], rest) = rest.split_first_chunk()?;
    let whole = second > 0x80 && third < 0x80;
    whole.then(|| (u32::from_be_bytes([0, first, second, third]), rest))
}
