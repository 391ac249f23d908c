//! A provider's words, fit to be stored and logged.

/// How much of them is kept, in characters.
const LENGTH: usize = 160;
/// Digits from which on a number could be a phone or a code.
const DIGITS: usize = 4;

/// The words in one line, cut, and with `***` for every number that could be a phone or a code, however it is spaced.
pub(crate) fn without_numbers(words: &str) -> String {
    let mut kept = String::new();
    let mut number = String::new();
    let is_gap = |c: char| c.is_whitespace() || c.is_control();
    let line = words.split(is_gap).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    for c in line.chars().chain([char::MAX]) {
        if c.is_ascii_digit() || (!number.is_empty() && matches!(c, ' ' | '-' | '.' | '(' | ')' | '/')) {
            number.push(c);
            continue;
        }
        let digits = number.trim_end_matches(|c: char| !c.is_ascii_digit());
        let is_telling = digits.bytes().filter(u8::is_ascii_digit).count() >= DIGITS;
        kept.push_str(if is_telling { "***" } else { digits });
        kept.push_str(&number[digits.len()..]);
        number.clear();
        if c != char::MAX {
            kept.push(c);
        }
    }
    kept.chars().take(LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_could_be_a_phone_or_a_code_are_hidden() {
        for (words, kept) in [
            ("Invalid app_key.", "Invalid app_key."),
            ("The 'To' number +16673280001 is not valid", "The 'To' number +*** is not valid"),
            ("to 166-7328 0001, please", "to ***, please"),
            ("code 012345", "code ***"),
            ("error 42 of 100", "error 42 of 100"),
            ("a\r\n  b\u{7}", "a b"),
            ("03\u{0}1\u{7f}00 of 12", "*** of 12"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(words), kept);
        }
        assert_eq!(without_numbers(&"x".repeat(1_000)).len(), LENGTH);
    }
}
