//! A ledger with scripted faults.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::error::LedgerError;
use trial_core::mails::{DueMail, Lease, Settlement};
use trial_core::planner::{Batch, Outcome, Planner};
use trial_core::ports::{Outbox, Screen, TrialLedger};
use trial_core::values::LeaseId;

/// The fault of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerFault {
    /// No fault.
    None,
    /// The ledger cannot be reached.
    Unavailable,
    /// Another process holds it.
    Contended,
    /// It is corrupt.
    Corrupt,
    /// The connection is lost before the commit.
    LostBeforeCommit,
    /// The connection is lost after the commit.
    LostAfterCommit,
}

/// A ledger with scripted faults: each call takes the next fault of its script, and none once that is used up.
#[derive(Debug)]
pub struct FaultyLedger<L> {
    ledger: L,
    commits: Mutex<VecDeque<LedgerFault>>,
    screens: Mutex<VecDeque<LedgerFault>>,
    claims: Mutex<VecDeque<LedgerFault>>,
    settles: Mutex<VecDeque<LedgerFault>>,
    batches: Mutex<Vec<Arc<Batch>>>,
}

impl<L> FaultyLedger<L> {
    /// Wraps a ledger, without faults so far.
    pub fn new(ledger: L) -> Self {
        let script = || Mutex::new(VecDeque::new());
        Self {
            ledger,
            commits: script(),
            screens: script(),
            claims: script(),
            settles: script(),
            batches: Mutex::default(),
        }
    }

    /// The ledger within.
    pub fn inner(&self) -> &L {
        &self.ledger
    }

    /// Appends to the script of commits.
    pub fn fail_commits(&self, faults: impl IntoIterator<Item = LedgerFault>) {
        self.commits.lock().expect("no panic in here").extend(faults);
    }

    /// Appends to the script of pre-screenings.
    pub fn fail_screens(&self, faults: impl IntoIterator<Item = LedgerFault>) {
        self.screens.lock().expect("no panic in here").extend(faults);
    }

    /// Appends to the script of claims.
    pub fn fail_claims(&self, faults: impl IntoIterator<Item = LedgerFault>) {
        self.claims.lock().expect("no panic in here").extend(faults);
    }

    /// Appends to the script of settlements.
    pub fn fail_settles(&self, faults: impl IntoIterator<Item = LedgerFault>) {
        self.settles.lock().expect("no panic in here").extend(faults);
    }

    /// Every batch that was to be committed, whatever its outcome.
    pub fn batches(&self) -> Vec<Arc<Batch>> {
        self.batches.lock().expect("no panic in here").clone()
    }
}

#[async_trait]
impl<L: TrialLedger> TrialLedger for FaultyLedger<L> {
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.batches.lock().expect("no panic in here").push(Arc::clone(&batch));
        let fault = next(&self.commits);
        fault.before()?;
        let outcomes = self.ledger.commit(batch, planner).await?;
        fault.after()?;
        Ok(outcomes)
    }

    async fn check(&self) -> Result<(), LedgerError> {
        self.ledger.check().await
    }
}

#[async_trait]
impl<L: Screen> Screen for FaultyLedger<L> {
    async fn screen(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Option<Outcome>>, LedgerError> {
        let fault = next(&self.screens);
        fault.before()?;
        let outcomes = self.ledger.screen(batch, planner).await?;
        fault.after()?;
        Ok(outcomes)
    }
}

#[async_trait]
impl<L: Outbox> Outbox for FaultyLedger<L> {
    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError> {
        let fault = next(&self.claims);
        fault.before()?;
        let mails = self.ledger.claim(lease, limit).await?;
        fault.after()?;
        Ok(mails)
    }

    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError> {
        self.ledger.renew(leases, until).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        let fault = next(&self.settles);
        fault.before()?;
        self.ledger.settle(settlements).await?;
        fault.after()
    }
}

fn next(script: &Mutex<VecDeque<LedgerFault>>) -> LedgerFault {
    script.lock().expect("no panic in here").pop_front().unwrap_or(LedgerFault::None)
}

impl LedgerFault {
    pub(crate) fn before(self) -> Result<(), LedgerError> {
        let cause = || Box::new(Scripted);
        match self {
            Self::None | Self::LostAfterCommit => Ok(()),
            Self::Unavailable => Err(LedgerError::Unavailable(cause())),
            Self::Contended => Err(LedgerError::Contended(cause())),
            Self::Corrupt => Err(LedgerError::Corrupt(cause())),
            Self::LostBeforeCommit => Err(LedgerError::CommitUnknown(cause())),
        }
    }

    pub(crate) fn after(self) -> Result<(), LedgerError> {
        if self == Self::LostAfterCommit { Err(LedgerError::CommitUnknown(Box::new(Scripted))) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct Scripted;

impl fmt::Display for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault of the test's script")
    }
}

impl std::error::Error for Scripted {}
