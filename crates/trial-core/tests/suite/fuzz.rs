//! Fuzz targets: accepted values are accepted again in any spelling, and two ways to one result agree.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use trial_core::access_codes::{AccessCodeFile, FileHeader};
use trial_core::policy::{BreakerMode, Policy, SettingKey, SettingValue};
use trial_core::values::{CompanyName, Email, MailHosts, Phone, PhoneError, PhonePolicy, SettingDuration};
use trial_fuzz::Target;

use crate::history;
use crate::properties::assert_agrees_with_the_contract;

fn text(input: &[u8]) -> &str {
    std::str::from_utf8(input).unwrap_or_default()
}

#[test]
fn phone() {
    let served = ["CN", "HK", "US", "GB", "DE", "JP", "BR", "AR", "MX", "IT", "SG"].map(str::to_owned);
    let wide = PhonePolicy::from_codes("CN", &served).unwrap();
    let narrow = Policy::default().phone;
    Target::new("phone").makes(500).check(|input| {
        let text = text(input);
        let found = Phone::parse(text, &wide);
        match &found {
            Ok(phone) => {
                let digits = phone.as_str().strip_prefix('+').unwrap();
                assert!((1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()));
                assert!(digits.starts_with(&phone.country_code().to_string()));
                assert!(text.trim().chars().count() <= 40);
                for spelling in [phone.as_str(), &format!("00{digits}"), &format!(" (+{digits}) ")] {
                    assert_eq!(Phone::parse(spelling, &wide).as_ref(), Ok(phone), "{spelling}");
                }
                let masked = phone.masked();
                assert_eq!(masked, format!("{}****", phone.prefix()), "beside its number range");
                let expected =
                    if phone.country_code() == 86 { found.clone() } else { Err(PhoneError::CountryNotServed) };
                assert_eq!(Phone::parse(text, &narrow), expected);
            }
            // Fewer countries do not turn it into a phone.
            Err(_) => assert!(Phone::parse(text, &narrow).is_err()),
        }
        assert_eq!(Phone::parse(&format!("\t{text} "), &wide).is_ok(), found.is_ok());
    });
}

#[test]
fn email() {
    Target::new("email").makes(5_000).check(|input| {
        let text = text(input);
        let around = format!("\u{feff} {text}\u{200b}\u{3000}");
        assert_eq!(Email::parse_at(MailHosts::Any, &around), Email::parse_at(MailHosts::Any, text));
        let Ok(email) = Email::parse_at(MailHosts::Any, text) else {
            assert!(Email::parse(text).is_err(), "fewer hosts do not make an address of it");
            return;
        };
        if text.is_ascii() {
            assert_eq!(email.as_str(), text.trim());
        }
        assert!(email.as_str().len() <= 254 && email.as_str().bytes().all(|b| (b' '..=b'~').contains(&b)));
        let again = Email::parse_at(MailHosts::Any, email.key().as_str()).expect("a key is an address");
        assert_eq!(again.key(), email.key());
        assert_eq!(Email::parse_at(MailHosts::Any, &text.to_ascii_uppercase()).unwrap().key(), email.key());
        let (local, domain) = email.as_str().rsplit_once('@').unwrap();
        assert!(email.masked().ends_with(&format!("***@{domain}")), "{}", email.masked());
        if let Ok(outside) = Email::parse(text) {
            assert_eq!(outside, email);
            assert!(domain.contains('.') && !domain.starts_with('[') && !local.contains(['%', '!', '|', '@', ':']));
            assert!(Email::parse(email.key().as_str()).is_ok(), "a key is an address there too");
        }
    });
}

#[test]
fn company() {
    let (nfc, nfd) = (ComposingNormalizer::new_nfc(), DecomposingNormalizer::new_nfd());
    Target::new("company").makes(5_000).check(|input| {
        let text = text(input);
        let Ok(name) = CompanyName::parse(text) else { return };
        let is_override = |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        assert_eq!(name.as_str(), text.replace(is_override, "").trim());
        assert!((1..=128).contains(&name.as_str().chars().count()));
        assert!(!name.key().as_str().is_empty());
        let spellings = [name.key().as_str(), name.as_str(), &nfc.normalize(text), &nfd.normalize(text)];
        for again in spellings.into_iter().filter_map(|spelling| CompanyName::parse(spelling).ok()) {
            assert_eq!(again.key().as_str(), name.key().as_str());
        }
    });
}

#[test]
fn access_code_file() {
    Target::new("access_code_file").check(|input| {
        for header in [FileHeader::Required, FileHeader::Optional] {
            let Ok(file) = AccessCodeFile::read(input, header) else { continue };
            let good = file.import.rows.iter().map(|(line, ..)| *line);
            let bad = file.bad.iter().map(|bad| bad.line);
            let numbers: Vec<u64> = good.chain(bad).collect();
            assert!(!numbers.is_empty(), "a file without rows is an error");
            assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len(), "a line is one row");
            let ends = input.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
            assert!(numbers.iter().all(|line| (1..=u64::try_from(ends).unwrap() + 1).contains(line)));
            assert!(file.bad.iter().all(|bad| !bad.reason.is_empty()));

            let rows = || file.import.rows.iter().map(|(_, code, kind)| (kind.as_str(), code.as_str()));
            let lines: Vec<String> = rows().map(|(kind, code)| format!("{kind},{code}")).collect();
            let pairs =
                |file: &AccessCodeFile| file.import.rows.iter().map(|(_, c, k)| (c.clone(), *k)).collect::<Vec<_>>();
            if lines.is_empty() {
                continue;
            }
            let again = AccessCodeFile::of_rows(rows()).unwrap();
            assert_eq!((pairs(&again), again.bad.len()), (pairs(&file), 0));
            for end in ["\n", "\r\n", "\r"] {
                let written = format!("kind,code{end}{}", lines.join(end));
                let again = AccessCodeFile::read(written.as_bytes(), FileHeader::Required).unwrap();
                assert_eq!((pairs(&again), again.bad.len()), (pairs(&file), 0));
            }
        }
    });
}

#[test]
fn duration() {
    Target::new("duration").makes(5_000).check(|input| {
        let text = text(input);
        match SettingDuration::from_str(text) {
            Ok(time) => {
                assert!(time.0 <= Duration::from_hours(24 * 36_500));
                assert_eq!(time.to_string().parse(), Ok(time));
                assert!(time.to_string().len() <= text.len().max(2), "it is written as short as it can be");
            }
            Err(error) => assert!(error.to_string().starts_with(&format!("{text:?} ")), "{error}"),
        }
    });
}

#[test]
fn setting() {
    let keys: Vec<SettingKey> = SettingKey::ALL.to_vec();
    Target::new("setting").makes(5_000).check(|input| {
        let Some((first, rest)) = input.split_first() else { return };
        let key = keys[usize::from(*first) % keys.len()];
        let (least, most) = key.range();
        assert_eq!(key.as_str().parse(), Ok(key));
        let Ok(value) = key.parse(text(rest)) else { return };
        assert_eq!(key.parse(&value.to_string()), Ok(value));
        assert!(number(least) <= number(value) && number(value) <= number(most));
        let overrides = trial_core::policy::Overrides::default().with(key, Some(value));
        assert_eq!(key.of(&overrides.policy(&Policy::default())), value, "what is set is in force");
        for other in keys.iter().filter(|other| **other != key) {
            assert_eq!(other.of(&overrides.policy(&Policy::default())), other.of(&Policy::default()));
        }
    });
}

#[test]
fn plan() {
    Target::new("plan").check(|input| assert_agrees_with_the_contract(&history::read(input)));
}

fn number(value: SettingValue) -> u128 {
    match value {
        SettingValue::Count(count) => count.into(),
        SettingValue::ShareOfThreshold => 0,
        SettingValue::SettingDuration(time) => time.as_nanos(),
        SettingValue::Mode(mode) => (0..).zip(BreakerMode::ALL).find(|(_, known)| **known == mode).unwrap().0,
    }
}
