//! Reads operators' files of access codes: text by the rules of the core, `.xlsx` workbooks within bounds of memory and
//! time. Their bytes come from outside, and no claim in them is trusted before it is counted.

mod archive;
mod workbook;

use trial_core::access_codes::{AccessCodeFile, AccessCodeFileError, FileHeader};

/// The first bytes of a ZIP archive, which an `.xlsx` workbook is.
const ARCHIVE: &[u8] = b"PK";

/// Reads a file of access codes: a text or a workbook, by its bytes and not by its name.
///
/// # Errors
/// It is neither, or has no header or no rows; the message says what was found and what to do.
pub fn read_access_codes(bytes: &[u8]) -> Result<AccessCodeFile, AccessCodeFileError> {
    if !bytes.starts_with(ARCHIVE) {
        return AccessCodeFile::read(bytes, FileHeader::Required);
    }
    archive::check(bytes)?;
    AccessCodeFile::of_cells(workbook::rows(bytes)?)
}

/// The error for a file that is something else.
fn foreign(found: impl Into<String>, remedy: &'static str) -> AccessCodeFileError {
    AccessCodeFileError::Foreign { found: found.into(), remedy }
}
