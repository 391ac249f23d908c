//! The text of a receipt (appendix B): fields as message centres write them.

use super::pdu;

/// Bit 6 of `esm_class`: the text begins with a header (section 5.2.12).
const HAS_HEADER: u8 = 0x40;
/// Quotes around names and values.
const QUOTES: [char; 2] = ['"', '\''];
/// `data_coding` of UCS-2 (section 5.2.19).
const UCS2: u8 = 8;

/// Names and values of a receipt's text, up to where the message's own begins: that may contain anything.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a text as it came.
    pub(super) fn read(octets: &[u8], delivered: &pdu::Delivered) -> Self {
        Self::of(&text(octets, delivered))
    }

    /// `id:1`, `id: 1`, `id :1`, `id:"1"` and `id=1` are the same. A value after a space has no colon, or it is the next field.
    fn of(text: &str) -> Self {
        let is_gap = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '|' | '&');
        let words: Vec<&str> = text.split(is_gap).filter(|word| !word.is_empty()).collect();
        let mut fields = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let Some((name, value)) = word.split_once([':', '=']) else { continue };
            let before = at.checked_sub(1).map_or("", |before| words[before]);
            let name = if name.is_empty() { before } else { name }.trim_matches(QUOTES).to_ascii_lowercase();
            if name == "text" {
                break;
            }
            let next =
                words.get(at + 1).filter(|next| !next.contains([':', '=']) && !next.eq_ignore_ascii_case("text"));
            let value = if value.is_empty() { next.copied().unwrap_or_default() } else { value };
            fields.push((name, value.trim_matches(QUOTES).to_owned()));
        }
        Self(fields)
    }

    /// The first value under one of these names.
    pub(super) fn get(&self, names: &[&str]) -> Option<&str> {
        let mut given = self.0.iter().filter(|(_, value)| !value.is_empty());
        given.find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str())
    }
}

/// The text without its header: in UCS-2 where declared, or where every other octet is zero.
fn text(octets: &[u8], delivered: &pdu::Delivered) -> String {
    let header = usize::from(octets.first().copied().unwrap_or_default()) + 1;
    let octets = match octets.get(header..) {
        Some(behind) if delivered.esm_class & HAS_HEADER != 0 => behind,
        _ => octets,
    };
    let is_zero = |odd: usize| octets.len() > 3 && octets.iter().skip(odd).step_by(2).all(|octet| *octet == 0);
    if octets.starts_with(&[0xFF, 0xFE]) || is_zero(1) {
        return utf16(octets, u16::from_le_bytes);
    }
    if delivered.data_coding == UCS2 && octets.contains(&0) || is_zero(0) {
        return utf16(octets, u16::from_be_bytes);
    }
    // 0x11 is `_` in the GSM alphabet, and nothing in ASCII.
    String::from_utf8_lossy(octets).replace('\u{11}', "_")
}

fn utf16(octets: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = octets.as_chunks().0.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16_lossy(&units).replace('\u{FEFF}', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8], esm_class: u8, data_coding: u8) -> Fields {
        Fields::read(octets, &pdu::Delivered { esm_class, data_coding, ..pdu::Delivered::default() })
    }

    #[test]
    fn fields_are_found_however_they_are_written() {
        for text in [
            "id:0A-7 sub:001 dlvrd:001 submit date:2611221000 done date:2611221001 stat:DELIVRD err:000 text:id:9",
            "id:0A-7 stat:DELIVRD err:000 text:",
            // opentelecoms-org/jsmpp, issue 62: without `sub` and `dlvrd`.
            "id:0A-7 submit date:1701240904 done date:1701240904 stat:DELIVRD err:000 text:hellow",
            "ID:0A-7 STAT:DELIVRD ERR:000",
            "id: 0A-7 stat: DELIVRD err: 000 Text : id:9",
            "id :0A-7 Stat :DELIVRD Err :000 text",
            "Id : 0A-7 Stat : DELIVRD err : 000",
            "id:0A-7\r\nstat:DELIVRD\r\nerr:000\0",
            "id:0A-7,sub:001,stat:DELIVRD,err:000",
            "sub: id:0A-7 stat:DELIVRD err:000",
            "id=0A-7&stat=DELIVRD&err=000",
            "id=0A-7 stat=DELIVRD err=000 text=id:9",
            "id:\"0A-7\" sub:\"001\" stat:\"DELIVRD\" err:\"000\" text:\"id:9\"",
            "{'id':'0A-7','stat':'DELIVRD','err':'000'}".trim_matches(['{', '}']),
        ] {
            let fields = Fields::of(text);
            assert_eq!(fields.get(&["id"]), Some("0A-7"), "{text}");
            assert_eq!(fields.get(&["status", "stat"]), Some("DELIVRD"), "{text}");
            assert_eq!(fields.get(&["err"]), Some("000"), "{text}");
        }
        let empty = Fields::of("id: stat: err:");
        assert_eq!((empty.get(&["id"]), empty.get(&["stat"]), empty.get(&["err"])), (None, None, None));
        assert_eq!(Fields::of(": : ::").get(&[""]), None);
        assert_eq!(Fields::of("id:1 text stat:DELIVRD").get(&["stat"]), Some("DELIVRD"), "no field of its own");
    }

    #[test]
    fn a_text_is_read_in_its_alphabet_and_without_its_header() {
        let plain = "id:a_1 stat:DELIVRD";
        let wide = |unit: fn(u16) -> [u8; 2]| plain.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let (big, little) = (wide(u16::to_be_bytes), wide(u16::to_le_bytes));
        for (octets, esm_class, data_coding) in [
            (plain.as_bytes().to_vec(), 4, 0),
            (plain.replace('_', "\u{11}").into_bytes(), 4, 0),
            (plain.as_bytes().to_vec(), 4, 8),
            (big.clone(), 4, 8),
            (big.clone(), 4, 0),
            ([&[0xFE, 0xFF], &big[..]].concat(), 4, 8),
            (little.clone(), 4, 8),
            ([&[0xFF, 0xFE], &little[..]].concat(), 4, 8),
            ([&[5, 0, 3, 1, 1, 1], plain.as_bytes()].concat(), 0x44, 0),
            ([&[5, 0, 3, 1, 1, 1], &big[..]].concat(), 0x44, 8),
        ] {
            let fields = read(&octets, esm_class, data_coding);
            assert_eq!((fields.get(&["id"]), fields.get(&["stat"])), (Some("a_1"), Some("DELIVRD")), "{octets:?}");
        }
        for octets in [&b""[..], b"\0", b"\x40", b"\xFF\xFE\0", b"\0\0\0\0\0"] {
            assert_eq!(read(octets, 0x44, 8), Fields(Vec::new()));
        }
    }
}
