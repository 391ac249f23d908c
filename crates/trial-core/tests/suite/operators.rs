//! Operators: validity of tokens and sessions, and permissions.

use std::sync::Arc;
use std::time::Duration;

use trial_core::audit::{ACTORS, AuditQuery, ChangedBy};
use trial_core::operators::{
    Operator, OperatorName, OperatorNameError, OperatorToken, Permission, Role, SESSION_IDLE, SESSION_LIFETIME,
    SecretHash, Session, SessionSecret, Standing,
};
use trial_core::ports::{AuditTrail, Operators};
use trial_engine::operations::Access;
use trial_testkit::{FixedClock, MemoryLedger, SeededEntropy, data};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn each_role_may_do_what_the_table_says() {
    use Permission::{
        ChangePool, ChangePrefixes, ChangeSettings, ChangeTenant, Look, ManageCallers, ManageOperators, Reveal,
        SendMail, SetQuota, SuspendCallers, UnlockPhone,
    };
    let daily = [Reveal, UnlockPhone, ChangePrefixes, SendMail, ChangeTenant, ChangePool, SetQuota, SuspendCallers];
    let table: [(Role, Vec<Permission>); 3] = [
        (Role::Viewer, vec![Look]),
        (Role::Operator, [&[Look][..], &daily].concat()),
        (Role::Admin, [&[Look][..], &daily, &[ChangeSettings, ManageCallers, ManageOperators]].concat()),
    ];
    for (role, may) in table {
        let allowed: Vec<_> = Permission::ALL.iter().copied().filter(|permission| role.may(*permission)).collect();
        assert_eq!(allowed, may, "{role}");
    }
}

#[test]
fn names_are_plain_and_nobody_elses() {
    for good in ["a", "Ada", "ada.lovelace", "night-shift_2", "7", &"x".repeat(64)] {
        assert_eq!(OperatorName::parse(good).map(|name| name.to_string()), Ok(good.to_owned()));
    }
    let too_long = "x".repeat(65);
    for bad in ["", " ", "-a", ".a", "a b", "cli:root", "a@example.com", "ä", "a\0", "a\n", &too_long] {
        assert_eq!(OperatorName::parse(bad), Err(OperatorNameError::Malformed), "{bad:?}");
    }
    for taken in ACTORS.iter().copied().chain(["Applicant", "VISITOR", "system", "CLI"]) {
        assert_eq!(OperatorName::parse(taken), Err(OperatorNameError::Reserved), "{taken}");
    }
}

#[test]
fn a_token_is_known_by_its_form_and_its_hash() {
    let token = OperatorToken::new(&[7; 32]);
    assert_eq!(token.as_str(), "tgo_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
    let read = OperatorToken::parse(token.as_str()).unwrap();
    assert!(read.hash().matches(&token.hash()));
    // printf '%s' tgo_Bwc… | sha256sum
    let hex = token.hash().as_bytes().map(|b| format!("{b:02x}")).concat();
    assert_eq!(hex, "66347aba78f6698b3a0bd769b702794278ca917024192ef4cf91f2476b590446");
    assert!(!token.hash().matches(&OperatorToken::new(&[8; 32]).hash()));
    let secret = &token.as_str()[4..];
    for bad in [
        "",
        "tgo_",
        secret,
        &format!("tgs_{secret}"),
        &format!("TGO_{secret}"),
        &format!("tgo_{secret}x"),
        &format!("tgo_{}", &secret[1..]),
        &format!("tgo_{}+", &secret[1..]),
        &format!(" {}", token.as_str()),
    ] {
        assert!(OperatorToken::parse(bad).is_none(), "{bad:?}");
    }
    assert_eq!(format!("{token:?} {:?}", token.hash()), "OperatorToken(***) SecretHash(***)");
}

#[test]
fn the_pages_of_a_session_carry_what_only_its_secret_makes() {
    let secret = SessionSecret::new(&[7; 32]);
    let csrf = secret.csrf();
    assert!(csrf.is(secret.csrf().as_str()));
    let other = SessionSecret::new(&[8; 32]).csrf();
    for wrong in ["", secret.as_str(), other.as_str(), &csrf.as_str()[1..], &format!("{}x", csrf.as_str())] {
        assert!(!csrf.is(wrong), "{wrong}");
    }
    assert_eq!(format!("{csrf:?} {secret:?}"), "CsrfToken(***) SessionSecret(***)");
}

#[test]
fn an_operator_is_let_in_until_the_end_or_the_revocation() {
    let clock = FixedClock::default();
    let now = trial_core::ports::Clock::now(&clock);
    let forever = data::operator(1, "ada", Role::Operator, now);
    assert_eq!(forever.standing(now + Duration::from_hours(24 * 36_500)), Standing::Active);
    let ending = Operator { expires_at: Some(now + MINUTE), ..forever.clone() };
    assert_eq!(ending.standing(now + MINUTE - SECOND), Standing::Active);
    assert_eq!(ending.standing(now + MINUTE), Standing::Expired);
    let revoked = Operator { revoked_at: Some(now), ..ending };
    assert_eq!(revoked.standing(now), Standing::Revoked);
    assert!(forever.may(Permission::Reveal, now) && !forever.may(Permission::ManageOperators, now));
    assert!(!revoked.may(Permission::Look, now));
}

#[test]
fn a_session_ends_with_its_time_its_idleness_or_its_token() {
    let now = trial_core::ports::Clock::now(&FixedClock::default());
    let ada = data::operator(1, "ada", Role::Operator, now);
    let session = Session::begin(SecretHash::from_bytes([1; 32]), &ada, now);
    assert!(session.lets_in(&ada, now + SESSION_IDLE - SECOND));
    assert!(!session.lets_in(&ada, now + SESSION_IDLE));
    let used = Session { used_at: now + SESSION_LIFETIME - MINUTE, ..session };
    assert!(used.lets_in(&ada, now + SESSION_LIFETIME - SECOND));
    assert!(!used.lets_in(&ada, now + SESSION_LIFETIME));
    assert!(!session.lets_in(&Operator { revoked_at: Some(now), ..ada.clone() }, now));
    let ending = Operator { expires_at: Some(now + MINUTE), ..ada };
    let short = Session::begin(SecretHash::from_bytes([1; 32]), &ending, now);
    assert_eq!(short.expires_at, now + MINUTE);
    assert!(!session.is_to_be_noted(now + MINUTE - SECOND) && session.is_to_be_noted(now + MINUTE));
}

/// The access check over a ledger with Ada, an operator for two days.
async fn door() -> (Access, MemoryLedger, FixedClock) {
    let (ledger, clock) = (MemoryLedger::default(), FixedClock::default());
    let now = trial_core::ports::Clock::now(&clock);
    let ada = data::operator(1, "ada", Role::Operator, now);
    let ada = Operator { expires_at: Some(now + Duration::from_hours(48)), ..ada };
    ledger.add_operator(ada, data::changed_by(now, &SeededEntropy::new(1))).await.unwrap();
    let access = Access::new(Arc::new(ledger.clone()), Arc::new(clock.clone()), Arc::new(SeededEntropy::new(2)));
    (access, ledger, clock)
}

async fn revoke(ledger: &MemoryLedger, by: ChangedBy) {
    assert!(ledger.revoke_operator(OperatorName::parse("ada").unwrap(), by).await.unwrap());
}

#[tokio::test]
async fn a_token_lets_its_operator_in() {
    let (access, ledger, clock) = door().await;
    let token = data::operator_token(1);
    let ada = access.by_token(token.as_str()).await.unwrap().unwrap();
    assert_eq!((ada.name.as_str(), ada.role), ("ada", Role::Operator));
    for unknown in [data::operator_token(2).as_str(), "", "tgo_", SessionSecret::new(&[1; 32]).as_str()] {
        assert_eq!(access.by_token(unknown).await.unwrap(), None);
        assert!(access.sign_in(unknown).await.unwrap().is_none());
    }
    clock.advance(Duration::from_secs(48 * 60 * 60 - 1));
    assert!(access.by_token(token.as_str()).await.unwrap().is_some());
    clock.advance(SECOND);
    assert_eq!(access.by_token(token.as_str()).await.unwrap(), None);
    clock.advance(Duration::from_hours(1));
    revoke(&ledger, access.changed_by(&ada)).await;
    assert_eq!(access.by_token(token.as_str()).await.unwrap(), None);
}

#[tokio::test]
async fn a_session_lets_its_operator_in_while_it_is_used() {
    let (access, ledger, clock) = door().await;
    let signed_in = access.sign_in(data::operator_token(1).as_str()).await.unwrap().unwrap();
    assert_eq!(signed_in.operator.name.as_str(), "ada");
    let secret = signed_in.secret.as_str();
    for _ in 0..11 {
        clock.advance(Duration::from_secs(59 * 60 + 59));
        let visitor = access.by_session(secret).await.unwrap().unwrap();
        assert!(visitor.csrf.is(signed_in.csrf.as_str()));
        assert_eq!(visitor.expires_at, signed_in.expires_at);
    }
    clock.advance(SESSION_IDLE);
    assert!(access.by_session(secret).await.unwrap().is_none(), "it was idle, and its time is over");
    let again = access.sign_in(data::operator_token(1).as_str()).await.unwrap().unwrap();
    clock.advance(SESSION_IDLE);
    assert!(access.by_session(again.secret.as_str()).await.unwrap().is_none(), "it was idle");
    for wrong in ["", "tgs_", data::operator_token(1).as_str(), SessionSecret::new(&[1; 32]).as_str()] {
        assert!(access.by_session(wrong).await.unwrap().is_none());
    }
    let actions: Vec<_> = ledger.state().audit.iter().map(|entry| entry.action).collect();
    assert_eq!(actions, ["operator.add", "session.begin", "session.begin"]);
}

#[tokio::test]
async fn a_session_ends_when_its_operator_signs_out_or_is_revoked() {
    let (access, ledger, _clock) = door().await;
    let token = data::operator_token(1);
    let first = access.sign_in(token.as_str()).await.unwrap().unwrap();
    let second = access.sign_in(token.as_str()).await.unwrap().unwrap();
    assert_ne!(first.secret.as_str(), second.secret.as_str());
    access.sign_out(first.secret.as_str()).await.unwrap();
    access.sign_out("tgs_nonsense").await.unwrap();
    assert!(access.by_session(first.secret.as_str()).await.unwrap().is_none());
    let still = access.by_session(second.secret.as_str()).await.unwrap().unwrap();
    revoke(&ledger, access.changed_by(&still.operator)).await;
    assert!(access.by_session(second.secret.as_str()).await.unwrap().is_none());
    assert!(access.sign_in(token.as_str()).await.unwrap().is_none());
    let query = AuditQuery { actor: Some("ada".to_owned()), limit: 9, ..AuditQuery::default() };
    assert_eq!(ledger.audit(query).await.unwrap().len(), 4, "in, in, out, and the revocation");
}
