//! Single fields of a provider's JSON: the rest of it is ignored, and cannot spoil them.

use std::collections::HashMap;

use serde_json::Deserializer;
use serde_json::value::RawValue;

/// JSON read field by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Json(String);

impl Json {
    /// The first value in a text, with anything after it ignored; `None` if the text does not begin with one. Control
    /// characters, which strings must not hold and some do, become spaces.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let clean = text.replace(|c: char| c.is_control() || c == '\u{FEFF}', " ");
        let first = Deserializer::from_str(&clean).into_iter::<&RawValue>().next()?.ok()?;
        Some(Self(first.get().to_owned()))
    }

    /// The scalar at a JSON pointer (RFC 6901): a text without the space around it, a number or a boolean as written.
    /// `null` is none.
    pub(crate) fn at(&self, pointer: &str) -> Option<String> {
        let mut at = self.0.clone();
        for token in pointer.strip_prefix('/').unwrap_or(pointer).split('/') {
            at = inside(&at, &token.replace("~1", "/").replace("~0", "~"))?;
        }
        let text = match at.as_bytes().first()? {
            b'"' => serde_json::from_str::<String>(&at).ok()?,
            b'{' | b'[' | b'n' => return None,
            _ => at,
        };
        Some(text.trim().to_owned())
    }
}

/// Returns `true` if two scalars are the same text, or numbers of the same value: `0`, `0.0`, `-0` and `0e0` are one.
pub(crate) fn same_scalar(one: &str, other: &str) -> bool {
    one == other || Decimal::of(one).is_some_and(|number| Decimal::of(other) == Some(number))
}

/// The value of a whole number, however it is written.
pub(crate) fn whole_number(text: &str) -> Option<u32> {
    let Decimal { is_negative, digits, exponent } = Decimal::of(text)?;
    let zeros = usize::try_from(exponent).ok().filter(|zeros| !is_negative && *zeros < 10)?;
    format!("0{digits}{}", "0".repeat(zeros)).parse().ok()
}

/// A number of JSON (RFC 8259, section 6), exactly: its digits without zeros at either end, and the power of ten of the last.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Option<Self> {
        // The grammar is JSON's.
        serde_json::from_str::<&RawValue>(text)
            .ok()
            .filter(|raw| raw.get().starts_with(|c: char| c == '-' || c.is_ascii_digit()))?;
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let written = format!("{}{places}", whole.trim_start_matches('-'));
        let digits = written.trim_end_matches('0');
        let dropped = written.len() - digits.len();
        let digits = digits.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits, exponent: 0 });
        }
        let shift = i64::try_from(dropped).ok()? - i64::try_from(places.len()).ok()?;
        let exponent = exponent.parse::<i64>().ok()?.checked_add(shift)?;
        Some(Self { is_negative: whole.starts_with('-'), digits, exponent })
    }
}

/// The value of an object under a key, or of a list at an index.
fn inside(json: &str, token: &str) -> Option<String> {
    let value = if json.starts_with('{') {
        serde_json::from_str::<HashMap<String, &RawValue>>(json).ok()?.remove(token)?
    } else {
        *serde_json::from_str::<Vec<&RawValue>>(json).ok()?.get(token.parse::<usize>().ok()?)?
    };
    Some(value.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_are_written() {
        let json = r#"{"a":{"b/c":[0,"x"," y ",{"~":true}]},"n":null,"f":0.50,"id":12345678901234567890123,"e":""}"#;
        let json = Json::of(json).unwrap();
        for (pointer, value) in [
            ("/a/b~1c/0", Some("0")),
            ("/a/b~1c/1", Some("x")),
            ("/a/b~1c/2", Some("y")),
            ("/a/b~1c/3/~0", Some("true")),
            ("/a/b~1c/4", None),
            ("/a/b~1c/x", None),
            ("/a", None),
            ("/a/b~1c", None),
            ("/n", None),
            ("/n/x", None),
            ("/f", Some("0.50")),
            ("/id", Some("12345678901234567890123")),
            ("/e", Some("")),
            ("/absent", None),
        ] {
            assert_eq!(json.at(pointer).as_deref(), value, "{pointer}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        for same in [
            &["0", "0.0", "-0", "0e0", "0E+5", "0.000"][..],
            &["1", "1.0", "1e0", "10e-1", "0.1E1"],
            &["200", "2e2", "200.00", "20.0e1"],
            &["-1", "-1.0"],
            &["12345678901234567890123", "12345678901234567890123.0"],
            &["ok"],
            &["00"],
            &["true"],
            &["12345678901234567890124"],
            &["1e400"],
            &["1e99999999999999999999"],
        ]
        .windows(2)
        {
            let (these, others) = (same[0], same[1]);
            for one in these {
                assert!(these.iter().all(|other| same_scalar(one, other)), "{one}");
                assert!(!others.iter().any(|other| same_scalar(one, other)), "{one}");
            }
        }
        for (text, value) in
            [("30003", Some(30003)), ("30003.0", Some(30003)), ("3.0003e4", Some(30003)), ("0.0", Some(0))]
        {
            assert_eq!(whole_number(text), value, "{text}");
        }
        for text in ["-1", "0.5", "1e10", "99999999999", "x", "", "1e-1"] {
            assert_eq!(whole_number(text), None, "{text}");
        }
    }

    #[test]
    fn other_fields_spoil_nothing() {
        for text in [
            "{\"code\":0}",
            "\u{FEFF}{\"code\":0}",
            "\u{FEFF}\u{FEFF} \r\n{\"code\":0}\n",
            "{\"code\":0}\0",
            "{\"code\":0}\0\0rest of a buffer",
            "{\"code\":0}<!-- 12 ms -->",
            "{\"code\":0,\"msg\":\"two\nlines\tand \u{1}\"}",
            "{\"code\":0,\"msg\":\"half of a pair \\ud83d\"}",
            "{\"msg\":1e999,\"code\":0,\"n\":null}",
            "{\"code\":1,\"code\":0}",
        ] {
            assert_eq!(Json::of(text).and_then(|json| json.at("/code")).as_deref(), Some("0"), "{text:?}");
        }
        for text in ["", "\0", "<html>0</html>", "{\"code\":0", "{'code':0}", "OK"] {
            assert_eq!(Json::of(text), None, "{text:?}");
        }
        assert_eq!(Json::of("0").unwrap().at("/code"), None);
    }
}
