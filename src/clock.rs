//! The only place that asks the system for the time (a lint forbids it elsewhere).
//!
//! Owns [`Timestamp`] and [`Clock`]. A clock handed to the rest of the program never runs backwards:
//! when the system clock is set back, the highest time seen is held until the system has caught up, so
//! nothing that has expired comes alive again while the program runs.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The instant `seconds` seconds after the Unix epoch.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch: the `NumericDate` of RFC 7519 section 2.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }
}

/// RFC 3339 in UTC, to the second.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.seconds()) {
            Ok(at) => at.fmt(f),
            Err(_) => write!(f, "@{}", self.seconds()),
        }
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A shared source of the time; clones tell the same time.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

struct Source {
    /// Set by hand in tests; `None` reads the system.
    manual: Option<AtomicI64>,
    highest: AtomicI64,
    started: Instant,
    started_at: i64,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::new(None, read_system())
    }

    /// A clock that stands at `start` until it is moved by [`Clock::advance`] or [`Clock::set`].
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self::new(Some(AtomicI64::new(start.0)), start.0)
    }

    fn new(manual: Option<AtomicI64>, start: i64) -> Self {
        Self(Arc::new(Source {
            manual,
            highest: AtomicI64::new(start),
            started: monotonic(),
            started_at: start,
        }))
    }

    /// The time now: never earlier than any time this clock told before.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let read = self.0.read();
        Timestamp(self.0.highest.fetch_max(read, Ordering::Relaxed).max(read))
    }

    /// How far the system's clock has been set away from steadily running time since the start, in
    /// milliseconds; positive is forward. Zero for a manual clock.
    #[must_use]
    pub fn drift_millis(&self) -> i64 {
        if self.0.manual.is_some() {
            return 0;
        }
        let steady = self.0.started_at.saturating_add(millis(self.elapsed()));
        self.0.read().saturating_sub(steady)
    }

    /// Steadily running time since the start, whatever the system's clock is set to. Of a manual clock it is how far it
    /// was moved forward.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match self.0.manual {
            Some(_) => self.now().since(Timestamp(self.0.started_at)),
            None => self.0.started.elapsed(),
        }
    }

    /// Moves a manual clock forward; no effect on the system's.
    pub fn advance(&self, span: Duration) {
        if let Some(manual) = &self.0.manual {
            manual.fetch_add(millis(span), Ordering::Relaxed);
        }
    }

    /// Sets a manual clock, also backwards; no effect on the system's.
    pub fn set(&self, at: Timestamp) {
        if let Some(manual) = &self.0.manual {
            manual.store(at.0, Ordering::Relaxed);
        }
    }
}

impl Source {
    fn read(&self) -> i64 {
        self.manual.as_ref().map_or_else(read_system, |manual| manual.load(Ordering::Relaxed))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that may ask")]
fn read_system() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

#[expect(clippy::disallowed_methods, reason = "the one place that may ask")]
fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_runs_backwards() {
        let clock = Clock::manual(Timestamp::from_seconds(1000));
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now().seconds(), 1005);
        clock.set(Timestamp::from_seconds(10));
        assert_eq!(clock.now().seconds(), 1005);
    }
}
