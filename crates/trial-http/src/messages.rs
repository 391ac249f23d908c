//! Reply bodies of return codes in two languages, rendered once.

use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};
use actix_web::web::Bytes;
use serde::Serialize;
use trial_core::return_codes::{ApplyCode, ReturnCodeRow, SendCode};
use trial_core::values::Locale;

use crate::form::Nesting;

/// One of two wordings.
pub(crate) const fn in_locale(locale: Locale, en: &'static str, zh: &'static str) -> &'static str {
    match locale {
        Locale::En => en,
        Locale::ZhCn => zh,
    }
}

/// A return code in both spellings, since clients for both exist.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reply {
    return_code: &'static str,
    return_msg: &'static str,
    ret_code: &'static str,
    ret_msg: &'static str,
}

#[derive(Serialize)]
struct Enveloped {
    schema: Reply,
}

impl Reply {
    pub(crate) const fn new(row: &'static ReturnCodeRow, locale: Locale) -> Self {
        let (code, message) = (row.code, row.message.in_locale(locale));
        Self { return_code: code, return_msg: message, ret_code: code, ret_msg: message }
    }

    fn body(self, nesting: Nesting) -> Bytes {
        let json = match nesting {
            Nesting::Flat => serde_json::to_vec(&self),
            Nesting::Nested => serde_json::to_vec(&Enveloped { schema: self }),
        };
        json.unwrap_or_default().into()
    }
}

/// The body of every return code in every language, in both places.
#[derive(Debug)]
pub(crate) struct Replies {
    send: [[[Bytes; 2]; 2]; SendCode::ALL.len()],
    apply: [[[Bytes; 2]; 2]; ApplyCode::ALL.len()],
}

impl Replies {
    pub(crate) fn new() -> Self {
        let written = |row| {
            [Locale::En, Locale::ZhCn]
                .map(|locale| [Nesting::Flat, Nesting::Nested].map(|place| Reply::new(row, locale).body(place)))
        };
        Self {
            send: SendCode::ALL.map(|code| written(code.row())),
            apply: ApplyCode::ALL.map(|code| written(code.row())),
        }
    }

    pub(crate) fn send(&self, code: SendCode, locale: Locale, nesting: Nesting) -> Bytes {
        self.send[code as usize][locale as usize][nesting as usize].clone()
    }

    pub(crate) fn apply(&self, code: ApplyCode, locale: Locale, nesting: Nesting) -> Bytes {
        self.apply[code as usize][locale as usize][nesting as usize].clone()
    }
}

/// The language of a page: the chosen one, else the browser's preferred one.
pub(crate) fn page_locale(chosen: Option<&str>, headers: &HeaderMap) -> Locale {
    match chosen {
        Some("en") => Locale::En,
        Some("zh" | "zh-CN") => Locale::ZhCn,
        _ => preferred_locale(headers).unwrap_or(Locale::En),
    }
}

/// The preferred one of our languages; `None` if the header names neither (RFC 9110 section 12.5.4).
pub(crate) fn preferred_locale(headers: &HeaderMap) -> Option<Locale> {
    let (mut en, mut zh, mut any) = (None, None, None);
    let ranges =
        headers.get_all(ACCEPT_LANGUAGE).filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    for (place, range) in ranges.enumerate() {
        let Some((tag, weight)) = weighted(range) else { continue };
        let named = match tag.split('-').next().unwrap_or(tag) {
            primary if primary.eq_ignore_ascii_case("en") => &mut en,
            primary if primary.eq_ignore_ascii_case("zh") => &mut zh,
            "*" => &mut any,
            _ => continue,
        };
        if named.is_none_or(|(best, _)| weight > best) {
            *named = Some((weight, place));
        }
    }
    let wildcard = any.map_or(0, |(weight, _)| weight);
    let rank = |named: Option<(u16, usize)>| named.map_or((wildcard, usize::MAX), |(weight, place)| (weight, place));
    let ((en_weight, en_place), (zh_weight, zh_place)) = (rank(en), rank(zh));
    if en.is_none() && zh.is_none() || en_weight == 0 && zh_weight == 0 {
        return None;
    }
    let prefers_zh = zh_weight > en_weight || zh_weight == en_weight && zh_place < en_place;
    Some(if prefers_zh { Locale::ZhCn } else { Locale::En })
}

/// A language range and its weight in thousandths; `None` if malformed.
fn weighted(range: &str) -> Option<(&str, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let tag = parts.next().filter(|tag| !tag.is_empty())?;
    let Some(parameter) = parts.next() else { return Some((tag, 1_000)) };
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let weight: f32 = value.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000, as just checked")]
    Some((tag, (weight * 1_000.0).round() as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_found_by_their_code() {
        let replies = Replies::new();
        for locale in [Locale::En, Locale::ZhCn] {
            for nesting in [Nesting::Flat, Nesting::Nested] {
                for code in SendCode::ALL {
                    assert_eq!(replies.send(code, locale, nesting), Reply::new(code.row(), locale).body(nesting));
                }
                for code in ApplyCode::ALL {
                    assert_eq!(replies.apply(code, locale, nesting), Reply::new(code.row(), locale).body(nesting));
                }
            }
        }
    }

    #[test]
    fn the_heaviest_named_language_wins() {
        let cases: [(&[&str], Option<Locale>); 21] = [
            (&[], None),
            (&[""], None),
            (&["fr"], None),
            (&["*"], None),
            (&["fr, *;q=0.5"], None),
            (&["zh"], Some(Locale::ZhCn)),
            (&["ZH-Hant-TW"], Some(Locale::ZhCn)),
            (&["zh-CN,zh;q=0.9,en;q=0.8"], Some(Locale::ZhCn)),
            (&["en-US,en;q=0.9,zh-CN;q=0.8"], Some(Locale::En)),
            (&["en;q=0.5, zh;q=0.7"], Some(Locale::ZhCn)),
            (&["en;q=0.5", "zh;q=0.7"], Some(Locale::ZhCn)),
            (&["zh, en"], Some(Locale::ZhCn)),
            (&["en, zh"], Some(Locale::En)),
            (&["fr, zh;q=0.1"], Some(Locale::ZhCn)),
            (&["zh;q=0"], None),
            (&["zh;q=0, *"], Some(Locale::En)),
            (&["en;q=0, *;q=0.1"], Some(Locale::ZhCn)),
            (&["zh;q=0.5, *;q=0.8"], Some(Locale::En)),
            (&["zh;q=2, en;q=0.1"], Some(Locale::En)),
            (&["zh;q=high, en;q=0.1"], Some(Locale::En)),
            (&["zh ; q = 0.9 , en;q=0.1"], Some(Locale::ZhCn)),
        ];
        for (lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(ACCEPT_LANGUAGE, line.parse().unwrap());
            }
            assert_eq!(preferred_locale(&headers), expected, "{lines:?}");
        }
    }
}
