//! Logs at their most verbose hold no personal data and no secret.

use std::fs;

use serde_json::{Value, json};
use trialgate_tests::{APPLY_PATH, Applicant, Home, Reply, SEND_CODE_PATH, until};

use crate::databases::on_every_database;

on_every_database!(no_line_has_personal_data_or_secrets);

async fn no_line_has_personal_data_or_secrets(home: Home) {
    let service = home
        .start_with(&[
            ("TRIALGATE_LOG__LEVEL", "trace"),
            ("TRIALGATE_LOG__FORMAT", "json"),
            ("TRIALGATE_VERIFICATION__MAX_TRIES", "2"),
            ("TRIALGATE_VERIFICATION__MAX_FAILURES", "3"),
        ])
        .await;
    let client = service.client();
    let applicant = Applicant::new(64_738_291);
    let mut secrets = vec![applicant.company.clone(), applicant.email.clone(), applicant.email.to_uppercase()];
    let spaced = format!("+86 {} {} {}", &applicant.phone[..3], &applicant.phone[3..7], &applicant.phone[7..]);
    let hyphened = spaced.replace(' ', "-");
    secrets.extend([applicant.phone.clone(), applicant.e164(), spaced.clone(), hyphened.clone()]);

    // Codes: accepted, too soon, refused, unknown, malformed.
    let code = client.obtain_code(&applicant).await;
    let too_soon = Reply::to(client.post(SEND_CODE_PATH, &json!({"phone": spaced}))).await.unwrap();
    assert_eq!(too_soon.code(), "201");
    let other = Applicant::new(64_738_292);
    for fault in ["refuse", "unreachable", "unknown"] {
        client.set_faults(json!({"sms": fault})).await;
        client.send_code(&other).await;
    }
    client.set_faults(json!({"mail": "transient"})).await;
    let malformed = Reply::to(client.post(SEND_CODE_PATH, &json!({"phone": "16647382910009"}))).await.unwrap();
    assert_eq!(malformed.status, 400);
    secrets.extend([code.clone(), other.phone.clone(), "16647382910009".to_owned()]);
    secrets.push(client.code_of(&other).await.unwrap());

    // Applications: malformed, wrong, locked, refused, accepted, replayed.
    for (field, value) in [("email", "not@an@address.example"), ("companyName", "Stern\u{0}warte"), ("phone", "12ab34")]
    {
        let mut body = applicant.application("424242");
        body[field] = Value::from(value);
        let reply = Reply::to(client.post(APPLY_PATH, &body)).await.unwrap();
        assert_eq!(reply.status, 400, "{field}");
        secrets.push(value.to_owned());
    }
    assert_eq!(client.apply(&applicant, "424242").await.code(), "002");
    let other_spelling = Applicant { phone: hyphened, ..applicant.clone() };
    assert_eq!(client.apply(&other_spelling, &code).await.code(), "000");
    assert_eq!(client.apply(&applicant, &code).await.code(), "000");
    for _ in 0..4 {
        client.apply(&other, "313131").await;
    }
    home.ask(&["quota", "set", "0"]).await;
    client.send_code(&Applicant::new(64_738_293)).await;
    secrets.extend(["424242".to_owned(), "313131".to_owned(), Applicant::new(64_738_293).phone]);

    // The mail: temporarily refused, then accepted.
    let refused = "SELECT count(*) AS number FROM mails WHERE attempts > 0";
    until("the mail is refused", async || (home.database().number(refused) == 1).then_some(())).await;
    client.set_faults(json!({})).await;
    home.database().execute("UPDATE mails SET next_attempt_at = created_at");
    let account = client.mail_of(&applicant).await.account();
    let config = fs::read_to_string(home.config()).unwrap();
    let key = config.lines().find_map(|line| line.strip_prefix("key = ")).unwrap().trim_matches('"').to_owned();
    assert_eq!(key.len(), 44);
    secrets.extend([account.password.clone(), account.password.replace('-', ""), key]);

    let ended = service.stop().await;
    assert_eq!(ended.code(), Some(0));
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines.len() > 50, "a trace says more than {} lines", lines.len());
    for line in &lines {
        let parsed: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
        assert!(parsed["level"].is_string() && parsed["timestamp"].is_string(), "{line}");
    }
    for secret in &secrets {
        let found: Vec<&&str> = lines.iter().filter(|line| says(line, secret)).collect();
        assert!(found.is_empty(), "{secret} is logged: {found:?}");
    }
}

/// Returns `true` if a line contains it, as it is or escaped. Digits count only if they stand alone: six of them may
/// well be part of an id or of a time.
fn says(line: &str, secret: &str) -> bool {
    let escaped = serde_json::to_string(secret).unwrap();
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_hexdigit() || c == '.');
    let alone = |found: &str| {
        line.match_indices(found).any(|(at, _)| {
            !is_digit(line[..at].chars().next_back()) && !is_digit(line[at + found.len()..].chars().next())
        })
    };
    if secret.len() <= 6 && secret.bytes().all(|byte| byte.is_ascii_digit()) {
        return alone(secret);
    }
    line.contains(secret) || line.contains(escaped.trim_matches('"'))
}
