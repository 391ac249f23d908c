//! Hostile workbooks.

use trial_spreadsheet::read_access_codes;

use crate::{changed, fixture, with_cells};

#[test]
fn no_byte_of_a_workbook_that_is_changed_or_missing_ends_the_process() {
    let whole = fixture!("codes.xlsx");
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 0x55;
        drop(read_access_codes(&bytes));
        drop(read_access_codes(&whole[..at]));
    }
}

/// Valid checksums, but damaged XML.
#[test]
fn no_damaged_part_of_a_workbook_ends_the_process() {
    for part in
        ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "[Content_Types].xml"]
    {
        for cut in (1..100_u32).step_by(9) {
            for piece in ["", "<", "\"", "-1", "99999999999999999999"] {
                let bytes = changed(|name, text| {
                    if name != part {
                        return text;
                    }
                    let at = usize::try_from(cut).unwrap() * text.len() / 100;
                    let at = text.floor_char_boundary(at);
                    let end = text.ceil_char_boundary((at + 3).min(text.len()));
                    format!("{}{piece}{}", &text[..at], &text[end..])
                });
                drop(read_access_codes(&bytes));
            }
        }
    }
}

#[test]
fn cells_that_claim_far_places_or_long_texts_cost_nothing() {
    let text = "voice".repeat(100_000);
    let far =
        format!(r#"<row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c><c r="XFD1048576"><v>1</v></c></row>"#);
    let error = read_access_codes(&with_cells(&far)).unwrap_err().to_string();
    assert!(error.contains("the header must be") && error.len() < 400, "{error}");
}
