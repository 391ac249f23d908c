//! The facts that a batch is decided by.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::access_codes::HeldCode;
use crate::applications::AcceptedApplication;
use crate::fraud_guard::{RangeBlock, RangeBounds};
use crate::policy::Overrides;
use crate::portal::OwnerActs;
use crate::quota::{MailBudget, QuotaUnit};
use crate::tenants::{Tenant, TenantStatus};
use crate::values::{AccessCode, CompanyKey, EmailKey, NumberRange, Phone, TenantId};
use crate::verification::{Challenge, PastSend};

/// The rows that a batch's `FactKeys` name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The facts about each requested phone; a phone that was never seen is absent.
    pub phones: BTreeMap<Phone, PhoneFacts>,
    /// Tenants in use that have a requested phone, address or name, each once.
    pub tenants: Vec<TenantFact>,
    /// The access codes.
    pub pool: PoolFacts,
    /// The daily e-mail limit.
    pub quota: QuotaFacts,
    /// Messages sent on the day, by country calling code. Complete if the budget was requested.
    pub sms_sent: BTreeMap<u16, u32>,
    /// The facts about number ranges.
    pub prefixes: RangesFacts,
    /// The tenants that commands are about; one that does not exist is absent.
    pub lives: BTreeMap<TenantId, TenantCommandFacts>,
    /// Changed settings: the batch is decided under them.
    pub overrides: Overrides,
}

/// The facts about number ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangesFacts {
    /// The bounds of the counts in `known`.
    pub bounds: RangeBounds,
    /// The facts about each requested range; one without facts may be absent.
    pub known: BTreeMap<NumberRange, RangeFacts>,
    /// The safe list of operations; empty while the fraud guard is off.
    pub safe: Vec<NumberRange>,
}

/// The facts about one number range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RangeFacts {
    /// Messages of the day.
    pub messages: i64,
    /// Codes that are judged.
    pub sent: i64,
    /// The number of them that were used.
    pub used: i64,
    /// Its last block, expired or not.
    pub block: Option<RangeBlock>,
}

/// A tenant that a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantCommandFacts {
    /// The tenant.
    pub tenant: Tenant,
    /// The access codes that it holds, or held last.
    pub access_codes: Vec<HeldCode>,
    /// Recent acts of its owner.
    pub acts: OwnerActs,
}

/// The facts about one phone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhoneFacts {
    /// Consecutive wrong attempts, over all codes.
    pub failures: u32,
    /// Its current code.
    pub challenge: Option<Challenge>,
    /// The code before it, as long as the gateway has not accepted the current one.
    pub previous: Option<Challenge>,
    /// Its sends within the window, oldest first.
    pub sends: Vec<PastSend>,
    /// Its accepted applications within the window, oldest first.
    pub accepted: Vec<AcceptedApplication>,
}

/// A tenant that may be a rival of an application or a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantFact {
    /// Its id.
    pub id: TenantId,
    /// The status; never closed.
    pub status: TenantStatus,
    /// Its phone.
    pub phone: Phone,
    /// Its mailbox.
    pub email: EmailKey,
    /// Its company.
    pub company: CompanyKey,
}

/// The access codes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolFacts {
    /// Free voice codes, the longest-free first, up to the requested number.
    pub voice: Vec<AccessCode>,
    /// Free multimedia codes, likewise.
    pub multimedia: Vec<AccessCode>,
}

/// The daily e-mail limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaFacts {
    /// The day.
    pub day: NaiveDate,
    /// Units taken so far.
    pub reserved: u32,
    /// Mails so far that owners caused.
    pub owner_mails: u32,
}

impl QuotaFacts {
    /// Takes the next unit, under this limit.
    pub(crate) fn take_unit(&mut self, threshold: u32) -> QuotaUnit {
        self.reserved += 1;
        QuotaUnit { budget: MailBudget::Threshold, day: self.day, unit: self.reserved, threshold }
    }

    /// Takes the next unit for a mail that an owner causes; `None` if none of `limit` is left.
    pub(crate) fn take_owner_unit(&mut self, limit: u32) -> Option<QuotaUnit> {
        if self.owner_mails >= limit {
            return None;
        }
        self.owner_mails += 1;
        Some(QuotaUnit { budget: MailBudget::Owners, day: self.day, unit: self.owner_mails, threshold: limit })
    }
}
