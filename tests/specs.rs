//! The table of specifications keeps its word: every row has a test, and every test it names is there.

use std::fs;

const TABLE: &str = include_str!("../docs/specs.md");

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_row_has_files_and_tests_that_exist() {
    let tables = TABLE.split("| section | what | file | test |\n|---|---|---|---|\n").skip(1);
    let rows = tables.flat_map(|table| table.lines().take_while(|line| line.starts_with("| ")));
    let mut seen = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, _, files, tests] = cells.as_slice() else { panic!("{row}") };
        assert!(quoted(files).count() > 0 && quoted(tests).count() > 0, "{row}");
        for file in quoted(files) {
            assert!(fs::exists(file).expect("folder"), "{file}");
        }
        for (file, test) in quoted(tests).filter_map(|name| name.split_once(": ")) {
            let source = fs::read_to_string(format!("tests/{file}")).expect(file);
            assert!(source.contains(&format!("fn {test}(")), "{file}: {test}");
        }
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
}
