//! Tables of configuration keys, from the JSON Schema.

use std::fmt::Write as _;

use serde_json::Value;
use trial_core::policy::{SettingKey, SettingValue};

use crate::config::{keys, noted_schema};

/// The keys that these arguments select, in order: whole keys, and beginnings (`http.`) except others (`-http.tls.`).
pub(super) fn selected(arguments: &[&str]) -> Vec<String> {
    let mut selected: Vec<String> = Vec::new();
    let (left_out, arguments): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| word.starts_with('-'));
    for argument in arguments {
        let is_left_out = |key: &str| left_out.iter().any(|word| key.starts_with(&word[1..]));
        let is_meant =
            |key: &&str| *key == argument || argument.ends_with('.') && key.starts_with(argument) && !is_left_out(key);
        let found: Vec<&str> = keys().filter(is_meant).collect();
        assert!(!found.is_empty(), "{argument} selects no key");
        for key in found {
            if !selected.iter().any(|other| other == key) {
                selected.push(key.to_owned());
            }
        }
    }
    selected
}

/// The table of the selected keys.
pub(super) fn table(arguments: &[&str]) -> String {
    let mut text = "| key | type | default | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for key in selected(arguments) {
        let schema = noted_schema(&key);
        let meaning = schema["description"].as_str().unwrap_or_default();
        assert!(!meaning.is_empty(), "{key} has no description");
        writeln!(text, "| `{key}` | {} | {} | {meaning} |", kind(&key, schema), default(schema)).unwrap();
    }
    text
}

/// The table of runtime settings with the values that a change may set.
pub(super) fn runtime() -> String {
    let mut text = "| key | permitted | meaning |\n| --- | --- | --- |\n".to_owned();
    for key in SettingKey::ALL {
        let (least, most) = key.range();
        let permitted = match least {
            SettingValue::Mode(_) => kind(key.as_str(), noted_schema(key.as_str())),
            _ if key.takes_share() => format!("{least} to {most}, or `threshold/20`"),
            _ => format!("{least} to {most}"),
        };
        writeln!(text, "| `{key}` | {permitted} | {} |", key.what()).unwrap();
    }
    text
}

fn kind(key: &str, schema: &Value) -> String {
    if let Some(words) = schema["x-type"].as_str() {
        return words.to_owned();
    }
    if let Some(names) = schema["enum"].as_array() {
        return names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    }
    match schema["type"].as_str() {
        Some("boolean") => "`true`, `false`".to_owned(),
        Some("integer" | "number") => match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
            (Some(least), Some(most)) => format!("number, {least} to {most}"),
            (Some(least), None) if least > 0.0 => format!("number, at least {least}"),
            _ => "number".to_owned(),
        },
        Some("string") if key.ends_with("file") || key.ends_with("_dir") => "path".to_owned(),
        Some("string") => "text".to_owned(),
        _ => panic!("{key} needs `x-type`: {schema}"),
    }
}

fn default(schema: &Value) -> String {
    match (&schema["x-default"], &schema["default"]) {
        (Value::String(words), _) => words.clone(),
        (_, Value::Null) => "none".to_owned(),
        (_, Value::Number(number)) if number.is_f64() => format!("`{}`", number.as_f64().unwrap_or_default()),
        (_, Value::Array(list)) => {
            format!("`[{}]`", list.iter().map(Value::to_string).collect::<Vec<_>>().join(", "))
        }
        (_, value) => format!("`{value}`"),
    }
}
