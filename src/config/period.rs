//! Lengths of time as people write them: `60s`, `10m`, `8h`, `30d`.

use std::time::Duration;

use super::document::{Node, Value};
use super::error::Problems;
use super::read::{Read, short};

/// Nothing here is meant to last longer than this.
const LONGEST: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// More than nothing, at most ten years, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Period(Duration);

impl Period {
    /// Reads `60s` and its like; the error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not a length of time", short(text));
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit: u64 = match text.strip_prefix(digits) {
            Some("s") => 1,
            Some("m") => 60,
            Some("h") => 60 * 60,
            Some("d") => 24 * 60 * 60,
            _ => return Err(wrong()),
        };
        // `parse` alone would take a plus sign.
        if !digits.chars().all(|c| c.is_ascii_digit()) {
            return Err(wrong());
        }
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let length = Duration::from_secs(number.saturating_mul(unit));
        if length.is_zero() {
            return Err("a length of time must be more than nothing".to_owned());
        }
        if length > LONGEST {
            return Err(format!("`{}` is more than ten years", short(text)));
        }
        Ok(Self(length))
    }

    /// The same for the rest of the program.
    pub(super) const fn length(self) -> Duration {
        self.0
    }
}

impl Read for Period {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let result = match &node.value {
            Value::Text(text) => Self::parse(text),
            Value::Number(_) | Value::Fraction(_) => Err("a length of time needs a unit".to_owned()),
            other => Err(format!("expected a length of time, found {}", other.kind())),
        };
        result
            .inspect_err(|message| {
                problems.error(node.place, message).hint("write it like `60s`, `10m`, `8h` or `30d`");
            })
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_whole_number_and_one_unit() {
        let seconds = |text| Period::parse(text).map(|period| period.length().as_secs()).ok();
        assert_eq!(seconds("60s"), Some(60));
        assert_eq!(seconds("10m"), Some(600));
        assert_eq!(seconds("8h"), Some(28_800));
        assert_eq!(seconds("30d"), Some(2_592_000));
        for wrong in ["", "s", "1", "1w", "-1h", "1.5h", "1h30m", " 1h", "1 h", "0s", "+1s", "4000d"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
        assert_eq!(seconds("99999999999999999999d"), None);
    }
}
