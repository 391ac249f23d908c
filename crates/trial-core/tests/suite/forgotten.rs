//! A tenant whose owner's data were erased.

use std::time::Duration;

use trial_core::privacy::ERASED_EMAIL;
use trial_core::tenants::{LifeOrder, LifeOutcome, LifeRefusal};
use trial_core::values::{Email, MailHosts};
use trial_testkit::{Desk, MemoryLedger};

#[tokio::test]
async fn nobody_is_told_and_nothing_is_reopened() {
    let desk = Desk::new(MemoryLedger::default()).with_access_codes(1).await;
    let tenant = desk.join(1).await;
    desk.wait(Duration::from_secs(1));
    desk.ledger.change(|state| {
        let kept = state.tenants.get_mut(&tenant).unwrap();
        kept.email = Email::parse_at(MailHosts::Any, ERASED_EMAIL).unwrap();
    });
    let closed = desk.change(tenant, LifeOrder::Close).await;
    assert_eq!((closed.mail, closed.mail_waits), (None, false));
    assert_eq!(desk.order(tenant, LifeOrder::Reopen).await, LifeOutcome::Refused(LifeRefusal::Forgotten));
}
