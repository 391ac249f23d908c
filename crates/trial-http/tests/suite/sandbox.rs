//! The sandbox's endpoints.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use chrono::{DateTime, TimeDelta, Utc};
use trial_sandbox::{CapturedMessage, Inbox, MailFault, SmsFault};

use crate::support::{Answer, Fixture, call, get};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_772_438_400 + second)
}

fn fill(inbox: &Inbox) {
    let sms = |to: &str, second| CapturedMessage::Sms {
        to: to.to_owned(),
        text: "Your verification code is 123456.".to_owned(),
        code: "123456".to_owned(),
        at: at(second),
    };
    let mail = CapturedMessage::Mail {
        to: "Ann@example.com".to_owned(),
        subject: "Your trial <of> \"everything\"".to_owned(),
        text: "Welcome, Example & Sons.".to_owned(),
        html: "<p style=\"color:red\">Welcome, Example &amp; Sons.</p><script>alert(1)</script>".to_owned(),
        at: at(2),
        message_id: "<1@example.com>".to_owned(),
    };
    for message in [sms("+8616673280001", 0), sms("+8616673280002", 1), mail] {
        inbox.capture(message).unwrap();
    }
}

async fn list(query: &str) -> Answer {
    let (fixture, _directory, inbox) = Fixture::with_inbox();
    fill(&inbox);
    call(&fixture.site(), get(&format!("/sandbox/messages{query}"))).await
}

#[actix_web::test]
async fn without_a_sandbox_there_is_nothing() {
    let site = Fixture::default().site();
    for path in ["/sandbox", "/sandbox/messages", "/sandbox/faults"] {
        assert_eq!(call(&site, get(path)).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(call(&site, TestRequest::put().uri(path)).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[actix_web::test]
async fn messages_are_listed_newest_first() {
    insta::assert_snapshot!("messages", list("").await.shown());
}

#[actix_web::test]
async fn messages_are_filtered() {
    for (query, expected) in [
        ("?channel=sms", vec!["+8616673280002", "+8616673280001"]),
        ("?channel=mail", vec!["Ann@example.com"]),
        ("?to=%2B8616673280001", vec!["+8616673280001"]),
        ("?to=+8616673280001", vec!["+8616673280001"]),
        ("?to=8616673280001", vec!["+8616673280001"]),
        ("?to=16673280001", vec!["+8616673280001"]),
        ("?to=ann@EXAMPLE.com", vec!["Ann@example.com"]),
        ("?to=nobody", vec![]),
        ("?limit=1", vec!["Ann@example.com"]),
        ("?channel=sms&limit=1&to=16673280001", vec!["+8616673280001"]),
        ("?channel=mail&to=16673280001", vec![]),
    ] {
        let answer = list(query).await;
        let messages = answer.json()["messages"].as_array().unwrap().clone();
        let to: Vec<_> = messages.iter().map(|message| message["to"].as_str().unwrap()).collect();
        assert_eq!(to, expected, "{query}");
    }
}

#[actix_web::test]
async fn a_bad_filter_is_named() {
    for query in ["?limit=0", "?limit=1001", "?limit=-1", "?limit=many", "?limit=", "?chanel=sms", "?channel="] {
        assert_eq!(list(query).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
    insta::assert_snapshot!("bad_filter", list("?channel=fax&limit=0&from=me").await.shown());
}

#[actix_web::test]
async fn faults_are_switched_on_and_off() {
    let (fixture, _directory, inbox) = Fixture::with_inbox();
    let site = fixture.site();
    let put = async |body: &'static str| {
        let request = TestRequest::put().uri("/sandbox/faults").insert_header(("content-type", "application/json"));
        call(&site, request.set_payload(body)).await
    };
    assert_eq!(call(&site, get("/sandbox/faults")).await.body, r#"{"sms":"none","mail":"none"}"#);
    for (name, fault) in [
        (r#"{"sms":"refuse"}"#, SmsFault::Refuse),
        (r#"{"sms":"unreachable"}"#, SmsFault::Unreachable),
        (r#"{"sms":"unknown"}"#, SmsFault::Unknown),
        (r#"{"sms":"none"}"#, SmsFault::None),
    ] {
        assert_eq!(put(name).await.status, StatusCode::OK, "{name}");
        assert_eq!((inbox.faults().sms, inbox.faults().mail), (fault, MailFault::None), "{name}");
    }
    let both = r#"{"sms":"refuse","mail":"permanent"}"#;
    assert_eq!(put(both).await.body, both);
    for bad in [r#"{"sms":"on fire"}"#, r#"{"letter":"none"}"#, "[1]", "", "nonsense"] {
        let answer = put(bad).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(!answer.body.contains("on fire"), "the input is not repeated");
    }
    assert_eq!(call(&site, get("/sandbox/faults")).await.body, both, "a bad request changes nothing");
    let text = TestRequest::put().uri("/sandbox/faults").insert_header(("content-type", "text/plain"));
    assert_eq!(call(&site, text.set_payload("{}")).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[actix_web::test]
async fn the_inbox_is_a_page_that_runs_nothing() {
    let (fixture, _directory, inbox) = Fixture::with_inbox();
    let site = fixture.site();
    assert!(call(&site, get("/sandbox")).await.body.contains("No messages yet"));
    fill(&inbox);
    let answer = call(&site, get("/sandbox")).await;
    insta::assert_snapshot!("inbox_page", answer.shown());
    assert!(!answer.body.contains("<script"), "what was captured is escaped");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"), "{policy}");
}

#[actix_web::test]
async fn the_page_filters_and_stops_refreshing_when_asked() {
    let (fixture, _directory, inbox) = Fixture::with_inbox();
    let site = fixture.site();
    fill(&inbox);
    let answer = call(&site, get("/sandbox?to=16673280001&refresh=off")).await;
    assert!(answer.body.contains("+8616673280001") && !answer.body.contains("+8616673280002"));
    assert!(!answer.body.contains("http-equiv"));
    let answer = call(&site, get("/sandbox?to=%22%3E%3Cscript%3E")).await;
    assert!(answer.body.contains("http-equiv=\"refresh\"") && !answer.body.contains("<script"), "{}", answer.body);
}
