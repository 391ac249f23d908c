//! Queries and commands of each resource.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use trial_core::operators::Role::{Admin, Operator, Viewer};
use trial_core::operators::{SecretHash, Session};
use trial_core::ports::Operators as _;
use trial_testkit::data;

use super::{House, shown};
use crate::support::{Answer, call, get, post};

fn put(path: &str, body: &'static str) -> TestRequest {
    TestRequest::put().uri(path).insert_header(("content-type", "application/json")).set_payload(body)
}

fn csv(path: &str, body: &'static str) -> TestRequest {
    TestRequest::post().uri(path).insert_header(("content-type", "text/csv; charset=utf-8")).set_payload(body)
}

#[actix_web::test]
async fn everything_is_shown_masked() {
    let house = House::new().await;
    let tenant = format!("/ops/v1/tenants/{}", house.tenant);
    let application = format!("/ops/v1/applications/{}", house.application);
    for (name, path) in [
        ("me", "/ops/v1/me"),
        ("tenants", "/ops/v1/tenants?limit=1"),
        ("tenant", tenant.as_str()),
        ("applications", "/ops/v1/applications?phone=16600000001"),
        ("application", application.as_str()),
        ("access_codes", "/ops/v1/access-codes?kind=multimedia&state=leased&limit=1"),
        ("stock", "/ops/v1/access-codes/stock"),
        ("email_quota", "/ops/v1/email-quota?days=2"),
        ("settings", "/ops/v1/settings"),
        ("mails", "/ops/v1/mails?state=failed"),
        ("phone", "/ops/v1/phones/16600000001"),
        ("prefixes", "/ops/v1/prefixes"),
        ("callers", "/ops/v1/callers"),
        ("audit", "/ops/v1/audit?limit=2&action=operator.add"),
    ] {
        let answer = house.get(Viewer, path).await;
        assert!(!answer.body.contains("16600000001") && !answer.body.contains("applicant1@"), "{}", answer.body);
        insta::assert_snapshot!(format!("ops_{name}"), answer.shown());
    }
    insta::assert_snapshot!("ops_operators", house.get(Admin, "/ops/v1/operators").await.shown());
}

#[actix_web::test]
async fn what_is_revealed_is_written_down_first() {
    let house = House::new().await;
    let tenant = house.tenant.to_string();
    let one = format!("/ops/v1/tenants/{tenant}?reveal=true");
    for (path, action, subject, plain) in [
        ("/ops/v1/tenants?reveal=true", "tenants.reveal", "tenants", "+8616600000001"),
        (one.as_str(), "tenant.reveal", tenant.as_str(), "applicant1@example.com"),
        ("/ops/v1/mails?reveal=true", "mails.reveal", "mails", "applicant1@example.com"),
        ("/ops/v1/phones/16600000001?reveal=true", "phone.reveal", "+8616600000001", "+8616600000001"),
        ("/ops/v1/audit?reveal=true&action=phone.reveal", "audit.reveal", "audit", "+8616600000001"),
    ] {
        let before = house.audited();
        let answer = house.get(Operator, path).await;
        assert!(answer.status == StatusCode::OK && answer.body.contains(plain), "{path}: {}", answer.body);
        let expected = ("operator-one".to_owned(), action, subject.to_owned());
        assert_eq!(house.done_since(before).pop(), Some(expected), "{path}");
        let before = house.audited();
        assert_eq!(house.get(Operator, &path.replace("true", "false")).await.status, StatusCode::OK);
        assert!(house.done_since(before).iter().all(|(_, action, _)| *action == "person.search"), "{path}");
    }
}

#[actix_web::test]
async fn pages_follow_one_another() {
    let house = House::new().await;
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = house.get(Viewer, &format!("/ops/v1/audit?limit=2{cursor}")).await.json();
        let items = page["items"].as_array().unwrap().clone();
        found.extend(items.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        assert_eq!(items.len(), 2);
        cursor = format!("&cursor={next}");
    }
    let mut all: Vec<String> = house.ledger.state().audit.iter().map(|entry| entry.id.to_string()).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(found, all);
}

#[actix_web::test]
async fn every_wrong_parameter_is_named() {
    let house = House::new().await;
    let asked = "/ops/v1/audit?limit=0&cursor=x&since=yesterday&actor=&action=a%00&reveal=yes&color=red&until=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z";
    insta::assert_snapshot!("ops_wrong_parameters", house.get(Viewer, asked).await.shown());
    for path in [
        "/ops/v1/me?a=b",
        "/ops/v1/email-quota?days=32",
        "/ops/v1/email-quota?days=+1",
        "/ops/v1/mails?state=lost",
        "/ops/v1/mails?tenant=7",
        "/ops/v1/audit?since=0000-01-01T00:00:00Z",
        "/ops/v1/audit?since=1969-12-31T23:59:59Z",
        "/ops/v1/audit?since=%FF",
        "/ops/v1/tenants?limit=201",
        "/ops/v1/phones/12",
        "/ops/v1/phones/%FF",
    ] {
        let status = house.get(Viewer, path).await.status;
        assert!(matches!(status.as_u16(), 400 | 404), "{path}: {status}");
    }
}

#[actix_web::test]
async fn the_threshold_is_set_and_remembered() {
    let house = House::new().await;
    let before = house.audited();
    let set = house.ask(Operator, put("/ops/v1/email-quota", r#"{"threshold":2000}"#)).await;
    assert_eq!((set.status, &set.json()["today"]["threshold"]), (StatusCode::OK, &json!(2_000)));
    assert_eq!(house.done_since(before), [("operator-one".to_owned(), "setting.set", "quota.threshold".to_owned())]);
    let shown = house.get(Viewer, "/ops/v1/email-quota?days=2").await.json();
    assert_eq!(shown["thresholds"][0]["actor"], "operator-one");
    assert_eq!(shown["days"][0]["left"], json!(1_998));
    assert_eq!(shown["days"][1]["threshold"], json!(1_000), "yesterday the configured one was in force");
    for body in ["{}", r#"{"threshold":-1}"#, r#"{"threshold":4294967296}"#, r#"{"threshold":"7"}"#, "[", ""] {
        assert_eq!(
            house.ask(Operator, put("/ops/v1/email-quota", body)).await.status,
            StatusCode::BAD_REQUEST,
            "{body}"
        );
    }
}

#[actix_web::test]
async fn a_setting_is_changed_and_reset() {
    let house = House::new().await;
    let before = house.audited();
    let path = "/ops/v1/settings/verification.max_failures";
    let locked = async || house.get(Viewer, "/ops/v1/phones/16600000001").await.json()["locked"].clone();
    assert_eq!(locked().await, json!(true), "after 100 wrong codes");
    let set = house.ask(Admin, put(path, r#"{"value":"150","seen":0}"#)).await;
    assert_eq!((set.status, &set.json()["number"]), (StatusCode::OK, &json!(1)));
    let changed = setting(&set.json(), "verification.max_failures");
    let shown = ["value", "configured", "changed"].map(|field| changed[field].clone());
    assert_eq!(shown, [json!("150"), json!("100"), json!(true)]);
    assert_eq!(set.json()["changes"][0]["actor"], "admin-one");
    assert_eq!(locked().await, json!(false), "in force at once");
    let audited = |action| ("admin-one".to_owned(), action, "verification.max_failures".to_owned());
    let changes = || {
        let done = house.done_since(before).into_iter();
        done.filter(|(_, action, _)| *action != "person.search").collect::<Vec<_>>()
    };
    assert_eq!(changes(), [audited("setting.set")]);
    for late in [put(path, r#"{"value":"200","seen":0}"#), TestRequest::delete().uri(&format!("{path}?seen=0"))] {
        let answer = house.ask(Admin, late).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
        assert!(answer.body.contains("(change 1)"), "{}", answer.body);
    }
    let reset = house.ask(Admin, TestRequest::delete().uri(&format!("{path}?seen=1"))).await;
    assert_eq!(setting(&reset.json(), "verification.max_failures")["value"], "100");
    assert_eq!(reset.json()["changes"][0]["value"], Value::Null);
    assert_eq!(locked().await, json!(true));
    assert_eq!(changes(), [audited("setting.set"), audited("setting.reset")]);
}

fn setting(list: &Value, key: &str) -> Value {
    let mut items = list["items"].as_array().unwrap().iter();
    items.find(|item| item["key"] == key).unwrap().clone()
}

#[actix_web::test]
async fn an_absurd_setting_is_refused_by_its_field() {
    let house = House::new().await;
    let before = house.audited();
    for (key, value, said) in [
        (
            "verification.code_ttl",
            r#"{"value":"20m"}"#,
            "`verification.code_cap` (10m) must be at least `verification.code_ttl` (20m)",
        ),
        ("verification.code_ttl", r#"{"value":"5"}"#, "is not a duration; write a whole number and its unit"),
        ("verification.max_tries", r#"{"value":"0"}"#, "value 0 is not from 1 to 1000"),
        ("verification.max_tries", r#"{"value":"5m"}"#, "is not a whole number from 1 to 1000"),
    ] {
        let answer = house.ask(Admin, put(&format!("/ops/v1/settings/{key}"), value)).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("value")));
        let detail = answer.json()["errors"][0]["detail"].to_string();
        assert!(detail.contains(said), "{detail}");
    }
    for body in ["{}", r#"{"value":5}"#, r#"{"value":"5","seen":-1}"#, r#"{"value":"5","more":1}"#, "[", ""] {
        let answer = house.ask(Admin, put("/ops/v1/settings/verification.max_tries", body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    for key in ["verification.max_trie", "storage.url", "secrets.keys"] {
        let answer = house.ask(Admin, put(&format!("/ops/v1/settings/{key}"), r#"{"value":"5"}"#)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{key}");
    }
    assert_eq!(house.audited(), before);
}

#[actix_web::test]
async fn a_failed_mail_is_tried_again_and_no_other() {
    let house = House::new().await;
    let before = house.audited();
    let path = format!("/ops/v1/mails/{}/retry", house.failed_mail);
    let retried = house.ask(Operator, TestRequest::post().uri(&path)).await;
    assert_eq!((retried.status, &retried.json()["state"]), (StatusCode::OK, &json!("due")));
    let expected = ("operator-one".to_owned(), "mail.retry", house.failed_mail.to_string());
    assert_eq!(house.done_since(before), [expected]);
    let path = format!("/ops/v1/mails/{}/retry", house.due_mail);
    let refused = house.ask(Operator, TestRequest::post().uri(&path)).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
}

#[actix_web::test]
async fn failed_mails_are_tried_again_together() {
    let house = House::new().await;
    let before = house.audited();
    let retry = |body: &'static str| {
        TestRequest::post()
            .uri("/ops/v1/mails/retry")
            .insert_header(("content-type", "application/json"))
            .set_payload(body)
    };
    for body in ["{}", r#"{"since":"24h"}"#, r#"{"since":"2026-01-01T00:00:00Z","all":true}"#] {
        let refused = house.ask(Operator, retry(body)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    }
    assert_eq!(house.audited(), before);
    let retried = house.ask(Operator, retry(r#"{"since":"2000-01-01T00:00:00Z"}"#)).await;
    assert_eq!((retried.status, &retried.json()["retried"]), (StatusCode::OK, &json!(1)), "{}", retried.body);
    let expected = ("operator-one".to_owned(), "mail.retry_all", "mails".to_owned());
    assert_eq!(house.done_since(before), [expected]);
}

#[actix_web::test]
async fn a_phone_is_unlocked() {
    let house = House::new().await;
    assert_eq!(house.get(Viewer, "/ops/v1/phones/16600000001").await.json()["locked"], true);
    let unlocked = house.ask(Operator, TestRequest::post().uri("/ops/v1/phones/16600000001/unlock")).await.json();
    assert_eq!((&unlocked["locked"], &unlocked["failures"]), (&json!(false), &json!(0)));
    let unseen = house.get(Viewer, "/ops/v1/phones/16600000009").await.json();
    assert_eq!((&unseen["seen"], &unseen["locked"]), (&json!(false), &json!(false)));
}

#[actix_web::test]
async fn access_codes_are_imported_all_or_none() {
    let house = House::new().await;
    let free = async || {
        let stock = house.get(Viewer, "/ops/v1/access-codes/stock").await.json();
        (stock["stock"][0]["free"].as_u64().unwrap(), stock["stock"][1]["free"].as_u64().unwrap())
    };
    let (voice, multimedia) = free().await;
    let good = "kind,code\nvoice,97001\nmultimedia,new-chat\n";
    let import = "/ops/v1/access-codes/import";
    let planned = house.ask(Operator, csv("/ops/v1/access-codes/import?dryRun=true", good)).await;
    assert_eq!(planned.json(), json!({"dryRun": true, "rows": 2, "added": 2, "known": 0}));
    assert_eq!(free().await, (voice, multimedia), "a dry run changes nothing");
    let bad = "kind,code\nvoice,97001\nfax,1\nvoice\nmultimedia,97001\n";
    insta::assert_snapshot!("ops_bad_rows", house.ask(Operator, csv(import, bad)).await.shown());
    let bad = r#"{"rows":[{"kind":"voice","code":"97001"},{"kind":"fax","code":"1"}]}"#;
    let refused = house.ask(Operator, post(import, bad)).await;
    assert_eq!((refused.status, &refused.json()["errors"][0]["line"]), (StatusCode::BAD_REQUEST, &json!(2)));
    assert_eq!(free().await, (voice, multimedia), "no row of a bad import is loaded");
    assert_eq!(house.ask(Operator, csv(import, good)).await.json()["added"], 2);
    assert_eq!(free().await, (voice + 1, multimedia + 1));
    let again = r#"{"rows":[{"kind":"voice","code":"97001"},{"kind":"voice","code":"97002"}]}"#;
    let again = house.ask(Operator, post(import, again)).await;
    assert_eq!(again.json(), json!({"dryRun": false, "rows": 2, "added": 1, "known": 1}));
    for body in ["", "code\n1\n", "\u{FEFF}"] {
        assert_eq!(house.ask(Operator, csv(import, body)).await.status, StatusCode::BAD_REQUEST, "{body:?}");
    }
    for body in ["", "[]", r#"{"rows":[1]}"#, r#"{"rows":[]}"#, r#"{"rows":[],"x":1}"#] {
        assert_eq!(house.ask(Operator, post(import, body)).await.status, StatusCode::BAD_REQUEST, "{body:?}");
    }
    let plain = TestRequest::post().uri(import).insert_header(("content-type", "text/plain")).set_payload(good);
    assert_eq!(house.ask(Operator, plain).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large: &'static str = "x".repeat(8 * 1024 * 1024 + 1).leak();
    assert_eq!(house.ask(Operator, csv(import, large)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[actix_web::test]
async fn files_of_a_spreadsheet_are_imported_by_what_their_bytes_are() {
    let house = House::new().await;
    let import = "/ops/v1/access-codes/import?dryRun=true";
    let workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let sent = |kind: &'static str, body: &'static [u8]| {
        TestRequest::post().uri(import).insert_header(("content-type", kind)).set_payload(body)
    };
    let good = json!({"dryRun": true, "rows": 4, "added": 4, "known": 0});
    for (kind, body) in [
        (workbook, &include_bytes!("../../../../../tests/fixtures/access-codes/codes.xlsx")[..]),
        ("text/csv; charset=gb18030", include_bytes!("../../../../../tests/fixtures/access-codes/codes-gbk.csv")),
        ("text/csv; charset=utf-16", include_bytes!("../../../../../tests/fixtures/access-codes/codes-utf16.csv")),
        ("text/csv", include_bytes!("../../../../../tests/fixtures/access-codes/codes-mac.csv")),
    ] {
        assert_eq!(house.ask(Operator, sent(kind, body)).await.json(), good, "{kind}");
    }
    let spoiled = include_bytes!("../../../../../tests/fixtures/access-codes/spoiled.xlsx");
    let refused = house.ask(Operator, sent(workbook, spoiled)).await;
    let lines: Vec<_> = refused.json()["errors"].as_array().unwrap().iter().map(|row| row["line"].clone()).collect();
    assert_eq!((refused.status, lines), (StatusCode::BAD_REQUEST, [4, 5, 6, 7, 8].map(|line| json!(line)).to_vec()));
    let old = house.ask(Operator, sent("text/csv", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")).await;
    assert!(old.json()["detail"].as_str().unwrap().contains("save it as .xlsx"), "{}", old.shown());
    let twice = house.ask(Operator, sent("text/csv", b"kind,code\nvoice,97001\nvoice,97001\n")).await.json();
    assert_eq!(twice["repeated"], json!([{"line": 3, "first": 2, "code": "97001"}]));
}

async fn add(house: &House, body: &'static str) -> Answer {
    house.ask(Admin, post("/ops/v1/operators", body)).await
}

#[actix_web::test]
async fn operators_are_added_and_revoked() {
    let house = House::new().await;
    let added = add(&house, r#"{"name":"Eve","role":"viewer","expiresInDays":90}"#).await.json();
    assert_eq!(
        (&added["name"], &added["state"], &added["createdBy"]),
        (&json!("Eve"), &json!("active"), &json!("admin-one"))
    );
    let token = added["token"].as_str().unwrap().to_owned();
    let me = async || call(&house.site, shown(get("/ops/v1/me"), &token)).await;
    assert_eq!(me().await.json()["name"], "Eve");
    let eve = house.ledger.state().operators.into_values().find(|known| known.name.as_str() == "Eve").unwrap();
    let session = Session::begin(SecretHash::from_bytes([1; 32]), &eve, eve.created_at);
    let by = data::changed_by(eve.created_at, &trial_testkit::SeededEntropy::new(3));
    assert!(house.ledger.begin_session(session, by).await.unwrap());

    assert_eq!(add(&house, r#"{"name":"EVE","role":"viewer"}"#).await.status, StatusCode::CONFLICT);
    let wrong = add(&house, r#"{"name":"cli:eve","role":"king","expiresInDays":0}"#).await;
    assert_eq!(
        (wrong.status, wrong.fields()),
        (StatusCode::BAD_REQUEST, ["name", "role", "expiresInDays"].map(str::to_owned).to_vec())
    );
    for body in ["{}", r#"{"name":"x","role":"viewer","more":1}"#, r#"{"name":"x"}"#, "7"] {
        assert_eq!(add(&house, body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let before = house.audited();
    let revoked = house.ask(Admin, TestRequest::post().uri("/ops/v1/operators/eve/revoke")).await;
    assert_eq!((revoked.status, revoked.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(house.done_since(before), [("admin-one".to_owned(), "operator.revoke", "Eve".to_owned())]);
    assert_eq!(me().await.status, StatusCode::UNAUTHORIZED);
    assert!(house.ledger.state().sessions.is_empty());
    let listed: Value = house.get(Admin, "/ops/v1/operators").await.json();
    assert!(!listed.to_string().contains("tgo_"), "{listed}");
}

#[actix_web::test]
async fn a_tenant_lives_as_operators_say() {
    let house = House::new().await;
    let order = async |what: &str, body: Option<&'static str>| {
        let path = format!("/ops/v1/tenants/{}/{what}", house.tenant);
        let request = body.map_or_else(|| TestRequest::post().uri(&path), |body| post(&path, body));
        house.ask(Operator, request).await
    };
    for body in ["{}", r#"{"days":0}"#, r#"{"days":367}"#, r#"{"days":4294967295}"#, r#"{"days":"7"}"#, "x"] {
        assert_eq!(order("extend", Some(body)).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let before = house.audited();
    for (what, body, status) in [
        ("extend", Some(r#"{"days":30}"#), "trial"),
        ("suspend", None, "suspended"),
        ("resume", None, "trial"),
        ("close", None, "closed"),
        ("reopen", None, "trial"),
        ("convert", None, "commercial"),
    ] {
        let answer = order(what, body).await;
        assert_eq!(
            (answer.status, &answer.json()["status"]),
            (StatusCode::OK, &json!(status)),
            "{what}: {}",
            answer.body
        );
    }
    let done = house.done_since(before);
    let actions: Vec<&str> = done.iter().map(|(_, action, _)| *action).collect();
    let expected = ["extend", "suspend", "resume", "close", "reopen", "convert"].map(|what| format!("tenant.{what}"));
    assert_eq!(actions, expected);
    assert!(done.iter().all(|(actor, _, subject)| actor == "operator-one" && *subject == house.tenant.to_string()));
    assert_eq!(order("reopen", None).await.status, StatusCode::CONFLICT);
}

#[actix_web::test]
async fn access_codes_are_retired_and_released() {
    let house = House::new().await;
    let code = house.free_code.clone();
    let order = async |what: &str| {
        house.ask(Operator, TestRequest::post().uri(&format!("/ops/v1/access-codes/{code}/{what}"))).await
    };
    assert_eq!(order("release").await.status, StatusCode::CONFLICT);
    let before = house.audited();
    assert_eq!(order("retire").await.json(), json!({"code": code, "before": "free", "state": "retired"}));
    assert_eq!(order("release").await.json(), json!({"code": code, "before": "retired", "state": "free"}));
    let done: Vec<_> = house.done_since(before).into_iter().map(|(_, action, subject)| (action, subject)).collect();
    assert_eq!(done, [("access_code.retire", code.clone()), ("access_code.release", code.clone())]);
}

#[actix_web::test]
async fn customers_are_found_by_what_they_are_known_by() {
    let house = House::new().await;
    for path in ["applications", "tenants"] {
        for (query, found) in [
            ("", 2),
            ("?phone=16600000001", 1),
            ("?email=APPLICANT1@example.com", 1),
            ("?company=company%201", 1),
            ("?requestId=apply-1", 1),
            ("?requestId=nobody", 0),
            ("?phone=16600000009", 0),
        ] {
            let answer = house.get(Viewer, &format!("/ops/v1/{path}{query}")).await;
            assert_eq!(answer.json()["items"].as_array().unwrap().len(), found, "{path}{query}: {}", answer.body);
        }
        let both = house.get(Viewer, &format!("/ops/v1/{path}?phone=16600000001&requestId=apply-1")).await;
        assert_eq!(both.status, StatusCode::BAD_REQUEST);
    }
    let codes = house.get(Viewer, "/ops/v1/applications?returnCode=006").await.json();
    assert_eq!(codes["items"], json!([]));
    assert_eq!(house.get(Viewer, "/ops/v1/applications?returnCode=999").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(house.get(Viewer, "/ops/v1/tenants?status=trial").await.json()["items"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn a_prefix_is_released_and_made_safe() {
    let house = House::new().await;
    let before = house.audited();
    let path = "/ops/v1/prefixes/861660000";
    let listed = house.ask(Operator, TestRequest::post().uri(&format!("{path}/release"))).await.json();
    assert_eq!((listed["mode"].clone(), listed["blocked"].clone()), (json!("shadow"), json!([])));
    let again = house.ask(Operator, TestRequest::post().uri(&format!("{path}/release"))).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "it is not blocked any more");
    let safe = house.ask(Operator, put(&format!("{path}/safe"), r#"{"reason":"our own numbers"}"#)).await.json();
    let prefixes: Vec<_> = safe["safe"].as_array().unwrap().iter().map(|safe| safe["prefix"].clone()).collect();
    assert_eq!(prefixes, ["+8618", "+861660000"]);
    let again = house.ask(Operator, put(&format!("{path}/safe"), r#"{"reason":"again"}"#)).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let removed = house.ask(Operator, TestRequest::delete().uri(&format!("{path}/safe"))).await;
    assert_eq!(removed.json()["safe"].as_array().unwrap().len(), 1);
    let again = house.ask(Operator, TestRequest::delete().uri(&format!("{path}/safe"))).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let done: Vec<_> = house.done_since(before);
    let by = |action| ("operator-one".to_owned(), action, "+861660000".to_owned());
    assert_eq!(done, [by("prefix.release"), by("prefix.safe_add"), by("prefix.safe_remove")]);
    for (path, body) in [
        ("/ops/v1/prefixes/086/safe", r#"{"reason":"x"}"#),
        ("/ops/v1/prefixes/+861667328001/safe", r#"{"reason":"x"}"#),
        ("/ops/v1/prefixes/+8617/safe", r#"{"reason":" "}"#),
        ("/ops/v1/prefixes/+8617/safe", r#"{"why":"x"}"#),
    ] {
        let refused = house.ask(Operator, put(path, body)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path} {body}: {}", refused.body);
    }
}

#[actix_web::test]
async fn a_caller_is_stopped_limited_and_removed() {
    let house = House::new().await;
    let before = house.audited();
    let order = async |name: &str, what: &str| {
        house.ask(Admin, TestRequest::post().uri(&format!("/ops/v1/callers/{name}/{what}"))).await
    };
    let limit = async |body| house.ask(Admin, post("/ops/v1/callers/site/limits", body)).await;
    let suspended = order("site", "suspend").await.json();
    assert_eq!((&suspended["name"], &suspended["state"]), (&json!("site"), &json!("suspended")));
    assert!(suspended["suspendedAt"].is_string(), "{suspended}");
    let again = order("site", "suspend").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.body.contains("suspended already"), "{}", again.body);
    assert_eq!(order("SITE", "resume").await.json()["state"], "active");
    assert_eq!(order("site", "resume").await.status, StatusCode::CONFLICT);

    let slower = limit(r#"{"rate":60}"#).await.json();
    assert_eq!((&slower["rate"], &slower["scopes"]), (&json!(60), &json!(["verify-codes", "apply", "query"])));
    let fewer = limit(r#"{"scopes":["query","apply"]}"#).await.json();
    assert_eq!((&fewer["rate"], &fewer["scopes"]), (&json!(60), &json!(["apply", "query"])));
    for (body, field) in [
        (r#"{"scopes":[]}"#, "scopes"),
        (r#"{"scopes":["everything"]}"#, "scopes"),
        (r#"{"rate":1000001,"scopes":["apply"]}"#, "rate"),
    ] {
        let refused = limit(body).await;
        assert_eq!((refused.status, refused.fields()), (StatusCode::BAD_REQUEST, vec![field.to_owned()]), "{body}");
    }
    for body in ["", "{}", "[]", r#"{"rate":-1}"#, r#"{"rate":"7"}"#, r#"{"rate":7,"name":"x"}"#] {
        assert_eq!(limit(body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }

    assert_eq!(order("site", "remove").await.json()["state"], "removed");
    for what in ["suspend", "resume", "remove"] {
        assert_eq!(order("site", what).await.status, StatusCode::NOT_FOUND, "{what}");
    }
    let listed = house.get(Viewer, "/ops/v1/callers").await.json();
    let states: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["state"].clone()).collect();
    assert_eq!(states, ["active", "removed"]);
    let by = |action| ("admin-one".to_owned(), action, "site".to_owned());
    let done = ["caller.suspend", "caller.resume", "caller.set", "caller.set", "caller.remove"].map(by);
    assert_eq!(house.done_since(before), done);
}
