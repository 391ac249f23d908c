//! One decision at a time, over all instances: take the admission lock, form the batch, load, plan, persist, commit.
//!
//! A round trip costs as much as dozens of rows, so a message that need not wait for an answer is sent without one: the
//! facts are requested right after the lock, and the commit right after the effects. Neither relies on it: without the
//! lock nothing is loaded, and effects that failed leave nothing to commit.
//!
//! A connection that is lost before the commit was sent leaves nothing behind: the same batch is decided again on
//! another. One that is lost at the commit leaves a question, which is answered by reading ([`Turns::find_out`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::{join, try_join, try_join3};
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep};
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Effects, Outcome, Planner};
use trial_core::ports::Gather;

use super::connect::{Connections, Held};
use super::fault::Trouble;
use super::guard::{self, Decided, Guard, Refusal, State};
use super::load::{self, Loaded};
use super::persist::{New, Storing};
use super::transaction::{Kind, begin, within};
use crate::convert::micros;

/// The first wait before the next search for a lost server; it doubles, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// The margin over the server's own bound of a wait.
const GRACE: Duration = Duration::from_millis(500);
/// A lock that takes longer than this was held by another instance.
const AT_ONCE: Duration = Duration::from_millis(2);

/// The bounds of the parts of a decision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The wait for the admission lock.
    pub(super) turn: Duration,
    /// Loading and storing, and then once more the commit.
    pub(super) work: Duration,
    /// The search for a server after one was lost.
    pub(super) reconnect: Duration,
    /// Finding out whether a commit was done.
    pub(super) find_out: Duration,
}

/// Takes the admission lock for this instance.
#[derive(Clone)]
pub(super) struct Turns {
    pub(super) connections: Connections,
    pub(super) bounds: Bounds,
    pub(super) guard: Arc<Guard>,
    /// The last decision found no server: the next one does not wait for one.
    pub(super) is_down: Arc<AtomicBool>,
    /// Others had the lock before our last decision: the next batch is formed under the lock.
    pub(super) is_shared: Arc<AtomicBool>,
}

/// The next decision.
enum Next {
    ToGather(Option<Gather>),
    Gathered(Arc<Batch>),
}

/// The reason why an attempt did not finish.
enum Failed {
    /// Nothing was stored.
    Undone(Trouble),
    /// The commit was sent, and its answer did not come; these are the outcomes, if it was done.
    Unknown(Vec<Outcome>, Trouble),
}

/// The reason why effects were not stored, as far as is known.
enum Stored {
    Not(Trouble),
    /// The commit was sent, and its answer did not come.
    Perhaps(Trouble),
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
            Self::ToGather(_) => unreachable!("a formed batch is kept"),
        }
    }
}

impl Turns {
    /// Decides a batch, formed under the admission lock, or before it if no other instance decides.
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

    /// A server answered: the next decision that finds none waits for it again.
    fn is_up(&self, outcomes: Vec<Outcome>) -> Vec<Outcome> {
        self.is_down.store(false, Ordering::Relaxed);
        outcomes
    }

    async fn attempt(&self, next: &mut Next, planner: &Planner) -> Result<Vec<Outcome>, Failed> {
        let held = self.connections.get().await.map_err(Trouble::from)?;
        let memory = self.guard.memory();
        let (loaded, state) = self.load(&held, next, planner, &memory.asked()).await?;
        if let Err(refusal) = self.guard.judge(&memory, &state, Some(held.token())) {
            drop(held);
            return Err(Failed::Undone(self.refused(refusal).await.into()));
        }
        let plan = planner.plan(&loaded.facts, &next.batch());
        let batch = Decided {
            transaction: loaded.transaction,
            at: micros(next.batch().now),
            timeline: state.timeline().to_owned(),
        };
        let stored = self.store(held, &plan.effects, &loaded, &batch).await;
        let is_stored = stored.map_err(|stored| match stored {
            Stored::Not(trouble) => Failed::Undone(trouble),
            Stored::Perhaps(trouble) => Failed::Unknown(plan.outcomes.clone(), trouble),
        })?;
        if is_stored {
            self.guard.acknowledge(&state, batch);
        }
        Ok(plan.outcomes)
    }

    /// Checks that decisions can be made: by a writable server that has all acknowledged work.
    pub(super) async fn check(&self) -> Result<(), LedgerError> {
        let memory = self.guard.memory();
        let asked = Arc::new(memory.asked());
        // To begin is a check: a read-only server refuses it.
        let state = self.connections.transaction(Kind::Append, self.bounds.work, move |conn| {
            let asked = Arc::clone(&asked);
            async move { State::load(conn, &asked).await }.boxed()
        });
        match self.guard.judge(&memory, &state.await?, None) {
            Ok(()) => Ok(()),
            Err(refusal) => Err(self.refused(refusal).await),
        }
    }

    /// Makes every other instance refuse too, if acknowledged work is missing: those with a shorter memory do not
    /// notice.
    async fn refused(&self, refusal: Refusal) -> LedgerError {
        if matches!(refusal, Refusal::Lost { .. }) {
            let reason: Arc<str> = refusal.to_string().into();
            let halt = self.connections.transaction(Kind::Write, self.bounds.work, move |conn| {
                let reason = Arc::clone(&reason);
                async move { guard::halt(conn, &reason).await }.boxed()
            });
            if let Err(error) = halt.await {
                tracing::error!(%error, "acknowledged work is missing, and the other instances cannot be halted");
            }
        }
        refusal.into()
    }

    /// Takes the admission lock, and loads the facts of the next batch.
    async fn load(
        &self,
        conn: &AsyncPgConnection,
        next: &mut Next,
        planner: &Planner,
        asked: &Decided,
    ) -> Result<(Loaded, State), Trouble> {
        if self.is_shared.load(Ordering::Relaxed) {
            self.pass(conn).await?;
            let keys = planner.fact_keys(&next.batch());
            let both = try_join(load::facts(conn, &keys), State::load(conn, asked));
            return within(self.bounds.work, both).await;
        }
        let keys = planner.fact_keys(&next.batch());
        let passed = self.pass(conn);
        // The future polled first is sent first.
        let all = try_join3(passed, load::facts(conn, &keys), State::load(conn, asked));
        let ((), loaded, state) = within(self.bounds.turn + self.bounds.work, all).await?;
        Ok((loaded, state))
    }

    /// Stores the effects and commits; returns whether there was anything to store.
    async fn store(&self, mut held: Held, effects: &Effects, loaded: &Loaded, batch: &Decided) -> Result<bool, Stored> {
        let new = New::of(effects);
        let Some(storing) = Storing::of(effects, &new, loaded, batch) else {
            return self.end(held).await.map(|()| false).map_err(Stored::Perhaps);
        };
        let which = storing.which;
        if !held.has_prepared(which) {
            // To prepare a statement takes a round trip, which a commit must not overtake.
            within(self.bounds.work, storing.run(&held)).await.map_err(Stored::Not)?;
            held.note_prepared(which);
            return self.end(held).await.map(|()| true).map_err(Stored::Perhaps);
        }
        let both = unconstrained(join(storing.run(&held), held.commit()));
        let (stored, ended) = within(self.bounds.work, both.map(Ok::<_, Trouble>)).await.map_err(Stored::Perhaps)?;
        match stored {
            Err(trouble) if trouble.is_gone() => Err(Stored::Perhaps(trouble)),
            // The server refused the effects; it took the commit after them as the end of a failed transaction.
            Err(trouble) => Err(Stored::Not(trouble)),
            Ok(()) => {
                ended.map_err(Stored::Perhaps)?;
                held.give_back();
                Ok(true)
            }
        }
    }

    /// Begins a transaction that decides.
    async fn pass(&self, conn: &AsyncPgConnection) -> Result<(), Trouble> {
        let asked = Instant::now();
        let passed = within(self.bounds.turn + GRACE, begin(conn, Kind::Turn)).await;
        self.is_shared.store(asked.elapsed() > AT_ONCE, Ordering::Relaxed);
        passed
    }

    async fn end(&self, held: Held) -> Result<(), Trouble> {
        within(self.bounds.work, held.commit()).await?;
        held.give_back();
        Ok(())
    }

    /// Finds out whether a batch with an unanswered commit was committed; `None` if even that cannot be known.
    ///
    /// The lost transaction held the admission lock: once we hold it, that transaction has ended, and either left its
    /// rows or never will. Its rows may not have reached a synchronous standby yet: our own commit, which comes after
    /// it, waits for that.
    async fn find_out(&self, batch: &Batch) -> Option<bool> {
        let mut pauses = Pauses::new(self.bounds.find_out);
        loop {
            self.connections.forget();
            match self.look(batch).await {
                Ok(was_committed) => {
                    tracing::warn!(was_committed, "the answer to a commit was lost; its outcome was read");
                    return Some(was_committed);
                }
                Err(trouble) => {
                    if !pauses.pause().await {
                        tracing::error!(?trouble, "the outcome of a commit cannot be read");
                        return None;
                    }
                }
            }
        }
    }

    async fn look(&self, batch: &Batch) -> Result<bool, Trouble> {
        let held = self.connections.get().await?;
        self.pass(&held).await?;
        // A batch without a row of its own may be decided again.
        let was_committed = within(self.bounds.work, load::was_committed(&held, batch)).await?.unwrap_or(false);
        if was_committed {
            within(self.bounds.work, (&mut &**held).batch_execute("UPDATE pool_marks SET kind = kind")).await?;
        }
        self.end(held).await?;
        Ok(was_committed)
    }
}

/// Doubling waits, until a deadline.
struct Pauses {
    next: Duration,
    deadline: Instant,
}

impl Pauses {
    fn new(in_all: Duration) -> Self {
        Self { next: FIRST_PAUSE, deadline: Instant::now() + in_all }
    }

    /// Waits; returns `true` if there is time for another attempt.
    async fn pause(&mut self) -> bool {
        if Instant::now() + self.next > self.deadline {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        true
    }
}
