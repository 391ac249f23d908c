//! Layers of settings: file, then environment, then flags; each is checked alone so that a message names the line or
//! variable.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use serde::Deserialize;
use toml::Value;
use toml::de::{DeTable, DeValue};

use super::error::{Origin, Problem};
use super::keys;
use super::settings::Settings;

/// The parser's message for a value that is no list.
const EXPECTED_LIST: &str = "expected a sequence";
/// The parser's message for a name that is not in quotation marks.
const EXPECTED_NAME: &str = "unit variant, expected string only";
/// Phrases of the parser about types, and plain ones.
const PLAIN: [(&str, &str); 8] = [
    (EXPECTED_LIST, "expected a list, such as [\"a\", \"b\"]"),
    ("expected a boolean", "expected `true` or `false`"),
    ("expected a map", "expected a table"),
    ("expected path string", "expected a path in quotation marks"),
    ("expected socket address", "expected an IP address and a port, such as \"127.0.0.1:8080\""),
    ("invalid socket address syntax", "must be an IP address and a port, such as \"127.0.0.1:8080\""),
    ("invalid type: map", "invalid type: table"),
    ("invalid type: sequence", "invalid type: list"),
];
/// Names of number types that end a message of the parser, and plain ones.
const NUMBERS: [(&str, &str); 6] = [
    ("expected u8", "expected a whole number from 0 to 255"),
    ("expected u16", "expected a whole number from 0 to 65535"),
    ("expected u32", "expected a whole number from 0 to 4294967295"),
    ("expected u64", "expected a whole number, 0 or greater"),
    ("expected usize", "expected a whole number, 0 or greater"),
    ("expected f64", "expected a number"),
];

/// Prefix of environment variables that set keys.
pub(super) const PREFIX: &str = "TRIALGATE_";

/// One setting of one layer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    path: Vec<String>,
    value: Value,
    origin: Origin,
}

/// Settings and problems of one source.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) entries: Vec<Entry>,
    pub(super) problems: Vec<Problem>,
}

/// Settings in force, their sources, and the problems so far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Merged {
    pub(super) settings: Settings,
    pub(super) origins: BTreeMap<String, Origin>,
    pub(super) problems: Vec<Problem>,
}

/// A position in the text of a file.
struct Position<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Entry {
    /// A setting given by a flag.
    pub(crate) fn flag(name: &'static str, key: &str, value: impl Into<Value>) -> Self {
        let path = key.split('.').map(str::to_owned).collect();
        Self { path, value: value.into(), origin: Origin::Flag(name) }
    }

    fn key(&self) -> String {
        self.path.join(".")
    }

    /// Checks the type of this setting alone.
    fn check_type(&self) -> Result<(), String> {
        let mut alone = toml::Table::new();
        insert(&mut alone, &self.path, self.value.clone());
        Settings::read(alone).map(drop)
    }

    /// A message of the parser in plain words.
    fn plain(&self, message: &str) -> String {
        if message.contains(EXPECTED_NAME) {
            // The parser lists the names only for a text that is none of them.
            let unknown = Self { value: Value::String(String::new()), ..self.clone() };
            let said = unknown.check_type().err().filter(|said| said.starts_with("unknown variant"));
            let names = said.as_deref().and_then(|said| said.split_once("expected ")).map(|(_, names)| names);
            return format!("must be {}, in quotation marks", names.unwrap_or("a list of names"));
        }
        let plain = PLAIN.iter().fold(message.to_owned(), |text, &(from, to)| text.replace(from, to));
        let number = NUMBERS.iter().find_map(|&(from, to)| Some(format!("{}{to}", plain.strip_suffix(from)?)));
        number.unwrap_or(plain)
    }

    fn problem(&self, text: String) -> Problem {
        Problem::new(Some(self.origin.clone()), text)
    }

    fn type_problem(&self, message: &str) -> Problem {
        let key = self.key();
        self.problem(match keys::secret_expectation(&key) {
            Some(expectation) => format!("`{key}` {expectation}"),
            None => format!("`{key}`: {}", self.plain(message)),
        })
    }
}

/// Merges the layers, the last one wins; collects unknown keys and wrong types.
pub(super) fn merge(layers: Vec<Layer>) -> Merged {
    let mut problems = Vec::new();
    let mut table = toml::Table::new();
    let mut origins = BTreeMap::new();
    for layer in layers {
        problems.extend(layer.problems);
        for entry in layer.entries {
            if let Err(message) = entry.check_type() {
                problems.push(entry.type_problem(&message));
                continue;
            }
            origins.insert(entry.key(), entry.origin);
            insert(&mut table, &entry.path, entry.value);
        }
    }
    // Each entry was read alone before; together they can be read.
    let settings = Settings::read(table).unwrap_or_else(|message| {
        problems.push(Problem::missing(message));
        Settings::default()
    });
    Merged { settings, origins, problems }
}

pub(super) fn insert(table: &mut toml::Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let below = table.entry(first.clone()).or_insert_with(|| Value::Table(toml::Table::new()));
            if let Value::Table(below) = below {
                insert(below, rest, value);
            }
        }
    }
}

/// Settings of a file.
pub(super) fn of_file(file: &Path, text: &str) -> Layer {
    let position = Position { file, text };
    let mut layer = Layer::default();
    match (DeTable::parse(text), text.parse::<toml::Table>()) {
        (Ok(spanned), Ok(plain)) => layer.walk(&position, &mut Vec::new(), spanned.get_ref(), &plain),
        (Err(error), _) | (_, Err(error)) => layer.problems.push(position.syntax_problem(&error)),
    }
    layer
}

impl Layer {
    fn walk(&mut self, position: &Position<'_>, path: &mut Vec<String>, spanned: &DeTable<'_>, plain: &toml::Table) {
        for (name, spanned_value) in spanned {
            let Some(value) = plain.get(name.get_ref().as_ref()) else { continue };
            path.push(name.get_ref().to_string());
            let origin = position.origin(name.span().start);
            match (spanned_value.get_ref(), value) {
                (spanned, _) if keys::is_key(path) => {
                    let unknown = unknown_fields(position, path, spanned);
                    if unknown.is_empty() {
                        self.entries.push(Entry { path: path.clone(), value: value.clone(), origin });
                    }
                    self.problems.extend(unknown);
                }
                (DeValue::Table(below), Value::Table(plain)) if !plain.is_empty() || keys::is_section(path) => {
                    self.walk(position, path, below, plain);
                }
                _ => self.problems.push(unknown(&path.join("."), keys::is_section(path), origin)),
            }
            path.pop();
        }
    }
}

/// Unknown fields in the list of secret keys.
fn unknown_fields(position: &Position<'_>, path: &[String], value: &DeValue<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(list) = value.as_array() else { return problems };
    for (place, table) in list.iter().enumerate() {
        for name in table.get_ref().as_table().into_iter().flat_map(DeTable::keys) {
            let field: &str = name.get_ref();
            if !keys::secret_key_fields().contains(&field) {
                let key = path.join(".");
                let remedy = match keys::nearest_secret_key_field(field) {
                    Some(near) => format!("did you mean `{key}[{place}].{near}`?"),
                    None => format!("the fields are {}", keys::secret_key_fields().join(", ")),
                };
                let text = format!("unknown key `{key}[{place}].{field}`; {remedy}");
                problems.push(Problem::new(Some(position.origin(name.span().start)), text));
            }
        }
    }
    problems
}

fn unknown(key: &str, is_section: bool, origin: Origin) -> Problem {
    let is_variable = matches!(origin, Origin::Variable(_));
    let text = match keys::nearest(key) {
        _ if is_section && is_variable => {
            let below = keys::first_below(key);
            let text = format!("`{key}` is a table of keys, not a key; set one of its keys");
            format!("{text}, such as `{below}`, which {} sets", keys::variable(below))
        }
        _ if is_section => {
            format!("`{key}` is a table of keys, not a key; set one of its keys, such as `{}`", keys::first_below(key))
        }
        Some(near) if is_variable => {
            format!("unknown key `{key}`; did you mean `{near}`, which {} sets?", keys::variable(near))
        }
        Some(near) => format!("unknown key `{key}`; did you mean `{near}`?"),
        None => format!("unknown key `{key}`; `trialgate config show` prints every key"),
    };
    Problem::new(Some(origin), text)
}

impl Position<'_> {
    fn origin(&self, offset: usize) -> Origin {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Origin::File { path: self.file.to_owned(), line, column }
    }

    fn syntax_problem(&self, error: &toml::de::Error) -> Problem {
        let offset = error.span().map_or(0, |span| span.start);
        // Only the parser's expectation, never the line: it may hold a secret.
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        Problem::new(Some(self.origin(offset)), format!("not TOML: {message}"))
    }
}

/// Settings of the environment.
pub(super) fn of_environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Layer {
    let mut layer = Layer::default();
    for (name, value) in variables {
        let Some((name, path)) = path_of(&name) else { continue };
        // An empty variable, as a compose file leaves an unset one, is ignored.
        if value.is_empty() {
            continue;
        }
        let origin = Origin::Variable(name);
        if let Some(table) = value.to_str().filter(|_| keys::is_section(&path)).and_then(table) {
            layer.set_below(&path, table, &origin);
        } else if !keys::is_key(&path) {
            layer.problems.push(unknown(&path.join("."), keys::is_section(&path), origin));
        } else if let Some(value) = value.to_str() {
            layer.entries.push(typed(path, value, origin));
        } else {
            layer.problems.push(Problem::new(Some(origin), "is not UTF-8".to_owned()));
        }
    }
    layer
}

/// An inline table.
fn table(text: &str) -> Option<toml::Table> {
    match parsed(text)? {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

fn parsed(text: &str) -> Option<Value> {
    toml::de::ValueDeserializer::parse(text).ok().and_then(|value| Value::deserialize(value).ok())
}

impl Layer {
    /// The keys of a table that a variable gives as one.
    fn set_below(&mut self, path: &[String], table: toml::Table, origin: &Origin) {
        for (name, value) in table {
            let path = [path, &[name]].concat();
            match value {
                value if keys::is_key(&path) => self.entries.push(Entry { path, value, origin: origin.clone() }),
                Value::Table(below) if keys::is_section(&path) => self.set_below(&path, below, origin),
                _ => self.problems.push(unknown(&path.join("."), keys::is_section(&path), origin.clone())),
            }
        }
    }
}

/// The path that a variable sets, if it is one of ours.
fn path_of(name: &OsString) -> Option<(String, Vec<String>)> {
    let name = name.to_str()?;
    let rest = name.strip_prefix(PREFIX)?;
    // Kubernetes sets these in every container if a service is named trialgate.
    if rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_") {
        return None;
    }
    Some((name.to_owned(), rest.to_lowercase().split("__").map(str::to_owned).collect()))
}

/// A string if the key takes one, else a TOML value, else comma-separated parts if the key takes a list.
fn typed(path: Vec<String>, text: &str, origin: Origin) -> Entry {
    let as_text = Entry { path, value: Value::String(text.to_owned()), origin };
    if as_text.check_type().is_ok() {
        return as_text;
    }
    let parsed = parsed(text);
    let takes_list = Entry { value: Value::Array(Vec::new()), ..as_text.clone() }.check_type().is_ok();
    if takes_list && !matches!(parsed, Some(Value::Array(_))) && !text.trim_start().starts_with('[') {
        return listed(&as_text, text);
    }
    let Some(value) = parsed else { return as_text };
    let as_toml = Entry { value, ..as_text.clone() };
    // If neither fits, the message about the string is clearer, unless the text was clearly TOML.
    let is_toml = as_toml.check_type().is_ok() || as_toml.value.is_array() || as_toml.value.is_table();
    if is_toml { as_toml } else { as_text }
}

/// A list of comma-separated parts: strings, or numbers if the key takes those.
fn listed(entry: &Entry, text: &str) -> Entry {
    let parts = || text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let with = |list: Vec<Value>| Entry { value: Value::Array(list), ..entry.clone() };
    let texts = with(parts().map(|part| Value::String(part.to_owned())).collect());
    let numbers: Result<Vec<i64>, _> = parts().map(str::parse).collect();
    match numbers {
        Ok(numbers) if texts.check_type().is_err() => with(numbers.into_iter().map(Value::Integer).collect()),
        _ => texts,
    }
}
