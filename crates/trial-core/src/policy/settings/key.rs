//! Settings that operations may change, their values and ranges.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::policy::{BreakerMode, Policy};
use crate::values::{SettingDuration, SettingDurationError, UnknownName, named};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A part of the policy that operations change, by the name that the configuration has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SettingKey {
    /// Sends to one phone within any hour.
    PhoneSendsPerHour,
    /// Sends to one phone within any 24 hours.
    PhoneSendsPerDay,
    /// Sends in all within one day.
    SmsPerDay,
    /// Sends to one country, other than the default region's, within one day.
    SmsPerCountryDay,
    /// Sends to one number range within one day.
    SmsPerPrefixDay,
    /// Code requests of one client address per hour.
    AddressCodesPerHour,
    /// Applications of one client address per hour.
    AddressApplicationsPerHour,
    /// Requests of one client address per hour without a valid signature where one is required, or without a valid
    /// body.
    AddressFailuresPerHour,
    /// The action on number ranges whose codes are not used.
    BreakerMode,
    /// Codes that must have been sent before a number range is judged.
    BreakerMinSends,
    /// The percentage of codes that must have been used.
    BreakerMinConversion,
    /// The duration of the block of a number range.
    BreakerBlockFor,
    /// The lifetime of a code after each send.
    CodeTtl,
    /// The lifetime of a code over all its resends, at most.
    CodeCap,
    /// The wait before a code may be requested again.
    ResendAfter,
    /// Wrong attempts that invalidate a code.
    MaxTries,
    /// Consecutive wrong attempts that lock a phone.
    MaxFailures,
    /// The duration of a trial.
    TrialDuration,
    /// The grace period: the time in which a trial that has ended can be recovered.
    TrialGrace,
    /// The quarantine of the access codes of a closed tenant.
    Quarantine,
    /// The number of free access codes of a kind at or below which operations are warned.
    LowWater,
    /// E-mails of each day: the daily e-mail limit.
    Threshold,
    /// E-mails of each day that are set aside for operators.
    KeptForResends,
    /// E-mails of each day that owners may cause.
    OwnerMails,
}

named!(@ SettingKey, "setting; `trialgate settings list` shows all", {
    PhoneSendsPerHour => "limits.phone.sends_per_hour",
    PhoneSendsPerDay => "limits.phone.sends_per_day",
    SmsPerDay => "limits.sms_per_day",
    SmsPerCountryDay => "limits.sms_per_country_day",
    SmsPerPrefixDay => "limits.sms_per_prefix_day",
    AddressCodesPerHour => "limits.address.codes_per_hour",
    AddressApplicationsPerHour => "limits.address.applications_per_hour",
    AddressFailuresPerHour => "limits.address.failures_per_hour",
    BreakerMode => "abuse.breaker.mode",
    BreakerMinSends => "abuse.breaker.min_sends",
    BreakerMinConversion => "abuse.breaker.min_conversion",
    BreakerBlockFor => "abuse.breaker.block_for",
    CodeTtl => "verification.code_ttl",
    CodeCap => "verification.code_cap",
    ResendAfter => "verification.resend_after",
    MaxTries => "verification.max_tries",
    MaxFailures => "verification.max_failures",
    TrialDuration => "trial.duration",
    TrialGrace => "trial.grace",
    Quarantine => "pool.quarantine",
    LowWater => "pool.low_water",
    Threshold => "quota.threshold",
    KeptForResends => "quota.kept_for_resends",
    OwnerMails => "quota.owner_mails",
});

/// The value of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingValue {
    /// A count.
    Count(u32),
    /// A duration.
    SettingDuration(Duration),
    /// A twentieth of the daily e-mail limit, also after that changes.
    ShareOfThreshold,
    /// A mode of the fraud guard.
    Mode(BreakerMode),
}

/// The written form of [`SettingValue::ShareOfThreshold`].
const SHARE_OF_THRESHOLD: &str = "threshold/20";

/// A text that is no value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// It is not a whole number in the setting's range.
    #[error("{text:?} is not a whole number from {least} to {most}")]
    Count {
        /// The text that was rejected.
        text: String,
        /// The least that it may be.
        least: SettingValue,
        /// The most that it may be.
        most: SettingValue,
    },
    /// It is no duration.
    #[error(transparent)]
    SettingDuration(#[from] SettingDurationError),
    /// It is none of its names.
    #[error(transparent)]
    Mode(#[from] UnknownName),
    /// It is out of the setting's range.
    #[error("{value} is not from {least} to {most}")]
    Range {
        /// The value that was rejected.
        value: SettingValue,
        /// The least that it may be.
        least: SettingValue,
        /// The most that it may be.
        most: SettingValue,
    },
}

/// The field of the policy that a setting changes.
enum Place<'a> {
    Count(&'a mut u32),
    Large(&'a mut u64),
    Share(&'a mut Option<u32>),
    SettingDuration(&'a mut Duration),
    Mode(&'a mut BreakerMode),
}

impl SettingKey {
    /// The values that a change may set, both ends included. The configuration may go beyond them.
    pub fn range(self) -> (SettingValue, SettingValue) {
        let counts =
            |range: RangeInclusive<u32>| (SettingValue::Count(*range.start()), SettingValue::Count(*range.end()));
        let times = |least, most| (SettingValue::SettingDuration(least), SettingValue::SettingDuration(most));
        match self {
            Self::PhoneSendsPerHour | Self::PhoneSendsPerDay | Self::MaxTries => counts(1..=1_000),
            Self::SmsPerDay | Self::SmsPerCountryDay => counts(1..=100_000_000),
            Self::AddressCodesPerHour | Self::AddressApplicationsPerHour | Self::AddressFailuresPerHour => {
                counts(0..=1_000_000)
            }
            Self::BreakerMode => (SettingValue::Mode(BreakerMode::Off), SettingValue::Mode(BreakerMode::On)),
            Self::BreakerMinConversion => counts(0..=100),
            Self::BreakerBlockFor => times(MINUTE, 30 * DAY),
            Self::MaxFailures | Self::BreakerMinSends => counts(1..=1_000_000),
            Self::Threshold => counts(0..=u32::MAX),
            Self::SmsPerPrefixDay | Self::LowWater | Self::KeptForResends | Self::OwnerMails => counts(0..=100_000_000),
            Self::CodeTtl | Self::CodeCap => times(MINUTE, DAY),
            Self::ResendAfter => times(Duration::ZERO, DAY),
            Self::TrialDuration => times(HOUR, 3_650 * DAY),
            Self::TrialGrace | Self::Quarantine => times(Duration::ZERO, 3_650 * DAY),
        }
    }

    /// Reads a value of this setting.
    ///
    /// # Errors
    /// [`SettingError`] if it has another type, or is out of range.
    pub fn parse(self, text: &str) -> Result<SettingValue, SettingError> {
        if self == Self::OwnerMails && text == SHARE_OF_THRESHOLD {
            return Ok(SettingValue::ShareOfThreshold);
        }
        let (least, most) = self.range();
        let value = match least {
            SettingValue::Count(_) | SettingValue::ShareOfThreshold => {
                let no_count = || SettingError::Count { text: text.to_owned(), least, most };
                SettingValue::Count(count(text).ok_or_else(no_count)?)
            }
            SettingValue::SettingDuration(_) => SettingValue::SettingDuration(SettingDuration::from_str(text)?.0),
            SettingValue::Mode(_) => SettingValue::Mode(text.parse()?),
        };
        let is_within = match (least, value, most) {
            (SettingValue::Count(least), SettingValue::Count(value), SettingValue::Count(most)) => {
                (least..=most).contains(&value)
            }
            (
                SettingValue::SettingDuration(least),
                SettingValue::SettingDuration(value),
                SettingValue::SettingDuration(most),
            ) => (least..=most).contains(&value),
            (SettingValue::Mode(least), SettingValue::Mode(value), SettingValue::Mode(most)) => {
                (least..=most).contains(&value)
            }
            _ => false,
        };
        if is_within { Ok(value) } else { Err(SettingError::Range { value, least, most }) }
    }

    /// The value of the setting in a policy.
    pub fn of(self, policy: &Policy) -> SettingValue {
        let mut policy = policy.clone();
        match self.place(&mut policy) {
            Place::Count(count) => SettingValue::Count(*count),
            Place::Large(count) => SettingValue::Count(u32::try_from(*count).unwrap_or(u32::MAX)),
            Place::Share(count) => count.map_or(SettingValue::ShareOfThreshold, SettingValue::Count),
            Place::SettingDuration(time) => SettingValue::SettingDuration(*time),
            Place::Mode(mode) => SettingValue::Mode(*mode),
        }
    }

    /// Puts a value of this setting into a policy; one of another type is left out.
    pub(super) fn put(self, policy: &mut Policy, value: SettingValue) {
        match (self.place(policy), value) {
            (Place::Count(place), SettingValue::Count(count)) => *place = count,
            (Place::Large(place), SettingValue::Count(count)) => *place = count.into(),
            (Place::Share(place), SettingValue::Count(count)) => *place = Some(count),
            (Place::Share(place), SettingValue::ShareOfThreshold) => *place = None,
            (Place::SettingDuration(place), SettingValue::SettingDuration(time)) => *place = time,
            (Place::Mode(place), SettingValue::Mode(mode)) => *place = mode,
            (Place::Count(_) | Place::Large(_) | Place::Share(_) | Place::SettingDuration(_) | Place::Mode(_), _) => {}
        }
    }

    fn place(self, policy: &mut Policy) -> Place<'_> {
        let Policy { verification, limits, abuse, trial, quota, .. } = policy;
        let breaker = &mut abuse.breaker;
        match self {
            Self::PhoneSendsPerHour => Place::Count(&mut limits.phone_sends_per_hour),
            Self::PhoneSendsPerDay => Place::Count(&mut limits.phone_sends_per_day),
            Self::SmsPerDay => Place::Count(&mut limits.sms_per_day),
            Self::SmsPerCountryDay => Place::Count(&mut limits.sms_per_country_day),
            Self::SmsPerPrefixDay => Place::Count(&mut limits.sms_per_prefix_day),
            Self::AddressCodesPerHour => Place::Count(&mut limits.address.codes_per_hour),
            Self::AddressApplicationsPerHour => Place::Count(&mut limits.address.applications_per_hour),
            Self::AddressFailuresPerHour => Place::Count(&mut limits.address.failures_per_hour),
            Self::BreakerMode => Place::Mode(&mut breaker.mode),
            Self::BreakerMinSends => Place::Count(&mut breaker.min_sends),
            Self::BreakerMinConversion => Place::Count(&mut breaker.min_conversion),
            Self::BreakerBlockFor => Place::SettingDuration(&mut breaker.block_for),
            Self::CodeTtl => Place::SettingDuration(&mut verification.code_ttl),
            Self::CodeCap => Place::SettingDuration(&mut verification.code_cap),
            Self::ResendAfter => Place::SettingDuration(&mut verification.resend_after),
            Self::MaxTries => Place::Count(&mut verification.max_tries),
            Self::MaxFailures => Place::Count(&mut verification.max_failures),
            Self::TrialDuration => Place::SettingDuration(&mut trial.duration),
            Self::TrialGrace => Place::SettingDuration(&mut trial.grace),
            Self::Quarantine => Place::SettingDuration(&mut trial.quarantine),
            Self::LowWater => Place::Large(&mut trial.low_water),
            Self::Threshold => Place::Count(&mut quota.threshold),
            Self::KeptForResends => Place::Count(&mut quota.kept_for_resends),
            Self::OwnerMails => Place::Share(&mut quota.owner_mails),
        }
    }

    /// The effect of the setting, in one line.
    pub const fn what(self) -> &'static str {
        match self {
            Self::PhoneSendsPerHour => "Most codes to one phone within any hour.",
            Self::PhoneSendsPerDay => "Most codes to one phone within any 24 hours.",
            Self::SmsPerDay => "Most codes in all per day.",
            Self::SmsPerCountryDay => "Most codes to one country other than the default region's per day.",
            Self::SmsPerPrefixDay => "Most codes to one number range (10,000 numbers) per day; 0 for no limit.",
            Self::AddressCodesPerHour => "Most code requests of one client address per hour; 0 for no limit.",
            Self::AddressApplicationsPerHour => "Most applications of one client address per hour; 0 for no limit.",
            Self::AddressFailuresPerHour => {
                "Most requests of one client address per hour without a valid signature or body; 0 for no limit."
            }
            Self::BreakerMode => {
                "Mode of the fraud guard for number ranges whose codes are not used: off, shadow (list only) or on."
            }
            Self::BreakerMinSends => "Codes sent to a number range before it is judged.",
            Self::BreakerMinConversion => "Percentage of the codes of a number range that must be used.",
            Self::BreakerBlockFor => "Duration of a number range's block.",
            Self::CodeTtl => "Lifetime of a code after each send.",
            Self::CodeCap => "Longest lifetime of a code, resends included.",
            Self::ResendAfter => "Shortest interval between two code requests.",
            Self::MaxTries => "Wrong attempts that invalidate a code.",
            Self::MaxFailures => "Consecutive wrong attempts, over all codes, that lock a phone.",
            Self::TrialDuration => "Duration of new trials.",
            Self::TrialGrace => "Grace period: an expired trial is suspended for this long before it is closed.",
            Self::Quarantine => "Quarantine of the access codes of a closed tenant.",
            Self::LowWater => "Free access codes of a kind at or below which a warning is sent.",
            Self::Threshold => "E-mails of each day, at most; 0 stops applications.",
            Self::KeptForResends => "E-mails per day that are reserved for operators.",
            Self::OwnerMails => {
                "Most e-mails per day about owners' passwords; they do not count against the daily limit. `threshold/20` follows it."
            }
        }
    }
}

fn count(text: &str) -> Option<u32> {
    // Rust also parses `+5`, which nobody means to write here.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::ShareOfThreshold => f.write_str(SHARE_OF_THRESHOLD),
            Self::SettingDuration(time) => SettingDuration(*time).fmt(f),
            Self::Mode(mode) => mode.fmt(f),
        }
    }
}
