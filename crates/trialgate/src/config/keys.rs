//! Names of the configuration keys.

use super::schema::{KEYS, is_secret};

/// Shortest last word of a key, in bytes, that identifies the key.
const TELLING_WORD: usize = 5;

/// The only key that holds a list of tables.
pub(super) const SECRET_KEYS: &str = "secrets.keys";

/// The fields of an entry of [`SECRET_KEYS`].
pub(super) fn secret_key_fields() -> Vec<&'static str> {
    let fields = KEYS.get(SECRET_KEYS).and_then(|key| key["items"]["properties"].as_object());
    fields.into_iter().flat_map(|fields| fields.keys().map(String::as_str)).collect()
}

/// Type of a key whose value must not be repeated in a message.
pub(super) fn secret_expectation(key: &str) -> Option<String> {
    let schema = KEYS.get(key).filter(|schema| is_secret(schema))?;
    let structured = schema["x-type"].as_str().filter(|_| schema["type"] != "string");
    Some(structured.map_or_else(|| "must be a string".to_owned(), |of| format!("must be a {of}")))
}

/// A path with dots; `None` if a name has one itself.
fn dotted(path: &[String]) -> Option<String> {
    path.iter().all(|name| !name.contains('.')).then(|| path.join("."))
}

pub(super) fn is_key(path: &[String]) -> bool {
    dotted(path).is_some_and(|key| KEYS.contains_key(&key))
}

/// Returns `true` if there are keys below this path.
pub(super) fn is_section(path: &[String]) -> bool {
    let Some(section) = dotted(path) else { return false };
    KEYS.keys().any(|key| key.strip_prefix(&section).is_some_and(|rest| rest.starts_with('.')))
}

/// The shortest key below a section, as an example.
pub(super) fn first_below(section: &str) -> &'static str {
    let below = KEYS.keys().filter(|key| key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.')));
    below.min_by_key(|key| key.len()).map(String::as_str).unwrap_or_default()
}

/// The known key most similar to an unknown one: by the whole, by the first word or, if it has several, by the last
/// word.
fn most_like(unknown: &str) -> &'static str {
    let first = |key: &str| key.split('.').next().unwrap_or_default().to_owned();
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let has_several = unknown.contains('.');
    let likeness = |known: &&String| {
        strsim::normalized_damerau_levenshtein(unknown, known)
            + strsim::normalized_damerau_levenshtein(&first(unknown), &first(known))
            + if has_several { strsim::normalized_damerau_levenshtein(&last(unknown), &last(known)) } else { 0.0 }
    };
    KEYS.keys().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).map(String::as_str).unwrap_or_default()
}

/// The known key closest to an unknown one, if close enough: by the whole, by a long last word, or by the only word.
pub(super) fn nearest(unknown: &str) -> Option<&'static str> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let known = most_like(unknown);
    let is_telling = last(unknown) == last(known) && last(known).len() >= TELLING_WORD;
    let first = known.split('.').next().unwrap_or_default();
    let is_only_word = !unknown.contains('.') && is_near(unknown, first);
    (is_near(unknown, known) || is_telling || is_only_word).then_some(known)
}

/// The field of a secret key closest to an unknown one, if close enough.
pub(super) fn nearest_secret_key_field(unknown: &str) -> Option<&'static str> {
    secret_key_fields()
        .into_iter()
        .filter(|known| is_near(unknown, known))
        .min_by_key(|known| strsim::damerau_levenshtein(unknown, known))
}

/// Returns `true` if at most a third of the letters differ.
fn is_near(unknown: &str, known: &str) -> bool {
    let length = unknown.chars().count().max(known.chars().count());
    strsim::damerau_levenshtein(unknown, known) <= length.div_ceil(3)
}

/// The environment variable that sets a key.
pub(super) fn variable(key: &str) -> String {
    format!("{}{}", super::layers::PREFIX, key.to_uppercase().replace('.', "__"))
}
