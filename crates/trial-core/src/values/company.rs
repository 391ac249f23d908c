//! Company names, and the key by which two spellings of one name are compared.

use std::fmt;
use std::sync::Arc;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;

use super::folding::without_ignorable;

/// The longest company name after trimming, in characters (Unicode scalar values).
const MAX_LENGTH: usize = 128;

/// Symbols that show nothing and are neither white space nor ignorable: the blank of Braille, a note without a head, blanks of
/// hieroglyphs and the filler of Khitan.
const BLANKS: [char; 5] = ['\u{2800}', '\u{1D159}', '\u{13441}', '\u{13442}', '\u{16FE4}'];

/// A company name as the applicant wrote it, trimmed. Compared by its [`CompanyKey`].
#[derive(Clone, PartialEq, Eq)]
pub struct CompanyName {
    name: Arc<str>,
    key: CompanyKey,
}

/// The form under which company names are compared: NFKC, case folding, collapsed white space (and symbols that look like
/// it), and none of the invisible characters (`Default_Ignorable_Code_Point`, as in `NFKC_Casefold` of the Unicode standard, section 3.13).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompanyKey(Arc<str>);

/// The reason for which a text is not a company name. The message contains the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompanyError {
    /// Empty, or nothing visible.
    #[error("is empty; give the company's name")]
    Empty,
    /// Over the limit.
    #[error("is longer than {MAX_LENGTH} characters")]
    TooLong,
    /// A control character.
    #[error("has a control character; remove it")]
    Control,
}

impl CompanyName {
    /// Parses a name of 1 to 128 characters. Emoji and the marks of right-to-left scripts are characters like any
    /// other. Direction overrides, which come with pasted text and could make an operator's screen lie, are dropped;
    /// control characters are refused.
    ///
    /// # Errors
    /// [`CompanyError`], one variant for each fault.
    pub fn parse(text: &str) -> Result<Self, CompanyError> {
        let name: String = text.chars().filter(|&c| !is_direction_override(c)).collect();
        let name = name.trim();
        if name.chars().nth(MAX_LENGTH).is_some() {
            return Err(CompanyError::TooLong);
        }
        if name.chars().any(char::is_control) {
            return Err(CompanyError::Control);
        }
        let key = key_of(name);
        if key.is_empty() {
            return Err(CompanyError::Empty);
        }
        Ok(Self { name: name.into(), key: CompanyKey(key.into()) })
    }

    /// Takes a name back from storage.
    pub fn from_stored(name: &str, key: &str) -> Self {
        Self { name: name.into(), key: CompanyKey(key.into()) }
    }

    /// The name as it was written, trimmed.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The form under which it is compared.
    pub fn key(&self) -> &CompanyKey {
        &self.key
    }

    /// The name, masked: its first letter, as `E***`.
    pub fn masked(&self) -> String {
        self.name.chars().take(1).chain("***".chars()).collect()
    }
}

/// Embeddings, overrides and isolates (UAX #9 sections 2.1 to 2.4); not the plain marks LRM, RLM and ALM.
fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn key_of(name: &str) -> String {
    if name.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        return collapsed(&name.to_ascii_lowercase());
    }
    let nfkc = ComposingNormalizer::new_nfkc();
    let folded = CaseMapper::new().fold_string(&nfkc.normalize(name)).into_owned();
    collapsed(&nfkc.normalize(&without_ignorable(&folded)))
}

fn collapsed(text: &str) -> String {
    let is_gap = |c: char| c.is_whitespace() || BLANKS.contains(&c);
    text.split(is_gap).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

impl CompanyKey {
    /// Takes a key back from storage.
    pub fn from_stored(key: &str) -> Self {
        Self(key.into())
    }

    /// The text that is stored and looked up.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hidden, so that an applicant's name cannot reach a log by way of `{:?}`.
impl fmt::Debug for CompanyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompanyName(***)")
    }
}

/// Hidden, so that an applicant's name cannot reach a log by way of `{:?}`.
impl fmt::Debug for CompanyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompanyKey(***)")
    }
}
