//! A command as the first process of a container, where the kernel ignores signals without a handler.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Home, SANDBOX};

/// Far more than a command needs to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command in a process namespace of its own: by root, or else in a user namespace.
fn first_process() -> Command {
    let unshare = |options: &[&str], program: &str| {
        let mut command = Command::new("unshare");
        command.args(options).args(["--pid", "--fork", "--kill-child", "--", program]);
        command
    };
    let ways: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let tried = ways.map(|options| (options, unshare(options, "true").output()));
    let allowed = tried.iter().find(|(_, ended)| ended.as_ref().is_ok_and(|output| output.status.success()));
    let Some((options, _)) = allowed else {
        panic!("install util-linux, and run this test as root or where user namespaces are allowed: {tried:?}");
    };
    unshare(options, env!("CARGO_BIN_EXE_trialgate"))
}

/// Reads standard input, which stays open.
#[test]
fn a_signal_ends_a_command_that_waits() {
    let home = Home::new(SANDBOX);
    home.run("migrate").done();
    let mut unshare = first_process()
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
