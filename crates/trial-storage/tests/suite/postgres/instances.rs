//! Several instances on one database, each with connections of its own.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use trial_core::applications::{Application, ApplyOutcome};
use trial_core::error::LedgerError;
use trial_core::mails::{Lease, SettledAs, Settlement};
use trial_core::planner::{Outcome, Request};
use trial_core::policy::{Policy, SettingCommand, SettingKey, SettingOutcome, SettingValue};
use trial_core::ports::{Operations, Outbox, SettingsStore, TrialLedger};
use trial_core::values::LeaseId;
use trial_core::verification::CodeRefusal;
use trial_storage::PostgresLedger;
use trial_testkit::{LedgerHarness, SeededEntropy, data};

use super::server::{Database, assert_sound};

const INSTANCES: u64 = 3;
const APPLICANTS: u32 = 60;

async fn in_the_end<T, F: Future<Output = Result<T, LedgerError>>>(work: impl Fn() -> F) -> T {
    loop {
        match work().await {
            Ok(done) => return done,
            Err(LedgerError::Contended(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("the ledger can be used: {error:?}"),
        }
    }
}

/// Decides on one instance, a few applications at a time, in an order of its own.
async fn decide(ledger: PostgresLedger, mut applications: Vec<Application>, entropy: SeededEntropy) -> usize {
    let now = trial_core::ports::Clock::now(&trial_testkit::FixedClock::default());
    let [turn] = entropy.draw();
    let first = usize::from(turn) % applications.len();
    applications.rotate_left(first);
    let mut accepted = 0;
    for part in applications.chunks(3) {
        let batch = Arc::new(data::batch(now, &entropy, part.iter().cloned().map(Request::Apply)));
        let outcomes = in_the_end(|| ledger.commit(Arc::clone(&batch), data::planner())).await;
        let is_new = |outcome: &&Outcome| matches!(outcome, Outcome::Apply(ApplyOutcome::Accepted { .. }));
        accepted += outcomes.iter().filter(is_new).count();
    }
    accepted
}

/// Delivers on one instance until all the mails there can be are settled.
async fn deliver(ledger: PostgresLedger, instance: u8) {
    let now = trial_core::ports::Clock::now(&trial_testkit::FixedClock::default());
    for round in 0..40_u8 {
        let id = LeaseId::from_bytes([instance, round, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        let lease = Lease { id, now, until: now + Duration::from_mins(1), horizon: now + Duration::from_hours(1) };
        let claimed = in_the_end(|| ledger.claim(lease, 4)).await;
        let settlements: Vec<_> = claimed
            .iter()
            .rev()
            .map(|mail| {
                let settled_as = SettledAs::Sent { reply: "250".to_owned() };
                Settlement { mail: mail.id, lease: id, at: now, settled_as }
            })
            .collect();
        in_the_end(|| ledger.settle(settlements.clone())).await;
    }
}

/// The changes that operators make meanwhile.
async fn operate(ledger: PostgresLedger, entropy: SeededEntropy) {
    let now = trial_core::ports::Clock::now(&trial_testkit::FixedClock::default());
    for n in 0..20 {
        let by = || data::changed_by(now, &entropy);
        in_the_end(|| trial_testkit::set_threshold(&ledger, 1_000 + n, by())).await;
        in_the_end(|| ledger.unlock_phone(data::phone(n), by())).await;
        in_the_end(|| ledger.import_access_codes(data::access_codes(200 + n), false, by())).await;
    }
}

/// Every applicant applies at every instance, while mails are delivered and operators change the rules: nobody waits
/// for ever, everyone gets one tenant, and every invariant holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_agree_and_never_wait_for_each_other_for_ever() {
    let database = Database::new().await;
    let harness = LedgerHarness::new(database.open().await).with_access_codes(200).await;
    let mut applications = Vec::new();
    for n in 1..=APPLICANTS {
        applications.push(harness.prepared(n).await);
    }
    let mut deciding = Vec::new();
    let mut others = Vec::new();
    for instance in 0..INSTANCES {
        let ledger = database.open().await;
        let entropy = SeededEntropy::new(100 + instance);
        deciding.push(tokio::spawn(decide(ledger.clone(), applications.clone(), entropy)));
        others.push(tokio::spawn(deliver(ledger.clone(), u8::try_from(instance).unwrap())));
        others.push(tokio::spawn(operate(ledger, SeededEntropy::new(200 + instance))));
    }
    let accepted: usize = join_all(deciding).await.into_iter().map(Result::unwrap).sum();
    join_all(others).await.into_iter().for_each(Result::unwrap);
    assert_eq!(accepted, applications.len(), "each is accepted by one instance");
    let counts = "SELECT (SELECT count(*) FROM tenants), (SELECT reserved FROM quota_days), \
        (SELECT count(*) FROM applications WHERE outcome = 'replayed'), (SELECT count(*) FROM mails WHERE attempts > 1)";
    assert_eq!(database.execute(counts).await, "60|60|120|0");
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(database.execute(deadlocks).await, "0");
    assert_sound(&harness.ledger).await;
}

/// A setting that one instance changes holds for the next decision of another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_setting_holds_everywhere_at_once() {
    let database = Database::new().await;
    let harness = LedgerHarness::new(database.open().await);
    let other = database.open().await;
    let change = async |value| {
        let order = SettingCommand { key: SettingKey::ResendAfter, value, seen: None };
        let changed = other.change_setting(order, Arc::new(Policy::default()), harness.operator()).await.unwrap();
        assert!(matches!(changed, SettingOutcome::Changed(_)), "{changed:?}");
    };
    let phone = data::phone(1);
    harness.ask(&phone).await.unwrap();
    assert!(matches!(harness.ask(&phone).await, Err(CodeRefusal::TooSoon { .. })));
    change(Some(SettingValue::SettingDuration(Duration::ZERO))).await;
    harness.ask(&phone).await.unwrap();
    change(None).await;
    assert!(matches!(harness.ask(&phone).await, Err(CodeRefusal::TooSoon { .. })));
}

/// A daily limit that one instance sets holds for the next decision of another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_threshold_holds_everywhere_at_once() {
    let database = Database::new().await;
    let harness = LedgerHarness::new(database.open().await).with_access_codes(9).await;
    let other = database.open().await;
    let waiting = [harness.prepared(1).await, harness.prepared(2).await];
    trial_testkit::set_threshold(&other, 1, harness.operator()).await.unwrap();
    assert_eq!(harness.apply_for_code(waiting[0].clone()).await, "000");
    assert_eq!(harness.apply_for_code(waiting[1].clone()).await, "205");
    trial_testkit::set_threshold(&other, 2, harness.operator()).await.unwrap();
    assert_eq!(harness.apply_for_code(waiting[1].clone()).await, "000");
}
