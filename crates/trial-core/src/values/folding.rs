//! Folds pasted text to its plain form: compatibility forms, invisible characters, separators.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizer;
use icu_properties::props::{Dash, DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};

/// The longest text of digits that is folded, in characters; the bounds of what remains are the value's own.
pub(crate) const MAX_DIGITS_INPUT: usize = 64;

/// Drops characters that show nothing: zero-width ones, direction marks, soft hyphens (`Default_Ignorable_Code_Point`).
pub(crate) fn without_ignorable(text: &str) -> String {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    text.chars().filter(|&c| !ignorable.contains(c)).collect()
}

/// NFKC (Unicode Standard Annex 15) without invisible characters, nor white space around it; the full stop of East
/// Asian input methods is a full stop, as in domain names (UTS 46). For mailboxes.
pub(crate) fn fold_mailbox(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text.trim());
    }
    let folded = ComposingNormalizer::new_nfkc().normalize(text).into_owned();
    Cow::Owned(without_ignorable(&folded).trim().replace(IDEOGRAPHIC_FULL_STOP, "."))
}

/// A code as it was sent: NFKC (Unicode Standard Annex 15) with ASCII digits, without invisible characters, white space and
/// punctuation, which SMS, quotes and input methods put around or into it.
pub(crate) fn fold_code(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return text.to_owned();
    }
    let category = CodePointMapData::<GeneralCategory>::new();
    // `<`, `|` and the like are mathematical symbols to Unicode, and a backquote is a modifier.
    let dropped = GeneralCategoryGroup::Punctuation
        .union(GeneralCategoryGroup::Separator)
        .union(GeneralCategoryGroup::MathSymbol)
        .union(GeneralCategoryGroup::ModifierSymbol);
    let is_dropped = |c: char| c.is_whitespace() || c == KATAKANA_LENGTH_MARK || dropped.contains(category.get(c));
    plain_digits(text).chars().filter(|&c| !is_dropped(c)).collect()
}

/// A phone without the marks of phone books, SMS and input methods: NFKC with ASCII digits, without white space, dashes,
/// brackets, quotes and dots, and without other punctuation around it. What separates two numbers or an extension remains.
pub(crate) fn fold_phone(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+') {
        return text.to_owned();
    }
    let dash = CodePointSetData::new::<Dash>();
    let category = CodePointMapData::<GeneralCategory>::new();
    let wrapping = GeneralCategoryGroup::OpenPunctuation
        .union(GeneralCategoryGroup::ClosePunctuation)
        .union(GeneralCategoryGroup::InitialPunctuation)
        .union(GeneralCategoryGroup::FinalPunctuation);
    let is_separator = |c: char| {
        c.is_whitespace() || dash.contains(c) || wrapping.contains(category.get(c)) || PHONE_SEPARATORS.contains(&c)
    };
    let is_outside = |c: char| {
        let is_keypad = matches!(c, '#' | '*');
        is_separator(c) || "<>`".contains(c) || (category.get(c) == GeneralCategory::OtherPunctuation && !is_keypad)
    };
    plain_digits(text).trim_matches(is_outside).chars().filter(|&c| !is_separator(c)).collect()
}

/// NFKC without invisible characters, and with the digits of every script as ASCII.
fn plain_digits(text: &str) -> String {
    let folded = ComposingNormalizer::new_nfkc().normalize(text).into_owned();
    without_ignorable(&folded).chars().map(ascii_digit).collect()
}

/// The ASCII digit for one of any script (general category Nd). Those of a script are ten code points in ascending order
/// (Unicode Standard, section 4.6), and scripts next to each other have ten each.
fn ascii_digit(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    let category = CodePointMapData::<GeneralCategory>::new();
    let is_digit = |code: u32| category.get32(code) == GeneralCategory::DecimalNumber;
    if !is_digit(c.into()) {
        return c;
    }
    let before = (0..u32::from(c)).rev().take_while(|&code| is_digit(code)).count();
    u32::try_from(before).ok().and_then(|before| char::from_digit(before % 10, 10)).unwrap_or(c)
}

const IDEOGRAPHIC_FULL_STOP: char = '\u{3002}';
/// East Asian input methods type it for a dash.
const KATAKANA_LENGTH_MARK: char = '\u{30FC}';
/// Marks between the groups of a phone's digits that are neither white space, dashes nor brackets: dots of all kinds.
const PHONE_SEPARATORS: [char; 11] =
    [KATAKANA_LENGTH_MARK, '.', '/', '\'', '"', '\u{B7}', '\u{2022}', '\u{2027}', '\u{2219}', '\u{22C5}', '\u{30FB}'];

/// NFKC without invisible characters, and without white space around it: for words and codes of files and pastes.
pub(crate) fn fold_pasted(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text.trim());
    }
    let folded = ComposingNormalizer::new_nfkc().normalize(text);
    Cow::Owned(without_ignorable(&folded).trim().to_owned())
}

/// A text as an error repeats it: control characters as blanks, cut behind this number of characters.
pub(crate) fn shown(text: &str, length: usize) -> String {
    let mut shown: String = text.chars().take(length).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(length).is_some() {
        shown.push('…');
    }
    shown
}
