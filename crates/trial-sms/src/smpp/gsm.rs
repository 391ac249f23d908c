//! The GSM 7-bit default alphabet (GSM 03.38 section 6.2.1), one octet for each septet.

/// The character of each septet; the one of 0x1B escapes.
const ALPHABET: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', // 0x00
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1B}', 'Æ', 'æ', 'ß', 'É', // 0x10
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', // 0x20
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', // 0x30
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', // 0x40
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', // 0x50
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', // 0x60
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à', // 0x70
];
const ESCAPE: u8 = 0x1B;
/// The characters after the escape.
const EXTENSION: [(char, u8); 10] = [
    ('\u{C}', 0x0A),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2F),
    ('[', 0x3C),
    ('~', 0x3D),
    (']', 0x3E),
    ('|', 0x40),
    ('€', 0x65),
];

/// The septets of a character; `None` if the alphabet lacks it.
pub(super) fn septets(c: char) -> Option<Vec<u8>> {
    if let Some((_, septet)) = EXTENSION.iter().find(|(other, _)| *other == c) {
        return Some(vec![ESCAPE, *septet]);
    }
    let septet = ALPHABET.iter().position(|other| *other == c).filter(|septet| *septet != usize::from(ESCAPE))?;
    u8::try_from(septet).ok().map(|septet| vec![septet])
}

#[cfg(test)]
mod tests {
    #[test]
    fn has_its_characters_and_no_others() {
        for (text, septets) in [
            ("@£", Some(vec![0x00, 0x01])),
            ("Az0", Some(vec![0x41, 0x7A, 0x30])),
            ("€[", Some(vec![0x1B, 0x65, 0x1B, 0x3C])),
            ("à_$", Some(vec![0x7F, 0x11, 0x02])),
            ("ç", None),
            ("云", None),
            ("\u{1B}", None),
        ] {
            let encoded: Option<Vec<_>> = text.chars().map(super::septets).collect();
            assert_eq!(encoded.map(|characters| characters.concat()), septets, "{text}");
        }
    }
}
