//! Fuzz target: any file and environment is either read or its problems are named.

use std::ffi::OsString;
use std::path::Path;

use trial_fuzz::Target;

use crate::config::check;
use crate::config::error::{ConfigError, Origin, Problem};
use crate::config::layers::{self, Layer, Merged};

/// A file of this text, and environment variables, one per line.
fn merged(file: &str, variables: &str) -> Merged {
    let variables = variables.lines().filter_map(|line| line.split_once('='));
    let variables = variables.map(|(name, value)| (OsString::from(format!("TRIALGATE_{name}")), value.into()));
    let no_flags = Layer::default();
    layers::merge(vec![layers::of_file(Path::new("fuzz.toml"), file), layers::of_environment(variables), no_flags])
}

/// A problem has a text and an existing position.
fn assert_told(problem: &Problem, file: &str) {
    assert!(!problem.text.trim().is_empty());
    if let Some(Origin::File { line, column, .. }) = &problem.origin {
        let text = file.split('\n').nth(line - 1).expect("the line is there");
        assert!((1..=text.chars().count() + 1).contains(column), "{line}:{column}");
    }
}

/// Checking reads the files that settings name; a fuzzer must not choose them.
fn names_a_file(merged: &Merged) -> bool {
    let is_file = |key: &String| key.ends_with("file") || key == "site.logo";
    merged.origins.keys().any(is_file) || merged.settings.secrets.keys.iter().any(|key| key.key_file.is_some())
}

/// The file ends at the first NUL; the rest is the environment.
#[test]
fn configuration() {
    Target::new("configuration").check(|input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let (file, variables) = text.split_once('\0').unwrap_or((text, ""));
        let merged = merged(file, variables);
        for problem in &merged.problems {
            assert_told(problem, file);
        }
        let errors = ConfigError(merged.problems.clone()).to_string();
        assert!(!errors.contains('\n'), "everything that is wrong, in one line: {errors:?}");
        let shown = merged.settings.to_toml().expect("what is in force can be shown");
        let again = super::fuzz::merged(&shown, "");
        assert_eq!(again.problems, [], "what is shown can be read: {shown}");
        assert_eq!(again.settings.to_toml().unwrap(), shown, "and is shown the same");
        if names_a_file(&merged) {
            return;
        }
        let has_problems = !merged.problems.is_empty();
        match check::check(merged, None, "/fuzz".into()) {
            Ok(config) => {
                assert!(!has_problems);
                assert_eq!(config.policy.faults(), [], "what is in force makes sense");
            }
            Err(error) => {
                assert!(!error.0.is_empty());
                error.0.iter().for_each(|problem| assert_told(problem, file));
                assert!(!error.to_string().contains('\n'), "{error:?}");
            }
        }
    });
}
