//! When: hours on the clocks of a zone.

use std::fmt;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;

use super::{Context, Verdict};
use crate::clock::Timestamp;

/// When, on the clocks of `zone`.
#[derive(Debug, Clone)]
pub struct TimeRule {
    pub zone: TimeZone,
    pub windows: Vec<Window>,
    /// Days without a window.
    pub off: Vec<Date>,
    pub otherwise: Verdict,
}

/// Some hours on some days. One that ends before it begins goes on into the next day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub days: Vec<Weekday>,
    pub from: Time,
    /// Not in it any more.
    pub to: Time,
}

impl TimeRule {
    pub(super) fn judge(&self, context: &Context) -> Verdict {
        self.judge_at(context.at)
    }

    pub(super) fn judge_at(&self, at: Timestamp) -> Verdict {
        let inside = self.local(at).is_some_and(|now| {
            let open = |date: Date| !self.off.contains(&date);
            self.windows.iter().any(|window| window.contains(now, open))
        });
        if inside { Verdict::Allow } else { self.otherwise }
    }

    /// What the clocks there show.
    pub(super) fn local(&self, at: Timestamp) -> Option<DateTime> {
        let instant = jiff::Timestamp::from_second(at.seconds()).ok()?;
        Some(instant.to_zoned_datetime(self.zone.clone()).datetime())
    }
}

impl Window {
    /// The day a window belongs to is the one it begins on.
    fn contains(&self, now: DateTime, open: impl Fn(Date) -> bool) -> bool {
        let begins_on = |date: Date| self.days.contains(&date.weekday()) && open(date);
        if self.from < self.to {
            return begins_on(now.date()) && self.from <= now.time() && now.time() < self.to;
        }
        let yesterday = now.date().yesterday().ok();
        (begins_on(now.date()) && self.from <= now.time())
            || (yesterday.is_some_and(begins_on) && now.time() < self.to)
    }
}

impl fmt::Display for TimeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, "zone {zone}, {} windows, {} days off", self.windows.len(), self.off.len())?;
        write!(f, ", otherwise {}", self.otherwise.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let instant: jiff::Timestamp = text.parse().expect(text);
        Timestamp::from_seconds(instant.as_second())
    }

    fn rule(windows: &[(&[Weekday], &str, &str)], off: &[&str]) -> TimeRule {
        let time = |text: &str| text.parse::<Time>().expect("a time");
        TimeRule {
            zone: TimeZone::get("Europe/Berlin").expect("a zone"),
            windows: windows
                .iter()
                .map(|(days, from, to)| Window { days: days.to_vec(), from: time(from), to: time(to) })
                .collect(),
            off: off.iter().map(|date| date.parse().expect("a date")).collect(),
            otherwise: Verdict::Deny,
        }
    }

    fn inside(rule: &TimeRule, instant: &str) -> bool {
        let context = Context::at([192, 0, 2, 1].into(), at(instant));
        rule.judge(&context) == Verdict::Allow
    }

    #[test]
    fn windows_are_on_the_clocks_of_their_zone() {
        const WORK: &[Weekday] = &[Weekday::Monday, Weekday::Tuesday, Weekday::Friday];
        let office = rule(&[(WORK, "07:00", "20:00")], &["2026-12-25"]);
        // Winter: 07:00 there is 06:00Z; summer: 05:00Z.
        for (instant, expected) in [
            ("2026-11-23T06:00:00Z", true),
            ("2026-11-23T05:59:59Z", false),
            ("2026-11-23T18:59:59Z", true),
            ("2026-11-23T19:00:00Z", false),
            ("2026-07-06T05:00:00Z", true),
            ("2026-07-06T04:59:59Z", false),
            ("2026-11-25T10:00:00Z", false),
            ("2026-12-25T10:00:00Z", false),
        ] {
            assert_eq!(inside(&office, instant), expected, "{instant}");
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_begins_on() {
        let night = rule(&[(&[Weekday::Friday], "22:00", "06:00")], &[]);
        for (instant, expected) in [
            ("2026-11-27T21:00:00Z", true),
            ("2026-11-28T04:59:59Z", true),
            ("2026-11-28T05:00:00Z", false),
            ("2026-11-28T21:00:00Z", false),
            ("2026-11-27T04:00:00Z", false),
        ] {
            assert_eq!(inside(&night, instant), expected, "{instant}");
        }
        // The hour that comes twice is in it twice, the one that is left out is not missed.
        let sunday = rule(&[(&[Weekday::Sunday], "02:00", "03:00")], &[]);
        assert!(inside(&sunday, "2026-10-25T00:30:00Z") && inside(&sunday, "2026-10-25T01:30:00Z"));
        assert!(!inside(&sunday, "2026-03-29T00:59:59Z") && !inside(&sunday, "2026-03-29T01:00:00Z"));
    }

    proptest::proptest! {
        #[test]
        fn windows_are_what_the_minutes_of_a_week_say(
            windows in proptest::collection::vec((0_i8..7, 0_i32..1440, 0_i32..1440), 1..4),
            minute in 0_i32..10_080,
        ) {
            // A model: every minute of a week in UTC that a window covers, from Monday on, round the week's end.
            let mut open = vec![false; 10_080];
            let mut meant = Vec::new();
            for (day, from, to) in windows.into_iter().filter(|(_, from, to)| from != to) {
                let length = (to - from).rem_euclid(1440);
                for minute in 0..length {
                    let at = (i32::from(day) * 1440 + from + minute) % 10_080;
                    open[usize::try_from(at).expect("positive")] = true;
                }
                let time = |minutes: i32| {
                    let (hour, minute) = (i8::try_from(minutes / 60), i8::try_from(minutes % 60));
                    Time::new(hour.expect("small"), minute.expect("small"), 0, 0).expect("a time")
                };
                let days = vec![Weekday::from_monday_zero_offset(day).expect("a day")];
                meant.push(Window { days, from: time(from), to: time(to) });
            }
            let rule = TimeRule { zone: TimeZone::UTC, windows: meant, off: Vec::new(), otherwise: Verdict::Deny };
            // A Monday.
            let now = at("2026-11-23T00:00:00Z") + std::time::Duration::from_secs(60 * u64::try_from(minute).expect("positive"));
            let inside = rule.judge_at(now) == Verdict::Allow;
            proptest::prop_assert_eq!(inside, open[usize::try_from(minute).expect("positive")]);
        }
    }
}
