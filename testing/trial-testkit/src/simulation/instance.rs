//! An instance of the service in the simulation.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::advance;
use trial_core::planner::Planner;
use trial_core::platform::EndpointId;
use trial_core::ports::{Clock, Entropy, TrialLedger};
use trial_engine::{Engine, EngineOptions, EngineParts, Orders, PlatformParts, SmsRoute};

use super::dice::mix;
use super::gate::Gate;
use super::outside::Outside;
use super::storage::Storage;
use super::world::World;
use crate::{FixedClock, SeededEntropy};

/// An engine on a runtime of its own, so that all of it can be dropped at once, as a process is.
pub(super) struct Instance {
    runtime: Runtime,
    engine: Engine,
    orders: Arc<Orders>,
    clock: FixedClock,
    skew: TimeDelta,
    turns_left: Option<u32>,
}

impl Instance {
    pub(super) fn start(world: &Arc<World>, planner: &Arc<Planner>, on: usize, seed: u64, now: DateTime<Utc>) -> Self {
        // The order of tasks is drawn after each poll.
        let builder = &mut Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).event_interval(1).build().expect("a runtime");
        let gate = Arc::new(Gate::new(mix(seed)));
        let clock = FixedClock::new(now);
        let storage = Arc::new(Storage { world: Arc::clone(world), gate: Arc::clone(&gate), on });
        let outside = Arc::new(Outside { world: Arc::clone(world), gate });
        let shared_clock: Arc<dyn Clock> = Arc::new(clock.clone());
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
                events: storage,
                platform: outside,
                queue: Arc::new(world.ledger.clone()),
                endpoint: EndpointId::of_url("https://platform.example/hook"),
            }),
            time: None,
            privacy: None,
        };
        let engine = {
            let _on = runtime.enter();
            Engine::start(parts, EngineOptions { queue_length: 16, batch_limit: 4, ..EngineOptions::default() })
        };
        Self { runtime, engine, orders, clock, skew: TimeDelta::zero(), turns_left: None }
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
        self.runtime.block_on(yield_now());
    }

    /// Time passes; tasks that waited for it run in the next turn.
    pub(super) fn pass(&self, time: Duration) {
        self.runtime.block_on(advance(time));
    }

    pub(super) fn set_skew(&mut self, skew: TimeDelta) {
        self.skew = skew;
    }

    pub(super) fn show(&self, now: DateTime<Utc>) {
        self.clock.set(now + self.skew);
    }

    pub(super) fn die_after(&mut self, turns: u32) {
        self.turns_left = Some(turns);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.turns_left == Some(0)
    }
}
