//! The daily e-mail limit: units, use and views.

use chrono::NaiveDate;

use crate::policy::QuotaPolicy;
use crate::values::named;

/// The budget of a mail. Neither takes units of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailBudget {
    /// The daily e-mail limit: accounts, and lifecycle notices.
    Threshold,
    /// The mails of the day that owners may cause.
    Owners,
}

named!(MailBudget, "budget of e-mails", { Threshold => "threshold", Owners => "owners" });

/// One unit of a day's budget: the `unit`-th mail of `day`, taken while `threshold` was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUnit {
    /// The budget.
    pub budget: MailBudget,
    /// The day, in the policy's time zone.
    pub day: NaiveDate,
    /// Its place in the day, from 1.
    pub unit: u32,
    /// The limit in force when it was taken.
    pub threshold: u32,
}

/// Units that the mails of a day took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    /// The day, in the policy's time zone.
    pub day: NaiveDate,
    /// Units of the daily e-mail limit.
    pub reserved: u32,
    /// Units of the mails that owners may cause.
    pub owner_mails: u32,
}

/// A day of the e-mail limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaView {
    /// The day.
    pub day: NaiveDate,
    /// The limit in force.
    pub threshold: u32,
    /// Units taken.
    pub reserved: u32,
    /// Mails of the day that the mail server accepted.
    pub sent: u64,
    /// Mails of the day that were given up.
    pub failed: u64,
    /// The mails of the day that owners caused.
    pub owners: BudgetView,
}

/// A day of mails that owners caused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BudgetView {
    /// Units taken.
    pub reserved: u32,
    /// Mails of the day that the mail server accepted.
    pub sent: u64,
    /// Mails of the day that were given up.
    pub failed: u64,
}

impl QuotaView {
    /// Units left.
    pub fn left(&self) -> u32 {
        self.threshold.saturating_sub(self.reserved)
    }

    /// Mails that owners may still cause.
    pub fn owner_mails_left(&self, policy: &QuotaPolicy) -> u32 {
        policy.owner_mails_by(self.threshold).saturating_sub(self.owners.reserved)
    }
}
