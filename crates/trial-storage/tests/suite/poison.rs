//! A mail whose rows cannot be read is given up, and stands in no other's way.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::ports::{Operations, Outbox, TrialLedger};
use trial_core::{Lease, LeaseId, MailPage, MailState, TenantId};
use trial_storage::{SqliteLedger, SqliteOptions};
use trial_testkit::Desk;

/// What is done to the rows of three tenants, the first of whom is left alone, and what is said of the two others.
pub(crate) const POISON: [(&str, &str); 2] = [
    ("UPDATE mails SET recipient = 'nobody' WHERE tenant = ", "its rows cannot be read: "),
    ("UPDATE tenants SET created_at = 9223372036854775807 WHERE id = ", "its rows cannot be read: "),
];

/// Three tenants, one after the other.
pub(crate) async fn three_tenants<L: TrialLedger>(desk: &Desk<L>) -> Vec<TenantId> {
    let mut tenants = Vec::new();
    for n in 1..4 {
        tenants.push(desk.join(n).await);
        desk.wait(Duration::from_secs(1));
    }
    tenants
}

/// Claims everything, and sees that the first tenant's mail alone comes, and that the others are told of.
pub(crate) async fn assert_only_the_sound_one_comes<L>(desk: &Desk<L>, tenants: &[TenantId])
where
    L: TrialLedger + Outbox + Operations,
{
    let now = desk.now();
    let hour = Duration::from_hours(1);
    let lease = Lease { id: LeaseId::new(now, [1; 10]), now, until: now + hour, horizon: now + hour };
    let claimed = desk.ledger.claim(lease, 9).await.unwrap();
    assert_eq!(claimed.iter().map(|mail| mail.tenant.as_ref().unwrap().id).collect::<Vec<_>>(), tenants[..1]);
    let page = MailPage { state: Some(MailState::Failed), tenant: None, before: None, limit: 9 };
    let mut failed = desk.ledger.mails(page).await.unwrap();
    failed.reverse();
    assert_eq!(failed.iter().map(|entry| entry.tenant.unwrap()).collect::<Vec<_>>(), tenants[1..]);
    for (entry, (_, reason)) in failed.iter().zip(POISON) {
        let said = entry.mail.last_reply.as_deref().unwrap_or_default();
        assert!(said.starts_with(reason) && !said.contains("nobody"), "{said}");
    }
    assert_eq!(desk.ledger.claim(lease, 9).await.unwrap(), [], "nothing is due any more");
}

#[tokio::test]
async fn a_poisonous_mail_stands_in_no_others_way() {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(dir.path().join("trialgate.db"));
    SqliteLedger::migrate(&options).await.unwrap();
    let desk = Desk::new(SqliteLedger::open(options.clone()).await.unwrap()).with_access_codes(3).await;
    let tenants = three_tenants(&desk).await;
    let mut conn = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    for (tenant, (poison, _)) in tenants[1..].iter().zip(POISON) {
        let id = tenant.to_string().replace('-', "");
        conn.batch_execute(&format!("{poison} x'{id}'")).unwrap();
    }
    assert_only_the_sound_one_comes(&desk, &tenants).await;
}
