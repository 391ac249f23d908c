//! Parsers of command-line arguments, with errors in plain words.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use trial_core::policy::SettingKey;

/// Parses a whole number in this range.
pub(crate) fn whole(
    range: RangeInclusive<u32>,
) -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync + 'static {
    move |text: &str| {
        let number = text.parse::<u32>().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
    }
}

/// Parses an IP address and a port.
pub(crate) fn socket_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "must be an IP address and a port, such as 127.0.0.1:8080")
}

/// Parses the name of a runtime setting; the error suggests one that is spelled alike.
pub(crate) fn setting(text: &str) -> Result<SettingKey, String> {
    text.parse::<SettingKey>().map_err(|error| {
        let near = SettingKey::ALL.iter().min_by_key(|key| strsim::damerau_levenshtein(text, key.as_str()));
        match near.filter(|key| strsim::damerau_levenshtein(text, key.as_str()) <= key.as_str().len() / 3) {
            Some(key) => format!("{text:?} is not a setting; did you mean `{key}`?"),
            None => error.to_string(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_names_its_range() {
        let limit = whole(1..=1_000);
        assert_eq!((limit("1"), limit("1000")), (Ok(1), Ok(1_000)));
        for text in ["", "x", "1.5", "0", "1001", "-1", "4294967296"] {
            assert_eq!(limit(text).unwrap_err(), "must be a whole number from 1 to 1000", "{text:?}");
        }
    }

    #[test]
    fn an_address_has_an_example() {
        assert_eq!(socket_address("[::1]:80"), Ok("[::1]:80".parse().unwrap()));
        for text in ["8080", "localhost:8080", "127.0.0.1"] {
            assert!(socket_address(text).unwrap_err().ends_with("such as 127.0.0.1:8080"), "{text}");
        }
    }

    #[test]
    fn a_setting_that_is_misspelled_is_suggested() {
        assert_eq!(setting("trial.grace"), Ok(SettingKey::TrialGrace));
        for (text, said) in [
            ("verification.max_trys", "did you mean `verification.max_tries`?"),
            ("trial.graze", "did you mean `trial.grace`?"),
            ("colour", "\"colour\" is not a setting; `trialgate settings list` shows all"),
        ] {
            let error = setting(text).unwrap_err();
            assert!(error.ends_with(said), "{text}: {error}");
        }
    }
}
