//! One decision after the other, over all instances: pass the turnstile, gather, load, plan, persist, commit.
//!
//! A round trip costs as much as dozens of rows, so what need not wait for an answer is sent without one: the facts are asked
//! for behind the turnstile, and the commit goes behind the effects. Neither rests on it: behind a turnstile that was not
//! passed nothing is loaded, and effects that failed leave nothing to commit.
//!
//! A connection that is lost before the commit was sent leaves nothing behind: the same batch is decided again on another.
//! One that is lost at the commit leaves a question, which is answered by reading ([`Turns::find_out`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::{join, try_join, try_join3};
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep};
use trial_core::ports::Gather;
use trial_core::{Batch, Effects, LedgerError, Outcome, Planner};

use super::connect::{Connections, Held};
use super::fault::Trouble;
use super::guard::{self, Decided, Guard, Refusal, State};
use super::load::{self, Loaded};
use super::persist::{New, Storing};
use super::transaction::{Kind, begin, within};
use crate::convert::micros;

/// The first wait before a lost server is looked for again; it doubles, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How much longer than the server we wait for its own bound to be kept.
const GRACE: Duration = Duration::from_millis(500);
/// A turnstile that takes longer to pass was somebody else's before.
const AT_ONCE: Duration = Duration::from_millis(2);

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
    pub(super) guard: Arc<Guard>,
    /// Whether the last decision found no server: then the next one does not wait for one.
    pub(super) is_down: Arc<AtomicBool>,
    /// Whether others had their turns before our last one: then the next batch is gathered when its turn has come.
    pub(super) is_shared: Arc<AtomicBool>,
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

/// Why effects were not stored, as far as we know.
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
            Self::ToGather(_) => unreachable!("what was gathered is kept"),
        }
    }
}

impl Turns {
    /// Decides a batch, gathered when its turn has come, or before it where nobody else takes turns.
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

    /// Says whether decisions can be made: by a server that can be written to, and that has what was acknowledged.
    pub(super) async fn check(&self) -> Result<(), LedgerError> {
        let memory = self.guard.memory();
        let asked = Arc::new(memory.asked());
        // To begin is a check: a server that can only be read from refuses it.
        let state = self.connections.transaction(Kind::Append, self.bounds.work, move |conn| {
            let asked = Arc::clone(&asked);
            async move { State::load(conn, &asked).await }.boxed()
        });
        match self.guard.judge(&memory, &state.await?, None) {
            Ok(()) => Ok(()),
            Err(refusal) => Err(self.refused(refusal).await),
        }
    }

    /// Has every other instance refuse too, if acknowledged work is missing: those who remember less do not miss it.
    async fn refused(&self, refusal: Refusal) -> LedgerError {
        if matches!(refusal, Refusal::Lost { .. }) {
            let reason: Arc<str> = refusal.to_string().into();
            let halt = self.connections.transaction(Kind::Write, self.bounds.work, move |conn| {
                let reason = Arc::clone(&reason);
                async move { guard::halt(conn, &reason).await }.boxed()
            });
            if let Err(error) = halt.await {
                tracing::error!(%error, "the other instances cannot be told that acknowledged work is missing");
            }
        }
        refusal.into()
    }

    /// Passes the turnstile, and loads the facts of the next batch.
    async fn load(
        &self,
        conn: &AsyncPgConnection,
        next: &mut Next,
        planner: &Planner,
        asked: &Decided,
    ) -> Result<(Loaded, State), Trouble> {
        let threshold = planner.policy().quota.first_threshold;
        if self.is_shared.load(Ordering::Relaxed) {
            self.pass(conn).await?;
            let keys = planner.fact_keys(&next.batch());
            let both = try_join(load::facts(conn, &keys, threshold), State::load(conn, asked));
            return within(self.bounds.work, both).await;
        }
        let keys = planner.fact_keys(&next.batch());
        let passed = self.pass(conn);
        // What is polled first is sent first.
        let all = try_join3(passed, load::facts(conn, &keys, threshold), State::load(conn, asked));
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
            // The server refused the effects; behind them, it took the commit as the end of a transaction that had failed.
            Err(trouble) => Err(Stored::Not(trouble)),
            Ok(()) => {
                ended.map_err(Stored::Perhaps)?;
                held.give_back();
                Ok(true)
            }
        }
    }

    /// Begins a transaction whose turn it is.
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
        let held = self.connections.get().await?;
        self.pass(&held).await?;
        // What leaves no row of its own may be decided again.
        let was_committed = within(self.bounds.work, load::was_committed(&held, batch)).await?.unwrap_or(false);
        if was_committed {
            within(self.bounds.work, (&mut &**held).batch_execute("UPDATE pool_marks SET kind = kind")).await?;
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
