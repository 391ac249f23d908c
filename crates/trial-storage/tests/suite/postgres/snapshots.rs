//! A transaction that stays open, as that of a long `pg_dump`, keeps the old versions of every row. Decisions and claims
//! of mails do not visit them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use trial_core::applications::ApplyOutcome;
use trial_core::mails::{Lease, SettledAs, Settlement};
use trial_core::planner::{Outcome, Request};
use trial_core::ports::{Entropy, Outbox};
use trial_core::values::LeaseId;
use trial_storage::PostgresLedger;
use trial_testkit::{LedgerHarness, data};

use super::server::Database;

/// Decisions between two counts, each of which changes every row that decisions share.
const COUNTED: u32 = 20;
const BETWEEN: u32 = 500;

/// Blocks of each table that were read, and of its indexes. Sessions report them when they end.
const READ: &str = "SELECT relname || ' ' || heap_blks_read + heap_blks_hit || ' ' || coalesce(idx_blks_read + idx_blks_hit, 0) \
    FROM pg_statio_user_tables";
const OTHERS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// One applicant, whose phones are in number ranges of their own.
fn applicant(n: u32) -> u32 {
    n * 10_000
}

/// Decides, `times` in a row: an applicant is accepted, and the next one gets a code.
async fn decide(harness: &LedgerHarness<PostgresLedger>, next: &mut u32, times: u32) {
    for _ in 0..times {
        let (this, following) = (applicant(*next), data::phone(applicant(*next + 1)));
        let application = data::application(this, &harness.code_on(&data::phone(this)));
        let asked = Request::SendCode(data::code_request(&following));
        let outcomes = harness.commit([Request::Apply(application), asked]).await;
        assert!(
            matches!(
                outcomes.as_slice(),
                [Outcome::Apply(ApplyOutcome::Accepted { .. }), Outcome::SendCode(_, Some(_))]
            ),
            "{outcomes:?}"
        );
        *next += 1;
    }
}

/// Delivers every mail that is due.
async fn deliver(harness: &LedgerHarness<PostgresLedger>) {
    loop {
        let mut id = [0; 16];
        harness.entropy.fill(&mut id);
        let (id, now) = (LeaseId::from_bytes(id), harness.now());
        let lease = Lease { id, now, until: now + Duration::from_mins(1), horizon: now + Duration::from_hours(1) };
        let mails = harness.ledger.claim(lease, 1_000).await.unwrap();
        if mails.is_empty() {
            return;
        }
        let settled_as = || SettledAs::Sent { reply: "250".to_owned() };
        let settled =
            mails.iter().map(|mail| Settlement { mail: mail.id, lease: id, at: now, settled_as: settled_as() });
        harness.ledger.settle(settled.collect()).await.unwrap();
    }
}

/// The blocks that each table had read until now, and its indexes, when only the old snapshot is open.
async fn read(database: &Database, harness: &LedgerHarness<PostgresLedger>) -> BTreeMap<String, [u64; 2]> {
    harness.ledger.close();
    database.until(OTHERS, "1").await;
    let tables = database.execute(READ).await;
    let table = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next().unwrap().to_owned();
        (name, [(); 2].map(|()| words.next().unwrap().parse().unwrap()))
    };
    tables.lines().map(table).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_snapshot_slows_no_decision_and_no_claim() {
    let database = Database::new().await;
    let mut harness = LedgerHarness::new(database.open().await).with_access_codes(BETWEEN + 3 * COUNTED).await;
    harness.set_threshold(10_000).await;
    let mut snapshot = AsyncPgConnection::establish(&database.server.url(&database.name)).await.unwrap();
    snapshot.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM tenants").await.unwrap();

    let mut next = 1;
    harness.ask(&data::phone(applicant(next))).await.unwrap();
    decide(&harness, &mut next, COUNTED).await;
    let mut counts = Vec::new();
    for between in [0, BETWEEN] {
        decide(&harness, &mut next, between).await;
        deliver(&harness).await;
        // Longer than mails may be late for the claims that follow.
        harness.wait(Duration::from_mins(10));
        next += 1;
        harness.ask(&data::phone(applicant(next))).await.unwrap();
        let before = read(&database, &harness).await;
        harness.ledger = Arc::new(database.open().await);
        for _ in 0..COUNTED {
            decide(&harness, &mut next, 1).await;
            deliver(&harness).await;
        }
        let mut after = read(&database, &harness).await;
        for (table, blocks) in &mut after {
            let before = before.get(table).copied().unwrap_or_default();
            *blocks = [0, 1].map(|place| blocks[place] - before[place]);
        }
        counts.push(after);
        harness.ledger = Arc::new(database.open().await);
    }
    for (table, [heap, index]) in &counts[1] {
        let [earlier_heap, earlier_index] = counts[0][table];
        // The first claim of a ledger that was just opened looks at every mail that was due since the snapshot.
        let first_claim = if table == "mails" { 4 * u64::from(BETWEEN) } else { 0 };
        let most = earlier_heap + u64::from(COUNTED) + first_claim;
        assert!(*heap <= most, "{table}: {earlier_heap} blocks, then {heap}");
        // An index may be a level deeper, which each of the look-ups of a decision descends once more.
        let most = 2 * earlier_index + u64::from(COUNTED);
        assert!(*index <= most, "index of {table}: {earlier_index} blocks, then {index}");
    }
    drop(snapshot);
}
