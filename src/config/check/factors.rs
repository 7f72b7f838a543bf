//! What people can prove beside the first factor.

use crate::config::error::Problems;
use crate::config::meant::Factors;
use crate::config::schema;
use std::collections::BTreeSet;

use crate::factor::Method;

/// The section as it is meant.
pub(super) fn check(written: schema::Factors, problems: &mut Problems) -> Option<Factors> {
    let offered = written.offered?;
    let place = offered.place;
    let offered: BTreeSet<Method> =
        offered.value.into_iter().map(|method: crate::config::read::At<Method>| method.value).collect();
    let stand_in = [Method::RecoveryCode].into();
    if offered.is_subset(&stand_in) {
        problems
            .error(place, "nobody could have any of these")
            .hint("recovery codes stand in for another one: add `totp`, for authenticator apps");
        return None;
    }
    Some(Factors { offered })
}
