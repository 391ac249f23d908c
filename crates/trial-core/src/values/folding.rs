//! Folds pasted text to what its writer meant: compatibility forms, invisible characters, separators.

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

/// NFKC (Unicode Standard Annex 15) without invisible characters, white space, dashes and brackets. For phones and codes, which
/// phone books, SMS and input methods write with any of them.
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

/// Typed for a dash by East Asian input methods.
const KATAKANA_LENGTH_MARK: char = '\u{30FC}';
