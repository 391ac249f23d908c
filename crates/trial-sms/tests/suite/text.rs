//! The texts, as the phone shows them.

use chrono::DateTime;
use trial_core::sms::SmsMessage;
use trial_core::values::{ChallengeId, CodeRequestId, Keyring, Locale, Phone, SecretKey};
use trial_sms::{DEFAULT_BRAND, code_text};

fn message(locale: Locale, valid_minutes: u32) -> SmsMessage {
    let keyring = Keyring::new(vec![SecretKey::new("test", &[1; 32]).unwrap()]).unwrap();
    let to = Phone::from_canonical("+8616673280001", 86);
    let code = keyring.current_code(ChallengeId::from_bytes([2; 16]), &to);
    SmsMessage { code_request: CodeRequestId::new(DateTime::UNIX_EPOCH, [0; 10]), to, code, valid_minutes, locale }
}

#[test]
fn says_code_and_life_and_warns() {
    let english = message(Locale::En, 5);
    let code = english.code.reveal();
    assert_eq!(
        code_text(DEFAULT_BRAND, &english),
        format!("Trialgate: your verification code is {code}. It is valid for 5 minutes. Do not tell it to anybody.")
    );
    assert_eq!(
        code_text("云客服", &message(Locale::ZhCn, 5)),
        format!("【云客服】您的验证码是 {code}，5 分钟内有效。请勿将验证码告诉任何人。")
    );
    assert!(code_text(DEFAULT_BRAND, &message(Locale::En, 1)).contains("for 1 minute."));
}

/// 160 characters of the GSM alphabet, or 70 of any other, are one message and paid for once.
#[test]
fn fits_one_message() {
    let english = code_text(DEFAULT_BRAND, &message(Locale::En, 10));
    assert!(english.is_ascii() && english.len() <= 160);
    assert!(code_text(DEFAULT_BRAND, &message(Locale::ZhCn, 10)).chars().count() <= 70);
}
