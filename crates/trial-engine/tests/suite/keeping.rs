//! A sweep does everything due, past any obstacle.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::advance;
use trial_core::clock_gap::{ClockGap, MAX_CLOCK_GAP};
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Outcome, Planner, Request};
use trial_core::ports::{MockTrialLedger, MockUpkeep, TrialLedger, Upkeep};
use trial_core::tenants::{NOTICE_WAITS, TenantStatus};
use trial_core::values::TenantId;
use trial_engine::{ClockWatch, Engine, EngineParts, Kept, Sweeper, Swept};
use trial_testkit::{LedgerHarness, MemoryLedger, SeededEntropy, data};

use crate::stage::{options, parts};

/// A ledger with unreadable rows of one tenant.
struct WithBadRow {
    ledger: Arc<MemoryLedger>,
    bad: TenantId,
}

#[async_trait]
impl TrialLedger for WithBadRow {
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        let is_bad = |request: &Request| matches!(request, Request::Tenant(order) if order.tenant == self.bad);
        if batch.requests.iter().any(|(_, request)| is_bad(request)) {
            return Err(LedgerError::Corrupt("tenants.created_at holds an invalid value".into()));
        }
        self.ledger.commit(batch, planner).await
    }

    async fn check(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

/// A ledger that counts the requests it decides.
struct Counted {
    ledger: Arc<MemoryLedger>,
    requests: AtomicUsize,
}

#[async_trait]
impl TrialLedger for Counted {
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.requests.fetch_add(batch.requests.len(), Ordering::Relaxed);
        self.ledger.commit(batch, planner).await
    }

    async fn check(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

fn keeper(harness: &LedgerHarness<MemoryLedger>, ledger: Arc<dyn TrialLedger>) -> Sweeper {
    keeper_by(harness, ledger, data::planner())
}

fn keeper_by(harness: &LedgerHarness<MemoryLedger>, ledger: Arc<dyn TrialLedger>, planner: Arc<Planner>) -> Sweeper {
    let watch = ClockWatch::new(Arc::clone(&harness.ledger) as _, Arc::new(harness.clock.clone()), MAX_CLOCK_GAP);
    let entropy = Arc::new(SeededEntropy::new(9));
    Sweeper::new(ledger, Arc::clone(&harness.ledger) as _, entropy, planner, Arc::new(watch))
}

#[tokio::test]
async fn nothing_is_done_for_good_by_a_clock_that_leapt_until_it_is_confirmed() {
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(2).await;
    let tenants = [harness.join(1).await, harness.join(2).await];
    let keeper = keeper(&harness, Arc::clone(&harness.ledger) as _);
    assert_eq!(keeper.sweep(false, |_| ()).await.unwrap(), Swept::Done);
    let status = || harness.ledger.change(|state| tenants.map(|tenant| state.tenants[&tenant].status));
    let (before, leap) = (harness.now(), Duration::from_hours(400 * 24));
    harness.wait(leap);
    let gap = ClockGap { seen: before, now: harness.now() };
    assert_eq!(keeper.sweep(false, |kept| panic!("{kept:?}")).await.unwrap(), Swept::Paused(gap));
    assert_eq!(status(), [TenantStatus::Trial; 2]);
    let mut rehearsed = 0;
    keeper.sweep(true, |_| rehearsed += 1).await.unwrap();
    assert_eq!((rehearsed, status()), (2, [TenantStatus::Trial; 2]), "a dry run reports everything");
    harness.clock.set(before + Duration::from_mins(5));
    assert_eq!(keeper.sweep(false, |kept| panic!("{kept:?}")).await.unwrap(), Swept::Done, "the clock was set right");
    harness.clock.set(before + leap);
    harness.ledger.confirm_clock(harness.operator()).await.unwrap();
    assert_eq!(keeper.sweep(false, |_| ()).await.unwrap(), Swept::Done);
    assert!(!status().contains(&TenantStatus::Trial));
}

/// A service that sweeps is not paused by its own running time, nor by a pause of a day.
#[tokio::test]
async fn time_that_passes_is_believed() {
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(1).await;
    let tenant = harness.join(1).await;
    let keeper = keeper(&harness, Arc::clone(&harness.ledger) as _);
    for _ in 0..31 {
        harness.wait(Duration::from_hours(24));
        assert_eq!(keeper.sweep(false, |_| ()).await.unwrap(), Swept::Done);
    }
    assert_eq!(harness.ledger.change(|state| state.tenants[&tenant].status), TenantStatus::Suspended);
}

/// Sweeps come each minute. Notices that the daily e-mail limit holds back cost decisions once an hour, however many.
#[tokio::test]
async fn notices_that_wait_for_the_limit_cost_nothing_until_they_are_due_again() {
    // More than one decision has.
    const WAITING: u32 = 101;
    let waiting = usize::try_from(WAITING).unwrap();
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(WAITING).await;
    for n in 1..=WAITING {
        harness.join(n).await;
    }
    // A reminder is due for each, and no mail is left for any.
    harness.wait(Duration::from_hours(23 * 24));
    harness.ledger.mark_clock(harness.now()).await.unwrap();
    let ledger = Arc::new(Counted { ledger: Arc::clone(&harness.ledger), requests: AtomicUsize::new(0) });
    let planner = data::planner_with(|policy| policy.quota.threshold = 0);
    let keeper = keeper_by(&harness, Arc::clone(&ledger) as _, planner);
    let mut held_back = 0;
    let tell = |kept| held_back += usize::from(matches!(kept, Kept::Tenant(_, change) if change.mail_waits));
    keeper.sweep(false, tell).await.unwrap();
    assert_eq!((held_back, ledger.requests.load(Ordering::Relaxed)), (waiting, waiting));
    let minute = Duration::from_mins(1);
    for _ in 1..NOTICE_WAITS.as_secs() / minute.as_secs() {
        harness.wait(minute);
        assert_eq!(keeper.sweep(false, |kept| panic!("{kept:?}")).await.unwrap(), Swept::Done);
        assert_eq!(ledger.requests.load(Ordering::Relaxed), waiting);
    }
    harness.wait(minute);
    keeper.sweep(false, |_| ()).await.unwrap();
    assert_eq!(ledger.requests.load(Ordering::Relaxed), 2 * waiting, "once an hour they are due again");
}

#[tokio::test]
async fn an_unreadable_tenant_holds_up_no_other() {
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(3).await;
    let tenants = [harness.join(1).await, harness.join(2).await, harness.join(3).await];
    harness.wait(Duration::from_hours(31 * 24));
    let ledger = Arc::new(WithBadRow { ledger: Arc::clone(&harness.ledger), bad: tenants[1] });
    harness.ledger.mark_clock(harness.now()).await.unwrap();
    let keeper = keeper(&harness, ledger);
    let mut swept = Vec::new();
    let tell = |kept| {
        if let Kept::Tenant(tenant, change) = kept {
            swept.push((tenant, change.after));
        }
    };
    keeper.sweep(false, tell).await.unwrap();
    swept.sort_unstable_by_key(|(tenant, _)| *tenant);
    let mut expected = [(tenants[0], TenantStatus::Suspended), (tenants[2], TenantStatus::Suspended)];
    expected.sort_unstable_by_key(|(tenant, _)| *tenant);
    assert_eq!(swept, expected);
}

/// Operators are warned of mails refused with the same words, even if the sweep fails.
#[tokio::test(start_paused = true)]
async fn a_sweep_that_is_cut_off_silences_no_warning() {
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(3).await;
    for n in 1..4 {
        harness.join(n).await;
    }
    let words = "the mail server refused the recipient: 550 5.4.5 Daily user sending limit exceeded";
    harness.ledger.change(|state| state.mails.values_mut().for_each(|mail| mail.last_reply = Some(words.to_owned())));
    let warned = Arc::new(Mutex::new(Vec::new()));
    let mut upkeep = MockUpkeep::new();
    upkeep.expect_clock_mark().returning(|| Ok(None));
    upkeep.expect_mark_clock().returning(|_| Ok(()));
    upkeep.expect_due_tenants().returning(|_, _, _| Err(LedgerError::Unavailable("cause".into())));
    let names = Arc::clone(&warned);
    upkeep.expect_warn().returning(move |told| {
        names.lock().unwrap().push(told.warning.name);
        Ok(true)
    });
    let operations = Arc::clone(&harness.ledger);
    let parts = EngineParts { upkeep: Arc::new(upkeep), operations, ..parts(MockTrialLedger::new()) };
    let engine = Engine::start(parts, options());
    while warned.lock().unwrap().is_empty() {
        advance(Duration::from_secs(1)).await;
    }
    engine.stop().await.unwrap();
    assert!(warned.lock().unwrap().contains(&"mails.refused.550".to_owned()), "{warned:?}");
}
