//! Servers like to repeat addresses. What they say is stored and shown, so nothing that looks like one is let through.

/// The longest text that is kept, in characters.
const MAX_LENGTH: usize = 300;
const MASK: &str = "***";

/// The text in one line, with every address and every secret replaced by `***`.
pub(super) fn masked(text: &str, secrets: &[&str]) -> String {
    let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    for secret in secrets {
        text = without_word(&text, secret);
    }
    let mut text = without_addresses(&text);
    if let Some((end, _)) = text.char_indices().nth(MAX_LENGTH) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Without `word`, whatever its case, where it does not stand within another word.
fn without_word(text: &str, word: &str) -> String {
    if word.is_empty() {
        return text.to_owned();
    }
    // ASCII case is changed in place, so that offsets are the same in both.
    let (folded, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let mut result = String::with_capacity(text.len());
    let mut kept = 0;
    for (start, found) in folded.match_indices(&word) {
        let end = start + found.len();
        let is_within =
            text[..start].ends_with(char::is_alphanumeric) || text[end..].starts_with(char::is_alphanumeric);
        if !is_within {
            result.push_str(&text[kept..start]);
            result.push_str(MASK);
            kept = end;
        }
    }
    result.push_str(&text[kept..]);
    result
}

fn without_addresses(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let start = local_part_start(&rest[..at]);
        let end = at + 1 + domain_length(&rest[at + 1..]);
        result.push_str(&rest[..start]);
        result.push_str(MASK);
        rest = &rest[end..];
    }
    result.push_str(rest);
    result
}

/// Where the local part that ends here begins: at the opening quote, or behind the last character that none can have.
fn local_part_start(before: &str) -> usize {
    if let Some(quoted) = before.strip_suffix('"') {
        return opening_quote(quoted).unwrap_or(0);
    }
    before.rfind(ends_address).map_or(0, |place| place + before[place..].chars().next().map_or(1, char::len_utf8))
}

/// The last quote that is not itself quoted by a backslash.
fn opening_quote(text: &str) -> Option<usize> {
    text.rmatch_indices('"').map(|(place, _)| place).find(|&place| {
        let backslashes = text[..place].bytes().rev().take_while(|&b| b == b'\\').count();
        backslashes % 2 == 0
    })
}

fn domain_length(after: &str) -> usize {
    if after.starts_with('[') {
        return after.find(']').map_or(after.len(), |end| end + 1);
    }
    after.find(ends_address).unwrap_or(after.len())
}

fn ends_address(c: char) -> bool {
    c.is_whitespace() || "<>()[],;:\"".contains(c)
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn hides_addresses_of_every_kind() {
        for (text, expected) in [
            ("550 5.1.1 <ann@example.com>: no such user", "550 5.1.1 <***>: no such user"),
            ("ann@example.com", "***"),
            ("a@b.example, c@d.example; e", "***, ***; e"),
            ("to:ann+x@example.com", "to:***"),
            ("<\"a b\\\" <c\"@example.com> unknown", "<***> unknown"),
            ("<ann@[IPv6:2001:db8::1]> and <ann@[127.0.0.1]>", "<***> and <***>"),
            ("SRS0=x=y=example.com=ann@relay.example", "***"),
            ("für@例子.example 不存在", "*** 不存在"),
            ("250 queued as 12345", "250 queued as 12345"),
            ("", ""),
        ] {
            assert_eq!(masked(text, &[]), expected);
        }
    }

    #[test]
    fn hides_secrets_where_they_are_words() {
        assert_eq!(masked("user Ann.Example unknown; joannex", &["ann.example", ""]), "user *** unknown; joannex");
        assert_eq!(masked("ann anna ANN-ann", &["ann"]), "*** anna ***-***");
    }

    #[test]
    fn keeps_to_one_short_line() {
        assert_eq!(masked("a\r\nb", &[]), "a  b");
        assert_eq!(masked(&"验".repeat(1_000), &[]).chars().count(), 301);
    }
}
