//! Counters of an owner's acts at the portal: the limits of an hour, and the mails of a day that are sent at once.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

use super::PortalAttempt;
use crate::policy::{CLOCK_SKEW, QuotaPolicy};
use crate::tenants::TenantRefusal;
use crate::values::UnknownName;

/// Acts of each kind that the owner of one tenant may do within an hour.
pub const OWNER_ACTS_PER_HOUR: u32 = 10;
/// Links to choose a new password that are mailed to the owner of one tenant in a day, and changes that are each
/// notified by their own mail, at most. Further changes are notified together in one digest.
pub const OWNER_MAILS_AT_ONCE: u32 = 3;

/// An act of an owner that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnerAct {
    /// A request for conversion, or its withdrawal.
    Wish,
    /// A new password, chosen at the portal.
    Password,
    /// The end of every session.
    SignOut,
}

/// The recent acts of a tenant's owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnerActs {
    /// The whole hour since the epoch that the next three count for.
    pub hour: i64,
    /// Requests for conversion, and withdrawals.
    pub wishes: u32,
    /// Passwords chosen at the portal.
    pub passwords: u32,
    /// Ends of every session.
    pub sign_outs: u32,
    /// The day, in the policy's time zone, that the next two count for.
    pub day: NaiveDate,
    /// Links that were mailed.
    pub links: u32,
    /// Changes of the password, by any way.
    pub changes: u32,
    /// The changes that have not been notified yet.
    pub digest: Option<PasswordDigest>,
}

/// Password changes of one day that one mail reports after the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordDigest {
    /// The number of changes on the day, including those that were notified at once.
    pub changes: u32,
    /// The time of the last of them.
    pub last_at: DateTime<Utc>,
    /// The time at which it is due.
    pub due_at: DateTime<Utc>,
}

impl OwnerActs {
    /// Counts an act of this hour.
    ///
    /// # Errors
    /// [`TenantRefusal::TooManyActs`] if the hour allows no more.
    pub(crate) fn count(&mut self, act: OwnerAct, now: DateTime<Utc>) -> Result<(), TenantRefusal> {
        let hour = PortalAttempt::hour_of(now);
        // The clock of another instance may have begun the next hour already.
        if self.hour != hour && self.hour != hour + 1 {
            *self = Self { hour, wishes: 0, passwords: 0, sign_outs: 0, ..*self };
        }
        let until = PortalAttempt::end_of(self.hour);
        let counted = match act {
            OwnerAct::Wish => &mut self.wishes,
            OwnerAct::Password => &mut self.passwords,
            OwnerAct::SignOut => &mut self.sign_outs,
        };
        if *counted >= OWNER_ACTS_PER_HOUR {
            return Err(TenantRefusal::TooManyActs { until });
        }
        *counted += 1;
        Ok(())
    }

    /// Counts a link of this day.
    ///
    /// # Errors
    /// [`TenantRefusal::TooManyLinks`] if the day allows no more.
    pub(crate) fn count_link(&mut self, quota: &QuotaPolicy, now: DateTime<Utc>) -> Result<(), TenantRefusal> {
        self.turn_to(quota.day_of(now));
        if self.links >= OWNER_MAILS_AT_ONCE {
            return Err(TenantRefusal::TooManyLinks);
        }
        self.links += 1;
        Ok(())
    }

    /// Counts a change of the password. Returns `true` if it is notified by its own mail, else by the digest.
    pub(crate) fn count_change(&mut self, quota: &QuotaPolicy, now: DateTime<Utc>) -> bool {
        self.turn_to(quota.day_of(now));
        self.changes += 1;
        if self.changes <= OWNER_MAILS_AT_ONCE {
            return true;
        }
        // The first change that has no mail of its own takes those before it into the digest.
        let more = if self.changes == OWNER_MAILS_AT_ONCE + 1 { self.changes } else { 1 };
        let next_day = self.day.succ_opt().unwrap_or(self.day);
        let due_at = quota.start_of(next_day) + CLOCK_SKEW;
        let told = self.digest.unwrap_or(PasswordDigest { changes: 0, last_at: now, due_at });
        let due_at = told.due_at.min(due_at);
        self.digest = Some(PasswordDigest { changes: told.changes + more, last_at: now, due_at });
        false
    }

    /// Takes the digest if it is due; it counts as sent then.
    pub(crate) fn take_digest(&mut self, now: DateTime<Utc>) -> Option<PasswordDigest> {
        self.digest.take_if(|digest| digest.due_at <= now)
    }

    fn turn_to(&mut self, day: NaiveDate) {
        if self.day != day && Some(self.day) != day.succ_opt() {
            *self = Self { day, links: 0, changes: 0, ..*self };
        }
    }
}

/// The form in a mail: the number of changes, and the time of the last.
impl fmt::Display for PasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.changes, self.last_at.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

/// Changes of a password that a mail notifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ToldChanges {
    pub(crate) changes: u32,
    pub(crate) last_at: DateTime<Utc>,
}

impl FromStr for ToldChanges {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let parts = text.split_once(' ').and_then(|(changes, last_at)| {
            Some(Self { changes: changes.parse().ok()?, last_at: last_at.parse().ok()? })
        });
        parts.ok_or_else(|| UnknownName(text.to_owned(), "number of changed passwords"))
    }
}
