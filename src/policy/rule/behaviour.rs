//! What is unlike this person.

use std::fmt;
use std::time::Duration;

use super::{Context, Device, Verdict};

/// What each change means; `None`: nothing. There is no change where nothing was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BehaviourRule {
    pub new_device: Option<Verdict>,
    pub new_country: Option<Verdict>,
    pub new_network: Option<Verdict>,
    /// Nobody signed in for this long.
    pub absent_for: Option<Duration>,
    /// What a long absence means.
    pub otherwise: Verdict,
}

/// A kind of change.
const CHANGES: [&str; 4] = ["new device", "new country", "new network", "long absence"];

impl BehaviourRule {
    pub(in crate::policy) fn judge(&self, context: &Context) -> Verdict {
        self.views(context).into_iter().flatten().max().unwrap_or(Verdict::Allow)
    }

    /// What each change says that has come about.
    fn views(&self, context: &Context) -> [Option<Verdict>; 4] {
        let Some(last) = context.past.last else { return [None; 4] };
        let absent = self.absent_for.is_some_and(|period| context.at.since(last) > period);
        [
            self.new_device.filter(|_| context.device == Device::New),
            self.new_country.filter(|_| !context.past.country),
            self.new_network.filter(|_| !context.past.network),
            absent.then_some(self.otherwise),
        ]
    }

    pub(super) fn saw(&self, context: &Context) -> String {
        if context.past.last.is_none() {
            return "the first sign-in".to_owned();
        }
        let views = self.views(context);
        let changes: Vec<&str> =
            CHANGES.into_iter().zip(views).filter(|(_, view)| view.is_some()).map(|(name, _)| name).collect();
        if changes.is_empty() { "as usual".to_owned() } else { changes.join(", ") }
    }
}

impl fmt::Display for BehaviourRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let absence = self.absent_for.map(|_| self.otherwise);
        let listed = [self.new_device, self.new_country, self.new_network, absence];
        let mut parts: Vec<String> = CHANGES
            .into_iter()
            .zip(listed)
            .filter_map(|(name, verdict)| Some(format!("{name}: {}", verdict?.name())))
            .collect();
        parts
            .extend(self.absent_for.map(|period| format!("absence from {} days", period.as_secs() / 86_400)));
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn each_change_says_its_own() {
        let rule = BehaviourRule {
            new_device: Some(Verdict::Challenge),
            new_country: Some(Verdict::Deny),
            new_network: None,
            absent_for: Some(Duration::from_secs(86_400)),
            otherwise: Verdict::Challenge,
        };
        let mut context = Context::at([192, 0, 2, 1].into(), Timestamp::from_seconds(1_000_000));
        assert_eq!(rule.judge(&context), Verdict::Allow, "the first sign-in changes nothing");
        context.past.last = Some(Timestamp::from_seconds(999_000));
        assert_eq!(
            (rule.judge(&context), rule.saw(&context).as_str()),
            (Verdict::Deny, "new device, new country")
        );
        context.past.country = true;
        assert_eq!(rule.judge(&context), Verdict::Challenge);
        context.device = Device::Known;
        assert_eq!((rule.judge(&context), rule.saw(&context).as_str()), (Verdict::Allow, "as usual"));
        context.past.last = Some(Timestamp::from_seconds(1_000_000 - 86_401));
        assert_eq!((rule.judge(&context), rule.saw(&context).as_str()), (Verdict::Challenge, "long absence"));
    }
}
