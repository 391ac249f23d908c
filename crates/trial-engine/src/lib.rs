//! The use cases: group commit, sending codes, delivering mails.
//!
//! Every decision goes through one bounded queue (`commit::request_queue`): a batch is every request that has arrived (`commit::batch_queue`)
//! when the ledger is ready to commit (`commit::group_committer`). Nothing is answered before it is durable, and nothing leaves the
//! process inside a transaction.

mod altcha;
mod clock_watch;
mod commit;
mod counters;
mod health;
mod lifecycle;
pub mod operations;
mod outbox;
mod service;
mod settings_follower;
mod shared_clock;
mod signatures;
mod sms;
mod supervision;
mod tenant_commands;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trial_core::clock_gap::MAX_CLOCK_GAP;
use trial_core::mails::MailRetry;
use trial_core::planner::Planner;
use trial_core::platform::EndpointId;
use trial_core::ports::{
    Clock, Entropy, EventOperations, EventOutbox, Health, Mailer, NumberRanges, Operations, Outbox, Privacy, Screen,
    SmsGateway, TenantPlatform, TrialLedger, TrialService, Upkeep,
};
use trial_core::sms::ServedCountries;
use trial_core::values::Email;

pub use altcha::AltchaBotChallenge;
pub use clock_watch::ClockWatch;
use commit::decision_health::Decisions;
use commit::prescreening::ScreeningTask;
use commit::request_queue::{Admission, AdmissionTasks};
use health::{EngineHealth, Judged};
use lifecycle::alerts::Watch;
use lifecycle::retention::Expiry;
pub use lifecycle::retention::{COMPACT_LIMIT, RetentionOptions, purge};
pub use lifecycle::sweeper::{Kept, Sweeper, Swept};
use outbox::delivery::{Delivery, EventConsumer, MailConsumer, PlatformState};
use outbox::wakers::Wakers;
use service::Service;
pub use settings_follower::{Following, follow_once};
pub use shared_clock::{ClockSkew, SharedClock, TimeParts, TimeServer};
pub use signatures::Signatures;
use sms::dispatch::Gateways;
pub use sms::receipts::CountedReceipts;
pub use supervision::{Died, Supervised};
use supervision::{Part, first_end};
pub use tenant_commands::Orders;

/// The adapters of the engine.
#[derive(Clone)]
pub struct EngineParts {
    /// The ledger of trials.
    pub ledger: Arc<dyn TrialLedger>,
    /// Refuses hopeless applications before they join a batch, under attack; `None` if the ledger cannot.
    pub screen: Option<Arc<dyn Screen>>,
    /// The scheduled tasks of the ledger.
    pub upkeep: Arc<dyn Upkeep>,
    /// The state of pool and daily e-mail limit.
    pub operations: Arc<dyn Operations>,
    /// The blocked number ranges.
    pub prefixes: Arc<dyn NumberRanges>,
    /// The recipients of warnings.
    pub warning_readers: Vec<Email>,
    /// The outbox of mails.
    pub outbox: Arc<dyn Outbox>,
    /// The SMS gateways, in order of preference.
    pub gateways: Vec<SmsRoute>,
    /// The mailer.
    pub mailer: Arc<dyn Mailer>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
    /// The rules.
    pub planner: Arc<Planner>,
    /// The platform that receives tenant events, if any.
    pub platform: Option<PlatformParts>,
    /// The source of `clock`, if it is a server's.
    pub time: Option<TimeParts>,
    /// The removal of expired data; `None` if nothing is removed.
    pub privacy: Option<(Arc<dyn Privacy>, RetentionOptions)>,
}

/// The platform that receives tenant events.
#[derive(Clone)]
pub struct PlatformParts {
    /// The outbox of events.
    pub events: Arc<dyn EventOutbox>,
    /// The client of the platform.
    pub platform: Arc<dyn TenantPlatform>,
    /// Queries of its queue.
    pub queue: Arc<dyn EventOperations>,
    /// The identity of the endpoint.
    pub endpoint: EndpointId,
}

/// A gateway and its countries.
#[derive(Clone)]
pub struct SmsRoute {
    /// The gateway.
    pub gateway: Arc<dyn SmsGateway>,
    /// The countries whose phones it serves.
    pub countries: ServedCountries,
}

impl SmsRoute {
    /// A gateway for every phone.
    pub fn everywhere(gateway: Arc<dyn SmsGateway>) -> Self {
        Self { gateway, countries: ServedCountries::default() }
    }
}

/// The limits of the engine: every queue, wait and retry has its bound here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineOptions {
    /// Requests that may wait for a decision, and applications that may wait for pre-screening; one more is answered
    /// 005 (202 for a code).
    pub queue_length: usize,
    /// Requests per batch, at most.
    pub batch_limit: usize,
    /// The longest wait for a decision; then the answer is 005 (202 for a code).
    pub wait: Duration,
    /// The longest time to send one message over all gateways; after that the outcome is unknown.
    pub sms_timeout: Duration,
    /// The circuit breakers of gateways.
    pub breaker: BreakerOptions,
    /// Delivery of mails.
    pub mail: MailDeliveryOptions,
    /// The interval of the sweep.
    pub sweep_every: Duration,
    /// Delivery of events.
    pub events: EventDeliveryOptions,
    /// The longest leap of the clock that is accepted.
    pub max_clock_gap: Duration,
}

/// Delivery of events. Retry times are the specification's ([`trial_core::platform::EVENT_RETRIES`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventDeliveryOptions {
    /// Events per second, at most; at least 1.
    pub max_per_second: u32,
    /// Events at the same time, at most.
    pub concurrency: usize,
    /// The longest time of one delivery.
    pub timeout: Duration,
    /// The length of a lease of claimed events; longer than `timeout`.
    pub lease: Duration,
}

/// A circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Consecutive failures that open it; at least 1.
    pub open_after: u32,
    /// The time until one message probes the gateway.
    pub probe_after: Duration,
}

/// Delivery of mails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MailDeliveryOptions {
    /// Retries of failed deliveries.
    pub retry: MailRetry,
    /// Mails per second, at most; at least 1.
    pub max_per_second: u32,
    /// Deliveries at the same time, at most.
    pub concurrency: usize,
    /// The longest time of one delivery.
    pub timeout: Duration,
    /// The length of a lease of claimed mails. It is renewed while the delivery lasts.
    pub lease: Duration,
    /// The longest that a stop waits for deliveries under way; the others are due again when their lease ends.
    pub drain: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            queue_length: 2048,
            batch_limit: 256,
            wait: Duration::from_secs(5),
            sms_timeout: Duration::from_secs(10),
            breaker: BreakerOptions { open_after: 5, probe_after: Duration::from_secs(30) },
            mail: MailDeliveryOptions {
                retry: MailRetry::default(),
                max_per_second: 50,
                concurrency: 10,
                timeout: Duration::from_secs(640),
                lease: Duration::from_mins(3),
                drain: Duration::from_secs(20),
            },
            events: EventDeliveryOptions {
                max_per_second: 100,
                concurrency: 10,
                timeout: Duration::from_secs(20),
                lease: Duration::from_mins(1),
            },
            sweep_every: Duration::from_mins(1),
            max_clock_gap: MAX_CLOCK_GAP,
        }
    }
}

/// The running use cases.
pub struct Engine {
    service: Arc<Service>,
    health: Arc<EngineHealth>,
    tasks: TaskTracker,
    closing: CancellationToken,
    screening: Option<CancellationToken>,
    parts: Vec<Part>,
}

impl Engine {
    /// Starts deciding and delivering on the current runtime.
    pub fn start(parts: EngineParts, options: EngineOptions) -> Self {
        counters::begin();
        let tasks = TaskTracker::new();
        let closing = CancellationToken::new();
        let wakers = Wakers::default();
        let decisions = Arc::<Decisions>::default();
        let (admission, AdmissionTasks { screening, deciding }) =
            Admission::start(&parts, options, wakers.clone(), Arc::clone(&decisions), closing.clone());
        let gateways = Arc::new(Gateways::new(parts.gateways.clone(), options.sms_timeout, options.breaker));
        let clock = (Arc::clone(&parts.upkeep), Arc::clone(&parts.clock));
        let clock_watch = Arc::new(ClockWatch::new(clock.0, clock.1, options.max_clock_gap));
        let (keeper, watch) = (Sweeper::of(&parts, Arc::clone(&clock_watch)), Watch::of(&parts));
        let world = || (Arc::clone(&parts.clock), Arc::clone(&parts.entropy));
        let mails = MailConsumer::new(&parts, options.mail, Arc::clone(&clock_watch));
        let bounds = mails.bounds();
        let delivery = Delivery::new(mails, world(), bounds, wakers.mails, closing.clone());
        let platform = parts.platform.as_ref().map(|_| Arc::<PlatformState>::default());
        let mut running = vec![("deciding", deciding), ("delivering", tokio::spawn(delivery.run()))];
        running.extend(parts.platform.as_ref().zip(platform.clone()).map(|(platform, state)| {
            let events = EventConsumer::new(platform, Arc::clone(&parts.clock), options.events, state);
            let bounds = events.bounds();
            ("telling", tokio::spawn(Delivery::new(events, world(), bounds, wakers.events, closing.clone()).run()))
        }));
        running.extend(parts.privacy.clone().map(|(privacy, options)| {
            let (watch, closing) = (Arc::clone(&clock_watch), closing.clone());
            ("expiring", tokio::spawn(Expiry { privacy, watch, options, closing }.run()))
        }));
        running.extend(parts.time.clone().map(|time| ("measuring time", tokio::spawn(time.run(closing.clone())))));
        running.push(("keeping", tokio::spawn(keeper.run(watch, options.sweep_every, closing.clone()))));
        running.push(("measuring", tokio::spawn(measure(Arc::clone(&decisions), closing.clone()))));
        let screening = screening.map(|ScreeningTask { closing, task }| {
            running.push(("screening", task));
            closing
        });
        let judged_by = Judged {
            decisions,
            wait: options.wait,
            clock_watch,
            clock_skew: parts.time.as_ref().map(|time| time.clock.skew()),
        };
        Self {
            health: Arc::new(EngineHealth::new(&parts, admission.clone(), judged_by, Arc::clone(&gateways), platform)),
            service: Arc::new(Service::new(parts.clock, admission, gateways, tasks.clone(), Handle::current())),
            tasks,
            screening,
            parts: running,
            closing,
        }
    }

    /// The use cases of the public interface.
    pub fn service(&self) -> Arc<dyn TrialService> {
        self.service.clone()
    }

    /// The health that readiness is judged by.
    pub fn health(&self) -> Arc<dyn Health> {
        self.health.clone()
    }

    /// Waits for a part that ends before the stop. None should: without it, the process serves only in part.
    pub async fn ended(&mut self) -> Died {
        first_end(&mut self.parts).await
    }

    /// Accepts nothing more and finishes accepted work: messages under way and their reports, the queues, deliveries
    /// under way. Other mails stay in the outbox for the next start.
    ///
    /// # Errors
    /// [`Died`] if a part of the engine had ended by a fault of the program.
    pub async fn stop(self) -> Result<(), Died> {
        self.tasks.close();
        self.tasks.wait().await;
        let (screening, others): (Vec<Part>, Vec<Part>) =
            self.parts.into_iter().partition(|(part, _)| *part == "screening");
        if let Some(screening) = self.screening {
            screening.cancel();
        }
        // Pre-screening passes applications on: it ends before the queue closes.
        let screened = finish(screening).await;
        self.closing.cancel();
        let finished = finish(others).await;
        screened.and(finished)
    }
}

/// Waits for the end of these parts; reports the first that ended by a fault of the program.
async fn finish(parts: Vec<Part>) -> Result<(), Died> {
    let ends = parts
        .into_iter()
        .map(|(part, task)| async move { task.await.map_err(|source| Died { part, source: Some(source) }) });
    join_all(ends).await.into_iter().collect()
}

/// Shows the wait of the oldest request, also while nothing is decided.
async fn measure(decisions: Arc<Decisions>, closing: CancellationToken) {
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            _ = ticks.tick() => {}
        }
        metrics::gauge!("trialgate_queue_oldest_waiting_seconds").set(decisions.oldest().as_secs_f64());
    }
}
