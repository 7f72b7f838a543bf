//! How each channel is doing: what waits for it, and whether its peer answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::job::{Channel, MOST_WAITING};
use super::smtp::TlsCache;
use crate::clock::Timestamp;

/// After the first failure of a peer nothing is tried for this long; twice as long after each further one.
const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The state of all channels.
#[derive(Default)]
pub struct Notifier {
    lines: [Line; 6],
    pub(super) tls: TlsCache,
}

#[derive(Default)]
pub(super) struct Line {
    bell: Notify,
    /// Counted in the store.
    stored: AtomicUsize,
    /// Queued since then.
    added: AtomicUsize,
    rest: Mutex<Rest>,
}

/// Since when a peer does not answer.
#[derive(Default, Clone, Copy)]
struct Rest {
    failures: u32,
    until: Option<Timestamp>,
}

impl Notifier {
    /// Something was queued and its batch applied: send it now. Whoever forgets is helped within seconds.
    pub fn ring(&self) {
        for line in &self.lines {
            line.bell.notify_one();
        }
    }

    /// How many letters and messages wait, about.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let both = |line: &Line| line.stored.load(Ordering::Relaxed) + line.added.load(Ordering::Relaxed);
        self.lines.iter().map(both).sum()
    }

    /// Takes a place in the queue, if there is one.
    pub(super) fn admit(&self, channel: Channel) -> bool {
        if self.waiting() >= MOST_WAITING {
            return false;
        }
        self.line(channel).added.fetch_add(1, Ordering::Relaxed);
        true
    }

    pub(super) const fn line(&self, channel: Channel) -> &Line {
        let [mail, sms, voice, push, rocketchat, web_push] = &self.lines;
        match channel {
            Channel::Mail => mail,
            Channel::Sms => sms,
            Channel::Voice => voice,
            Channel::Push => push,
            Channel::Rocketchat => rocketchat,
            Channel::WebPush => web_push,
        }
    }
}

impl Line {
    /// Until something is queued.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// What was queued is in the store from here on, and will be counted.
    pub(super) fn count_from_here(&self) {
        self.added.store(0, Ordering::Relaxed);
    }

    /// So many are in the store.
    pub(super) fn counted(&self, stored: usize) {
        self.stored.store(stored, Ordering::Relaxed);
    }

    /// Whether the peer may be tried.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.rest().until.is_none_or(|until| until <= now)
    }

    /// The peer answers.
    pub(super) fn is_up(&self) {
        *self.rest() = Rest::default();
    }

    /// The peer does not answer; several that failed at the same time count once.
    pub(super) fn is_down(&self, now: Timestamp) {
        let mut rest = self.rest();
        if rest.until.is_some_and(|until| until > now) {
            return;
        }
        let pause = FIRST_REST.saturating_mul(2_u32.saturating_pow(rest.failures)).min(LONGEST_REST);
        *rest = Rest { failures: rest.failures.saturating_add(1), until: Some(now + pause) };
    }

    /// The peer is left alone until then.
    pub(super) fn rests(&self, until: Timestamp) {
        let mut rest = self.rest();
        rest.until = rest.until.max(Some(until));
    }

    fn rest(&self) -> std::sync::MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
