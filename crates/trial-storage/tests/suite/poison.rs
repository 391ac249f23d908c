//! An unreadable row holds up itself alone.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use trial_core::mails::{Lease, MailPage, MailState};
use trial_core::platform::{EndpointId, EventClaim, EventPage, EventState};
use trial_core::policy::{Policy, SettingCommand, SettingKey, SettingOutcome, SettingValue};
use trial_core::ports::{EventOperations, EventOutbox, Operations, Outbox, SettingsStore, TrialLedger};
use trial_core::tenants::TenantPage;
use trial_core::values::{LeaseId, TenantId};
use trial_storage::{SqliteLedger, SqliteOptions};
use trial_testkit::{LedgerHarness, data};

/// Changes of the rows of three tenants, the first of whom is left alone, and the messages about the two others.
pub(crate) const POISON: [(&str, &str); 2] = [
    ("UPDATE mails SET recipient = 'nobody' WHERE tenant = ", "its rows cannot be read: "),
    ("UPDATE tenants SET created_at = 9223372036854775807 WHERE id = ", "its rows cannot be read: "),
];

/// Makes the event of a tenant unreadable.
pub(crate) const EVENT: &str = "UPDATE platform_events SET at = 9223372036854775807 WHERE tenant = ";

/// A setting with a value of a newer release.
pub(crate) const SETTING: &str = "INSERT INTO setting_changes (seq, setting, value, in_force, at, actor) \
    VALUES (1, 'verification.max_tries', 'adaptive', 'verification.max_tries=adaptive', 0, 'ada')";

/// Three tenants, one after the other.
pub(crate) async fn three_tenants<L: TrialLedger>(harness: &LedgerHarness<L>) -> Vec<TenantId> {
    let mut tenants = Vec::new();
    for n in 1..4 {
        tenants.push(harness.join(n).await);
        harness.wait(Duration::from_secs(1));
    }
    tenants
}

/// Claims everything, and checks that the first tenant's mail alone comes, and that the others are reported.
pub(crate) async fn assert_only_the_sound_one_comes<L>(harness: &LedgerHarness<L>, tenants: &[TenantId])
where
    L: TrialLedger + Outbox + Operations,
{
    let now = harness.now();
    let hour = Duration::from_hours(1);
    let lease = Lease { id: LeaseId::new(now, [1; 10]), now, until: now + hour, horizon: now + hour };
    let claimed = harness.ledger.claim(lease, 9).await.unwrap();
    assert_eq!(claimed.iter().map(|mail| mail.tenant.as_ref().unwrap().id).collect::<Vec<_>>(), tenants[..1]);
    let page = MailPage { state: Some(MailState::Failed), tenant: None, before: None, limit: 9 };
    let mut failed = harness.ledger.mails(page).await.unwrap();
    failed.reverse();
    assert_eq!(failed.iter().map(|entry| entry.tenant.unwrap()).collect::<Vec<_>>(), tenants[1..]);
    for (entry, (_, reason)) in failed.iter().zip(POISON) {
        let said = entry.mail.last_reply.as_deref().unwrap_or_default();
        assert!(said.starts_with(reason) && !said.contains("nobody"), "{said}");
    }
    assert_eq!(harness.ledger.claim(lease, 9).await.unwrap(), [], "nothing is due any more");
    let listed = harness.ledger.tenants(TenantPage { before: None, limit: 9 }).await.unwrap();
    assert_eq!(listed.len(), tenants.len(), "each is listed, the unreadable ones with the nearest instant");
}

/// Claims every event, and checks that those of the other tenants come, and that the first tenant's is shown as failed.
pub(crate) async fn assert_the_other_events_come<L>(harness: &LedgerHarness<L>, tenants: &[TenantId])
where
    L: TrialLedger + EventOutbox + EventOperations,
{
    let (now, endpoint) = (harness.now(), EndpointId::of_url("https://platform.example.com/hooks"));
    let hour = Duration::from_hours(1);
    let lease = Lease { id: LeaseId::new(now, [1; 10]), now, until: now + hour, horizon: now + hour };
    let claim = harness.ledger.claim_events(endpoint.clone(), lease, 9).await.unwrap();
    let EventClaim::Due(claimed) = claim else { panic!("the endpoint is not gone") };
    assert_eq!(claimed.iter().map(|due| due.event.tenant).collect::<Vec<_>>(), tenants[1..]);
    let page = |state| EventPage { state, before: None, limit: 9 };
    let failed = harness.ledger.events(page(Some(EventState::Failed))).await.unwrap();
    let [failed] = failed.as_slice() else { panic!("{failed:?}") };
    assert_eq!(failed.event.tenant, tenants[0]);
    assert_eq!(
        failed.last_reply.as_deref(),
        Some("its rows cannot be read: platform_events.at holds an invalid value")
    );
    assert_eq!(harness.ledger.events(page(None)).await.unwrap().len(), tenants.len());
    assert_eq!(harness.ledger.event_queue(endpoint).await.unwrap().failed, 1);
}

/// Decides, lists and changes settings beside an unreadable one.
pub(crate) async fn assert_settings_are_as_configured<L: TrialLedger + SettingsStore>(harness: &LedgerHarness<L>) {
    harness.ask(&data::phone(1)).await.unwrap();
    let in_force = harness.ledger.settings().await.unwrap();
    assert!(in_force.overrides.is_empty() && in_force.overrides.unreadable().eq(["verification.max_tries=adaptive"]));
    assert_eq!(harness.ledger.setting_changes(None, 9).await.unwrap(), []);
    let (key, value) = (SettingKey::MaxTries, Some(SettingValue::Count(3)));
    let order = SettingCommand { key, value, seen: Some(1) };
    let changed = harness.ledger.change_setting(order, Arc::new(Policy::default()), harness.operator()).await.unwrap();
    let SettingOutcome::Changed(in_force) = changed else { panic!("{changed:?}") };
    assert_eq!((in_force.overrides.get(key), in_force.overrides.unreadable().count()), (value, 0));
}

async fn migrated() -> (tempfile::TempDir, SqliteLedger, SqliteConnection) {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(dir.path().join("trialgate.db"));
    SqliteLedger::migrate(&options).await.unwrap();
    let conn = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    (dir, SqliteLedger::open(options).await.unwrap(), conn)
}

fn literal(tenant: TenantId) -> String {
    format!("x'{}'", tenant.to_string().replace('-', ""))
}

#[tokio::test]
async fn a_poisonous_mail_holds_up_no_other() {
    let (_dir, ledger, mut conn) = migrated().await;
    let harness = LedgerHarness::new(ledger).with_access_codes(3).await;
    let tenants = three_tenants(&harness).await;
    for (tenant, (poison, _)) in tenants[1..].iter().zip(POISON) {
        conn.batch_execute(&format!("{poison} {}", literal(*tenant))).unwrap();
    }
    assert_only_the_sound_one_comes(&harness, &tenants).await;
}

#[tokio::test]
async fn a_poisonous_event_is_shown_as_failed_and_the_others_come() {
    let (_dir, ledger, mut conn) = migrated().await;
    let planner = data::planner_with(|policy| policy.platform_listens = true);
    let harness = LedgerHarness::with_planner(ledger, planner).with_access_codes(3).await;
    let tenants = three_tenants(&harness).await;
    conn.batch_execute(&format!("{EVENT} {}", literal(tenants[0]))).unwrap();
    assert_the_other_events_come(&harness, &tenants).await;
}

#[tokio::test]
async fn a_setting_that_cannot_be_read_is_as_configured() {
    let (_dir, ledger, mut conn) = migrated().await;
    conn.batch_execute(SETTING).unwrap();
    assert_settings_are_as_configured(&LedgerHarness::new(ledger)).await;
}
