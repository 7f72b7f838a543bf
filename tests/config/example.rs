//! `config.example.yaml` is what the schema says, and it can be used.

use std::path::Path;

use gantry::config::{example, load};

#[test]
fn the_example_in_the_repository_is_made_from_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml");
    if std::env::var_os("GANTRY_REWRITE").is_some() {
        std::fs::write(&path, example()).expect("written");
    }
    assert_eq!(std::fs::read_to_string(&path).expect("config.example.yaml"), example());
}

#[test]
fn the_example_is_a_usable_configuration_without_warnings() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml");
    let loaded = load(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.issuer, "https://id.example.org");
    assert_eq!(loaded.config.apps.keys().collect::<Vec<_>>(), ["rocketchat", "wiki"]);
}

#[test]
fn the_example_shows_the_defaults() {
    let written =
        load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml")).expect("usable").config;
    let bare = super::config(
        "issuer: https://id.example.org
apps:
  rocketchat:
    preset: rocketchat
    url: https://chat.example.org
    access: [{ group: everyone, policy: standard }]
  wiki:
    redirect_uris: [https://wiki.example.org/callback]
    access: [{ group: everyone, policy: standard }]
",
    );
    assert_eq!(format!("{written:#?}"), format!("{bare:#?}"));
}
