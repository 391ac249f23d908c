//! Leaves a gateway alone that fails again and again, so that nobody waits for it in vain.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use trial_core::GatewayReply;

use crate::BreakerOptions;

/// The state of one gateway.
pub(crate) struct Breaker {
    options: BreakerOptions,
    state: Mutex<State>,
}

struct State {
    /// Failures in a row.
    failures: u32,
    /// The last failure.
    last: String,
    /// Since when nobody asks, or the last time that somebody tried; `None` while everybody asks.
    open_since: Option<Instant>,
}

impl Breaker {
    pub(crate) fn new(options: BreakerOptions) -> Self {
        Self { options, state: Mutex::new(State { failures: 0, last: String::new(), open_since: None }) }
    }

    /// Returns `true` if the gateway may be used. After the wait, one message tries it, and the wait begins again.
    pub(crate) fn admits(&self) -> bool {
        let mut state = self.lock();
        match state.open_since {
            None => true,
            Some(since) if since.elapsed() >= self.options.probe_after => {
                state.open_since = Some(Instant::now());
                true
            }
            Some(_) => false,
        }
    }

    /// Takes a reply into account; says whether the gateway is left alone from now on.
    pub(crate) fn record(&self, reply: &GatewayReply) -> bool {
        let mut state = self.lock();
        if reply.is_gateway_fault() {
            state.failures = state.failures.saturating_add(1);
            reply.detail().unwrap_or_default().clone_into(&mut state.last);
            if state.failures >= self.options.open_after {
                state.open_since = Some(Instant::now());
            }
        } else {
            state.failures = 0;
            state.open_since = None;
        }
        state.open_since.is_some()
    }

    /// The reason why the gateway is not used; `None` if it is.
    pub(crate) fn problem(&self) -> Option<String> {
        let state = self.lock();
        let left = self.options.probe_after.saturating_sub(state.open_since?.elapsed()).as_secs();
        Some(format!("left alone after {} failures in a row, tried again in {left} s ({})", state.failures, state.last))
    }

    /// Nothing in here can be half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
