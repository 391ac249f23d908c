//! Text as providers write it: in UTF-8, or in an older encoding that they may not name.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030};
use trial_core::values::decode_unlabelled;

/// Decodes by byte order mark, as UTF-8, in the named encoding, or in the most plausible one.
pub(crate) fn decode(octets: &[u8], named: Option<&str>) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(octets) {
        return encoding.decode_without_bom_handling(&octets[mark..]).0.into_owned();
    }
    let named = named.and_then(|name| Encoding::for_label(name.as_bytes()));
    // UTF-16 in Latin letters is valid UTF-8 too, with zeros in it.
    if let Some(wide) = named.filter(|encoding| !encoding.is_ascii_compatible()) {
        return wide.decode_without_bom_handling(octets).0.into_owned();
    }
    if let Ok(text) = std::str::from_utf8(octets) {
        return text.to_owned();
    }
    let named = named.and_then(|encoding| encoding.decode_without_bom_handling_and_without_replacement(octets));
    named.unwrap_or_else(|| decode_unlabelled(octets)).into_owned()
}

/// The text read as Chinese, for JSON that is none otherwise: a `\` can be the second octet of a character. Also of Big5,
/// whose octets are those of GB18030: the text is lost then, and nothing else.
pub(crate) fn decode_chinese(octets: &[u8]) -> Option<String> {
    GB18030.decode_without_bom_handling_and_without_replacement(octets).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{BIG5, UTF_16LE};

    use super::*;

    #[test]
    fn every_way_to_write_a_text_is_read() {
        let text = "{\"msg\":\"發送成功\"}";
        let in_gbk = GB18030.encode(text).0;
        let in_big5 = BIG5.encode(text).0;
        let wide = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        for (octets, named) in [
            (text.as_bytes().to_vec(), None),
            (text.as_bytes().to_vec(), Some("gbk")),
            ([b"\xEF\xBB\xBF", text.as_bytes()].concat(), None),
            ([b"\xFE\xFF", &wide(u16::to_be_bytes)[..]].concat(), None),
            ([b"\xFF\xFE", &wide(u16::to_le_bytes)[..]].concat(), Some("utf-8")),
            (wide(u16::to_le_bytes), Some("UTF-16LE")),
            (in_gbk.to_vec(), None),
            (in_gbk.to_vec(), Some("utf-8")),
            (in_gbk.to_vec(), Some("GB2312")),
            (in_gbk.to_vec(), Some("unheard-of")),
            (in_big5.to_vec(), Some("big5")),
        ] {
            assert_eq!(decode(&octets, named), text, "{named:?} {octets:?}");
        }
        // Unnamed Big5 loses its text and nothing else; a `\` can be a letter's second octet.
        let words = "{\"msg\":\"許功蓋\",\"code\":0}";
        assert!(BIG5.encode(words).0.contains(&b'\\'));
        assert!(decode_chinese(&BIG5.encode(words).0).unwrap().ends_with("\",\"code\":0}"));
        assert_eq!(decode(b"{\"msg\":\"caf\xE9\"}", None), "{\"msg\":\"café\"}");
        assert_eq!(decode(b"{\"msg\":\"caf\xE9\"}", Some("iso-8859-1")), "{\"msg\":\"café\"}");
        assert!(!UTF_16LE.is_ascii_compatible());
    }
}
