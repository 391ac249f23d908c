//! The rules' numbers. Defaults are the contract's; every one is a configuration key.

mod fraud_guard;
mod settings;

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use rlibphonenumber::Region;

pub use fraud_guard::{AbusePolicy, BreakerMode, BreakerPolicy};
pub use settings::{
    Overrides, PolicyFault, PolicyInForce, SettingChange, SettingError, SettingKey, SettingOrder, SettingOutcome,
    SettingRefusal, SettingValue, SettingsInForce,
};

use crate::values::{Phone, PhonePolicy, VerificationCode};

/// A resend that could give the code less life than this makes a new code instead.
pub const MIN_LIFE_LEFT: Duration = Duration::from_mins(2);
/// Failed sends are on average five seconds apart: six within this span, so that an applicant who presses the button a few times
/// while the gateway is away is served as soon as it is back.
pub const FAILED_SENDS_SPAN: Duration = Duration::from_secs(30);
/// How long the very same application is answered 000 again.
pub const REPLAY_WINDOW: Duration = Duration::from_hours(24);
/// Unless it is set, mails that owners cause are one part in this many of the day's threshold.
pub(crate) const OWNER_SHARE: u32 = 20;
/// How far the clocks of two instances may differ. A fact further in the future than this means that the clock was set back.
pub const CLOCK_SKEW: Duration = Duration::from_mins(1);
/// Quarters of an hour that clocks are put forward by at midnight, at most.
const MOST_PUT_FORWARD: i64 = 8;
/// Days within which the initial password must be used.
pub const ACCOUNT_PASSWORD_VALID_DAYS: u32 = 7;

/// Everything that the planner decides by.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Codes: life, resend, tries.
    pub verification: VerificationPolicy,
    /// Limits that protect phones and money.
    pub limits: Limits,
    /// Rules against abuse of the paid messages.
    pub abuse: AbusePolicy,
    /// Whose phones are served.
    pub phone: PhonePolicy,
    /// The trial itself.
    pub trial: TrialPolicy,
    /// The daily e-mail threshold.
    pub quota: QuotaPolicy,
    /// Phones that get no messages, and whose codes are known.
    pub test_numbers: Vec<TestNumber>,
    /// Whether a platform is told of what happens to tenants.
    pub platform_listens: bool,
}

/// A phone that gets no messages, and whose code is known, for tests against a running service.
#[derive(Debug, Clone, PartialEq)]
pub struct TestNumber {
    /// The phone.
    pub phone: Phone,
    /// Its code, in place of any that is made.
    pub code: VerificationCode,
    /// From when on it is a phone like every other.
    pub until: DateTime<Utc>,
}

/// Codes: life, resend, tries.
#[derive(Debug, Clone, PartialEq)]
pub struct VerificationPolicy {
    /// How long a code lives after each send.
    pub code_ttl: Duration,
    /// How long a code lives at most, over all its resends.
    pub code_cap: Duration,
    /// How soon a code may be asked for again.
    pub resend_after: Duration,
    /// Wrong tries that kill a code.
    pub max_tries: u32,
    /// Consecutive wrong tries, over all codes, that lock a phone.
    pub max_failures: u32,
}

/// Limits that protect phones and money.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Sends to one phone within any hour that may have left.
    pub phone_sends_per_hour: u32,
    /// Sends to one phone within any 24 hours that may have left.
    pub phone_sends_per_day: u32,
    /// Sends to one phone within any [`FAILED_SENDS_SPAN`] that failed; no setting.
    pub failed_sends_per_span: u32,
    /// Sends to one phone within any hour that failed; no setting.
    pub failed_sends_per_hour: u32,
    /// Sends in all within one day.
    pub sms_per_day: u32,
    /// Sends to one country code, other than the default region's, within one day.
    pub sms_per_country_day: u32,
    /// Sends to one prefix within one day; 0 turns the limit off.
    pub sms_per_prefix_day: u32,
    /// Requests that one client address may make.
    pub address: AddressLimits,
}

/// Requests that one client address may make, with more for the networks that it is in; 0 turns a limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressLimits {
    /// Code requests per hour.
    pub codes_per_hour: u32,
    /// Applications per hour.
    pub applications_per_hour: u32,
    /// Requests per hour without a valid signature where one is required, or without a valid body where none is.
    pub failures_per_hour: u32,
}

/// The trial itself.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialPolicy {
    /// How long a trial lasts.
    pub duration: Duration,
    /// What one customer is known by.
    pub unique_by: UniqueBy,
    /// How long before the end the owner is reminded of it.
    pub reminders: Vec<Duration>,
    /// How long after its end a trial is suspended and can be recovered, before it is closed.
    pub grace: Duration,
    /// How long the access codes of a closed tenant rest.
    pub quarantine: Duration,
    /// So many free access codes of a kind, or fewer, are too few.
    pub low_water: u64,
}

/// What one customer is known by: a tenant that shares any of these stands in the way of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniqueBy {
    /// The phone.
    pub phone: bool,
    /// The e-mail address.
    pub email: bool,
    /// The company's name.
    pub company: bool,
}

/// The daily e-mail threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaPolicy {
    /// The threshold until operations set one.
    pub first_threshold: u32,
    /// Units of each day that no application gets: for accounts that operations send once more.
    pub kept_for_resends: u32,
    /// Mails of each day that owners may cause, which take no unit of the threshold; `None` for a twentieth of it.
    pub owner_mails: Option<u32>,
    /// Where the day begins at 00:00.
    pub timezone: Tz,
}

impl VerificationPolicy {
    /// Whether so many consecutive wrong tries lock a phone.
    pub fn locks(&self, failures: u32) -> bool {
        failures >= self.max_failures
    }
}

impl Policy {
    /// Whether anything is decided by what is counted of prefixes.
    pub(crate) fn counts_prefixes(&self) -> bool {
        self.abuse.breaker.mode != BreakerMode::Off || self.limits.sms_per_prefix_day > 0
    }

    /// The code of a phone that is a test number at this instant.
    pub fn test_code(&self, phone: &Phone, now: DateTime<Utc>) -> Option<&VerificationCode> {
        let mut numbers = self.test_numbers.iter().filter(|number| number.phone == *phone && now < number.until);
        numbers.next().map(|number| &number.code)
    }
}

impl QuotaPolicy {
    /// The day that an instant counts to.
    pub fn day_of(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.timezone).date_naive()
    }

    /// When a day begins: at midnight, or when the clock that is put forward then has been.
    pub fn start_of(&self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN);
        let first = (0..=MOST_PUT_FORWARD).find_map(|quarters| {
            let local = midnight + TimeDelta::minutes(15 * quarters);
            self.timezone.from_local_datetime(&local).earliest()
        });
        first.map_or_else(|| midnight.and_utc(), |first| first.to_utc())
    }

    /// Mails of a day that owners may cause while this threshold is in force.
    pub fn owner_mails_by(&self, threshold: u32) -> u32 {
        self.owner_mails.unwrap_or_else(|| threshold.div_ceil(OWNER_SHARE))
    }

    /// The threshold that was in force when a day ended, by what operations set, newest first.
    pub fn threshold_at_end_of(&self, day: NaiveDate, set: &[ThresholdChange]) -> u32 {
        let last = set.iter().find(|change| self.day_of(change.since) <= day);
        last.map_or(self.first_threshold, |change| change.threshold)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            verification: VerificationPolicy {
                code_ttl: Duration::from_mins(5),
                code_cap: Duration::from_mins(10),
                resend_after: Duration::from_mins(1),
                max_tries: 5,
                max_failures: 100,
            },
            limits: Limits {
                phone_sends_per_hour: 5,
                phone_sends_per_day: 10,
                failed_sends_per_span: 6,
                failed_sends_per_hour: 30,
                sms_per_day: 10_000,
                sms_per_country_day: 50,
                sms_per_prefix_day: 0,
                address: AddressLimits::default(),
            },
            abuse: AbusePolicy::default(),
            phone: PhonePolicy { default_region: Region::CN, countries: vec![Region::CN] },
            trial: TrialPolicy {
                duration: Duration::from_hours(30 * 24),
                unique_by: UniqueBy { phone: true, email: true, company: true },
                reminders: vec![Duration::from_hours(7 * 24), Duration::from_hours(24)],
                grace: Duration::from_hours(7 * 24),
                quarantine: Duration::from_hours(30 * 24),
                low_water: 20,
            },
            quota: QuotaPolicy { first_threshold: 1_000, kept_for_resends: 0, owner_mails: None, timezone: Tz::UTC },
            test_numbers: Vec::new(),
            platform_listens: false,
        }
    }
}

impl Default for AddressLimits {
    fn default() -> Self {
        Self { codes_per_hour: 30, applications_per_hour: 60, failures_per_hour: 600 }
    }
}

/// A threshold that operations set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThresholdChange {
    /// E-mails per day.
    pub threshold: u32,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Who set it.
    pub actor: String,
}
