//! Workbooks from a real spreadsheet (`tests/fixtures/access-codes/make`), and from an attacker.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;
mod workbooks;

use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

macro_rules! fixture {
    ($name:literal) => {
        &include_bytes!(concat!("../../../../tests/fixtures/access-codes/", $name))[..]
    };
}
pub(crate) use fixture;

/// The workbook `codes.xlsx` with the text of some of its files changed.
fn changed(change: impl Fn(&str, String) -> String) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(fixture!("codes.xlsx"))).unwrap();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        writer.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        writer.write_all(change(&name, text).as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The workbook with other cells in its only sheet.
fn with_cells(cells: &str) -> Vec<u8> {
    changed(|name, text| match (name, text.split_once("<sheetData>")) {
        ("xl/worksheets/sheet1.xml", Some((before, rest))) => {
            let (_, behind) = rest.split_once("</sheetData>").unwrap();
            format!("{before}<sheetData>{cells}</sheetData>{behind}")
        }
        _ => text,
    })
}
