//! The table of return codes.

use std::collections::BTreeSet;

use trial_core::return_codes::{ApplyCode, ApplyReply, CodeReply, ReturnCodeRow, SendCode, Text};
use trial_core::values::Locale;

fn check(rows: &[&ReturnCodeRow]) {
    let of = |part: &dyn Fn(&ReturnCodeRow) -> &'static str| {
        let texts: BTreeSet<_> = rows.iter().map(|row| part(row)).filter(|text| !text.is_empty()).collect();
        assert_eq!(texts.len(), rows.len(), "each is given, and unlike the others: {texts:?}");
    };
    of(&|row| row.code);
    of(&|row| row.meaning);
    of(&|row| row.cause);
    for locale in [Locale::En, Locale::ZhCn] {
        of(&|row| row.message.in_locale(locale));
        of(&|row| row.event.in_locale(locale));
        of(&|row| row.name.in_locale(locale));
    }
    let published = ["000", "200"];
    for row in rows {
        assert!(row.code.len() == 3 && row.code.bytes().all(|byte| byte.is_ascii_digit()), "{row:?}");
        let Text(english, chinese) = row.message;
        assert_eq!(english == chinese, published.contains(&row.code), "two messages are English alone: {row:?}");
        for Text(english, chinese) in [row.event, row.next, row.name] {
            assert!(!english.is_empty() && !chinese.is_ascii() && !row.website.is_empty(), "{row:?}");
        }
        for place in ["{wait}", "{contact}", "{portal}"] {
            assert_eq!(row.next.0.contains(place), row.next.1.contains(place), "{place} in both languages: {row:?}");
        }
    }
}

#[test]
fn each_row_is_complete_in_both_languages() {
    check(&SendCode::ALL.map(SendCode::row));
    check(&ApplyCode::ALL.map(ApplyCode::row));
}

#[test]
fn a_code_is_found_by_its_text() {
    for code in SendCode::ALL {
        assert_eq!(code.to_string().parse(), Ok(code));
    }
    for code in ApplyCode::ALL {
        assert_eq!(code.to_string().parse(), Ok(code));
    }
    assert!("000".parse::<SendCode>().is_err() && "200".parse::<ApplyCode>().is_err());
    assert_eq!((CodeReply::EXCEPTION.code.as_str(), CodeReply::EXCEPTION.retry_after), ("202", None));
    assert_eq!((ApplyReply::EXCEPTION.code.as_str(), ApplyReply::EXCEPTION.retry_after), ("003", None));
}
