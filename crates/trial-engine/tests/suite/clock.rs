//! The clock of a database server as that of every instance, and the effects of a leap beyond sweeps.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, advance};
use trial_core::error::LedgerError;
use trial_core::mails::{DeliveryError, DueMail, Lease, SettledAs, Settlement};
use trial_core::ports::{Clock, MockMailer, MockPrivacy, MockTrialLedger, MockUpkeep, Outbox};
use trial_core::values::LeaseId;
use trial_engine::{Engine, EngineParts, RetentionOptions, SharedClock, TimeParts, TimeServer};
use trial_testkit::FixedClock;

use crate::stage::{due_mail, now, options, parts};

const LEAP: Duration = Duration::from_hours(400 * 24);

/// A server whose clock runs from this time on.
struct Server(Mutex<(DateTime<Utc>, Instant)>);

impl Server {
    fn at(time: DateTime<Utc>) -> Self {
        Self(Mutex::new((time, Instant::now())))
    }
}

#[async_trait]
impl TimeServer for Server {
    async fn time(&self) -> Result<DateTime<Utc>, LedgerError> {
        let (time, since) = *self.0.lock().unwrap();
        Ok(time + since.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn the_servers_clock_is_the_clock_and_the_skew_is_shown() {
    let server = Arc::new(Server::at(now()));
    let local = Arc::new(FixedClock::new(now() + TimeDelta::minutes(10)));
    let clock = SharedClock::of(&*server, local.clone()).await.unwrap();
    assert_eq!(clock.now(), now());
    assert_eq!(clock.skew().get(), TimeDelta::minutes(10));
    let problem = clock.skew().problem().unwrap();
    assert!(problem.contains("600 s ahead of the database server's"), "{problem}");
    local.set(now() - TimeDelta::days(400));
    advance(Duration::from_mins(7)).await;
    assert_eq!(clock.now(), now() + TimeDelta::minutes(7), "whatever this machine's clock does meanwhile");
    local.set(now() + TimeDelta::minutes(7) + TimeDelta::seconds(20));
    clock.measure(&*server).await.unwrap();
    assert_eq!(clock.skew().problem(), None, "as far apart as clocks may be");
}

/// A server whose answers take their time.
struct Slow(Server, Mutex<Duration>);

#[async_trait]
impl TimeServer for Slow {
    async fn time(&self) -> Result<DateTime<Utc>, LedgerError> {
        let time = self.0.time().await;
        let trip = *self.1.lock().unwrap();
        tokio::time::sleep(trip).await;
        time
    }
}

/// A machine that was frozen during the round trip does not know to which instant of it the answer belongs.
#[tokio::test(start_paused = true)]
async fn a_measurement_that_takes_long_changes_nothing() {
    let server = Slow(Server::at(now()), Mutex::default());
    let clock = SharedClock::of(&server, Arc::new(FixedClock::new(now()))).await.unwrap();
    *server.1.lock().unwrap() = Duration::from_mins(10);
    clock.measure(&server).await.unwrap();
    assert_eq!(clock.now(), now() + TimeDelta::minutes(10));
    *server.1.lock().unwrap() = Duration::from_secs(2);
    clock.measure(&server).await.unwrap();
    let behind = now() + TimeDelta::minutes(10) + TimeDelta::seconds(1);
    assert_eq!(clock.now(), behind, "the answer came at once, and counts as that of the middle");
}

/// The clock of the server is set, or another server takes its place.
#[tokio::test(start_paused = true)]
async fn the_clock_is_measured_while_the_engine_runs() {
    let server = Arc::new(Server::at(now()));
    let clock = SharedClock::of(&*server, Arc::new(FixedClock::new(now()))).await.unwrap();
    let time = Some(TimeParts { clock: clock.clone(), server: server.clone() });
    let engine = Engine::start(EngineParts { time, ..parts(MockTrialLedger::new()) }, options());
    *server.0.lock().unwrap() = (now() + TimeDelta::hours(1), Instant::now());
    while clock.now() < now() + TimeDelta::hours(1) {
        advance(Duration::from_secs(10)).await;
        tokio::task::yield_now().await;
    }
    engine.stop().await.unwrap();
}

/// The clock was measured before metrics were recorded: without another measurement, the skew is absent for a minute.
#[tokio::test(start_paused = true)]
async fn the_clock_is_measured_when_the_engine_starts() {
    let server = Arc::new(Server::at(now()));
    let clock = SharedClock::of(&*server, Arc::new(FixedClock::new(now()))).await.unwrap();
    let time = Some(TimeParts { clock: clock.clone(), server: server.clone() });
    server.0.lock().unwrap().0 = now() + TimeDelta::hours(1);
    let engine = Engine::start(EngineParts { time, ..parts(MockTrialLedger::new()) }, options());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(clock.skew().get(), -TimeDelta::hours(1));
    engine.stop().await.unwrap();
}

/// Scheduled tasks that last ran this long ago.
fn upkeep_of_a_leap() -> MockUpkeep {
    let mut upkeep = MockUpkeep::new();
    upkeep.expect_clock_mark().returning(|| Ok(Some(now() - LEAP)));
    upkeep.expect_mark_clock().never();
    upkeep.expect_due_tenants().never();
    upkeep.expect_end_rests().never();
    upkeep.expect_count_hours().never();
    upkeep.expect_warn().returning(|_| Ok(false));
    upkeep
}

#[tokio::test(start_paused = true)]
async fn nothing_is_removed_while_the_clock_is_not_believed_and_readiness_says_so() {
    let mut ledger = MockTrialLedger::new();
    ledger.expect_check().returning(|| Ok(()));
    let mut mailer = MockMailer::new();
    mailer.expect_check().returning(|| Ok(()));
    let privacy = Some((Arc::new(MockPrivacy::new()) as _, RetentionOptions::default()));
    let (upkeep, mailer) = (Arc::new(upkeep_of_a_leap()), Arc::new(mailer));
    let engine = Engine::start(EngineParts { upkeep, privacy, mailer, ..parts(ledger) }, options());
    for _ in 0..130 {
        advance(Duration::from_mins(1)).await;
        tokio::task::yield_now().await;
    }
    let told = engine.health().dependencies().await;
    let clock = told.iter().find(|one| one.name == "clock").unwrap();
    assert!(!clock.is_vital, "applicants are served");
    assert!(clock.problem.as_ref().unwrap().contains("400 days after the last sweep"), "{clock:?}");
    engine.stop().await.unwrap();
}

/// An outbox with one old mail.
#[derive(Default)]
struct OldMail {
    is_claimed: Mutex<bool>,
    settled: Mutex<Vec<Settlement>>,
}

#[async_trait]
impl Outbox for OldMail {
    async fn claim(&self, _: Lease, _: u32) -> Result<Vec<DueMail>, LedgerError> {
        let is_claimed = std::mem::replace(&mut *self.is_claimed.lock().unwrap(), true);
        let old = DueMail { created_at: now() - LEAP, attempts: 3, ..due_mail(1) };
        Ok(if is_claimed { Vec::new() } else { vec![old] })
    }

    async fn renew(&self, _: Vec<LeaseId>, _: DateTime<Utc>) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        self.settled.lock().unwrap().extend(settlements);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn no_mail_is_given_up_by_its_age_while_the_clock_is_not_believed() {
    for (upkeep, given_up) in [(Some(upkeep_of_a_leap()), false), (None, true)] {
        let mut mailer = MockMailer::new();
        mailer.expect_deliver().returning(|_| Err(DeliveryError::Transient("no connection".to_owned())));
        let outbox = Arc::new(OldMail::default());
        let usual = parts(MockTrialLedger::new());
        let upkeep = upkeep.map_or_else(|| Arc::clone(&usual.upkeep), |upkeep| Arc::new(upkeep) as _);
        let engine_parts = EngineParts { upkeep, outbox: outbox.clone(), mailer: Arc::new(mailer), ..usual };
        let engine = Engine::start(engine_parts, options());
        while outbox.settled.lock().unwrap().is_empty() {
            advance(Duration::from_millis(100)).await;
        }
        engine.stop().await.unwrap();
        let settled = outbox.settled.lock().unwrap();
        assert_eq!(matches!(settled[0].settled_as, SettledAs::Failed { .. }), given_up, "{settled:?}");
    }
}
