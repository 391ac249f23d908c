//! A running PostgreSQL server.

use std::fs;
use std::path::Path;
use std::process::{ChildStderr, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::account::Account;

/// The longest time of a start: recovery after a kill replays the log.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
pub(crate) const PACE: Duration = Duration::from_millis(5);

/// The processes of a running server.
#[derive(Debug)]
pub(crate) struct Server {
    pid: u32,
    /// The thread that started the server and waits for its end: the server ends with this thread, not only with the
    /// process.
    keeper: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a data directory, and waits until it takes connections.
    pub(crate) fn start(account: &Account, data: &Path, port: u16) -> Self {
        // A killed server leaves it behind.
        let _ = fs::remove_file(data.join("postmaster.pid"));
        let mut command = account.command("postgres");
        command.arg("-D").arg(data).arg("-p").arg(port.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let (started, pid) = channel();
        let keeper = thread::spawn(move || {
            let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
            let errors = child.stderr.take().map(read);
            // The receiver has not given up yet.
            let _ = started.send((child.id(), errors));
            let _ = child.wait();
        });
        let (pid, errors) = pid.recv().expect("the server is started");
        let server = Self { pid, keeper: Some(keeper) };
        server.wait_until_ready(data, errors.as_ref());
        server
    }

    fn wait_until_ready(&self, data: &Path, errors: Option<&Receiver<String>>) {
        let deadline = Instant::now() + PATIENCE;
        while !is_ready(data) {
            let has_ended = self.keeper.as_ref().is_none_or(JoinHandle::is_finished);
            if has_ended || Instant::now() > deadline {
                let said: Vec<String> = errors.into_iter().flat_map(Receiver::try_iter).collect();
                panic!("the server in {} did not start: {}", data.display(), said.join("\n"));
            }
            thread::sleep(PACE);
        }
    }

    /// Stops the server and waits until it is gone.
    pub(crate) fn stop(mut self, how: Signal) {
        if how == Signal::KILL {
            self.signal_all(how);
        } else {
            signal(self.pid, how);
        }
        self.join();
    }

    /// Sends a signal to every process of the server.
    pub(crate) fn signal_all(&self, how: Signal) {
        // Once the parent is dead, its children are orphans: they have to be listed before.
        let before = children(self.pid);
        signal(self.pid, how);
        // A stopped parent starts no other; until then, it may have.
        let mut all: Vec<u32> = before.into_iter().chain(children(self.pid)).collect();
        all.sort_unstable();
        all.dedup();
        for child in all {
            signal(child, how);
        }
    }

    fn join(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            // It ends with the server, and has no result.
            let _ = keeper.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.keeper.is_some() {
            self.signal_all(Signal::CONT);
            signal(self.pid, Signal::QUIT);
            self.join();
        }
    }
}

/// Returns `true` if the server on a data directory takes connections.
pub(crate) fn is_ready(data: &Path) -> bool {
    let status = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    // The eighth line has the state; a standby is "standby" when it can be read from.
    status.lines().nth(7).is_some_and(|status| ["ready", "standby"].contains(&status.trim()))
}

/// Sends a signal to a process, if it still exists.
pub(crate) fn signal(pid: u32, how: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, how);
    }
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything: only fields after the last one count.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The lines of the server's log, read by a thread of its own so that the pipe never fills.
fn read(pipe: ChildStderr) -> Receiver<String> {
    use std::io::{BufRead, BufReader};
    let (lines, said) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody reads any more once the server has started.
            let _ = lines.send(line);
        }
    });
    said
}
