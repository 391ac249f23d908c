//! The header of a file of access codes: the names of its two columns, in the words that people write.

use super::{AccessCodeFileError, FileHeader, Record, SHOWN};
use crate::values::{AccessCodeKind, fold_pasted, shown};

/// Words for the kind of an access code, without spaces, `-` and `_`, in lower case.
const KIND: &[&str] = &["kind", "type", "类型", "種類", "种类", "類型", "类别", "類別"];
/// Words for the code.
const CODE: &[&str] =
    &["code", "accesscode", "number", "代码", "接入码", "代碼", "接入碼", "号码", "號碼", "编码", "編碼"];

/// The places of the two columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) kind: usize,
    pub(super) code: usize,
}

/// The first record of a file that is not blank.
pub(super) enum FirstRecord {
    Header(Columns),
    Row,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Kind,
    Code,
    Nothing,
    Other,
}

impl Columns {
    /// Those of rows without a header.
    pub(super) const DEFAULT: Self = Self { kind: 0, code: 1 };

    /// The columns that these fields name, if they name both and no other.
    pub(super) fn named(fields: &[impl AsRef<str>]) -> Option<Self> {
        let words: Vec<Word> = fields.iter().map(|field| word(field.as_ref())).collect();
        let only = |wanted: Word| {
            let mut found = words.iter().enumerate().filter(|(_, word)| **word == wanted);
            found.next().filter(|_| found.next().is_none()).map(|(place, _)| place)
        };
        if words.contains(&Word::Other) {
            return None;
        }
        Some(Self { kind: only(Word::Kind)?, code: only(Word::Code)? })
    }
}

/// Reads the first record as a header, or as a row where that is allowed.
pub(super) fn of_first(first: &Record<'_>, header: FileHeader) -> Result<FirstRecord, AccessCodeFileError> {
    let Ok(fields) = &first.fields else {
        return match header {
            FileHeader::Optional => Ok(FirstRecord::Row),
            FileHeader::Required => Err(refused(first.line, "\"", "a quotation mark opens there and is not closed")),
        };
    };
    if let Some(columns) = Columns::named(fields) {
        return Ok(FirstRecord::Header(columns));
    }
    let words: Vec<Word> = fields.iter().map(|field| word(field)).collect();
    let names_some = words.iter().any(|word| matches!(word, Word::Kind | Word::Code));
    if header == FileHeader::Optional && !names_some {
        return Ok(FirstRecord::Row);
    }
    let remedy = if fields.first().is_some_and(|first| AccessCodeKind::from_written(&fold_pasted(first)).is_ok()) {
        "this is a row; put the header above it"
    } else if words.contains(&Word::Kind) && words.contains(&Word::Code) {
        "keep these two columns, each once, and no other"
    } else {
        "name the two columns so, with a comma, a semicolon or a tab between them"
    };
    let found = fields.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(",");
    Err(refused(first.line, &found, remedy))
}

fn refused(line: u64, found: &str, remedy: &'static str) -> AccessCodeFileError {
    AccessCodeFileError::Header { line, found: shown(found, SHOWN), remedy }
}

fn word(field: &str) -> Word {
    let mut folded = fold_pasted(field).to_lowercase();
    folded.retain(|c| !c.is_whitespace() && !matches!(c, '_' | '-'));
    match folded.as_str() {
        "" => Word::Nothing,
        kind if KIND.contains(&kind) => Word::Kind,
        code if CODE.contains(&code) => Word::Code,
        _ => Word::Other,
    }
}
