//! Folds pasted text to its plain form: compatibility forms, invisible characters, separators.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizer;
use icu_properties::props::{Dash, DefaultIgnorableCodePoint, GeneralCategory};
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

/// NFKC (Unicode Standard Annex 15) without invisible characters, white space, dashes and brackets. For phones and
/// codes, which phone books, SMS and input methods write with any of them.
pub(crate) fn fold_digits(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+') {
        return text.to_owned();
    }
    let dash = CodePointSetData::new::<Dash>();
    let category = CodePointMapData::<GeneralCategory>::new();
    let is_separator = |c: char| {
        let bracket = matches!(category.get(c), GeneralCategory::OpenPunctuation | GeneralCategory::ClosePunctuation);
        c.is_whitespace() || dash.contains(c) || c == KATAKANA_LENGTH_MARK || bracket
    };
    let folded = ComposingNormalizer::new_nfkc().normalize(text).into_owned();
    without_ignorable(&folded).chars().filter(|&c| !is_separator(c)).collect()
}

const IDEOGRAPHIC_FULL_STOP: char = '\u{3002}';
/// East Asian input methods type it for a dash.
const KATAKANA_LENGTH_MARK: char = '\u{30FC}';

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
