//! The real binary, as far as no server is needed. Serving is tested in the package `tests`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod callers;
mod checked;
mod configuration;
mod data;
mod files;
mod first_process;
mod logs;
mod mail;
mod refusals;
mod tls;
mod traces;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The settings that a sandbox needs to serve.
const SANDBOX: &str = r#"
http.listen = "127.0.0.1:0"
sandbox.enabled = true
sms.gateways = ["sandbox"]
mail.transport = "sandbox"
secrets.keys = [{ id = "k1", key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" }]
"#;

/// A directory with a configuration in it.
struct Home(tempfile::TempDir);

/// Result of a command.
#[derive(Debug)]
struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl Home {
    fn new(configuration: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::write(home.path("trialgate.toml"), configuration).unwrap();
        home
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command in this directory with only these variables.
    fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_trialgate"))
            .args(line.split(' '))
            .current_dir(self.0.path())
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        Ran {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn run(&self, line: &str) -> Ran {
        self.run_with(line, &[])
    }
}

impl Ran {
    /// Output of a successful command.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "{self:?}");
        self.out
    }

    /// The error line of a failed command.
    #[track_caller]
    fn refused(self) -> String {
        assert_eq!((self.status, self.out.as_str(), self.err.matches('\n').count()), (1, "", 1), "{self:?}");
        self.err
    }
}
