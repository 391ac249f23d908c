//! Third-party programs that tests talk to.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// The longest time for anything before a program counts as broken.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// A program that talks by lines of JSON. It ends with its input, which closes when this is dropped or this process
/// dies.
pub(super) struct Program {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Program {
    pub(super) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}; `tests/run` installs it"));
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take().unwrap(), output, _child: child }
    }

    pub(super) async fn say(&mut self, line: &Value) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    pub(super) async fn hear(&mut self) -> Value {
        let line = timeout(PATIENCE, self.output.next_line()).await.expect("the program answers in time").unwrap();
        let line = line.expect("the program says why it ended on standard error");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// The next line with this key; earlier ones are skipped.
    pub(super) async fn hear_of(&mut self, key: &str) -> Value {
        loop {
            let line = self.hear().await;
            if line.get(key).is_some() {
                return line;
            }
        }
    }
}

/// A script of ours.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/third-party/sms").join(name)
}

/// The program of this name that `tests/run` installed.
fn installed(name: &str) -> PathBuf {
    // …/target/debug/deps/suite-…
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).expect("tests run from the target directory");
    let path = target.join("third-party/sms").join(name);
    assert!(path.exists(), "{} is not there; `tests/run` makes it", path.display());
    path
}

/// A script of ours, run by the Python that has the packages.
pub(super) fn python(name: &str) -> Command {
    let mut command = Command::new(installed("python/bin/python"));
    command.arg(script(name));
    command
}

/// A script of ours, run by Node with the packages.
pub(super) fn node(name: &str) -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", installed("node_modules")).arg(script(name));
    command
}
