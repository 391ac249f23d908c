//! An instance of the service in the simulation.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::{advance, sleep};
use tracing::Dispatch;
use tracing::dispatcher::with_default;
use trial_core::planner::Planner;
use trial_core::platform::EndpointId;
use trial_core::ports::{Clock, Entropy, TrialLedger};
use trial_engine::{Engine, EngineOptions, EngineParts, Orders, PlatformParts, SharedClock, SmsRoute, TimeParts};

use super::dice::mix;
use super::gate::Gate;
use super::log::Log;
use super::mutation::Mutation;
use super::outside::Outside;
use super::session::Session;
use super::storage::Storage;
use super::world::World;
use crate::{FixedClock, SeededEntropy};

/// The interval at which an instance looks for its last batch, as on PostgreSQL.
const WATCH_EVERY: Duration = Duration::from_secs(10);

/// An engine on a runtime of its own, so that all of it can be dropped at once, as a process is.
pub(super) struct Instance {
    /// Identifies this start of the instance.
    pub(super) id: u64,
    pub(super) log: Log,
    logging: Dispatch,
    runtime: Runtime,
    engine: Engine,
    orders: Arc<Orders>,
    /// The clock of its machine.
    clock: FixedClock,
    turns_left: Option<u32>,
}

impl Instance {
    /// Starts instance `on`; the clock of its machine has an error.
    pub(super) fn start(
        world: &Arc<World>,
        planner: &Arc<Planner>,
        on: usize,
        start: (u64, u64),
        error: TimeDelta,
    ) -> Self {
        let (seed, id) = start;
        // The order of tasks is drawn after each poll.
        let builder = &mut Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).event_interval(1).build().expect("a runtime");
        let gate = Arc::new(Gate::new(mix(seed)));
        let session = Arc::new(Session::new(id));
        world.seen().open.insert(id, 0);
        let clock = FixedClock::new(world.real.now() + error);
        let storage = Arc::new(Storage { world: Arc::clone(world), gate: Arc::clone(&gate), on, session });
        let outside = Arc::new(Outside { world: Arc::clone(world), gate });
        let measured = runtime.block_on(SharedClock::of(&*storage, Arc::new(clock.clone())));
        let measured = measured.expect("the server tells its time");
        let has_own = world.has(Mutation::OwnClockUsed);
        let shared_clock: Arc<dyn Clock> = if has_own { Arc::new(clock.clone()) } else { Arc::new(measured.clone()) };
        let time = TimeParts { clock: measured, server: storage.clone() };
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(mix(seed ^ 1)));
        let ledger: Arc<dyn TrialLedger> = storage.clone();
        let orders = Arc::new(Orders {
            ledger: Arc::clone(&ledger),
            clock: Arc::clone(&shared_clock),
            entropy: Arc::clone(&entropy),
            planner: Arc::clone(planner),
        });
        let parts = EngineParts {
            ledger,
            screen: Some(storage.clone()),
            upkeep: storage.clone(),
            operations: Arc::new(world.ledger.clone()),
            prefixes: Arc::new(world.ledger.clone()),
            warning_readers: vec![crate::data::email(9_999)],
            outbox: storage.clone(),
            gateways: vec![SmsRoute::everywhere(outside.clone())],
            mailer: outside.clone(),
            clock: shared_clock,
            entropy,
            planner: Arc::clone(planner),
            platform: Some(PlatformParts {
                events: storage.clone(),
                platform: outside,
                queue: Arc::new(world.ledger.clone()),
                endpoint: EndpointId::of_url("https://platform.example/hook"),
            }),
            time: Some(time).filter(|_| !has_own),
            privacy: None,
        };
        let engine = {
            let _on = runtime.enter();
            Engine::start(parts, EngineOptions { queue_length: 16, batch_limit: 4, ..EngineOptions::default() })
        };
        runtime.spawn(async move {
            loop {
                sleep(WATCH_EVERY).await;
                // A lost batch halts the server; nothing else follows from the answer.
                let _ = storage.check().await;
            }
        });
        let log = Log::new(world.has(Mutation::LogAwaited));
        let logging = Dispatch::new(log.clone());
        Self { id, log, logging, runtime, engine, orders, clock, turns_left: None }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn orders(&self) -> Arc<Orders> {
        Arc::clone(&self.orders)
    }

    /// Runs beside everything else that the instance does, and ends with it.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// One ready task runs up to the next await at which it waits.
    pub(super) fn turn(&mut self) {
        self.turns_left = self.turns_left.map(|left| left.saturating_sub(1));
        if !self.log.is_awaited() {
            with_default(&self.logging, || self.runtime.block_on(yield_now()));
        }
    }

    /// Time passes; tasks that waited for it run in the next turn.
    pub(super) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        with_default(&self.logging, || self.runtime.block_on(advance(time)));
    }

    /// Sets the clock of its machine.
    pub(super) fn set_clock(&self, now: DateTime<Utc>) {
        self.clock.set(now);
    }

    pub(super) fn die_after(&mut self, turns: u32) {
        self.turns_left = Some(turns);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.turns_left == Some(0)
    }
}
