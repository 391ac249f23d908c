//! Delivery receipts from SMS providers.

use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use chrono::{DateTime, Utc};
use trial_core::error::LedgerError;
use trial_core::ports::Clock as _;
use trial_core::sms::{DeliveryReceipt, DeliveryState, UnreadableReceipt};
use trial_http::{Site, SmsCallback};
use trial_testkit::FixedClock;

use crate::support::{Answer, Fixture, call, post};

const SECRET: &str = "0123456789abcdefghijABCDEFGHIJ-_";

/// One receipt per line, which is the message's id.
fn read(body: &[u8], at: DateTime<Utc>) -> Result<Vec<DeliveryReceipt>, UnreadableReceipt> {
    let text = std::str::from_utf8(body).map_err(|_| UnreadableReceipt("it is no text"))?;
    let receipt = |id: &str| DeliveryReceipt {
        gateway: "huawei".to_owned(),
        provider_id: id.to_owned(),
        state: DeliveryState::Delivered,
        reason: None,
        at,
    };
    Ok(text.lines().map(receipt).collect())
}

fn fixture() -> Fixture {
    let callback = SmsCallback { gateway: "huawei", secret: SECRET.to_owned().into(), read };
    Fixture { callbacks: vec![callback], ..Fixture::default() }
}

fn told(path: &str, body: &'static str) -> TestRequest {
    let form = ("content-type", "application/x-www-form-urlencoded");
    TestRequest::post().uri(path).insert_header(form).set_payload(body)
}

async fn tell(site: &Site, body: &'static str) -> Answer {
    call(site, told(&format!("/callbacks/sms/huawei/{SECRET}"), body)).await
}

#[actix_web::test]
async fn a_receipt_is_taken_down() {
    let mut fixture = fixture();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&taken);
    fixture.receipts.expect_record_receipt().returning(move |receipt| {
        kept.lock().unwrap().push(receipt);
        Ok(true)
    });
    let answer = tell(&fixture.site(), "id-1\nid-2").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(*taken.lock().unwrap(), read(b"id-1\nid-2", FixedClock::default().now()).unwrap());
}

#[actix_web::test]
async fn a_wrong_secret_and_a_gateway_that_does_not_call_back_are_nothing() {
    let site = fixture().site();
    let almost = SECRET.replace('0', "1");
    let paths = [
        format!("/callbacks/sms/huawei/{almost}"),
        format!("/callbacks/sms/huawei/{}", &SECRET[1..]),
        format!("/callbacks/sms/huawei/{SECRET}x"),
        "/callbacks/sms/huawei/%FF".to_owned(),
        format!("/callbacks/sms/twilio/{SECRET}"),
        format!("/callbacks/sms/nobody/{SECRET}"),
        "/callbacks/sms/huawei/".to_owned(),
        "/nowhere".to_owned(),
    ];
    for path in paths {
        let answer = call(&site, told(&path, "id-1").insert_header(("x-request-id", "told"))).await;
        let nowhere = call(&site, told("/nowhere", "id-1").insert_header(("x-request-id", "told"))).await;
        assert_eq!(answer.shown(), nowhere.shown(), "{path}");
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
}

#[actix_web::test]
async fn what_cannot_be_taken_down_yet_is_to_come_again() {
    let answers: [fn() -> Result<bool, LedgerError>; 2] =
        [|| Ok(false), || Err(LedgerError::Unavailable("the server at db.example.com is gone".into()))];
    for outcome in answers {
        let mut fixture = fixture();
        fixture.receipts.expect_record_receipt().returning(move |_| outcome());
        let answer = tell(&fixture.site(), "id-1").await;
        assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "10"));
        assert!(!answer.body.contains("example.com") && !answer.body.contains("id-1"), "{}", answer.body);
    }
}

#[actix_web::test]
async fn one_unknown_message_does_not_keep_another_receipt_out() {
    let mut fixture = fixture();
    fixture.receipts.expect_record_receipt().times(2).returning(|receipt| Ok(receipt.provider_id == "id-2"));
    assert_eq!(tell(&fixture.site(), "id-1\nid-2").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[actix_web::test]
async fn a_form_may_name_any_charset() {
    let mut fixture = fixture();
    fixture.receipts.expect_record_receipt().returning(|_| Ok(true));
    let site = fixture.site();
    for charset in ["utf-8", "UTF8", "\"utf-8\"", "ISO-8859-1", "gbk", "GB18030", ""] {
        let form = ("content-type", format!("application/x-www-form-urlencoded; charset={charset}"));
        let path = format!("/callbacks/sms/huawei/{SECRET}");
        let told = TestRequest::post().uri(&path).insert_header(form).set_payload("id-1");
        assert_eq!(call(&site, told).await.status, StatusCode::NO_CONTENT, "{charset}");
    }
}

#[actix_web::test]
async fn bodies_are_bounded_and_have_to_be_forms() {
    let site = fixture().site();
    let path = format!("/callbacks/sms/huawei/{SECRET}");
    assert_eq!(call(&site, post(&path, "{}")).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large: &'static str = "x".repeat(16 * 1024 + 1).leak();
    assert_eq!(tell(&site, large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let garbage = TestRequest::post().uri(&path).insert_header(form).set_payload(vec![0xFF; 9]);
    let answer = call(&site, garbage).await;
    assert_eq!((answer.status, answer.json()["detail"].as_str()), (StatusCode::BAD_REQUEST, Some("it is no text")));
}
