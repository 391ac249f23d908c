//! A decoded or folded text, with the place in the source of each piece.

use std::ops::Range;

use icu_casemap::CaseMapper;
use icu_normalizer::DecomposingNormalizer;
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use zeroize::Zeroize;

use super::{PART, is_no_gap};

/// A text, and the place in the source of each of its bytes.
pub(super) struct View {
    pub(super) text: String,
    origins: Vec<(usize, usize)>,
}

impl View {
    /// The source as it is.
    pub(super) fn of(source: &str) -> Self {
        let mut view = Self::with_capacity(source.len());
        for (start, c) in source.char_indices() {
            view.push(c, (start, start + c.len_utf8()));
        }
        view
    }

    fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), origins: Vec::with_capacity(bytes) }
    }

    fn push(&mut self, c: char, origin: (usize, usize)) {
        self.text.push(c);
        self.origins.resize(self.text.len(), origin);
    }

    fn chars(&self) -> impl Iterator<Item = (char, (usize, usize))> + '_ {
        self.text.char_indices().map(|(place, c)| (c, self.origins[place]))
    }

    /// The place in the source of a place in the text that is not empty.
    pub(super) fn source(&self, place: Range<usize>) -> Range<usize> {
        let Range { start, end } = place;
        self.origins[start].0..self.origins[end - 1].1
    }

    fn filtered(&self, keeps: impl Fn(char) -> bool) -> Self {
        let mut view = Self::with_capacity(self.text.len());
        self.chars().filter(|(c, _)| keeps(*c)).for_each(|(c, origin)| view.push(c, origin));
        view
    }

    /// Compatibility forms, case and characters that show nothing make no difference.
    pub(super) fn folded(&self) -> Self {
        let (normalizer, mapper) = (DecomposingNormalizer::new_nfkd(), CaseMapper::new());
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        let mut view = Self::with_capacity(self.text.len());
        for (c, origin) in self.chars() {
            if c.is_ascii() {
                view.push(c.to_ascii_lowercase(), origin);
                continue;
            }
            let decomposed = normalizer.normalize(c.encode_utf8(&mut [0; 4])).into_owned();
            let folded = normalizer.normalize(&mapper.fold_string(&decomposed)).into_owned();
            folded.chars().filter(|c| !ignorable.contains(*c)).for_each(|c| view.push(c, origin));
        }
        view
    }

    pub(super) fn without_gaps(&self) -> Self {
        self.filtered(is_no_gap)
    }

    pub(super) fn alphanumeric(&self) -> Self {
        self.filtered(char::is_alphanumeric)
    }

    /// The percent-decoded text; `None` if nothing is encoded.
    pub(super) fn percent_decoded(&self) -> Option<Self> {
        self.text.contains('%').then(|| self.bytes_after('%'))
    }

    /// The quoted-printable text, decoded; `None` if nothing is encoded.
    pub(super) fn unquoted(&self) -> Option<Self> {
        if !self.text.contains('=') {
            return None;
        }
        let mut view = Self::with_capacity(self.text.len());
        let mut chars = self.chars().peekable();
        while let Some((c, origin)) = chars.next() {
            if c == '=' && chars.peek().is_some_and(|(next, _)| next.is_whitespace()) {
                while chars.next_if(|(next, _)| next.is_whitespace()).is_some() {}
            } else {
                view.push(c, origin);
            }
        }
        Some(view.bytes_after('='))
    }

    fn bytes_after(&self, mark: char) -> Self {
        let chars: Vec<_> = self.chars().collect();
        let mut view = Self::with_capacity(self.text.len());
        let mut place = 0;
        while let Some(&(c, origin)) = chars.get(place) {
            let digit = |at: usize| chars.get(at).and_then(|(c, _)| c.to_digit(16)).and_then(|d| u8::try_from(d).ok());
            if c == mark
                && let (Some(high), Some(low)) = (digit(place + 1), digit(place + 2))
            {
                view.push(char::from(16 * high + low), (origin.0, chars[place + 2].1.1));
                place += 3;
            } else {
                view.push(c, origin);
                place += 1;
            }
        }
        view
    }

    /// The text decoded as base64 of either alphabet, with or without line breaks in it, each byte a character.
    /// `skipped` characters are left out at the beginning of each run.
    pub(super) fn base64_decoded(&self, skipped: usize) -> Self {
        let mut view = Self::with_capacity(self.text.len());
        let mut group: Vec<(u32, (usize, usize))> = Vec::with_capacity(4);
        let mut left_out = 0;
        for (c, origin) in self.chars().chain([('=', (0, 0))]) {
            let Some(sextet) = sextet(c) else {
                if is_no_gap(c) {
                    view.push_group(&group);
                    group.clear();
                    left_out = 0;
                    if !view.text.is_empty() && origin != (0, 0) {
                        view.push(' ', origin);
                    }
                }
                continue;
            };
            if left_out < skipped {
                left_out += 1;
                continue;
            }
            group.push((sextet, origin));
            if group.len() == 4 {
                view.push_group(&group);
                group.clear();
            }
        }
        view
    }

    /// The bytes of up to four characters of base64.
    fn push_group(&mut self, group: &[(u32, (usize, usize))]) {
        let bits = group.iter().fold(0, |bits, (sextet, _)| (bits << 6) | sextet) << (6 * (4 - group.len()));
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
        for byte in bits.to_be_bytes().into_iter().skip(1).take(group.len().saturating_sub(1)) {
            self.push(char::from(byte), (first.1.0, last.1.1));
        }
    }

    /// A place in the source with all the base64 that it is part of.
    pub(super) fn base64_around(&self, found: Range<usize>) -> Range<usize> {
        let is_base64 = |c: char| sextet(c).is_some() || c == '=';
        let mut around = found;
        for (c, (start, end)) in self.chars() {
            if start >= around.end {
                if !is_base64(c) {
                    break;
                }
                around.end = end;
            }
        }
        let before: Vec<_> = self.chars().filter(|(_, origin)| origin.1 <= around.start).collect();
        for (c, (start, _)) in before.into_iter().rev() {
            if !is_base64(c) {
                break;
            }
            around.start = start;
        }
        around
    }

    /// The places where the text has a word, and with `in_parts` any long part of it.
    pub(super) fn occurrences(&self, word: &str, in_parts: bool) -> Vec<Range<usize>> {
        if !in_parts || word.chars().nth(PART).is_none() {
            return self.text.match_indices(word).map(|(at, it)| self.source(at..at + it.len())).collect();
        }
        if self.text.chars().nth(PART - 1).is_none() {
            return Vec::new();
        }
        let ends = self.text.char_indices().map(|(end, _)| end).skip(PART).chain([self.text.len()]);
        let windows = self.text.char_indices().map(|(start, _)| start).zip(ends);
        windows.filter(|(start, end)| word.contains(&self.text[*start..*end])).map(|(s, e)| self.source(s..e)).collect()
    }

    /// The places where the text has a word that is not part of a longer one.
    pub(super) fn whole_words(&self, word: &str) -> Vec<Range<usize>> {
        let is_whole = |(at, it): &(usize, &str)| {
            !self.text[..*at].ends_with(char::is_alphanumeric)
                && !self.text[at + it.len()..].starts_with(char::is_alphanumeric)
        };
        let found = self.text.match_indices(word).filter(is_whole);
        found.map(|(at, it)| self.source(at..at + it.len())).collect()
    }
}

impl Drop for View {
    /// Wipes the text, which may contain secrets.
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

fn sextet(c: char) -> Option<u32> {
    Some(match c {
        'A'..='Z' => u32::from(c) - u32::from('A'),
        'a'..='z' => u32::from(c) - u32::from('a') + 26,
        '0'..='9' => u32::from(c) - u32::from('0') + 52,
        '+' | '-' => 62,
        '/' | '_' => 63,
        _ => return None,
    })
}
