//! Every kind of mistake, with the whole text that is told about it.
//!
//! A case is `tests/fixtures/config/NAME.yaml` and the expected `NAME.txt`; the environment variable
//! `GANTRY_REWRITE` writes the latter anew.

use std::fs;
use std::path::{Path, PathBuf};

use super::refusal;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config");
    let files = fs::read_dir(folder).expect("the folder of cases");
    let mut cases: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    cases.sort();
    cases
}

#[test]
fn every_mistake_is_told_with_place_caret_and_hint() {
    let rewrite = std::env::var_os("GANTRY_REWRITE").is_some();
    let cases = cases();
    assert!(cases.len() >= 30, "{} cases", cases.len());
    let mut different = Vec::new();
    for case in cases {
        let told = refusal(&fs::read_to_string(&case).expect("a case"));
        let expected = case.with_extension("txt");
        if rewrite {
            fs::write(&expected, &told).expect("written");
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if told != expected {
            different.push(format!("{}\nexpected:\n{expected}\ntold:\n{told}", case.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
