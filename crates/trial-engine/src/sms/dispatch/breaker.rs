//! The circuit breaker of a gateway: after repeated failures nobody waits for it in vain.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use trial_core::sms::GatewayReply;

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
    /// The start of the open state, or of the last probe; `None` while closed.
    open_since: Option<Instant>,
}

impl Breaker {
    pub(crate) fn new(options: BreakerOptions) -> Self {
        Self { options, state: Mutex::new(State { failures: 0, last: String::new(), open_since: None }) }
    }

    /// Returns `true` if the gateway may be used. After the wait, one message probes it, and the wait starts again.
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

    /// Records a reply; returns `true` if the breaker opens.
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

    /// No update can be half done, so a poisoned lock is usable.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
