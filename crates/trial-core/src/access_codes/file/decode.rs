//! Bytes to text: the encodings that spreadsheets and editors save CSV in, and the formats that are no text.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_16BE, UTF_16LE};

use super::AccessCodeFileError;

/// The bytes that tell UTF-16 without a byte order mark.
const PROBED: usize = 256;
const SAVE_AS: &str = "save it as .xlsx or as CSV";
const UNPACK: &str = "unpack it, and import the file in it";

/// Formats by their first bytes, with the remedy.
const FORMATS: &[(&[u8], &str, &str)] = &[
    (
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
        "an Excel workbook of before 2007 (.xls), or one with a password",
        "save it as .xlsx without a password, or as CSV",
    ),
    (b"PK\x03\x04", "a workbook or an archive, not text", "give it to the command line or to /ops, or paste its rows"),
    (b"PK\x05\x06", "an empty archive", SAVE_AS),
    (b"%PDF", "a PDF document", "export the table from where it was made as .xlsx or CSV"),
    (b"\x1F\x8B", "a gzip archive", UNPACK),
    (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive", UNPACK),
    (b"Rar!\x1A\x07", "a RAR archive", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\xFD7zXZ\0", "an xz archive", UNPACK),
    (b"SQLite format 3\0", "an SQLite database", "export its table as CSV"),
    (b"{\\rtf", "a document in Rich Text Format", SAVE_AS),
];
/// Beginnings of HTML and XML, in lower case: some programs write these into a file named .xls or .csv.
const MARKUP: &[&str] = &["<!doctype", "<html", "<table", "<?xml", "<workbook", "<meta"];

/// The text of a file, without byte order mark. Bytes that are text in no encoding become U+FFFD.
pub(super) fn text(bytes: &[u8]) -> Result<Cow<'_, str>, AccessCodeFileError> {
    if let Some((_, found, remedy)) = FORMATS.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        return Err(foreign(found, remedy));
    }
    let text = decoded(bytes);
    if text.contains('\0') {
        return Err(foreign("not text: it holds zero bytes", SAVE_AS));
    }
    let beginning = text.trim_start().get(..16).unwrap_or(text.trim_start()).to_ascii_lowercase();
    if MARKUP.iter().any(|tag| beginning.starts_with(tag)) {
        return Err(foreign("a web page or XML", "open it in a spreadsheet and save it as .xlsx or CSV"));
    }
    if is_json(&text) {
        return Err(foreign("JSON", "write it as CSV, with the header `kind,code` and a line for each access code"));
    }
    Ok(text)
}

/// Returns `true` for the beginning of an array or an object: a header or a row begins with a kind.
fn is_json(text: &str) -> bool {
    let mut signs = text.chars().filter(|c| !c.is_whitespace());
    matches!((signs.next(), signs.next()), (Some('['), Some('[' | '{' | '"' | ']')) | (Some('{'), Some('"' | '}')))
}

fn foreign(found: &str, remedy: &'static str) -> AccessCodeFileError {
    AccessCodeFileError::Foreign { found: found.to_owned(), remedy }
}

fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0;
    }
    if let Some(encoding) = unmarked_utf16(bytes) {
        return encoding.decode_without_bom_handling(bytes).0;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => GB18030
            .decode_without_bom_handling_and_without_replacement(bytes)
            .unwrap_or_else(|| String::from_utf8_lossy(bytes)),
    }
}

/// UTF-16 whose ASCII characters tell its byte order: every second byte of them is zero.
fn unmarked_utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    let probed = &bytes[..bytes.len().min(PROBED)];
    let zeros = |parity: usize| probed.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, low) if low > 0 && bytes.len().is_multiple_of(2) => Some(UTF_16LE),
        (high, 0) if high > 0 && bytes.len().is_multiple_of(2) => Some(UTF_16BE),
        _ => None,
    }
}
