//! One decision after the other, over all instances: pass the turnstile, gather, load, plan, persist, commit.
//!
//! A connection that is lost before the commit was sent leaves nothing behind: the same batch is decided again on another.
//! One that is lost at the commit leaves a question, which is answered by reading ([`Turns::find_out`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use tokio::time::{Instant, sleep};
use trial_core::ports::Gather;
use trial_core::{Batch, LedgerError, Outcome, Planner};

use super::connect::{Connections, Held};
use super::fault::Trouble;
use super::load;
use super::persist;
use super::transaction::{Kind, begin, within};

/// The first wait before a lost server is looked for again; it doubles, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How much longer than the server we wait for its own bound to be kept.
const GRACE: Duration = Duration::from_millis(500);

/// How long each part of a decision may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Waiting for the turn.
    pub(super) turn: Duration,
    /// Loading and storing, and then once more the commit.
    pub(super) work: Duration,
    /// Looking for a server again after one was lost.
    pub(super) reconnect: Duration,
    /// Finding out whether a commit was done.
    pub(super) find_out: Duration,
}

/// Takes the turns of this instance.
#[derive(Clone)]
pub(super) struct Turns {
    pub(super) connections: Connections,
    pub(super) bounds: Bounds,
    /// Whether the last decision found no server: then the next one does not wait for one.
    pub(super) is_down: Arc<AtomicBool>,
}

/// What is decided next.
enum Next {
    ToGather(Option<Gather>),
    Gathered(Arc<Batch>),
}

/// Why an attempt did not come to its end.
enum Failed {
    /// Nothing was stored.
    Undone(Trouble),
    /// The commit was sent, and its answer did not come; these are the outcomes, if it was done.
    Unknown(Vec<Outcome>, Trouble),
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self::Undone(trouble)
    }
}

impl Next {
    fn batch(&mut self) -> Arc<Batch> {
        if let Self::ToGather(gather) = self
            && let Some(gather) = gather.take()
        {
            *self = Self::Gathered(gather());
        }
        match self {
            Self::Gathered(batch) => Arc::clone(batch),
            Self::ToGather(_) => unreachable!("what was gathered is kept"),
        }
    }
}

impl Turns {
    /// Decides a batch, gathered once the turn has come.
    pub(super) async fn commit(&self, gather: Gather, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        let mut next = Next::ToGather(Some(gather));
        let mut pauses =
            Pauses::new(if self.is_down.load(Ordering::Relaxed) { Duration::ZERO } else { self.bounds.reconnect });
        loop {
            let trouble = match self.attempt(&mut next, &planner).await {
                Ok(outcomes) => return Ok(self.is_up(outcomes)),
                Err(Failed::Undone(trouble)) => trouble,
                Err(Failed::Unknown(outcomes, trouble)) => match self.find_out(&next.batch()).await {
                    Some(true) => return Ok(self.is_up(outcomes)),
                    Some(false) => trouble,
                    None => return Err(trouble.into_unknown()),
                },
            };
            if !trouble.is_gone() {
                return Err(trouble.into());
            }
            self.connections.forget();
            if !pauses.pause().await {
                self.is_down.store(true, Ordering::Relaxed);
                return Err(trouble.into());
            }
        }
    }

    /// There is a server: the next decision that finds none waits for it again.
    fn is_up(&self, outcomes: Vec<Outcome>) -> Vec<Outcome> {
        self.is_down.store(false, Ordering::Relaxed);
        outcomes
    }

    async fn attempt(&self, next: &mut Next, planner: &Planner) -> Result<Vec<Outcome>, Failed> {
        let held = self.pass().await?;
        let batch = next.batch();
        let outcomes = within(self.bounds.work, async {
            let policy = planner.policy();
            let loaded = load::facts(&held, &batch.fact_keys(policy), policy.quota.first_threshold).await?;
            let plan = planner.plan(&loaded.facts, &batch);
            persist::effects(&held, &plan.effects, &loaded.free_since).await?;
            Ok::<_, Trouble>(plan.outcomes)
        })
        .await?;
        match self.end(held).await {
            Ok(()) => Ok(outcomes),
            Err(trouble) => Err(Failed::Unknown(outcomes, trouble)),
        }
    }

    /// A connection whose turn it is.
    async fn pass(&self) -> Result<Held, Trouble> {
        let held = self.connections.get().await?;
        within(self.bounds.turn + GRACE, begin(&held, Kind::Turn)).await?;
        Ok(held)
    }

    async fn end(&self, held: Held) -> Result<(), Trouble> {
        within(self.bounds.work, (&mut &*held).batch_execute("COMMIT")).await?;
        held.give_back();
        Ok(())
    }

    /// Finds out whether a batch was committed whose commit was not answered; `None` if even that cannot be known.
    ///
    /// The lost transaction held the turnstile: once we have passed it, that transaction has ended, and either left its
    /// rows or never will. What it left may not have reached a synchronous standby yet: our own commit, which comes after
    /// it, waits until it has.
    async fn find_out(&self, batch: &Batch) -> Option<bool> {
        let mut pauses = Pauses::new(self.bounds.find_out);
        loop {
            self.connections.forget();
            match self.look(batch).await {
                Ok(was_committed) => {
                    tracing::warn!(was_committed, "the answer to a commit was lost; what became of it was read");
                    return Some(was_committed);
                }
                Err(trouble) => {
                    if !pauses.pause().await {
                        tracing::error!(?trouble, "it cannot be read whether a commit was done");
                        return None;
                    }
                }
            }
        }
    }

    async fn look(&self, batch: &Batch) -> Result<bool, Trouble> {
        let held = self.pass().await?;
        // What leaves no row of its own may be decided again.
        let was_committed = within(self.bounds.work, load::was_committed(&held, batch)).await?.unwrap_or(false);
        if was_committed {
            within(self.bounds.work, (&mut &*held).batch_execute("UPDATE pool_marks SET kind = kind")).await?;
        }
        self.end(held).await?;
        Ok(was_committed)
    }
}

/// Waits that double, until a deadline.
struct Pauses {
    next: Duration,
    deadline: Instant,
}

impl Pauses {
    fn new(in_all: Duration) -> Self {
        Self { next: FIRST_PAUSE, deadline: Instant::now() + in_all }
    }

    /// Waits; says whether there is time for another attempt.
    async fn pause(&mut self) -> bool {
        if Instant::now() + self.next > self.deadline {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        true
    }
}
