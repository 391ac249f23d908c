//! No request, whatever its bytes, is answered as a fault of ours.

use actix_web::rt::System;
use proptest::prelude::*;

use crate::support::{APPLY_PATH, Fixture, SEND_CODE_PATH, call, post};

fn status_of(path: &'static str, body: Vec<u8>) -> u16 {
    System::new().block_on(async move { call(&Fixture::agreeable().site(), post(path, body)).await.status.as_u16() })
}

/// Bytes of all kinds, and nearly valid texts.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"phone\"",
        "\"companyName\"",
        "\"phoneVerifyCode\"",
        "\"email\"",
        "\"16673280001\"",
        "\"a@example.com\"",
        "null",
        "1e5",
        "-0",
        "true",
        "\\u0000",
        "\"\\ud834\\udd1e\"",
        "\"",
        "\u{202e}",
        " ",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..512),
        prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat().into_bytes()),
        (any::<String>(), any::<String>(), any::<String>(), any::<String>()).prop_map(
            |(company, phone, code, email)| {
                serde_json::json!({"companyName": company, "phone": phone, "phoneVerifyCode": code, "email": email})
                    .to_string()
                    .into_bytes()
            }
        ),
    ]
}

proptest! {
    #[test]
    fn a_body_never_makes_a_fault_of_ours(body in bodies()) {
        for path in [SEND_CODE_PATH, APPLY_PATH] {
            let status = status_of(path, body.clone());
            prop_assert!(status == 200 || status == 400, "{path}: {status}");
        }
    }
}
