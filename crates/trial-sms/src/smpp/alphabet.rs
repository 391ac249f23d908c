//! The alphabet of `data_coding` 0 at a message centre, and the weight of each character in it.

use rusmpp::values::DataCoding;

use super::gsm;

/// Septets of a single message, and of one part: as many as fit into 140 octets without and with the 6 that tie the
/// parts together (GSM 03.40 section 9.2.3.24.1).
const SEPTETS: (usize, usize) = (160, 153);
/// Octets of the same.
const OCTETS: (usize, usize) = (140, 134);

/// The alphabet of `data_coding` 0 at a message centre, "SMSC Default Alphabet" (section 5.2.19).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SmppAlphabet {
    /// GSM 03.38, one septet in an octet.
    #[default]
    Gsm,
    /// ISO 8859-1.
    Latin1,
    /// ASCII.
    Ascii,
    /// Unknown: every text goes in UCS-2, which has a number of its own.
    Ucs2,
}

/// A character as sent, and its weight in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Character {
    pub(super) octets: Vec<u8>,
    pub(super) weight: usize,
}

/// A text as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encoded {
    pub(super) coding: DataCoding,
    pub(super) characters: Vec<Character>,
    /// The largest weight of a single message, and of one of several parts.
    pub(super) most: (usize, usize),
}

impl SmppAlphabet {
    /// The text in this alphabet if it has all of the text's characters, else in UCS-2.
    pub(super) fn encode(self, text: &str) -> Encoded {
        let known: Option<Vec<_>> = text.chars().map(|c| Some((self.octets(c)?, gsm::septets(c)))).collect();
        let Some(known) = known else {
            let characters = text.chars().map(ucs2).map(Character::of_octets).collect();
            return Encoded { coding: DataCoding::Ucs2, characters, most: OCTETS };
        };
        // The message centre writes the text in septets if it can, and else in octets.
        let septets = |(octets, septets): &(Vec<u8>, Option<Vec<u8>>)| {
            Some(Character { octets: octets.clone(), weight: septets.as_ref()?.len() })
        };
        let (characters, most) = match known.iter().map(septets).collect() {
            Some(characters) => (characters, SEPTETS),
            None => (known.into_iter().map(|(octets, _)| Character::of_octets(octets)).collect(), OCTETS),
        };
        Encoded { coding: DataCoding::McSpecific, characters, most }
    }

    fn octets(self, c: char) -> Option<Vec<u8>> {
        let is_shown = matches!(c, ' '..='~' | '\n' | '\r');
        match self {
            Self::Gsm => gsm::septets(c),
            Self::Ascii if is_shown => Some(vec![u8::try_from(c).ok()?]),
            Self::Latin1 if is_shown || c >= '\u{A0}' => Some(vec![u8::try_from(c).ok()?]),
            Self::Ascii | Self::Latin1 | Self::Ucs2 => None,
        }
    }
}

impl Character {
    fn of_octets(octets: Vec<u8>) -> Self {
        Self { weight: octets.len(), octets }
    }
}

/// UTF-16, which phones read as UCS-2, so that a character beyond the first 65,536 is shown too.
fn ucs2(c: char) -> Vec<u8> {
    c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(alphabet: SmppAlphabet, text: &str) -> (DataCoding, Vec<u8>, usize, usize) {
        let Encoded { coding, characters, most } = alphabet.encode(text);
        let weight = characters.iter().map(|character| character.weight).sum();
        (coding, characters.into_iter().flat_map(|character| character.octets).collect(), weight, most.0)
    }

    #[test]
    fn each_alphabet_has_its_octets_and_leaves_the_rest_to_ucs2() {
        use DataCoding::{McSpecific, Ucs2};
        use SmppAlphabet::{Ascii, Gsm, Latin1};
        for (alphabet, text, coding, octets, weight, most) in [
            (Gsm, "@a", McSpecific, &[0x00, b'a'][..], 2, 160),
            (Gsm, "[_é", McSpecific, &[0x1B, 0x3C, 0x11, 0x05], 4, 160),
            (Gsm, "ç", Ucs2, &[0x00, 0xE7], 2, 140),
            (Gsm, "`", Ucs2, &[0x00, 0x60], 2, 140),
            (Ascii, "@a", McSpecific, b"@a", 2, 160),
            (Ascii, "[_$\n", McSpecific, b"[_$\n", 5, 160),
            (Ascii, "a`", McSpecific, b"a`", 2, 140),
            (Ascii, "é", Ucs2, &[0x00, 0xE9], 2, 140),
            (Ascii, "\u{7F}", Ucs2, &[0x00, 0x7F], 2, 140),
            (Latin1, "@é£", McSpecific, &[b'@', 0xE9, 0xA3], 3, 160),
            (Latin1, "ç[", McSpecific, &[0xE7, b'['], 2, 140),
            (Latin1, "€", Ucs2, &[0x20, 0xAC], 2, 140),
            (Latin1, "\u{85}", Ucs2, &[0x00, 0x85], 2, 140),
            (SmppAlphabet::Ucs2, "@", Ucs2, &[0x00, 0x40], 2, 140),
            (Ascii, "云", Ucs2, &[0x4E, 0x91], 2, 140),
        ] {
            assert_eq!(encoded(alphabet, text), (coding, octets.to_vec(), weight, most), "{alphabet:?} {text}");
        }
    }
}
