//! Finds the end of a request's head, and the length that it declares for the body, before the parser sees it.

use actix_web::http::header::CONTENT_LENGTH;

/// The scanner of one head.
pub(super) struct Head {
    /// Bytes of the current line.
    column: usize,
    line: Line,
    declared: Declared,
}

/// The current line, as far as it has been scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// So far it is that of `Content-Length:`.
    Name,
    /// The header's value has not begun.
    Before,
    /// Within the digits of the value.
    Digits,
    /// In the white space after the digits.
    After,
    /// Another header, or a value that is no length.
    Other,
}

/// The length that the head declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Declared {
    Nothing,
    Length(usize),
    /// Something that is no length, or several.
    Unclear,
}

impl Head {
    pub(super) const fn new() -> Self {
        Self { column: 0, line: Line::Name, declared: Declared::Nothing }
    }

    /// The length of the body; 0 if it is unknown.
    pub(super) fn length(&self) -> usize {
        if let Declared::Length(length) = self.declared { length } else { 0 }
    }

    /// Scans the next bytes; returns the index after the empty line that ends the head, if they have it.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        for (index, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.column == 0 => return Some(index + 1),
                b'\n' => {
                    if self.line == Line::Before {
                        self.declared = Declared::Unclear;
                    }
                    (self.column, self.line) = (0, Line::Name);
                }
                b'\r' => {}
                byte => {
                    self.line = self.scan(*byte);
                    self.column += 1;
                }
            }
        }
        None
    }

    /// Reads one more byte of the line.
    fn scan(&mut self, byte: u8) -> Line {
        let name = CONTENT_LENGTH.as_str().as_bytes();
        let is_space = matches!(byte, b' ' | b'\t');
        match self.line {
            Line::Name => match name.get(self.column) {
                Some(letter) if letter.eq_ignore_ascii_case(&byte) => Line::Name,
                None if byte == b':' => Line::Before,
                _ => Line::Other,
            },
            Line::Before if is_space => Line::Before,
            Line::Digits | Line::After if is_space => Line::After,
            Line::Before | Line::Digits if byte.is_ascii_digit() => {
                let digit = usize::from(byte - b'0');
                self.declared = match (self.line, self.declared) {
                    (Line::Before, Declared::Nothing) => Declared::Length(digit),
                    (Line::Digits, Declared::Length(length)) => {
                        Declared::Length(length.saturating_mul(10).saturating_add(digit))
                    }
                    _ => Declared::Unclear,
                };
                Line::Digits
            }
            Line::Before | Line::Digits | Line::After => {
                self.declared = Declared::Unclear;
                Line::Other
            }
            Line::Other => Line::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_from_one_header_with_nothing_but_digits() {
        for (lines, length) in [
            ("content-length: 99", 99),
            ("Content-Length:99", 99),
            ("CONTENT-LENGTH:\t 007 \t", 7),
            ("content-length: 0", 0),
            ("host: x\r\ncontent-length: 12\r\naccept: 34", 12),
            ("content-length: 99999999999999999999999", usize::MAX),
            ("content-length-x: 99", 0),
            ("content-length-x: 99\r\ncontent-length: 5\r\ncontent-length2: 1", 5),
            ("x-content-length: 99", 0),
            ("content-length 99", 0),
            ("content-length : 99", 0),
            ("content-length99: 1", 0),
            ("content-lengt: 99", 0),
            ("content-length", 0),
            ("content-length:", 0),
            ("content-length: +9", 0),
            ("content-length: -9", 0),
            ("content-length: 9, 9", 0),
            ("content-length: 9 9", 0),
            ("content-length: 0x9", 0),
            ("content-length: 9\r\ncontent-length: 9", 0),
            ("content-length:\r\ncontent-length: 9", 0),
            ("content-length: x\r\ncontent-length: 9", 0),
            ("content-length: 9\r\nContent-Length:", 0),
        ] {
            let request = format!("POST / HTTP/1.1\r\n{lines}\r\n\r\n");
            for piece in [1, 7, request.len()] {
                let mut head = Head::new();
                let ends: Vec<_> = request.as_bytes().chunks(piece).filter_map(|bytes| head.end(bytes)).collect();
                assert_eq!((ends.len(), head.length()), (1, length), "{lines:?} in pieces of {piece}");
            }
        }
    }
}
