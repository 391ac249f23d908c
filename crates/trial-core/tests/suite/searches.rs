//! Searches by personal data: their records, and the limit of one operator.

use std::time::Duration;

use chrono::TimeDelta;
use trial_core::applications::ApplicationQuery;
use trial_core::audit::{AuditEntry, AuditQuery, ChangedBy};
use trial_core::operators::{Filter, PersonSearch, Role, SearchOutcome};
use trial_core::values::{AccessCodeKind, AuditId, Person, RequestId};
use trial_testkit::data::{company, email, keyring, phone};
use trial_testkit::{FixedClock, SeededEntropy};

use crate::desks::HOUR;

fn by() -> ChangedBy {
    ChangedBy::now("ada".to_owned(), &FixedClock::default(), &SeededEntropy::new(1))
}

fn search(role: Option<Role>) -> PersonSearch {
    PersonSearch::new(by(), "tenants", &phone(1).personal().unwrap(), role, &keyring())
}

/// An entry of this age.
fn earlier(age: TimeDelta) -> AuditEntry {
    let at = by().at - age;
    let text = String::new;
    AuditEntry { id: AuditId::new(at, [0; 10]), at, actor: text(), action: text(), subject: text(), detail: text() }
}

#[test]
fn what_is_looked_for_is_recorded_as_the_hash_of_the_person() {
    let subject = |text: &str| AuditQuery { subject: Some(text.to_owned()), ..AuditQuery::default() };
    let of_phone = keyring().pseudonym(&Person::Phone(phone(1)));
    let of_email = keyring().pseudonym(&Person::Email(email(1).key().clone()));
    let filters: [(&dyn Filter, &str, &str); 7] = [
        (&phone(1), of_phone.as_str(), "phone"),
        (&ApplicationQuery::Phone(phone(1)), of_phone.as_str(), "phone"),
        (&Person::Phone(phone(1)), of_phone.as_str(), "phone"),
        (&subject(phone(1).as_str()), of_phone.as_str(), "subject"),
        (&ApplicationQuery::Email(email(1).key().clone()), of_email.as_str(), "e-mail address"),
        (&Person::Email(email(1).key().clone()), of_email.as_str(), "e-mail address"),
        (&subject(email(1).key().as_str()), of_email.as_str(), "subject"),
    ];
    for (filter, pseudonym, kind) in filters {
        let personal = filter.personal().unwrap();
        assert!(!format!("{personal:?}").contains("6600000001"), "{personal:?}");
        let entry = PersonSearch::new(by(), "tenants", &personal, None, &keyring()).entry().clone();
        assert_eq!((entry.action, entry.subject.as_str(), entry.actor.as_str()), ("person.search", pseudonym, "ada"));
        assert_eq!(entry.detail, format!("tenants, by {kind}"));
    }
    let of_company = ApplicationQuery::Company(company(1).key().clone()).personal().unwrap();
    let entry = PersonSearch::new(by(), "tenants", &of_company, None, &keyring()).entry().clone();
    assert!(entry.subject.starts_with("person-") && entry.detail == "tenants, by company", "{entry:?}");
}

#[test]
fn what_nobody_is_known_by_is_not_recorded() {
    let id = RequestId::from_caller("web-1").unwrap();
    let tenant = "019aa6f2-7c3e-7f00-8000-000000000000";
    let subject = |text: &str| AuditQuery { subject: Some(text.to_owned()), ..AuditQuery::default() };
    let filters: [&dyn Filter; 5] = [
        &ApplicationQuery::RequestId(id),
        &None::<ApplicationQuery>,
        &AuditQuery::default(),
        &subject(tenant),
        &subject(AccessCodeKind::Voice.as_str()),
    ];
    for filter in filters {
        assert_eq!(filter.personal(), None);
    }
}

#[test]
fn a_role_has_its_number_of_searches_an_hour() {
    for (role, limit) in [(Role::Viewer, 60), (Role::Operator, 600), (Role::Admin, 600)] {
        let search = search(Some(role));
        let (query, skipped) = search.counted().unwrap();
        assert_eq!((query.limit, skipped), (1, limit - 1), "the one that makes the limit full");
        assert_eq!((query.actor.as_deref(), query.action.as_deref()), (Some("ada"), Some("person.search")));
        assert_eq!(query.since, Some(by().at - HOUR + TimeDelta::microseconds(1)));
        assert_eq!(search.decide(None), SearchOutcome::Recorded);
        let over = |retry_after| SearchOutcome::OverLimit { limit, retry_after };
        assert_eq!(search.decide(Some(&earlier(TimeDelta::minutes(50)))), over(Duration::from_mins(10)));
        assert_eq!(search.decide(Some(&earlier(TimeDelta::minutes(-30)))), over(HOUR), "the clock was set back");
    }
}

#[test]
fn the_command_line_has_no_limit() {
    let search = search(None);
    assert_eq!(search.counted(), None);
    assert_eq!(search.decide(Some(&earlier(TimeDelta::zero()))), SearchOutcome::Recorded);
}
