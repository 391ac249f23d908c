//! Tests of reading files of access codes.

use super::*;

fn file(text: &[u8]) -> AccessCodeFile {
    AccessCodeFile::read(text, FileHeader::Required).unwrap_or_else(|error| panic!("{}: {error}", text.escape_ascii()))
}

fn good(file: AccessCodeFile) -> Vec<(u64, String, AccessCodeKind)> {
    assert_eq!(file.bad, []);
    file.import.rows.into_iter().map(|(line, code, kind)| (line, code.to_string(), kind)).collect()
}

fn bad(file: &AccessCodeFile) -> Vec<(u64, &str)> {
    file.bad.iter().map(|bad| (bad.line, bad.reason.as_str())).collect()
}

fn refused(text: &[u8], header: FileHeader) -> String {
    AccessCodeFile::read(text, header).unwrap_err().to_string()
}

fn two_rows() -> Vec<(u64, String, AccessCodeKind)> {
    vec![(2, "95001".to_owned(), AccessCodeKind::Voice), (3, "chat-1".to_owned(), AccessCodeKind::Multimedia)]
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn every_usual_spelling_of_a_file_is_read() {
    for text in [
        "kind,code\nvoice,95001\nmultimedia,chat-1\n",
        "kind,code\nvoice,95001\nmultimedia,chat-1",
        "kind,code\r\nvoice,95001\r\nmultimedia,chat-1\r\n",
        "kind,code\rvoice,95001\rmultimedia,chat-1\r",
        "\u{feff}kind,code\nvoice,95001\nmultimedia,chat-1\n",
        "\u{feff}\"kind\",\"code\"\r\n\"voice\",\"95001\"\r\n\"multimedia\",\"chat-1\"\r\n",
        " kind , code \n voice , 95001 \n multimedia,\tchat-1 \n\n  \n",
        "kind;code\nvoice;95001\nmultimedia;chat-1\n",
        "kind\tcode\nvoice\t95001\nmultimedia\tchat-1\n",
        "Kind,Code\nVOICE,95001\nMultimedia,chat-1\n",
        "Type,Access Code\nVoice,95001\nmultimedia,chat-1\n",
        "类型,代码\n语音,95001\n多媒体,chat-1\n",
        "种类；接入码\n語音；９５００１\n多媒體；ｃｈａｔ－１\n",
        "code,kind\n95001,voice\nchat-1,multimedia\n",
        "kind,code,,\nvoice,95001,,\nmultimedia,chat-1,\n,,,\n",
        "kind,code\nvoice,\u{200b}95001\u{202c}\nmultimedia,\u{a0}chat-1\u{a0}\n",
    ] {
        assert_eq!(good(file(text.as_bytes())), two_rows(), "{text:?}");
    }
    let with_told = "sep=;\r\nkind;code\r\nvoice;95001\r\n";
    assert_eq!(good(file(with_told.as_bytes())), [(3, "95001".to_owned(), AccessCodeKind::Voice)]);
    assert_eq!(good(file(b"\n\nkind,code\n\nvoice,1\n"))[0].0, 5);
}

#[test]
fn every_encoding_that_spreadsheets_write_is_read() {
    let text = "类型,代码\nvoice,95001\n多媒体,chat-1\n";
    let (gb18030, ..) = encoding_rs::GB18030.encode(text);
    let marked = format!("\u{feff}{text}");
    for bytes in [
        utf16(&marked, u16::to_le_bytes),
        utf16(&marked, u16::to_be_bytes),
        utf16(text, u16::to_le_bytes),
        utf16(text, u16::to_be_bytes),
        gb18030.into_owned(),
    ] {
        assert_eq!(good(file(&bytes)), two_rows(), "{}", bytes.escape_ascii());
    }
}

/// Written by `tests/fixtures/access-codes/make`.
#[test]
fn files_of_a_real_spreadsheet_are_read() {
    macro_rules! fixture {
        ($name:literal) => {
            ($name, &include_bytes!(concat!("../../../../../tests/fixtures/access-codes/", $name))[..])
        };
    }
    let rows = [(2, "97001"), (3, "95012345678"), (4, "chat-97001"), (5, "shop_1")];
    for (name, bytes) in [
        fixture!("codes-comma.csv"),
        fixture!("codes-semicolon.csv"),
        fixture!("codes-tab.csv"),
        fixture!("codes-utf16.csv"),
        fixture!("codes-gbk.csv"),
        fixture!("codes-mac.csv"),
    ] {
        let found = good(file(bytes));
        assert_eq!(found.iter().map(|row| (row.0, row.1.as_str())).collect::<Vec<_>>(), rows, "{name}");
    }
    for (name, bytes) in [fixture!("spoiled-comma.csv"), fixture!("spoiled-semicolon.csv")] {
        let file = file(bytes);
        let lines: Vec<u64> = file.bad.iter().map(|bad| bad.line).collect();
        assert_eq!((lines, file.import.rows.len()), ((2..=8).collect(), 1), "{name}");
    }
    for (name, bytes) in [fixture!("codes.xls"), fixture!("codes.ods")] {
        assert!(refused(bytes, FileHeader::Required).starts_with("the file is "), "{name}");
    }
}

#[test]
fn every_bad_row_is_named() {
    let long = format!("voice,{}\n{}\nmultimedia,9\n", "8".repeat(65), "x".repeat(5_000));
    let text = b"kind,code\nvoice,1\nfax,2\nvoice\nvoice,3,4\nvoice,\n,5\nvoice,a b\nvoice,\"6\nvoice,\xFF\nVoice,7\n";
    let file = file(&[&text[..], long.as_bytes()].concat());
    assert_eq!(
        bad(&file),
        [
            (3, "\"fax\" is not a kind of access code; must be one of voice, multimedia"),
            (4, "has 1 column; it must have kind and code"),
            (5, "has 3 columns; it must have kind and code"),
            (6, "the code is empty"),
            (7, "\"\" is not a kind of access code; must be one of voice, multimedia"),
            (
                8,
                "a voice code is dialled: it may hold 1 to 20 digits, with * and # among them and + in front, and nothing else"
            ),
            (9, "a quotation mark (\") opens and is not closed, or text stands behind it"),
            (10, "has bytes that are no text in UTF-8, UTF-16 or GB18030; save the file as UTF-8"),
            (12, "the code is longer than 64 characters"),
            (13, "has 1 column; it must have kind and code"),
        ]
    );
    let lines: Vec<u64> = file.import.rows.iter().map(|row| row.0).collect();
    assert_eq!(lines, [2, 11, 14]);
}

#[test]
fn what_a_spreadsheet_did_is_named() {
    for (code, words) in [
        ("9.5E+10", "rounded"),
        ("9,5e+10", "rounded"),
        ("1E12", "rounded"),
        ("12345678901234500000", "behind its 15th digit"),
        ("12345678901234500", "behind its 15th digit"),
        ("4001.0", "decimal places"),
        ("4001,0", "decimal places"),
        ("4001.5", "decimal places"),
        ("1-Mar", "is a date"),
        ("Mar-26", "is a date"),
        ("1-Mar-2026", "is a date"),
        ("2026-11-30", "is a date"),
        ("2026-11-30 00:00:00", "is a date"),
        ("30.11.2026", "is a date"),
        ("11/30/26", "is a date"),
        ("3月1日", "is a date"),
        ("TRUE", "truth value"),
        ("false", "truth value"),
        ("NULL", "empty cell or an error"),
        ("#N/A", "empty cell or an error"),
        ("#REF!", "empty cell or an error"),
        ("-", "empty cell or an error"),
        ("'95001", "apostrophe"),
        ("=\"95001\"", "formula"),
        ("95 001", "is dialled"),
        ("(95)001", "is dialled"),
        ("95–001", "is dialled"),
        ("400-888-0001", "is dialled"),
        ("40.99.77", "is dialled"),
        ("chat-1", "is dialled"),
        ("+", "empty cell or an error"),
        ("95+1", "is dialled"),
        ("123456789012345678901", "is dialled"),
    ] {
        for text in
            [format!("kind;code\nvoice;{code}\n"), format!("kind;code\nvoice;\"{}\"\n", code.replace('"', "\"\""))]
        {
            let file = file(text.as_bytes());
            let [(2, reason)] = bad(&file)[..] else { panic!("{text:?}: {file:?}") };
            assert!(reason.contains(words), "{code}: {reason}");
        }
    }
    assert_eq!(AccessCodeFile::of_rows([]), Err(AccessCodeFileError::NoneGiven));
    for code in ["1", "95001", "+864001234567", "*72#", "12345678901234567890", "1234567890123450", "100000000000000"] {
        assert_eq!(good(file(format!("kind,code\nvoice,{code}\n").as_bytes()))[0].1, code);
    }
    for code in ["9.5E+10", "4001.0", "1-Mar", "2026-11-30", "TRUE", "NULL", "-", "'chat"] {
        assert_eq!(bad(&file(format!("kind,code\nmultimedia,{code}\n").as_bytes())).len(), 1, "{code}");
    }
    for code in ["chat-97001", "shop_1", "v1.2", "12e45", "1.2.3", "2-1", "market-3", "web", "10.0.0.7"] {
        assert_eq!(good(file(format!("kind,code\nmultimedia,{code}\n").as_bytes()))[0].1, code);
    }
}

#[test]
fn lines_are_counted_as_editors_count_them() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["kind,code", "voice,\"1", "2\"", "", "fax,\"a\"\"b\"", "voice,\"95", "voice,7", ""].join(end);
        let file = file(text.as_bytes());
        assert_eq!(bad(&file).iter().map(|bad| bad.0).collect::<Vec<_>>(), [2, 5, 6], "{end:?}: {file:?}");
        assert_eq!(file.import.rows[0].0, 7);
    }
    let endless = format!("kind,code\nvoice,\"1\n{}multimedia,\"web\"\n", "voice,2\n".repeat(200));
    let file = file(endless.as_bytes());
    assert_eq!((bad(&file)[0].0, file.import.rows.len()), (2, 201), "a mark that is not closed takes one line");
}

#[test]
fn a_paste_needs_no_header_and_keeps_its_lines() {
    let paste = |text: &str| AccessCodeFile::read(text.as_bytes(), FileHeader::Optional).unwrap();
    let named = |text: &str| {
        let file = paste(text);
        (bad(&file).iter().map(|bad| bad.0).collect::<Vec<_>>(), file.import.rows.iter().map(|row| row.0).collect())
    };
    assert_eq!(named("voice,1\nvoice,2\nfax,3\n"), (vec![3], vec![1, 2]));
    assert_eq!(named("voice\t1\r\nvoice\t2\r\nfax\t3"), (vec![3], vec![1, 2]));
    assert_eq!(named("语音；1\r\n多媒体；web"), (vec![], vec![1, 2]));
    assert_eq!(named("\n\nKind;Code\nvoice;1\nfax;3\n"), (vec![5], vec![4]));
    assert_eq!(named("95001\n95002"), (vec![1, 2], vec![]));
    assert!(refused(b"kind,code,note\nvoice,1,x\n", FileHeader::Optional).contains("keep these two columns"));
    assert!(refused(b"kind\nvoice\n", FileHeader::Optional).contains("the header must be `kind,code`"));
    assert_eq!(refused(b" \r\n", FileHeader::Optional), AccessCodeFileError::Empty.to_string());
}

#[test]
fn what_is_no_such_file_is_refused_by_what_was_found() {
    for (text, message) in [
        (&b""[..], "the file is empty"),
        (b"\xEF\xBB\xBF\n\r\n , \n", "the file is empty"),
        (b"kind,code\n", "no rows below its header"),
        (b"kind,code\r\r\r", "no rows below its header"),
        (b"voice,1\n", "line 1: the header must be `kind,code`; found `voice,1`: this is a row"),
        (b"kind,code,note\n", "found `kind,code,note`: keep these two columns"),
        (b"kind|code\nvoice|1\n", "found `kind|code`: name the two columns so"),
        (b"\nname,size\n", "line 2: the header must be `kind,code`; found `name,size`"),
        (b"\"kind,code\nvoice,1\n", "a quotation mark opens there"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"%PDF-1.7\n", "a PDF document; export the table"),
        (b"PK\x03\x04", "a workbook or an archive"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", ".xls"),
        (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\0", "not text"),
        (b"\xFF\xFE\0\0k\0\0\0", "not text"),
        (b"<html><table>", "a web page or XML"),
        (b"[\n  {\"kind\": \"voice\", \"code\": \"95001\"}\n]\n", "JSON; write it as CSV, with the header `kind,code`"),
        (b"\xEF\xBB\xBF{ \"codes\": [] }", "JSON; write it as CSV"),
        (b"{\"kind\":\"voice\",\"code\":\"95001\"}\n{\"kind\":", "JSON; write it as CSV"),
        (b"[[\"voice\", \"95001\"]]", "JSON; write it as CSV"),
        (b"\n<?xml version=\"1.0\"?><Workbook>", "a web page or XML"),
    ] {
        let error = refused(text, FileHeader::Required);
        assert!(error.contains(message), "{}: {error}", text.escape_ascii());
    }
    let long = refused("x".repeat(100_000).as_bytes(), FileHeader::Required);
    assert!(long.chars().count() < 250, "{long}");
}
