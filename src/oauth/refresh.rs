//! Refresh tokens: a numbered chain under each grant, so that an old link is recognised and nothing
//! secret is stored.
//!
//! The secret of number *n* is derived from the master key, the grant and *n*. The grant knows only which
//! number is current: the one before it is answered for a short grace (a client may have lost the answer),
//! any older one was stolen or copied and ends the whole grant (RFC 9700 section 4.14.2).

use std::time::Duration;

use super::grant::Grant;
use crate::clock::Timestamp;
use crate::keys::MasterKey;
use crate::secret::{Id, RefreshToken, Token};

/// How long the token before the current one still yields the current one.
pub const GRACE: Duration = Duration::from_secs(10);
/// Older links are looked for this far back.
const MEMORY: u32 = 1000;

/// What a presented refresh token turns out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Presented {
    Current,
    /// Already exchanged, within the grace: the same successor again.
    JustRotated,
    /// Exchanged long ago: somebody has a copy.
    Reused,
    /// Never issued.
    Foreign,
}

/// Token number `generation` of `grant`.
#[must_use]
pub fn token(master: &MasterKey, grant: Id, generation: u32) -> Token<RefreshToken> {
    let input = [&grant.bytes()[..], &generation.to_be_bytes()].concat();
    Token::from_parts(grant, master.derive("refresh token", &input))
}

/// Compares what was presented with the chain of `grant`.
#[must_use]
pub fn recognise(master: &MasterKey, grant: &Grant, sent: &Token<RefreshToken>, now: Timestamp) -> Presented {
    let Some(current) = grant.generation else {
        return Presented::Foreign;
    };
    let is = |generation| sent.proves(&token(master, grant.id, generation).digest());
    if is(current) {
        return Presented::Current;
    }
    let oldest = current.saturating_sub(MEMORY);
    match (oldest..current).rev().find(|generation| is(*generation)) {
        Some(found) if found + 1 == current && now.since(grant.rotated_at) <= GRACE => Presented::JustRotated,
        Some(_) => Presented::Reused,
        None => Presented::Foreign,
    }
}
