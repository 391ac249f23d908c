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
    ];
    for text in spellings {
        assert_eq!(SubmittedCode::parse(text), code, "{text:?}");
    }
    assert_ne!(SubmittedCode::parse("123457"), code);
}

#[test]
fn one_to_16_characters_are_taken_even_if_they_cannot_be_right() {
    for text in ["1", "abc", "\0", &"\u{1F600}".repeat(16), &" 1".repeat(16)] {
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
