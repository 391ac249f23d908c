//! The numbers of the rules. The defaults are the contract's; each is a configuration key.

mod fraud_guard;
mod settings;

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use rlibphonenumber::Region;

pub use fraud_guard::{AbusePolicy, BreakerMode};
pub use settings::{
    AddressLimits, Bounds, BreakerPolicy, Limits, Overrides, PolicyFault, PolicyInForce, QuotaPolicy, SettingChange,
    SettingCommand, SettingError, SettingKey, SettingOutcome, SettingRefusal, SettingValue, SettingsInForce,
    TrialPolicy, UniqueBy, VerificationPolicy,
};

use crate::values::{Phone, PhonePolicy, VerificationCode};

/// The least lifetime left for a resend; below it, a new code is created.
pub const MIN_LIFE_LEFT: Duration = Duration::from_mins(2);
/// The span of the short limit of failed sends: six, so that an applicant who presses the button a few times during an
/// outage of the gateway is served as soon as it is back.
pub const FAILED_SENDS_SPAN: Duration = Duration::from_secs(30);
/// The time for which the very same application is answered 000 again.
pub const REPLAY_WINDOW: Duration = Duration::from_hours(24);
/// The default limit of mails that owners cause is the daily e-mail limit divided by this.
pub(crate) const OWNER_SHARE: u32 = 20;
/// The largest difference between clocks of instances. A fact further in the future means that the clock was set back.
pub const CLOCK_SKEW: Duration = Duration::from_mins(1);
/// The largest change of a clock at midnight (daylight saving), in quarters of an hour.
const MOST_PUT_FORWARD: i64 = 8;
/// Days within which the initial password must be used.
pub const ACCOUNT_PASSWORD_VALID_DAYS: u32 = 7;

/// The policy that the planner decides by.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Codes: lifetime, resend, attempts.
    pub verification: VerificationPolicy,
    /// Limits that protect phones and money.
    pub limits: Limits,
    /// Rules against abuse of the paid messages.
    pub abuse: AbusePolicy,
    /// The countries whose phones are served.
    pub phone: PhonePolicy,
    /// The trial itself.
    pub trial: TrialPolicy,
    /// The daily e-mail limit.
    pub quota: QuotaPolicy,
    /// Test numbers, which get no messages and have known codes.
    pub test_numbers: Vec<TestNumber>,
    /// `true` if events about tenants are published to a platform.
    pub platform_listens: bool,
}

/// A phone that gets no messages and has a known code, for tests against a running service.
#[derive(Debug, Clone, PartialEq)]
pub struct TestNumber {
    /// The phone.
    pub phone: Phone,
    /// Its code, in place of a derived one.
    pub code: VerificationCode,
    /// The expiry, after which it is a phone like any other.
    pub until: DateTime<Utc>,
}

impl VerificationPolicy {
    /// Returns `true` if this number of consecutive wrong attempts locks a phone.
    pub fn locks(&self, failures: u32) -> bool {
        failures >= self.max_failures
    }
}

impl Policy {
    /// Returns `true` if a rule uses the counts of number ranges.
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
    /// The day of an instant.
    pub fn day_of(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.timezone).date_naive()
    }

    /// The start of a day: midnight, or the first instant after it if clocks are put forward then.
    pub fn start_of(&self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN);
        let first = (0..=MOST_PUT_FORWARD).find_map(|quarters| {
            let local = midnight + TimeDelta::minutes(15 * quarters);
            self.timezone.from_local_datetime(&local).earliest()
        });
        first.map_or_else(|| midnight.and_utc(), |first| first.to_utc())
    }

    /// Mails of a day that owners may cause while this limit is in force.
    pub fn owner_mails_by(&self, threshold: u32) -> u32 {
        self.owner_mails.unwrap_or_else(|| threshold.div_ceil(OWNER_SHARE))
    }

    /// Units left for applications on a day with this number of reserved units.
    pub fn left(&self, reserved: u32) -> u32 {
        self.threshold.saturating_sub(self.kept_for_resends).saturating_sub(reserved)
    }

    /// This policy as it was at the end of a day, by the changes of `quota.threshold`, newest first; `configured` is the
    /// configuration's threshold.
    #[must_use]
    pub fn at_end_of(&self, day: NaiveDate, changes: &[SettingChange], configured: u32) -> Self {
        let last = changes.iter().find(|change| self.day_of(change.at) <= day);
        let threshold = match last.map(|change| change.value) {
            Some(Some(SettingValue::Count(threshold))) => threshold,
            _ => configured,
        };
        Self { threshold, ..self.clone() }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            verification: VerificationPolicy::default(),
            limits: Limits::default(),
            abuse: AbusePolicy::default(),
            phone: PhonePolicy { default_region: Region::CN, countries: vec![Region::CN] },
            trial: TrialPolicy::default(),
            quota: QuotaPolicy::default(),
            test_numbers: Vec::new(),
            platform_listens: false,
        }
    }
}
