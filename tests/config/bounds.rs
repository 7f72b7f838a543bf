//! Hostile files are refused before they cost anything.

use super::{read, refusal};

fn refused_with(text: &str, message: &str) {
    let refusal = refusal(text);
    assert!(refusal.contains(message), "{refusal}");
    assert!(refusal.len() < 200_000, "{} bytes of explanation", refusal.len());
}

#[test]
fn an_alias_bomb_does_not_unfold() {
    let level = |level: usize| {
        let below = format!("*a{}", level - 1);
        format!("a{level}: &a{level} [{}]", [below.as_str(); 9].join(", "))
    };
    let levels: Vec<_> = (1..40).map(level).collect();
    let bomb = format!(
        "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]
{}
",
        levels.join(
            "
"
        )
    );
    refused_with(&bomb, "the file is refused: ");
}

#[test]
fn an_alias_cannot_contain_itself() {
    refused_with("issuer: &a [*a]\n", "gantry.yaml:1:");
}

#[test]
fn deep_nesting_is_refused() {
    refused_with(&"[".repeat(100_000), "gantry.yaml:1:");
    refused_with(&format!("a: {}{}", "[".repeat(20), "]".repeat(20)), "gantry.yaml:1:");
    let block: Vec<_> = (0..1000).map(|depth| format!("{}a:", " ".repeat(depth))).collect();
    refused_with(
        &block.join(
            "
",
        ),
        "nested deeper than 16 levels",
    );
    refused_with(&"- ".repeat(100_000), "gantry.yaml:1:");
    refused_with(&"{a: ".repeat(100_000), "gantry.yaml:1:");
}

#[test]
fn a_large_file_is_refused() {
    let text = format!("issuer: https://id.example.org\n#{}", "x".repeat(1024 * 1024));
    refused_with(&text, "gantry.yaml: is larger than 1048576 bytes");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gantry.yaml");
    std::fs::write(&path, &text).expect("written");
    let error = gantry::config::load(&path).expect_err("refused").to_string();
    assert!(error.ends_with("gantry.yaml: is larger than 1048576 bytes\n"), "{error}");
}

#[test]
fn many_mistakes_are_counted_and_not_all_told() {
    let keys: Vec<_> = (0..50_000).map(|number| format!("k{number}: 1")).collect();
    refused_with(&keys.join("\n"), "and 49901 more");
    refused_with(&format!("trusted_proxies: [{}]", "1,".repeat(90_000)), "more\n");
}

#[test]
fn long_lines_are_cut_around_the_mistake() {
    let refusal =
        refusal(&format!("issuer: https://id.example.org\nlog: {{ {}level: 5 }}\n", " ".repeat(5000)));
    assert!(refusal.len() < 500, "{refusal}");
    assert!(refusal.contains("gantry.yaml:2:5015: expected text, found a number"), "{refusal}");
}

#[test]
fn numbers_beyond_every_type_are_refused() {
    for number in
        ["18446744073709551616", "1e999", "-1", "340282366920938463463374607431768211456", "0.5", ".inf"]
    {
        let text = format!("issuer: https://id.example.org\npasswords: {{ min_length: {number} }}\n");
        refused_with(&text, "gantry.yaml:2:26: ");
    }
}

#[test]
fn other_encodings_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gantry.yaml");
    let refused = |bytes: &[u8], message: &str| {
        std::fs::write(&path, bytes).expect("written");
        let error = gantry::config::load(&path).expect_err("refused").to_string();
        assert!(error.contains(message), "{error}");
    };
    let utf16: Vec<u8> = "issuer: x".encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused(&[&[0xff, 0xfe], utf16.as_slice()].concat(), "is UTF-16 or UTF-32");
    refused(&utf16, "is UTF-16 or UTF-32");
    refused(b"issuer: x\nlisten: \xff\n", "is not UTF-8 in line 2");
    refused(b"issuer: x\nlisten: a\0b\n", ":2:10: control character U+0000 in the file");
}

#[test]
fn a_file_that_is_no_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |path: &std::path::Path| gantry::config::load(path).expect_err("refused").to_string();
    assert!(refused(folder.path()).ends_with(": cannot be read: not a file\n"));
    assert!(refused(&folder.path().join("none.yaml")).contains(": cannot be read: "));
    assert!(refused(std::path::Path::new("/dev/zero")).ends_with(": cannot be read: not a file\n"));
}

#[test]
fn keys_of_an_app_are_a_file_of_moderate_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = |name: &str| {
        let text = format!(
            "issuer: https://id.example.org\napps: {{ wiki: {{ redirect_uris: [\"https://wiki.test/cb\"], \
             jwks: {{ file: {name} }}, access: [{{ group: everyone, policy: standard }}] }} }}\n"
        );
        let refused = gantry::config::parse("gantry.yaml", &text, folder.path()).expect_err("refused");
        refused.problems()[0].message.clone()
    };
    std::fs::write(folder.path().join("large"), vec![b' '; 1024 * 1024 + 1]).expect("written");
    assert_eq!(told("large"), "`large`: is too large");
    // A pipe that nobody writes into would be waited for.
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status();
    assert!(made.expect("mkfifo").success());
    assert_eq!(told("pipe"), "`pipe`: is not a file");
    assert_eq!(told("/dev/zero"), "`/dev/zero`: is not a file");
    assert_eq!(told("none"), "`none`: does not exist");
}

#[test]
fn a_byte_order_mark_is_harmless() {
    assert!(read("\u{feff}issuer: https://id.example.org\n").is_ok());
    assert!(read("issuer: https://id.example.org\r\nlisten: 127.0.0.1:1\r\n").is_ok());
}

#[test]
fn a_logo_is_a_small_picture_without_scripts() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("written");
        let text = format!("issuer: https://id.example.org\norganisation: {{ logo: {name} }}\n");
        let loaded = gantry::config::parse("gantry.yaml", &text, folder.path());
        loaded.map_or_else(|error| error.problems()[0].message.clone(), |_| "fine".into())
    };
    assert_eq!(told("a.png", b"\x89PNG\r\n\x1a\nrest"), "fine");
    assert_eq!(told("b.svg", b"<?xml version='1.0'?><svg/>"), "fine");
    assert_eq!(told("c.png", b"<svg/>"), "the logo `c.png` is not a PNG file");
    assert_eq!(told("d.svg", b"\x89PNG"), "the logo `d.svg` is not an SVG file");
    assert_eq!(told("e.svg", b"<svg><ScRipt>x</script></svg>"), "the logo `e.svg` contains `<script`");
    assert_eq!(told("f.gif", b"GIF89a"), "the logo `f.gif` is neither .svg nor .png");
    let large = [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0; 256 * 1024]].concat();
    assert_eq!(told("g.png", &large), "the logo `g.png` is too large");
}
