//! A batch: the requests that arrived while the previous transaction committed, which are decided together.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};

use crate::applications::Application;
use crate::fraud_guard::RangeBounds;
use crate::policy::{Policy, REPLAY_WINDOW};
use crate::tenants::{TenantAction, TenantCommand};
use crate::values::{
    ApplicationId, AuditId, ChallengeId, CodeRequestId, CompanyKey, EmailKey, EventId, ID_ENTROPY, MailId, NumberRange,
    Phone, TenantId,
};
use crate::verification::{CodeRequest, SendReport};

/// One thing to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A visitor asks for a code.
    SendCode(CodeRequest),
    /// A gateway reports the result of a message.
    SendReport(SendReport),
    /// A visitor applies for a trial.
    Apply(Application),
    /// A command about a tenant.
    Tenant(TenantCommand),
}

/// The ids that one request may need, drawn before planning so that planning again gives the same plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshIds {
    /// For the record of a code request.
    pub code_request: CodeRequestId,
    /// For a new code.
    pub challenge: ChallengeId,
    /// For the record of an application.
    pub application: ApplicationId,
    /// For a new tenant.
    pub tenant: TenantId,
    /// For its mail.
    pub mail: MailId,
    /// For its audit entry.
    pub audit: AuditId,
    /// For the audit entry of an agreement to the terms.
    pub agreement: AuditId,
    /// The id of the event for the platform.
    pub event: EventId,
}

impl FreshIds {
    /// Entropy that one request takes, in bytes.
    pub const ENTROPY: usize = 4 * ID_ENTROPY;

    /// Draws the ids of one request from this instant and these random bytes. A request is either for a code or an
    /// application, so ids of different tables may share their bytes.
    pub fn new(now: DateTime<Utc>, entropy: &[u8; Self::ENTROPY]) -> Self {
        let part = |place: usize| std::array::from_fn(|byte| entropy[place * ID_ENTROPY + byte]);
        Self {
            code_request: CodeRequestId::new(now, part(0)),
            challenge: ChallengeId::new(now, part(1)),
            application: ApplicationId::new(now, part(0)),
            tenant: TenantId::new(now, part(1)),
            mail: MailId::new(now, part(2)),
            audit: AuditId::new(now, part(3)),
            agreement: AuditId::new(now, part(2)),
            event: EventId::new(now, part(3)),
        }
    }
}

/// Requests that are decided together, in their order, at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The instant.
    pub now: DateTime<Utc>,
    /// The requests, each with its fresh ids.
    pub requests: Vec<(FreshIds, Request)>,
}

/// Every row that planning a batch needs. Storage loads these and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactKeys {
    /// The day of the quota and the SMS budget.
    pub day: NaiveDate,
    /// The start of the window of past sends and accepted applications that count.
    pub since: DateTime<Utc>,
    /// Phones.
    pub phones: BTreeSet<Phone>,
    /// Phones whose past sends are needed.
    pub sends_of: BTreeSet<Phone>,
    /// Phones whose accepted applications are needed.
    pub accepted_of: BTreeSet<Phone>,
    /// The phones whose tenants are looked up.
    pub tenants_by_phone: BTreeSet<Phone>,
    /// Addresses whose tenants are looked up.
    pub tenants_by_email: BTreeSet<EmailKey>,
    /// Company names whose tenants are looked up.
    pub tenants_by_company: BTreeSet<CompanyKey>,
    /// The number of free access codes of each kind that may be needed, the longest-free first.
    pub access_codes: usize,
    /// `true` if the SMS budget is needed.
    pub sms_budget: bool,
    /// Number ranges of which messages of the day, judged codes and the last block are needed; with any, the safe list
    /// is too.
    pub prefixes: BTreeSet<NumberRange>,
    /// The counts of them that are needed.
    pub prefix_bounds: RangeBounds,
    /// Tenants that commands are about: the whole of them, with the access codes that they hold or held last.
    pub lives: BTreeSet<TenantId>,
    /// Tenants whose rivals are looked up: those in use with the same phone, address or name.
    pub rivals_of: BTreeSet<TenantId>,
}

impl Batch {
    /// Names every row that planning will need.
    pub fn fact_keys(&self, policy: &Policy) -> FactKeys {
        let mut keys = self.no_keys(policy);
        for (_, request) in &self.requests {
            keys.add(request, policy);
        }
        keys
    }

    /// Names every row that screening will need.
    pub fn screen_keys(&self, policy: &Policy) -> FactKeys {
        let mut keys = self.no_keys(policy);
        for (_, request) in &self.requests {
            if let Request::Apply(application) = request {
                keys.phones.insert(application.phone.clone());
                keys.accepted_of.insert(application.phone.clone());
            }
        }
        keys
    }

    fn no_keys(&self, policy: &Policy) -> FactKeys {
        FactKeys {
            day: policy.quota.day_of(self.now),
            since: self.now - REPLAY_WINDOW,
            phones: BTreeSet::new(),
            sends_of: BTreeSet::new(),
            accepted_of: BTreeSet::new(),
            tenants_by_phone: BTreeSet::new(),
            tenants_by_email: BTreeSet::new(),
            tenants_by_company: BTreeSet::new(),
            access_codes: 0,
            sms_budget: false,
            prefixes: BTreeSet::new(),
            prefix_bounds: RangeBounds::of(policy, self.now),
            lives: BTreeSet::new(),
            rivals_of: BTreeSet::new(),
        }
    }
}

impl FactKeys {
    fn add(&mut self, request: &Request, policy: &Policy) {
        match request {
            Request::SendCode(CodeRequest { phone, .. }) => {
                self.add_sends(phone);
                self.prefixes.extend(policy.counts_prefixes().then(|| phone.prefix()));
            }
            Request::SendReport(SendReport { phone, .. }) => self.add_sends(phone),
            Request::Apply(application) => {
                let by = policy.trial.unique_by;
                self.phones.insert(application.phone.clone());
                self.accepted_of.insert(application.phone.clone());
                self.tenants_by_phone.extend(by.phone.then(|| application.phone.clone()));
                self.tenants_by_email.extend(by.email.then(|| application.email.key().clone()));
                self.tenants_by_company.extend(by.company.then(|| application.company.key().clone()));
                self.access_codes += 1;
            }
            Request::Tenant(TenantCommand { tenant, order, .. }) => {
                self.lives.insert(*tenant);
                self.rivals_of.extend((*order == TenantAction::Reopen).then_some(*tenant));
            }
        }
    }

    fn add_sends(&mut self, phone: &Phone) {
        self.phones.insert(phone.clone());
        self.sends_of.insert(phone.clone());
        self.sms_budget = true;
    }
}
