//! Whatever a file contains, reading it ends with an answer.

use gantry::config::example;
use proptest::collection::vec;
use proptest::prelude::*;

use super::read;

/// An answer that can be printed, of a size a person can read.
fn answers(text: &str) {
    if let Err(error) = read(text) {
        assert!(!error.problems().is_empty());
        assert!(error.to_string().len() < 100_000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut bytes = example().into_bytes();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        answers(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_cut_file_never_panics(from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let text = example();
        let (from, to) = (from.index(text.len()), to.index(text.len()));
        let bytes = &text.as_bytes()[from.min(to)..from.max(to)];
        answers(&String::from_utf8_lossy(bytes));
    }

    #[test]
    fn swapped_lines_never_panic(swaps in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..10)) {
        let text = example();
        let mut lines: Vec<_> = text.lines().collect();
        for (one, other) in swaps {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
        }
        answers(&lines.join("\n"));
    }

    #[test]
    fn values_that_are_anything_never_panic(value in "\\PC{0,40}", key in 0..8_usize) {
        let keys = ["issuer", "listen", "trusted_proxies", "tls", "organisation", "apps", "sign_in", "log"];
        answers(&format!("issuer: https://id.example.org\n{}: {value}\n", keys[key]));
        answers(&format!("apps: {{ a: {{ redirect_uris: [\"{value}\"], url: '{value}' }} }}\n"));
    }
}
