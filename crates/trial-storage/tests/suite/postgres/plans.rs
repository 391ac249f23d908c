//! No statement of the public interface or the outbox reads a whole table, however small it is now.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use diesel::connection::{InstrumentationEvent, set_default_instrumentation};
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use trial_core::mails::{Lease, SettledAs, Settlement};
use trial_core::ports::{Outbox, Receipts};
use trial_core::sms::{DeliveryReceipt, DeliveryState, GatewayReply};
use trial_core::values::LeaseId;
use trial_storage::PostgresLedger;
use trial_testkit::{LedgerFactory, LedgerHarness, data};

use super::server::Database;
use crate::plans::{note, noted, operate_on};

/// Tables that grow, and the number of full reads of each. Sessions report when they end.
const SCANS: &str = "SELECT coalesce(string_agg(relname || ' ' || seq_scan, ', ' ORDER BY relname), '') \
    FROM pg_stat_user_tables WHERE seq_scan > 0 AND relname IN ('challenges', 'phones', 'code_requests', 'sms_days', \
    'tenants', 'access_codes', 'quota_days', 'mails', 'applications', 'audit', 'platform_events', 'platform_endpoints', 'decided_batches')";
const RESET: &str = "SELECT pg_stat_reset()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_reads_a_whole_table() {
    let database = Database::new().await;
    let ledger = database.open().await;
    let planner = data::planner_with(|policy| policy.platform_listens = true);
    let harness = LedgerHarness::with_planner(ledger.clone(), planner).with_access_codes(2).await;
    // Counts by operators read rows.
    database.execute(RESET).await;
    let refused = harness.ask(&data::phone(1)).await.unwrap();
    harness.report(&refused, GatewayReply::Refused { reason: "no".to_owned() }).await;
    harness.join(1).await;
    assert_eq!(harness.apply_for_code(data::application(2, "wrong")).await, "001");
    harness.prepared(2).await;
    assert_eq!(harness.apply_for_code(data::application(2, "wrong")).await, "002");
    harness.screen([trial_core::planner::Request::Apply(data::application(3, "wrong"))]).await;
    deliver(&harness).await;
    crate::events::tell(&harness).await;
    let told = DeliveryReceipt {
        gateway: "scripted".to_owned(),
        provider_id: "provider-1".to_owned(),
        state: DeliveryState::Delivered,
        reason: None,
        at: harness.now(),
    };
    assert!(harness.ledger.record_receipt(told).await.unwrap());
    ledger.close();
    while database.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()").await != "1" {}
    assert_eq!(database.execute(SCANS).await, "");
    let read = "SELECT count(*) FROM pg_stat_user_tables WHERE idx_scan > 0";
    assert_ne!(database.execute(read).await, "0", "the server counts");
}

/// Ledgers, each in a database of its own.
#[derive(Default)]
struct Databases(Mutex<Vec<Database>>);

#[async_trait]
impl LedgerFactory for Databases {
    type Ledger = PostgresLedger;

    async fn fresh(&self) -> PostgresLedger {
        let database = Database::new().await;
        self.0.lock().unwrap().push(database.clone());
        database.open().await
    }

    async fn reopen(&self, _ledger: PostgresLedger) -> Option<PostgresLedger> {
        None
    }
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    detail: String,
}

/// Tables that stay small.
const SMALL: [&str; 7] = [
    "database_state",
    "setting_changes",
    "operators",
    "application_hours",
    "pool_marks",
    "platform_endpoints",
    "safe_prefixes",
];

/// Each statement of operators has a plan without a sequential scan, for any parameters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_read_no_whole_table() {
    set_default_instrumentation(|| {
        Some(Box::new(|event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                note(&query.to_string());
            }
        }))
    })
    .unwrap();
    operate_on(&Databases::default()).await;
    // Set-based statements cannot be prepared without the types of their parameters; the other test checks them.
    let statements: Vec<String> = noted().filter(|sql| !sql.contains("unnest(")).collect();
    let database = Database::new().await;
    let mut conn = AsyncPgConnection::establish(&database.server.url(&database.name)).await.unwrap();
    conn.batch_execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan").await.unwrap();
    let mut whole = Vec::new();
    for (number, sql) in statements.iter().enumerate() {
        let parameters = (1..=32).filter(|place| sql.contains(&format!("${place}"))).count();
        let nothing = vec!["NULL"; parameters].join(", ");
        let nothing = if parameters == 0 { nothing } else { format!("({nothing})") };
        conn.batch_execute(&format!("PREPARE asked_{number} AS {sql}")).await.unwrap();
        let explain = format!("EXPLAIN EXECUTE asked_{number}{nothing}");
        let plan: Vec<Step> = diesel_async::RunQueryDsl::load(sql_query(explain), &mut conn).await.unwrap();
        let scans = plan.iter().filter(|step| step.detail.contains("Seq Scan on"));
        let scans = scans.filter(|step| !SMALL.iter().any(|table| step.detail.contains(table)));
        whole.extend(scans.map(|step| format!("{}: {sql}", step.detail.trim())));
    }
    assert!(whole.is_empty(), "{whole:#?}");
    assert!(statements.len() >= 60, "only {} statements were seen: {statements:#?}", statements.len());
}

async fn deliver(harness: &LedgerHarness<PostgresLedger>) {
    let now = harness.now();
    let id = LeaseId::new(now, [1; 10]);
    let lease = Lease { id, now, until: now + Duration::from_mins(1), horizon: now + Duration::from_hours(1) };
    let claimed = harness.ledger.claim(lease, 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    for settled_as in [
        SettledAs::Retry { next_attempt_at: now, error: "later".to_owned() },
        SettledAs::Failed { error: "never".to_owned() },
        SettledAs::Sent { reply: "250".to_owned() },
    ] {
        let settlement = Settlement { mail: claimed[0].id, lease: id, at: now, settled_as };
        harness.ledger.settle(vec![settlement]).await.unwrap();
    }
}
