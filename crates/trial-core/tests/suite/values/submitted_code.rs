use trial_core::{SubmittedCode, SubmittedCodeError};

#[test]
fn one_to_16_characters_are_taken_whatever_they_are() {
    for text in ["1", "123456", "12 34 56", "１２３４５６", " ", "\0", "abc", &"\u{1F600}".repeat(16)] {
        assert!(SubmittedCode::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn nothing_and_more_than_16_are_refused() {
    assert_eq!(SubmittedCode::parse(""), Err(SubmittedCodeError::Empty));
    assert_eq!(SubmittedCode::parse(&"1".repeat(17)), Err(SubmittedCodeError::TooLong));
    assert_eq!(SubmittedCode::parse(&"\u{1F600}".repeat(17)), Err(SubmittedCodeError::TooLong));
}
