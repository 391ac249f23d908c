//! How fast a client has to be.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

/// What one connection is about, and since when: shared by what reads it and what answers it.
#[derive(Debug)]
pub(super) struct Pace {
    head: Duration,
    idle: Duration,
    exchanges: Cell<usize>,
    phase: Cell<Phase>,
    since: Cell<Instant>,
}

/// Where a connection stands while no request is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has come yet.
    New,
    /// A request's head has begun to arrive.
    Head,
    /// Requests were answered, and nothing has come since.
    Idle,
}

/// A request under way: from when its head is here until its answer has gone out, or nobody wants it any more.
#[derive(Debug)]
pub(super) struct Exchange(Rc<Pace>);

impl Pace {
    /// A new connection, whose heads may take so long, and which may idle so long.
    pub(super) fn start(head: Duration, idle: Duration) -> Rc<Self> {
        let (exchanges, phase, since) = (Cell::new(0), Cell::new(Phase::New), Cell::new(Instant::now()));
        Rc::new(Self { head, idle, exchanges, phase, since })
    }

    /// Begins an exchange.
    pub(super) fn begin(self: &Rc<Self>) -> Exchange {
        self.exchanges.set(self.exchanges.get() + 1);
        self.enter(Phase::Idle);
        Exchange(Rc::clone(self))
    }

    /// Takes note of bytes that have arrived on a connection that has one request after the other.
    pub(super) fn arrived(&self) {
        if !self.is_busy() && self.phase.get() != Phase::Head {
            self.enter(Phase::Head);
        }
    }

    /// Whether a request is under way. It has bounds of its own.
    pub(super) fn is_busy(&self) -> bool {
        self.exchanges.get() > 0
    }

    /// When the connection is of no more use if nothing happens. The first request has as long as its head.
    pub(super) fn deadline(&self) -> Instant {
        let patience = if self.phase.get() == Phase::Idle { self.idle } else { self.head };
        self.since.get() + patience
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(Instant::now());
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.exchanges.set(self.0.exchanges.get() - 1);
        self.0.enter(Phase::Idle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Duration = Duration::from_secs(5);
    const IDLE: Duration = Duration::from_secs(75);

    fn left(pace: &Pace) -> Duration {
        pace.deadline() - Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn every_head_has_its_time_and_no_byte_prolongs_it() {
        let pace = Pace::start(HEAD, IDLE);
        assert_eq!(left(&pace), HEAD);
        for _ in 0..2 {
            pace.arrived();
            tokio::time::advance(Duration::from_secs(4)).await;
            pace.arrived();
            assert_eq!(left(&pace), Duration::from_secs(1));
            drop(pace.begin());
            assert_eq!(left(&pace), IDLE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_no_head() {
        let pace = Pace::start(HEAD, IDLE);
        let (one, other) = (pace.begin(), pace.begin());
        pace.arrived();
        drop(one);
        assert!(pace.is_busy());
        drop(other);
        assert!(!pace.is_busy());
        assert_eq!(left(&pace), IDLE);
    }
}
