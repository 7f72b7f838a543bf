//! QR codes as a part of pages.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// A QR code: modules on a side, and the dark ones as the `d` of an SVG path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qr {
    pub size: i32,
    pub path: String,
}

impl Qr {
    /// `text` as a QR code; `None` when it is too long for one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let size = code.size();
        let dark =
            (0..size).flat_map(|y| (0..size).map(move |x| (x, y))).filter(|(x, y)| code.get_module(*x, *y));
        let mut path = String::new();
        for (x, y) in dark {
            // Writing to a string cannot fail.
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
        Some(Self { size, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_begins_with_the_corner_that_scanners_look_for() {
        let code = Qr::of("https://id.example.org/device?user_code=WDJB-MJHT").expect("a code");
        // Seven dark modules in a row, then a light one (ISO/IEC 18004 section 6.3.3).
        assert!(code.size > 20 && code.path.starts_with("M0 0h1v1h-1zM1 0h1v1h-1zM2 0"));
        assert!(code.path.contains("M6 0h") && !code.path.contains("M7 0h"));
        assert_eq!(Qr::of(&"x".repeat(5000)), None);
    }
}
