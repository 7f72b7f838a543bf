//! `config.example.yaml`, made from the schema: every key, its sentence, its default.

use super::read::{Field, Need, Read, Shape};
use super::schema::Root;

const OPENING: &str = "\
# gantry configuration: every key there is, with its default.
#
# Needed are `issuer` and, for every app, `access` and where to answer (`redirect_uris` or a preset). Any
# other key that is left out has the value shown here; a key behind `#` is optional and has no default.
# `gantry check` finds mistakes. A changed file is read again while gantry runs.";

/// An app that is a preset, in front of the one that shows every key.
const PRESET: &str = "  \
  # With a preset: redirect URIs, scopes and the rest are what Rocket.Chat needs.
  rocketchat:
    preset: rocketchat
    url: https://chat.example.org
    access:
      - { group: everyone, policy: standard }

  # Every key of an app:";

/// The text of `config.example.yaml`.
#[must_use]
pub fn example() -> String {
    let mut page = Page(vec![OPENING.to_owned()]);
    if let Shape::Section(fields) = Root::SHAPE {
        for field in fields {
            page.0.push(String::new());
            page.field(field, 0);
        }
    }
    page.0.push(String::new());
    page.0.join("\n")
}

/// Lines.
struct Page(Vec<String>);

impl Page {
    fn line(&mut self, depth: usize, text: &str) {
        self.0.push(format!("{}{text}", "  ".repeat(depth)));
    }

    fn field(&mut self, field: &Field, depth: usize) {
        let name = field.name;
        for line in field.about {
            self.line(depth, &format!("#{line}"));
        }
        match (field.shape, field.need) {
            (Shape::Section(fields), Need::Default("{}")) => self.section(name, fields, depth),
            (Shape::Entries(fields), _) => self.entries(name, fields, depth),
            (_, Need::Optional(value)) => self.line(depth, &format!("# {name}: {value}")),
            (_, Need::Required(value) | Need::List(value) | Need::Default(value)) => {
                self.line(depth, &format!("{name}: {value}"));
            }
        }
    }

    fn section(&mut self, name: &str, fields: &[Field], depth: usize) {
        self.line(depth, &format!("{name}:"));
        for field in fields {
            self.field(field, depth + 1);
        }
    }

    /// Sections with names of their own: apps and policies.
    fn entries(&mut self, name: &str, fields: &[Field], depth: usize) {
        self.line(depth, &format!("{name}:"));
        if name == "apps" {
            self.0.push(PRESET.to_owned());
            self.section("wiki", fields, depth + 1);
        } else {
            self.section("standard", fields, depth + 1);
        }
    }
}
