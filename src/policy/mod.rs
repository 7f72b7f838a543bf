//! Who may use an app, and what they must prove: pure functions of configuration and person.
//!
//! Owns the decision and its trace. Does not own how a proof is checked (`login`).

use std::collections::BTreeSet;

use serde::Serialize;

use crate::account::GroupName;
use crate::config::{Access, App};

/// What an app says about somebody, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    pub action: Action,
    /// One line per entry looked at, in order, for people who ask why.
    pub trace: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// May use the app under this policy.
    Allow {
        policy: String,
    },
    Deny,
}

/// The first entry of the app's `access` list whose group the person is in; none means no access.
#[must_use]
pub fn access<'a>(app: &'a App, groups: &BTreeSet<GroupName>) -> Option<&'a Access> {
    app.access.iter().find(|access| applies(access, groups))
}

/// [`access`] with its reasons.
#[must_use]
pub fn evaluate(app: &App, groups: &BTreeSet<GroupName>) -> Decision {
    let mut trace = Vec::new();
    for entry in &app.access {
        if applies(entry, groups) {
            trace.push(format!("group {}: member, policy {}", entry.group, entry.policy));
            return Decision { action: Action::Allow { policy: entry.policy.clone() }, trace };
        }
        trace.push(format!("group {}: not a member", entry.group));
    }
    trace.push("no entry applies: no access".to_owned());
    Decision { action: Action::Deny, trace }
}

fn applies(access: &Access, groups: &BTreeSet<GroupName>) -> bool {
    access.group == "everyone" || groups.iter().any(|group| group.as_str() == access.group)
}
