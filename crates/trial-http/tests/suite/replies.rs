//! Every return code, in both envelopes and both languages.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use trial_core::applications::Application;
use trial_core::policy::Policy;
use trial_core::return_codes::{ApplyCode, ApplyReply, CodeReply, SendCode};
use trial_core::values::{CompanyName, Email, Locale, Phone, RequestId, SubmittedCode};
use trial_core::verification::CodeRequest;
use trial_http::Envelope;

use crate::support::{APPLICATION, APPLY_PATH, Answer, CODE_REQUEST, Fixture, SEND_CODE_PATH, call, post};

/// The wait of a code, if it has one.
fn wait(known: bool, seconds: u64) -> Option<Duration> {
    known.then(|| Duration::from_millis(seconds * 1_000 - 500))
}

fn in_envelope(envelope: Envelope, body: &str) -> String {
    match envelope {
        Envelope::Auto | Envelope::Flat => body.to_owned(),
        Envelope::Schema => format!(r#"{{"requestBody":{body}}}"#),
    }
}

async fn sent(envelope: Envelope, code: SendCode, language: &'static str) -> Answer {
    let mut fixture = Fixture::default();
    fixture.settings.envelope = envelope;
    let reply = CodeReply { code, retry_after: wait(code == SendCode::TooSoon, 42) };
    fixture.service.expect_send_code().times(1).returning(move |_| Ok(reply));
    let request = post(SEND_CODE_PATH, in_envelope(envelope, CODE_REQUEST));
    call(&fixture.site(), request.insert_header(("accept-language", language))).await
}

async fn applied(envelope: Envelope, code: ApplyCode, language: &'static str) -> Answer {
    let mut fixture = Fixture::default();
    fixture.settings.envelope = envelope;
    let reply = ApplyReply { code, retry_after: wait(code == ApplyCode::Conflict, 60) };
    fixture.service.expect_apply().times(1).returning(move |_| Ok(reply));
    let request = post(APPLY_PATH, in_envelope(envelope, APPLICATION));
    call(&fixture.site(), request.insert_header(("accept-language", language))).await
}

#[actix_web::test]
async fn every_code_of_generateverifycode() {
    for (envelope, name) in [(Envelope::Flat, "send_code_flat"), (Envelope::Schema, "send_code_schema")] {
        let mut shown = String::new();
        for language in ["en", "zh-CN"] {
            for code in SendCode::ALL {
                writeln!(shown, "# {code} {language}\n{}", sent(envelope, code, language).await.shown()).unwrap();
            }
        }
        insta::assert_snapshot!(name, shown);
    }
}

#[actix_web::test]
async fn every_code_of_applytenant() {
    for (envelope, name) in [(Envelope::Flat, "apply_flat"), (Envelope::Schema, "apply_schema")] {
        let mut shown = String::new();
        for language in ["en", "zh-CN"] {
            for code in ApplyCode::ALL {
                writeln!(shown, "# {code} {language}\n{}", applied(envelope, code, language).await.shown()).unwrap();
            }
        }
        insta::assert_snapshot!(name, shown);
    }
}

/// Also where the fields are wrong.
#[actix_web::test]
async fn either_place_is_taken_and_answered_in() {
    let site = Fixture::agreeable().site();
    for (path, body) in [(SEND_CODE_PATH, CODE_REQUEST), (APPLY_PATH, APPLICATION)] {
        for envelope in [Envelope::Flat, Envelope::Schema] {
            let body = in_envelope(envelope, body);
            let answer = call(&site, post(path, body.clone())).await.json();
            assert_eq!(answer.get("schema").is_some(), envelope == Envelope::Schema, "{path} {body}");
            let wrong = call(&site, post(path, body.replace("16673280001", "1"))).await.json();
            let pointer = if envelope == Envelope::Schema { "#/requestBody/phone" } else { "#/phone" };
            assert_eq!(wrong["errors"][0]["pointer"], pointer, "{path} {body}");
        }
        let both = body.replacen('{', r#"{"requestBody":{"phone":"1"},"#, 1);
        let answer = call(&site, post(path, both)).await;
        assert!(answer.json().get("retCode").is_some(), "requestBody is a field that is not known: {}", answer.body);
        let neither = call(&site, post(path, "{}")).await.json();
        assert!(!neither["errors"][0]["pointer"].as_str().unwrap().starts_with("#/requestBody"), "{neither}");
    }
}

#[actix_web::test]
async fn the_published_example_is_met_to_the_byte() {
    let answer = applied(Envelope::Flat, ApplyCode::Success, "fr").await;
    assert_eq!(answer.body, r#"{"returnCode":"000","returnMsg":"success","retCode":"000","retMsg":"success"}"#);
}

#[actix_web::test]
async fn the_port_is_given_what_was_asked() {
    let policy = Policy::default().phone;
    let phone = Phone::parse("16673280001", &policy).unwrap();
    let request_id = RequestId::from_caller("order-7").unwrap();
    let expected = Arc::new(Application {
        request_id: request_id.clone(),
        company: CompanyName::parse("Example Ltd.").unwrap(),
        phone: phone.clone(),
        code: SubmittedCode::parse("123456").unwrap(),
        email: Email::parse("a@example.com").unwrap(),
        locale: Locale::ZhCn,
        agreed: None,
    });
    let code_request = CodeRequest { request_id, phone, locale: Locale::En };
    let mut fixture = Fixture::default();
    let reply = ApplyReply { code: ApplyCode::Success, retry_after: None };
    fixture.service.expect_apply().withf(move |given| *given == *expected).times(1).returning(move |_| Ok(reply));
    let reply = CodeReply { code: SendCode::Sent, retry_after: None };
    fixture
        .service
        .expect_send_code()
        .withf(move |given| *given == code_request)
        .times(1)
        .returning(move |_| Ok(reply));
    let site = fixture.site();
    let named = |request: actix_web::test::TestRequest| request.insert_header(("x-request-id", "order-7"));
    call(&site, named(post(APPLY_PATH, APPLICATION))).await;
    call(&site, named(post(SEND_CODE_PATH, CODE_REQUEST)).insert_header(("accept-language", "en-GB, zh;q=0.5"))).await;
}

#[actix_web::test]
async fn the_language_of_a_short_message_is_that_of_the_phone_unless_the_caller_names_one() {
    let cases = [
        (None, Locale::ZhCn),
        (Some("fr, *;q=0.1"), Locale::ZhCn),
        (Some("en"), Locale::En),
        (Some("zh-TW"), Locale::ZhCn),
    ];
    for (language, expected) in cases {
        let mut fixture = Fixture::default();
        let reply = CodeReply { code: SendCode::NotSent, retry_after: None };
        fixture.service.expect_send_code().withf(move |given| given.locale == expected).returning(move |_| Ok(reply));
        let mut request = post(SEND_CODE_PATH, CODE_REQUEST);
        if let Some(language) = language {
            request = request.insert_header(("accept-language", language));
        }
        let answer = call(&fixture.site(), request).await;
        let in_chinese = !answer.json()["retMsg"].as_str().unwrap().is_ascii();
        assert_eq!(in_chinese, language == Some("zh-TW"), "the reply is in English unless Chinese is asked for");
    }
}
