//! Files of access codes: the rows of a text or of a workbook's cells, each with its line, so that every bad one is
//! named.

mod columns;
mod decode;
mod records;
mod spreadsheet;

use std::borrow::Cow;

use self::columns::{Columns, FirstRecord};
use self::records::{Records, Separator};
use crate::access_codes::{AccessCodeImport, RefusedAccessCode};
use crate::values::{AccessCode, AccessCodeKind, fold_pasted, shown};

/// The most rows of one import: they are decided together.
const MAX_ROWS: usize = 1_000_000;
/// The most characters that an error repeats of a line.
const SHOWN: usize = 60;

/// The rows of a file of access codes, good and bad.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessCodeFile {
    /// The good ones.
    pub import: AccessCodeImport,
    /// The others, each with the reason.
    pub bad: Vec<RefusedAccessCode>,
}

/// Decides about the first line of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileHeader {
    /// It names the columns: files.
    Required,
    /// It may be a row already, of kind and code: pasted lines.
    Optional,
}

/// The reason for which a file cannot be one of access codes. The message names the fault and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessCodeFileError {
    /// Nothing is in it.
    #[error("the file is empty; its first line must be `kind,code`")]
    Empty,
    /// It holds something, but no row.
    #[error("the file has no rows below its header; give one access code in each line, such as `voice,95001`")]
    NoRows,
    /// A list without rows.
    #[error("there are no rows; give one for each access code, with its kind and its code")]
    NoneGiven,
    /// It is no text and no workbook that is read.
    #[error("the file is {found}; {remedy}")]
    Foreign {
        /// Its format.
        found: String,
        /// The remedy.
        remedy: &'static str,
    },
    /// Its columns are others.
    #[error("line {line}: the header must be `kind,code`; found `{found}`: {remedy}")]
    Header {
        /// The line in which the header was looked for.
        line: u64,
        /// The beginning of that line.
        found: String,
        /// The remedy.
        remedy: &'static str,
    },
    /// More rows than can be decided together.
    #[error("the file has more than {MAX_ROWS} rows; import it in parts")]
    TooLong,
}

impl AccessCodeFile {
    /// Reads a whole text: UTF-8, UTF-16 or GB18030; any line ends; columns between commas, semicolons or tabs.
    ///
    /// # Errors
    /// [`AccessCodeFileError`] if it is no such text, or has no rows or too many.
    pub fn read(bytes: &[u8], header: FileHeader) -> Result<Self, AccessCodeFileError> {
        let text = decode::text(bytes)?;
        let separator = Separator::of(&text);
        Self::of_records(Records::new(&text, separator), header)
    }

    /// Takes the cells of a workbook, each row with its number, or the reason why its cells cannot be taken.
    ///
    /// # Errors
    /// [`AccessCodeFileError`] if the first row is no header, or there are no rows below it, or too many.
    pub fn of_cells(
        rows: impl IntoIterator<Item = (u64, Result<Vec<String>, String>)>,
    ) -> Result<Self, AccessCodeFileError> {
        let records = rows.into_iter().map(|(line, cells)| {
            let trimmed =
                |cells: Vec<String>| cells.into_iter().map(|cell| Cow::Owned(cell.trim().to_owned())).collect();
            Record { line, fields: cells.map(trimmed) }
        });
        Self::of_records(records, FileHeader::Required)
    }

    /// Takes rows without a file, numbered from 1: the kind and the code of each.
    ///
    /// # Errors
    /// [`AccessCodeFileError`] if there are none, or too many.
    pub fn of_rows<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, AccessCodeFileError> {
        let mut file = Self::default();
        for (line, (kind, code)) in (1..).zip(rows) {
            file.add(line, pair(kind, code))?;
        }
        if file.length() == 0 {
            return Err(AccessCodeFileError::NoneGiven);
        }
        Ok(file)
    }

    fn of_records<'a>(
        records: impl Iterator<Item = Record<'a>>,
        header: FileHeader,
    ) -> Result<Self, AccessCodeFileError> {
        let mut records = records.filter(|record| !record.is_blank());
        let first = records.next().ok_or(AccessCodeFileError::Empty)?;
        let mut file = Self::default();
        let columns = match columns::of_first(&first, header)? {
            FirstRecord::Header(columns) => columns,
            FirstRecord::Row => {
                file.add(first.line, first.row(Columns::DEFAULT))?;
                Columns::DEFAULT
            }
        };
        for record in records {
            file.add(record.line, record.row(columns))?;
        }
        if file.length() == 0 {
            return Err(AccessCodeFileError::NoRows);
        }
        Ok(file)
    }

    /// Rows, good and bad.
    pub fn length(&self) -> usize {
        self.import.rows.len() + self.bad.len()
    }

    fn add(&mut self, line: u64, row: Result<(AccessCode, AccessCodeKind), String>) -> Result<(), AccessCodeFileError> {
        if self.length() == MAX_ROWS {
            return Err(AccessCodeFileError::TooLong);
        }
        match row {
            Ok((code, kind)) => self.import.rows.push((line, code, kind)),
            Err(reason) => self.bad.push(RefusedAccessCode { line, reason }),
        }
        Ok(())
    }
}

/// One row of a file: its fields without the blanks around them, or the reason that it cannot be split.
struct Record<'a> {
    /// The line it begins in, from 1.
    line: u64,
    fields: Result<Vec<Cow<'a, str>>, String>,
}

impl Record<'_> {
    fn is_blank(&self) -> bool {
        self.fields.as_ref().is_ok_and(|fields| fields.iter().all(|field| field.is_empty()))
    }

    fn row(self, columns: Columns) -> Result<(AccessCode, AccessCodeKind), String> {
        let fields = self.fields?;
        let is_other = |(place, field): (usize, &Cow<'_, str>)| {
            place != columns.kind && place != columns.code && !field.is_empty()
        };
        let has_other = fields.iter().enumerate().any(is_other);
        let (kind, code) = match (fields.get(columns.kind), fields.get(columns.code)) {
            (Some(kind), Some(code)) if !has_other => (kind, code),
            _ => {
                let count = fields.iter().rposition(|field| !field.is_empty()).map_or(1, |last| last + 1);
                let plural = if count == 1 { "" } else { "s" };
                return Err(format!("has {count} column{plural}; it must have kind and code"));
            }
        };
        pair(kind, code)
    }
}

fn pair(kind: &str, code: &str) -> Result<(AccessCode, AccessCodeKind), String> {
    let (kind, code) = (fold_pasted(kind), fold_pasted(code));
    if [&kind, &code].iter().any(|field| field.contains(char::REPLACEMENT_CHARACTER)) {
        return Err("has bytes that are no text in UTF-8, UTF-16 or GB18030; save the file as UTF-8".to_owned());
    }
    let kind = AccessCodeKind::from_written(&kind).map_err(|mut error| {
        error.0 = shown(&error.0, SHOWN);
        error.to_string()
    })?;
    if let Some(damage) = spreadsheet::damage(&code, kind) {
        return Err(format!("`{}` {damage}", shown(&code, SHOWN)));
    }
    let code = AccessCode::parse_as(kind, &code).map_err(|error| error.to_string())?;
    Ok((code, kind))
}

#[cfg(test)]
mod tests;
