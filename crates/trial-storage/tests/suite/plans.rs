//! No statement of the service reads a whole table, however large it has grown: not for applicants, not for the outbox,
//! and not for operators, whose queries are those of the conformance suite.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use trial_core::audit::{APPLICANT, AuditQuery};
use trial_core::mails::{Lease, SettledAs, Settlement};
use trial_core::operators::{Role, SecretHash, Session};
use trial_core::ports::{AuditTrail, Operators, Outbox, Receipts};
use trial_core::sms::{DeliveryReceipt, DeliveryState, GatewayReply};
use trial_core::values::LeaseId;
use trial_storage::{SqliteLedger, SqliteOptions};
use trial_testkit::{LedgerFactory, LedgerHarness, conformance, data};

/// Every statement run by a connection that records it.
pub(crate) static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The file name of this test, and no other's.
const FILE: &str = "whose-plans-are-read.db";

/// Records every statement that a connection to the file of this test runs.
#[derive(Default)]
struct Notes {
    is_ours: bool,
}

impl Instrumentation for Notes {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => self.is_ours = url.ends_with(FILE),
            InstrumentationEvent::StartQuery { query, .. } if self.is_ours => note(&query.to_string()),
            _ => {}
        }
    }
}

pub(crate) fn note(query: &str) {
    let sql = query.split(" -- binds:").next().unwrap_or_default().to_owned();
    STATEMENTS.lock().unwrap().insert(sql);
}

/// The statements with a plan, except those of `doctor`, which read all rows to count broken invariants.
pub(crate) fn noted() -> impl Iterator<Item = String> {
    let has_plan =
        |sql: &str| ["SELECT", "UPDATE", "INSERT", "DELETE"].iter().any(|verb| sql.trim_start().starts_with(verb));
    let of_doctor = |sql: &str| ["AS broken", "pragma_", "pg_"].iter().any(|part| sql.contains(part));
    STATEMENTS.lock().unwrap().clone().into_iter().filter(move |sql| has_plan(sql) && !of_doctor(sql))
}

/// Runs every query of operators.
pub(crate) async fn operate_on<F: LedgerFactory>(factory: &F) {
    conformance::applications_are_found(factory).await;
    conformance::applications_are_searched(factory).await;
    conformance::requests_are_searched(factory).await;
    conformance::applications_are_counted_by_the_hour(factory).await;
    conformance::tenants_are_listed_newest_first(factory).await;
    conformance::tenants_are_searched(factory).await;
    conformance::access_codes_are_retired_and_released(factory).await;
    conformance::the_stock_has_a_row_for_each_kind(factory).await;
    conformance::mails_are_listed_by_state(factory).await;
    conformance::mails_are_found_by_state_and_tenant(factory).await;
    conformance::a_failed_mail_can_be_retried(factory).await;
    conformance::a_locked_phone_stays_locked_until_it_is_unlocked(factory).await;
    conformance::a_new_threshold_is_in_force_at_once(factory).await;
    conformance::a_changed_setting_is_in_force_at_once(factory).await;
    conformance::a_changed_setting_is_remembered_and_audited(factory).await;
    conformance::a_range_with_unused_codes_is_blocked(factory).await;
    conformance::a_safe_prefix_is_never_blocked(factory).await;
    conformance::counts_of_ranges_are_removed(factory).await;
    conformance::the_clock_is_marked_and_confirmed(factory).await;
    conformance::a_trial_runs_its_course(factory).await;
    conformance::a_closed_tenants_codes_are_quarantined_and_freed(factory).await;
    conformance::due_tenants_come_in_pages(factory).await;
    conformance::a_rehearsal_changes_nothing(factory).await;
    conformance::a_warning_is_sent_once_a_day(factory).await;
    conformance::expired_rows_are_removed_in_ranges(factory).await;
    conformance::a_person_is_shown_and_forgotten(factory).await;
    conformance::an_account_is_found_with_its_own_password(factory).await;
    conformance::a_new_password_ends_other_sessions(factory).await;
    conformance::portal_sessions_begin_and_end(factory).await;
    conformance::attempts_to_sign_in_are_counted(factory).await;
    conformance::a_session_ends_with_its_tenant(factory).await;
    conformance::a_changed_password_is_notified(factory).await;
    conformance::portal_data_is_exported_and_removed(factory).await;
    conformance::events_are_listed_newest_first(factory).await;
    conformance::an_event_can_be_replayed(factory).await;
    conformance::the_audit_is_searched(factory).await;
    conformance::the_audit_is_paged(factory).await;
    conformance::changes_of_operators_are_audited(factory).await;
    conformance::expired_sessions_are_removed(factory).await;
}

/// Ledgers in files whose statements are recorded.
struct Noted {
    dir: tempfile::TempDir,
    made: AtomicU32,
}

#[async_trait]
impl LedgerFactory for Noted {
    type Ledger = SqliteLedger;

    async fn fresh(&self) -> SqliteLedger {
        let dir = self.dir.path().join(self.made.fetch_add(1, Ordering::SeqCst).to_string());
        std::fs::create_dir(&dir).unwrap();
        let options = SqliteOptions::new(dir.join(FILE));
        SqliteLedger::migrate(&options).await.unwrap();
        SqliteLedger::open(options).await.unwrap()
    }

    async fn reopen(&self, _ledger: SqliteLedger) -> Option<SqliteLedger> {
        None
    }
}

/// Tables that stay small: one row for each change of the threshold or of a setting, each operator, each hour, each migration;
/// and the safe list, which has a bound.
const SMALL: [&str; 5] =
    ["setting_changes", "operators", "application_hours", "__diesel_schema_migrations", "safe_prefixes"];

/// Walks along the primary key that end with the page, because matches are common: all applicants' entries of the
/// audit, mails that were sent, access codes of one kind and state.
const PAGES: [&str; 4] = [
    "FROM `audit` WHERE (`audit`.`action` = ?) ORDER BY `audit`.`id` DESC LIMIT ?",
    "FROM `audit` WHERE (`audit`.`actor` = ?) ORDER BY `audit`.`id` DESC LIMIT ?",
    "FROM `mails` WHERE (`mails`.`state` = ?) ORDER BY `mails`.`id` DESC LIMIT ?",
    "FROM `access_codes` WHERE ((`access_codes`.`kind` = ?) AND (`access_codes`.`state` = ?)) ORDER BY `access_codes`.`code` LIMIT ?",
];

/// Returns `true` if a step may read a table or an index from end to end.
fn may_scan(sql: &str, step: &str) -> bool {
    let newest = sql.contains("LIMIT") && !sql.contains("WHERE");
    // The stock is counted in the indexes of its states, and the longest quarantine is at the start of one.
    let in_index = step.contains("access_codes USING COVERING INDEX");
    // Waiting mails and mails given up are counted in their indexes alone.
    let in_queue = step.contains("INDEX mails_due") || step.contains("INDEX mails_failed");
    // The index of tenants that ask for conversion has no others.
    let of_askers = step.contains("INDEX tenants_ask_conversion");
    let is_small = SMALL.iter().any(|table| step.contains(table));
    newest
        || in_index
        || in_queue
        || of_askers
        || is_small
        || step.contains("CONSTANT ROW")
        || PAGES.iter().any(|page| sql.ends_with(page))
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[tokio::test]
async fn nothing_reads_a_whole_table() {
    set_default_instrumentation(|| Some(Box::<Notes>::default())).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(dir.path().join(FILE));
    SqliteLedger::migrate(&options).await.unwrap();
    let ledger = SqliteLedger::open(options.clone()).await.unwrap();
    let planner = data::planner_with(|policy| policy.platform_listens = true);
    let harness = LedgerHarness::with_planner(ledger.clone(), planner).with_access_codes(2).await;
    STATEMENTS.lock().unwrap().clear();

    let refused = harness.ask(&data::phone(1)).await.unwrap();
    harness.report(&refused, GatewayReply::Refused { reason: "no".to_owned() }).await;
    harness.join(1).await;
    assert_eq!(harness.apply_for_code(data::application(2, "wrong")).await, "001");
    harness.prepared(2).await;
    assert_eq!(harness.apply_for_code(data::application(2, "wrong")).await, "002");
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
    operate(&harness).await;
    operate_on(&Noted { dir: tempfile::tempdir().unwrap(), made: AtomicU32::new(0) }).await;

    let mut conn = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    let (mut explained, mut whole) = (0, Vec::new());
    for sql in noted().filter(|sql| !sql.contains("sqlite_")) {
        let plan: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut conn).unwrap();
        let scans = plan.iter().filter(|step| step.detail.starts_with("SCAN") && !may_scan(&sql, &step.detail));
        whole.extend(scans.map(|step| format!("{}: {sql}", step.detail)));
        explained += 1;
    }
    assert!(whole.is_empty(), "{whole:#?}");
    assert!(explained >= 100, "only {explained} statements were seen: {:#?}", STATEMENTS.lock().unwrap());
}

/// The requests of operators, and their searches in the audit.
async fn operate(harness: &LedgerHarness<SqliteLedger>) {
    let ada = data::operator(1, "ada", Role::Admin, harness.now());
    let session = Session::begin(SecretHash::from_bytes([1; 32]), &ada, harness.now());
    harness.ledger.add_operator(ada.clone(), harness.operator()).await.unwrap();
    harness.ledger.operator_by_token(ada.token).await.unwrap();
    harness.ledger.begin_session(session, harness.operator()).await.unwrap();
    harness.ledger.note_session(session.secret, harness.now() + Duration::from_secs(1)).await.unwrap();
    assert!(harness.ledger.session(session.secret).await.unwrap().is_some());
    harness.ledger.end_session(session.secret, harness.operator()).await.unwrap();
    harness.ledger.revoke_operator(ada.name, harness.operator()).await.unwrap();
    let some = |text: &str| Some(text.to_owned());
    let asked = [
        AuditQuery { actor: some("ada"), ..AuditQuery::default() },
        AuditQuery { action: some("setting.set"), ..AuditQuery::default() },
        AuditQuery { subject: some("quota"), ..AuditQuery::default() },
        AuditQuery { actor: some(APPLICANT), subject: some("quota"), ..AuditQuery::default() },
        AuditQuery { since: Some(harness.now()), until: Some(harness.now()), ..AuditQuery::default() },
    ];
    for query in asked {
        harness.ledger.audit(AuditQuery { limit: 10, ..query }).await.unwrap();
    }
}

async fn deliver(harness: &LedgerHarness<SqliteLedger>) {
    let now = harness.now();
    let lease = Lease {
        id: LeaseId::new(now, [1; 10]),
        now,
        until: now + Duration::from_mins(1),
        horizon: now + Duration::from_hours(1),
    };
    let claimed = harness.ledger.claim(lease, 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    let settlements = [
        SettledAs::Retry { next_attempt_at: now, error: "later".to_owned() },
        SettledAs::Failed { error: "never".to_owned() },
        SettledAs::Sent { reply: "250".to_owned() },
    ];
    for settled_as in settlements {
        let settlement = Settlement { mail: claimed[0].id, lease: lease.id, at: now, settled_as };
        harness.ledger.settle(vec![settlement]).await.unwrap();
    }
}
