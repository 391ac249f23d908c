//! The ports: the traits that adapters implement. No transaction crosses one, and no network call is made inside a
//! transaction.

mod bot_challenge;
mod clients;
mod number_ranges;
mod operators;
mod platform;
mod portal;
mod privacy;
mod settings;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

pub use crate::values::{Clock, Entropy};
pub use bot_challenge::BotChallenge;
#[cfg(feature = "mock")]
pub use bot_challenge::MockBotChallenge;
pub use clients::{ApiClients, ReplayGuard};
#[cfg(feature = "mock")]
pub use clients::{MockApiClients, MockReplayGuard};
#[cfg(feature = "mock")]
pub use number_ranges::MockNumberRanges;
pub use number_ranges::NumberRanges;
pub use operators::{AuditTrail, Operators};
#[cfg(feature = "mock")]
pub use operators::{MockAuditTrail, MockOperators};
pub use platform::{EventOperations, EventOutbox, TenantPlatform};
#[cfg(feature = "mock")]
pub use platform::{MockEventOperations, MockEventOutbox, MockTenantPlatform};
#[cfg(feature = "mock")]
pub use portal::MockPortal;
pub use portal::Portal;
#[cfg(feature = "mock")]
pub use privacy::MockPrivacy;
pub use privacy::Privacy;
#[cfg(feature = "mock")]
pub use settings::MockSettingsStore;
pub use settings::SettingsStore;

use crate::access_codes::{
    AccessCodeImport, AccessCodePage, AccessCodeStock, AccessCodeView, FreedCode, ImportPlan, PoolCommand, PoolOutcome,
    RestOver,
};
use crate::applications::{Application, ApplicationQuery, ApplicationSearch, ApplicationView, HourCount, TimelineView};
use crate::audit::ChangedBy;
use crate::error::LedgerError;
use crate::mails::{
    DeliveryError, DueMail, Lease, MailAttempt, MailPage, MailQueue, MailRetried, OutboxMail, OutgoingMail,
    RefusedMail, Settlement,
};
use crate::planner::{Batch, Outcome, Planner};
use crate::policy::UniqueBy;
use crate::quota::QuotaDay;
use crate::return_codes::{ApplyReply, CodeReply};
use crate::sms::{DeliveryReceipt, GatewayReply, GatewayUnusable, SmsMessage};
use crate::tenants::{DueTenant, TenantCommand, TenantOutcome, TenantPage, TenantSearch, TenantView};
use crate::timeline::{RequestSearch, RequestView};
use crate::values::{AccessCode, AccessCodeKind, AnyRequestId, ApplicationId, LeaseId, MailId, Phone, TenantId};
use crate::verification::CodeRequest;
use crate::warnings::{NewWarning, Warning};

/// The port that the public interface drives: code requests and applications.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TrialService: Send + Sync {
    /// Sends a verification code. Returns once the result is known, or the time-out makes it unknown.
    ///
    /// # Errors
    /// [`Unexpected`] for a fault of the program; everything else has a return code.
    async fn send_code(&self, request: CodeRequest) -> Result<CodeReply, Unexpected>;

    /// Applies for a trial. 000 is durable when this returns.
    ///
    /// # Errors
    /// [`Unexpected`] for a fault of the program; everything else has a return code.
    async fn apply(&self, application: Application) -> Result<ApplyReply, Unexpected>;
}

/// A fault of the program; logged where it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unexpected failure")]
pub struct Unexpected;

/// The health of the service's dependencies.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Health: Send + Sync {
    /// Checks every dependency, within a bounded time.
    async fn dependencies(&self) -> Vec<Dependency>;
}

/// A dependency of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Its name: `storage`, `mail`.
    pub name: &'static str,
    /// The fault, without personal data; `None` if it can be used.
    pub problem: Option<String>,
    /// `true` if applications cannot be accepted without it.
    pub is_vital: bool,
}

/// The ledger: decides requests in transactions and stores the effects.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TrialLedger: Send + Sync {
    /// Loads the batch's facts, has the planner decide, stores the effects and commits, all in one transaction that is
    /// serial with every other. The outcomes are durable when this returns, one for each request.
    ///
    /// # Errors
    /// After `Unavailable`, `Contended` and `Corrupt` nothing was stored; after `CommitUnknown` it may have been.
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError>;

    /// As [`TrialLedger::commit`], for a batch that is collected once the admission lock is held, so that it grows
    /// meanwhile. If the lock is never acquired, the batch may never be collected.
    ///
    /// # Errors
    /// As for [`TrialLedger::commit`].
    async fn commit_next(&self, gather: Gather, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.commit(gather(), planner).await
    }

    /// Takes the locks of a decision, changes nothing, and commits: fails as a decision would.
    ///
    /// # Errors
    /// As for [`TrialLedger::commit`].
    async fn check(&self) -> Result<(), LedgerError>;
}

/// Builds a batch of the requests that have arrived by the time of the call.
pub type Gather = Box<dyn FnOnce() -> Arc<Batch> + Send>;

/// Refuses, without the admission lock, requests that no other decision can change: see [`Planner::screen`].
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Screen: Send + Sync {
    /// Loads the facts about the batch's phones, has the planner screen it, and stores the refusals. One answer for
    /// each request; `None` for those that have to be decided under the admission lock.
    async fn screen(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Option<Outcome>>, LedgerError>;
}

/// Mails that wait to be delivered.
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Claims at most `limit` due mails, the longest due first. Until the lease ends, nobody else gets them; then they
    /// are due again, unless they were settled.
    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError>;

    /// Prolongs leases whose deliveries take longer, as far as mails are still claimed under them. None is shortened,
    /// which a clock that was set back would ask for.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the database cannot be reached; the leases end when they would have.
    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError>;

    /// Records the results of claimed mails. A retry or a failure counts only under a lease that still holds; a sent
    /// mail always counts.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the database cannot be reached; the mails are due again when their lease ends.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError>;
}

/// Commands about tenants.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TenantCommands: Send + Sync {
    /// Decides a command in a transaction of its own. The change is durable when this returns.
    ///
    /// # Errors
    /// As for [`TrialLedger::commit`].
    async fn order(&self, order: TenantCommand) -> Result<TenantOutcome, LedgerError>;
}

/// The scheduled tasks, in pieces: each can be interrupted anywhere and repeated by any instance.
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// At most `limit` tenants whose next step is due, the longest due first, after `after`.
    async fn due_tenants(
        &self,
        now: DateTime<Utc>,
        after: Option<DueTenant>,
        limit: u32,
    ) -> Result<Vec<DueTenant>, LedgerError>;

    /// Decides a batch as [`TrialLedger::commit`] does, and stores nothing of it.
    async fn rehearse(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError>;

    /// Frees at most `limit` access codes whose quarantine has ended, the longest first, and returns them. With
    /// `dry_run`, only returns them.
    async fn end_rests(&self, rest: RestOver, limit: u32, dry_run: bool) -> Result<Vec<FreedCode>, LedgerError>;

    /// The last mark of the clock; before the first one, the creation time of the newest tenant.
    async fn clock_mark(&self) -> Result<Option<DateTime<Utc>>, LedgerError>;

    /// Moves the mark of the clock forward to this instant; never back.
    async fn mark_clock(&self, now: DateTime<Utc>) -> Result<(), LedgerError>;

    /// Sets the mark of the clock to the instant that an operator confirms, and records that in the audit trail.
    async fn confirm_clock(&self, by: ChangedBy) -> Result<(), LedgerError>;

    /// Counts the applications of the next hours that are not counted yet, at most a day of them, up to the hour that
    /// `until` falls into. Returns `true` if there are more. The counts outlive the applications.
    async fn count_hours(&self, until: DateTime<Utc>) -> Result<bool, LedgerError>;

    /// Records a warning and queues its mails, once per name and day. Returns `false` if it was recorded before.
    async fn warn(&self, warning: NewWarning) -> Result<bool, LedgerError>;

    /// The warnings of a day, oldest first.
    async fn warnings(&self, day: NaiveDate) -> Result<Vec<Warning>, LedgerError>;
}

/// The store of providers' delivery receipts.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Receipts: Send + Sync {
    /// Stores a receipt with its message if it replaces the known state ([`crate::sms::DeliveryState::replaces`]).
    /// Returns `false` if the message is unknown, as it is until the gateway's reply is stored.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the database cannot be reached; the receipt has to be submitted again.
    async fn record_receipt(&self, receipt: DeliveryReceipt) -> Result<bool, LedgerError>;
}

/// Queries and changes by operations personnel.
///
/// # Errors
/// All methods: [`LedgerError::Unavailable`] if the database cannot be reached, [`LedgerError::Contended`] if it stays
/// busy.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Operations: Send + Sync {
    /// Loads access codes into the pool if no row is bad, in pieces, each a transaction ([`ImportPlan::pieces`]). With
    /// `dry_run`, only returns the plan.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the database cannot be reached. Earlier pieces stay; the same import loads the
    /// rest.
    async fn import_access_codes(
        &self,
        import: AccessCodeImport,
        dry_run: bool,
        by: ChangedBy,
    ) -> Result<ImportPlan, LedgerError>;

    /// Counts the pool, one row for each kind.
    async fn access_code_stock(&self) -> Result<Vec<AccessCodeStock>, LedgerError>;

    /// Counts the mails that wait in the outbox.
    async fn mail_queue(&self) -> Result<MailQueue, LedgerError>;

    /// Use of the daily e-mail limit on a day.
    async fn quota(&self, day: NaiveDate) -> Result<QuotaDay, LedgerError>;

    /// Lists tenants, newest first.
    async fn tenants(&self, page: TenantPage) -> Result<Vec<TenantView>, LedgerError>;

    /// Shows one tenant.
    async fn tenant(&self, id: TenantId) -> Result<Option<TenantView>, LedgerError>;

    /// Finds code requests and applications, at most the newest `limit` of each.
    async fn find_applications(&self, query: ApplicationQuery, limit: u32) -> Result<TimelineView, LedgerError>;

    /// The number of consecutive wrong codes of a phone; `None` if the phone was never seen.
    async fn phone_failures(&self, phone: Phone) -> Result<Option<u32>, LedgerError>;

    /// Sets a phone's count of wrong codes to 0. Returns `false` if the phone was never seen.
    async fn unlock_phone(&self, phone: Phone, by: ChangedBy) -> Result<bool, LedgerError>;

    /// Lists mails of the outbox, newest first.
    async fn mails(&self, page: MailPage) -> Result<Vec<OutboxMail>, LedgerError>;

    /// Makes a mail that was given up due again, now.
    async fn retry_mail(&self, id: MailId, by: ChangedBy) -> Result<MailRetried, LedgerError>;

    /// Makes every mail that was given up at `since` or later due now, and returns their number, which one audit entry
    /// records.
    async fn retry_mails(&self, since: DateTime<Utc>, by: ChangedBy) -> Result<u64, LedgerError>;

    /// Mails that wait after a refusal, and mails given up at `since` or later; at most `limit` of each.
    async fn refused_mails(&self, since: DateTime<Utc>, limit: u32) -> Result<Vec<RefusedMail>, LedgerError>;

    /// Every attempt to deliver a mail, oldest first.
    async fn mail_attempts(&self, id: MailId) -> Result<Vec<MailAttempt>, LedgerError>;

    /// Applications by hour and return code, oldest first, from the hour that `since` falls into to that of `now`: the
    /// hours that are counted, and those after them. Of hours that a clock ahead of its time has counted, none is
    /// shown.
    async fn application_hours(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<HourCount>, LedgerError>;

    /// Searches applications, newest first.
    async fn search_applications(&self, search: ApplicationSearch) -> Result<Vec<ApplicationView>, LedgerError>;

    /// Shows one application.
    async fn application(&self, id: ApplicationId) -> Result<Option<ApplicationView>, LedgerError>;

    /// Searches the requests of both public interfaces, newest first.
    async fn search_requests(&self, search: RequestSearch) -> Result<Vec<RequestView>, LedgerError>;

    /// Shows one request of either interface.
    async fn request(&self, id: AnyRequestId) -> Result<Option<RequestView>, LedgerError>;

    /// Searches tenants, newest first.
    async fn search_tenants(&self, search: TenantSearch) -> Result<Vec<TenantView>, LedgerError>;

    /// Lists a part of the pool.
    async fn access_codes(&self, page: AccessCodePage) -> Result<Vec<AccessCodeView>, LedgerError>;

    /// Shows one access code.
    async fn access_code(&self, code: AccessCode) -> Result<Option<AccessCodeView>, LedgerError>;

    /// Retires an access code, or makes it free.
    async fn order_access_code(
        &self,
        code: AccessCode,
        order: PoolCommand,
        by: ChangedBy,
    ) -> Result<PoolOutcome, LedgerError>;

    /// The start of the oldest quarantine of each kind; no entry for a kind without a code in quarantine.
    async fn resting_since(&self) -> Result<Vec<(AccessCodeKind, DateTime<Utc>)>, LedgerError>;

    /// Finds rows that break an invariant; `unique_by` holds the fields that identify a customer.
    async fn violations(&self, unique_by: UniqueBy) -> Result<Vec<Violation>, LedgerError>;
}

/// A way to send short messages.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SmsGateway: Send + Sync {
    /// The name shown to operations.
    fn name(&self) -> &'static str;

    /// Hands one message over within a bounded time. Never fails: an unknown result is `Unknown`.
    async fn send(&self, message: &SmsMessage) -> GatewayReply;

    /// Checks that messages could be handed over now, as far as possible without sending one.
    ///
    /// # Errors
    /// [`GatewayUnusable`], with the reason, if not.
    async fn check(&self) -> Result<(), GatewayUnusable>;
}

/// A way to send mails.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Writes and hands over one mail, within a bounded time; returns the server's reply.
    ///
    /// # Errors
    /// [`DeliveryError`] if the server did not accept the mail, for now or for good.
    async fn deliver(&self, mail: &OutgoingMail) -> Result<String, DeliveryError>;

    /// Checks that mails could be handed over now.
    ///
    /// # Errors
    /// [`DeliveryError`] if not.
    async fn check(&self) -> Result<(), DeliveryError>;
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The invariant, in words.
    pub invariant: &'static str,
    /// The number of rows that break it.
    pub rows: u64,
    /// One of them.
    pub example: String,
}
