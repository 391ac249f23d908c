//! Redaction: replies of other servers may repeat our data, and are stored, logged and shown to operations. Every reply
//! passes [`Redaction::redact`] first.

mod url;
mod view;

use std::fmt;
use std::ops::Range;

use view::View;
use zeroize::Zeroizing;

pub use url::{UrlError, check_url, shown_url};

/// The longest text that is searched, and the longest that is stored, in characters.
const MAX_READ: usize = 2_000;
const MAX_KEPT: usize = 300;
/// Shorter words are hidden as whole words only.
const SHORTEST_GLUED: usize = 6;
/// Shorter words are not searched for in bytes.
const SHORTEST_IN_BYTES: usize = 4;
/// A part of a secret of at least this length, in characters, is hidden as the whole is.
const PART: usize = 12;
/// Digits from which on a number could be a phone or a verification code.
const DIGITS: usize = 4;
const MASK: &str = "***";

/// The texts that have to be removed from another server's words before they are stored: those given here, and in any
/// case each URL and each mailbox. Known words are found in any case and width, percent-encoded, in quoted-printable,
/// in base64 (alone or among other bytes), broken over lines, and joined to other words.
#[derive(Clone, Default)]
pub struct Redaction {
    words: Vec<Word>,
    hides_numbers: bool,
}

#[derive(Clone)]
struct Word {
    /// Folded.
    text: Zeroizing<String>,
    /// `true` if parts of it are hidden too.
    in_parts: bool,
}

/// The patterns still searched for, and the codings that are decoded.
#[derive(Clone, Copy)]
struct Search {
    percent: u8,
    quoted_printable: bool,
    /// `true` if URLs, mailboxes and, if they are hidden, numbers are searched for besides known words.
    patterns: bool,
}

impl Search {
    const EVERYTHING: Self = Self { percent: 2, quoted_printable: true, patterns: true };
    const KNOWN_WORDS: Self = Self { patterns: false, ..Self::EVERYTHING };
}

impl Redaction {
    /// Hides a password, a token or a verification code, and any part of it that is long.
    #[must_use]
    pub fn secret(self, secret: &str) -> Self {
        self.with(secret, true)
    }

    /// Hides a name or an address.
    #[must_use]
    pub fn personal(self, name: &str) -> Self {
        self.with(name, false)
    }

    /// Hides a mailbox and its local part.
    #[must_use]
    pub fn mailbox(self, address: &str) -> Self {
        let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
        self.personal(address).personal(local)
    }

    /// Hides the name and the password of a login.
    #[must_use]
    pub fn login(self, user: &str, password: &str) -> Self {
        self.secret(password).mailbox(user)
    }

    /// Hides each number that could be a phone or a verification code, however it is spaced. A carrier's code such as
    /// `MK:0011` is neither, and all that a provider can be asked about.
    #[must_use]
    pub fn numbers(mut self) -> Self {
        self.hides_numbers = true;
        self
    }

    /// Hides also the texts that another one hides.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.words.extend(other.words.iter().cloned());
        self.hides_numbers |= other.hides_numbers;
        self
    }

    fn with(mut self, text: &str, in_parts: bool) -> Self {
        let folded = View::of(text).folded();
        // Decoded bytes are compared one by one.
        let in_bytes = View::of(&text.bytes().map(char::from).collect::<String>()).folded();
        let forms = if text.is_ascii() { vec![folded] } else { vec![folded, in_bytes] };
        for form in forms.into_iter().filter(|form| !form.text.is_empty()) {
            self.words.push(Word { text: form.text.clone().into(), in_parts });
        }
        self
    }

    /// The text in one line of at most 300 characters, with `***` for everything that must not be stored.
    pub fn redact(&self, words: &str) -> String {
        let read = words.char_indices().nth(MAX_READ).map_or(words, |(end, _)| &words[..end]);
        let mut hidden = self.find(read, &View::of(read), Search::EVERYTHING);
        if read.len() < words.len() {
            // A word cut off at the end of the searched text cannot be recognised.
            let last = read.rfind(char::is_whitespace).unwrap_or(0);
            hidden.push(last..read.len());
        }
        hidden.sort_unstable_by_key(|range| range.start);
        let mut kept = String::with_capacity(read.len());
        let mut end = 0;
        for range in hidden {
            if range.start > end || kept.is_empty() {
                kept.push_str(&read[end..range.start.max(end)]);
                kept.push_str(MASK);
            } else if range.start == end && !kept.ends_with(MASK) {
                kept.push_str(MASK);
            }
            end = end.max(range.end);
        }
        kept.push_str(&read[end..]);
        let line = kept.split(|c| !is_no_gap(c)).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(MAX_KEPT) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }

    /// Returns `true` if a text contains a known word, or is too long to tell.
    pub fn knows(&self, text: &str) -> bool {
        text.chars().nth(MAX_READ).is_some() || !self.find(text, &View::of(text), Search::KNOWN_WORDS).is_empty()
    }

    /// The places of the source that must not be stored.
    fn find(&self, source: &str, view: &View, search: Search) -> Vec<Range<usize>> {
        let folded = view.folded();
        let mut found = self.words_in(&folded, 1);
        if search.patterns {
            found.extend(url::addresses(&folded));
            if self.hides_numbers {
                found.extend(numbers(&folded).into_iter().filter(|number| !is_carrier_code(source, number)));
            }
        }
        if search.percent > 0
            && let Some(decoded) = view.percent_decoded()
        {
            found.extend(self.find(source, &decoded, Search { percent: search.percent - 1, ..search }));
        }
        if search.quoted_printable
            && let Some(decoded) = view.unquoted()
        {
            found.extend(self.find(source, &decoded, Search { quoted_printable: false, ..search }));
        }
        found.extend(self.in_base64(view));
        found
    }

    /// Base64 may begin anywhere in a text of its alphabet, so each of the four offsets is decoded. The whole run is
    /// hidden. Patterns and very short words are not searched for: random bytes match them.
    fn in_base64(&self, view: &View) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for decoded in (0..4).map(|skipped| view.base64_decoded(skipped)) {
            found.extend(self.words_in(&decoded.folded(), SHORTEST_IN_BYTES));
            if let Some(inner) = decoded.percent_decoded() {
                found.extend(self.words_in(&inner.folded(), SHORTEST_IN_BYTES));
            }
        }
        found.into_iter().map(|range| view.base64_around(range)).collect()
    }

    fn words_in(&self, folded: &View, shortest: usize) -> Vec<Range<usize>> {
        let (solid, plain) = (folded.without_gaps(), folded.alphanumeric());
        let mut found = Vec::new();
        for Word { text, in_parts } in &self.words {
            match text.chars().count() {
                length if length < shortest => continue,
                length if length < SHORTEST_GLUED => found.extend(folded.whole_words(text)),
                _ => found.extend(folded.occurrences(text, *in_parts)),
            }
            for (view, is_kept) in [(&solid, is_no_gap as fn(char) -> bool), (&plain, char::is_alphanumeric)] {
                let bare: Zeroizing<String> = Zeroizing::new(text.chars().filter(|c| is_kept(*c)).collect());
                if bare.chars().count() >= SHORTEST_GLUED {
                    found.extend(view.occurrences(&bare, *in_parts));
                }
            }
        }
        found
    }
}

fn is_no_gap(c: char) -> bool {
    !c.is_whitespace() && !c.is_control()
}

/// Returns `true` if a number is that of a carrier's code: two to four capitals, a colon, and at most four digits.
fn is_carrier_code(source: &str, number: &Range<usize>) -> bool {
    let is_short = number.len() <= DIGITS && source[number.clone()].bytes().all(|octet| octet.is_ascii_digit());
    let Some(before) = source[..number.start].strip_suffix(':').filter(|_| is_short) else { return false };
    let word = before.trim_end_matches(|c: char| c.is_ascii_uppercase());
    (2..=4).contains(&(before.len() - word.len())) && !word.ends_with(char::is_alphanumeric)
}

/// Numbers of at least four digits; what people put between digits may be in them.
fn numbers(view: &View) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut number: Option<(usize, usize, usize)> = None;
    for (place, c) in view.text.char_indices().chain([(view.text.len(), char::MAX)]) {
        number = match number {
            _ if c.is_numeric() => {
                let (start, _, digits) = number.unwrap_or((place, place, 0));
                Some((start, place + c.len_utf8(), digits + 1))
            }
            Some(number) if !is_no_gap(c) || "-.()/".contains(c) => Some(number),
            Some((start, end, digits)) => {
                if digits >= DIGITS {
                    found.push(view.source(start..end));
                }
                None
            }
            None => None,
        };
    }
    found
}

/// Hidden: the words are secret or personal.
impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction").field("words", &self.words.len()).finish_non_exhaustive()
    }
}
