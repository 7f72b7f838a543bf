//! What people can prove beside the first factor.

use crate::config::error::Problems;
use crate::config::meant::Factors;
use crate::config::schema;
use crate::factor::{Method, method};

/// The section as it is meant.
pub(super) fn check(written: schema::Factors, problems: &mut Problems) -> Option<Factors> {
    let offered = written.offered?;
    let place = offered.place;
    let offered =
        offered.value.into_iter().map(|method: crate::config::read::At<Method>| method.value).collect();
    if method::enrollable(&offered).is_empty() {
        problems
            .error(place, "nobody could enrol any of these while signing in")
            .hint("add `totp`, for authenticator apps");
        return None;
    }
    Some(Factors { offered })
}
