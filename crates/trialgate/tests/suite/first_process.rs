//! A command as the first process of a container, where the kernel ignores signals without a handler.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Home, SANDBOX};

/// Far more than a command needs to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command in a process namespace of its own, if the machine allows it.
fn first_process() -> Option<Command> {
    let unshare = |rest: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--"]).args(rest);
        command
    };
    let is_allowed = unshare(&["true"]).output().is_ok_and(|output| output.status.success());
    is_allowed.then(|| unshare(&[env!("CARGO_BIN_EXE_trialgate")]))
}

/// Reads standard input, which stays open.
#[test]
fn a_signal_ends_a_command_that_waits() {
    let Some(mut command) = first_process() else { return };
    let home = Home::new(SANDBOX);
    home.run("migrate").done();
    let mut unshare = command
        .args(["access-codes", "import", "-"])
        .current_dir(home.path(""))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = unshare.id();
    let end = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = unshare.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "the signal did nothing");
        // A signal before the handler is installed is lost: it is sent again.
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        if let Some(child) = children.trim().parse().ok().and_then(Pid::from_raw) {
            let _ = kill_process(child, Signal::TERM);
        }
        std::thread::yield_now();
    };
    let mut said = String::new();
    unshare.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(143), ""));
}
