//! Inputs as lines of text, as `escape_ascii` writes bytes.

use std::path::Path;

/// The inputs in a file of a target; none if the file is absent.
pub(crate) fn read(target: &str, kind: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz");
    let text = std::fs::read_to_string(directory.join(format!("{target}.{kind}"))).unwrap_or_default();
    text.lines().map(bytes).collect()
}

/// The bytes of a line; anything but an escape stands for itself.
fn bytes(line: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'\\' { escaped(&mut rest).unwrap_or(b'\\') } else { byte });
    }
    bytes
}

fn escaped(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    match rest.next()? {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'x' => {
            let mut digit = || u8::try_from(char::from(rest.next()?).to_digit(16)?).ok();
            Some(16 * digit()? + digit()?)
        }
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_read_as_it_was_written() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        assert_eq!(bytes(&all.escape_ascii().to_string()), all);
        assert_eq!(bytes("社 \\x00"), "社 \0".as_bytes(), "text may stand as it is");
    }
}
