//! Policies that would shut every administrator out, as far as the file alone can tell.

use std::collections::{BTreeMap, BTreeSet};

use crate::account::GroupName;
use crate::config::error::{Place, Problems};
use crate::config::meant::{Challenge, Config};
use crate::config::read::short;
use crate::policy;
use crate::policy::lock_out::{Provable, shut};

/// `places` are those of the policies' names.
pub(super) fn check(config: &Config, places: &BTreeMap<String, Place>, problems: &mut Problems) {
    let place = |name: &str| places.get(name).copied().unwrap_or(Place::NONE);
    for (name, policy) in &config.policies {
        for kind in &policy.challenge {
            let Challenge::Method(method) = kind else { continue };
            if !config.factors.offered.contains(method) {
                let (name, method) = (short(name), method.name());
                problems
                    .warn(
                        place(&name),
                        format!("`{method}` answers a challenge of the policy `{name}`, and is not offered"),
                    )
                    .hint("`factors.offered` lists what may be used");
            }
        }
    }
    let group = config.admin_group.as_deref().and_then(|group| group.parse::<GroupName>().ok());
    let Some(groups) = group.map(|group| BTreeSet::from([group])) else { return };
    let provable = Provable::by_anybody(config);
    let used = config.apps.values().filter_map(|app| policy::of(config, app, &groups));
    for (name, policy) in used.collect::<BTreeMap<_, _>>() {
        if let Some(why) = shut(policy, config, &provable) {
            let message = format!("no administrator could ever pass the policy `{}`: {why}", short(name));
            problems.error(place(name), message).hint(why.hint());
        }
    }
}
