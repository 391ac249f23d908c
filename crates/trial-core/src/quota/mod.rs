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

/// Use of the daily e-mail limit on one day, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaDay {
    /// The day.
    pub day: NaiveDate,
    /// Units taken.
    pub reserved: u32,
    /// Mails of the day that the mail server accepted.
    pub sent: u64,
    /// Mails of the day that failed.
    pub failed: u64,
    /// Mails of the day that owners caused.
    pub owners: BudgetView,
}

/// A day of the daily e-mail limit under a policy: the one view that all faces print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaView {
    /// The use.
    pub used: QuotaDay,
    /// E-mails of the day, at most.
    pub threshold: u32,
    /// Units that applications can still take.
    pub left: u32,
    /// Mails of the day that owners may cause, at most.
    pub owner_limit: u32,
    /// Mails of the day that owners may still cause.
    pub owner_mails_left: u32,
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

impl QuotaDay {
    /// The day under a policy.
    pub fn under(self, policy: &QuotaPolicy) -> QuotaView {
        let owner_limit = policy.owner_mails_by(policy.threshold);
        QuotaView {
            used: self,
            threshold: policy.threshold,
            left: policy.left(self.reserved),
            owner_limit,
            owner_mails_left: owner_limit.saturating_sub(self.owners.reserved),
        }
    }
}
