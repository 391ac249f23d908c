//! Files that hold secrets, by the settings.

use std::fs;
use std::path::PathBuf;

use toml::Value;

use super::secret::HIDDEN;
use super::{Config, Settings};

/// Keys of files that are public: certificates.
const PUBLIC: [&str; 2] = ["cert_file", "smtp_ca_file"];

impl Config {
    /// Files that only this user may read: those named by keys `…_file`, and the configuration if a secret is written
    /// in it.
    pub(crate) fn secret_files(&self) -> Vec<PathBuf> {
        let mut named = Vec::new();
        collect_files(&shown(&self.settings), &mut named);
        let mut files: Vec<_> = named.iter().map(|file| self.resolve(file)).collect();
        let text = self.file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        if text.is_some_and(|text| holds_secret(&text)) {
            files.extend(self.file.clone());
        }
        files
    }
}

/// The settings as printed.
fn shown(settings: &Settings) -> Value {
    Value::Table(settings.to_table().unwrap_or_default())
}

fn collect_files(value: &Value, files: &mut Vec<PathBuf>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                match value {
                    Value::String(file) if key.ends_with("_file") && !PUBLIC.contains(&key.as_str()) => {
                        files.push(file.into());
                    }
                    _ => collect_files(value, files),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect_files(value, files)),
        _ => {}
    }
}

/// Returns `true` if a configuration's text holds a value that is hidden when printed.
fn holds_secret(text: &str) -> bool {
    let settings = text.parse().ok().and_then(|table| Settings::read(table).ok());
    settings.is_some_and(|settings| has_hidden(&shown(&settings)))
}

fn has_hidden(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(HIDDEN),
        Value::Table(table) => table.values().any(has_hidden),
        Value::Array(list) => list.iter().any(has_hidden),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::super::schema::KEYS;
    use super::*;

    fn files(text: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect_files(&shown(&Settings::read(text.parse().unwrap()).unwrap()), &mut files);
        files
    }

    #[test]
    fn every_file_that_a_key_names_is_private_but_certificates() {
        let keys = KEYS.keys().filter(|key| key.ends_with("_file"));
        let public: Vec<_> = keys.filter(|key| files(&format!("{key} = \"x\"")) != [PathBuf::from("x")]).collect();
        assert_eq!(public, ["http.tls.cert_file", "mail.smtp_ca_file"]);
        assert_eq!(files("secrets.keys = [{ id = \"a\", key_file = \"k\" }]"), [PathBuf::from("k")]);
    }

    #[test]
    fn a_configuration_with_any_secret_in_it_is_private() {
        let secret = KEYS.keys().filter(|key| keys::secret_expectation(key).is_some());
        for key in secret {
            let value = match key.as_str() {
                keys::SECRET_KEYS => "[{ id = \"a\", key = \"b\" }]",
                "platform.webhook.secrets" => "[\"whsec_a\"]",
                "sms.test_numbers" => {
                    "{ \"+8616673280001\" = { code = \"123456\", expires = \"2030-01-01T00:00:00Z\" } }"
                }
                "sms.http.headers" => "{ Authorization = \"Bearer a\" }",
                _ => "\"https://user:secret@host.example/?key=secret\"",
            };
            assert!(holds_secret(&format!("limits.sms_per_day = 7\n{key} = {value}")), "{key}");
        }
        for plain in
            ["", "http.listen = \"127.0.0.1:0\"", "storage.url = \"sqlite:a.db\"", "mail.smtp_password_file = \"p\""]
        {
            assert!(!holds_secret(plain), "{plain}");
        }
    }
}
