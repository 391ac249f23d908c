//! `applyTenant`: one test for each row of the table, and for each "when" in it.

use trial_core::access_codes::AccessCodeState;
use trial_core::applications::{Application, ApplyOutcome, ApplyRefusal, NoCodeReason};
use trial_core::planner::{FactKeys, Outcome, Planner, Request};
use trial_core::policy::{Policy, UniqueBy};
use trial_core::return_codes::ApplyReply;
use trial_core::tenants::{SharedField, TenantStatus};
use trial_core::values::{CompanyName, Email, Keyring, SecretKey};
use trial_testkit::data::{application, company, email, phone, planner, typed};

use crate::desks::{DAY, MINUTE, MemoryDesk, ask, desk_by, harness, secs, set_failures, set_threshold};

fn no_code(reason: NoCodeReason) -> ApplyOutcome {
    ApplyOutcome::Refused(ApplyRefusal::NoCode { reason })
}

#[tokio::test]
async fn row_1_code_000_the_very_same_application_was_accepted() {
    let harness = harness(2).await;
    let first = harness.prepared(1).await;
    let ApplyOutcome::Accepted { tenant } = harness.apply(first.clone()).await else { panic!("a tenant") };
    let before = harness.ledger.state();
    assert_eq!(harness.apply(first).await, ApplyOutcome::Replayed { tenant });
    let after = harness.ledger.state();
    assert_eq!((after.mails, after.tenants, after.access_codes), (before.mails, before.tenants, before.access_codes));
    assert_eq!((after.audit, after.reserved), (before.audit, before.reserved));
}

#[tokio::test]
async fn row_1_code_000_the_same_in_another_spelling() {
    let harness = harness(2).await;
    let first = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(first.clone()).await, "000");
    let respelt = Application {
        company: CompanyName::parse(" COMPANY\u{3000}１ ").unwrap(),
        email: Email::parse("Applicant1@EXAMPLE.com").unwrap(),
        ..first
    };
    assert_eq!(harness.apply_for_code(respelt).await, "000");
}

#[tokio::test]
async fn row_1_any_difference_makes_it_another_application() {
    let harness = harness(9).await;
    let first = harness.prepared(1).await;
    harness.join(2).await;
    assert_eq!(harness.apply_for_code(first.clone()).await, "000");
    let others = [
        Application { company: company(3), ..first.clone() },
        Application { email: email(3), ..first.clone() },
        Application { code: typed("wrong"), ..first.clone() },
    ];
    for other in others {
        assert_eq!(harness.apply(other).await, no_code(NoCodeReason::Used));
    }
    let other = Application { phone: phone(3), ..first };
    assert_eq!(harness.apply(other).await, no_code(NoCodeReason::NeverSent));
}

#[tokio::test]
async fn row_1_holds_for_24_hours() {
    let harness = harness(2).await;
    let first = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(first.clone()).await, "000");
    harness.wait(DAY.checked_sub(secs(1)).unwrap());
    assert_eq!(harness.apply_for_code(first.clone()).await, "000");
    harness.wait(secs(1));
    assert_eq!(harness.apply(first).await, no_code(NoCodeReason::Used));
}

#[tokio::test]
async fn row_1_goes_by_age_even_if_the_ledger_loads_what_is_older() {
    let harness = harness(2).await;
    let planner = planner();
    let first = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(first.clone()).await, "000");
    harness.wait(DAY);
    let batch = harness.batch([Request::Apply(first)]);
    let keys = batch.fact_keys(planner.policy());
    let keys = FactKeys { since: keys.since - DAY, ..keys };
    let facts = harness.ledger.state().facts(&keys);
    assert_eq!(facts.phones[&phone(1)].accepted.len(), 1);
    assert_eq!(planner.plan(&facts, &batch).outcomes, [Outcome::Apply(no_code(NoCodeReason::Used))]);
}

#[tokio::test]
async fn row_1_holds_when_a_newer_code_was_sent() {
    let harness = harness(2).await;
    let first = harness.prepared(1).await;
    assert_eq!(harness.apply_for_code(first.clone()).await, "000");
    harness.wait(MINUTE);
    let newer = harness.send(&phone(1)).await;
    assert_eq!(harness.apply_for_code(first.clone()).await, "000");
    assert_eq!(harness.apply_for_code(Application { code: typed(newer.code.reveal()), ..first }).await, "004");
}

#[tokio::test]
async fn row_2_code_003_the_phone_is_locked() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    set_failures(&harness, 1, 100);
    assert_eq!(harness.apply(right.clone()).await, ApplyOutcome::Refused(ApplyRefusal::PhoneLocked { failures: 100 }));
    assert_eq!(harness.apply_for_code(right.clone()).await, "003");
    set_failures(&harness, 1, 99);
    assert_eq!(harness.apply_for_code(right).await, "000");
}

#[tokio::test]
async fn row_2_code_003_the_code_cannot_be_looked_up() {
    let mut harness = harness(1).await;
    let right = harness.prepared(1).await;
    let other = Keyring::new(vec![SecretKey::new("other", &[9; 32]).unwrap()]).unwrap();
    harness.set_planner(std::sync::Arc::new(Planner::new(Policy::default().into(), other.into())));
    let before = harness.ledger.state();
    let missing = ApplyRefusal::KeyMissing { key_id: "current".to_owned() };
    assert_eq!(harness.apply(right.clone()).await, ApplyOutcome::Refused(missing));
    let after = harness.ledger.state();
    assert_eq!((after.challenges, after.phones), (before.challenges, before.phones), "no try is counted");
    assert_eq!(harness.apply_for_code(right.clone()).await, "003");
    harness.set_planner(trial_testkit::data::planner());
    assert_eq!(harness.apply_for_code(right).await, "000");
}

#[tokio::test]
async fn row_3_code_001_none_was_sent() {
    let harness = harness(1).await;
    assert_eq!(harness.apply(application(1, "123456")).await, no_code(NoCodeReason::NeverSent));
    assert_eq!(harness.apply_for_code(application(1, "123456")).await, "001");
    assert!(harness.ledger.state().phones.is_empty(), "nothing is counted against a phone that was never sent a code");
}

#[tokio::test]
async fn row_3_code_001_older_than_its_lifetime() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    harness.wait(secs(299));
    let other = harness.prepared(2).await;
    assert_eq!(harness.apply_for_code(Application { phone: phone(1), code: right.code.clone(), ..other }).await, "000");
    let harness = self::harness(1).await;
    let right = harness.prepared(1).await;
    harness.wait(secs(300));
    assert_eq!(harness.apply(right).await, no_code(NoCodeReason::Expired));
}

#[tokio::test]
async fn row_3_code_001_used_up() {
    let harness = harness(2).await;
    harness.join(1).await;
    let again = Application { company: company(2), email: email(2), ..application(1, &harness.code_on(&phone(1))) };
    assert_eq!(harness.apply(again).await, no_code(NoCodeReason::Used));
}

#[tokio::test]
async fn row_3_code_001_spent_by_wrong_tries() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    harness.try_wrong(1, 5).await;
    assert_eq!(harness.apply(right).await, no_code(NoCodeReason::TooManyTries));
    let failures = harness.ledger.state().phones[&phone(1)].failures;
    assert_eq!(failures, 5, "what comes after is not counted");
}

#[tokio::test]
async fn row_4_code_002_counted_against_the_code_and_the_phone() {
    let harness = harness(1).await;
    harness.prepared(1).await;
    for left in [4, 3, 2, 1, 0] {
        let wrong = ApplyRefusal::WrongCode { tries_left: left };
        assert_eq!(harness.apply(application(1, "wrong")).await, ApplyOutcome::Refused(wrong));
    }
    let state = harness.ledger.state();
    assert_eq!(state.phones[&phone(1)].failures, 5);
    assert_eq!(state.challenges.values().map(|challenge| challenge.tries).collect::<Vec<_>>(), [5]);
}

#[tokio::test]
async fn row_4_code_002_for_a_code_that_cannot_be_right() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    let code = harness.code_on(&phone(1));
    for odd in [code[..5].to_owned(), format!("0{code}"), format!("{code}x")] {
        assert_eq!(harness.apply_for_code(application(1, &odd)).await, "002", "{odd:?}");
    }
    assert_eq!(harness.apply_for_code(right).await, "000");
}

#[tokio::test]
async fn row_8_code_000_for_a_code_as_it_was_pasted() {
    let harness = harness(1).await;
    harness.prepared(1).await;
    let code = harness.code_on(&phone(1));
    let wide: String = code.chars().map(|digit| char::from_u32(u32::from(digit) + 0xFEE0).unwrap()).collect();
    for pasted in [wide, format!("\u{202d}{} {}\u{202c}", &code[..3], &code[3..])] {
        assert_eq!(harness.apply_for_code(application(1, &pasted)).await, "000", "{pasted:?}");
    }
}

#[tokio::test]
async fn row_4_code_002_the_code_of_another_phone() {
    let harness = harness(1).await;
    harness.send(&phone(1)).await;
    let right = harness.prepared(2).await;
    assert_eq!(harness.apply_for_code(Application { phone: phone(1), ..right }).await, "002");
}

async fn shared(harness: &MemoryDesk, application: Application) -> Option<SharedField> {
    match harness.apply(application).await {
        ApplyOutcome::Refused(ApplyRefusal::TenantExists { shared, .. }) => Some(shared),
        _ => None,
    }
}

#[tokio::test]
async fn row_5_code_004_same_phone() {
    let harness = harness(9).await;
    harness.join(1).await;
    harness.wait(MINUTE);
    let sent = harness.send(&phone(1)).await;
    let again = Application { phone: phone(1), ..application(2, sent.code.reveal()) };
    assert_eq!(shared(&harness, again.clone()).await, Some(SharedField::Phone));
    assert_eq!(harness.apply_for_code(again).await, "004");
}

#[tokio::test]
async fn row_5_code_004_same_email() {
    let harness = harness(9).await;
    harness.join(1).await;
    let again = Application { email: Email::parse("APPLICANT1@example.COM").unwrap(), ..harness.prepared(2).await };
    assert_eq!(shared(&harness, again).await, Some(SharedField::Email));
}

#[tokio::test]
async fn row_5_code_004_same_company() {
    let harness = harness(9).await;
    harness.join(1).await;
    let again = Application { company: CompanyName::parse("company  1").unwrap(), ..harness.prepared(2).await };
    assert_eq!(shared(&harness, again).await, Some(SharedField::Company));
}

#[tokio::test]
async fn row_5_names_the_tenant_that_stands_in_the_way() {
    let harness = harness(9).await;
    let tenant = harness.join(1).await;
    harness.join(2).await;
    let again = Application { email: email(1), ..harness.prepared(3).await };
    let exists = ApplyRefusal::TenantExists { tenant, shared: SharedField::Email };
    assert_eq!(harness.apply(again).await, ApplyOutcome::Refused(exists));
}

#[tokio::test]
async fn row_5_which_of_the_three_counts_is_policy() {
    let fields = [
        (SharedField::Phone, UniqueBy { phone: true, email: false, company: false }),
        (SharedField::Email, UniqueBy { phone: false, email: true, company: false }),
        (SharedField::Company, UniqueBy { phone: false, email: false, company: true }),
    ];
    for (field, unique_by) in fields {
        let harness = desk_by(9, |policy| policy.trial.unique_by = unique_by).await;
        harness.join(1).await;
        harness.wait(MINUTE);
        let sent = harness.send(&phone(1)).await;
        let same_phone = Application { phone: phone(1), ..application(2, sent.code.reveal()) };
        let same_email = Application { email: email(1), ..harness.prepared(3).await };
        let same_company = Application { company: company(1), ..harness.prepared(4).await };
        for (again, of) in
            [(same_phone, SharedField::Phone), (same_email, SharedField::Email), (same_company, SharedField::Company)]
        {
            assert_eq!(shared(&harness, again).await, (of == field).then_some(field), "{field}: same {of}");
        }
    }
}

#[tokio::test]
async fn row_5_a_tenant_stands_in_the_way_until_it_is_closed() {
    for status in TenantStatus::ALL {
        let harness = harness(9).await;
        let tenant = harness.join(1).await;
        harness.ledger.change(|state| state.tenants.get_mut(&tenant).unwrap().status = *status);
        let again = Application { company: company(1), ..harness.prepared(2).await };
        let expected = if *status == TenantStatus::Closed { "000" } else { "004" };
        assert_eq!(harness.apply_for_code(again).await, expected, "{status}");
    }
}

#[tokio::test]
async fn row_6_code_006_no_voice_access_code_is_left() {
    out_of("400").await;
}

#[tokio::test]
async fn row_6_code_006_no_multimedia_access_code_is_left() {
    out_of("chat").await;
}

async fn out_of(prefix: &str) {
    let harness = harness(2).await;
    harness.ledger.change(|state| state.access_codes.retain(|code, _| !code.as_str().starts_with(prefix)));
    let missing = ApplyRefusal::PoolEmpty { voice: prefix != "400", multimedia: prefix != "chat" };
    assert_eq!(harness.apply(harness.prepared(1).await).await, ApplyOutcome::Refused(missing));
    assert!(harness.ledger.state().access_codes.values().all(|kept| kept.state == AccessCodeState::Free));
}

#[tokio::test]
async fn row_6_code_006_those_that_are_not_free_do_not_count() {
    for state in [AccessCodeState::Quarantined, AccessCodeState::Retired] {
        let harness = harness(1).await;
        harness.ledger.change(|kept| kept.access_codes.values_mut().for_each(|code| code.state = state));
        assert_eq!(harness.apply_for_code(harness.prepared(1).await).await, "006");
    }
}

#[tokio::test]
async fn row_7_code_205_the_mails_of_the_day_reached_the_threshold() {
    let harness = harness(9).await;
    let late = harness.prepared(2).await;
    set_threshold(&harness, 1);
    harness.join(1).await;
    assert_eq!(harness.apply(late).await, ApplyOutcome::Refused(ApplyRefusal::QuotaReached { threshold: 1 }));
}

#[tokio::test]
async fn row_8_code_000_success() {
    let harness = harness(1).await;
    assert_eq!(harness.apply_for_code(harness.prepared(1).await).await, "000");
}

#[tokio::test]
async fn row_8_a_success_sets_the_phones_count_to_0() {
    let harness = harness(1).await;
    let right = harness.prepared(1).await;
    harness.try_wrong(1, 4).await;
    assert_eq!(harness.apply_for_code(right).await, "000");
    assert_eq!(harness.ledger.state().phones[&phone(1)].failures, 0);
}

#[test]
fn code_005_says_to_come_again_in_a_minute() {
    assert_eq!((ApplyReply::CONFLICT.code.as_str(), ApplyReply::CONFLICT.retry_after), ("005", Some(MINUTE)));
}

#[tokio::test]
async fn the_code_is_consumed_by_000_alone() {
    let harness = harness(2).await;
    harness.join(1).await;
    let right = harness.prepared(2).await;
    assert_eq!(harness.apply_for_code(Application { company: company(1), ..right.clone() }).await, "004");
    let codes = harness.ledger.state().access_codes;
    harness.ledger.change(|state| state.access_codes.clear());
    assert_eq!(harness.apply_for_code(right.clone()).await, "006");
    harness.ledger.change(|state| state.access_codes = codes);
    set_threshold(&harness, 1);
    assert_eq!(harness.apply_for_code(right.clone()).await, "205");
    set_threshold(&harness, 2);
    assert_eq!(harness.apply_for_code(right).await, "000");
}

#[tokio::test]
async fn nothing_is_told_before_the_code_is_right() {
    let harness = harness(1).await;
    harness.join(1).await;
    set_threshold(&harness, 9);
    ask(&harness, 2).await;
    set_threshold(&harness, 1);
    let probe = Application { email: email(1), company: company(1), ..application(2, "wrong") };
    assert_eq!(harness.apply_for_code(probe).await, "002", "neither 004, nor 006, nor 205");
}
