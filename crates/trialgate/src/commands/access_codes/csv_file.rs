//! Reads a file of access codes line by line, so that one bad line spoils no other and every one can be named.

use std::io::{self, BufRead, Read};

use anyhow::{Context, bail};
use trial_core::{AccessCode, AccessCodeImport, AccessCodeKind, RefusedAccessCode};

/// The columns, in their order.
const HEADER: [&str; 2] = ["kind", "code"];
/// The longest line that is read, in bytes. Good ones are shorter than 100.
const MAX_LINE: u64 = 1_024;
/// The most rows of one import: they are decided together.
const MAX_ROWS: usize = 1_000_000;
const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// The rows of a file, good and bad.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) import: AccessCodeImport,
    pub(super) bad: Vec<RefusedAccessCode>,
}

/// Reads a whole file; `on_row` is told after each row how many bytes it took.
///
/// # Errors
/// The file cannot be read, or is no such file at all.
pub(super) fn read(mut source: impl BufRead, mut on_row: impl FnMut(usize)) -> anyhow::Result<Rows> {
    let mut rows = Rows::default();
    let mut bytes = Vec::new();
    let mut number = 0;
    while next_line(&mut source, &mut bytes).context("cannot read the file")? {
        number += 1;
        on_row(bytes.len());
        let line = if number == 1 { bytes.strip_prefix(UTF8_BOM).unwrap_or(&bytes) } else { &bytes };
        let line = line.trim_ascii();
        if number == 1 {
            check_header(line)?;
        } else if !line.is_empty() {
            rows.add(number, line);
        }
        if rows.import.rows.len() + rows.bad.len() > MAX_ROWS {
            bail!("the file has more than {MAX_ROWS} rows; import it in parts");
        }
    }
    if number == 0 {
        bail!("the file is empty; its first line must be `kind,code`");
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

fn check_header(line: &[u8]) -> anyhow::Result<()> {
    if line.starts_with(b"\xFF\xFE") || line.starts_with(b"\xFE\xFF") {
        bail!("the file is UTF-16; save it as UTF-8");
    }
    if fields(line).is_ok_and(|fields| fields == HEADER) {
        return Ok(());
    }
    bail!("line 1: the header must be `kind,code`");
}

impl Rows {
    fn add(&mut self, number: u64, line: &[u8]) {
        match row(line) {
            Ok((code, kind)) => self.import.rows.push((number, code, kind)),
            Err(reason) => self.bad.push(RefusedAccessCode { line: number, reason }),
        }
    }
}

fn row(line: &[u8]) -> Result<(AccessCode, AccessCodeKind), String> {
    let fields = fields(line)?;
    let [kind, code] = fields.as_slice() else {
        return Err(format!("has {} columns; it must have kind and code", fields.len()));
    };
    let kind = kind.parse().map_err(|error: trial_core::UnknownName| error.to_string())?;
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

    fn rows(text: &[u8]) -> Rows {
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
