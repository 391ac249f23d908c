//! Templates over variables such as `{{to}}`, `{{text}}` and `{{code}}`, of all gateways that take one.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;
use zeroize::Zeroizing;

/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Shorter words count as words of the protocol.
const SHORTEST_CREDENTIAL: usize = 6;

/// The fault of a template. Contains nothing of the template, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// An unknown variable.
    #[error("`{part}` has {{{{{name}}}}}; known are {}", listed(known))]
    Unknown {
        /// The part of the settings.
        part: &'static str,
        /// Its name.
        name: String,
        /// The known ones.
        known: &'static [&'static str],
    },
    /// None of the variables without which the message is useless.
    #[error("{part} no {}: {effect}", either(needed))]
    Without {
        /// The part of the settings, with its verb.
        part: &'static str,
        /// The variables, of which one is needed.
        needed: &'static [&'static str],
        /// The consequence.
        effect: &'static str,
    },
    /// Braces that are not closed.
    #[error("`{0}` has {{{{ without }}}}")]
    Open(&'static str),
    /// No method of HTTP.
    #[error("`method` is no method of HTTP")]
    Method,
    /// A header that cannot be sent.
    #[error("the header {0:?} cannot be sent")]
    Header(String),
    /// No JSON pointer.
    #[error("`accept` has a pointer that is no JSON pointer of RFC 6901; such begins with /")]
    Pointer,
    /// A value without a pointer, or the other way round.
    #[error("`accept` must give `pointer` and `value` together, or neither")]
    Value,
    /// No status that could mean acceptance.
    #[error("`accept.status` must name statuses from 200 to 299")]
    Status,
}

/// The place of a template, which decides how values are written into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Url,
    Header,
    Json,
    Form,
    Xml,
    Plain,
}

fn braced(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{{{{{name}}}}}")).collect()
}

fn listed(names: &[&str]) -> String {
    let names = braced(names);
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

fn either(names: &[&str]) -> String {
    braced(names).join(" or ")
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(Zeroizing<String>),
    Variable(&'static str),
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    place: Place,
}

impl Template {
    /// Parses a template over these variables; `part` is its name in messages.
    pub(crate) fn parse(
        part: &'static str,
        text: &str,
        place: Place,
        known: &'static [&'static str],
    ) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(TemplateError::Open(part))?;
            let variable = known.iter().find(|known| **known == name.trim());
            let unknown = || TemplateError::Unknown { part, name: name.trim().to_owned(), known };
            pieces.push(Piece::Literal(literal.to_owned().into()));
            pieces.push(Piece::Variable(variable.ok_or_else(unknown)?));
            rest = after;
        }
        pieces.push(Piece::Literal(rest.to_owned().into()));
        Ok(Self { pieces, place })
    }

    /// Fills in the values, each as the place requires.
    pub(crate) fn fill<'v>(&self, value_of: impl Fn(&str) -> &'v str) -> String {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => filled.push_str(literal),
                Piece::Variable(name) => filled.push_str(&self.place.escape(value_of(name))),
            }
        }
        filled
    }

    /// Returns `true` if the template has one of these variables.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Variable(name) if names.contains(name)))
    }

    /// The words in it that could be credentials: our own values, and not the names before `=` and `:` or of elements.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let literals = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(literal) => Some(literal.as_str()),
            Piece::Variable(_) => None,
        });
        let is_part = |c: char| c.is_alphanumeric() || "+-._~%".contains(c);
        literals.flat_map(move |literal| {
            let words = literal.split(move |c| !is_part(c)).filter(|word| word.len() >= SHORTEST_CREDENTIAL);
            words.filter(move |word| {
                let at = word.as_ptr().addr() - literal.as_ptr().addr();
                let (before, after) = (&literal[..at], literal[at + word.len()..].trim_start_matches(['"', '\'', ' ']));
                !after.starts_with(['=', ':', '>']) && !before.ends_with('<') && !before.ends_with("</")
            })
        })
    }

    /// The template filled with meaningless values, to check that it is valid.
    pub(crate) fn example(&self) -> String {
        self.fill(|_| "0")
    }
}

impl Place {
    /// The place of a body, by its media type.
    pub(crate) fn of_content_type(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            kind if kind == "application/json" || kind.ends_with("+json") => Self::Json,
            kind if matches!(kind, "application/xml" | "text/xml") || kind.ends_with("+xml") => Self::Xml,
            _ => Self::Plain,
        }
    }

    fn escape(self, value: &str) -> String {
        match self {
            Self::Url => utf8_percent_encode(value, ENCODED).to_string(),
            Self::Form => form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            Self::Xml => value
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&apos;"),
            // A line break would end the header.
            Self::Header => value.split(char::is_control).collect::<Vec<_>>().join(" "),
            Self::Plain => value.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["to", "text", "code"];
    const TEXT: &str = "【a\"b】 100% & <é>\n@x #1";

    fn filled(template: &str, place: Place) -> String {
        let template = Template::parse("body", template, place, KNOWN).unwrap();
        template.fill(|name| match name {
            "to" => "+8616673280001",
            "text" => TEXT,
            _ => "012345",
        })
    }

    #[test]
    fn values_are_written_as_their_place_wants() {
        for (place, text) in [
            (Place::Url, "%E3%80%90a%22b%E3%80%91%20100%25%20%26%20%3C%C3%A9%3E%0A%40x%20%231"),
            (Place::Form, "%E3%80%90a%22b%E3%80%91+100%25+%26+%3C%C3%A9%3E%0A%40x+%231"),
            (Place::Json, "【a\\\"b】 100% & <é>\\n@x #1"),
            (Place::Xml, "【a&quot;b】 100% &amp; &lt;é&gt;\n@x #1"),
            (Place::Header, "【a\"b】 100% & <é> @x #1"),
            (Place::Plain, TEXT),
        ] {
            assert_eq!(filled("[{{ text }}]", place), format!("[{text}]"), "{place:?}");
        }
        assert_eq!(filled("?to={{to}}&c={{code}}", Place::Url), "?to=%2B8616673280001&c=012345");
        // A filled-in value is not a template again, and JSON's own braces are none.
        assert_eq!(filled("{\"a\":{\"b\":\"{{code}}\"}}", Place::Json), "{\"a\":{\"b\":\"012345\"}}");
    }

    #[test]
    fn bodies_are_what_their_type_says() {
        for (content_type, place) in [
            ("application/json; charset=utf-8", Place::Json),
            ("application/vnd.x+json", Place::Json),
            ("Application/X-WWW-Form-Urlencoded", Place::Form),
            ("text/xml", Place::Xml),
            ("text/plain", Place::Plain),
            ("", Place::Plain),
        ] {
            assert_eq!(Place::of_content_type(content_type), place, "{content_type}");
        }
    }

    #[test]
    fn invalid_templates_are_named() {
        let parse = |text| Template::parse("body", text, Place::Plain, KNOWN).unwrap_err();
        assert_eq!(parse("{{to"), TemplateError::Open("body"));
        let error = parse("{{phone}}");
        assert_eq!(error.to_string(), "`body` has {{phone}}; known are {{to}}, {{text}} and {{code}}");
        let error = Template::parse("part", "{{minute}}", Place::Plain, &["code"]).unwrap_err();
        assert_eq!(error.to_string(), "`part` has {{minute}}; known are {{code}}");
    }
}

#[cfg(test)]
mod fuzz {
    use trial_fuzz::Target;

    use super::*;

    const KNOWN: &[&str] = &["to", "text", "code"];

    fn filled(template: &str, place: Place, text: &str) -> String {
        let template = Template::parse("body", template, place, KNOWN).unwrap();
        template.fill(|name| if name == "text" { text } else { "2" })
    }

    /// A reader of a filled template finds exactly the text, of any kind, and nothing else changed; a template is
    /// filled as it was parsed, or not at all.
    #[test]
    fn sms_template() {
        Target::new("sms_template").makes(5_000).check(|input| {
            let Ok(text) = std::str::from_utf8(input) else { return };
            let json: serde_json::Value =
                serde_json::from_str(&filled(r#"{"a":"{{text}}","b":"{{code}}"}"#, Place::Json, text)).unwrap();
            assert_eq!(json, serde_json::json!({"a": text, "b": "2"}));
            let form = filled("a={{text}}&b={{code}}", Place::Form, text);
            let form: Vec<_> = form_urlencoded::parse(form.as_bytes()).collect();
            assert_eq!(form, [("a".into(), text.into()), ("b".into(), "2".into())]);
            let url = url::Url::parse(&filled("http://a/?a={{text}}&b={{code}}", Place::Url, text)).unwrap();
            assert_eq!(url.query_pairs().collect::<Vec<_>>(), form);
            assert!(!filled("{{text}}", Place::Header, text).contains(char::is_control));
            assert!(!filled("{{text}}", Place::Xml, text).contains(['<', '>', '"', '\'']));
            if let Ok(template) = Template::parse("body", text, Place::Plain, KNOWN) {
                let literals = text.split("{{").enumerate().map(|(place, part)| match place {
                    0 => part,
                    _ => part.split_once("}}").expect("it is closed").1,
                });
                assert_eq!(template.fill(|_| ""), literals.collect::<String>());
            }
        });
    }
}
