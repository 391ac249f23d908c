//! Faults of a policy: impossible values and contradictions.

use std::fmt;
use std::time::Duration;

use super::{Bounds, SettingKey, SettingValue};
use crate::policy::Policy;
use crate::values::SettingDuration;

/// A contradiction or an impossible value in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The key that it is about.
    pub key: &'static str,
    /// The other key that it contradicts, if any.
    pub other: Option<&'static str>,
    /// The fault, worded to follow the key.
    pub text: String,
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.key, self.text)
    }
}

impl Policy {
    /// All faults: impossible numbers, and numbers that contradict each other. The same rules hold for a configuration
    /// and for a change while the service runs.
    pub fn faults(&self) -> Vec<PolicyFault> {
        let mut faults = Vec::new();
        self.faults_of_numbers(&mut faults);
        self.faults_between(&mut faults);
        faults
    }

    fn faults_of_numbers(&self, faults: &mut Vec<PolicyFault>) {
        for key in SettingKey::ALL {
            let Bounds { least, most, is_percentage } = key.bounds();
            let text = match (least, key.of(self), most) {
                (SettingValue::Count(least), SettingValue::Count(count), _) if count < least => {
                    format!("must be at least {least}")
                }
                (_, SettingValue::Count(count), SettingValue::Count(most)) if is_percentage && count > most => {
                    format!("must be at most {most} (percent)")
                }
                (SettingValue::SettingDuration(least), SettingValue::SettingDuration(time), _)
                    if time.is_zero() && !least.is_zero() =>
                {
                    "must be longer than 0s".to_owned()
                }
                _ => continue,
            };
            faults.push(PolicyFault { key: key.as_str(), other: None, text });
        }
    }

    fn faults_between(&self, faults: &mut Vec<PolicyFault>) {
        let (codes, trial, quota) = (&self.verification, &self.trial, &self.quota);
        let mut odds = |key, other, text| faults.push(PolicyFault { key, other: Some(other), text });
        let than = |own: Duration, how: &str, other: &str, theirs: Duration| {
            format!("({}) must be at {how} `{other}` ({})", SettingDuration(own), SettingDuration(theirs))
        };
        let (ttl, cap) = ("verification.code_ttl", "verification.code_cap");
        if codes.code_cap < codes.code_ttl {
            odds(cap, ttl, than(codes.code_cap, "least", ttl, codes.code_ttl));
        }
        if codes.resend_after > codes.code_cap {
            odds("verification.resend_after", cap, than(codes.resend_after, "most", cap, codes.code_cap));
        }
        for reminder in trial.reminders.iter().filter(|reminder| **reminder >= trial.duration) {
            let (reminder, duration) = (SettingDuration(*reminder), SettingDuration(trial.duration));
            let text = format!("has {reminder}, which is not shorter than `trial.duration` ({duration})");
            odds("trial.reminders", "trial.duration", text);
        }
        if quota.threshold > 0 && quota.kept_for_resends >= quota.threshold {
            let text = "leaves nothing of `quota.threshold` to applications".to_owned();
            odds("quota.kept_for_resends", "quota.threshold", text);
        }
    }
}
