//! Why a policy says what it says, a line for each condition.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::rule::{self, Verdict};
use super::{Context, decisive};
use crate::config::Policy;

/// What one condition saw and said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub rule: Cow<'static, str>,
    pub saw: String,
    pub verdict: Verdict,
    /// A registered device made up for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// It is the one that decided.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decided: bool,
    /// What it wants.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub wants: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, saw, verdict, skipped, wants, decided } = self;
        let verdict = verdict.name();
        let skipped = if *skipped { ", skipped by a registered device" } else { "" };
        let decided = if *decided { ", decided" } else { "" };
        write!(f, "{rule} {saw}: {verdict}{skipped}{decided} ({wants})")
    }
}

/// [`decisive`] with what each condition says.
#[must_use]
pub fn explain(policy: &Policy, context: &Context) -> (Verdict, Vec<Line>) {
    let (verdict, decided) = decisive(policy, context);
    let lines = rule::views(policy, context).into_iter().flatten().map(|view| {
        let (saw, wants) = rule::told(policy, view.condition, context);
        Line {
            rule: view.condition.name().into(),
            saw,
            verdict: view.verdict,
            skipped: view.skipped,
            decided: decided == Some(view.condition),
            wants,
        }
    });
    let lines = lines.collect();
    (verdict, lines)
}
