//! A ledger in memory: plain maps of the records. The model that other ledgers are compared with.

mod clients;
mod events;
mod facts;
mod number_ranges;
mod operations;
mod operators;
mod outbox;
mod persist;
mod portal;
mod privacy;
mod receipts;
mod settings;
mod upkeep;
mod violations;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use trial_core::access_codes::AccessCodeState;
use trial_core::applications::ApplicationRecord;
use trial_core::audit::AuditRecord;
use trial_core::clients::ApiClient;
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{CountSpan, RangeBlock, RangeCounts, SafeRange};
use trial_core::mails::{MailAttempt, MailRecord, MailState};
use trial_core::operators::{Operator, SecretHash, Session};
use trial_core::planner::{Batch, Effects, Outcome, Planner};
use trial_core::platform::{EndpointId, EventView};
use trial_core::policy::{SettingChange, SettingsInForce};
use trial_core::portal::{OwnPassword, OwnerActs, PortalSession};
use trial_core::ports::{Screen, TrialLedger};
use trial_core::sms::Delivery;
use trial_core::tenants::Tenant;
use trial_core::values::{
    AccessCode, AccessCodeKind, ApiClientId, ApplicationId, ChallengeId, CodeRequestId, LeaseId, MailId, NumberRange,
    OperatorId, Phone, TenantId,
};
use trial_core::verification::{Challenge, CodeRequestRecord, PhoneRecord};
use trial_core::warnings::Warning;

/// A ledger in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger(Arc<Mutex<MemoryState>>);

/// The state of a ledger.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemoryState {
    /// Phones with a code.
    pub phones: BTreeMap<Phone, PhoneRecord>,
    /// Codes.
    pub challenges: BTreeMap<ChallengeId, Challenge>,
    /// Requests for a code.
    pub code_requests: BTreeMap<CodeRequestId, KeptCodeRequest>,
    /// Messages sent, by day and country calling code.
    pub sms_days: BTreeMap<(NaiveDate, u16), u32>,
    /// Counts, by range and span.
    pub prefix_spans: BTreeMap<(NumberRange, CountSpan), RangeCounts>,
    /// The last block of each range.
    pub prefix_blocks: BTreeMap<NumberRange, RangeBlock>,
    /// The safe list.
    pub safe_prefixes: BTreeMap<NumberRange, SafeRange>,
    /// Tenants.
    pub tenants: BTreeMap<TenantId, Tenant>,
    /// The pool.
    pub access_codes: BTreeMap<AccessCode, KeptAccessCode>,
    /// The outbox.
    pub mails: BTreeMap<MailId, KeptMail>,
    /// Applications.
    pub applications: BTreeMap<ApplicationId, ApplicationRecord>,
    /// Settings in force that operators changed.
    pub settings: SettingsInForce,
    /// Every change of a setting, oldest first.
    pub setting_changes: Vec<SettingChange>,
    /// Warnings, by day and name.
    pub warnings: BTreeMap<(NaiveDate, String), Warning>,
    /// The time of the last sweep.
    pub clock_mark: Option<DateTime<Utc>>,
    /// Units taken, by day.
    pub reserved: BTreeMap<NaiveDate, u32>,
    /// Mails that owners caused, by day.
    pub owner_mails: BTreeMap<NaiveDate, u32>,
    /// The audit, in order of writing.
    pub audit: Vec<AuditRecord>,
    /// Events for the platform, in order.
    pub events: Vec<KeptEvent>,
    /// Endpoints that answered 410, with time and reply.
    pub gone: BTreeMap<EndpointId, (DateTime<Utc>, String)>,
    /// Operators, revoked ones too.
    pub operators: BTreeMap<OperatorId, Operator>,
    /// Their sessions.
    pub sessions: BTreeMap<SecretHash, Session>,
    /// API clients, removed ones too.
    pub callers: BTreeMap<ApiClientId, ApiClient>,
    /// Signatures of clients, with their expiry.
    pub caller_signatures: BTreeMap<[u8; 32], DateTime<Utc>>,
    /// Own passwords of owners, by tenant.
    pub own_passwords: BTreeMap<TenantId, OwnPassword>,
    /// Sessions of owners.
    pub portal_sessions: BTreeMap<SecretHash, PortalSession>,
    /// Attempts to sign in, by hour and by account or address.
    pub portal_tries: BTreeMap<(i64, [u8; 32]), u32>,
    /// Recent acts of owners, by tenant.
    pub owner_acts: BTreeMap<TenantId, OwnerActs>,
}

/// A request for a code, with the gateway's reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCodeRequest {
    /// The request.
    pub record: CodeRequestRecord,
    /// The gateway that answered.
    pub gateway: Option<String>,
    /// Its reply.
    pub reply: Option<String>,
    /// The provider's receipt.
    pub delivery: Option<Delivery>,
}

/// An access code of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAccessCode {
    /// Its kind.
    pub kind: AccessCodeKind,
    /// Its state.
    pub state: AccessCodeState,
    /// Its holder.
    pub holder: Option<TenantId>,
    /// Its last holder, as long as it can go back.
    pub last_holder: Option<TenantId>,
    /// The start of its state.
    pub since: DateTime<Utc>,
}

/// A mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMail {
    /// The mail.
    pub record: MailRecord,
    /// Its state.
    pub state: MailState,
    /// Settled attempts.
    pub attempts: u32,
    /// The time when it is due, or when the claim on it ends.
    pub next_attempt_at: DateTime<Utc>,
    /// The last unsettled claim on it.
    pub lease: Option<LeaseId>,
    /// The last reply of the mail server, or the fault.
    pub last_reply: Option<String>,
    /// Every settled attempt.
    pub log: Vec<MailAttempt>,
}

/// An event of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEvent {
    /// The event and its state.
    pub view: EventView,
    /// The last unsettled claim on it.
    pub lease: Option<LeaseId>,
}

impl MemoryLedger {
    /// Decides and stores a batch.
    pub fn decide(&self, batch: &Batch, planner: &Planner) -> Vec<Outcome> {
        let mut state = self.lock();
        let keys = planner.fact_keys(batch);
        let plan = planner.plan(&state.facts(&keys), batch);
        state.persist(plan.effects);
        plan.outcomes
    }

    /// Pre-screens a batch and stores the refusals.
    pub fn screen_out(&self, batch: &Batch, planner: &Planner) -> Vec<Option<Outcome>> {
        let mut state = self.lock();
        let keys = batch.screen_keys(planner.policy());
        let screened = planner.screen(&state.facts(&keys), batch);
        state.persist(Effects { applications: screened.refused, ..Effects::default() });
        screened.outcomes
    }

    /// The current state.
    pub fn state(&self) -> MemoryState {
        self.lock().clone()
    }

    /// Changes the state without the planner.
    pub fn change<T>(&self, change: impl FnOnce(&mut MemoryState) -> T) -> T {
        change(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        self.0.lock().expect("no test goes on after a panic in here")
    }
}

impl From<MemoryState> for MemoryLedger {
    fn from(state: MemoryState) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }
}

#[async_trait]
impl TrialLedger for MemoryLedger {
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        Ok(self.decide(&batch, &planner))
    }

    async fn check(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

#[async_trait]
impl Screen for MemoryLedger {
    async fn screen(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Option<Outcome>>, LedgerError> {
        Ok(self.screen_out(&batch, &planner))
    }
}
