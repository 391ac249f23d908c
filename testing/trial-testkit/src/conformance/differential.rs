//! The tested ledger beside the one in memory, through random histories.

use std::sync::Arc;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use trial_core::access_codes::{AccessCodeImport, RestOver};
use trial_core::applications::ApplicationQuery;
use trial_core::mails::{DueMail, Lease, MailState, SettledAs, Settlement};
use trial_core::ports::{Operations, Outbox, TrialLedger, Upkeep};
use trial_core::tenants::{TenantPage, TenantView};
use trial_core::values::{AccessCodeKind, LeaseId};

use super::{LedgerFactory, assert_sound};
use crate::data::{changed_by, email, multimedia, voice};
use crate::scenario::{PHONES, Scenario, Stage, life_scenarios, scenario_phone};
use crate::{FixedClock, MemoryLedger, SeededEntropy};

pub(super) const HISTORIES: usize = 24;
const FAR: u32 = 10_000;

/// The same histories have the same outcomes and leave the same state.
pub async fn it_agrees_with_the_ledger_in_memory<F: LedgerFactory>(factory: &F) {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(42), ..Config::default() });
    let histories = life_scenarios(1..14, 0..9);
    for number in 0..HISTORIES {
        let scenario = histories.new_tree(&mut runner).expect("it filters nothing").current();
        compare(number, &scenario, &MemoryLedger::default(), &factory.fresh().await).await;
    }
}

async fn compare<L: TrialLedger + Outbox + Operations + Upkeep>(
    number: usize,
    scenario: &Scenario,
    memory: &MemoryLedger,
    tested: &L,
) {
    let planner = scenario.planner();
    import(scenario, memory).await;
    import(scenario, tested).await;
    let mut stage = Stage::default();
    for (place, round) in scenario.rounds.iter().enumerate() {
        let batch = Arc::new(stage.batch(round));
        let expected = memory.commit(Arc::clone(&batch), Arc::clone(&planner)).await.unwrap();
        let outcomes = tested.commit(Arc::clone(&batch), Arc::clone(&planner)).await.unwrap();
        assert_eq!(outcomes, expected, "history {number}, round {place}: {scenario:#?}");
        stage.learn(&outcomes);
        let rest = RestOver { now: batch.now, quarantine: planner.policy().trial.quarantine };
        let expected = (
            memory.due_tenants(batch.now, None, 2).await.unwrap(),
            memory.end_rests(rest, 1, true).await.unwrap(),
            memory.end_rests(rest, 1, false).await.unwrap(),
        );
        let found = (
            tested.due_tenants(batch.now, None, 2).await.unwrap(),
            tested.end_rests(rest, 1, true).await.unwrap(),
            tested.end_rests(rest, 1, false).await.unwrap(),
        );
        assert_eq!(found, expected, "history {number}, round {place}");
        let lease = lease(&batch, place);
        let expected = memory.claim(lease, 2).await.unwrap();
        assert_eq!(tested.claim(lease, 2).await.unwrap(), expected, "history {number}, round {place}");
        let settlements: Vec<_> =
            expected.iter().zip(0..).map(|(mail, n)| settlement(mail, lease, place + n)).collect();
        memory.settle(settlements.clone()).await.unwrap();
        tested.settle(settlements).await.unwrap();
        assert_eq!(views(tested, &batch).await, views(memory, &batch).await, "history {number}, round {place}");
    }
    assert_sound(tested).await;
    assert_sound(memory).await;
}

pub(super) async fn import<L: Operations>(scenario: &Scenario, ledger: &L) {
    let row = |code, kind| (1, code, kind);
    let voice = (0..scenario.voice).map(|n| row(voice(n), AccessCodeKind::Voice));
    let multimedia = (0..scenario.multimedia).map(|n| row(multimedia(n), AccessCodeKind::Multimedia));
    let by = changed_by(trial_core::ports::Clock::now(&FixedClock::default()), &SeededEntropy::new(1));
    let import = AccessCodeImport { rows: voice.chain(multimedia).collect() };
    ledger.import_access_codes(import, false, by).await.unwrap();
}

fn lease(batch: &trial_core::planner::Batch, place: usize) -> Lease {
    let now = batch.now;
    let id = LeaseId::new(now, [u8::try_from(place).expect("few rounds"); 10]);
    let minutes = chrono::TimeDelta::minutes;
    Lease { id, now, until: now + minutes(2), horizon: now + minutes(30) }
}

/// Some mails are sent, some are retried, some fail, and some leases are left to end.
fn settlement(mail: &DueMail, lease: Lease, choice: usize) -> Settlement {
    let error = || "451 later".to_owned();
    let settled_as = match choice % 4 {
        0 => SettledAs::Sent { reply: "250 OK".to_owned() },
        1 => SettledAs::Failed { error: error() },
        _ => SettledAs::Retry { next_attempt_at: lease.now + chrono::TimeDelta::seconds(10), error: error() },
    };
    // Under an unknown lease, it counts only if the mail was sent.
    let lease_id = if choice % 4 == 3 { LeaseId::from_bytes([0; 16]) } else { lease.id };
    Settlement { mail: mail.id, lease: lease_id, at: lease.now, settled_as }
}

/// Everything that operators can see.
pub(super) async fn views<L: Operations>(ledger: &L, batch: &trial_core::planner::Batch) -> Vec<String> {
    let tenants = ledger.tenants(TenantPage { before: None, limit: FAR }).await.unwrap();
    let mut views: Vec<_> = tenants.into_iter().map(|view| format!("{:?}", comparable(view))).collect();
    views.push(format!("{:?}", ledger.access_code_stock().await.unwrap()));
    views.push(format!("{:?}", ledger.quota(batch.now.date_naive()).await.unwrap()));
    for n in 0..PHONES {
        let phone = scenario_phone(n);
        views.push(format!("{:?}", ledger.phone_failures(phone.clone()).await.unwrap()));
        for query in [ApplicationQuery::Phone(phone), ApplicationQuery::Email(email(n).key().clone())] {
            let mut found = ledger.find_applications(query, FAR).await.unwrap();
            // Their mails are compared with the tenants.
            found.applications.iter_mut().for_each(|application| application.mails.clear());
            views.push(format!("{found:?}"));
        }
    }
    views
}

/// The time of the next attempt means nothing once a mail is not due.
fn comparable(mut view: TenantView) -> TenantView {
    for mail in &mut view.mails {
        if mail.state != MailState::Due {
            mail.next_attempt_at = mail.created_at;
        }
    }
    view
}
