//! Splits a text into records of fields (RFC 4180), with any separator and line end, and counts its lines as editors
//! do.

use std::borrow::Cow;

use super::Record;
use super::columns::Columns;
use crate::values::{AccessCodeKind, fold_pasted};

/// The longest field in quotation marks, in bytes: one that is longer was never closed.
const MAX_QUOTED: usize = 1_024;
/// The separators of columns; the last two are those of Chinese input methods.
const SEPARATORS: [char; 5] = [',', '\t', ';', '，', '；'];

/// The separator of a text, and the place where its records begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Separator {
    separator: char,
    /// Bytes of the line `sep=…`, which names the separator to Excel.
    skipped: usize,
}

/// The records of a text, blank ones too.
pub(super) struct Records<'a> {
    rest: &'a str,
    separator: char,
    line: u64,
}

impl Separator {
    /// The one that the first line names, or the one that splits it into columns.
    pub(super) fn of(text: &str) -> Self {
        let first = &text[..text.find(['\r', '\n']).unwrap_or(text.len())];
        if let Some(separator) = told(first) {
            return Self { separator, skipped: first.len() };
        }
        let splits = |separator: &char| {
            let mut records = Records { rest: text, separator: *separator, line: 1 };
            let first = records.find(|record| !record.is_blank()).and_then(|record| record.fields.ok());
            first.is_some_and(|fields| Columns::named(&fields).is_some() || begins_with_kind(&fields))
        };
        let separator = SEPARATORS.into_iter().find(splits).unwrap_or(SEPARATORS[0]);
        Self { separator, skipped: 0 }
    }
}

/// Returns `true` if these are at least two columns, the first of which is a kind.
fn begins_with_kind(fields: &[Cow<'_, str>]) -> bool {
    fields.len() > 1 && AccessCodeKind::from_written(&fold_pasted(&fields[0])).is_ok()
}

/// The separator of a line such as `sep=;`.
fn told(line: &str) -> Option<char> {
    let line = line.trim_matches(['"', ' ']);
    let (key, separator) = line.split_once('=')?;
    let mut chars = separator.chars();
    let separator = chars.next().filter(|_| chars.next().is_none())?;
    key.trim().eq_ignore_ascii_case("sep").then_some(separator)
}

impl<'a> Records<'a> {
    pub(super) fn new(text: &'a str, Separator { separator, skipped }: Separator) -> Self {
        Self { rest: &text[skipped..], separator, line: 1 }
    }

    /// Takes one field. Returns `true` with it if a separator ends it, `false` if the line or the text ends.
    fn field(&mut self) -> Result<(Cow<'a, str>, bool), String> {
        let separator = self.separator;
        self.rest = self.rest.trim_start_matches(|c: char| is_blank(c) && c != separator);
        let field = if self.rest.starts_with('"') {
            self.quoted()?
        } else {
            let end = self.rest.find(|c: char| c == separator || is_line_end(c)).unwrap_or(self.rest.len());
            let (field, rest) = self.rest.split_at(end);
            self.rest = rest;
            Cow::Borrowed(field.trim())
        };
        let goes_on = self.rest.starts_with(separator);
        if goes_on {
            self.rest = &self.rest[separator.len_utf8()..];
        }
        Ok((field, goes_on))
    }

    /// Takes a field in quotation marks, in which two of them stand for one.
    fn quoted(&mut self) -> Result<Cow<'a, str>, String> {
        let (body, separator) = (&self.rest[1..], self.separator);
        let mut from = 0;
        while let Some(mark) = body[from..].find('"').map(|at| from + at).filter(|mark| *mark <= MAX_QUOTED) {
            let behind = &body[mark + 1..];
            if behind.starts_with('"') {
                from = mark + 2;
                continue;
            }
            let behind = behind.trim_start_matches(|c: char| is_blank(c) && c != separator);
            if !(behind.is_empty() || behind.starts_with(separator) || behind.starts_with(is_line_end)) {
                break;
            }
            let field = body[..mark].trim();
            self.line += lines(&body[..mark]);
            self.rest = behind;
            return Ok(if field.contains('"') { field.replace("\"\"", "\"").into() } else { field.into() });
        }
        Err("a quotation mark (\") opens and is not closed, or text stands behind it".to_owned())
    }

    /// Goes to the next line.
    fn end_line(&mut self) {
        let end = self.rest.find(is_line_end).unwrap_or(self.rest.len());
        let rest = &self.rest[end..];
        self.rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(is_line_end)).unwrap_or(rest);
        self.line += 1;
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, begin) = (self.line, self.rest);
        let mut fields = Vec::with_capacity(2);
        let fields = loop {
            match self.field() {
                Ok((field, goes_on)) => {
                    fields.push(field);
                    if !goes_on {
                        break Ok(fields);
                    }
                }
                Err(reason) => {
                    // A field that is not closed takes no other line with it.
                    (self.line, self.rest) = (line, begin);
                    break Err(reason);
                }
            }
        };
        self.end_line();
        Some(Record { line, fields })
    }
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\r' | '\n')
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() && !is_line_end(c)
}

/// Line ends in a text: LF, CRLF or CR.
fn lines(text: &str) -> u64 {
    let ends = text.bytes().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
    (ends - text.matches("\r\n").count()) as u64
}
