//! `config.example.yaml`, made from the schema: every key, its sentence, its default.

use super::read::{Field, Need, Read, Shape};
use super::schema::Root;

const OPENING: &str = "\
# gantry configuration: every key there is, with its default.
#
# Only `issuer` is required; a key that is left out has the value shown here. Lines that begin with `# `
# and a key are optional parts without a default. `gantry check` finds mistakes, and a changed file is
# read again while gantry runs.
";

/// An app that is a preset, in front of the one that shows every key.
const PRESET: &str = "  \
  # With a preset: redirect URIs, scopes and the rest are what Rocket.Chat needs.
  rocketchat:
    preset: rocketchat
    url: https://chat.example.org
    access:
      - { group: everyone, policy: standard }
";

/// The text of `config.example.yaml`.
#[must_use]
pub fn example() -> String {
    let mut text = OPENING.to_owned();
    if let Shape::Section(fields) = Root::SHAPE {
        for field in fields {
            text.push('\n');
            write_field(&mut text, field, 0);
        }
    }
    text
}

fn write_field(text: &mut String, field: &Field, depth: usize) {
    let indent = "  ".repeat(depth);
    for line in field.about {
        text.push_str(&format!("{indent}#{line}\n"));
    }
    match (field.shape, field.need) {
        (Shape::Section(fields), Need::Default("{}")) => write_section(text, field.name, fields, depth),
        (Shape::Entries(fields), _) => write_entries(text, field.name, fields, depth),
        (_, Need::Optional(value)) => text.push_str(&format!("{indent}# {}: {value}\n", field.name)),
        (_, Need::Required(value) | Need::Default(value)) => {
            text.push_str(&format!("{indent}{}: {value}\n", field.name));
        }
    }
}

fn write_section(text: &mut String, name: &str, fields: &[Field], depth: usize) {
    let live = fields.iter().any(|field| !matches!(field.need, Need::Optional(_)));
    let mark = if live { "" } else { " {}" };
    text.push_str(&format!("{}{name}:{mark}\n", "  ".repeat(depth)));
    fields.iter().for_each(|field| write_field(text, field, depth + 1));
}

/// Sections with names of their own: apps and policies.
fn write_entries(text: &mut String, name: &str, fields: &[Field], depth: usize) {
    text.push_str(&format!("{}{name}:\n", "  ".repeat(depth)));
    let entry = if name == "apps" { "wiki" } else { "standard" };
    if name == "apps" {
        text.push_str(PRESET);
        text.push('\n');
    }
    write_section(text, entry, fields, depth + 1);
}
