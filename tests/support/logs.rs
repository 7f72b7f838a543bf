//! Everything that any test's service logs, down to the finest level.

use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::EnvFilter;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static START: Once = Once::new();

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Begins to keep the log; every further call does nothing.
pub(crate) fn start() {
    START.call_once(|| {
        let filter = EnvFilter::new("gantry=trace,actix=trace,actix_web=trace,info");
        let log = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(|| Kept);
        log.try_init().expect("nobody else keeps the log");
    });
}

/// What has been logged so far, by all tests together.
pub(crate) fn so_far() -> String {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(lines).expect("logs are UTF-8")
}

/// Whether that has been logged as a word of its own: six digits by chance stand in many an id or time.
pub(crate) fn say(word: &str) -> bool {
    let joins = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '%' | '=');
    let lines = so_far();
    let mut found = lines.match_indices(word);
    found.any(|(at, _)| !lines[..at].ends_with(joins) && !lines[at + word.len()..].starts_with(joins))
}
