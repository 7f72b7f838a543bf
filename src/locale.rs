//! Languages: which one a person gets, and the texts (Fluent files, compiled in).

use std::collections::HashMap;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, langid, static_loader};
use jiff::tz::TimeZone;

use crate::clock::Timestamp;

static_loader! {
    static TEXTS = {
        locales: "assets/locales",
        fallback_language: "en",
        // Names are isolated by <bdi> where they stand in a page; marks in the text would end up in titles.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

const EN: LanguageIdentifier = langid!("en");
const DE: LanguageIdentifier = langid!("de");

/// A language pages exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    En,
    De,
}

/// More wishes than this are not read (AZ-21 of the attack list).
const MOST_WISHES: usize = 32;

impl Lang {
    /// All, in the order of the language switch.
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// The language of a page: what the person chose with the switch (`cookie`), else what the app asked for
    /// (`ui_locales`, `OpenID` Connect Core section 3.1.2.1), else what the browser prefers (RFC 9110 section
    /// 12.5.4), else the first one `offered`. Anything unreadable is skipped.
    #[must_use]
    pub fn negotiate(
        ui_locales: Option<&str>,
        cookie: Option<&str>,
        accept_language: Option<&str>,
        offered: &[String],
    ) -> Self {
        let offered = Self::offered(offered);
        let usable = |tag: &str| Self::from_tag(tag).filter(|lang| offered.contains(lang));
        cookie
            .and_then(usable)
            .or_else(|| ui_locales?.split_ascii_whitespace().take(MOST_WISHES).find_map(usable))
            .or_else(|| by_weight(accept_language?).into_iter().find_map(usable))
            .or_else(|| offered.first().copied())
            .unwrap_or(Self::En)
    }

    /// What somebody chose with the switch, else what their browser prefers, if either says anything.
    #[must_use]
    pub fn wished(chosen: Option<Self>, accept_language: Option<&str>) -> Option<Self> {
        chosen.or_else(|| by_weight(accept_language?).into_iter().find_map(Self::from_tag))
    }

    /// Those of the configured tags that pages exist in.
    #[must_use]
    pub fn offered(tags: &[String]) -> Vec<Self> {
        tags.iter().filter_map(|tag| Self::from_tag(tag)).collect()
    }

    /// The language of a tag such as `de` or `de-AT` (RFC 5646 section 2.1: case does not matter).
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?.trim();
        Self::ALL.into_iter().find(|lang| lang.tag().eq_ignore_ascii_case(primary))
    }

    /// For `lang` and the cookie: `en`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// What its speakers call it.
    #[must_use]
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "Deutsch",
        }
    }

    /// The text of `key`; a key that does not exist is its own text.
    #[must_use]
    pub fn text(self, key: &str) -> String {
        self.format(key, &HashMap::new())
    }

    /// The text of `key` about `name`, which is cleaned by [`plain`] first.
    #[must_use]
    pub fn text_about(self, key: &str, argument: &'static str, name: &str) -> String {
        self.format(key, &HashMap::from([(argument, FluentValue::from(plain(name)))]))
    }

    /// The text of `key` with a number in it, which also chooses singular or plural.
    #[must_use]
    pub fn text_counting(self, key: &str, argument: &'static str, number: u64) -> String {
        self.format(key, &HashMap::from([(argument, FluentValue::from(number))]))
    }

    /// The text of `key` with several names, cleaned by [`plain`], and numbers in it.
    #[must_use]
    pub fn text_with(
        self,
        key: &str,
        names: &[(&'static str, &str)],
        numbers: &[(&'static str, u64)],
    ) -> String {
        let names = names.iter().map(|(name, value)| (*name, FluentValue::from(plain(value))));
        let numbers = numbers.iter().map(|(name, value)| (*name, FluentValue::from(*value)));
        self.format(key, &names.chain(numbers).collect())
    }

    /// Day and time as people write them, to the minute, on the clocks of `zone`.
    #[must_use]
    pub fn moment(self, at: Timestamp, zone: &TimeZone) -> String {
        let Ok(moment) = jiff::Timestamp::from_second(at.seconds()) else { return at.to_string() };
        let pattern = match self {
            Self::En => "%-d %B %Y, %H:%M %Z",
            Self::De => "%d.%m.%Y, %H:%M Uhr (%Z)",
        };
        moment.to_zoned_datetime(zone.clone()).strftime(pattern).to_string()
    }

    fn format(self, key: &str, arguments: &HashMap<&'static str, FluentValue<'_>>) -> String {
        let language = match self {
            Self::En => &EN,
            Self::De => &DE,
        };
        TEXTS.lookup_single_language(language, key, Some(arguments)).unwrap_or_else(|_| key.to_owned())
    }
}

/// A name as it may stand in a sentence: without control characters and without those that turn the writing
/// direction around for the rest of the line (PW-23 of the attack list).
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().filter(|&c| !c.is_control() && !is_invisible_mark(c)).collect()
}

const fn is_invisible_mark(c: char) -> bool {
    matches!(
        c,
        '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// The ranges of an `Accept-Language` header, the most wanted first; `q=0` means not wanted.
fn by_weight(header: &str) -> Vec<&str> {
    let mut wishes: Vec<_> = header.split(',').take(MOST_WISHES).filter_map(wish).collect();
    wishes.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    wishes.into_iter().map(|(tag, _)| tag).collect()
}

/// One range and its weight in thousandths.
fn wish(item: &str) -> Option<(&str, u16)> {
    let (tag, weight) = item.split_once(';').unwrap_or((item, "q=1"));
    let weight = thousandths(weight.trim().strip_prefix("q=")?)?;
    (weight > 0).then_some((tag.trim(), weight))
}

/// `0`, `0.8`, `1.000` (RFC 9110 section 12.4.2).
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole = match whole {
        "0" => 0,
        "1" => 1000,
        _ => return None,
    };
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    Some((whole + fraction).min(1000))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn both() -> Vec<String> {
        vec!["en".into(), "de".into()]
    }

    fn preferred(header: &str) -> Lang {
        Lang::negotiate(None, None, Some(header), &both())
    }

    #[test]
    fn the_persons_choice_wins_then_the_app_then_the_browser() {
        let (en, de) = (Some("en"), Some("de"));
        assert_eq!(Lang::negotiate(en, de, en, &both()), Lang::De);
        assert_eq!(Lang::negotiate(de, None, en, &both()), Lang::De);
        assert_eq!(Lang::negotiate(None, None, de, &both()), Lang::De);
        assert_eq!(Lang::negotiate(Some("fr de-CH"), None, en, &both()), Lang::De);
    }

    #[test]
    fn the_first_offered_language_is_the_default() {
        let german_first = ["de".to_owned(), "en".to_owned()];
        assert_eq!(Lang::negotiate(None, None, None, &german_first), Lang::De);
        assert_eq!(Lang::negotiate(Some("fr"), Some(""), Some("*"), &german_first), Lang::De);
        assert_eq!(Lang::negotiate(None, None, None, &[]), Lang::En);
    }

    #[test]
    fn a_language_that_is_not_offered_is_not_used() {
        assert_eq!(Lang::negotiate(Some("de"), Some("de"), Some("de"), &["en".into()]), Lang::En);
    }

    /// RFC 9110 section 12.5.4.
    #[test]
    fn weights_decide_and_zero_refuses() {
        assert_eq!(preferred("en;q=0.5, DE-at;q=0.8"), Lang::De);
        assert_eq!(preferred("fr, de;q=0.3"), Lang::De);
        assert_eq!(preferred("de;q=0, en;q=0.1"), Lang::En);
        assert_eq!(preferred("de;q=9, de;q=0.1234, de;q=x, de;level=1"), Lang::En);
    }

    /// AZ-21 of the attack list.
    #[test]
    fn hostile_wishes_are_harmless() {
        let long = "x".repeat(10_240);
        let many = "fr,".repeat(5_000) + "de";
        for wish in [long.as_str(), many.as_str(), "../../x", "\0", "de\u{202e}", "<b>", ";;;,,,", "é-é"] {
            assert_eq!(Lang::negotiate(Some(wish), Some(wish), Some(wish), &both()), Lang::En, "{wish:.40}");
        }
    }

    #[test]
    fn names_lose_what_turns_text_around() {
        assert_eq!(plain("a\u{202e}b\u{2066}c\n\u{7}d"), "abcd");
        assert_eq!(plain("Zoë 井上 عمر"), "Zoë 井上 عمر");
    }

    #[test]
    fn times_are_written_as_people_write_them() {
        let at = Timestamp::from_seconds(1_795_690_800);
        let berlin = TimeZone::get("Europe/Berlin").expect("zone");
        assert_eq!(Lang::En.moment(at, &berlin), "26 November 2026, 12:00 CET");
        assert_eq!(Lang::De.moment(at, &TimeZone::UTC), "26.11.2026, 11:00 Uhr (UTC)");
    }

    #[test]
    fn an_unknown_key_is_shown_rather_than_failing() {
        assert_eq!(Lang::De.text("no-such-key"), "no-such-key");
    }

    /// Keys (and attributes as `key.attribute`) with the variables their texts use.
    fn keys(lang: Lang) -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::<String, Vec<String>>::new();
        let (mut message, mut current) = (String::new(), String::new());
        for line in texts(lang).lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, _)) = line.split_once(" =") {
                if let Some(attribute) = name.trim_start().strip_prefix('.') {
                    current = format!("{message}.{attribute}");
                } else if !line.starts_with(' ') {
                    message = name.to_owned();
                    current.clone_from(&message);
                }
                assert!(!found.contains_key(&current), "{current} stands twice");
            }
            let variables = line.split('$').skip(1).filter_map(|rest| rest.split([' ', '}']).next());
            let variables = variables.map(str::to_owned);
            found.entry(current.clone()).or_default().extend(variables);
        }
        for variables in found.values_mut() {
            variables.sort();
            variables.dedup();
        }
        found
    }

    fn texts(lang: Lang) -> String {
        ["messages", "pages", "mail"]
            .map(|file| {
                let path = format!("assets/locales/{}/{file}.ftl", lang.tag());
                std::fs::read_to_string(path).expect("a file per language")
            })
            .concat()
    }

    #[test]
    fn every_language_has_the_same_keys_and_variables() {
        assert_eq!(keys(Lang::En), keys(Lang::De));
        assert!(keys(Lang::En).len() > 20);
    }

    #[test]
    fn templates_use_only_keys_that_exist_and_every_key_is_used() {
        let mut used = String::new();
        for folder in ["assets/templates", "src/web/render", "src/notify", "src/notify/web_push"] {
            let entries =
                std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path());
            for file in entries.filter(|path| path.is_file()) {
                used += &std::fs::read_to_string(file).expect("text");
            }
        }
        let keys = keys(Lang::En);
        for key in keys.keys().filter(|key| !key.is_empty() && !key.contains('.')) {
            assert!(used.contains(&format!("\"{key}\"")), "{key} is not used");
        }
        for call in ["frame.t(\"", "frame.about(\"", "frame.named(\""] {
            for key in used.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(keys.contains_key(key), "{key} is missing");
            }
        }
    }
}
