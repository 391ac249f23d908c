//! The JSON Schema against the parser and the defaults.

use serde_json::Value;

use super::super::schema::{KEYS, published};
use super::super::settings::Settings;
use super::Case;

/// Names of the schema are those that the parser takes; the parser's message lists the same.
#[test]
fn the_names_of_the_schema_are_those_of_the_parser() {
    let mut seen = 0;
    for (key, schema) in KEYS.iter() {
        let Some(names) = schema["enum"].as_array() else { continue };
        let value = |name: &str| format!("{key} = \"{name}\"");
        for name in names {
            let case = Case::new(&value(name.as_str().unwrap()));
            assert!(!case.load().is_err_and(|error| format!("{error:#}").contains("unknown variant")), "{key} {name}");
        }
        let error = Case::new(&value("x")).error();
        assert!(names.iter().all(|name| error.contains(name.as_str().unwrap())), "{error}");
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn the_defaults_of_the_schema_are_in_force() {
    let table = serde_json::to_value(Settings::default().to_table().unwrap()).unwrap();
    for (key, schema) in KEYS.iter() {
        let in_force = key.split('.').try_fold(&table, |below, name| below.get(name)).unwrap_or(&Value::Null);
        let default = schema.get("default").unwrap_or(&Value::Null);
        let is_empty = in_force.is_null() && (default.is_null() || *default == Value::Bool(false));
        assert!(is_empty || in_force == default, "{key}: {in_force} {default}");
    }
}

#[test]
fn the_published_schema_has_no_notes_and_plain_descriptions() {
    let schema = published();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let text = schema.to_string();
    for note in ["\"x-type", "\"x-default", "\"x-runtime", "](", "null"] {
        assert!(!text.contains(note), "{note}");
    }
    let of = |path: &[&str]| path.iter().fold(&schema, |below, name| &below["properties"][*name]).clone();
    let tries = of(&["verification", "max_tries"]);
    assert_eq!((&tries["default"], &tries["minimum"]), (&Value::from(5), &Value::from(1)));
    assert_eq!(of(&["storage", "url"])["writeOnly"], true);
    assert_eq!(of(&["http", "limits", "head_bytes"])["maximum"], 65_536);
    assert_eq!(of(&["http"])["additionalProperties"], false);
}
