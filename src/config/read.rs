//! From a tree of values to the sections of `schema`: names, kinds and spelling, nothing of meaning.
//!
//! Owns the three macros with which `schema` is written. A section is declared once, with a sentence
//! and a default per key; the reader, the suggestions and the example file all come from that. A value
//! that cannot be read is noted and left out, and reading goes on, so one pass finds everything.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{self, Key, Node, Value};
use super::error::{Place, Problems};

/// Something a file can hold.
pub(super) trait Read: Sized {
    /// How it is laid out, for the example file.
    const SHAPE: Shape = Shape::Inline;

    /// The value in `node`, or `None` with a problem noted.
    fn read(node: &Node, problems: &mut Problems) -> Option<Self>;
}

/// How a value is laid out in the example file.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// On the line of its key.
    Inline,
    /// Its own keys below.
    Section(&'static [Field]),
    /// Entries with names of the reader's choosing, each a section.
    Entries(&'static [Field]),
}

/// A key of a section, as declared.
pub(super) struct Field {
    pub(super) name: &'static str,
    /// The sentence about it, a line each, with a space in front.
    pub(super) about: &'static [&'static str],
    pub(super) need: Need,
    pub(super) shape: Shape,
}

/// What happens when the key is not there.
#[derive(Clone, Copy)]
pub(super) enum Need {
    /// A mistake; the text is an example.
    Required(&'static str),
    /// This YAML is read instead.
    Default(&'static str),
    /// An empty list; the text is an example.
    List(&'static str),
    /// Nothing; the text is an example.
    Optional(&'static str),
}

/// A value and its place; the place is [`Place::NONE`] for a default.
#[derive(Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

impl<T: Read> Read for At<T> {
    const SHAPE: Shape = T::SHAPE;

    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let place = node.place;
        T::read(node, problems).map(|value| Self { value, place })
    }
}

impl<T: Read> Read for Box<T> {
    const SHAPE: Shape = T::SHAPE;

    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        T::read(node, problems).map(Self::new)
    }
}

impl Read for String {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Number(_) | Value::Fraction(_) | Value::Bool(_) => {
                expected("text", node, problems).hint("put it in quotes");
                None
            }
            Value::Null | Value::List(_) | Value::Map(_) => {
                expected("text", node, problems).hint("write a value, or remove the key");
                None
            }
        }
    }
}

impl Read for bool {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        expected("true or false", node, problems).hint("write `true` or `false`");
        None
    }
}

impl Read for u32 {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.value {
            Value::Number(Some(number)) => {
                let read = Self::try_from(number).ok();
                if read.is_none() {
                    problems.error(node.place, format!("{number} is out of range"));
                }
                return read;
            }
            Value::Number(None) | Value::Fraction(_) => {
                problems.error(node.place, "expected a whole number, found another kind of number");
            }
            _ => {
                expected("a whole number", node, problems).hint("write digits, without quotes");
            }
        }
        None
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Value::List(items) = &node.value else {
            expected("a list", node, problems).hint("write it in brackets: [a, b]");
            return None;
        };
        // Every item is read, so that every mistake is found.
        let read: Vec<_> = items.iter().map(|item| T::read(item, problems)).collect();
        read.into_iter().collect()
    }
}

/// Sections under names of the reader's choosing, in the order of the file.
#[derive(Debug)]
pub(super) struct Entries<T>(pub(super) Vec<(At<String>, Option<T>)>);

impl<T: Read> Read for Entries<T> {
    const SHAPE: Shape = match T::SHAPE {
        Shape::Section(fields) => Shape::Entries(fields),
        other => other,
    };

    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let entries = entries(node, problems)?;
        let read = entries.iter().map(|(key, value)| {
            let name = At { value: key.text.clone(), place: key.place };
            (name, T::read(value, problems))
        });
        Some(Self(read.collect()))
    }
}

impl<T> Entries<T> {
    /// Where each name stands.
    pub(super) fn places(&self) -> BTreeMap<String, Place> {
        self.0.iter().map(|(name, _)| (name.value.clone(), name.place)).collect()
    }
}

/// The entries of a mapping; nothing at all counts as a mapping without entries.
fn entries<'a>(node: &'a Node, problems: &mut Problems) -> Option<&'a [(Key, Node)]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        Value::Null => Some(&[]),
        _ => {
            expected("a mapping", node, problems).hint("write `key: value` lines below it");
            None
        }
    }
}

fn expected<'a>(what: &str, node: &Node, problems: &'a mut Problems) -> &'a mut super::error::Draft {
    let place = if matches!(node.value, Value::Null) { node.head } else { node.place };
    problems.error(place, format!("expected {what}, found {}", node.value.kind()))
}

/// A mapping being read as a section.
pub(super) struct Keys<'a> {
    entries: &'a [(Key, Node)],
    head: Place,
    problems: &'a mut Problems,
}

impl<'a> Keys<'a> {
    /// Notes the keys that are none of `fields`.
    pub(super) fn open(node: &'a Node, fields: &'static [Field], problems: &'a mut Problems) -> Option<Self> {
        let entries = entries(node, problems)?;
        let known: BTreeSet<_> = fields.iter().map(|field| field.name).collect();
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(key.text.as_str())) {
            problems
                .error(key.place, format!("unknown key `{}`", short(&key.text)))
                .nearest(&key.text, fields.iter().map(|field| field.name));
        }
        Some(Self { entries, head: node.head, problems })
    }

    /// The value of one key.
    pub(super) fn take<T: Read>(&mut self, name: &str, need: Need) -> Option<At<T>> {
        if let Some((_, node)) = self.entries.iter().find(|(key, _)| key.text == name) {
            return At::read(node, self.problems);
        }
        match need {
            Need::Required(example) => {
                self.problems
                    .error(self.head, format!("missing key `{name}`"))
                    .hint(format!("such as `{name}: {example}`"));
                None
            }
            Need::Default(text) => At::read(&document::builtin(text), self.problems),
            Need::List(_) => At::read(&document::builtin("[]"), self.problems),
            Need::Optional(_) => None,
        }
    }
}

/// The one entry of a mapping that chooses among `names`; a lone word is a choice without settings.
pub(super) fn chosen(
    node: &Node,
    names: &[&'static str],
    problems: &mut Problems,
) -> Option<(&'static str, Node)> {
    let (name, place, inner) = match &node.value {
        Value::Text(word) => (word, node.place, None),
        Value::Map(entries) => match entries.as_slice() {
            [(key, inner)] => (&key.text, key.place, Some(inner)),
            _ => return refuse_choice(node, names, problems),
        },
        _ => return refuse_choice(node, names, problems),
    };
    let Some(known) = names.iter().find(|known| **known == name.as_str()) else {
        problems
            .error(place, format!("unknown choice `{}`", short(name)))
            .nearest(name, names.iter().copied());
        return None;
    };
    let nothing = Node { place, head: place, value: Value::Null };
    Some((known, inner.cloned().unwrap_or(nothing)))
}

fn refuse_choice<T>(node: &Node, names: &[&str], problems: &mut Problems) -> Option<T> {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    problems.error(node.head, format!("expected one of {}", names.join(", ")));
    None
}

/// One of a few words.
pub(super) fn word<T: Copy>(node: &Node, words: &[(&'static str, T)], problems: &mut Problems) -> Option<T> {
    let text = String::read(node, problems)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        problems
            .error(node.place, format!("unknown value `{}`", short(&text)))
            // All of them, not the nearest: HS256 is not nearly ES256.
            .known(words.iter().map(|(word, _)| *word));
    }
    found
}

/// A number with or without a fraction.
#[expect(clippy::cast_precision_loss, reason = "the few digits that anybody writes are kept")]
pub(super) fn fraction(node: &Node, problems: &mut Problems) -> Option<f64> {
    match node.value {
        Value::Number(Some(number)) => Some(number as f64),
        Value::Fraction(number) => Some(number),
        _ => {
            expected("a number", node, problems).hint("write it like `52.5`, without quotes");
            None
        }
    }
}

/// What of a name is repeated in a message.
pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= 100 {
        return text.to_owned();
    }
    text.chars().take(99).chain(['…']).collect()
}

/// What of an address is repeated: not what may be a password or a key in it.
pub(super) fn short_address(text: &str) -> String {
    let (scheme, rest) =
        text.split_once("://").map_or((String::new(), text), |(scheme, rest)| (format!("{scheme}://"), rest));
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, host)| ("…@", host));
    let (rest, query) = rest.split_once(['?', '#']).map_or((rest, ""), |(rest, _)| (rest, "?…"));
    short(&format!("{scheme}{user}{rest}{query}"))
}

/// Declares a section: `key: Type = Need("YAML")` with a sentence each.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident: $type:ty = $need:ident($text:expr), )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug)]
        pub(in crate::config) struct $name {
            $( $(#[doc = $doc])+ pub(in crate::config) $field: Option<At<$type>>, )*
        }

        impl $name {
            const FIELDS: &'static [Field] = &[
                $( Field {
                    name: stringify!($field),
                    about: &[$($doc),+],
                    need: Need::$need($text),
                    shape: <$type as Read>::SHAPE,
                }, )*
            ];
        }

        impl Read for $name {
            const SHAPE: Shape = Shape::Section(Self::FIELDS);

            fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
                let mut keys = Keys::open(node, Self::FIELDS, problems)?;
                Some(Self {
                    $( $field: keys.take(stringify!($field), Need::$need($text)), )*
                })
            }
        }
    };
}

/// Declares a mapping with exactly one of several keys, as serde tags enums externally.
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        $name:ident { $( $(#[doc = $doc:literal])+ $key:ident = $variant:ident($type:ty), )+ }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug)]
        pub(in crate::config) enum $name {
            $( $(#[doc = $doc])+ $variant($type), )+
        }

        impl Read for $name {
            fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
                const NAMES: &[&str] = &[$( stringify!($key), )+];
                let (name, inner) = read::chosen(node, NAMES, problems)?;
                match name {
                    $( stringify!($key) => <$type>::read(&inner, problems).map(Self::$variant), )+
                    _ => None,
                }
            }
        }
    };
}

/// Declares the words for the values of a type.
macro_rules! words {
    ($type:ty { $( $word:literal = $value:expr, )+ }) => {
        impl Read for $type {
            fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
                read::word(node, &[$( ($word, $value), )+], problems)
            }
        }
    };
}

pub(super) use {choice, section, words};
