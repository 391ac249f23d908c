//! Workbooks of operators.

use trial_core::access_codes::AccessCodeFile;
use trial_spreadsheet::read_access_codes;

use crate::{changed, fixture, with_cells};

fn rows(file: &AccessCodeFile) -> Vec<(u64, &str, &str)> {
    file.import.rows.iter().map(|(line, code, kind)| (*line, kind.as_str(), code.as_str())).collect()
}

fn bad(file: &AccessCodeFile) -> Vec<(u64, &str)> {
    file.bad.iter().map(|bad| (bad.line, bad.reason.as_str())).collect()
}

fn refused(bytes: &[u8]) -> String {
    read_access_codes(bytes).unwrap_err().to_string()
}

#[test]
fn whole_numbers_are_their_digits_and_words_are_read_in_chinese() {
    for bytes in [fixture!("codes.xlsx"), fixture!("codes-chinese.xlsx"), fixture!("codes-gbk.csv")] {
        let file = read_access_codes(bytes).unwrap();
        assert_eq!(bad(&file), []);
        let expected = [
            (2, "voice", "97001"),
            (3, "voice", "95012345678"),
            (4, "multimedia", "chat-97001"),
            (5, "multimedia", "shop_1"),
        ];
        assert_eq!(rows(&file), expected);
    }
}

#[test]
fn damaged_codes_are_named_by_row() {
    let file = read_access_codes(fixture!("spoiled.xlsx")).unwrap();
    assert_eq!(rows(&file), [(2, "voice", "95000000000"), (3, "voice", "4001"), (9, "voice", "97002")]);
    let found: Vec<(u64, &str)> =
        bad(&file).into_iter().map(|(line, reason)| (line, reason.split(',').next().unwrap())).collect();
    assert_eq!(
        found,
        [
            (4, "`2026-03-01` is a date"),
            (5, "`2026-11-30` is a date"),
            (6, "`TRUE` is a truth value"),
            (7, "`#N/A` stands for an empty cell or an error"),
            (8, "`4001.5` is a number with decimal places"),
        ]
    );
}

#[test]
fn numbers_that_lost_digits_are_rounded_ones() {
    let cell = |value: &str| {
        let header =
            r#"<c r="A1" t="inlineStr"><is><t>kind</t></is></c><c r="B1" t="inlineStr"><is><t>code</t></is></c>"#;
        let row = format!(r#"<c r="A2" t="inlineStr"><is><t>voice</t></is></c><c r="B2"><v>{value}</v></c>"#);
        read_access_codes(&with_cells(&format!(r#"<row r="1">{header}</row><row r="2">{row}</row>"#))).unwrap()
    };
    assert_eq!(rows(&cell("123456789012345")), [(2, "voice", "123456789012345")]);
    for value in ["1234567890123456", "9.5E+20"] {
        let file = cell(value);
        assert!(bad(&file)[0].1.contains("rounded"), "{file:?}");
    }
    assert!(bad(&cell("-95001"))[0].1.contains("is dialled"));
}

#[test]
fn a_number_that_its_format_shows_as_another_code_is_named_with_both() {
    let sheet = |style: &str, value: &str| {
        let text = |at: &str, text: &str| format!(r#"<c r="{at}" t="inlineStr"><is><t>{text}</t></is></c>"#);
        let header = [text("A1", "kind"), text("B1", "code")].concat();
        let row = text("A2", "voice") + &format!(r#"<c r="B2"{style}><v>{value}</v></c>"#);
        let cells = format!(r#"<row r="1">{header}</row><row r="2">{row}</row>"#);
        let workbook = changed(|name, xml| match (name, xml.split_once("<sheetData>")) {
            ("xl/worksheets/sheet1.xml", Some((before, rest))) => {
                let (_, behind) = rest.split_once("</sheetData>").unwrap();
                format!("{before}<sheetData>{cells}</sheetData>{behind}")
            }
            ("xl/styles.xml", _) => {
                let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
                format!(
                    r#"<styleSheet xmlns="{main}"><numFmts count="1"><numFmt numFmtId="164" formatCode="00000"/></numFmts>
                    <fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders>
                    <cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs></styleSheet>"#
                )
            }
            _ => xml,
        });
        read_access_codes(&workbook).unwrap()
    };
    let shown = sheet(r#" s="1""#, "4001");
    let [(2, reason)] = bad(&shown)[..] else { panic!("{shown:?}") };
    assert!(reason.starts_with("`4001` is shown as `04001` by the format of its cell"), "{reason}");
    assert_eq!(rows(&sheet("", "4001")), [(2, "voice", "4001")]);
    assert_eq!(rows(&sheet(r#" s="1""#, "95001")), [(2, "voice", "95001")], "the format adds nothing");
}

#[test]
fn rows_keep_the_numbers_of_the_sheet() {
    let cell = |at: &str, text: &str| format!(r#"<c r="{at}" t="inlineStr"><is><t>{text}</t></is></c>"#);
    let rows_of = |header: u32, row: u32| {
        let header = format!(
            r#"<row r="{header}">{}{}</row>"#,
            cell(&format!("A{header}"), "Kind"),
            cell(&format!("C{header}"), "Code")
        );
        let row =
            format!(r#"<row r="{row}">{}{}</row>"#, cell(&format!("A{row}"), "voice"), cell(&format!("C{row}"), "1"));
        with_cells(&[header, row].concat())
    };
    assert_eq!(rows(&read_access_codes(&rows_of(3, 1_048_576)).unwrap()), [(1_048_576, "voice", "1")]);
    let note = [cell("A1", "kind"), cell("B1", "code"), cell("XFD2", "a note")].concat();
    assert_eq!(
        bad(&read_access_codes(&with_cells(&note)).unwrap()),
        [(2, "has 65 columns; it must have kind and code")]
    );
}

#[test]
fn anything_but_one_sheet_of_codes_is_refused() {
    assert!(refused(&with_cells("")).starts_with("the file is empty"));
    let sheets = |count: usize| {
        changed(move |name, text| match name {
            "xl/workbook.xml" => {
                let (before, rest) = text.split_once("<sheets>").unwrap();
                let (sheet, behind) = rest.split_once("</sheets>").unwrap();
                let sheets: String = (0..count).map(|n| sheet.replace("Codes", &format!("S{n}"))).collect();
                format!("{before}<sheets>{sheets}</sheets>{behind}")
            }
            _ => text,
        })
    };
    assert!(
        refused(&sheets(2)).contains("cells in the sheets \"S0\" and \"S1\"; keep the sheet"),
        "{}",
        refused(&sheets(2))
    );
    assert!(refused(&sheets(21)).contains("a workbook of 21 sheets"));
    assert!(refused(fixture!("codes.ods")).contains(".ods spreadsheet; save it as .xlsx or as CSV"));
    assert!(refused(fixture!("codes.xls")).contains("an Excel workbook of before 2007 (.xls)"));
}
