//! Phones as people write them.

use trial_core::values::{Locale, Phone, PhoneError, PhonePolicy};

const ONE: &str = "+8616673280001";

fn parse(text: &str) -> Result<String, PhoneError> {
    parse_by("CN", &["CN"], text)
}

fn parse_by(region: &str, countries: &[&str], text: &str) -> Result<String, PhoneError> {
    let countries: Vec<_> = countries.iter().map(|code| (*code).to_owned()).collect();
    let policy = PhonePolicy::from_codes(region, &countries).unwrap();
    Phone::parse(text, &policy).map(|phone| phone.as_str().to_owned())
}

#[test]
fn every_usual_spelling_is_the_same_phone() {
    let spellings = [
        "16673280001",
        "+8616673280001",
        "0086 166 7328 0001",
        "008616673280001",
        "+86 166-7328-0001",
        "+86 (166) 7328.0001",
        "(+86) 16673280001",
        "  16673280001\t",
        "１６６７３２８０００１",
        "＋８６１６６７３２８０００１",
        "００８６１６６７３２８０００１",
        "166\u{a0}7328\u{3000}0001",
        "166\u{2010}7328\u{2011}0001",
        "+86/166/7328/0001",
        "\u{202d}16673280001\u{202c}",
        "\u{202a}+86 166 7328 0001\u{202c}",
        "\u{200e}166\u{200b}7328\u{2060}0001\u{feff}",
        "166\u{ad}7328\u{ad}0001",
        "１６６－７３２８－０００１",
        "（＋８６）１６６ー７３２８−０００１",
        "166–7328—0001",
        "[+86] 166 7328 0001",
        "tel:+8616673280001",
        "TEL:+86-166-7328-0001",
        "166·7328·0001",
        "166・7328・0001",
        "166•7328•0001",
        "\"16673280001\"",
        "“16673280001”",
        "'16673280001'",
        "<16673280001>",
        "16673280001,",
        "16673280001。",
        "：16673280001；",
        "١٦٦٧٣٢٨٠٠٠١",
        "+۸۶ ۱۶۶ ۷۳۲۸ ۰۰۰۱",
        "१६६७३२८०००१",
    ];
    for spelling in spellings {
        assert_eq!(parse(spelling), Ok(ONE.to_owned()), "{spelling:?}");
    }
}

#[test]
fn nothing_is_empty() {
    for text in ["", " ", "\t\n", "\u{3000}"] {
        assert!(matches!(parse(text), Err(PhoneError::Empty(_))), "{text:?}");
    }
}

#[test]
fn what_no_spelling_needs_is_too_long() {
    let spaced = format!("{}16673280001", " - ".repeat(3));
    assert!(parse(&format!("1{}6673280001", "-".repeat(53))).is_ok(), "64 characters");
    assert!(matches!(parse(&format!("1{}6673280001", "-".repeat(54))), Err(PhoneError::TooLong(_))));
    assert!(matches!(parse(&"1".repeat(10_000)), Err(PhoneError::TooLong(_))));
    assert!(parse(&spaced).is_ok());
}

#[test]
fn digits_that_are_left_out_are_asked_for() {
    for text in
        ["1667328xxxx", "1667328XXXX", "+86 1667328 ****", "166****0001", "xxxxxxxxxxx", "１６６７３２８ｘｘｘｘ"]
    {
        assert!(matches!(parse(text), Err(PhoneError::Placeholder(_))), "{text:?}");
    }
}

#[test]
fn what_is_no_number_is_malformed() {
    let odd = [
        "1667328000",
        "166732800011",
        "+86",
        "+",
        "0",
        "00",
        "abc",
        "1-667-FLOWERS",
        "16673280001x5",
        "16673280001 ext. 5",
        "16673280001;ext=5",
        "16673280001#5",
        "16673280001,5",
        "tel:+8616673280001;ext=5",
        "tel:",
        "fax:+8616673280001",
        "16673280001，5",
        "16673280001*5",
        "+86+16673280001",
        "++8616673280001",
        "16673280001\0",
        "166\u{0}73280001",
        "+9991234567",
        "12345678901",
        "-",
        "...",
        "+8616673280001+",
        "１６６\u{1F600}",
        "{}",
        "' OR 1=1 --",
    ];
    for text in odd {
        assert!(matches!(parse(text), Err(PhoneError::Malformed(_))), "{text:?}");
    }
}

/// The number can be typed as it is shown.
#[test]
fn an_example_is_a_number_of_the_default_region() {
    for (region, calling_code) in
        [("CN", "+86"), ("US", "+1"), ("GB", "+44"), ("GA", "+241"), ("MX", "+52"), ("HK", "+852")]
    {
        for text in ["", "123", "12xx", &"1".repeat(100)] {
            let message = parse_by(region, &[region], text).unwrap_err().to_string();
            let (_, example) = message.rsplit_once(' ').unwrap();
            assert!(example.starts_with(calling_code), "{region}: {message}");
            assert_eq!(parse_by(region, &[region], example), Ok(example.to_owned()), "{region}: {message}");
        }
    }
    assert!(parse("123").unwrap_err().to_string().ends_with("such as +8616673280001"));
}

#[test]
fn a_landline_cannot_get_a_short_message() {
    for text in ["010 6552 9988", "+86 21 6279 8888", "+867552878 0808"] {
        assert_eq!(parse(text), Err(PhoneError::NotMobile), "{text:?}");
    }
    for text in ["400 810 1234", "800 810 1234"] {
        assert_eq!(parse(text), Err(PhoneError::NotMobile), "{text:?}");
    }
}

#[test]
fn another_country_is_not_served() {
    for text in ["+12025550123", "+447400123456", "+85251234567", "+85366123456", "+886912345678", "0049 1512 3456789"]
    {
        assert_eq!(parse(text), Err(PhoneError::CountryNotServed), "{text:?}");
    }
}

#[test]
fn countries_of_one_calling_code_are_told_apart() {
    assert_eq!(parse_by("US", &["US"], "(202) 555-0123"), Ok("+12025550123".to_owned()));
    assert_eq!(parse_by("US", &["US"], "+1 506 234 5678"), Err(PhoneError::CountryNotServed), "Canada");
    assert_eq!(parse_by("US", &["US", "CA"], "+1 506 234 5678"), Ok("+15062345678".to_owned()));
}

#[test]
fn a_national_number_is_of_the_default_region() {
    assert_eq!(parse_by("GB", &["GB"], "07400 123456"), Ok("+447400123456".to_owned()));
    assert_eq!(parse_by("DE", &["DE", "CN"], "01512 3456789"), Ok("+4915123456789".to_owned()));
    assert_eq!(parse_by("DE", &["DE", "CN"], "+86 16673280001"), Ok(ONE.to_owned()));
}

/// Google's own verdicts, written by `tests/third-party/phones/example-numbers.py`.
struct Example {
    region: &'static str,
    is_mobile: bool,
    e164: &'static str,
    national: &'static str,
}

fn examples() -> impl Iterator<Item = Example> {
    let lines = include_str!("example-numbers.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let fields: Vec<_> = line.split('\t').collect();
        let [region, kind, e164, national] = fields[..] else { panic!("{line:?}") };
        Example { region, is_mobile: matches!(kind, "MOBILE" | "FIXED_LINE_OR_MOBILE"), e164, national }
    })
}

fn all_regions() -> Vec<String> {
    let mut regions: Vec<_> = examples().map(|example| example.region.to_owned()).collect();
    regions.sort_unstable();
    regions.dedup();
    regions
}

#[test]
fn a_number_that_names_its_country_is_the_same_whatever_the_default_region() {
    let countries = all_regions();
    assert_eq!(countries.len(), 243);
    for default_region in &countries {
        let policy = PhonePolicy::from_codes(default_region, &countries).unwrap();
        for example in examples() {
            let expected = if example.is_mobile { Ok(example.e164) } else { Err(PhoneError::NotMobile) };
            let phone = Phone::parse(example.e164, &policy);
            assert_eq!(phone.as_ref().map(Phone::as_str).map_err(Clone::clone), expected, "{default_region}");
        }
    }
}

#[test]
fn two_zeros_are_a_plus_and_a_national_number_is_of_its_region() {
    let countries = all_regions();
    for Example { region, e164, national, .. } in examples().filter(|example| example.is_mobile) {
        let policy = PhonePolicy::from_codes(region, &countries).unwrap();
        let dialled = format!("00{}", &e164[1..]);
        for text in [dialled.as_str(), national] {
            assert_eq!(
                Phone::parse(text, &policy).map(|phone| phone.to_string()),
                Ok(e164.to_owned()),
                "{region} {text}"
            );
        }
    }
}

#[test]
fn a_leading_zero_of_a_national_number_is_kept() {
    assert_eq!(parse_by("CI", &["CI"], "0707123456"), Ok("+2250707123456".to_owned()));
    assert_eq!(parse_by("CN", &["CN", "CI"], "+2250707123456"), Ok("+2250707123456".to_owned()));
    assert_eq!(parse_by("CN", &["CN", "GA"], "+24106026824"), Ok("+24106026824".to_owned()));
}

#[test]
fn an_unknown_country_is_named() {
    let refused = PhonePolicy::from_codes("CN", &["CN".to_owned(), "XX".to_owned()]).unwrap_err();
    assert!(refused.to_string().contains("\"XX\""), "{refused}");
    assert!(PhonePolicy::from_codes("China", &[]).is_err());
}

#[test]
fn a_phone_shows_masked() {
    let phone = Phone::from_canonical(ONE, 86);
    assert_eq!((phone.masked().as_str(), format!("{phone:?}").as_str()), ("+861667328****", "Phone(+861667328****)"));
    assert_eq!(Phone::from_canonical("+123", 1).masked(), "****");
    assert_eq!((phone.country_code(), phone.to_string().as_str()), (86, ONE));
}

/// The timeline, the audit trail and the list of number ranges show the range of a phone beside its mask.
#[test]
fn a_mask_shows_no_digit_that_the_number_range_hides() {
    let countries = all_regions();
    let policy = PhonePolicy::from_codes("CN", &countries).unwrap();
    for Example { e164, .. } in examples().filter(|example| example.is_mobile) {
        let phone = Phone::parse(e164, &policy).unwrap();
        assert_eq!(phone.masked(), format!("{}****", phone.prefix()), "{e164}");
    }
}

#[test]
fn the_language_follows_the_phone_of_somebody_who_did_not_say() {
    assert_eq!(Locale::of_phone(&Phone::from_canonical(ONE, 86)), Locale::ZhCn);
    assert_eq!(Locale::of_phone(&Phone::from_canonical("+85251234567", 852)), Locale::En);
    assert_eq!(("zh-CN".parse(), "en".parse()), (Ok(Locale::ZhCn), Ok(Locale::En)));
}

/// Mexico dropped its prefixes of mobiles on 2019-08-03; Argentina has kept its own, which libphonenumber knows.
#[test]
fn prefixes_of_mobiles_in_phone_books_are_read() {
    for text in ["+52 1 55 1234 5678", "0052 1 55 1234 5678", "044 55 1234 5678", "045 55 1234 5678", "55 1234 5678"] {
        assert_eq!(parse_by("MX", &["MX"], text), Ok("+525512345678".to_owned()), "{text}");
    }
    assert_eq!(parse_by("CN", &["CN", "MX"], "+5215512345678"), Ok("+525512345678".to_owned()));
    assert!(parse_by("CN", &["CN", "MX"], "044 55 1234 5678").is_err(), "that is a prefix within Mexico alone");
    assert!(parse_by("MX", &["MX"], "+52 1 55 1234 567").is_err());
    for text in ["+54 9 11 2345 6789", "+54 11 15 2345 6789", "011 15 2345-6789", "9 11 2345 6789"] {
        assert_eq!(parse_by("AR", &["AR"], text), Ok("+5491123456789".to_owned()), "{text}");
    }
}
