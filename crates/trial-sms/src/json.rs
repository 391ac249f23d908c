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
