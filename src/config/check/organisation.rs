//! How the pages look: name, colour, picture, languages.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::{is_name, optional, resolve, zone};
use crate::config::error::Problems;
use crate::config::meant::{Logo, Organisation};
use crate::config::read::{At, short};
use crate::config::schema::{self, Language};

/// Largest picture: it is kept in memory and sent with every page.
const LOGO_BYTES: u64 = 256 * 1024;

/// White text on the accent must be readable (WCAG 2.2 success criterion 1.4.3 for large text).
const CONTRAST: f64 = 3.0;

pub(super) fn check(
    written: schema::Organisation,
    base: &Path,
    problems: &mut Problems,
) -> Option<Organisation> {
    let name = written.name.and_then(|name| title(name, problems));
    let support = optional(written.support, |address| support(address, problems));
    let logo = optional(written.logo, |path| logo(&path, base, problems));
    let accent = written.accent.and_then(|colour| accent(&colour, problems));
    let languages = written.languages.and_then(|list| languages(&list, problems));
    let time_zone = written.time_zone.and_then(|name| zone(&name, problems));
    Some(Organisation {
        name: name?,
        support: support?,
        logo: logo?,
        accent: accent?,
        languages: languages?,
        time_zone: time_zone?,
    })
}

/// A name that is shown to people.
pub(super) fn title(name: At<String>, problems: &mut Problems) -> Option<String> {
    if is_name(&name.value) {
        return Some(name.value);
    }
    problems
        .error(name.place, "not a name that can be shown")
        .hint("1 to 80 characters, no space at either end");
    None
}

fn support(address: At<String>, problems: &mut Problems) -> Option<String> {
    let text = &address.value;
    let plain = is_name(text) && !text.contains(char::is_whitespace);
    let mail = text.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.'));
    if plain && (text.starts_with("https://") || (mail && !text.contains([':', '/']))) {
        return Some(address.value);
    }
    problems
        .error(address.place, "not an address people can ask")
        .hint("an e-mail address such as `help@example.org`, or an https link");
    None
}

fn languages(list: &At<Vec<At<Language>>>, problems: &mut Problems) -> Option<Vec<String>> {
    if list.value.is_empty() {
        problems.error(list.place, "no language").hint("write `[en]`");
        return None;
    }
    let mut languages = Vec::new();
    for language in &list.value {
        let name = language.value.0.to_owned();
        if languages.contains(&name) {
            problems.error(language.place, format!("`{name}` is listed twice")).hint("keep one of them");
            return None;
        }
        languages.push(name);
    }
    Some(languages)
}

fn accent(colour: &At<String>, problems: &mut Problems) -> Option<String> {
    let Some(luminance) = luminance(&colour.value) else {
        problems
            .error(colour.place, format!("`{}` is not a colour", short(&colour.value)))
            .hint("write it like `\"#1d5fbf\"`, in quotes");
        return None;
    };
    let contrast = 1.05 / (luminance + 0.05);
    if contrast < CONTRAST {
        problems
            .warn(
                colour.place,
                format!("white text on this colour is hard to read (contrast {contrast:.1}:1)"),
            )
            .hint("take a darker one, at least 3:1");
    }
    Some(colour.value.to_lowercase())
}

/// Relative luminance of `#rrggbb` (WCAG 2.2, definitions).
fn luminance(colour: &str) -> Option<f64> {
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let channel = |at: usize| {
        let pair = digits.get(at..at + 2).filter(|pair| pair.chars().all(|c| c.is_ascii_hexdigit()))?;
        let value = f64::from(u8::from_str_radix(pair, 16).ok()?) / 255.0;
        Some(if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) })
    };
    Some(0.2126f64.mul_add(channel(0)?, 0.7152f64.mul_add(channel(2)?, 0.0722 * channel(4)?)))
}

fn logo(written: &At<String>, base: &Path, problems: &mut Problems) -> Option<Logo> {
    let path = resolve(base, written, problems)?;
    let result = read_logo(&path).and_then(|bytes| {
        let media_type = media_type(&path, &bytes)?;
        Ok(Logo { media_type, bytes })
    });
    result
        .map_err(|message| {
            problems.error(written.place, format!("the logo `{}` {message}", short(&written.value))).hint(
                "an SVG or PNG file of at most 256 KiB; relative paths start at the folder of this file",
            );
        })
        .ok()
}

fn read_logo(path: &Path) -> Result<Vec<u8>, String> {
    // A pipe would be waited for.
    let metadata = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !metadata.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LOGO_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > LOGO_BYTES {
        return Err("is too large".to_owned());
    }
    Ok(bytes)
}

/// By name and content, which must agree. An SVG with scripts would run them when opened by itself.
fn media_type(path: &Path, bytes: &[u8]) -> Result<&'static str, String> {
    let extension = path.extension().and_then(|text| text.to_str()).map(str::to_lowercase);
    match extension.as_deref() {
        Some("png") if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Ok("image/png"),
        Some("svg") => {
            let text = std::str::from_utf8(bytes).map_err(|_| "is not an SVG file")?.to_lowercase();
            if !text.contains("<svg") {
                return Err("is not an SVG file".to_owned());
            }
            match ["<script", "<foreignobject", "<!entity", "javascript:"]
                .iter()
                .find(|word| text.contains(**word))
            {
                Some(word) => Err(format!("contains `{word}`")),
                None => Ok("image/svg+xml"),
            }
        }
        Some("png") => Err("is not a PNG file".to_owned()),
        _ => Err("is neither .svg nor .png".to_owned()),
    }
}
