//! Many at once: transactions are serial, from any number of clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use trial_core::applications::Application;
use trial_core::mails::Lease;
use trial_core::planner::{Outcome, Request};
use trial_core::ports::{Operations, Outbox, TrialLedger};
use trial_core::return_codes::ApplyReply;
use trial_core::tenants::TenantPage;
use trial_core::values::{LeaseId, MailId};

use super::{LedgerFactory, assert_sound, harness, in_the_end};
use crate::LedgerHarness;

/// Commits each batch in a task of its own; counts the return codes.
async fn count_codes<L>(
    harness: LedgerHarness<L>,
    batches: Vec<Vec<Application>>,
) -> (Arc<LedgerHarness<L>>, BTreeMap<&'static str, usize>)
where
    L: TrialLedger + 'static,
{
    let harness = Arc::new(harness);
    let tasks = batches.into_iter().map(|batch| {
        let harness = Arc::clone(&harness);
        tokio::spawn(async move { commit_in_the_end(&harness, batch).await })
    });
    let mut codes = BTreeMap::new();
    for outcomes in join_all(tasks).await {
        for outcome in outcomes.expect("no task panics") {
            let Outcome::Apply(outcome) = outcome else { panic!("an answer to an application") };
            *codes.entry(ApplyReply::from(&outcome).code.as_str()).or_insert(0) += 1;
        }
    }
    (harness, codes)
}

async fn commit_in_the_end<L: TrialLedger>(harness: &LedgerHarness<L>, applications: Vec<Application>) -> Vec<Outcome> {
    let batch = harness.batch(applications.into_iter().map(Request::Apply));
    in_the_end(|| harness.try_commit(Arc::clone(&batch))).await
}

async fn prepared<L: TrialLedger>(harness: &LedgerHarness<L>, applicants: u32) -> Vec<Vec<Application>> {
    let mut batches = Vec::new();
    for n in (1..=applicants).step_by(2) {
        batches.push(vec![harness.prepared(n).await, harness.prepared(n + 1).await]);
    }
    batches
}

/// Forty applicants for the last ten pairs: exactly ten get one, no access code has two holders.
pub async fn the_last_access_codes_are_given_once<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 10).await;
    let batches = prepared(&harness, 40).await;
    let (harness, codes) = count_codes(harness, batches).await;
    assert_eq!(codes, BTreeMap::from([("000", 10), ("006", 30)]));
    let stock = harness.ledger.access_code_stock().await.unwrap();
    assert_eq!(stock.iter().map(|kind| (kind.free, kind.leased)).collect::<Vec<_>>(), [(0, 10), (0, 10)]);
    let tenants = harness.ledger.tenants(TenantPage { before: None, limit: 99 }).await.unwrap();
    let mut held: Vec<_> = tenants.into_iter().flat_map(|view| view.access_codes.into_values()).collect();
    held.sort_unstable();
    held.dedup();
    assert_eq!(held.len(), 20);
    assert_sound(&*harness.ledger).await;
}

/// Forty applicants for the last ten mails of the day.
pub async fn the_threshold_is_never_passed<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 40).await;
    let batches = prepared(&harness, 40).await;
    harness.set_threshold(10).await;
    let (harness, codes) = count_codes(harness, batches).await;
    assert_eq!(codes, BTreeMap::from([("000", 10), ("205", 30)]));
    assert_eq!(harness.quota(harness.now().date_naive()).await.used.reserved, 10);
    assert_sound(&*harness.ledger).await;
}

/// Forty copies of one application: one tenant, one mail, and every answer 000.
pub async fn copies_of_one_application_get_one_tenant<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 40).await;
    let application = harness.prepared(1).await;
    let batches = vec![vec![application.clone(), application]; 20];
    let (harness, codes) = count_codes(harness, batches).await;
    assert_eq!(codes, BTreeMap::from([("000", 40)]));
    let tenants = harness.ledger.tenants(TenantPage { before: None, limit: 99 }).await.unwrap();
    assert_eq!(tenants.iter().map(|view| view.mails.len()).collect::<Vec<_>>(), [1]);
    assert_sound(&*harness.ledger).await;
}

/// Ten workers at once: every mail is claimed by one of them.
pub async fn a_mail_is_claimed_by_one_worker<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 20).await;
    for n in 1..=20 {
        harness.join(n).await;
    }
    let now = harness.now();
    let harness = Arc::new(harness);
    let workers = (0..10).map(|_| {
        let harness = Arc::clone(&harness);
        let id = LeaseId::new(now, harness.entropy.draw());
        let lease = Lease { id, now, until: now + Duration::from_mins(2), horizon: now + Duration::from_hours(1) };
        tokio::spawn(async move { claim_in_the_end(&*harness.ledger, lease).await })
    });
    let claims = join_all(workers).await;
    let mut mails: Vec<_> = claims.into_iter().flat_map(|claim| claim.expect("no task panics")).collect();
    assert_eq!(mails.len(), 20);
    mails.sort_unstable();
    mails.dedup();
    assert_eq!(mails.len(), 20);
}

async fn claim_in_the_end<L: Outbox>(ledger: &L, lease: Lease) -> Vec<MailId> {
    in_the_end(|| ledger.claim(lease, 3)).await.into_iter().map(|mail| mail.id).collect()
}
