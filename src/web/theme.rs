//! The organisation's accent as a style sheet. Pages carry no inline style, so the one colour that differs
//! between installations is served as `/assets/theme.css`, with every shade chosen to stay readable.

use std::fmt::Write as _;

use super::assets;
use crate::config::Organisation;

/// The text of `/assets/theme.css`.
#[must_use]
pub fn theme_css(organisation: &Organisation) -> String {
    let accent = Colour::parse(&organisation.accent).unwrap_or(DEFAULT);
    let light = Shades::of(accent, LIGHT);
    let dark = Shades::of(accent, DARK);
    let mut css = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        css,
        ":root{{{}}}\n@media (prefers-color-scheme: dark){{:root{{{}}}}}\n",
        light.properties(),
        dark.properties()
    );
    css
}

/// For `?v=` of the style sheet.
#[must_use]
pub fn theme_version(organisation: &Organisation) -> String {
    assets::version(theme_css(organisation).as_bytes())
}

const DEFAULT: Colour = Colour([0x1d, 0x74, 0xf5]);
const WHITE: Colour = Colour([255; 3]);
const BLACK: Colour = Colour([0; 3]);
const INK: Colour = Colour([0x12, 0x16, 0x1c]);

/// WCAG 2.2 success criterion 1.4.3, with a little reserve for rounding.
const READABLE: f64 = 4.6;
/// WCAG 2.2 success criterion 1.4.11.
const VISIBLE: f64 = 3.1;

/// What lies behind the accent; the same values stand in `gantry.css`.
#[derive(Clone, Copy)]
struct Ground {
    page: Colour,
    card: Colour,
    /// Where shades go to stand out from it.
    away: Colour,
}

const LIGHT: Ground = Ground { page: Colour([0xf3, 0xf4, 0xf7]), card: WHITE, away: BLACK };
const DARK: Ground =
    Ground { page: Colour([0x0e, 0x11, 0x16]), card: Colour([0x18, 0x1c, 0x23]), away: WHITE };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Colour([u8; 3]);

impl Colour {
    /// `#rrggbb`.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    fn hex(self) -> String {
        let Self([red, green, blue]) = self;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// This colour with `percent` of `other` in it.
    fn mix(self, other: Self, percent: u16) -> Self {
        let Self([r, g, b]) = self;
        let Self([other_r, other_g, other_b]) = other;
        let channel = |a: u8, b: u8| {
            let sum = u16::from(a) * (100 - percent) + u16::from(b) * percent;
            u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX)
        };
        Self([channel(r, other_r), channel(g, other_g), channel(b, other_b)])
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(self) -> f64 {
        let Self(channels) = self;
        let [red, green, blue] = channels.map(|channel| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// WCAG 2.2, "contrast ratio": 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The nearest shade towards `away` that reaches `ratio` against every colour of `grounds`.
    fn until(self, ratio: f64, away: Self, grounds: &[Self]) -> Self {
        (0..=100)
            .step_by(2)
            .map(|percent| self.mix(away, percent))
            .find(|shade| grounds.iter().all(|ground| shade.contrast(*ground) >= ratio))
            .unwrap_or(away)
    }
}

#[derive(Debug)]
struct Shades {
    /// Buttons, and the text on them.
    accent: Colour,
    on_accent: Colour,
    hover: Colour,
    /// A line around buttons, so that a pale accent still has an edge.
    edge: Colour,
    /// Text, links and the focus ring.
    link: Colour,
    /// A tint behind text.
    soft: Colour,
    /// The glow at the top of the page.
    wash: Colour,
}

impl Shades {
    fn of(accent: Colour, ground: Ground) -> Self {
        // White on the accent is what people expect of a button; where it is only just too faint the
        // accent gives way, where it is hopeless the text turns dark.
        let white = accent.contrast(WHITE) >= 2.9;
        let (on_accent, away) = if white { (WHITE, BLACK) } else { (INK, WHITE) };
        let accent = accent.until(READABLE, away, &[on_accent]);
        Self {
            accent,
            on_accent,
            hover: accent.mix(away, 14),
            edge: accent.until(VISIBLE, ground.away, &[ground.card]),
            link: accent.until(
                READABLE,
                ground.away,
                &[ground.card, ground.page, ground.card.mix(accent, 10)],
            ),
            soft: ground.card.mix(accent, 10),
            wash: ground.page.mix(accent, 16),
        }
    }

    fn properties(&self) -> String {
        [
            ("accent", self.accent),
            ("on-accent", self.on_accent),
            ("accent-hover", self.hover),
            ("accent-edge", self.edge),
            ("link", self.link),
            ("soft", self.soft),
            ("wash", self.wash),
        ]
        .map(|(name, colour)| format!("--{name}:{}", colour.hex()))
        .join(";")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_accent_is_readable_on_light_and_dark(channels: [u8; 3]) {
            for ground in [LIGHT, DARK] {
                let shades = Shades::of(Colour(channels), ground);
                prop_assert!(shades.accent.contrast(shades.on_accent) >= 4.5, "{shades:?}");
                prop_assert!(shades.hover.contrast(shades.on_accent) >= 4.5, "{shades:?}");
                prop_assert!(shades.edge.contrast(ground.card) >= 3.0, "{shades:?}");
                for behind in [ground.card, ground.page, shades.soft] {
                    prop_assert!(shades.link.contrast(behind) >= 4.5, "{shades:?}");
                }
            }
        }
    }

    #[test]
    fn a_usual_blue_keeps_white_text_and_yellow_gets_dark_text() {
        let blue = Shades::of(Colour([0x1d, 0x74, 0xf5]), LIGHT);
        assert_eq!(blue.on_accent, WHITE);
        assert_eq!(Shades::of(Colour([0xff, 0xd4, 0x00]), LIGHT).on_accent, INK);
    }

    #[test]
    fn what_is_not_a_colour_becomes_the_default() {
        for text in ["", "#fff", "red", "#12345g", "#1234567", "}body{", "#é1234"] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
        let mut organisation = crate::web::render::tests::organisation();
        let usual = {
            organisation.accent = DEFAULT.hex();
            theme_css(&organisation)
        };
        organisation.accent = "}*{display:none".into();
        assert_eq!(theme_css(&organisation), usual);
    }

    /// The grounds are written down twice.
    #[test]
    fn the_style_sheet_uses_the_same_grounds() {
        let css = include_str!("../../assets/static/gantry.css");
        for ground in [LIGHT, DARK] {
            assert!(css.contains(&format!("--page: {};", ground.page.hex())));
            assert!(css.contains(&format!("--card: {};", ground.card.hex())));
        }
    }
}
