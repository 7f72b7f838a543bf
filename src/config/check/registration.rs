//! How people get an account by themselves: who may, and what they fill in.

use std::collections::{BTreeMap, BTreeSet};

use regex::{Regex, RegexBuilder};

use super::{group, optional, organisation, within};
use crate::config::error::{Place, Problems};
use crate::config::read::{At, short};
use crate::config::registration::{Domains, Label, OwnField, SelfRegistration};
use crate::config::schema as written;
use crate::locale::Lang;

/// Fields there may be.
const MOST_FIELDS: usize = 20;
/// A pattern may need this much memory, in bytes.
const PATTERN_BYTES: usize = 1 << 20;
/// Attributes that mean something by themselves: nobody says such a thing about themselves.
const NOT_FREE: [&str; 8] =
    ["username", "name", "email", "email_verified", "groups", "roles", "sub", "phone_number_verified"];

/// The section as it is meant; `admins` is the group whose members administrate.
pub(super) fn check(
    section: written::Registration,
    admins: Option<&str>,
    problems: &mut Problems,
) -> Option<SelfRegistration> {
    let written::Registration::Themselves(section) = section;
    let domains = section.allowed_domains.and_then(|list| domains(&list, problems));
    let fields = section.fields.and_then(|list| fields(list, problems));
    let groups = section.groups.and_then(|list| groups(list.value, admins, problems));
    Some(SelfRegistration { domains: domains?, fields: fields?, groups: groups? })
}

fn domains(list: &At<Vec<At<String>>>, problems: &mut Problems) -> Option<Domains> {
    if list.value.is_empty() {
        problems.error(list.place, "nobody could register").hint("such as `[example.org]`, or `[\"*\"]`");
        return None;
    }
    if let Some(any) = list.value.iter().find(|domain| domain.value == "*") {
        if list.value.len() > 1 {
            problems.error(any.place, "`*` takes every address already").hint("keep it, or the domains");
            return None;
        }
        return Some(Domains::Any);
    }
    let read: Vec<_> = list.value.iter().map(|domain| self::domain(domain, problems)).collect();
    Some(Domains::Only(read.into_iter().collect::<Option<_>>()?))
}

fn domain(written: &At<String>, problems: &mut Problems) -> Option<String> {
    let domain = written.value.to_ascii_lowercase();
    let word = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if domain.contains('.') && domain.split('.').all(word) {
        return Some(domain);
    }
    problems
        .error(written.place, format!("`{}` is not a domain", short(&written.value)))
        .hint("what stands behind the `@`, such as `example.org`; other letters in their `xn--` form");
    None
}

fn groups(list: Vec<At<String>>, admins: Option<&str>, problems: &mut Problems) -> Option<BTreeSet<String>> {
    let read: Vec<_> = list
        .into_iter()
        .map(|name| {
            if admins == Some(name.value.as_str()) {
                problems
                    .error(name.place, "everybody who registers would be an administrator")
                    .hint("name another group");
                return None;
            }
            if name.value == "everyone" {
                problems.error(name.place, "everybody is in `everyone` already").hint("leave it out");
                return None;
            }
            group(name, problems)
        })
        .collect();
    read.into_iter().collect()
}

fn fields(list: At<Vec<At<written::OwnField>>>, problems: &mut Problems) -> Option<Vec<OwnField>> {
    if list.value.len() > MOST_FIELDS {
        problems.error(list.place, format!("more than {MOST_FIELDS} fields")).hint("ask for less");
        return None;
    }
    let mut known = BTreeSet::new();
    let read: Vec<_> = list
        .value
        .into_iter()
        .map(|field| {
            let name = field.value.name.as_ref().map(|name| (name.value.clone(), name.place));
            let field = self::field(field.value, problems);
            if let Some((name, place)) = name
                && !known.insert(name.clone())
            {
                problems.error(place, format!("`{}` is listed twice", short(&name))).hint("keep one of them");
                return None;
            }
            field
        })
        .collect();
    read.into_iter().collect()
}

fn field(written: written::OwnField, problems: &mut Problems) -> Option<OwnField> {
    let name = written.name.and_then(|name| attribute(name, problems));
    let label = written.label.and_then(|label| self::label(label, problems));
    let pattern = optional(written.pattern, |text| pattern(&text, problems));
    let max_length = within(written.max_length, (1, 1000), "characters; 100 is a good value", problems);
    Some(OwnField {
        name: name?,
        label: label?,
        required: written.required?.value,
        max_length: usize::try_from(max_length?).ok()?,
        pattern: pattern?,
    })
}

fn attribute(name: At<String>, problems: &mut Problems) -> Option<String> {
    let text = name.value.as_str();
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !(1..=40).contains(&text.len()) || !text.bytes().all(good) {
        problems
            .error(name.place, "not a name of an attribute")
            .hint("1 to 40 of a-z, digits and `_`, such as `team`");
        return None;
    }
    if NOT_FREE.contains(&text) {
        problems
            .error(name.place, format!("`{text}` is nothing that people say about themselves"))
            .hint("choose another name");
        return None;
    }
    Some(name.value)
}

fn label(written: At<written::Label>, problems: &mut Problems) -> Option<Label> {
    let entries = match written.value {
        written::Label::Same(text) => {
            let usual = organisation::title(At { value: text, place: written.place }, problems)?;
            return Some(Label { usual, each: BTreeMap::new() });
        }
        written::Label::Each(entries) => entries.0,
    };
    let read: Vec<_> =
        entries.into_iter().map(|(tag, text)| Some((language(&tag, problems)?, text?, tag.place))).collect();
    let mut each = BTreeMap::new();
    let mut usual = None;
    for (tag, text, place) in read.into_iter().collect::<Option<Vec<(String, String, Place)>>>()? {
        let text = organisation::title(At { value: text, place }, problems)?;
        usual.get_or_insert_with(|| text.clone());
        each.insert(tag, text);
    }
    let Some(usual) = usual else {
        problems.error(written.place, "a field without a label").hint("such as `{ en: Team, de: Gruppe }`");
        return None;
    };
    Some(Label { usual, each })
}

fn language(tag: &At<String>, problems: &mut Problems) -> Option<String> {
    let known = Lang::ALL.map(Lang::tag);
    if known.contains(&tag.value.as_str()) {
        return Some(tag.value.clone());
    }
    problems.error(tag.place, format!("unknown language `{}`", short(&tag.value))).known(known.into_iter());
    None
}

/// The expression, made to match from the first to the last character.
fn pattern(text: &At<String>, problems: &mut Problems) -> Option<Regex> {
    let build = |text: &str| RegexBuilder::new(text).size_limit(PATTERN_BYTES).build();
    // By itself first: one that closes a group it has not opened would get out of the anchors.
    match build(&text.value).and_then(|_| build(&format!(r"\A(?:{})\z", text.value))) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            problems
                .error(text.place, format!("`{}` is not a regular expression: {why}", short(&text.value)))
                .hint("such as `\"[A-Z]{2}[0-9]+\"`; quotes keep YAML from reading it");
            None
        }
    }
}
