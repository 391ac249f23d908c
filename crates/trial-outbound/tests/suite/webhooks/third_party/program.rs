//! Receivers in other languages, from the lines of the documentation.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// The longest time for anything before a program counts as broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// The language of a receiver.
#[derive(Debug, Clone, Copy)]
pub(super) enum Language {
    JavaScript,
    Python,
}

/// A receiver that talks by lines of JSON. It ends with its input, which closes when this is dropped or this process
/// dies.
pub(super) struct Program {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Program {
    /// The function `receive` of the documentation, and a loop around it.
    pub(super) fn start(language: Language) -> Self {
        let (fence, loop_around) = match language {
            Language::JavaScript => ("js", include_str!("loop.js")),
            Language::Python => ("python", include_str!("loop.py")),
        };
        let program = format!("{}\n{loop_around}", snippet(fence));
        let mut command = match language {
            Language::JavaScript => {
                let mut node = Command::new("node");
                node.env("NODE_PATH", installed("node_modules")).args(["-e", &program]);
                node
            }
            Language::Python => {
                let mut python = Command::new(installed("python/bin/python"));
                python.args(["-c", &program]);
                python
            }
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}; `tests/run` installs it"));
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take().unwrap(), output, _child: child }
    }

    pub(super) async fn ask(&mut self, line: &Value) -> Value {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let line = timeout(PATIENCE, self.output.next_line()).await.expect("the program answers in time").unwrap();
        let line = line.expect("the program says why it ended on standard error");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }
}

/// The first lines in this language of the documentation.
fn snippet(fence: &str) -> String {
    let page = include_str!("../../../../../../docs/webhooks.md");
    let (_, rest) = page.split_once(&format!("```{fence}\n")).expect("the page has lines in this language");
    rest.split_once("```").expect("they end").0.to_owned()
}

/// The package of this name that `tests/run` installed.
fn installed(name: &str) -> PathBuf {
    // …/target/debug/deps/suite-…
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).expect("tests run from the target directory");
    let path = Path::new(target).join("third-party/webhooks").join(name);
    assert!(path.exists(), "{} is not there; `tests/run` makes it", path.display());
    path
}
