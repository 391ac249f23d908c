//! The traces that spreadsheets leave on codes which they take for numbers, dates and formulas. A lost leading zero
//! leaves no trace.

use crate::values::AccessCodeKind;

const AS_TEXT: &str = "format the column as text and enter the code again";
/// Digits of a number that spreadsheets keep (IEEE 754, 15 decimal digits).
const KEPT_DIGITS: usize = 15;
/// Texts that programs write for an empty cell.
const PLACEHOLDERS: &[&str] = &["null", "nil", "none", "nan", "n/a", "#n/a"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A phrase, to follow the code, for the damage that a spreadsheet has done to it; `None` if none can be seen. A
/// multimedia code is damaged only if it can hardly be an identifier.
pub(super) fn damage(code: &str, kind: AccessCodeKind) -> Option<String> {
    let is_voice = kind == AccessCodeKind::Voice;
    let lower = code.to_ascii_lowercase();
    let found = if code.is_empty() {
        return None;
    } else if code.starts_with(['\'', '\u{2019}']) {
        return Some("begins with an apostrophe, by which a spreadsheet marks text; remove it".to_owned());
    } else if code.starts_with('=') {
        return Some("is a formula; save its value in its place".to_owned());
    } else if PLACEHOLDERS.contains(&lower.as_str()) || is_error(code) || !code.contains(char::is_alphanumeric) {
        return Some(
            "stands for an empty cell or an error, not for a code; enter the code or remove the row".to_owned(),
        );
    } else if lower == "true" || lower == "false" {
        "is a truth value, which a spreadsheet has made of a text"
    } else if is_rounded(&lower, is_voice) {
        "is a number that a spreadsheet has rounded (scientific notation)"
    } else if has_lost_digits(code) {
        "has zeros alone behind its 15th digit: a spreadsheet keeps no more digits of a number"
    } else if is_decimal(code, is_voice) {
        "is a number with decimal places, which a spreadsheet has added"
    } else if is_date(&lower, is_voice) {
        "is a date, which a spreadsheet has made of a code"
    } else {
        return None;
    };
    Some(format!("{found}; {AS_TEXT}"))
}

/// `#REF!`, `#NAME?`, `#DIV/0!`.
fn is_error(code: &str) -> bool {
    code.starts_with('#') && code.ends_with(['!', '?'])
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The digits before and behind a decimal point or comma.
fn decimal(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('-').unwrap_or(text);
    text.split_once(['.', ',']).filter(|(whole, places)| is_digits(whole) && is_digits(places))
}

/// `9.5e+10`; without sign and decimal places, as in `12e45`, it may be an identifier that is no number.
fn is_rounded(lower: &str, is_voice: bool) -> bool {
    let Some((mantissa, exponent)) = lower.split_once('e') else { return false };
    let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_certain = decimal(mantissa).is_some() || exponent.starts_with('+');
    is_digits(power) && (decimal(mantissa).is_some() || is_digits(mantissa)) && (is_voice || is_certain)
}

/// `12345678901234500000`. Of a single zero there it cannot be told.
fn has_lost_digits(code: &str) -> bool {
    let (_, lost) = code.split_at_checked(KEPT_DIGITS).unwrap_or_default();
    is_digits(code) && lost.len() > 1 && lost.bytes().all(|digit| digit == b'0')
}

/// `4001.0`; other decimal places may be those of an identifier such as a version.
fn is_decimal(code: &str, is_voice: bool) -> bool {
    decimal(code).is_some_and(|(_, places)| is_voice || places.bytes().all(|digit| digit == b'0'))
}

/// `1-Mar`, `Mar-26`, `2026-11-30`, `30.11.2026`, `11/30/26`, `2026年11月30日`, with or without a time behind it.
fn is_date(lower: &str, is_voice: bool) -> bool {
    let lower = lower.split_once([' ', 't']).filter(|(_, time)| time.contains(':')).map_or(lower, |(day, _)| day);
    let parts: Vec<&str> =
        lower.split(['-', '/', '.', ' ', ',', '年', '月', '日']).filter(|part| !part.is_empty()).collect();
    let is_month = |part: &&&str| part.len() >= 3 && MONTHS.iter().any(|month| month.starts_with(**part));
    let numbers = parts.iter().filter(|part| is_digits(part) && part.len() <= 4).count();
    if !(2..=3).contains(&parts.len()) || numbers + parts.iter().filter(is_month).count() != parts.len() {
        return false;
    }
    if numbers < parts.len() {
        return numbers + 1 == parts.len();
    }
    if lower.contains(['年', '月', '/']) {
        return true;
    }
    let has_year = parts.iter().any(|part| part.len() == 4 && (part.starts_with("19") || part.starts_with("20")));
    let fits = parts.iter().filter(|part| part.parse().is_ok_and(|number: u32| (1..=31).contains(&number))).count();
    parts.len() == 3 && fits + 1 >= parts.len() && (has_year || is_voice)
}
