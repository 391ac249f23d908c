//! A tenant whose owner's data were erased.

use std::time::Duration;

use trial_core::privacy::ERASED_EMAIL;
use trial_core::tenants::{TenantAction, TenantOutcome, TenantRefusal};
use trial_core::values::{Email, MailHosts};
use trial_testkit::{LedgerHarness, MemoryLedger};

#[tokio::test]
async fn nobody_is_told_and_nothing_is_reopened() {
    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(1).await;
    let tenant = harness.join(1).await;
    harness.wait(Duration::from_secs(1));
    harness.ledger.change(|state| {
        let kept = state.tenants.get_mut(&tenant).unwrap();
        kept.email = Email::parse_at(MailHosts::Any, ERASED_EMAIL).unwrap();
    });
    let closed = harness.change(tenant, TenantAction::Close).await;
    assert_eq!((closed.mail, closed.mail_waits), (None, false));
    assert_eq!(harness.order(tenant, TenantAction::Reopen).await, TenantOutcome::Refused(TenantRefusal::Forgotten));
}
