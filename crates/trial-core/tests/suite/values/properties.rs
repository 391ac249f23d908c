//! Parsing handles any text, and accepts its own canonical forms.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use trial_core::policy::Policy;
use trial_core::values::{AccessCode, CompanyName, Email, MailHosts, Phone, SubmittedCode};

fn config() -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(5), failure_persistence: None, ..ProptestConfig::default() }
}

/// Text of any kind, and text that is nearly right.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "\\PC{0,140}",
        "[+0-9０-９ ().-]{0,20}",
        "(\\+86)?1[3-9][0-9]{9}",
        "[a-zA-Z0-9.\"\\\\ @+%!|:/-]{1,20}@[a-z0-9.\\[\\]:-]{1,12}",
        "[a-z%!|/]{1,6}@[a-z]{1,4}\\.(com|de|local|test|localhost|[0-9])",
        "[a-zA-ZßİǄͅΣςſＡ-Ｚ① \u{200b}\u{301}\u{2121}]{0,12}",
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_phone_is_its_own_canonical_form(text in text()) {
        let policy = Policy::default().phone;
        if let Ok(phone) = Phone::parse(&text, &policy) {
            prop_assert_eq!(Phone::parse(phone.as_str(), &policy), Ok(phone.clone()));
            prop_assert!(phone.as_str().starts_with("+861"));
        }
    }

    #[test]
    fn the_key_of_an_address_is_an_address_with_that_key(text in text()) {
        for hosts in [MailHosts::Internet, MailHosts::Any] {
            if let Ok(email) = Email::parse_at(hosts, &text) {
                let again = Email::parse_at(hosts, email.key().as_str());
                prop_assert_eq!(again.as_ref().map(Email::key), Ok(email.key()));
                let shouted = Email::parse_at(hosts, &text.to_ascii_uppercase()).unwrap();
                prop_assert_eq!(shouted.key(), email.key());
            }
        }
    }

    #[test]
    fn an_address_for_the_internet_is_one_for_anywhere_and_leads_out(text in text()) {
        if let Ok(email) = Email::parse(&text) {
            prop_assert_eq!(Email::parse_at(MailHosts::Any, &text), Ok(email.clone()));
            let (local, domain) = email.as_str().rsplit_once('@').unwrap();
            prop_assert!(domain.contains('.') && !domain.starts_with('['));
            prop_assert!(!local.contains(['%', '!', '|', '@', ':']));
        }
    }

    #[test]
    fn the_key_of_a_name_is_settled(text in text()) {
        if let Ok(name) = CompanyName::parse(&text)
            && let Ok(again) = CompanyName::parse(name.key().as_str())
        {
            prop_assert_eq!(again.key().as_str(), name.key().as_str());
        }
    }

    #[test]
    fn codes_answer_whatever_is_typed(text in text()) {
        if text.chars().count() > 64 {
            prop_assert!(SubmittedCode::parse(&text).is_err());
        }
        let spaced: String = text.chars().take(30).flat_map(|c| [c, ' ']).collect();
        let typed: String = text.chars().take(30).collect();
        prop_assert_eq!(SubmittedCode::parse(&spaced).is_ok(), SubmittedCode::parse(&typed).is_ok());
        if let Ok(code) = AccessCode::parse(&text) {
            prop_assert_eq!(code.as_str(), text.trim());
        }
    }
}
