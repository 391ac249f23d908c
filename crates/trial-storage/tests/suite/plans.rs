//! No statement of the public interface or the outbox reads a whole table, however large it has grown.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use trial_core::ports::{AuditTrail, Callers, Operators, Outbox, Receipts};
use trial_core::{
    APPLICANT, AuditQuery, CallerChange, DeliveryReceipt, DeliveryState, GatewayReply, Lease, LeaseId, Role,
    SIGNATURE_KEEPS, SecretHash, SeenSignature, Session, SettledAs, Settlement,
};
use trial_storage::{SqliteLedger, SqliteOptions};
use trial_testkit::{Desk, data};

static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What the file of this test is called, and no other's.
const FILE: &str = "whose-plans-are-read.db";

/// Notes every statement that a connection to the file of this test runs.
#[derive(Default)]
struct Notes {
    is_ours: bool,
}

impl Instrumentation for Notes {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => self.is_ours = url.ends_with(FILE),
            InstrumentationEvent::StartQuery { query, .. } if self.is_ours => {
                let text = query.to_string();
                let sql = text.split(" -- binds:").next().unwrap_or_default().to_owned();
                STATEMENTS.lock().unwrap().insert(sql);
            }
            _ => {}
        }
    }
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
    let desk = Desk::with_planner(ledger.clone(), planner).with_access_codes(2).await;
    STATEMENTS.lock().unwrap().clear();

    let refused = desk.ask(&data::phone(1)).await.unwrap();
    desk.report(&refused, GatewayReply::Refused { reason: "no".to_owned() }).await;
    desk.join(1).await;
    assert_eq!(desk.apply_for_code(data::application(2, "wrong")).await, "001");
    desk.prepared(2).await;
    assert_eq!(desk.apply_for_code(data::application(2, "wrong")).await, "002");
    deliver(&desk).await;
    crate::events::tell(&desk).await;
    let told = DeliveryReceipt {
        gateway: "scripted".to_owned(),
        provider_id: "provider-1".to_owned(),
        state: DeliveryState::Delivered,
        reason: None,
        at: desk.now(),
    };
    assert!(desk.ledger.take_down(told).await.unwrap());
    operate(&desk).await;

    let statements = STATEMENTS.lock().unwrap().clone();
    let mut conn = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    let mut explained = 0;
    for sql in statements
        .iter()
        .filter(|sql| ["SELECT", "UPDATE", "INSERT", "DELETE"].iter().any(|verb| sql.starts_with(verb)))
    {
        let plan: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut conn).unwrap();
        let scan =
            plan.iter().find(|step| step.detail.starts_with("SCAN") && !step.detail.contains("quota_thresholds"));
        assert!(scan.is_none(), "{sql}\n{}", scan.map_or("", |step| &step.detail));
        explained += 1;
    }
    assert!(explained >= 30, "only {explained} statements were seen: {statements:#?}");
}

/// What operators do at each request, and what they look for in the audit.
async fn operate(desk: &Desk<SqliteLedger>) {
    let ada = data::operator(1, "ada", Role::Admin, desk.now());
    let session = Session::begin(SecretHash::from_bytes([1; 32]), &ada, desk.now());
    desk.ledger.add_operator(ada.clone(), desk.operator()).await.unwrap();
    desk.ledger.operator_by_token(ada.token).await.unwrap();
    desk.ledger.begin_session(session, desk.operator()).await.unwrap();
    desk.ledger.note_session(session.secret, desk.now() + Duration::from_secs(1)).await.unwrap();
    assert!(desk.ledger.session(session.secret).await.unwrap().is_some());
    desk.ledger.end_session(session.secret, desk.operator()).await.unwrap();
    desk.ledger.revoke_operator(ada.name, desk.operator()).await.unwrap();
    let site = data::caller(1, "site", desk.now());
    desk.ledger.add_caller(site.clone(), desk.operator()).await.unwrap();
    assert!(desk.ledger.caller_by_key(site.access_key).await.unwrap().is_some());
    desk.ledger.change_caller(site.name, CallerChange::Suspend, desk.operator()).await.unwrap();
    let seen = |n| SeenSignature::new([n; 32], desk.now());
    desk.ledger.remember_signatures(vec![seen(1)], desk.now()).await.unwrap();
    desk.ledger.remember_signatures(vec![seen(2)], desk.now() + SIGNATURE_KEEPS).await.unwrap();
    let some = |text: &str| Some(text.to_owned());
    let asked = [
        AuditQuery { actor: some("ada"), ..AuditQuery::default() },
        AuditQuery { action: some("quota.set"), ..AuditQuery::default() },
        AuditQuery { subject: some("quota"), ..AuditQuery::default() },
        AuditQuery { actor: some(APPLICANT), subject: some("quota"), ..AuditQuery::default() },
        AuditQuery { since: Some(desk.now()), until: Some(desk.now()), ..AuditQuery::default() },
    ];
    for query in asked {
        desk.ledger.audit(AuditQuery { limit: 10, ..query }).await.unwrap();
    }
}

async fn deliver(desk: &Desk<SqliteLedger>) {
    let now = desk.now();
    let lease = Lease {
        id: LeaseId::new(now, [1; 10]),
        now,
        until: now + Duration::from_mins(1),
        horizon: now + Duration::from_hours(1),
    };
    let claimed = desk.ledger.claim(lease, 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    let settlements = [
        SettledAs::Retry { next_attempt_at: now, error: "later".to_owned() },
        SettledAs::Failed { error: "never".to_owned() },
        SettledAs::Sent { reply: "250".to_owned() },
    ];
    for settled_as in settlements {
        let settlement = Settlement { mail: claimed[0].id, lease: lease.id, at: now, settled_as };
        desk.ledger.settle(vec![settlement]).await.unwrap();
    }
}
