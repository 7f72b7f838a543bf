//! How far long work has come: on a terminal one line that changes and goes away, elsewhere a line each time.

use std::io::{IsTerminal, Write};

/// Back to the beginning of the line, and away with what it said.
const CLEAR: &str = "\r\x1b[K";

/// Ends with what it told of, however that ends.
pub(super) struct Progress {
    terminal: bool,
    told: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), told: false }
    }

    pub(super) fn tell(&mut self, how_far: &str) {
        let (before, after) = if self.terminal { (CLEAR, "") } else { ("", "\n") };
        say(&format!("{before}gantry: {how_far}{after}"));
        self.told = true;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal && self.told {
            say(CLEAR);
        }
    }
}

fn say(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // Nobody is told when there is nobody to tell.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
