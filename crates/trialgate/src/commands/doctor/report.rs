//! The report of `trialgate doctor`.

use std::fmt;

use serde::Serialize;

/// Results of the checks, in order.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    /// The finding, and what to do.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Warn,
    Fail,
}

impl Report {
    pub(super) fn ok(&mut self, name: &'static str, text: impl Into<String>) {
        self.add(name, State::Ok, text);
    }

    pub(super) fn warn(&mut self, name: &'static str, text: impl Into<String>) {
        self.add(name, State::Warn, text);
    }

    pub(super) fn fail(&mut self, name: &'static str, text: impl Into<String>) {
        self.add(name, State::Fail, text);
    }

    /// Number of failed checks.
    pub(super) fn failures(&self) -> usize {
        self.checks.iter().filter(|check| check.state == State::Fail).count()
    }

    fn add(&mut self, name: &'static str, state: State, text: impl Into<String>) {
        self.checks.push(Check { name, state, text: text.into() });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Check { name, state, text } in &self.checks {
            let state = match state {
                State::Ok => "ok",
                State::Warn => "warn",
                State::Fail => "FAIL",
            };
            writeln!(f, "{state:4}  {name:14}  {text}")?;
        }
        Ok(())
    }
}
