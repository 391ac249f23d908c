//! Ctrl-C, `SIGTERM` and `SIGHUP`.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

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
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
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
