//! Codes as people type and paste them.

use trial_core::values::{SubmittedCode, SubmittedCodeError};

#[test]
fn every_spelling_of_one_code_is_that_code() {
    let code = SubmittedCode::parse("123456");
    let spellings = [
        "123 456",
        " 123456\n",
        "123-456",
        "１２３４５６",
        "１２３ー４５６",
        "(123456)",
        "【123456】",
        "\u{202d}123456\u{202c}",
        "12\u{200b}3456\u{feff}",
        "①②③④⑤⑥",
        "123456,",
        "123456。",
        "\"123456\"",
        "“123456”",
        "«123456»",
        "'123456'",
        "`123456`",
        "<123456>",
        "《123456》",
        "123·456",
        "123・456",
        "123.456",
        "123_456",
        "*123456*",
        ":123456;",
        "|123456|",
        "١٢٣٤٥٦",
        "۱۲۳۴۵۶",
        "१२३४५६",
        "๑๒๓๔๕๖",
        "\u{1D7D9}\u{1D7DA}\u{1D7DB}456",
    ];
    for text in spellings {
        assert_eq!(SubmittedCode::parse(text), code, "{text:?}");
    }
    assert_ne!(SubmittedCode::parse("123457"), code);
}

#[test]
fn one_to_16_characters_are_taken_even_if_they_cannot_be_right() {
    for text in ["1", "abc", "12345a", "l23456", "\0", &"\u{1F600}".repeat(16), &" 1".repeat(16)] {
        assert!(SubmittedCode::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn nothing_and_more_than_16_are_refused() {
    for text in ["", " ", "\u{200b}", "--", "()"] {
        assert_eq!(SubmittedCode::parse(text), Err(SubmittedCodeError::Empty), "{text:?}");
    }
    for (text, limit) in [
        ("1".repeat(17), 16),
        ("\u{1F600}".repeat(17), 16),
        (" ".repeat(65), 64),
        (format!("{}123456", " ".repeat(59)), 64),
    ] {
        let error = SubmittedCode::parse(&text).unwrap_err();
        assert_eq!(error, SubmittedCodeError::TooLong(limit), "{text:?}");
        assert!(error.to_string().starts_with(&format!("is longer than {limit} characters;")), "{error}");
    }
}

/// Digits of every script come in tens, in ascending order.
#[test]
fn the_digits_of_every_script_are_digits() {
    let categories = icu_properties::CodePointMapData::<icu_properties::props::GeneralCategory>::new();
    let is_digit = |c: &char| categories.get(*c) == icu_properties::props::GeneralCategory::DecimalNumber;
    let digits: Vec<char> = ('\0'..=char::MAX).filter(is_digit).collect();
    assert!(digits.len() >= 700, "{}", digits.len());
    for script in digits.chunks(10) {
        let text: String = script.iter().collect();
        assert_eq!(SubmittedCode::parse(&text), SubmittedCode::parse("0123456789"), "{text}");
    }
}
