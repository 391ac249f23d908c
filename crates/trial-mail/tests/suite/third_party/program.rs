//! Third-party programs that tests talk to.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// The longest time for anything before a program counts as broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program that talks by lines. It ends with its input, which closes when this is dropped or this process dies.
pub(super) struct Program {
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    child: Child,
}

impl Program {
    pub(super) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take(), output, child }
    }

    pub(super) async fn say(&mut self, line: &Value) {
        let input = self.input.as_mut().expect("its input is open");
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Closes its input.
    pub(super) fn close_input(&mut self) {
        self.input = None;
    }

    pub(super) async fn hear(&mut self) -> String {
        let line = timeout(PATIENCE, self.output.next_line()).await.expect("the program answers in time").unwrap();
        line.expect("the program says why it ended on standard error")
    }

    pub(super) async fn hear_json(&mut self) -> Value {
        let line = self.hear().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Ends its input and waits until it is gone.
    pub(super) async fn end(mut self) {
        self.close_input();
        timeout(PATIENCE, self.child.wait()).await.expect("the program ends in time").unwrap();
    }
}

/// A script or a list of ours.
pub(super) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/third-party/mail").join(name)
}

/// A script of ours, run by the Python that has the packages.
pub(super) fn python(name: &str) -> Command {
    // …/target/debug/deps/suite-…
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).expect("tests run from the target directory");
    let python = target.join("third-party/mail/bin/python");
    assert!(
        python.exists(),
        "{} is not there; `tests/run` makes it, with the packages of tests/third-party/mail/requirements.txt",
        python.display()
    );
    let mut command = Command::new(python);
    command.arg(script(name));
    command
}
