//! The subject of a refusal by 5xx: this recipient, this mail, or us.
//!
//! Providers use digits and enhanced codes freely, so the text is considered first. A text that names neither the
//! recipient nor the mail is about us.

use super::absence::{ABSENT, ELSEWHERE, NAMES};
use super::words::{MAIL, OURS, RECIPIENT, SIZE};

/// The subject of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The mailbox, its domain, or the room in it.
    Recipient,
    /// The size of this mail.
    Size,
    /// The content of this mail.
    Mail,
    /// Our quota, rate, address, name, sender, account or reputation; or nothing specific.
    Us,
}

/// Enhanced codes (RFC 3463, RFC 7505, IANA's registry) about the recipient: bad mailbox, bad domain, bad syntax,
/// moved, no mail at all, disabled, full.
const RECIPIENT_CODES: [(u16, u16); 7] = [(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1), (2, 2)];
/// Enhanced codes about the sender: bad syntax of its mailbox, bad domain of its mailbox.
const OUR_CODES: [(u16, u16); 2] = [(1, 7), (1, 8)];
/// Enhanced codes about the size: too long for the mailbox, too big for the system. All of x.6 is about content.
const SIZE_CODES: [(u16, u16); 2] = [(2, 3), (3, 4)];

/// The subject of a refusal with this text.
pub(super) fn about(text: &str) -> About {
    // Addresses and links may contain any word.
    let words: Vec<&str> =
        text.split_whitespace().filter(|word| !word.contains('@') && !word.contains("://")).collect();
    let said = format!(" {} ", words.join(" ").to_lowercase().replace('\u{2019}', "'"));
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| said.contains(phrase));
    let enhanced = words.iter().find_map(|word| enhanced(word));
    let has = |codes: &[(u16, u16)]| enhanced.is_some_and(|detail| codes.contains(&detail));
    let is_absent = says(ABSENT) && says(NAMES) && !says(ELSEWHERE);
    if says(OURS) || has(&OUR_CODES) {
        About::Us
    } else if says(RECIPIENT) || has(&RECIPIENT_CODES) || is_absent {
        About::Recipient
    } else if says(SIZE) || has(&SIZE_CODES) {
        About::Size
    } else if says(MAIL) || enhanced.is_some_and(|(subject, _)| subject == 6) {
        About::Mail
    } else {
        About::Us
    }
}

/// Subject and detail of `5.1.1`, `#5.1.1` or `(#5.1.1)`.
fn enhanced(word: &str) -> Option<(u16, u16)> {
    let mut digits = word.trim_matches(|c: char| !c.is_ascii_digit()).split('.');
    let (class, subject, detail) = (digits.next()?, digits.next()?, digits.next()?);
    let number = |digits: &str| digits.parse().ok().filter(|_| digits.len() <= 3);
    (class == "5" && digits.next().is_none()).then_some((number(subject)?, number(detail)?))
}
