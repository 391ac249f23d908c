//! The ports: what the core asks of the world. No transaction crosses one, and no call into the network happens inside
//! a transaction.

mod callers;
mod care;
mod guard;
mod operators;
mod platform;
mod portal;
mod prefixes;
mod settings;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

pub use crate::values::{Clock, Entropy};
pub use callers::{Callers, ReplayGuard};
#[cfg(feature = "mock")]
pub use callers::{MockCallers, MockReplayGuard};
pub use care::DataCare;
#[cfg(feature = "mock")]
pub use care::MockDataCare;
pub use guard::Guard;
#[cfg(feature = "mock")]
pub use guard::MockGuard;
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
pub use prefixes::MockPrefixes;
pub use prefixes::Prefixes;
#[cfg(feature = "mock")]
pub use settings::MockSettingsStore;
pub use settings::SettingsStore;

use crate::access_codes::{
    AccessCodeImport, AccessCodePage, AccessCodeStock, AccessCodeView, FreedCode, ImportPlan, PoolOrder, PoolOutcome,
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
use crate::quota::QuotaView;
use crate::return_codes::{ApplyReply, CodeReply};
use crate::sms::{DeliveryReceipt, GatewayReply, GatewayUnusable, SmsMessage};
use crate::tenants::{DueTenant, LifeOutcome, TenantOrder, TenantPage, TenantSearch, TenantView};
use crate::values::{AccessCode, AccessCodeKind, ApplicationId, LeaseId, MailId, Phone, TenantId};
use crate::verification::CodeRequest;
use crate::warnings::{Warning, WarningToTell};

/// What the website's back end asks for: the port that the public interface drives.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TrialService: Send + Sync {
    /// Sends a verification code. Returns once it is known, or known to be unknown, what became of the message.
    ///
    /// # Errors
    /// Only for what no return code stands for: a fault of the program.
    async fn send_code(&self, request: CodeRequest) -> Result<CodeReply, Unexpected>;

    /// Applies for a trial. 000 is durable when this returns.
    ///
    /// # Errors
    /// Only for what no return code stands for: a fault of the program.
    async fn apply(&self, application: Application) -> Result<ApplyReply, Unexpected>;
}

/// A fault of the program; logged where it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unexpected failure")]
pub struct Unexpected;

/// Whether the parts that the service stands on can be used right now.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Health: Send + Sync {
    /// Checks every dependency, within a bounded time.
    async fn dependencies(&self) -> Vec<Dependency>;
}

/// A part that the service stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Its name: `storage`, `mail`.
    pub name: &'static str,
    /// What stands in its way, with no personal data; `None` if it can be used.
    pub problem: Option<String>,
    /// Whether applications have to be turned away without it.
    pub is_vital: bool,
}

/// Where trials are decided and kept.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TrialLedger: Send + Sync {
    /// Loads the batch's facts, has the planner decide, stores the effects and commits, all in one transaction that is
    /// serial with every other. The outcomes are durable when this returns, one for each request.
    ///
    /// # Errors
    /// After `Unavailable`, `Contended` and `Corrupt` nothing was stored; after `CommitUnknown` it may have been.
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError>;

    /// As [`TrialLedger::commit`], of a batch that is gathered as late as the ledger can: where several instances take turns,
    /// it grows while others have theirs. If the turn never comes, it may be that nothing is gathered.
    ///
    /// # Errors
    /// As for [`TrialLedger::commit`].
    async fn commit_next(&self, gather: Gather, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.commit(gather(), planner).await
    }

    /// Takes a turn as decisions do, writes what nobody reads, and commits: fails where they would.
    ///
    /// # Errors
    /// As for [`TrialLedger::commit`].
    async fn check(&self) -> Result<(), LedgerError>;
}

/// Makes a batch of what has arrived until it is called.
pub type Gather = Box<dyn FnOnce() -> Arc<Batch> + Send>;

/// Refuses, without waiting for a turn, what no other decision can help: see [`Planner::screen`].
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Screen: Send + Sync {
    /// Loads what is known of the batch's phones, has the planner screen it, and stores what was refused. One answer for
    /// each request; `None` for those that have to be decided in a turn.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing was stored then.
    async fn screen(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Option<Outcome>>, LedgerError>;
}

/// Mails that wait to be delivered.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Claims at most `limit` due mails, the longest due first. Until the lease ends, nobody else gets them; then they
    /// are due again, unless they were settled.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is claimed then.
    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError>;

    /// Prolongs leases whose deliveries take longer, as far as mails are still claimed under them. None is shortened, which a
    /// clock that was set back would ask for.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the database cannot be reached; the leases end when they would have.
    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError>;

    /// Records what became of claimed mails. A retry or a failure counts only under the lease that still holds; that a
    /// mail was sent always counts.
    ///
    /// # Errors
    /// Whatever stands in the way; the mails are due again when their lease ends.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError>;
}

/// Where operations give orders about tenants.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TenantOrders: Send + Sync {
    /// Has an order decided in a turn of its own. What it changed is durable when this returns.
    ///
    /// # Errors
    /// As for [`TrialLedger::commit`].
    async fn order(&self, order: TenantOrder) -> Result<LifeOutcome, LedgerError>;
}

/// What time brings, found and done in pieces: every one can be cut off anywhere and be done again, by any instance.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// At most `limit` tenants whose next step has come, the longest due first, behind `after`.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn due_tenants(
        &self,
        now: DateTime<Utc>,
        after: Option<DueTenant>,
        limit: u32,
    ) -> Result<Vec<DueTenant>, LedgerError>;

    /// Decides a batch as [`TrialLedger::commit`] does, and stores nothing of it.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn rehearse(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError>;

    /// Frees at most `limit` access codes that have rested for so long, the longest first; says which. With `dry_run`,
    /// only says which.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn end_rests(&self, rest: RestOver, limit: u32, dry_run: bool) -> Result<Vec<FreedCode>, LedgerError>;

    /// The latest instant at which time was seen to be right: of the last mark, or of the newest tenant before the first one.
    ///
    /// # Errors
    /// As for the other reads.
    async fn clock_mark(&self) -> Result<Option<DateTime<Utc>>, LedgerError>;

    /// Moves the mark of the clock forward to this instant; never back.
    ///
    /// # Errors
    /// As for the other changes.
    async fn mark_clock(&self, now: DateTime<Utc>) -> Result<(), LedgerError>;

    /// Sets the mark of the clock to the instant at which an operator says that it is right, and says so in the audit.
    ///
    /// # Errors
    /// As for the other changes.
    async fn confirm_clock(&self, by: ChangedBy) -> Result<(), LedgerError>;

    /// Counts the applications of the next hours that are not counted yet, at most a day of them, up to the hour that `until`
    /// falls into; says whether there are more. What was counted stays when the applications themselves are gone.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn count_hours(&self, until: DateTime<Utc>) -> Result<bool, LedgerError>;

    /// Takes a warning down and puts its mails into the outbox, unless there was one of its name on its day; says whether
    /// there was none.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn warn(&self, warning: WarningToTell) -> Result<bool, LedgerError>;

    /// The warnings of a day, oldest first.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn warnings(&self, day: NaiveDate) -> Result<Vec<Warning>, LedgerError>;
}

/// Where providers' receipts of short messages are kept.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Receipts: Send + Sync {
    /// Takes a receipt down with its message, unless what is known of that holds ([`crate::sms::DeliveryState::replaces`]). Says
    /// whether the message is known: it is not before the gateway's reply to it is stored.
    ///
    /// # Errors
    /// Whatever stands in the way; the receipt is to be given again.
    async fn take_down(&self, receipt: DeliveryReceipt) -> Result<bool, LedgerError>;
}

/// What operations personnel ask and change.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Operations: Send + Sync {
    /// Loads access codes into the pool if no row is bad, in pieces, each a turn ([`ImportPlan::pieces`]); with `dry_run`,
    /// only says what it would come to.
    ///
    /// # Errors
    /// As for the other changes; what earlier pieces loaded stays, and the same import loads the rest.
    async fn import_access_codes(
        &self,
        import: AccessCodeImport,
        dry_run: bool,
        by: ChangedBy,
    ) -> Result<ImportPlan, LedgerError>;

    /// Counts the pool, one row for each kind.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn access_code_stock(&self) -> Result<Vec<AccessCodeStock>, LedgerError>;

    /// Tells what waits in the outbox.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn mail_queue(&self) -> Result<MailQueue, LedgerError>;

    /// Shows a day of the e-mail threshold. `first_threshold` holds until one is set.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn quota(&self, day: NaiveDate, first_threshold: u32) -> Result<QuotaView, LedgerError>;

    /// Sets the e-mail threshold, in force from the next decision of every instance on.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn set_quota(&self, threshold: u32, by: ChangedBy) -> Result<(), LedgerError>;

    /// Lists tenants, newest first.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn tenants(&self, page: TenantPage) -> Result<Vec<TenantView>, LedgerError>;

    /// Shows one tenant.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn tenant(&self, id: TenantId) -> Result<Option<TenantView>, LedgerError>;

    /// Finds what happened, at most the newest `limit` of each kind of request.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn find_applications(&self, query: ApplicationQuery, limit: u32) -> Result<TimelineView, LedgerError>;

    /// Says how many consecutive wrong codes a phone has; `None` if the phone was never seen.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn phone_failures(&self, phone: Phone) -> Result<Option<u32>, LedgerError>;

    /// Sets a phone's count of wrong codes to 0; says whether the phone was known.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn unlock_phone(&self, phone: Phone, by: ChangedBy) -> Result<bool, LedgerError>;

    /// Lists mails of the outbox, newest first.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn mails(&self, page: MailPage) -> Result<Vec<OutboxMail>, LedgerError>;

    /// Makes a mail that was given up due again, now.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn retry_mail(&self, id: MailId, by: ChangedBy) -> Result<MailRetried, LedgerError>;

    /// Makes every mail that was given up at `since` or later due again, now; says how many. One audit entry names their number.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the database cannot be reached.
    async fn retry_mails(&self, since: DateTime<Utc>, by: ChangedBy) -> Result<u64, LedgerError>;

    /// Mails that wait after a refusal, and mails given up at `since` or later; at most `limit` of each.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the database cannot be reached.
    async fn refused_mails(&self, since: DateTime<Utc>, limit: u32) -> Result<Vec<RefusedMail>, LedgerError>;

    /// Every attempt to deliver a mail, oldest first.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn mail_attempts(&self, id: MailId) -> Result<Vec<MailAttempt>, LedgerError>;

    /// Applications by hour and return code, oldest first, from the hour that `since` falls into to that of `now`: the hours
    /// that are counted, and those after them. Of hours that a clock ahead of its time has counted, none is shown.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn application_hours(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<HourCount>, LedgerError>;

    /// Searches applications, newest first.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn search_applications(&self, search: ApplicationSearch) -> Result<Vec<ApplicationView>, LedgerError>;

    /// Shows one application.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn application(&self, id: ApplicationId) -> Result<Option<ApplicationView>, LedgerError>;

    /// Searches tenants, newest first.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn search_tenants(&self, search: TenantSearch) -> Result<Vec<TenantView>, LedgerError>;

    /// Lists a part of the pool.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn access_codes(&self, page: AccessCodePage) -> Result<Vec<AccessCodeView>, LedgerError>;

    /// Shows one access code.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn access_code(&self, code: AccessCode) -> Result<Option<AccessCodeView>, LedgerError>;

    /// Takes an access code out of use, or makes it free.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn order_access_code(
        &self,
        code: AccessCode,
        order: PoolOrder,
        by: ChangedBy,
    ) -> Result<PoolOutcome, LedgerError>;

    /// Since when the code of each kind rests that has rested the longest; nothing, of a kind of which none rests.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn resting_since(&self) -> Result<Vec<(AccessCodeKind, DateTime<Utc>)>, LedgerError>;

    /// Looks for rows that break an invariant; `unique_by` says what one customer is known by.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing is changed then.
    async fn violations(&self, unique_by: UniqueBy) -> Result<Vec<Violation>, LedgerError>;
}

/// A way to send short messages.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SmsGateway: Send + Sync {
    /// The name that operations know it by.
    fn name(&self) -> &'static str;

    /// Hands one message over, within a bounded time. Never fails: what is not known is `Unknown`.
    async fn send(&self, message: &SmsMessage) -> GatewayReply;

    /// Says whether messages could be handed over right now, as far as can be told without sending one.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn check(&self) -> Result<(), GatewayUnusable>;
}

/// A way to send mails.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Writes and hands over one mail, within a bounded time; returns the server's reply.
    ///
    /// # Errors
    /// The mail was not taken, for now or for good.
    async fn deliver(&self, mail: &OutgoingMail) -> Result<String, DeliveryError>;

    /// Says whether mails could be handed over right now.
    ///
    /// # Errors
    /// Whatever stands in the way.
    async fn check(&self) -> Result<(), DeliveryError>;
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which, in words.
    pub invariant: &'static str,
    /// How many rows break it.
    pub rows: u64,
    /// One of them.
    pub example: String,
}
