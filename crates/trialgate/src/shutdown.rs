//! Ctrl-C, `SIGTERM` and `SIGHUP`.

use std::io;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The process that the kernel starts first in a container: a signal without a handler does nothing to it.
const FIRST_PROCESS: u32 = 1;
/// Shells say 128 and the signal's number of a process that a signal ended.
const ENDED_BY: i32 = 128;

/// `true` if a service of this process finishes its work when a signal comes.
static IS_SERVING: AtomicBool = AtomicBool::new(false);

/// Has `SIGINT` and `SIGTERM` end every command in a container too, as they do elsewhere, until [`Signals::catch`].
///
/// # Errors
/// The operating system refused.
pub(crate) fn end_first_process() -> io::Result<()> {
    if std::process::id() != FIRST_PROCESS {
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let wait = async move {
        let kind = tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = terminate.recv() => SignalKind::terminate(),
        };
        if !IS_SERVING.load(Ordering::SeqCst) {
            exit(ENDED_BY + kind.as_raw_value());
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(wait)).map(drop)
}

/// The signals that the process heeds, caught from when this is made.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To end; with the signal's name.
    Stop(&'static str),
    /// To load anew what can be loaded anew.
    Reload,
}

impl Signals {
    /// Starts to catch them, within a runtime.
    ///
    /// # Errors
    /// The operating system refused.
    pub(crate) fn catch() -> io::Result<Self> {
        let caught = Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        };
        IS_SERVING.store(true, Ordering::SeqCst);
        Ok(caught)
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop("SIGINT"),
            _ = self.terminate.recv() => Asked::Stop("SIGTERM"),
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// Waits for the next one that asks to end; returns its name. Whoever asks to reload is told by `reload`.
    pub(crate) async fn stop(&mut self, reload: impl Fn()) -> &'static str {
        loop {
            match self.next().await {
                Asked::Stop(name) => return name,
                Asked::Reload => reload(),
            }
        }
    }
}
