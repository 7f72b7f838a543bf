//! The data folder, read from a file that may be wrong in every other way.
//!
//! Owns the answer to one question: where would a service that was started with this file listen for commands? Whoever
//! must disable an account now cannot wait until the file is good again. Where the answer is not certain there is none:
//! a command must not reach the service of another installation.

use std::path::{Path, PathBuf};

use super::document::{self, Key, Node, Value};
use super::error::{Problems, nearest};
use super::read::{Need, Read, Shape};
use super::schema::Root;

const KEY: &str = "data_dir";

/// Where the file at `path` says that data is; `None` when it says nothing that is certain.
#[must_use]
pub fn data_dir(path: &Path) -> Option<PathBuf> {
    let (text, base) = super::text(path).ok()?;
    written(&text).filter(|dir| !dir.is_empty()).map(|dir| base.join(dir))
}

fn written(text: &str) -> Option<String> {
    match document::parse(text, &mut Problems::default()) {
        Some(Node { value: Value::Map(entries), .. }) => of_entries(&entries),
        Some(_) => None,
        None => of_lines(text),
    }
}

fn of_entries(entries: &[(Key, Node)]) -> Option<String> {
    if let Some((_, node)) = entries.iter().find(|(key, _)| key.text == KEY) {
        return match &node.value {
            Value::Text(dir) => Some(dir.clone()),
            _ => None,
        };
    }
    default().filter(|_| !entries.iter().any(|(key, _)| is_nearly(&key.text)))
}

/// Of a text that is no YAML: the one line with the key, if it makes sense by itself.
fn of_lines(text: &str) -> Option<String> {
    let key = |line: &str| line.split_once(':').is_some_and(|(key, _)| is_nearly(key));
    let lines: Vec<&str> = text.lines().filter(|line| key(line)).collect();
    match lines.as_slice() {
        [line] => match document::parse(line, &mut Problems::default())?.value {
            Value::Map(entries) => of_entries(&entries),
            _ => None,
        },
        [] => default().filter(|_| !text.contains(KEY)),
        _ => None,
    }
}

/// Whether that key was meant.
fn is_nearly(key: &str) -> bool {
    nearest(key, std::iter::once(KEY)).is_some()
}

fn default() -> Option<String> {
    let Shape::Section(fields) = Root::SHAPE else { return None };
    match fields.iter().find(|field| field.name == KEY)?.need {
        Need::Default(dir) => Some(dir.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_is_found_among_mistakes() {
        for (text, expected) in [
            ("data_dir: /srv/a\nlisten: [1\n", Some("/srv/a")),
            ("data_dir: \"/srv/a b\" # ours\nlisten: \"\n", Some("/srv/a b")),
            ("unknown: 1\ndata_dir: /srv/a\n", Some("/srv/a")),
            ("{ data_dir: /srv/a, issuer: 1 }", Some("/srv/a")),
            ("issuer: https://id.example.org\nlisen: 1\n", Some("/var/lib/gantry")),
            ("issuer: [\n", Some("/var/lib/gantry")),
            // Not certain.
            ("data_dri: /srv/a\n", None),
            ("data_dri: /srv/a\nlisten: [\n", None),
            ("{ issuer: x, data_dir: /srv/a", None),
            ("data_dir: /srv/a\ndata_dir: /srv/b\nlisten: [\n", None),
            ("data_dir: [/srv/a]\n", None),
            ("data_dir:\n", None),
            ("nonsense", None),
        ] {
            assert_eq!(written(text).as_deref(), expected, "{text}");
        }
    }
}
