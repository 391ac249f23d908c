//! Parses JSON bodies so that every offending field is reported at once.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::Envelope;
use crate::problem::{FieldError, Kind, Problem};

/// The place of the fields of one request and of its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// The body itself.
    Flat,
    /// `requestBody` of the request, `schema` of the reply.
    Nested,
}

impl From<Envelope> for Nesting {
    /// The place that is accepted; the body itself, as in the published example, if both are.
    fn from(envelope: Envelope) -> Self {
        match envelope {
            Envelope::Auto | Envelope::Flat => Self::Flat,
            Envelope::Schema => Self::Nested,
        }
    }
}

/// Fields of a request, and their problems.
pub(crate) struct Form<'a, const N: usize> {
    names: &'static [&'static str; N],
    fields: [Field<'a>; N],
    nesting: Nesting,
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
        let body = body_object(parse_whole(text, Any(Places(names)))?)?;
        let nesting = body.nesting(envelope)?;
        let fields = match nesting {
            Nesting::Flat => body.fields,
            Nesting::Nested => enveloped(body.inner)?,
        };
        Ok(Self { names, fields, nesting, errors: Vec::new() })
    }

    /// The place of the fields.
    pub(crate) const fn nesting(&self) -> Nesting {
        self.nesting
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
        let pointer = match self.nesting {
            Nesting::Flat => format!("#/{name}"),
            Nesting::Nested => format!("#/requestBody/{name}"),
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
    Err(wrong_envelope(wrong))
}

fn wrong_envelope(detail: String) -> Problem {
    invalid(vec![FieldError::in_body("#/requestBody".to_owned(), "requestBody", detail)])
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

/// Reads these fields in either place.
struct Places<const N: usize>(&'static [&'static str; N]);

/// Fields of a body in both places.
struct Placed<'a, const N: usize> {
    fields: [Field<'a>; N],
    inner: Inner<'a, N>,
}

impl<const N: usize> Placed<'_, N> {
    /// Chooses the place. If the body itself has a field, `requestBody` is an unknown field.
    ///
    /// # Errors
    /// The envelope is not the configured one.
    fn nesting(&self, envelope: Envelope) -> Result<Nesting, Problem> {
        let is_flat = self.fields.iter().any(|field| !matches!(field, Field::Missing));
        let is_nested = !matches!(self.inner, Inner::Missing);
        match envelope {
            Envelope::Auto if is_nested && !is_flat => Ok(Nesting::Nested),
            Envelope::Flat if is_nested && !is_flat => Err(wrong_envelope(
                "requestBody is not accepted; give its fields in the body itself (`http.envelope` is `flat`)"
                    .to_owned(),
            )),
            Envelope::Schema if is_flat && !is_nested => Err(wrong_envelope(
                "requestBody is missing; give the fields in an object of this name (`http.envelope` is `schema`)"
                    .to_owned(),
            )),
            _ => Ok(envelope.into()),
        }
    }
}

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
            put(&mut fields, self.0, &key, entries.next_value_seed(Any(Skip))?);
        }
        Ok(fields)
    }
}

/// Stores the value of a known field.
fn put<'a, const N: usize>(fields: &mut [Field<'a>; N], names: &[&str; N], key: &Found<'a, ()>, value: Found<'a, ()>) {
    let Found::Text(key) = key else { return };
    if let Some(place) = names.iter().position(|name| name == key) {
        let seen = !matches!(fields[place], Field::Missing);
        fields[place] = if seen { Field::Repeated } else { value.into() };
    }
}

impl<'de, const N: usize> ReadObject<'de> for Places<N> {
    type Object = Placed<'de, N>;

    fn read<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Object, A::Error> {
        let (mut fields, mut inner) = ([const { Field::Missing }; N], Inner::Missing);
        while let Some(key) = entries.next_key_seed(Any(Skip))? {
            if matches!(&key, Found::Text(name) if name == "requestBody") {
                let found = entries.next_value_seed(Any(Fields(self.0)))?;
                let seen = !matches!(inner, Inner::Missing);
                inner = if seen { Inner::Repeated } else { Inner::Found(found) };
            } else {
                put(&mut fields, self.0, &key, entries.next_value_seed(Any(Skip))?);
            }
        }
        Ok(Placed { fields, inner })
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
