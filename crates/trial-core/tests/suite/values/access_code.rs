use trial_core::values::{AccessCode, AccessCodeError, AccessCodeKind};

#[test]
fn letters_digits_and_signs_of_a_dial_plan_are_taken() {
    for text in ["1", "+864001234567", "*100#", "chat-1_a.b", &"9".repeat(64)] {
        assert_eq!(AccessCode::parse(text).unwrap().as_str(), text);
    }
    assert_eq!(AccessCode::parse("  4001 ").unwrap().as_str(), "4001");
}

#[test]
fn anything_else_is_refused() {
    for text in ["", "  ", "\t"] {
        assert_eq!(AccessCode::parse(text), Err(AccessCodeError::Empty), "{text:?}");
    }
    assert_eq!(AccessCode::parse(&"9".repeat(65)), Err(AccessCodeError::TooLong));
    for text in ["40 01", "4001,4002", "４００１", "a/b", "a\0b", "=1+1", "@x"] {
        assert_eq!(AccessCode::parse(text), Err(AccessCodeError::Malformed), "{text:?}");
    }
}

#[test]
fn there_are_two_kinds() {
    assert_eq!("voice".parse(), Ok(AccessCodeKind::Voice));
    assert_eq!("multimedia".parse(), Ok(AccessCodeKind::Multimedia));
    let refused = "Voice".parse::<AccessCodeKind>().unwrap_err();
    assert_eq!(refused.to_string(), "\"Voice\" is not a kind of access code; must be one of voice, multimedia");
}
