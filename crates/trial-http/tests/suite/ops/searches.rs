//! Searches by personal data: no query of a viewer tells two phones with the same mask apart without an audit entry.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use serde_json::Value;
use trial_core::operators::Role::{self, Operator, Viewer};
use trial_core::values::{Email, Person, Phone};
use trial_http::ops_openapi_json;
use trial_testkit::data;

use super::House;
use crate::console::Guest;
use crate::support::Answer;

/// Two phones with the mask `+861660000****`, and two addresses with `a***@example.com`; the first of each exists only
/// in the first world.
const PHONES: [&str; 2] = ["+8616600000001", "+8616600001234"];
const EMAILS: [&str; 2] = ["applicant1@example.com", "another@example.com"];

/// A world in which the first applicant has this phone and this address.
async fn world(n: usize) -> House {
    let house = House::new().await;
    let was = data::phone(1);
    let phone = Phone::from_canonical(PHONES[n], 86);
    let email = Email::parse(EMAILS[n]).unwrap();
    assert_eq!((phone.masked(), email.masked()), (was.masked(), data::email(1).masked()));
    house.ledger.change(|state| {
        let put = |place: &mut Phone| {
            if *place == was {
                *place = phone.clone();
            }
        };
        for record in state.applications.values_mut().filter(|record| record.application.phone == was) {
            record.application.phone = phone.clone();
            record.application.email = email.clone();
        }
        for tenant in state.tenants.values_mut().filter(|tenant| tenant.phone == was) {
            tenant.phone = phone.clone();
            tenant.email = email.clone();
        }
        state
            .mails
            .values_mut()
            .filter(|mail| mail.record.to == data::email(1))
            .for_each(|mail| mail.record.to = email.clone());
        state.challenges.values_mut().for_each(|challenge| put(&mut challenge.phone));
        state.code_requests.values_mut().for_each(|kept| put(&mut kept.record.phone));
        let mut known = state.phones.remove(&was).unwrap();
        known.phone = phone.clone();
        state.phones.insert(phone.clone(), known);
        // An operator unlocked the phone once.
        let mut unlocked = state.audit[0].clone();
        unlocked.action = "phone.unlock";
        unlocked.subject = phone.to_string();
        state.audit.push(unlocked);
    });
    house
}

/// Searches by this operator.
fn searches(house: &House, actor: &str) -> Vec<String> {
    let audit = house.ledger.state().audit;
    let made = audit.into_iter().filter(|entry| entry.action == "person.search" && entry.actor == actor);
    made.map(|entry| entry.subject).collect()
}

fn without_searches(house: &House) {
    house.ledger.change(|state| state.audit.retain(|entry| entry.action != "person.search"));
}

/// Values to try: each phone and address, parts and spellings of them, and the tenant's identifiers.
fn candidates(house: &House) -> Vec<String> {
    let mut values: Vec<String> = PHONES.into_iter().chain(EMAILS).map(|text| text.replace('+', "%2B")).collect();
    values.extend(PHONES.map(|phone| phone[3..].to_owned()));
    values.extend(
        ["1660", "%2B8616600", "%2B86166%25", "applicant", "APPLICANT1@EXAMPLE.COM", "Company%201"].map(str::to_owned),
    );
    values.extend([house.tenant.to_string(), house.application.to_string(), "apply-1".to_owned(), "true".to_owned()]);
    values
}

/// Every reading path of the interface, with each value in each parameter.
fn reads(house: &House) -> Vec<String> {
    let document: Value = serde_json::from_str(&ops_openapi_json()).unwrap();
    let mut reads = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get") else { continue };
        let none = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&none);
        let named = |place: &str| {
            let of_place = parameters.iter().filter(|parameter| parameter["in"] == place);
            of_place.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let paths: Vec<String> = match named("path").first() {
            Some(name) => candidates(house).iter().map(|value| path.replace(&format!("{{{name}}}"), value)).collect(),
            None => vec![path.clone()],
        };
        for path in paths {
            let in_query = named("query").into_iter();
            let asked =
                in_query.flat_map(|name| candidates(house).into_iter().map(move |value| format!("?{name}={value}")));
            reads.extend(std::iter::once(path.clone()).chain(asked.map(|query| format!("{path}{query}"))));
        }
    }
    reads
}

/// Returns `true` if two worlds answer alike; if not, both recorded the query.
fn told_apart(path: &str, worlds: [&House; 2], answers: &[Answer; 2], actor: &str) -> bool {
    let differ = answers[0].status != answers[1].status || answers[0].body != answers[1].body;
    for world in worlds {
        assert!(
            !differ || searches(world, actor).len() == 1,
            "{path} tells phones apart in secret: {}",
            answers[0].body
        );
        without_searches(world);
    }
    differ
}

#[actix_web::test]
async fn nothing_a_viewer_asks_tells_two_phones_of_one_mask_apart_in_secret() {
    let (one, other) = (world(0).await, world(1).await);
    let mut apart = Vec::new();
    for path in reads(&one) {
        let answers = [one.get(Viewer, &path).await, other.get(Viewer, &path).await];
        if told_apart(&path, [&one, &other], &answers, "viewer-one") {
            apart.push(path.split(['?', '=']).take(2).collect::<Vec<_>>().join("?"));
        }
    }
    let phones: Vec<String> = candidates(&one).iter().map(|value| format!("/ops/v1/phones/{value}")).collect();
    apart.retain(|path| !phones.contains(path));
    let expected = [
        "/ops/v1/applications?phone",
        "/ops/v1/applications?email",
        "/ops/v1/audit?subject",
        "/ops/v1/requests?phone",
        "/ops/v1/requests?email",
        "/ops/v1/tenants?phone",
        "/ops/v1/tenants?email",
    ];
    apart.sort_unstable();
    apart.dedup();
    let mut all = expected.map(str::to_owned);
    all.sort_unstable();
    assert_eq!(apart, all, "and those that are recorded do tell");
}

#[actix_web::test]
async fn nor_does_a_page_of_the_console() {
    let (one, other) = (world(0).await, world(1).await);
    let guests = [Guest::of(&one, Viewer).await, Guest::of(&other, Viewer).await];
    let mut apart = Vec::new();
    for page in crate::console::pages(&one) {
        for name in ["find", "subject", "actor", "action"] {
            for value in candidates(&one) {
                let path = format!("{page}?{name}={value}");
                let answers = [guests[0].get(&path).await, guests[1].get(&path).await];
                let answers = answers.map(|answer| Answer { body: answer.body.replace(&guests[0].csrf, ""), ..answer });
                if told_apart(&path, [&one, &other], &answers, "viewer-one") {
                    apart.push(format!("{page}?{name}"));
                }
            }
        }
    }
    apart.dedup();
    assert_eq!(
        apart,
        ["/console/applications?find", "/console/tenants?find", "/console/phones?find", "/console/audit?subject"]
    );
}

#[actix_web::test]
async fn a_search_is_recorded_by_hash_before_it_is_answered() {
    let house = House::new().await;
    let phone = data::keyring().pseudonym(&Person::Phone(data::phone(1)));
    let email = data::keyring().pseudonym(&Person::Email(data::email(1).key().clone()));
    for (path, subject) in [
        ("/ops/v1/tenants?phone=16600000001", phone.as_str()),
        ("/ops/v1/applications?phone=%2B86%20166-0000-0001&limit=1", &phone),
        ("/ops/v1/applications?email=Applicant1@EXAMPLE.com", &email),
        ("/ops/v1/phones/16600000001", &phone),
        ("/ops/v1/audit?subject=%2B8616600000001", &phone),
    ] {
        let before = house.audited();
        assert_eq!(house.get(Viewer, path).await.status, StatusCode::OK, "{path}");
        let expected = ("viewer-one".to_owned(), "person.search", subject.to_owned());
        assert_eq!(house.done_since(before), [expected], "{path}");
    }
    let before = house.audited();
    let unlock = |phone: &str| TestRequest::post().uri(&format!("/ops/v1/phones/{phone}/unlock"));
    assert_eq!(house.ask(Operator, unlock("16699999999")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.done_since(before).len(), 1, "that a phone was never seen is an answer too");
    let before = house.audited();
    for path in
        ["/ops/v1/tenants", "/ops/v1/tenants?phone=12", "/ops/v1/audit?subject=quota", "/ops/v1/mails?state=due"]
    {
        house.get(Viewer, path).await;
    }
    assert_eq!(house.done_since(before), []);
    let told = house.get(Viewer, "/ops/v1/audit?action=person.search").await;
    assert!(told.body.contains("applications, by phone") && !told.body.contains("16600000001"), "{}", told.body);
}

#[actix_web::test]
async fn a_viewer_makes_60_searches_an_hour_wherever() {
    let house = House::new().await;
    let guest = Guest::of(&house, Viewer).await;
    for n in 0..30 {
        assert_eq!(house.get(Viewer, "/ops/v1/tenants?phone=16600000001").await.status, StatusCode::OK, "{n}");
        assert_eq!(guest.get("/console/phones?find=16600000001").await.status, StatusCode::OK, "{n}");
    }
    let before = house.audited();
    let refused = house.get(Viewer, "/ops/v1/phones/16600000002").await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "3600"));
    assert_eq!(refused.json()["type"], "urn:trialgate:problem:rate-limited");
    for page in ["applications?find=Company%201", "tenants?find=a@example.com", "phones?find=16600000002"] {
        let page = guest.get(&format!("/console/{page}")).await;
        assert_eq!((page.status, page.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "3600"));
        assert!(
            page.body.contains("<html") && page.body.contains("Too many searches by personal data"),
            "{}",
            page.body
        );
    }
    assert_eq!(house.audited(), before, "what is refused is not recorded");
    for path in ["/ops/v1/tenants", "/ops/v1/applications?requestId=apply-1", "/ops/v1/audit?subject=quota"] {
        assert_eq!(house.get(Viewer, path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(searches_left(&house, Operator).await, StatusCode::OK, "each has their own");
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(searches_left(&house, Viewer).await, StatusCode::OK);
}

async fn searches_left(house: &House, role: Role) -> StatusCode {
    house.get(role, "/ops/v1/tenants?phone=16600000001").await.status
}
