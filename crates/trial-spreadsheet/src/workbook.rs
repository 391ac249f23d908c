//! The rows of an `.xlsx` workbook, cell by cell: no table is laid out by the positions that cells claim.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataRef, Reader, SheetType, Style, Xlsx, XlsxError, open_workbook_from_rs};
use trial_core::access_codes::AccessCodeFileError;

use crate::foreign;

/// Cells of a workbook, at most, empty ones too: 1,000,000 rows of kind and code, and some more.
const MAX_CELLS: u32 = 2_500_000;
/// Sheets, at most. The codes are in one.
const MAX_SHEETS: usize = 20;
/// Characters of a cell that are kept, at most: no code and no word for a kind is as long.
const MAX_TEXT: usize = 200;
/// Cells from this column on are treated as in it: two columns are needed, and others are errors.
const MAX_COLUMN: usize = 64;
/// The largest whole number that a cell holds without rounding: spreadsheets have 15 digits.
const MAX_NUMBER: f64 = 1e15;

/// The rows with text: their cells, or why these cannot be taken.
type Rows = BTreeMap<u64, Result<Vec<String>, String>>;

/// The rows with text, each with its number, from the only sheet that has any.
pub(crate) fn rows(bytes: &[u8]) -> Result<Rows, AccessCodeFileError> {
    let mut workbook: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    let sheets = workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names: Vec<String> = sheets.map(|sheet| sheet.name.clone()).collect();
    if names.len() > MAX_SHEETS {
        let found = format!("a workbook of {} sheets", names.len());
        return Err(foreign(found, "keep the sheet with the codes alone"));
    }
    let mut left = MAX_CELLS;
    let mut found: Option<(String, Rows)> = None;
    for name in names {
        let rows = sheet(&mut workbook, &name, &mut left)?;
        match &found {
            _ if rows.is_empty() => {}
            None => found = Some((name, rows)),
            Some((first, _)) => {
                let found = format!("a workbook with cells in the sheets \"{first}\" and \"{name}\"");
                return Err(foreign(found, "keep the sheet with the codes alone"));
            }
        }
    }
    Ok(found.map(|(_, rows)| rows).unwrap_or_default())
}

fn sheet(workbook: &mut Xlsx<Cursor<&[u8]>>, name: &str, left: &mut u32) -> Result<Rows, AccessCodeFileError> {
    let mut cells = workbook.worksheet_cells_reader(name).map_err(|error| damaged(&error))?;
    let widths: Vec<usize> = cells.styles().iter().map(zeros).collect();
    let mut rows = Rows::new();
    while let Some((cell, style)) = cells.next_cell_with_style_id().map_err(|error| damaged(&error))? {
        let Some(next) = left.checked_sub(1) else {
            let found = format!("a workbook of more than {MAX_CELLS} cells");
            return Err(foreign(found, "import it in parts, or save it as CSV"));
        };
        *left = next;
        let (row, column) = cell.get_position();
        let text = text(cell.get_value());
        if !text.is_empty() {
            let row = rows.entry(u64::from(row) + 1).or_insert_with(|| Ok(Vec::new()));
            let width = widths.get(style).copied().unwrap_or(0);
            if is_number(cell.get_value()) && text.len() < width && text.bytes().all(|b| b.is_ascii_digit()) {
                *row = Err(format!(
                    "`{text}` is shown as `{text:0>width$}` by the format of its cell; format the column as text and enter \
                     the one that is meant"
                ));
            }
            let Ok(fields) = row else { continue };
            let column = usize::try_from(column).unwrap_or(MAX_COLUMN).min(MAX_COLUMN);
            if fields.len() <= column {
                fields.resize(column + 1, String::new());
            }
            fields[column] = text.chars().take(MAX_TEXT).collect();
        }
    }
    Ok(rows)
}

/// The digits that a format such as `00000` fills up with zeros; 0 of any other format.
fn zeros(style: &Style) -> usize {
    let format = style.number_format.as_ref().map_or("", |format| format.format_code.as_str());
    let first = format.split(';').next().unwrap_or_default();
    if first.bytes().all(|b| b == b'0') { first.len().min(MAX_TEXT) } else { 0 }
}

fn is_number(value: &DataRef<'_>) -> bool {
    matches!(value, DataRef::Int(_) | DataRef::Float(_))
}

/// A cell as in CSV. A whole number becomes its digits, in any display format; one that has lost digits is written so
/// that it shows.
fn text<'a>(value: &'a DataRef<'_>) -> Cow<'a, str> {
    match value {
        DataRef::Empty => Cow::Borrowed(""),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cow::Borrowed(text.trim()),
        DataRef::SharedString(text) => Cow::Borrowed(text.trim()),
        DataRef::Int(number) => Cow::Owned(number.to_string()),
        DataRef::Float(number) if number.abs() < MAX_NUMBER => Cow::Owned(number.to_string()),
        DataRef::Float(number) => Cow::Owned(format!("{number:E}").replace('E', "E+")),
        DataRef::Bool(truth) => Cow::Borrowed(if *truth { "TRUE" } else { "FALSE" }),
        DataRef::DateTime(moment) => {
            let (year, month, day, ..) = moment.to_ymd_hms_milli();
            Cow::Owned(format!("{year:04}-{month:02}-{day:02}"))
        }
        DataRef::Error(error) => Cow::Owned(error.to_string()),
    }
}

fn damaged(error: &XlsxError) -> AccessCodeFileError {
    match error {
        XlsxError::Password => foreign("a workbook with a password", "save it without one"),
        _ => foreign("a damaged workbook", "open it in a spreadsheet and save it again as .xlsx, or save it as CSV"),
    }
}
