//! What was known when a batch was decided.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::access_codes::HeldCode;
use crate::applications::AcceptedApplication;
use crate::fraud_guard::{PrefixBlock, PrefixBounds};
use crate::policy::Overrides;
use crate::portal::OwnerActs;
use crate::quota::{MailBudget, QuotaUnit};
use crate::tenants::{Tenant, TenantStatus};
use crate::values::{AccessCode, CompanyKey, EmailKey, Phone, PhonePrefix, TenantId};
use crate::verification::{Challenge, PastSend};

/// The rows that a batch's `FactKeys` name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What is known of each phone that was asked for; a phone that was never seen is absent.
    pub phones: BTreeMap<Phone, PhoneFacts>,
    /// Tenants in use that share a phone, address or name that was asked for, each once.
    pub tenants: Vec<TenantFact>,
    /// The access codes.
    pub pool: PoolFacts,
    /// The day's threshold.
    pub quota: QuotaFacts,
    /// Messages sent on the day, by country calling code. Complete if the budget was asked for.
    pub sms_sent: BTreeMap<u16, u32>,
    /// What is known of prefixes.
    pub prefixes: PrefixesFacts,
    /// The tenants that orders are about; one that does not exist is absent.
    pub lives: BTreeMap<TenantId, LifeFacts>,
    /// Settings that are something else than configured: the batch is decided under them.
    pub overrides: Overrides,
}

/// What is known of prefixes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrefixesFacts {
    /// Which counts are in `known`.
    pub bounds: PrefixBounds,
    /// What is known of each prefix that was asked for; one of which nothing is known may be absent.
    pub known: BTreeMap<PhonePrefix, PrefixFacts>,
    /// What operations added to the prefixes that are never blocked; nothing while the breaker is off.
    pub safe: Vec<PhonePrefix>,
}

/// What is known of one prefix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PrefixFacts {
    /// Messages of the day.
    pub messages: i64,
    /// Codes that are judged.
    pub sent: i64,
    /// How many of them were used.
    pub used: i64,
    /// Its last block, whether it is over or not.
    pub block: Option<PrefixBlock>,
}

/// A tenant that an order is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifeFacts {
    /// The tenant.
    pub tenant: Tenant,
    /// The access codes that it holds, or held last.
    pub access_codes: Vec<HeldCode>,
    /// Recent acts of its owner.
    pub acts: OwnerActs,
}

/// What is known of one phone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhoneFacts {
    /// Consecutive wrong tries, over all codes.
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

/// A tenant that may stand in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantFact {
    /// Its id.
    pub id: TenantId,
    /// Where in its life it is; never closed.
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
    /// Free voice codes, the longest-free first; as many as were asked for, if there are.
    pub voice: Vec<AccessCode>,
    /// Free multimedia codes, likewise.
    pub multimedia: Vec<AccessCode>,
}

/// The day's threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaFacts {
    /// The day.
    pub day: NaiveDate,
    /// The threshold in force.
    pub threshold: u32,
    /// Units taken so far.
    pub reserved: u32,
    /// Mails so far that owners caused.
    pub owner_mails: u32,
}

impl QuotaFacts {
    /// Whether nobody gets a unit any more.
    pub(crate) fn is_spent(&self) -> bool {
        self.reserved >= self.threshold
    }

    /// The next unit, which is taken by that.
    pub(crate) fn take_unit(&mut self) -> QuotaUnit {
        self.reserved += 1;
        QuotaUnit { budget: MailBudget::Threshold, day: self.day, unit: self.reserved, threshold: self.threshold }
    }

    /// The next unit for a mail that an owner causes, which is taken by that, if one of `limit` is left.
    pub(crate) fn take_owner_unit(&mut self, limit: u32) -> Option<QuotaUnit> {
        if self.owner_mails >= limit {
            return None;
        }
        self.owner_mails += 1;
        Some(QuotaUnit { budget: MailBudget::Owners, day: self.day, unit: self.owner_mails, threshold: limit })
    }
}
