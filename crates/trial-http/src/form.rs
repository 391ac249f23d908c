//! Parses JSON bodies so that every offending field is reported at once.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::Envelope;
use crate::problem::{FieldError, Kind, Problem};

/// Fields of a request, and their problems.
pub(crate) struct Form<'a, const N: usize> {
    names: &'static [&'static str; N],
    fields: [Field<'a>; N],
    envelope: Envelope,
    errors: Vec<FieldError>,
}

/// The value found for a field.
enum Field<'a> {
    Missing,
    Text(Cow<'a, str>),
    /// A value other than a string, in words.
    Other(&'static str),
    Repeated,
}

impl<'a, const N: usize> Form<'a, N> {
    /// Parses a JSON object with these fields. Unknown fields are ignored.
    pub(crate) fn parse(
        body: &'a [u8],
        names: &'static [&'static str; N],
        envelope: Envelope,
    ) -> Result<Self, Problem> {
        let text = text_of(body)?;
        let fields = match envelope {
            Envelope::Flat => body_object(parse_whole(text, Any(Fields(names)))?)?,
            Envelope::Schema => enveloped(body_object(parse_whole(text, Any(RequestBody(names)))?)?)?,
        };
        Ok(Self { names, fields, envelope, errors: Vec::new() })
    }

    /// Parses one field, or records its problem.
    pub(crate) fn take<T, E: fmt::Display>(
        &mut self,
        place: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let name = self.names[place];
        let wrong = match &self.fields[place] {
            Field::Text(text) => match parse(text) {
                Ok(value) => return Some(value),
                Err(error) => format!("{name} {error}"),
            },
            Field::Missing => format!("{name} is missing"),
            Field::Other(found) => format!("{name} must be a string, not {found}"),
            Field::Repeated => format!("{name} is given more than once"),
        };
        let pointer = match self.envelope {
            Envelope::Flat => format!("#/{name}"),
            Envelope::Schema => format!("#/requestBody/{name}"),
        };
        self.errors.push(FieldError::in_body(pointer, name, wrong));
        None
    }

    /// The problem that names every offending field.
    pub(crate) fn into_problem(self) -> Problem {
        invalid(self.errors)
    }
}

fn invalid(errors: Vec<FieldError>) -> Problem {
    let detail = match errors.len() {
        1 => "1 field must be corrected".to_owned(),
        count => format!("{count} fields must be corrected"),
    };
    Problem::new(Kind::InvalidFields).detail(detail).errors(errors)
}

fn body_object<T>(found: Found<'_, T>) -> Result<T, Problem> {
    found.object().map_err(|found| Problem::malformed(format!("the body must be a JSON object, not {found}")))
}

fn enveloped<const N: usize>(inner: Inner<'_, N>) -> Result<[Field<'_>; N], Problem> {
    let wrong = match inner {
        Inner::Missing => "requestBody is missing; it holds the fields".to_owned(),
        Inner::Repeated => "requestBody is given more than once".to_owned(),
        Inner::Found(found) => match found.object() {
            Ok(fields) => return Ok(fields),
            Err(found) => format!("requestBody must be an object, not {found}"),
        },
    };
    Err(invalid(vec![FieldError::in_body("#/requestBody".to_owned(), "requestBody", wrong)]))
}

fn text_of(body: &[u8]) -> Result<&str, Problem> {
    if body.is_empty() {
        return Err(Problem::malformed("the body is empty; give a JSON object"));
    }
    if body.starts_with(b"\xEF\xBB\xBF") {
        return Err(Problem::malformed("the body begins with a byte order mark; leave it out"));
    }
    std::str::from_utf8(body).map_err(|error| {
        Problem::malformed(format!("the body is not UTF-8: byte {} is wrong", error.valid_up_to() + 1))
    })
}

/// Parses the whole text; the error gives the position without repeating the text.
fn parse_whole<'a, S: DeserializeSeed<'a>>(text: &'a str, seed: S) -> Result<S::Value, Problem> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let parsed = seed.deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    parsed.map_err(|error| {
        let what = if error.is_eof() {
            "the body ends in the middle of the JSON text"
        } else if error.to_string().starts_with("recursion limit exceeded") {
            "the body is nested too deeply"
        } else {
            "the body is not JSON"
        };
        Problem::malformed(format!("{what}: line {}, column {}", error.line(), error.column()))
    })
}

/// A JSON value of which only a string's text, or the wanted part of an object, is kept.
enum Found<'a, T> {
    Text(Cow<'a, str>),
    Object(T),
    /// Any other value, in words.
    Other(&'static str),
}

impl<T> Found<'_, T> {
    fn object(self) -> Result<T, &'static str> {
        match self {
            Self::Object(object) => Ok(object),
            Self::Text(_) => Err("a string"),
            Self::Other(words) => Err(words),
        }
    }
}

impl<'a> From<Found<'a, ()>> for Field<'a> {
    fn from(found: Found<'a, ()>) -> Self {
        match found {
            Found::Text(text) => Self::Text(text),
            Found::Object(()) => Self::Other("an object"),
            Found::Other(words) => Self::Other(words),
        }
    }
}

/// A reader of an object.
trait ReadObject<'de> {
    type Object;

    fn read<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Object, A::Error>;
}

/// Reads nothing; the content is still parsed, within the bound on depth.
struct Skip;

/// Reads these fields.
struct Fields<const N: usize>(&'static [&'static str; N]);

/// Reads the object in `requestBody`, and of it these fields.
struct RequestBody<const N: usize>(&'static [&'static str; N]);

/// Content of `requestBody`.
enum Inner<'a, const N: usize> {
    Missing,
    Found(Found<'a, [Field<'a>; N]>),
    Repeated,
}

impl<'de> ReadObject<'de> for Skip {
    type Object = ();

    fn read<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_key_seed(Any(Skip))?.is_some() {
            entries.next_value_seed(Any(Skip))?;
        }
        Ok(())
    }
}

impl<'de, const N: usize> ReadObject<'de> for Fields<N> {
    type Object = [Field<'de>; N];

    fn read<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Object, A::Error> {
        let mut fields = [const { Field::Missing }; N];
        while let Some(key) = entries.next_key_seed(Any(Skip))? {
            let value = entries.next_value_seed(Any(Skip))?;
            let Found::Text(key) = key else { continue };
            if let Some(place) = self.0.iter().position(|name| *name == key) {
                let seen = !matches!(fields[place], Field::Missing);
                fields[place] = if seen { Field::Repeated } else { value.into() };
            }
        }
        Ok(fields)
    }
}

impl<'de, const N: usize> ReadObject<'de> for RequestBody<N> {
    type Object = Inner<'de, N>;

    fn read<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Object, A::Error> {
        let mut inner = Inner::Missing;
        while let Some(key) = entries.next_key_seed(Any(Skip))? {
            if matches!(&key, Found::Text(name) if name == "requestBody") {
                let found = entries.next_value_seed(Any(Fields(self.0)))?;
                let seen = !matches!(inner, Inner::Missing);
                inner = if seen { Inner::Repeated } else { Inner::Found(found) };
            } else {
                entries.next_value_seed(Any(Skip))?;
            }
        }
        Ok(inner)
    }
}

/// Reads any JSON value, and of an object the wanted part.
struct Any<R>(R);

impl<'de, R: ReadObject<'de>> DeserializeSeed<'de> for Any<R> {
    type Value = Found<'de, R::Object>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, R: ReadObject<'de>> Visitor<'de> for Any<R> {
    type Value = Found<'de, R::Object>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Found::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Found::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Found::Other("null"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Found::Other("a boolean"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Found::Other("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Found::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Found::Other("a number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element_seed(Any(Skip))?.is_some() {}
        Ok(Found::Other("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        self.0.read(entries).map(Found::Object)
    }
}
