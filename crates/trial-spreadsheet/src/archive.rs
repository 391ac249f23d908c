//! The kind of a ZIP archive, and the bounds of its unpacking.

use std::io::{self, Cursor, Read};

use trial_core::access_codes::AccessCodeFileError;
use zip::ZipArchive;

use crate::foreign;

/// Bytes of all files of an archive together, at most. A workbook of 500,000 rows has some 60 MB.
const MAX_UNPACKED: u64 = 128 * 1024 * 1024;
/// Files in an archive, at most. Workbooks have some ten.
const MAX_FILES: usize = 1_000;
const SAVE_AS: &str = "save it as .xlsx or as CSV";

/// Documents that are ZIP archives, by a file in them.
const DOCUMENTS: &[(&str, &str, &str)] = &[
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb)", SAVE_AS),
    ("Index/Document.iwa", "a Numbers spreadsheet", "export it as Excel (.xlsx) or CSV"),
    ("Index.zip", "a Numbers spreadsheet", "export it as Excel (.xlsx) or CSV"),
    ("word/document.xml", "a Word document", "put the codes into a spreadsheet and save it as .xlsx or CSV"),
    ("META-INF/manifest.xml", "an OpenDocument file, such as an .ods spreadsheet", SAVE_AS),
];

/// Checks that an archive is a workbook, and that it unpacks within the bound: its files are unpacked once and counted,
/// whatever sizes the archive itself states.
pub(crate) fn check(bytes: &[u8]) -> Result<(), AccessCodeFileError> {
    check_within(bytes, MAX_UNPACKED)
}

fn check_within(bytes: &[u8], max_unpacked: u64) -> Result<(), AccessCodeFileError> {
    let damaged = || foreign("a damaged workbook", "open it in a spreadsheet and save it again");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged())?;
    if archive.index_for_name("xl/workbook.xml").is_none() {
        let document = DOCUMENTS.iter().find(|(name, ..)| archive.index_for_name(name).is_some());
        let (_, found, remedy) = document.copied().unwrap_or((
            "",
            "a ZIP archive that is no workbook",
            "unpack it, and import the file in it",
        ));
        return Err(foreign(found, remedy));
    }
    let too_large = || {
        let found = format!("a workbook that unpacks to more than {} MiB or {MAX_FILES} files", MAX_UNPACKED >> 20);
        foreign(found, "keep the sheet with the codes alone, or save that as CSV")
    };
    if archive.len() > MAX_FILES {
        return Err(too_large());
    }
    let mut left = max_unpacked;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(|_| damaged())?;
        left -= io::copy(&mut file.take(left), &mut io::sink()).map_err(|_| damaged())?;
        if left == 0 {
            return Err(too_large());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(files: &[(&str, usize)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, length) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(&vec![b' '; *length]).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn an_archive_beyond_the_bound_is_refused_whatever_sizes_it_states() {
        let bomb = archive(&[("xl/workbook.xml", 10), ("xl/worksheets/sheet1.xml", 4_000_000)]);
        assert!(bomb.len() < 10_000, "{}", bomb.len());
        assert_eq!(check_within(&bomb, 4_000_011), Ok(()));
        let refused = |bytes: &[u8]| check_within(bytes, 1 << 20).unwrap_err().to_string();
        assert!(refused(&bomb).contains("unpacks to more than"), "{}", refused(&bomb));
        let stated = 4_000_000_u32.to_le_bytes();
        let mut lying = bomb.clone();
        let places: Vec<usize> = (0..bomb.len() - 4).filter(|at| bomb[*at..*at + 4] == stated).collect();
        assert!(!places.is_empty());
        for at in places {
            lying[at..at + 4].copy_from_slice(&9_u32.to_le_bytes());
        }
        assert!(refused(&lying).starts_with("the file is a "), "{}", refused(&lying));
    }

    #[test]
    fn many_files_are_refused() {
        let names: Vec<String> = (0..MAX_FILES).map(|number| format!("{number}")).collect();
        let mut files: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 0)).collect();
        files.push(("xl/workbook.xml", 0));
        assert!(check(&archive(&files)).unwrap_err().to_string().contains("1000 files"));
    }

    #[test]
    fn archives_of_something_else_are_named() {
        for (name, words) in [
            ("xl/workbook.bin", ".xlsb"),
            ("Index/Document.iwa", "a Numbers spreadsheet; export it as Excel"),
            ("word/document.xml", "a Word document"),
            ("codes.csv", "a ZIP archive that is no workbook; unpack it"),
        ] {
            let error = check(&archive(&[(name, 1)])).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(check(b"PK\x03\x04").unwrap_err().to_string().contains("a damaged workbook"));
    }
}
