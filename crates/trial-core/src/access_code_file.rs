//! Reads a file of access codes line by line, so that one bad line spoils no other and every one can be named.

use std::io::{self, BufRead, Read};

use crate::{AccessCode, AccessCodeImport, AccessCodeKind, RefusedAccessCode, UnknownName};

/// The columns, in their order.
const HEADER: [&str; 2] = ["kind", "code"];
/// The longest line that is read, in bytes. Good ones are shorter than 100.
const MAX_LINE: u64 = 1_024;
/// The most rows of one import: they are decided together.
const MAX_ROWS: usize = 1_000_000;
const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// The rows of a file of access codes, good and bad.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessCodeFile {
    /// The good ones.
    pub import: AccessCodeImport,
    /// The others, each with the reason.
    pub bad: Vec<RefusedAccessCode>,
}

/// Why a file cannot be one of access codes. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AccessCodeFileError {
    /// It cannot be read to its end.
    #[error("cannot read the file")]
    Unreadable(#[from] io::Error),
    /// Nothing is in it.
    #[error("the file is empty; its first line must be `kind,code`")]
    Empty,
    /// It is written in other characters.
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    /// Its columns are others.
    #[error("line 1: the header must be `kind,code`")]
    Header,
    /// More rows than can be decided together.
    #[error("the file has more than {MAX_ROWS} rows; import it in parts")]
    TooLong,
}

impl AccessCodeFile {
    /// Reads a whole file, CSV in UTF-8 with the header `kind,code`; `on_row` is told after each row how many bytes it took.
    ///
    /// # Errors
    /// The file cannot be read, or is no such file at all.
    pub fn read(source: impl BufRead, on_row: impl FnMut(usize)) -> Result<Self, AccessCodeFileError> {
        read(source, on_row)
    }

    /// Takes rows that stand in no file, numbered from 1: the kind and the code of each.
    ///
    /// # Errors
    /// There are too many.
    pub fn of_rows<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, AccessCodeFileError> {
        let mut file = Self::default();
        for (number, (kind, code)) in (1..).zip(rows) {
            file.add(number, pair(kind.trim(), code.trim()));
            if file.length() > MAX_ROWS {
                return Err(AccessCodeFileError::TooLong);
            }
        }
        Ok(file)
    }

    /// Rows, good and bad.
    pub fn length(&self) -> usize {
        self.import.rows.len() + self.bad.len()
    }

    fn add(&mut self, number: u64, row: Result<(AccessCode, AccessCodeKind), String>) {
        match row {
            Ok((code, kind)) => self.import.rows.push((number, code, kind)),
            Err(reason) => self.bad.push(RefusedAccessCode { line: number, reason }),
        }
    }
}

fn read(mut source: impl BufRead, mut on_row: impl FnMut(usize)) -> Result<AccessCodeFile, AccessCodeFileError> {
    let mut rows = AccessCodeFile::default();
    let mut bytes = Vec::new();
    let mut number = 0;
    while next_line(&mut source, &mut bytes)? {
        number += 1;
        on_row(bytes.len());
        let line = if number == 1 { bytes.strip_prefix(UTF8_BOM).unwrap_or(&bytes) } else { &bytes };
        let line = line.trim_ascii();
        if number == 1 {
            check_header(line)?;
        } else if !line.is_empty() {
            rows.add(number, row(line));
        }
        if rows.length() > MAX_ROWS {
            return Err(AccessCodeFileError::TooLong);
        }
    }
    if number == 0 {
        return Err(AccessCodeFileError::Empty);
    }
    Ok(rows)
}

/// Reads one line, of which at most `MAX_LINE` and a few bytes are kept. False at the end of the file.
fn next_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    source.by_ref().take(MAX_LINE + 1).read_until(b'\n', line)?;
    if line.len() as u64 > MAX_LINE && !line.ends_with(b"\n") {
        skip_line(source)?;
    }
    Ok(!line.is_empty())
}

fn skip_line(source: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = source.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (used, is_over) = (end.map_or(buffer.len(), |end| end + 1), end.is_some() || buffer.is_empty());
        source.consume(used);
        if is_over {
            return Ok(());
        }
    }
}

fn check_header(line: &[u8]) -> Result<(), AccessCodeFileError> {
    if line.starts_with(b"\xFF\xFE") || line.starts_with(b"\xFE\xFF") {
        return Err(AccessCodeFileError::Utf16);
    }
    if fields(line).is_ok_and(|fields| fields == HEADER) {
        return Ok(());
    }
    Err(AccessCodeFileError::Header)
}

fn row(line: &[u8]) -> Result<(AccessCode, AccessCodeKind), String> {
    let fields = fields(line)?;
    let [kind, code] = fields.as_slice() else {
        return Err(format!("has {} columns; it must have kind and code", fields.len()));
    };
    pair(kind, code)
}

fn pair(kind: &str, code: &str) -> Result<(AccessCode, AccessCodeKind), String> {
    let kind = kind.parse().map_err(|error: UnknownName| error.to_string())?;
    let code = AccessCode::parse(code).map_err(|error| error.to_string())?;
    Ok((code, kind))
}

/// The fields of one line, without the blanks around them.
fn fields(line: &[u8]) -> Result<Vec<String>, String> {
    if line.len() as u64 > MAX_LINE {
        return Err(format!("is longer than {MAX_LINE} bytes"));
    }
    let line = std::str::from_utf8(line).map_err(|_| "is not UTF-8".to_owned())?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    reader.read_record(&mut record).map_err(|error| error.to_string())?;
    Ok(record.iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> AccessCodeFile {
        read(text, |_| {}).unwrap()
    }

    fn good(text: &[u8]) -> Vec<(u64, String, AccessCodeKind)> {
        let rows = rows(text);
        assert_eq!(rows.bad, [], "{}", String::from_utf8_lossy(text));
        rows.import.rows.into_iter().map(|(line, code, kind)| (line, code.to_string(), kind)).collect()
    }

    #[test]
    fn every_usual_spelling_of_a_file_is_read() {
        let expected =
            vec![(2, "95001".to_owned(), AccessCodeKind::Voice), (3, "chat-1".to_owned(), AccessCodeKind::Multimedia)];
        for text in [
            &b"kind,code\nvoice,95001\nmultimedia,chat-1\n"[..],
            b"kind,code\nvoice,95001\nmultimedia,chat-1",
            b"kind,code\r\nvoice,95001\r\nmultimedia,chat-1\r\n",
            b"\xEF\xBB\xBFkind,code\nvoice,95001\nmultimedia,chat-1\n",
            b"\xEF\xBB\xBF\"kind\",\"code\"\r\n\"voice\",\"95001\"\r\n\"multimedia\",\"chat-1\"\r\n",
            b" kind , code \n voice , 95001 \n multimedia,\tchat-1 \n\n  \n",
        ] {
            assert_eq!(good(text), expected, "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(good(b"kind,code\n\n\nvoice,1\n"), [(4, "1".to_owned(), AccessCodeKind::Voice)]);
        assert_eq!(good(b"kind,code\n"), []);
    }

    #[test]
    fn every_bad_row_is_named() {
        let mut text =
            b"kind,code\nvoice,1\nfax,2\nvoice\nvoice,3,4\nvoice,\n,5\nvoice,a b\nvoice,\"6\nvoice,\xFF\nVoice,7\n"
                .to_vec();
        text.extend([b"voice,".as_slice(), &[b'8'; 65], b"\n", &[b'x'; 5_000], b"\nmultimedia,9\n"].concat());
        let rows = rows(&text);
        let bad: Vec<_> = rows.bad.iter().map(|bad| (bad.line, bad.reason.as_str())).collect();
        assert_eq!(
            bad,
            [
                (3, "\"fax\" is not a kind of access code (voice or multimedia)"),
                (4, "has 1 columns; it must have kind and code"),
                (5, "has 3 columns; it must have kind and code"),
                (6, "the code is empty"),
                (7, "\"\" is not a kind of access code (voice or multimedia)"),
                (8, "the code may hold letters, digits and + * # - _ . only"),
                (10, "is not UTF-8"),
                (11, "\"Voice\" is not a kind of access code (voice or multimedia)"),
                (12, "the code is longer than 64 characters"),
                (13, "is longer than 1024 bytes"),
            ]
        );
        let lines: Vec<u64> = rows.import.rows.iter().map(|row| row.0).collect();
        assert_eq!(lines, [2, 9, 14]);
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for (text, message) in [
            (&b""[..], "the file is empty"),
            (b"voice,1\n", "line 1: the header must be `kind,code`"),
            (b"code,kind\n1,voice\n", "line 1: the header must be `kind,code`"),
            (b"kind;code\nvoice;1\n", "line 1: the header must be `kind,code`"),
            (b"kind,code,note\n", "line 1: the header must be `kind,code`"),
            (b"\nkind,code\n", "line 1: the header must be `kind,code`"),
            (b"\xFF\xFEk\0i\0n\0d\0", "the file is UTF-16; save it as UTF-8"),
            (b"SQLite format 3\0", "line 1: the header must be `kind,code`"),
        ] {
            let error = read(text, |_| {}).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn bytes_are_counted_for_the_progress() {
        let text = b"kind,code\nvoice,1\n";
        let mut bytes = 0;
        read(&text[..], |taken| bytes += taken).unwrap();
        assert_eq!(bytes, text.len());
    }
}
