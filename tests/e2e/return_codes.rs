//! Every return code, provoked as in `docs/api.md`.

use serde_json::json;
use trialgate_tests::{APPLY_PATH, Applicant, Home, Reply, SEND_CODE_PATH, until};

use crate::databases::on_every_database;

on_every_database!(
    from_200_to_000_and_its_mail,
    code_201_within_the_resend_interval_and_over_a_limit,
    code_202_when_nobody_knows_or_nobody_was_reached,
    a_gateway_that_was_away_is_not_charged_to_the_visitor,
    code_204_when_the_gateway_refuses,
    code_204_when_the_budget_is_spent,
    code_205_of_both_interfaces,
    code_001_without_a_living_code,
    code_001_after_its_lifetime,
    code_002_for_a_wrong_code,
    code_003_for_a_locked_phone,
    code_004_for_a_customer,
    code_004_for_the_same_phone_with_a_new_code,
    code_005_while_the_write_lock_is_held,
    code_006_for_the_hundred_and_first,
);

async fn from_200_to_000_and_its_mail(home: Home) {
    let service = home.start().await;
    let (client, applicant) = (service.client(), Applicant::new(1));
    let sent = client.send_code(&applicant).await;
    assert_eq!((sent.code(), sent.message()), ("200", "The short message is sent successfully."));
    assert_eq!(sent.retry_after, None);
    let code = client.code_of(&applicant).await.unwrap();
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");

    let accepted = client.apply(&applicant, &code).await;
    assert_eq!((accepted.code(), accepted.message()), ("000", "success"));
    let mail = client.mail_of(&applicant).await;
    let account = mail.account();
    assert_eq!(mail.to, applicant.email);
    for part in [&account.tenant, &account.name, &account.password, &account.voice, &account.multimedia] {
        assert!(mail.html.contains(part.as_str()), "{part}: {}", mail.html);
    }
    let tenants = home.database().assert_sound();
    let [tenant] = tenants.as_slice() else { panic!("one tenant, not {tenants:?}") };
    assert_eq!(account.tenant.replace('-', ""), tenant.id);
    assert_eq!((account.voice, account.multimedia), (tenant.voice.clone(), tenant.multimedia.clone()));
    assert_eq!(mail.message_id.split('@').next().unwrap().replace(['<', '-'], ""), tenant.mail);

    // The identical application, in another spelling.
    let same = Applicant {
        phone: format!("0086 {}", applicant.phone),
        company: applicant.company.to_uppercase(),
        email: applicant.email.to_uppercase(),
    };
    for again in [&applicant, &same] {
        assert_eq!(client.apply(again, &code).await.code(), "000");
    }
    home.database().assert_keeps_exactly([&applicant]);
    let settled = "SELECT count(*) AS number FROM mails WHERE state = 'sent'";
    until("the mail is settled", async || (home.database().number(settled) == 1).then_some(())).await;
    assert_eq!(client.mails_of(&applicant).await.len(), 1);
}

async fn code_201_within_the_resend_interval_and_over_a_limit(home: Home) {
    let service = home
        .start_with(&[("TRIALGATE_VERIFICATION__RESEND_AFTER", "0s"), ("TRIALGATE_LIMITS__PHONE__SENDS_PER_HOUR", "3")])
        .await;
    let (client, often) = (service.client(), Applicant::new(1));
    let code = client.obtain_code(&often).await;
    for _ in 0..2 {
        assert_eq!(client.obtain_code(&often).await, code, "a resend repeats the code");
    }
    let refused = client.send_code(&often).await;
    assert_eq!(refused.code(), "201");
    assert!(refused.retry_after.is_some_and(|seconds| (60..=3_600).contains(&seconds)), "{refused:?}");
    assert_eq!(client.apply(&often, &code).await.code(), "000", "the code that was sent is still good");
    service.stop().await;

    let service = home.start_with(&[("TRIALGATE_LIMITS__PHONE__SENDS_PER_HOUR", "1")]).await;
    let (client, full) = (service.client(), Applicant::new(3));
    client.obtain_code(&full).await;
    let refused = client.send_code(&full).await;
    assert_eq!(refused.code(), "201");
    assert!(refused.retry_after.is_some_and(|seconds| seconds > 3_000), "not the interval, {refused:?}");
    service.stop().await;

    let service = home.start().await;
    let (client, soon) = (service.client(), Applicant::new(2));
    assert_eq!(client.send_code(&soon).await.code(), "200");
    let refused = client.send_code(&soon).await;
    assert_eq!(refused.code(), "201");
    assert!(refused.retry_after.is_some_and(|seconds| (1..=60).contains(&seconds)), "{refused:?}");
}

async fn code_202_when_nobody_knows_or_nobody_was_reached(home: Home) {
    let service = home.start().await;
    let (client, unknown, unreached) = (service.client(), Applicant::new(1), Applicant::new(2));
    client.set_faults(json!({"sms": "unknown"})).await;
    assert_eq!(client.send_code(&unknown).await.code(), "202");
    client.set_faults(json!({"sms": "unreachable"})).await;
    assert_eq!(client.send_code(&unreached).await.code(), "202");
    assert_eq!(client.code_of(&unreached).await, None);
    client.set_faults(json!({})).await;

    // It may have arrived: no second message within the interval; and it did, so its code is valid.
    assert_eq!(client.send_code(&unknown).await.code(), "201");
    let code = client.code_of(&unknown).await.expect("the message arrived");
    assert_eq!(client.apply(&unknown, &code).await.code(), "000");
    // It cannot have arrived: another at once.
    let code = client.obtain_code(&unreached).await;
    assert_eq!(client.apply(&unreached, &code).await.code(), "000");
}

async fn a_gateway_that_was_away_is_not_charged_to_the_visitor(home: Home) {
    let service = home.start().await;
    let (client, applicant) = (service.client(), Applicant::new(1));
    client.set_faults(json!({"sms": "unreachable"})).await;
    for _ in 0..5 {
        assert_eq!(client.send_code(&applicant).await.code(), "202");
    }
    client.set_faults(json!({})).await;
    let code = client.obtain_code(&applicant).await;
    let refused = client.send_code(&applicant).await;
    assert_eq!((refused.code(), refused.retry_after.is_some_and(|seconds| seconds <= 60)), ("201", true));
    assert_eq!(client.apply(&applicant, &code).await.code(), "000");
}

async fn code_204_when_the_gateway_refuses(home: Home) {
    let service = home.start().await;
    let (client, applicant) = (service.client(), Applicant::new(1));
    client.set_faults(json!({"sms": "refuse"})).await;
    assert_eq!(client.send_code(&applicant).await.code(), "204");
    assert_eq!(client.apply(&applicant, "123456").await.code(), "001", "no code was sent");
    client.set_faults(json!({})).await;
    let code = client.obtain_code(&applicant).await;
    assert_eq!(client.apply(&applicant, &code).await.code(), "000");
}

async fn code_204_when_the_budget_is_spent(home: Home) {
    let service = home.start_with(&[("TRIALGATE_LIMITS__SMS_PER_DAY", "1")]).await;
    assert_eq!(service.client().send_code(&Applicant::new(1)).await.code(), "200");
    assert_eq!(service.client().send_code(&Applicant::new(2)).await.code(), "204");
}

async fn code_205_of_both_interfaces(home: Home) {
    let service = home.start().await;
    let (client, applicant, late) = (service.client(), Applicant::new(1), Applicant::new(2));
    let code = client.obtain_code(&applicant).await;
    home.ask(&["quota", "set", "0"]).await;
    assert_eq!(client.send_code(&late).await.code(), "205");
    assert_eq!(client.code_of(&late).await, None, "no SMS is paid for");
    assert_eq!(client.apply(&applicant, &code).await.code(), "205");
    home.ask(&["quota", "set", "1000"]).await;
    assert_eq!(client.send_code(&late).await.code(), "200");
    assert_eq!(client.apply(&applicant, &code).await.code(), "000", "the code is still good");
}

async fn code_001_without_a_living_code(home: Home) {
    let service = home.start_with(&[("TRIALGATE_VERIFICATION__MAX_TRIES", "2")]).await;
    let client = service.client();
    assert_eq!(client.apply(&Applicant::new(1), "123456").await.code(), "001", "none was sent");

    let customer = Applicant::new(2);
    let code = client.obtain_code(&customer).await;
    assert_eq!(client.apply(&customer, &code).await.code(), "000");
    let another = Applicant { company: "Another".to_owned(), ..customer };
    assert_eq!(client.apply(&another, &code).await.code(), "001", "it was used");

    let guesser = Applicant::new(3);
    let code = client.obtain_code(&guesser).await;
    for _ in 0..2 {
        assert_eq!(client.apply(&guesser, "wrong").await.code(), "002");
    }
    assert_eq!(client.apply(&guesser, &code).await.code(), "001", "it is spent by wrong attempts");
}

async fn code_001_after_its_lifetime(home: Home) {
    let service = home.start_with(&[("TRIALGATE_VERIFICATION__CODE_TTL", "1s")]).await;
    let (client, applicant) = (service.client(), Applicant::new(1));
    let code = client.obtain_code(&applicant).await;
    let taken = Applicant { company: Applicant::new(2).company, ..applicant.clone() };
    // The company has a tenant, so that a correct code is answered 004 and is not used up.
    let other = Applicant::new(2);
    let others_code = client.obtain_code(&other).await;
    assert_eq!(client.apply(&other, &others_code).await.code(), "000");
    let expired = until("the code expires", async || {
        let reply = client.apply(&taken, &code).await;
        assert!(["004", "001"].contains(&reply.code()), "{reply:?}");
        (reply.code() == "001").then_some(reply)
    })
    .await;
    assert_eq!(expired.retry_after, None);
}

async fn code_002_for_a_wrong_code(home: Home) {
    let service = home.start().await;
    let (client, applicant) = (service.client(), Applicant::new(1));
    let code = client.obtain_code(&applicant).await;
    for wrong in ["wrong", &format!("{code}0"), &format!("x{code}"), "1"] {
        assert_eq!(client.apply(&applicant, wrong).await.code(), "002", "{wrong}");
    }
    let pasted: String = code.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
    assert_eq!(
        client.apply(&applicant, &format!(" {pasted}")).await.code(),
        "000",
        "the fifth attempt is the right one"
    );
}

async fn code_003_for_a_locked_phone(home: Home) {
    let service = home.start_with(&[("TRIALGATE_VERIFICATION__MAX_FAILURES", "3")]).await;
    let (client, applicant) = (service.client(), Applicant::new(1));
    let code = client.obtain_code(&applicant).await;
    for _ in 0..3 {
        assert_eq!(client.apply(&applicant, "wrong").await.code(), "002");
    }
    assert_eq!(client.apply(&applicant, &code).await.code(), "003", "even with the right code");
    assert_eq!(client.send_code(&applicant).await.code(), "202");
}

async fn code_004_for_a_customer(home: Home) {
    let service = home.start().await;
    let (client, customer) = (service.client(), Applicant::new(1));
    let code = client.obtain_code(&customer).await;
    assert_eq!(client.apply(&customer, &code).await.code(), "000");

    let other = Applicant::new(2);
    let code = client.obtain_code(&other).await;
    let same_company = Applicant { company: format!(" {} ", customer.company.to_uppercase()), ..other.clone() };
    let same_email = Applicant { email: customer.email.to_uppercase(), ..other.clone() };
    assert_eq!(client.apply(&same_company, "wrong").await.code(), "002", "without the code nothing is revealed");
    assert_eq!(client.apply(&same_company, &code).await.code(), "004");
    assert_eq!(client.apply(&same_email, &code).await.code(), "004");
    assert_eq!(client.apply(&other, &code).await.code(), "000", "the code is still good");
    home.database().assert_keeps_exactly([&customer, &other]);
}

async fn code_004_for_the_same_phone_with_a_new_code(home: Home) {
    let service = home.start_with(&[("TRIALGATE_VERIFICATION__RESEND_AFTER", "0s")]).await;
    let (client, customer) = (service.client(), Applicant::new(1));
    let first = client.obtain_code(&customer).await;
    assert_eq!(client.apply(&customer, &first).await.code(), "000");
    let second = client.obtain_code(&customer).await;
    assert_ne!(first, second, "a used code is not sent again");
    assert_eq!(client.apply(&customer, &second).await.code(), "004");
    assert_eq!(client.apply(&customer, &first).await.code(), "000", "the identical application as before");
}

async fn code_005_while_the_write_lock_is_held(home: Home) {
    let service = home.start().await;
    let (client, applicant) = (service.client(), Applicant::new(1));
    let code = client.obtain_code(&applicant).await;
    let lock = home.database().lock();
    let other = Applicant::new(2);
    let (conflict, exception) = tokio::join!(client.apply(&applicant, &code), client.send_code(&other));
    assert_eq!((conflict.code(), conflict.retry_after), ("005", Some(60)));
    assert_eq!((exception.code(), exception.retry_after), ("202", None));
    drop(lock);
    assert_eq!(client.apply(&applicant, &code).await.code(), "000");
    home.database().assert_keeps_exactly([&applicant]);
}

async fn code_006_for_the_hundred_and_first(home: Home) {
    let service = home.start().await;
    let client = service.client();
    let hundred: Vec<Applicant> = (1..=100).map(Applicant::new).collect();
    for applicant in &hundred {
        let code = client.obtain_code(applicant).await;
        assert_eq!(client.apply(applicant, &code).await.code(), "000");
    }
    let late = Applicant::new(101);
    let code = client.obtain_code(&late).await;
    assert_eq!(client.apply(&late, &code).await.code(), "006");
    home.database().assert_keeps_exactly(&hundred);

    // One kind alone is no pair.
    let file = home.write("more.csv", "kind,code\nvoice,96000\n");
    home.ask(&["access-codes", "import", file.to_str().unwrap()]).await;
    assert_eq!(client.apply(&late, &code).await.code(), "006");
    home.import_pairs(1).await;
    assert_eq!(client.apply(&late, &code).await.code(), "000", "the code is still good");
    home.database().assert_keeps_exactly(hundred.iter().chain([&late]));
}

#[tokio::test]
async fn the_envelope_schema_nests_request_and_reply() {
    let home = Home::new();
    let service = home.sandbox_with(&[("TRIALGATE_HTTP__ENVELOPE", "schema")]).await;
    let (client, applicant) = (service.client(), Applicant::new(1));
    let nested = |body| json!({"requestBody": body});
    let sent = Reply::to(client.post(SEND_CODE_PATH, &nested(applicant.code_request()))).await.unwrap();
    assert_eq!(sent.enveloped_code(), "200");
    let code = client.code_of(&applicant).await.unwrap();
    let accepted = Reply::to(client.post(APPLY_PATH, &nested(applicant.application(&code)))).await.unwrap();
    assert_eq!(accepted.enveloped_code(), "000");
    let flat = client.apply(&applicant, &code).await;
    assert_eq!((flat.status, flat.body["type"].as_str()), (400, Some("urn:trialgate:problem:invalid-fields")));
}

#[tokio::test]
async fn messages_are_in_the_language_that_is_preferred() {
    let home = Home::new();
    let service = home.sandbox().await;
    let (client, applicant) = (service.client(), Applicant::new(1));
    let asked = |language| {
        let request = client.post(SEND_CODE_PATH, &applicant.code_request());
        Reply::to(request.header("Accept-Language", language))
    };
    let applied = |code: &str, language| {
        Reply::to(client.post(APPLY_PATH, &applicant.application(code)).header("Accept-Language", language))
    };
    let sent = asked("zh-CN").await.unwrap();
    assert_eq!(sent.message(), "The short message is sent successfully.", "fixed as published");
    assert_eq!(asked("zh-CN,zh;q=0.9,en;q=0.8").await.unwrap().message(), "验证码已存在，请稍后再获取。");
    assert_eq!(applied("wrong", "zh").await.unwrap().message(), "验证码错误。");
    assert_eq!(applied("wrong", "en;q=0.9, zh;q=0.1").await.unwrap().message(), "The verification code is wrong.");
    let code = client.code_of(&applicant).await.unwrap();
    assert_eq!(applied(&code, "zh-CN").await.unwrap().message(), "success", "fixed as published");
    let mail = client.mail_of(&applicant).await;
    assert!(mail.text.contains("您好") && mail.html.contains("您好"), "{}", mail.text);
}

#[tokio::test]
async fn every_offending_field_is_named() {
    let home = Home::new();
    let service = home.sandbox().await;
    let client = service.client();
    let body = json!({"companyName": "", "phone": "010 6552 9988", "email": null});
    let reply = Reply::to(client.post(APPLY_PATH, &body).header("X-Request-Id", "mine-1")).await.unwrap();
    assert_eq!((reply.status, reply.request_id.as_str()), (400, "mine-1"));
    assert_eq!(reply.body["requestId"], "mine-1");
    let errors = reply.body["errors"].as_array().unwrap().iter();
    let fields: Vec<&str> = errors.map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["companyName", "phone", "phoneVerifyCode", "email"]);
    assert_eq!(home.database().count("applications"), 0);
}
