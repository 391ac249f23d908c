//! Operators, their sessions, and the audit.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use trial_core::audit::{APPLICANT, AuditEntry, AuditQuery, AuditRecord, ChangedBy};
use trial_core::mails::{MailPage, MailState};
use trial_core::operators::{
    Filter, Operator, OperatorAdded, OperatorName, PERSON_SEARCHED, PersonSearch, Role, SESSION_LIFETIME,
    SESSIONS_PER_OPERATOR, SearchOutcome, SecretHash, Session,
};
use trial_core::ports::{AuditTrail, Operations, Operators, TrialLedger};

use super::{LedgerFactory, harness, in_the_end};
use crate::LedgerHarness;
use crate::data::{keyring, operator, phone};

const SECOND: Duration = Duration::from_secs(1);
const EVERYTHING: AuditQuery =
    AuditQuery { actor: None, action: None, subject: None, since: None, until: None, before: None, limit: 1_000 };

async fn added<L: TrialLedger + Operators>(harness: &LedgerHarness<L>, n: u8, name: &str, role: Role) -> Operator {
    let operator = operator(n, name, role, harness.now());
    let done = harness.ledger.add_operator(operator.clone(), harness.operator()).await.unwrap();
    assert_eq!(done, OperatorAdded::Done);
    operator
}

fn session(n: u8, operator: &Operator, at: chrono::DateTime<chrono::Utc>) -> Session {
    Session::begin(SecretHash::from_bytes([n; 32]), operator, at)
}

fn name(text: &str) -> OperatorName {
    OperatorName::parse(text).unwrap()
}

/// An operator is found, complete, by the hash of the token, and by no other.
pub async fn an_operator_is_known_by_the_token<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let mut expected = Vec::new();
    for (n, role) in (1..).zip(Role::ALL) {
        let forever = operator(n, &format!("Person-{n}"), *role, harness.now());
        let operator = Operator { expires_at: (n == 2).then(|| harness.now() + SECOND), ..forever };
        harness.ledger.add_operator(operator.clone(), harness.operator()).await.unwrap();
        expected.push(operator);
    }
    for operator in &expected {
        assert_eq!(harness.ledger.operator_by_token(operator.token).await.unwrap().as_ref(), Some(operator));
    }
    assert_eq!(harness.ledger.operator_by_token(SecretHash::from_bytes([9; 32])).await.unwrap(), None);
}

/// Names differ by more than case. A revoked operator is still known, as revoked.
pub async fn a_name_is_free_again_when_its_operator_is_revoked<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let first = added(&harness, 1, "Ada", Role::Viewer).await;
    let second = operator(2, "aDA", Role::Admin, harness.now());
    let taken = harness.ledger.add_operator(second.clone(), harness.operator()).await.unwrap();
    assert_eq!(taken, OperatorAdded::NameTaken);
    assert_eq!(harness.ledger.operator_by_token(second.token).await.unwrap(), None);
    harness.wait(SECOND);
    let by = harness.operator();
    assert!(harness.ledger.revoke_operator(name("ADA"), by.clone()).await.unwrap());
    let known = harness.ledger.operator_by_token(first.token).await.unwrap();
    assert_eq!(known, Some(Operator { revoked_at: Some(by.at), ..first }));
    assert!(!harness.ledger.revoke_operator(name("Ada"), harness.operator()).await.unwrap());
    assert_eq!(harness.ledger.add_operator(second, harness.operator()).await.unwrap(), OperatorAdded::Done);
}

/// Revoked or not, up to the limit.
pub async fn operators_are_listed_newest_first<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    assert_eq!(harness.ledger.operators(10).await.unwrap(), []);
    for (n, who) in (1..).zip(["a", "b", "c"]) {
        added(&harness, n, who, Role::Operator).await;
        harness.wait(SECOND);
    }
    harness.ledger.revoke_operator(name("b"), harness.operator()).await.unwrap();
    let names = async |limit| {
        let listed = harness.ledger.operators(limit).await.unwrap();
        listed.iter().map(|operator| (operator.name.to_string(), operator.revoked_at.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(names(10).await, [("c".to_owned(), false), ("b".to_owned(), true), ("a".to_owned(), false)]);
    assert_eq!(names(1).await, [("c".to_owned(), false)]);
}

/// A session is found with its operator, and its last use never goes back.
pub async fn a_session_is_kept_until_it_ends<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let ada = added(&harness, 1, "ada", Role::Viewer).await;
    let begun = session(1, &ada, harness.now());
    assert!(harness.ledger.begin_session(begun, harness.operator()).await.unwrap());
    assert!(harness.ledger.begin_session(session(2, &ada, harness.now()), harness.operator()).await.unwrap());
    assert_eq!(harness.ledger.session(begun.secret).await.unwrap(), Some((begun, ada.clone())));
    let later = harness.now() + 7 * SECOND;
    harness.ledger.note_session(begun.secret, later).await.unwrap();
    harness.ledger.note_session(begun.secret, harness.now()).await.unwrap();
    let noted = Session { used_at: later, ..begun };
    assert_eq!(harness.ledger.session(begun.secret).await.unwrap(), Some((noted, ada)));
    harness.ledger.end_session(begun.secret, harness.operator()).await.unwrap();
    assert_eq!(harness.ledger.session(begun.secret).await.unwrap(), None);
    assert!(harness.ledger.session(SecretHash::from_bytes([2; 32])).await.unwrap().is_some(), "another goes on");
    harness.ledger.end_session(begun.secret, harness.operator()).await.unwrap();
    harness.ledger.note_session(begun.secret, later).await.unwrap();
}

/// A revoked operator is signed out, at once and everywhere; others are not.
pub async fn a_revoked_operator_has_no_session<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let ada = added(&harness, 1, "ada", Role::Viewer).await;
    let bob = added(&harness, 2, "bob", Role::Viewer).await;
    for (n, operator) in [(1, &ada), (2, &ada), (3, &bob)] {
        assert!(harness.ledger.begin_session(session(n, operator, harness.now()), harness.operator()).await.unwrap());
    }
    harness.ledger.revoke_operator(name("ada"), harness.operator()).await.unwrap();
    let is_kept = async |n| harness.ledger.session(SecretHash::from_bytes([n; 32])).await.unwrap().is_some();
    assert_eq!([is_kept(1).await, is_kept(2).await, is_kept(3).await], [false, false, true]);
    assert!(!harness.ledger.begin_session(session(4, &ada, harness.now()), harness.operator()).await.unwrap());
    assert!(!is_kept(4).await);
    let nobody = operator(9, "nobody", Role::Admin, harness.now());
    assert!(!harness.ledger.begin_session(session(5, &nobody, harness.now()), harness.operator()).await.unwrap());
}

/// Expired sessions do not pile up.
pub async fn expired_sessions_are_removed<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let ada = added(&harness, 1, "ada", Role::Viewer).await;
    let begun = harness.now();
    for (n, after) in [(1, Duration::ZERO), (2, SECOND), (3, SESSION_LIFETIME)] {
        harness.clock.set(begun + after);
        assert!(harness.ledger.begin_session(session(n, &ada, harness.now()), harness.operator()).await.unwrap());
    }
    let is_kept = async |n| harness.ledger.session(SecretHash::from_bytes([n; 32])).await.unwrap().is_some();
    assert_eq!([is_kept(1).await, is_kept(2).await, is_kept(3).await], [false, true, true]);
}

/// One more ends the oldest of the same operator, and none of another.
pub async fn an_operator_has_a_number_of_sessions<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let ada = added(&harness, 1, "ada", Role::Viewer).await;
    let bob = added(&harness, 2, "bob", Role::Viewer).await;
    let most = u8::try_from(SESSIONS_PER_OPERATOR).unwrap();
    assert!(harness.ledger.begin_session(session(100, &bob, harness.now()), harness.operator()).await.unwrap());
    for n in 1..=most + 2 {
        harness.wait(SECOND);
        assert!(harness.ledger.begin_session(session(n, &ada, harness.now()), harness.operator()).await.unwrap());
    }
    let is_kept = async |n| harness.ledger.session(SecretHash::from_bytes([n; 32])).await.unwrap().is_some();
    assert_eq!([is_kept(1).await, is_kept(2).await], [false, false]);
    assert_eq!([is_kept(3).await, is_kept(most + 2).await, is_kept(100).await], [true, true, true]);
}

/// Of any number of simultaneous additions, one gets the name.
pub async fn a_name_is_taken_once<F: LedgerFactory>(factory: &F) {
    let harness = Arc::new(harness(factory, 0).await);
    let asking = (1..=6).map(|n| {
        let harness = Arc::clone(&harness);
        async move {
            let add =
                || harness.ledger.add_operator(operator(n, "ada", Role::Admin, harness.now()), harness.operator());
            in_the_end(add).await
        }
    });
    let answers = join_all(asking.map(tokio::spawn)).await;
    let done = answers.into_iter().filter(|answer| *answer.as_ref().unwrap() == OperatorAdded::Done);
    assert_eq!(done.count(), 1);
}

/// Actor, time and operator of each change; no entry for a refused one.
pub async fn changes_of_operators_are_audited<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let mut done = Vec::new();
    let mut by = |action: &'static str| {
        harness.wait(SECOND);
        let by = harness.operator();
        done.push((by.audit, by.at, by.actor.clone(), action, "Ada".to_owned()));
        by
    };
    let ada = operator(1, "Ada", Role::Viewer, harness.now());
    let begun = session(1, &ada, harness.now());
    harness.ledger.add_operator(ada.clone(), by("operator.add")).await.unwrap();
    harness.ledger.begin_session(begun, by("session.begin")).await.unwrap();
    harness.ledger.end_session(begun.secret, by("session.end")).await.unwrap();
    harness.ledger.revoke_operator(name("ada"), by("operator.revoke")).await.unwrap();
    let undone = harness.operator();
    harness.ledger.revoke_operator(name("ada"), undone.clone()).await.unwrap();
    harness.ledger.end_session(begun.secret, undone.clone()).await.unwrap();
    harness.ledger.begin_session(begun, undone).await.unwrap();
    done.reverse();
    let entries = harness.ledger.audit(EVERYTHING).await.unwrap();
    let found = entries.iter().map(|e| (e.id, e.at, e.actor.clone(), e.action.as_str(), e.subject.clone()));
    let found: Vec<_> = found.collect();
    assert_eq!(found, done);
}

async fn written<L: TrialLedger + AuditTrail>(
    harness: &LedgerHarness<L>,
    actor: &str,
    action: &'static str,
    subject: &str,
) -> AuditEntry {
    harness.wait(SECOND);
    let ChangedBy { audit, at, .. } = harness.operator();
    let record = AuditRecord {
        id: audit,
        at,
        actor: actor.to_owned(),
        action,
        subject: subject.to_owned(),
        detail: "before, after".to_owned(),
    };
    harness.ledger.append_entry(record.clone()).await.unwrap();
    AuditEntry {
        id: record.id,
        at,
        actor: record.actor,
        action: action.to_owned(),
        subject: record.subject,
        detail: record.detail,
    }
}

/// By each of its filters, and by all of them together.
pub async fn the_audit_is_searched<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 1).await;
    let imported = harness.ledger.audit(EVERYTHING).await.unwrap();
    let tenant = harness.join(1).await.to_string();
    let unlocked = written(&harness, "ada", "phone.unlock", "+8616600000001").await;
    let set = written(&harness, "ada", "setting.set", "quota.threshold").await;
    let closed = written(&harness, "bob", "tenant.close", &tenant).await;
    let set_again = written(&harness, "bob", "setting.set", "quota.threshold").await;
    let all = harness.ledger.audit(EVERYTHING).await.unwrap();
    let [_, _, _, _, created, ..] = all.as_slice() else { panic!("at least five entries, not {all:?}") };
    assert_eq!((created.actor.as_str(), &created.subject), (APPLICANT, &tenant));
    let expected = [&set_again, &closed, &set, &unlocked, created].into_iter().chain(&imported).cloned();
    assert_eq!(all, expected.collect::<Vec<_>>());

    let text = |text: &str| Some(text.to_owned());
    let cases: [(AuditQuery, Vec<&AuditEntry>); 10] = [
        (AuditQuery { actor: text("ada"), ..EVERYTHING }, vec![&set, &unlocked]),
        (AuditQuery { actor: text(APPLICANT), ..EVERYTHING }, vec![created]),
        (AuditQuery { action: text("setting.set"), ..EVERYTHING }, vec![&set_again, &set]),
        (AuditQuery { action: text("tenant.create"), ..EVERYTHING }, vec![created]),
        (AuditQuery { subject: text(&tenant), ..EVERYTHING }, vec![&closed, created]),
        (AuditQuery { subject: text("no\0body"), ..EVERYTHING }, vec![]),
        (AuditQuery { since: Some(closed.at), ..EVERYTHING }, vec![&set_again, &closed]),
        (AuditQuery { since: Some(set.at), until: Some(closed.at), ..EVERYTHING }, vec![&set]),
        (AuditQuery { before: Some(closed.id), limit: 2, ..EVERYTHING }, vec![&set, &unlocked]),
        (
            AuditQuery {
                actor: text("bob"),
                action: text("setting.set"),
                subject: text("quota.threshold"),
                since: Some(unlocked.at),
                until: Some(set_again.at + SECOND),
                ..EVERYTHING
            },
            vec![&set_again],
        ),
    ];
    for (query, expected) in cases {
        let found = harness.ledger.audit(query.clone()).await.unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query:?}");
    }
}

/// Each entry once, for any length of a page; times within a millisecond are told apart.
pub async fn the_audit_is_paged<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let mut expected = Vec::new();
    for n in 0..7 {
        harness.wait(Duration::from_micros(300));
        let by = harness.operator();
        harness
            .ledger
            .append_entry(AuditRecord {
                id: by.audit,
                at: by.at,
                actor: "ada".to_owned(),
                action: "tenant.reveal",
                subject: n.to_string(),
                detail: String::new(),
            })
            .await
            .unwrap();
        expected.push((by.audit, by.at));
    }
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let mut found = Vec::new();
    loop {
        let before = found.last().map(|(id, _)| *id);
        let page = harness.ledger.audit(AuditQuery { before, limit: 3, ..EVERYTHING }).await.unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page.iter().map(|entry| (entry.id, entry.at)));
    }
    assert_eq!(found, expected);
    for (_, at) in &expected {
        let since = harness.ledger.audit(AuditQuery { since: Some(*at), ..EVERYTHING }).await.unwrap();
        let until = harness.ledger.audit(AuditQuery { until: Some(*at), ..EVERYTHING }).await.unwrap();
        assert!(since.iter().all(|entry| entry.at >= *at) && until.iter().all(|entry| entry.at < *at));
        assert_eq!(since.len() + until.len(), expected.len(), "each is on one side of {at}");
    }
}

/// A search by a person of this name.
fn search<L: TrialLedger>(harness: &LedgerHarness<L>, actor: &str, role: Option<Role>) -> PersonSearch {
    let by = ChangedBy { actor: actor.to_owned(), ..harness.operator() };
    PersonSearch::new(by, "tenants", &phone(1).personal().unwrap(), role, &keyring())
}

/// Up to the limit of an hour, which slides and is each operator's own; a refused search leaves no entry.
pub async fn searches_are_recorded_and_counted<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    added(&harness, 1, "Ada", Role::Viewer).await;
    let made = async |actor: &str, role| harness.ledger.record_search(search(&harness, actor, role)).await.unwrap();
    let recorded = async || {
        let query = AuditQuery { action: Some(PERSON_SEARCHED.to_owned()), ..EVERYTHING };
        harness.ledger.audit(query).await.unwrap()
    };
    let first = search(&harness, "Ada", Some(Role::Viewer));
    assert_eq!(harness.ledger.record_search(first.clone()).await.unwrap(), SearchOutcome::Recorded);
    let entry = first.entry().clone();
    let [found]: [AuditEntry; 1] = recorded().await.try_into().unwrap();
    assert_eq!(
        (found.id, found.actor, found.subject, found.detail),
        (entry.id, entry.actor, entry.subject, entry.detail)
    );
    written(&harness, "Ada", "tenant.reveal", "other entries are not counted").await;
    let limit = Role::Viewer.searches_per_hour();
    for _ in 1..limit {
        harness.wait(SECOND);
        assert_eq!(made("Ada", Some(Role::Viewer)).await, SearchOutcome::Recorded);
    }
    let retry_after = Duration::from_mins(59);
    assert_eq!(made("Ada", Some(Role::Viewer)).await, SearchOutcome::OverLimit { limit, retry_after });
    assert_eq!(recorded().await.len(), 60, "a refused search is not recorded");
    assert_eq!(made("Ada", Some(Role::Operator)).await, SearchOutcome::Recorded, "by the limit of the role");
    assert_eq!(made("Bob", Some(Role::Viewer)).await, SearchOutcome::Recorded, "each has their own");
    assert_eq!(made("Ada", None).await, SearchOutcome::Recorded, "without a limit");
    harness.wait(retry_after + SECOND);
    let over = SearchOutcome::OverLimit { limit, retry_after: 2 * SECOND };
    assert_eq!(made("Ada", Some(Role::Viewer)).await, over, "the two more count too");
    harness.wait(2 * SECOND);
    assert_eq!(made("Ada", Some(Role::Viewer)).await, SearchOutcome::Recorded);
}

/// Two simultaneous searches are counted one after the other.
pub async fn searches_at_once_stay_within_the_limit<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    added(&harness, 1, "Ada", Role::Viewer).await;
    let searches = (0..80).map(|_| search(&harness, "Ada", Some(Role::Viewer)));
    let made = join_all(searches.map(|search| harness.ledger.record_search(search))).await;
    let recorded = made.into_iter().filter(|made| *made.as_ref().unwrap() == SearchOutcome::Recorded).count();
    assert_eq!(recorded, 60);
}

/// By state, by tenant, and by both.
pub async fn mails_are_found_by_state_and_tenant<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 2).await;
    let tenants = [harness.join(1).await, harness.join(2).await];
    let list = async |state, tenant| {
        let page = MailPage { state, tenant, before: None, limit: 9 };
        harness.ledger.mails(page).await.unwrap().len()
    };
    assert_eq!(list(None, None).await, 2);
    assert_eq!(list(None, Some(tenants[0])).await, 1);
    assert_eq!(list(Some(MailState::Due), Some(tenants[1])).await, 1);
    assert_eq!(list(Some(MailState::Failed), Some(tenants[1])).await, 0);
}
