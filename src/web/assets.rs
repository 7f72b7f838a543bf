//! The files pages load, compiled in and found by their exact name: there is no path to walk, so there is
//! nothing to escape from.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::secret::Digest;

/// One embedded file.
#[derive(Debug)]
pub struct Asset {
    /// What stands after `/assets/`.
    pub name: &'static str,
    /// For `Content-Type`.
    pub content_type: &'static str,
    pub bytes: &'static [u8],
    /// For `?v=` and `ETag`; changes with the content.
    pub version: String,
}

macro_rules! assets {
    ($($name:literal: $content_type:literal,)*) => {
        static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| vec![$(Asset::new(
            $name,
            $content_type,
            include_bytes!(concat!("../../assets/static/", $name)),
        ),)*]);
    };
}

assets! {
    "gantry.css": "text/css; charset=utf-8",
    "once.js": "text/javascript; charset=utf-8",
    "form-post.js": "text/javascript; charset=utf-8",
    "push-worker.js": "text/javascript; charset=utf-8",
    "web-push.js": "text/javascript; charset=utf-8",
    "passkey.js": "text/javascript; charset=utf-8",
    "favicon.svg": "image/svg+xml",
}

impl Asset {
    fn new(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self { name, content_type, bytes, version: version(bytes) }
    }
}

/// The file of exactly this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// Every embedded file.
#[must_use]
pub fn all() -> &'static [Asset] {
    &ASSETS
}

/// A short name for this content: 72 bits of its SHA-256.
#[must_use]
pub fn version(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes);
    let (short, _) = digest.bytes().split_at(9);
    URL_SAFE_NO_PAD.encode(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HL-07 of the attack list.
    #[test]
    fn only_exact_names_are_found() {
        assert!(find("gantry.css").is_some());
        for name in [
            "",
            ".",
            "/gantry.css",
            "./gantry.css",
            "gantry.css/",
            "GANTRY.CSS",
            "gantry.css~",
            "../templates/base.html",
            "%2e%2e%2fgantry.css",
            "..\\gantry.css",
            "gantry.css\0",
            "C:\\gantry.css",
            ".git",
        ] {
            assert!(find(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn a_version_follows_the_content() {
        assert_eq!(version(b"a"), version(b"a"));
        assert_ne!(version(b"a"), version(b"b"));
        assert_eq!(version(b"a").len(), 12);
    }

    /// Pages run under `default-src 'none'`: a style sheet that loads anything would be broken.
    #[test]
    fn files_load_nothing_from_elsewhere() {
        for asset in all() {
            let text = std::str::from_utf8(asset.bytes).expect("text");
            assert!(!text.contains("@import") && !text.contains("url("), "{}", asset.name);
        }
    }
}
