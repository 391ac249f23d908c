//! As on SQLite.

use trial_core::values::TenantId;
use trial_testkit::{LedgerHarness, data};

use super::server::Database;
use crate::poison::{
    EVENT, POISON, SETTING, assert_only_the_sound_one_comes, assert_settings_are_as_configured,
    assert_the_other_events_come, three_tenants,
};

fn literal(tenant: TenantId) -> String {
    format!("decode('{}', 'hex')", tenant.to_string().replace('-', ""))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_mail_holds_up_no_other() {
    let database = Database::new().await;
    let harness = LedgerHarness::new(database.open().await).with_access_codes(3).await;
    let tenants = three_tenants(&harness).await;
    for (tenant, (poison, _)) in tenants[1..].iter().zip(POISON) {
        database.execute(&format!("{poison} {}", literal(*tenant))).await;
    }
    assert_only_the_sound_one_comes(&harness, &tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_event_is_shown_as_failed_and_the_others_come() {
    let database = Database::new().await;
    let planner = data::planner_with(|policy| policy.platform_listens = true);
    let harness = LedgerHarness::with_planner(database.open().await, planner).with_access_codes(3).await;
    let tenants = three_tenants(&harness).await;
    database.execute(&format!("{EVENT} {}", literal(tenants[0]))).await;
    assert_the_other_events_come(&harness, &tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_cannot_be_read_is_as_configured() {
    let database = Database::new().await;
    database.execute(SETTING).await;
    assert_settings_are_as_configured(&LedgerHarness::new(database.open().await)).await;
}
