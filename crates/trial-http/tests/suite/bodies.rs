//! Malformed bodies: each is answered 400, 413 or 415 before the port is called.

use std::fmt::Write as _;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use trial_core::values::MailHosts;
use trial_http::Envelope;

use crate::support::{APPLICATION, APPLY_PATH, Answer, CODE_REQUEST, Fixture, SEND_CODE_PATH, call, post};

async fn refused(path: &str, body: impl Into<actix_web::web::Bytes>) -> Answer {
    call(&Fixture::default().site(), post(path, body)).await
}

async fn accepted(path: &str, body: impl Into<actix_web::web::Bytes>) {
    let answer = call(&Fixture::agreeable().site(), post(path, body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

fn application(field: &str, value: Value) -> String {
    let mut body: Value = serde_json::from_str(APPLICATION).unwrap();
    body[field] = value;
    body.to_string()
}

#[actix_web::test]
async fn what_is_no_json_object_is_refused_with_its_place() {
    let deep = |open: &str, close: &str, times: usize| format!("{}{}", open.repeat(times), close.repeat(times));
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]),
        ("only a blank", b" ".to_vec()),
        ("not JSON", b"phone=16673280001".to_vec()),
        ("cut off", br#"{"phone":"1667328"#.to_vec()),
        ("array", b"[]".to_vec()),
        ("array of objects", br#"[{"phone":"16673280001"}]"#.to_vec()),
        ("string", br#""16673280001""#.to_vec()),
        ("number", b"16673280001".to_vec()),
        ("boolean", b"true".to_vec()),
        ("null", b"null".to_vec()),
        ("two values", br#"{"phone":"16673280001"} {}"#.to_vec()),
        ("trailing comma", br#"{"phone":"16673280001",}"#.to_vec()),
        ("comment", br#"{"phone":"16673280001" /* mine */}"#.to_vec()),
        ("single quotes", b"{'phone':'16673280001'}".to_vec()),
        ("number out of range", br#"{"phone":1e999}"#.to_vec()),
        ("raw control character", b"{\"phone\":\"1667\n3280001\"}".to_vec()),
        ("raw NUL", b"{\"phone\":\"1667\x003280001\"}".to_vec()),
        ("lone surrogate", br#"{"phone":"\ud800"}"#.to_vec()),
        ("lone surrogate in an unknown field", br#"{"phone":"16673280001","x":"\udc00"}"#.to_vec()),
        ("invalid UTF-8", b"{\"phone\":\"\xff\xfe\"}".to_vec()),
        ("UTF-16", "{\"phone\":\"16673280001\"}".encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("byte order mark", [b"\xEF\xBB\xBF", CODE_REQUEST.as_bytes()].concat()),
        ("8,000 arrays deep", deep("[", "]", 8_000).into_bytes()),
        ("10,000 arrays deep, never closed", "[".repeat(10_000).into_bytes()),
        ("2,000 objects deep", deep(r#"{"a":"#, "}", 2_000).into_bytes()),
        ("deep in a known field", format!(r#"{{"phone":{}}}"#, deep("[", "]", 8_000)).into_bytes()),
        (
            "deep in an unknown field",
            format!(r#"{{"phone":"16673280001","x":{}}}"#, deep("[", "]", 8_000)).into_bytes(),
        ),
    ];
    let mut shown = String::new();
    for (name, body) in bodies {
        let answer = refused(SEND_CODE_PATH, body).await;
        let problem = answer.json();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
        assert_eq!(problem["type"], "urn:trialgate:problem:malformed-body", "{name}");
        assert!(!answer.body.contains("1667"), "{name}: the input is not repeated");
        writeln!(shown, "{name}: {}", problem["detail"].as_str().unwrap()).unwrap();
    }
    insta::assert_snapshot!("malformed_bodies", shown);
}

#[actix_web::test]
async fn every_offending_field_is_named_at_once() {
    let bodies = [
        ("none given", "{}".to_owned()),
        ("all null", r#"{"companyName":null,"phone":null,"phoneVerifyCode":null,"email":null}"#.to_owned()),
        ("all empty", r#"{"companyName":"","phone":"","phoneVerifyCode":"","email":""}"#.to_owned()),
        ("all blank", r#"{"companyName":" \t","phone":"  ","phoneVerifyCode":"","email":" "}"#.to_owned()),
        (
            "other types",
            r#"{"companyName":true,"phone":16673280001,"phoneVerifyCode":[1,2],"email":{"a":1.5}}"#.to_owned(),
        ),
        ("all given twice", format!("{},{}", APPLICATION.trim_end_matches('}'), APPLICATION.trim_start_matches('{'))),
        (
            "all too long",
            json!({
                "companyName": "社".repeat(129), "phone": "1".repeat(65), "phoneVerifyCode": "1".repeat(17),
                "email": format!("{}@example.com", "a".repeat(250))
            })
            .to_string(),
        ),
        (
            "all malformed but the code, which is merely wrong",
            r#"{"companyName":"a\u0000b","phone":"call me","phoneVerifyCode":"\u0000","email":"a at example.com"}"#
                .to_owned(),
        ),
        (
            "one missing, one null",
            r#"{"companyName":"Example Ltd.","phoneVerifyCode":"123456","email":null}"#.to_owned(),
        ),
        ("another case", APPLICATION.replace("companyName", "companyname")),
    ];
    let mut shown = String::new();
    for (name, body) in bodies {
        let answer = refused(APPLY_PATH, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
        writeln!(shown, "# {name}\n{}", serde_json::to_string_pretty(&answer.json()).unwrap()).unwrap();
    }
    insta::assert_snapshot!("offending_fields", shown);
}

#[actix_web::test]
async fn one_odd_field_is_named_alone() {
    let cases = [
        ("companyName", json!("x".repeat(129))),
        ("companyName", json!("\u{202e}\u{2066}")),
        ("companyName", json!("line\nbreak")),
        ("companyName", json!("bell\u{7}")),
        ("companyName", json!("nul\0")),
        ("companyName", json!("\u{200b}\u{feff}\u{2060}")),
        ("phone", json!("010-62345678")),
        ("phone", json!("02162345678")),
        ("phone", json!("4008001234")),
        ("phone", json!("110")),
        ("phone", json!("+12125550123")),
        ("phone", json!("+852 5123 4567")),
        ("phone", json!("+44 7400 123456")),
        ("phone", json!("+8613579246801 ext. 5")),
        ("phone", json!("1357924680")),
        ("phone", json!("135792468011")),
        ("phone", json!("٠١٢٣٤٥٦٧٨٩")),
        ("phone", json!("13579246801\0")),
        ("phone", json!("📞16673280001")),
        ("phoneVerifyCode", json!("12345678901234567")),
        ("phoneVerifyCode", json!("")),
        ("phoneVerifyCode", json!(123_456)),
        ("email", json!("a")),
        ("email", json!("a@")),
        ("email", json!("@example.org")),
        ("email", json!("a@b@example.org")),
        ("email", json!("a b@example.org")),
        ("email", json!("a..b@example.org")),
        ("email", json!(".a@example.org")),
        ("email", json!("Ann <a@example.org>")),
        ("email", json!("a@-example.org")),
        ("email", json!("a@example..com")),
        ("email", json!("a@[999.1.1.1]")),
        ("email", json!("x@[127.0.0.1]")),
        ("email", json!("a@[IPv6:2001:db8::1]")),
        ("email", json!("root@localhost")),
        ("email", json!("root@mx")),
        ("email", json!("a@host.internal")),
        ("email", json!("\"|/bin/id\"@localhost")),
        ("email", json!("a%b@example.org")),
        ("email", json!("host!user@example.org")),
        ("email", json!("/etc/passwd@example.org")),
        ("email", json!("a@example.org\r\nBcc: b@example.org")),
        ("email", json!("ä@example.org")),
        ("email", json!("a@例え.jp")),
        ("email", json!("a@example.org, b@example.org")),
        ("email", json!(format!("{}@example.org", "a".repeat(65)))),
        ("email", json!(format!("a@{}.com", "b".repeat(64)))),
    ];
    for (field, value) in cases {
        let answer = refused(APPLY_PATH, application(field, value.clone())).await;
        assert_eq!(
            (answer.status, answer.fields()),
            (StatusCode::BAD_REQUEST, vec![field.to_owned()]),
            "{field} {value}"
        );
        let given = value.as_str().unwrap_or_default();
        assert!(given.len() < 5 || !answer.body.contains(given), "{field} {value}: the input is not repeated");
    }
}

#[actix_web::test]
async fn an_address_that_cannot_be_reached_over_the_internet_is_told_what_to_give() {
    let said = async |email: &str| refused(APPLY_PATH, application("email", json!(email))).await.body;
    let host = said("root@localhost").await;
    assert!(host.contains("email is at a host that cannot be on the internet; give an address of"), "{host}");
    let route = said("a%b@example.org").await;
    assert!(route.contains("email has %, !, |, a second @ or a path before the @; give a plain address"), "{route}");
}

#[actix_web::test]
async fn local_addresses_are_taken_where_they_are_allowed() {
    for email in ["root@localhost", "x@[127.0.0.1]", "a%b@mx"] {
        let mut fixture = Fixture::agreeable();
        fixture.settings.mail_hosts = MailHosts::Any;
        let answer = call(&fixture.site(), post(APPLY_PATH, application("email", json!(email)))).await;
        assert_eq!(answer.status, StatusCode::OK, "{email}: {}", answer.body);
    }
}

#[actix_web::test]
async fn odd_but_right_fields_are_taken() {
    for (field, value) in [
        ("companyName", json!("社".repeat(128))),
        ("companyName", json!(format!("  {}  ", "x".repeat(128)))),
        ("companyName", json!("🏢 Emoji & Söhne 株式会社")),
        ("companyName", json!("\u{200f}شركة المثال\u{200f}")),
        ("companyName", json!("<script>alert(1)</script>")),
        ("companyName", json!("'; DROP TABLE tenants; --")),
        ("phone", json!("+8616673280001")),
        ("phone", json!("0086 166 7328 0001")),
        ("phone", json!("+86 (166) 7328-0001")),
        ("phone", json!("１６６７３２８０００１")),
        ("phoneVerifyCode", json!("12 34 56")),
        ("phoneVerifyCode", json!("１２３４５６")),
        ("phoneVerifyCode", json!("x")),
        ("phoneVerifyCode", json!("\0")),
        ("phoneVerifyCode", json!("🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑")),
        ("email", json!("A.b+tag@Example.COM")),
        ("email", json!("\"quoted local\"@example.org")),
        ("email", json!("#$&'*+-=?^_`{}~@example.org")),
        ("email", json!("a@xn--r8jz45g.jp")),
        ("email", json!(" a@example.org ")),
    ] {
        accepted(APPLY_PATH, application(field, value)).await;
    }
}

#[actix_web::test]
async fn fields_that_are_not_known_are_read_over() {
    accepted(SEND_CODE_PATH, r#"{"x":{"phone":null,"y":[1,2.5,true,null,"\n"]},"phone":"16673280001","x":1}"#).await;
    accepted(SEND_CODE_PATH, r#" { "\u0070hone" : "1667328\u00300\u0030\u0031" } "#).await;
    accepted(APPLY_PATH, application("requestBody", json!({"phone": 1}))).await;
}

#[actix_web::test]
async fn the_envelope_is_as_configured_and_not_otherwise() {
    let nested = |body: &str| format!(r#"{{"requestBody":{body}}}"#);
    let refused_by = async |envelope: Envelope, body: String| {
        let mut fixture = Fixture::default();
        fixture.settings.envelope = envelope;
        let answer = call(&fixture.site(), post(SEND_CODE_PATH, body.clone())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        format!("# {envelope:?} {body}\n{}\n", serde_json::to_string_pretty(&answer.json()).unwrap())
    };
    let mut shown = refused_by(Envelope::Flat, nested(CODE_REQUEST)).await;
    for body in [
        CODE_REQUEST.to_owned(),
        nested("null"),
        nested("[]"),
        nested("\"x\""),
        nested("{}"),
        nested(r#"{"phone":1}"#),
        format!(r#"{{"requestBody":{CODE_REQUEST},"requestBody":{CODE_REQUEST}}}"#),
        "[]".to_owned(),
    ] {
        shown += &refused_by(Envelope::Schema, body).await;
    }
    insta::assert_snapshot!("envelope_problems", shown);

    let mut fixture = Fixture::agreeable();
    fixture.settings.envelope = Envelope::Schema;
    let body = format!(r#"{{"extra":{{"requestBody":1}},"requestBody":{CODE_REQUEST}}}"#);
    assert_eq!(call(&fixture.site(), post(SEND_CODE_PATH, body)).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn other_media_types_are_refused() {
    for given in [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/json;charset=gbk",
        "application/json; charset=\"iso-8859-1\"",
        "application/problem+json",
    ] {
        let request = post(SEND_CODE_PATH, CODE_REQUEST).insert_header(("content-type", given));
        let answer = call(&Fixture::default().site(), request).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{given:?}");
    }
    let compressed = post(SEND_CODE_PATH, CODE_REQUEST).insert_header(("content-encoding", "gzip"));
    let answer = call(&Fixture::default().site(), compressed).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    insta::assert_snapshot!("unsupported_media_type", answer.shown());
}

/// The published page asks for no header.
#[actix_web::test]
async fn a_body_of_no_media_type_is_json() {
    let site = Fixture::agreeable().site();
    for (path, body) in [(SEND_CODE_PATH, CODE_REQUEST), (APPLY_PATH, APPLICATION)] {
        let request = |body: &'static str| TestRequest::post().uri(path).set_payload(body);
        assert_eq!(call(&site, request(body)).await.status, StatusCode::OK, "{path}");
        let form = call(&site, request("phone=16673280001")).await;
        assert_eq!(form.json()["detail"], "the body is not JSON: line 1, column 1", "{path}");
        let compressed = call(&site, request(body).insert_header(("content-encoding", "gzip"))).await;
        assert_eq!(compressed.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path}");
    }
    for path in ["/console/sign-in", "/portal/sign-in", "/apply"] {
        let form = TestRequest::post().uri(path).set_payload("a=b");
        assert_eq!(call(&site, form).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path} is for browsers");
    }
}

/// As the interface was published, in either language: with digits and a domain that are left out.
#[actix_web::test]
async fn the_published_example_is_answered_with_a_hint_at_what_it_leaves_out() {
    let code = r#"{
    "phone":"1667328xxxx"
  }"#;
    let application = r#"{
   "companyName":"一键试用公司",
    "phone":"1667328xxxx",
    "phoneVerifyCode":"123456",
    "email":"zhangxxxx@******.com"

  }"#;
    let phone = "phone has x or * in place of digits, as the published example; \
                 give the whole number, such as +8616673280001";
    let email = "email has * in place of its domain, as the published example; \
                 give a whole address such as name@example.com";
    for (path, body, hints) in [(SEND_CODE_PATH, code, vec![phone]), (APPLY_PATH, application, vec![phone, email])] {
        for body in [body.to_owned(), format!(r#"{{"requestBody":{body}}}"#)] {
            let problem = refused(path, body).await.json();
            let details: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["detail"]).collect();
            assert_eq!(details, hints, "{path}");
        }
    }
}

#[actix_web::test]
async fn the_usual_spellings_of_the_media_type_are_taken() {
    for given in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json ; charset=\"utf-8\"",
        "application/json; version=1",
    ] {
        let request = post(SEND_CODE_PATH, CODE_REQUEST).insert_header(("content-type", given));
        assert_eq!(call(&Fixture::agreeable().site(), request).await.status, StatusCode::OK, "{given}");
    }
}

#[actix_web::test]
async fn a_body_may_have_sixteen_kibibytes_and_no_more() {
    let padded = |length: usize| format!("{CODE_REQUEST}{}", " ".repeat(length - CODE_REQUEST.len()));
    accepted(SEND_CODE_PATH, padded(16 * 1024)).await;
    let answer = refused(SEND_CODE_PATH, padded(16 * 1024 + 1)).await;
    insta::assert_snapshot!("body_too_large", answer.shown());
    let declared = post(SEND_CODE_PATH, CODE_REQUEST).insert_header(("content-length", "10485760"));
    assert_eq!(call(&Fixture::default().site(), declared).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}
