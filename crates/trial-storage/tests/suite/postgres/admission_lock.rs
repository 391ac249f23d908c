//! One decision at a time: waits for the admission lock, their bounds, and the facts read after them.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tokio::task::JoinHandle;
use trial_core::access_codes::ImportPlan;
use trial_core::applications::ApplicationQuery;
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Outcome, Request};
use trial_core::ports::{Operations, TrialLedger};
use trial_core::sms::GatewayReply;
use trial_storage::{PostgresLedger, PostgresOptions};
use trial_testkit::{LedgerHarness, SeededEntropy, data};

use super::server::{Database, assert_sound};

/// The advisory lock of decisions, as any session sees it.
const HELD: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
/// Sessions that wait for it.
pub(super) const AWAITED: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

fn asking(n: u32) -> Arc<Batch> {
    asking_with(n, n.into())
}

/// A request for a code, with the ids of this seed.
fn asking_with(n: u32, seed: u64) -> Arc<Batch> {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    Arc::new(data::batch(now, &SeededEntropy::new(seed), [Request::SendCode(data::code_request(&data::phone(n)))]))
}

/// A decision that holds the lock, until the session returned with it is dropped.
async fn deciding(database: &Database, batch: Arc<Batch>) -> (AsyncPgConnection, JoinHandle<Vec<Outcome>>) {
    // As long as a test may take.
    let options = PostgresOptions { turn_timeout: Duration::from_mins(1), ..database.options() };
    let ledger = PostgresLedger::open(options).await.unwrap();
    let in_the_way = database.hold_up().await;
    let deciding = tokio::spawn(async move { ledger.commit(batch, data::planner()).await.unwrap() });
    database.until(HELD, "1").await;
    (in_the_way, deciding)
}

/// The first batch is formed at once; one after a long decision is formed under the lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_turn_that_does_not_come_is_contention_and_then_gathers_nothing() {
    let database = Database::new().await;
    let (in_the_way, deciding) = deciding(&database, asking(1)).await;
    let options = PostgresOptions { turn_timeout: Duration::from_millis(50), ..database.options() };
    let waiting = PostgresLedger::open(options).await.unwrap();
    let refused = waiting.commit(asking(2), data::planner()).await;
    assert!(matches!(refused, Err(LedgerError::Contended(_))), "{refused:?}");
    let refused = waiting.commit_next(Box::new(|| panic!("its turn never came")), data::planner()).await;
    assert!(matches!(refused, Err(LedgerError::Contended(_))), "{refused:?}");
    drop(in_the_way);
    assert_eq!(deciding.await.unwrap().len(), 1);
    assert_eq!(waiting.commit(asking(2), data::planner()).await.unwrap().len(), 1);
}

/// The check fails as decisions do, and names the session that holds the lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_holds_the_admission_lock_fails_the_check_and_is_named() {
    let database = Database::new().await;
    let options = PostgresOptions { turn_timeout: Duration::from_millis(50), ..database.options() };
    let ledger = PostgresLedger::open(options).await.unwrap();
    ledger.check().await.unwrap();
    let named = async || {
        let concerns = ledger.concerns().await.unwrap();
        concerns.into_iter().find(|(is_grave, text)| *is_grave && text.contains("the admission lock"))
    };
    assert_eq!(named().await, None);
    let mut holder = AsyncPgConnection::establish(&database.server.url(&database.name)).await.unwrap();
    holder
        .batch_execute("SET application_name = 'a shell'; SELECT pg_advisory_lock(6085041913682420084)")
        .await
        .unwrap();
    let refused = ledger.check().await;
    assert!(matches!(refused, Err(LedgerError::Contended(_))), "{refused:?}");
    let named = loop {
        if let Some((_, named)) = named().await {
            break named;
        }
    };
    let pid = database.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'a shell'").await;
    assert!(named.starts_with(&format!("session {pid} of ")) && named.contains("(a shell)"), "{named}");
    drop(holder);
    database.until(HELD, "0").await;
    ledger.check().await.unwrap();
}

/// PostgreSQL hides the transactions of other roles from a role without privileges.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_holder_of_another_role_is_named_too() {
    let database = Database::new().await;
    let role = format!("role_{}", database.name);
    for sql in [
        format!("CREATE ROLE {role} LOGIN"),
        format!("GRANT ALL ON SCHEMA public TO {role}"),
        format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"),
        format!("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"),
    ] {
        database.execute(&sql).await;
    }
    let url = database.server.url(&database.name);
    let (scheme, address) = (url.split("//").next().unwrap(), url.split('@').nth(1).unwrap());
    let ledger = PostgresLedger::open(PostgresOptions::new(format!("{scheme}//{role}@{address}"))).await.unwrap();
    ledger.check().await.unwrap();
    let mut holder = AsyncPgConnection::establish(&url).await.unwrap();
    holder.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(6085041913682420084)").await.unwrap();
    let concerns = ledger.concerns().await.unwrap();
    let named = concerns.iter().any(|(is_grave, text)| *is_grave && text.contains("the admission lock"));
    assert!(named, "{concerns:?}");
}

/// Other decisions come between the pieces.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_import_takes_many_short_turns() {
    let database = Database::new().await;
    let harness = LedgerHarness::new(database.open().await);
    let import = || data::access_codes(u32::try_from(ImportPlan::PIECE).unwrap() + 1);
    let plan = harness.ledger.import_access_codes(import(), false, harness.operator()).await.unwrap();
    assert_eq!(plan.new.len(), 2 * ImportPlan::PIECE + 2);
    assert_eq!(database.execute("SELECT count(*), count(DISTINCT xmin::text) FROM access_codes").await, "4002|3");
    assert_eq!(database.execute("SELECT detail FROM audit").await, "4002 new, 0 known");
    // As if the last piece had been cut off.
    database
        .execute("DELETE FROM access_codes WHERE ctid IN (SELECT ctid FROM access_codes ORDER BY code LIMIT 2)")
        .await;
    let again = harness.ledger.import_access_codes(import(), false, harness.operator()).await.unwrap();
    assert_eq!((again.new.len(), again.known), (2, 4000));
    assert_sound(&harness.ledger).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_server_tells_its_time() {
    let database = Database::new().await;
    let ledger = database.open().await;
    let asked = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let before: i64 = database.execute(asked).await.parse().unwrap();
    let time = ledger.server_time().await.unwrap().timestamp_micros();
    let after: i64 = database.execute(asked).await.parse().unwrap();
    assert!((before..=after).contains(&time), "{before} {time} {after}");
}

/// A waiting decision sees the effects of the one before, not the state from when it began to wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_turn_sees_all_that_was_decided_before_it() {
    let database = Database::new().await;
    let second = database.open().await;
    let (in_the_way, deciding) = deciding(&database, asking(1)).await;
    let again = asking_with(1, 2);
    let waiting = tokio::spawn(async move { second.commit(again, data::planner()).await });
    // It waits for the lock, and has begun its transaction before the first one ends.
    database.until(AWAITED, "1").await;
    drop(in_the_way);
    let sent = |outcomes: Vec<Outcome>| matches!(outcomes.as_slice(), [Outcome::SendCode(_, Some(_))]);
    assert!(sent(deciding.await.unwrap()), "the first asks and is sent a code");
    assert!(!sent(waiting.await.unwrap().unwrap()), "the second asks too soon");
}

/// A missing row undoes everything, and is reported by its column, whether the commit waited for the statement (which
/// has to be prepared at first) or followed without waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_row_that_went_away_undoes_the_batch() {
    let database = Database::new().await;
    let options = PostgresOptions { turn_timeout: Duration::from_mins(1), ..database.options() };
    let ledger = PostgresLedger::open(options).await.unwrap();
    let harness = LedgerHarness::new(ledger.clone());
    let accepted = || GatewayReply::Accepted { provider_id: None };
    for is_prepared in [false, true] {
        let (settled, lost) =
            (harness.ask(&data::phone(1)).await.unwrap(), harness.ask(&data::phone(2)).await.unwrap());
        if is_prepared {
            harness.report(&settled, accepted()).await;
        }
        let mut in_the_way = database.hold_up().await;
        let batch = harness.batch([harness.report_of(&lost, accepted())]);
        let deciding = tokio::spawn({
            let ledger = ledger.clone();
            async move { ledger.commit(batch, data::planner()).await }
        });
        database.until(HELD, "1").await;
        in_the_way.batch_execute("DELETE FROM code_requests; COMMIT").await.unwrap();
        let refused = deciding.await.unwrap();
        let Err(LedgerError::Corrupt(why)) = &refused else { panic!("{refused:?}") };
        assert!(why.to_string().contains("code_requests.id 0"), "{why}");
        harness.wait(Duration::from_hours(1));
    }
}

/// The planner's first come first served holds for the pool too, even if clocks differ: a code that becomes free with
/// an earlier time than codes assigned already is assigned next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_that_become_free_late_with_an_early_time_are_given_first() {
    let database = Database::new().await;
    let harness = LedgerHarness::new(database.open().await).with_access_codes(2).await;
    harness.join(1).await;
    harness.clock.step_back(Duration::from_hours(2));
    let rows = vec![
        (2, data::voice(77), trial_core::values::AccessCodeKind::Voice),
        (3, data::multimedia(77), trial_core::values::AccessCodeKind::Multimedia),
    ];
    let import = trial_core::access_codes::AccessCodeImport { rows };
    harness.ledger.import_access_codes(import, false, harness.operator()).await.unwrap();
    assert_sound(&harness.ledger).await;
    harness.wait(Duration::from_hours(3));
    let tenant = harness.ledger.tenant(harness.join(2).await).await.unwrap().unwrap();
    let given: Vec<_> = tenant.access_codes.into_values().collect();
    assert_eq!(given, [data::voice(77), data::multimedia(77)]);
    harness.join(3).await;
    assert_eq!(harness.ledger.access_code_stock().await.unwrap()[0].free, 0);
    assert_sound(&harness.ledger).await;
}

/// PostgreSQL's texts hold no NUL; a gateway's reply may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_cannot_be_stored_are_stored_as_they_can() {
    let database = Database::new().await;
    let harness = LedgerHarness::new(database.open().await);
    let sent = harness.ask(&data::phone(1)).await.unwrap();
    harness.report(&sent, GatewayReply::Refused { reason: "no\0credit".to_owned() }).await;
    let found = harness.ledger.find_applications(ApplicationQuery::Phone(data::phone(1)), 9).await.unwrap();
    assert_eq!(found.code_requests[0].reply.as_deref(), Some("no\u{FFFD}credit"));
}
