//! The data that outlives the process.

use std::sync::Arc;

use trial_core::applications::{ApplicationQuery, ApplyOutcome};
use trial_core::policy::{Policy, SettingCommand, SettingKey, SettingOutcome, SettingValue};
use trial_core::ports::{Operations, SettingsStore, TrialLedger};
use trial_core::tenants::TenantPage;
use trial_core::verification::CodeRefusal;

use super::{LedgerFactory, assert_sound, harness};
use crate::LedgerHarness;
use crate::data::{application, phone};

/// Everything committed is there when the ledger is opened again, and rules continue from it.
pub async fn committed_data_outlives_the_process<F: LedgerFactory>(factory: &F) {
    let before = harness(factory, 2).await;
    before.set_threshold(2).await;
    let order = SettingCommand { key: SettingKey::MaxTries, value: Some(SettingValue::Count(3)), seen: None };
    let configured = Arc::new(Policy::default());
    let changed = before.ledger.change_setting(order, configured, before.operator()).await.unwrap();
    let accepted = before.prepared(1).await;
    let ApplyOutcome::Accepted { tenant } = before.apply(accepted.clone()).await else { panic!("a tenant") };
    let sent = before.send(&phone(2)).await;
    assert_eq!(before.apply_for_code(application(2, "wrong")).await, "002");
    let views = views(&*before.ledger).await;

    let now = before.now();
    let ledger = Arc::into_inner(before.ledger).expect("nobody else has it");
    let Some(ledger) = factory.reopen(ledger).await else { return };
    // Ids continue after the last; the clock stands still.
    let mut after = LedgerHarness::new(ledger);
    after.entropy = crate::SeededEntropy::new(8);
    assert_eq!(after.now(), now);
    assert_eq!(self::views(&*after.ledger).await, views);
    assert_eq!(SettingOutcome::Changed(after.ledger.settings().await.unwrap()), changed);
    assert_eq!(after.apply(accepted).await, ApplyOutcome::Replayed { tenant });
    assert!(matches!(after.ask(&phone(2)).await, Err(CodeRefusal::TooSoon { .. })));
    assert_eq!(after.ledger.phone_failures(phone(2)).await.unwrap(), Some(1));
    assert_eq!(after.apply_for_code(application(2, sent.code.reveal())).await, "000");
    assert_eq!(after.ask(&phone(3)).await, Err(CodeRefusal::QuotaReached { threshold: 2 }));
    assert_sound(&*after.ledger).await;
}

async fn views<L: TrialLedger + Operations>(ledger: &L) -> String {
    let tenants = ledger.tenants(TenantPage { before: None, limit: 99 }).await.unwrap();
    let stock = ledger.access_code_stock().await.unwrap();
    let timeline = ledger.find_applications(ApplicationQuery::Phone(phone(2)), 99).await.unwrap();
    format!("{tenants:?} {stock:?} {timeline:?}")
}
