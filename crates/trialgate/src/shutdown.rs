//! Signals: Ctrl-C, `SIGTERM` and `SIGHUP`.

use std::io;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Process id of a container's first process, which the kernel shields from signals without a handler.
const FIRST_PROCESS: u32 = 1;
/// Exit status 128 + n of a process ended by signal n, as in shells.
const ENDED_BY: i32 = 128;

/// `true` while a service of this process handles signals itself.
static IS_SERVING: AtomicBool = AtomicBool::new(false);

/// Makes `SIGINT` and `SIGTERM` end every command in a container too, until [`Signals::catch`].
///
/// # Errors
/// The operating system refused a thread or a handler.
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

/// The signals that the process handles, caught from its creation on.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// The request that a signal makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Stop; with the signal's name.
    Stop(&'static str),
    /// Reload the certificate.
    Reload,
}

impl Signals {
    /// Starts to catch the signals. Must be called on a runtime.
    ///
    /// # Errors
    /// The operating system refused a handler.
    pub(crate) fn catch() -> io::Result<Self> {
        let caught = Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        };
        IS_SERVING.store(true, Ordering::SeqCst);
        Ok(caught)
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop("SIGINT"),
            _ = self.terminate.recv() => Asked::Stop("SIGTERM"),
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// Waits for the next signal to stop and returns its name; calls `reload` for each signal to reload.
    pub(crate) async fn stop(&mut self, reload: impl Fn()) -> &'static str {
        loop {
            match self.next().await {
                Asked::Stop(name) => return name,
                Asked::Reload => reload(),
            }
        }
    }
}
