//! Text of other servers that name no encoding.

use std::borrow::Cow;

use chardetng::EncodingDetector;
use encoding_rs::{BIG5, EUC_KR, GB18030};

/// Bytes up to which a Chinese text is easily taken for a Korean one: the two share them.
const TOO_SHORT: usize = 6;
/// The first character behind the Latin ones of Unicode.
const BEHIND_LATIN: char = '\u{250}';

/// Decodes UTF-8, or else the most plausible of the older encodings. Where a text is as good in GB18030, it is not read as
/// Big5, nor a very short one as Korean or as pairs of Latin capitals: Chinese providers write GB18030.
pub fn decode_unlabelled(octets: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(octets) {
        return Cow::Borrowed(text);
    }
    let mut detector = EncodingDetector::new();
    detector.feed(octets, true);
    let guess = detector.guess(None, false);
    let high = octets.iter().filter(|octet| !octet.is_ascii()).count();
    let guessed = guess.decode_without_bom_handling(octets).0;
    let is_doubtful = guess == BIG5
        || (guess == EUC_KR && high <= TOO_SHORT)
        || (guessed.chars().all(|c| c < BEHIND_LATIN) && has_common_hanzi_alone(octets));
    if is_doubtful && let Some(text) = GB18030.decode_without_bom_handling_and_without_replacement(octets) {
        return text;
    }
    guessed
}

/// Returns `true` if the high bytes are pairs of the common Hanzi (GB 2312, level 1), which are capitals with accents as Latin,
/// and none of these stands inside a word of ASCII, as in `AÇÃO`.
fn has_common_hanzi_alone(octets: &[u8]) -> bool {
    let runs: Vec<&[u8]> = octets.chunk_by(|one, next| one.is_ascii() == next.is_ascii()).collect();
    let letter = |octet: Option<&u8>| octet.is_some_and(u8::is_ascii_alphabetic);
    runs.iter().enumerate().filter(|(_, run)| !run[0].is_ascii()).all(|(at, run)| {
        let before = at.checked_sub(1).and_then(|before| runs[before].last());
        let behind = runs.get(at + 1).and_then(|behind| behind.first());
        let are_common = run.chunks(2).all(|pair| matches!(pair, [0xB0..=0xD7, 0xA1..=0xFE]));
        are_common && !(letter(before) && letter(behind))
    })
}

#[cfg(test)]
mod tests {
    use encoding_rs::{
        BIG5, EUC_JP, EUC_KR, Encoding, GBK, ISO_8859_2, KOI8_R, SHIFT_JIS, UTF_8, WINDOWS_1251, WINDOWS_1252,
    };

    use super::*;

    #[test]
    fn replies_are_read_as_they_were_written() {
        let texts: &[(&'static Encoding, &[&str])] = &[
            (UTF_8, &["用户不存在", "Empfänger unbekannt", "OK", ""]),
            (
                GBK,
                &[
                    "用户不存在",
                    "收件人不存在",
                    "发信频率超过限制",
                    "邮件已发送",
                    "空号",
                    "OK 邮",
                    "OK邮",
                    "成功",
                    "余额不足",
                    "用户不存在 user unknown",
                    "【云联络中心】",
                    "{\"msg\":\"發送成功\"}",
                ],
            ),
            (KOI8_R, &["550 Пользователь не найден", "Почтовый ящик не существует", "Ящик переполнен"]),
            (WINDOWS_1251, &["550 Пользователь не найден", "Ящик переполнен"]),
            (
                WINDOWS_1252,
                &[
                    "Empfänger unbekannt",
                    "queued é",
                    "café",
                    "Größe überschritten",
                    "não existe",
                    "L'adresse créée n'existe pas",
                    "DESTINATÁRIO NÃO EXISTE",
                    "CONFIRMAÇÃO RECUSADA",
                    "Utilisateur inconnu à cette adresse",
                    "sähköpostiosoite tuntematon",
                ],
            ),
            (ISO_8859_2, &["nie istnieje użytkownik"]),
            (SHIFT_JIS, &["宛先のメールアドレスは存在しません"]),
            (EUC_JP, &["宛先のメールアドレスは存在しません"]),
            (EUC_KR, &["존재하지 않는 사용자입니다"]),
        ];
        for (encoding, texts) in texts {
            for text in *texts {
                assert_eq!(decode_unlabelled(&encoding.encode(text).0), *text, "{}", encoding.name());
            }
        }
        // Big5 is read as GB18030 if it can be; all bytes that are no text in any encoding are read as something.
        assert!(decode_unlabelled(&BIG5.encode("發送成功").0).chars().count() >= 4);
        assert!(!decode_unlabelled(&[0xFF, 0xFE, 0x81]).is_empty());
    }
}
