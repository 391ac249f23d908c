//! The JSON Schema of the configuration: the table of all keys, built from the types and the core's runtime settings.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use trial_core::policy::{Bounds, BreakerMode, Policy, SettingKey, SettingValue};

use super::settings::Settings;
use super::text::DURATION_PATTERN;

/// The schema, with Markdown in its descriptions, and notes for the documents: `x-type` (the type in words), `x-default`
/// (the default in words).
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Settings>();
    RecursiveTransform(tidy).transform(&mut schema);
    let mut schema = schema.to_value();
    schema["title"] = json!("Configuration of Trialgate");
    for key in SettingKey::ALL {
        insert(&mut schema, key.as_str(), runtime_schema(*key));
    }
    schema
});

/// Every key by its full dotted path, with its schema.
pub(super) static KEYS: LazyLock<BTreeMap<String, &'static Value>> = LazyLock::new(|| {
    let mut keys = BTreeMap::new();
    collect(&SCHEMA, &mut String::new(), &mut keys);
    keys
});

/// Keys below a section; `None` if it is a key.
fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

fn collect(schema: &'static Value, path: &mut String, keys: &mut BTreeMap<String, &'static Value>) {
    let Some(properties) = properties(schema) else {
        keys.insert(path.clone(), schema);
        return;
    };
    for (name, below) in properties {
        let length = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        collect(below, path, keys);
        path.truncate(length);
    }
}

/// Drops what TOML does not have: null. Drops defaults of sections, and the formats of Rust's numbers.
fn tidy(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|of| of != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(names)) = object.get_mut("enum") {
        names.retain(|name| !name.is_null());
    }
    if let Some(Value::Array(mut choices)) = object.remove("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
        match choices.as_mut_slice() {
            [Value::Object(only)] => {
                let only = std::mem::take(only);
                only.into_iter().for_each(|(name, value)| _ = object.entry(name).or_insert(value));
            }
            _ => _ = object.insert("anyOf".to_owned(), Value::Array(choices)),
        }
    }
    if let Some(description) = object.get("description").and_then(Value::as_str) {
        let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
        object.insert("description".to_owned(), Value::String(line));
    }
    if object.contains_key("properties") || object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    object.remove("format");
}

/// Inserts the schema of a key, and the sections that it is the first key of.
fn insert(schema: &mut Value, key: &str, leaf: Value) {
    match key.split_once('.') {
        None => schema["properties"][key] = leaf,
        Some((section, rest)) => {
            let below = &mut schema["properties"][section];
            if below.is_null() {
                *below = json!({"type": "object", "properties": {}, "additionalProperties": false});
            }
            insert(below, rest, leaf);
        }
    }
}

fn runtime_schema(key: SettingKey) -> Value {
    let Bounds { least, most, is_percentage } = key.bounds();
    let mut schema = match (least, most) {
        (SettingValue::Count(least), SettingValue::Count(most)) if is_percentage => {
            json!({"type": "integer", "minimum": least, "maximum": most})
        }
        (SettingValue::Count(least), _) => json!({"type": "integer", "minimum": least}),
        (SettingValue::Mode(_), _) => {
            json!({"enum": BreakerMode::ALL.iter().map(|mode| mode.as_str()).collect::<Vec<_>>()})
        }
        (SettingValue::SettingDuration(_) | SettingValue::ShareOfThreshold, _) => {
            json!({"type": "string", "pattern": DURATION_PATTERN, "x-type": "duration"})
        }
    };
    schema["description"] = json!(key.what());
    schema["x-runtime"] = json!(true);
    match key.of(&Policy::default()) {
        SettingValue::Count(count) => schema["default"] = json!(count),
        value @ SettingValue::ShareOfThreshold => schema["x-default"] = json!(format!("`{value}`")),
        value => schema["default"] = json!(value.to_string()),
    }
    schema
}

/// Schema of `http.envelope`.
pub(super) fn envelope(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": ["auto", "flat", "schema"]})
}

/// Schema of `http.client_address_header`.
pub(super) fn client_address_header(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": ["x-forwarded-for", "forwarded"]})
}

/// The schema for editors: plain descriptions, and no notes.
pub(crate) fn published() -> Value {
    plain(&SCHEMA)
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.iter().filter(|(name, _)| !name.starts_with("x-"));
            let shown = |(name, value): (&String, &Value)| {
                let text = value.as_str().filter(|_| name == "description").map(|text| json!(without_links(text)));
                (name.clone(), text.unwrap_or_else(|| plain(value)))
            };
            Value::Object(kept.map(shown).collect())
        }
        Value::Array(list) => list.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// A text without the targets of its Markdown links.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let Some((label, (_, behind))) = before.rsplit_once('[').zip(after.split_once(')')) else { break };
        plain.push_str(label.0);
        plain.push_str(label.1);
        rest = behind;
    }
    plain + rest
}

/// Returns `true` if values of this schema hold a secret.
pub(super) fn is_secret(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => object.get("writeOnly") == Some(&Value::Bool(true)) || object.values().any(is_secret),
        Value::Array(list) => list.iter().any(is_secret),
        _ => false,
    }
}

/// Every key, sorted.
#[cfg(test)]
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.keys().map(String::as_str)
}

/// The schema of a key, with its notes.
#[cfg(test)]
pub(crate) fn noted_schema(key: &str) -> &'static Value {
    KEYS[key]
}
