//! The YAML text as a tree in which every value knows its place.
//!
//! Owns the limits against hostile files (size, depth, aliases), and what of YAML is refused: tags,
//! merge keys, duplicate keys, more than one document. Knows nothing of the configuration's keys;
//! those are in `schema`.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Error, Location, Spanned, Tagged, UserMessageFormatter};

use super::error::{Place, Problems};
use super::read::short;

/// Largest file that is read.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// Deepest nesting; the schema needs six.
const MAX_DEPTH: usize = 16;

/// Values that aliases may add all together.
const MAX_ALIASED: usize = 10_000;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where the value begins.
    pub(super) place: Place,
    /// Where complaints about the value as a whole belong: its key, if it has one.
    pub(super) head: Place,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// As an integer, if it is one that fits.
    Number(Option<i128>),
    /// Any other number.
    Fraction(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) place: Place,
}

impl Value {
    /// The kind in words, for "expected …, found …".
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) | Self::Fraction(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads `text`; `None` when it is no YAML, with the reason in `problems`.
pub(super) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    if !is_acceptable(text, problems) {
        return None;
    }
    if text.lines().all(|line| line.trim_start().is_empty() || line.trim_start().starts_with('#')) {
        return Some(Node { place: Place::START, head: Place::START, value: Value::Null });
    }
    match serde_yaml::from_str_with_options::<Raw>(text, options()) {
        Ok(raw) => Some(Node { head: Place::START, ..clean(raw, problems) }),
        Err(error) => {
            complain(&error, problems);
            None
        }
    }
}

/// Reads a default from the schema: no value in it has a place.
pub(super) fn builtin(text: &str) -> Node {
    let mut node = parse(text, &mut Problems::default()).unwrap_or(Node {
        place: Place::NONE,
        head: Place::NONE,
        value: Value::Null,
    });
    forget_places(&mut node);
    node
}

fn forget_places(node: &mut Node) {
    node.place = Place::NONE;
    node.head = Place::NONE;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(forget_places),
        Value::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
            key.place = Place::NONE;
            forget_places(value);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Fraction(_) | Value::Text(_) => {}
    }
}

/// Size and characters, before any parser sees them.
fn is_acceptable(text: &str, problems: &mut Problems) -> bool {
    if text.len() > MAX_BYTES {
        problems.error(Place::NONE, format!("is larger than {MAX_BYTES} bytes"));
        return false;
    }
    for (number, line) in (1..).zip(text.lines()) {
        let forbidden = |c: char| c.is_control() && c != '\t';
        if let Some((column, character)) = (1..).zip(line.chars()).find(|(_, c)| forbidden(*c)) {
            let place = Place { line: number, column };
            let name = u32::from(character);
            problems
                .error(place, format!("control character U+{name:04X} in the file"))
                .hint("save the file as plain UTF-8 text");
            return false;
        }
    }
    true
}

fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_documents: 1,
            max_nodes: 200_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: MAX_ALIASED,
            max_recorded_anchor_bytes: MAX_BYTES,
            max_total_scalar_bytes: MAX_BYTES,
            max_buffered_comment_events: 10_000,
            max_inclusion_depth: 0,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: MAX_ALIASED,
            max_replay_stack_depth: MAX_DEPTH,
        },
        // Both are found in `clean`, all of them and with their places.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        emit_comments: false,
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    }
}

fn complain(error: &Error, problems: &mut Problems) {
    let place = error.location().map_or(Place::NONE, place);
    let too_much = |problems: &mut Problems, what: &str| {
        problems.error(place, format!("the file is refused: {what}"));
    };
    match error {
        // Something in what an alias stands for; `place` is where it is used.
        Error::AliasError { error, .. } => complain(error, problems),
        Error::Budget { breach, .. } => match breach {
            BudgetBreach::Depth { .. } => {
                too_much(problems, &format!("nested deeper than {MAX_DEPTH} levels"));
            }
            BudgetBreach::Documents { .. } => several_documents(place, problems),
            BudgetBreach::Aliases { .. }
            | BudgetBreach::Anchors { .. }
            | BudgetBreach::AliasAnchorRatio { .. }
            | BudgetBreach::RecordedAnchorEvents { .. } => too_much(problems, "too many anchors or aliases"),
            _ => too_much(problems, "too many values"),
        },
        Error::MultipleDocuments { .. } => several_documents(place, problems),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => too_much(problems, "aliases unfold to too many values"),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            too_much(problems, "an alias refers to what contains it");
        }
        Error::UnknownAnchor { .. } => {
            problems
                .error(place, "an alias without its anchor")
                .hint("text that begins with `*` needs quotes");
        }
        other => syntax(other, place, problems),
    }
}

fn several_documents(place: Place, problems: &mut Problems) {
    problems.error(place, "more than one document in the file").hint("remove the `---` between them");
}

fn syntax(error: &Error, place: Place, problems: &mut Problems) {
    let text = error.render_with_formatter(&UserMessageFormatter);
    // The place stands in front of the message already.
    let text = text.split(" at line ").next().unwrap_or(&text);
    let draft = problems.error(place, format!("not valid YAML: {text}"));
    if text.contains("tab") {
        draft.hint("indent with spaces");
    }
}

fn place(location: Location) -> Place {
    if location.line() == 0 {
        return Place::NONE;
    }
    Place { line: location.line(), column: location.column().max(1) }
}

/// Turns what the parser gives into a [`Node`], noting tags and bad keys.
fn clean(raw: Raw, problems: &mut Problems) -> Node {
    let at = place(raw.0.defined);
    let Tagged(content, tag) = raw.0.value;
    if let Some(tag) = tag {
        let tag = short(&tag.replace("tag:yaml.org,2002:", "!!"));
        problems.error(at, format!("tags such as `{tag}` are not supported")).hint("write the plain value");
    }
    let value = match content {
        Content::Scalar(value) => value,
        Content::List(items) => Value::List(items.into_iter().map(|item| clean(item, problems)).collect()),
        Content::Map(entries) => Value::Map(clean_entries(entries, problems)),
    };
    Node { place: at, head: at, value }
}

fn clean_entries(entries: Vec<(Raw, Raw)>, problems: &mut Problems) -> Vec<(Key, Node)> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let key = clean(key, problems);
        let mut value = clean(value, problems);
        value.head = key.place;
        let text = match key.value {
            Value::Text(text) => text,
            other => {
                problems
                    .error(key.place, format!("a key must be text, found {}", other.kind()))
                    .hint("put it in quotes");
                continue;
            }
        };
        if text == "<<" {
            problems
                .error(key.place, "merge keys (`<<`) are not supported")
                .hint("write the keys out, or use an alias for a whole value");
        } else if seen.insert(text.clone()) {
            let place = key.place;
            kept.push((Key { text, place }, value));
        } else {
            problems.error(key.place, format!("`{}` is here twice", short(&text))).hint("keep one of them");
        }
    }
    kept
}

struct Raw(Spanned<Tagged<Content>>);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

enum Content {
    Scalar(Value),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Number(Some(value.into()))))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Number(Some(value.into()))))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Number(Some(value))))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Number(i128::try_from(value).ok())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Fraction(value)))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Text(value.to_owned())))
    }

    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Content, E> {
        Err(E::custom("binary values are not supported"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Content, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Content::Map(map))
    }
}
