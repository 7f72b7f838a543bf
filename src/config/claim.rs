//! Claims that an app gets besides the standard ones: from an attribute, always the same, or put together.

use std::fmt;

/// Where the value of a claim comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimSource {
    /// An attribute of the person, or `username`, `name`, `email`, `groups`, `roles`.
    Attribute(String),
    Value(String),
    Template(Template),
}

/// Text with `{attribute}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Attribute(String),
}

/// Why a text is no template.
#[derive(Debug, PartialEq, Eq)]
pub struct BadTemplate;

impl fmt::Display for BadTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a `{` without `}`, or nothing between them")
    }
}

impl Template {
    /// Reads `"{given_name} {family_name}"`.
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or(BadTemplate)?;
            if name.is_empty() || name.contains('{') || before.contains('}') {
                return Err(BadTemplate);
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Attribute(name.to_owned()));
            rest = after;
        }
        if rest.contains('}') {
            return Err(BadTemplate);
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The text with each attribute's value; `None` when one is missing.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Option<String> {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => Some(text.clone()),
                Part::Attribute(name) => value(name),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_or_left_out() {
        let value = |name: &str| (name != "gone").then(|| name.to_uppercase());
        let filled = |text| Template::parse(text).expect(text).fill(value);
        assert_eq!(filled("{a} {b}!").as_deref(), Some("A B!"));
        assert_eq!(filled("plain").as_deref(), Some("plain"));
        assert_eq!(filled("{a}{gone}"), None);
        for bad in ["{", "}", "{}", "{a", "a}", "{a{b}}", "}{a}"] {
            assert_eq!(Template::parse(bad), Err(BadTemplate), "{bad}");
        }
    }
}
