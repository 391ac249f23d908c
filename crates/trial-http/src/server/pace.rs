//! Time-outs of connections.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::STALL_TIMEOUT;

/// State and times of one connection, shared by its reader and its writer.
#[derive(Debug)]
pub(crate) struct Pace {
    head: Duration,
    idle: Duration,
    exchanges: Cell<usize>,
    /// Time of the last progress of each reply in transit, by the number of its exchange.
    replies: RefCell<HashMap<u64, Instant>>,
    begun: Cell<u64>,
    phase: Cell<Phase>,
    since: Cell<Instant>,
    /// The exchange in progress waits for its body.
    is_body_awaited: Cell<bool>,
    /// The client of the exchange in progress sends its body after `100 Continue`, which it has not been sent.
    expects_continue: Cell<bool>,
    /// The reader of the connection, while it has bytes for the exchange's body or for the next request.
    reader: RefCell<Option<Waker>>,
}

/// State of a connection with no request in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has arrived yet.
    New,
    /// The head of a request has begun to arrive.
    Head,
    /// Requests were answered, and nothing has arrived since.
    Idle,
}

/// A request in progress: from the end of its head until its reply is sent or abandoned.
#[derive(Debug)]
pub(super) struct Exchange {
    pace: Rc<Pace>,
    number: u64,
}

impl Pace {
    /// A new connection, with the time-outs of heads and of idling.
    pub(super) fn start(head: Duration, idle: Duration) -> Rc<Self> {
        let (exchanges, phase, since) = (Cell::new(0), Cell::new(Phase::New), Cell::new(Instant::now()));
        let (replies, begun, is_body_awaited, expects_continue, reader) = Default::default();
        Rc::new(Self { head, idle, exchanges, replies, begun, phase, since, is_body_awaited, expects_continue, reader })
    }

    /// Begins an exchange.
    pub(super) fn begin(self: &Rc<Self>) -> Exchange {
        self.exchanges.set(self.exchanges.get() + 1);
        self.begun.set(self.begun.get() + 1);
        self.enter(Phase::Idle);
        Exchange { pace: Rc::clone(self), number: self.begun.get() }
    }

    /// The number of exchanges begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun.get()
    }

    /// Records whether the exchange in progress waits for its body.
    pub(crate) fn await_body(&self, is_awaited: bool) {
        self.is_body_awaited.set(is_awaited);
        if is_awaited {
            self.wake_reader();
        }
    }

    /// Returns `true` while the exchange in progress waits for its body.
    pub(super) fn awaits_body(&self) -> bool {
        self.is_body_awaited.get()
    }

    /// Begins an exchange whose client sends its body after `100 Continue`.
    pub(super) fn begin_expecting(self: &Rc<Self>) -> Exchange {
        let exchange = self.begin();
        self.expects_continue.set(true);
        exchange
    }

    /// Returns `true`, once per exchange, if `100 Continue` is to be sent: the client expects it, and its body is awaited.
    pub(super) fn take_continue(&self) -> bool {
        self.awaits_body() && self.expects_continue.replace(false)
    }

    /// Wakes this reader when the exchange in progress waits for its body, or ends.
    pub(super) fn wait(&self, reader: &Waker) {
        *self.reader.borrow_mut() = Some(reader.clone());
    }

    fn wake_reader(&self) {
        let reader = self.reader.take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Records that bytes arrived on a serial connection.
    pub(super) fn arrived(&self) {
        if !self.is_busy() && self.phase.get() != Phase::Head {
            self.enter(Phase::Head);
        }
    }

    /// Returns `true` if a request is in progress; it has time-outs of its own.
    pub(super) fn is_busy(&self) -> bool {
        self.exchanges.get() > 0
    }

    /// Returns `true` if the head of a request has begun to arrive, and no request is in progress.
    pub(super) fn is_in_head(&self) -> bool {
        !self.is_busy() && self.phase.get() == Phase::Head
    }

    /// Time at which the connection is closed if nothing happens. The first request has the time-out of its head. A
    /// stalled reply ends the connection with all others: what the protocol has taken over cannot be cancelled alone.
    pub(super) fn deadline(&self) -> Instant {
        let patience = if self.phase.get() == Phase::Idle { self.idle } else { self.head };
        let deadline = self.since.get() + patience;
        let stalled = self.replies.borrow().values().min().map(|last| *last + STALL_TIMEOUT.min(self.idle));
        stalled.map_or(deadline, |stalled| stalled.min(deadline))
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(Instant::now());
    }
}

impl Exchange {
    /// Records that the reply has begun, or that the client received part of it.
    pub(super) fn moves(&self) {
        self.pace.replies.borrow_mut().insert(self.number, Instant::now());
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.pace.replies.borrow_mut().remove(&self.number);
        self.pace.exchanges.set(self.pace.exchanges.get() - 1);
        self.pace.is_body_awaited.set(false);
        self.pace.expects_continue.set(false);
        self.pace.enter(Phase::Idle);
        if !self.pace.is_busy() {
            self.pace.wake_reader();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

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

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_nobody_takes_ends_the_connection_whatever_else_goes_on() {
        let pace = Pace::start(HEAD, IDLE);
        let (stuck, moving) = (pace.begin(), pace.begin());
        assert_eq!(left(&pace), IDLE, "there is no reply yet");
        stuck.moves();
        for _ in 0..29 {
            tokio::time::advance(Duration::from_secs(1)).await;
            moving.moves();
            drop(pace.begin());
        }
        assert_eq!(left(&pace), Duration::from_secs(1));
        stuck.moves();
        assert_eq!(left(&pace), STALL_TIMEOUT);
        drop((stuck, moving));
        assert_eq!(left(&pace), IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_continues_once_its_body_is_awaited() {
        let pace = Pace::start(HEAD, IDLE);
        let refused = pace.begin_expecting();
        assert!(!pace.take_continue());
        drop(refused);
        let usual = pace.begin();
        pace.await_body(true);
        assert!(!pace.take_continue(), "it does not expect that");
        drop(usual);
        let _expecting = pace.begin_expecting();
        pace.await_body(true);
        assert!(pace.take_continue() && !pace.take_continue());
    }

    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_reader_is_woken_by_an_awaited_body_and_by_the_end_of_the_last_exchange() {
        let pace = Pace::start(HEAD, IDLE);
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let count = || woken.0.load(Ordering::Relaxed);
        let wait = || pace.wait(&Waker::from(Arc::clone(&woken)));
        let (one, other) = (pace.begin(), pace.begin());
        wait();
        drop(one);
        pace.await_body(false);
        assert_eq!(count(), 0);
        pace.await_body(true);
        assert_eq!(count(), 1);
        wait();
        drop(other);
        assert_eq!(count(), 2);
        assert!(!pace.awaits_body(), "a body is awaited no longer than its exchange");
    }
}
