//! Processes of the binary.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::waiting::{Patience, look};
use crate::{Client, record};

/// The longest time of a script.
const SCRIPT: Duration = Duration::from_mins(5);

/// A running service. It is killed on drop.
#[derive(Debug)]
pub struct Service {
    running: Running,
    address: SocketAddr,
    client: Client,
}

/// A process that has ended, and its output.
#[derive(Debug)]
pub struct Ended {
    /// The exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A process with its output.
#[derive(Debug)]
struct Running {
    process: Process,
    stdout: Capture,
    stderr: Capture,
}

/// A process that is always ended.
#[derive(Debug)]
struct Process(Child);

/// The output of a process, read by a thread of its own so that the pipe never fills, unless a test wants that.
#[derive(Debug)]
struct Capture {
    text: Arc<Mutex<String>>,
    reader: Arc<Reader>,
    thread: JoinHandle<()>,
}

/// A reader that can be stopped.
#[derive(Debug, Default)]
struct Reader {
    is_stopped: Mutex<bool>,
    goes_on: Condvar,
}

/// Runs a command to its end.
pub async fn finish(command: Command) -> Ended {
    let (running, _) = Running::start(command);
    running.ended().await
}

/// Runs a long script to its end, such as one that drives a browser: on a slow machine, that takes minutes.
pub async fn finish_script(command: Command) -> Ended {
    let (running, _) = Running::start(command);
    running.ended_within(Patience::lasting("the script ends", SCRIPT)).await
}

/// Runs a command to its end, unless this future ends before: then kills it.
pub async fn finish_unless(command: Command, moment: impl Future<Output = ()>) -> Option<Ended> {
    let (running, _) = Running::start(command);
    tokio::select! {
        ended = running.ended() => Some(ended),
        () = moment => None,
    }
}

impl Service {
    /// Starts a service and waits until it listens.
    pub async fn start(command: Command) -> Self {
        let (running, mut lines) = Running::start(command);
        let address = loop {
            match lines.recv().await {
                Some(line) => {
                    if let Some((_, address)) =
                        line.split_once("listening on http").filter(|(before, _)| before.is_empty())
                    {
                        let address = address.trim_start_matches('s').trim_start_matches("://");
                        break address.trim().parse().unwrap();
                    }
                }
                None => panic!("the service did not start: {:?}", running.ended().await),
            }
        };
        Self { running, address, client: Client::new(address) }
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.process.0.id()
    }

    /// Its resident memory, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Its standard output so far.
    pub fn stdout(&self) -> String {
        self.running.stdout.text.lock().unwrap().clone()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.running.process.0);
        kill_process(pid, signal).expect("the service can be signalled");
    }

    /// Reads its log no longer, until it has ended.
    pub fn leave_log_unread(&self) {
        self.running.stderr.reader.stop(true);
    }

    /// Returns `true` if the process is still running.
    pub fn is_running(&mut self) -> bool {
        self.running.process.0.try_wait().unwrap().is_none()
    }

    /// Kills it, so that it cannot finish anything.
    pub async fn kill(self) -> Ended {
        self.signal(Signal::KILL);
        self.running.ended().await
    }

    /// Stops it gracefully, and waits until it has ended.
    pub async fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.running.ended().await
    }

    /// Waits until it ends by itself.
    pub async fn ended(self) -> Ended {
        self.running.ended().await
    }
}

impl Ended {
    /// The exit status; `None` if a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

impl Running {
    fn start(mut command: Command) -> (Self, UnboundedReceiver<String>) {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let (stdout, lines) = Capture::start(child.stdout.take().unwrap(), None);
        let (stderr, _) = Capture::start(child.stderr.take().unwrap(), record::log());
        (Self { process: Process(child), stdout, stderr }, lines)
    }

    async fn ended(self) -> Ended {
        self.ended_within(Patience::new("the process ends")).await
    }

    async fn ended_within(mut self, patience: Patience<'_>) -> Ended {
        let status = look(patience, async || self.process.0.try_wait().unwrap()).await;
        Ended { status, stdout: self.stdout.finish(), stderr: self.stderr.finish() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Reader {
    fn stop(&self, is_stopped: bool) {
        *self.is_stopped.lock().unwrap() = is_stopped;
        self.goes_on.notify_all();
    }

    /// Waits until it may read; always `true`.
    fn wait(&self) -> bool {
        !*self.goes_on.wait_while(self.is_stopped.lock().unwrap(), |is_stopped| *is_stopped).unwrap()
    }
}

impl Capture {
    fn start(pipe: impl Read + Send + 'static, mut log: Option<File>) -> (Self, UnboundedReceiver<String>) {
        let text = Arc::new(Mutex::new(String::new()));
        let (lines, received) = unbounded_channel();
        let read = Arc::clone(&text);
        let reader = Arc::<Reader>::default();
        let stopped = Arc::clone(&reader);
        let thread = std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while stopped.wait() && pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                if let Some(log) = &mut log {
                    log.write_all(&line).unwrap();
                }
                let whole = String::from_utf8_lossy(&line).into_owned();
                read.lock().unwrap().push_str(&whole);
                // Nobody reads any more once the service has printed its address.
                let _ = lines.send(whole);
                line.clear();
            }
        });
        (Self { text, reader, thread }, received)
    }

    fn finish(self) -> String {
        self.reader.stop(false);
        self.thread.join().unwrap();
        self.text.lock().unwrap().clone()
    }
}
