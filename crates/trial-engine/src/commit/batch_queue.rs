//! Forms batches of waiting requests.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use trial_core::planner::{Batch, FreshIds, Outcome, Request};
use trial_core::ports::{Clock, Entropy};

use crate::EngineParts;
use crate::commit::request_queue::NotDecided;

/// The channel that awaits a decision, and the time of arrival.
pub(crate) struct Reply {
    sender: oneshot::Sender<Result<Outcome, NotDecided>>,
    since: Instant,
}

impl Reply {
    /// A reply for a request that arrives now, and its receiver.
    pub(crate) fn awaited() -> (Self, oneshot::Receiver<Result<Outcome, NotDecided>>) {
        let (sender, decision) = oneshot::channel();
        (Self { sender, since: Instant::now() }, decision)
    }

    fn send(self, decided: Result<Outcome, NotDecided>) {
        // A sender that gave up will ask again and get the same answer.
        let _ = self.sender.send(decided);
    }
}

/// A request and its reply.
pub(crate) struct Waiting {
    pub(crate) request: Request,
    pub(crate) reply: Reply,
}

impl Waiting {
    pub(crate) fn is_wanted(&self) -> bool {
        is_wanted(&self.request, &self.reply)
    }

    pub(crate) fn answer(self, decided: Result<Outcome, NotDecided>) {
        self.reply.send(decided);
    }
}

/// Returns `true` if deciding makes sense: a sender that gave up was told to retry; a gateway's report is recorded
/// anyway.
fn is_wanted(request: &Request, reply: &Reply) -> bool {
    !reply.sender.is_closed() || matches!(request, Request::SendReport(_))
}

/// A batch and its replies, in the same order.
pub(crate) struct Gathered {
    pub(crate) batch: Arc<Batch>,
    replies: Vec<Reply>,
}

impl Gathered {
    pub(crate) fn len(&self) -> usize {
        self.replies.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// The requests, one by one, in order.
    pub(crate) fn into_waiting(self) -> impl Iterator<Item = Waiting> {
        let requests = Arc::unwrap_or_clone(self.batch).requests;
        requests.into_iter().zip(self.replies).map(|((_, request), reply)| Waiting { request, reply })
    }

    /// The batch without the senders that have given up by now.
    pub(crate) fn wanted(self) -> Self {
        let Batch { now, requests } = Arc::unwrap_or_clone(self.batch);
        let all = requests.into_iter().zip(self.replies);
        let (requests, replies) = all.filter(|((_, request), reply)| is_wanted(request, reply)).unzip();
        Self { batch: Arc::new(Batch { now, requests }), replies }
    }

    /// The earlier and the later half, each request with its instant and ids.
    pub(crate) fn halves(mut self) -> (Self, Self) {
        let Batch { now, mut requests } = Arc::unwrap_or_clone(self.batch);
        let middle = requests.len() / 2;
        let part = |requests, replies| Self { batch: Arc::new(Batch { now, requests }), replies };
        let later = part(requests.split_off(middle), self.replies.split_off(middle));
        (part(requests, self.replies), later)
    }

    /// Answers every request, in order.
    pub(crate) fn answer(self, outcomes: Vec<Outcome>) {
        for (reply, outcome) in self.replies.into_iter().zip(outcomes) {
            reply.send(Ok(outcome));
        }
    }

    /// Answers every request that nothing was decided.
    pub(crate) fn refuse(self, why: NotDecided) {
        for reply in self.replies {
            reply.send(Err(why));
        }
    }
}

/// Assigns requests the instant and the fresh ids that they are decided with.
#[derive(Clone)]
pub(crate) struct Batching {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Batching {
    pub(crate) fn new(parts: &EngineParts) -> Self {
        Self { clock: Arc::clone(&parts.clock), entropy: Arc::clone(&parts.entropy) }
    }

    pub(crate) fn batch(&self, waiting: Vec<Waiting>) -> Gathered {
        let now = self.clock.now();
        let mut entropy = vec![0; waiting.len() * FreshIds::ENTROPY];
        self.entropy.fill(&mut entropy);
        let (ids, _) = entropy.as_chunks::<{ FreshIds::ENTROPY }>();
        let (requests, replies) = ids
            .iter()
            .zip(waiting)
            .map(|(bytes, waiting)| ((FreshIds::new(now, bytes), waiting.request), waiting.reply))
            .unzip();
        Gathered { batch: Arc::new(Batch { now, requests }), replies }
    }
}

/// The receiving side of the queue. Clones share it: the ledger calls one when it is ready.
#[derive(Clone)]
pub(crate) struct Gathering {
    arrivals: Arc<Mutex<Arrivals>>,
    batching: Batching,
    limit: usize,
}

struct Arrivals {
    queue: mpsc::Receiver<Waiting>,
    /// Taken from the queue to see that there is one: the channel has no other way to wait for it.
    first: Option<Waiting>,
}

impl Gathering {
    pub(crate) fn new(queue: mpsc::Receiver<Waiting>, batching: Batching, limit: usize) -> Self {
        Self { arrivals: Arc::new(Mutex::new(Arrivals { queue, first: None })), batching, limit }
    }

    /// Waits for a request and returns its time of arrival; `None` once there never will be one.
    pub(crate) async fn something_waits(&self) -> Option<Instant> {
        poll_fn(|context| self.lock().poll_first(context)).await
    }

    /// Forms a batch of the requests that have arrived, within its bound. Senders that have given up are left out.
    pub(crate) fn gather(&self) -> Gathered {
        let waiting = self.lock().take(self.limit);
        self.batching.batch(waiting)
    }

    /// Closes the queue; requests in it stay to be decided.
    pub(crate) fn close(&self) {
        self.lock().queue.close();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().queue.is_closed()
    }

    /// Requests in the queue.
    pub(crate) fn depth(&self) -> usize {
        self.lock().queue.len()
    }

    fn lock(&self) -> MutexGuard<'_, Arrivals> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arrivals {
    fn poll_first(&mut self, context: &mut Context<'_>) -> Poll<Option<Instant>> {
        loop {
            if let Some(first) = self.first.as_ref().filter(|first| first.is_wanted()) {
                return Poll::Ready(Some(first.reply.since));
            }
            self.first = ready!(self.queue.poll_recv(context));
            if self.first.is_none() {
                return Poll::Ready(None);
            }
        }
    }

    fn take(&mut self, limit: usize) -> Vec<Waiting> {
        let first = self.first.take();
        let others = std::iter::from_fn(|| self.queue.try_recv().ok());
        first.into_iter().chain(others).filter(Waiting::is_wanted).take(limit).collect()
    }
}
