//! Pre-screening under attack: hopeless applications take no place in a batch.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use trial_core::applications::Application;
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Outcome, Planner};
use trial_core::ports::{MockScreen, MockTrialLedger, Screen, TrialLedger, Unexpected};
use trial_core::return_codes::{ApplyReply, SendCode};
use trial_engine::{Engine, EngineOptions, EngineParts, SmsRoute};
use trial_testkit::{FaultyLedger, LedgerFault, LedgerHarness, MemoryLedger, ScriptedGateway, data};

use crate::stage::{options, parts};

/// Consecutive calm batches that turn screening off.
const CALM_BATCHES: u32 = 8;

/// A ledger in memory that reports the sizes of its batches, and blocks while a gate is held.
#[derive(Default)]
struct Watched {
    ledger: MemoryLedger,
    commits: Mutex<Vec<usize>>,
    screens: Mutex<Vec<usize>>,
    commit_gate: tokio::sync::Mutex<()>,
    screen_gate: tokio::sync::Mutex<()>,
}

impl Watched {
    fn commits(&self) -> Vec<usize> {
        std::mem::take(&mut self.commits.lock().unwrap())
    }

    fn screens(&self) -> Vec<usize> {
        std::mem::take(&mut self.screens.lock().unwrap())
    }
}

#[async_trait]
impl TrialLedger for Watched {
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.commits.lock().unwrap().push(batch.requests.len());
        let _held = self.commit_gate.lock().await;
        self.ledger.commit(batch, planner).await
    }

    async fn check(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

#[async_trait]
impl Screen for Watched {
    async fn screen(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Option<Outcome>>, LedgerError> {
        self.screens.lock().unwrap().push(batch.requests.len());
        let _held = self.screen_gate.lock().await;
        self.ledger.screen(batch, planner).await
    }
}

/// An engine over a watched ledger, and the fixture that prepares its applicants.
struct Scene {
    harness: LedgerHarness<MemoryLedger>,
    watched: Arc<Watched>,
    engine: Engine,
}

impl Scene {
    async fn new(options: EngineOptions) -> Self {
        Self::by(options, |watched| watched).await
    }

    /// The same with another way to pre-screen.
    async fn by<S: Screen + 'static>(options: EngineOptions, screen: impl FnOnce(Arc<Watched>) -> Arc<S>) -> Self {
        let ledger = MemoryLedger::default();
        let harness = LedgerHarness::new(ledger.clone()).with_access_codes(30).await;
        let watched = Arc::new(Watched { ledger, ..Watched::default() });
        let engine_parts = EngineParts {
            ledger: watched.clone(),
            screen: Some(screen(Arc::clone(&watched))),
            gateways: vec![SmsRoute::everywhere(Arc::new(ScriptedGateway::default()))],
            clock: Arc::new(harness.clock.clone()),
            ..parts(MockTrialLedger::new())
        };
        Self { harness, watched, engine: Engine::start(engine_parts, options) }
    }

    /// The same with pre-screening turned on.
    async fn under_attack(options: EngineOptions) -> Self {
        let scene = Self::new(options).await;
        scene.attack(8).await;
        assert_eq!((scene.watched.screens(), scene.watched.commits()), (vec![], vec![8]));
        scene
    }

    /// `count` applications at once of phones that no code was ever sent to.
    async fn attack(&self, count: u32) {
        assert_eq!(self.apply_together((1..=count).map(beyond_help).collect()).await, vec![Ok("001"); count as usize]);
    }

    async fn apply_together(&self, applications: Vec<Application>) -> Vec<Answer> {
        join_all(applications.into_iter().map(|application| self.apply(application))).await
    }

    async fn apply(&self, application: Application) -> Answer {
        code(self.engine.service().apply(application).await)
    }

    /// Applies in the background.
    fn start(&self, application: Application) -> JoinHandle<Answer> {
        let service = self.engine.service();
        tokio::spawn(async move { code(service.apply(application).await) })
    }

    /// Applies once more, with a valid application, and returns `true` if it is pre-screened.
    async fn is_screening(&self, n: u32) -> bool {
        assert_eq!(self.apply(self.harness.prepared(n).await).await, Ok("000"));
        !self.watched.screens().is_empty()
    }
}

type Answer = Result<&'static str, Unexpected>;

fn code(reply: Result<ApplyReply, Unexpected>) -> Answer {
    reply.map(|reply| reply.code.as_str())
}

fn beyond_help(n: u32) -> Application {
    data::application(1_000 + n, "123456")
}

/// Lets everything happen that needs no time.
async fn settle() {
    for _ in 0..99 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_few_mistakes_turn_nothing_on() {
    let scene = Scene::new(options()).await;
    scene.attack(7).await;
    assert!(!scene.is_screening(1).await);
    let mut mixed = Vec::new();
    for n in 2..27 {
        mixed.push(scene.harness.prepared(n).await);
    }
    mixed.extend((1..=8).map(beyond_help));
    scene.watched.commits();
    scene.apply_together(mixed).await;
    assert_eq!(scene.watched.commits(), [33]);
    assert!(!scene.is_screening(27).await, "8 of 33 are less than a quarter");
}

#[tokio::test(start_paused = true)]
async fn a_quarter_of_a_batch_turns_screening_on() {
    let scene = Scene::new(options()).await;
    let mut mixed = Vec::new();
    for n in 1..=24 {
        mixed.push(scene.harness.prepared(n).await);
    }
    mixed.extend((1..=8).map(beyond_help));
    scene.apply_together(mixed).await;
    assert!(scene.is_screening(25).await);
}

#[tokio::test(start_paused = true)]
async fn locked_phones_turn_screening_on_and_other_refusals_do_not() {
    let scene = Scene::new(options()).await;
    let mut wrong = Vec::new();
    for n in 1..=9 {
        scene.harness.send(&data::phone(n)).await;
        wrong.push(data::application(n, "wrong"));
    }
    assert_eq!(scene.apply_together(wrong.clone()).await, [Ok("002"); 9]);
    assert!(!scene.is_screening(10).await);
    scene.watched.ledger.change(|state| state.phones.values_mut().for_each(|phone| phone.failures = 100));
    assert_eq!(scene.apply_together(wrong).await, [Ok("003"); 9]);
    assert!(scene.is_screening(11).await);
}

#[tokio::test(start_paused = true)]
async fn hopeless_applications_take_no_place_in_a_batch() {
    let scene = Scene::under_attack(options()).await;
    scene.attack(20).await;
    assert_eq!((scene.watched.screens(), scene.watched.commits()), (vec![20], vec![]));
    assert_eq!(scene.watched.ledger.state().applications.len(), 28, "each is on the record");
}

#[tokio::test(start_paused = true)]
async fn the_honest_pass_and_are_decided() {
    let scene = Scene::under_attack(options()).await;
    let first = scene.harness.prepared(1).await;
    let second = scene.harness.prepared(2).await;
    scene.harness.send(&data::phone(3)).await;
    let mixed = vec![first.clone(), beyond_help(1), data::application(3, "wrong"), beyond_help(2), second];
    let answers = ["000", "001", "002", "001", "000"].map(Ok);
    assert_eq!(scene.apply_together(mixed).await, answers);
    assert_eq!((scene.watched.screens(), scene.watched.commits()), (vec![5], vec![3]));
    assert_eq!(scene.apply(first).await, Ok("000"), "a replay");
}

#[tokio::test(start_paused = true)]
async fn requests_for_a_code_are_never_screened() {
    let scene = Scene::under_attack(options()).await;
    let reply = scene.engine.service().send_code(data::code_request(&data::phone(1))).await.unwrap();
    assert_eq!(reply.code, SendCode::Sent);
    assert_eq!((scene.watched.screens(), scene.watched.commits()), (vec![], vec![1, 1]), "the request and the report");
}

#[tokio::test(start_paused = true)]
async fn screening_turns_off_when_few_were_refused_for_a_while() {
    let scene = Scene::under_attack(options()).await;
    for n in 1..CALM_BATCHES {
        assert!(scene.is_screening(n).await);
    }
    scene.attack(1).await;
    assert_eq!(scene.watched.screens(), [1], "a gust starts the count over");
    for n in 0..CALM_BATCHES {
        assert!(scene.is_screening(10 + n).await);
    }
    assert!(!scene.is_screening(20).await);
    scene.attack(8).await;
    assert!(scene.is_screening(21).await, "and on again");
}

#[tokio::test(start_paused = true)]
async fn a_screen_that_fails_lets_everyone_pass() {
    let faulty = |watched: Arc<Watched>| {
        let faulty = FaultyLedger::new(watched.ledger.clone());
        faulty.fail_screens([LedgerFault::Unavailable, LedgerFault::Contended, LedgerFault::Corrupt]);
        Arc::new(faulty)
    };
    let scene = Scene::by(options(), faulty).await;
    scene.attack(8).await;
    for n in 1..=3 {
        let honest = scene.harness.prepared(n).await;
        scene.watched.commits();
        assert_eq!(scene.apply_together(vec![beyond_help(n), honest]).await, [Ok("001"), Ok("000")]);
        assert_eq!(scene.watched.commits(), [2]);
    }
    scene.attack(1).await;
    assert_eq!(scene.watched.commits(), [0; 0], "it works again");
}

#[tokio::test(start_paused = true)]
async fn a_screen_that_answers_too_few_lets_everyone_pass_and_is_given_up() {
    let mut screen = MockScreen::new();
    screen.expect_screen().times(CALM_BATCHES as usize).returning(|_, _| Ok(Vec::new()));
    let scene = Scene::by(options(), |_| Arc::new(screen)).await;
    scene.attack(8).await;
    for n in 0..=CALM_BATCHES {
        assert_eq!(scene.apply(beyond_help(n)).await, Ok("001"));
    }
}

#[tokio::test(start_paused = true)]
async fn arrivals_during_a_screening_are_screened_together_within_its_bound() {
    let scene = Scene::under_attack(EngineOptions { batch_limit: 8, ..options() }).await;
    let gate = scene.watched.screen_gate.lock().await;
    let replies: Vec<_> = (0..14).map(|n| scene.start(beyond_help(n))).collect();
    settle().await;
    replies[13].abort();
    settle().await;
    drop(gate);
    for reply in replies.into_iter().take(13) {
        assert_eq!(reply.await.unwrap(), Ok("001"));
    }
    assert_eq!(scene.watched.screens(), [8, 5], "but for the one who gave up");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_of_screening_is_answered_005_at_once() {
    let scene = Scene::under_attack(EngineOptions { queue_length: 8, ..options() }).await;
    let _gate = scene.watched.screen_gate.lock().await;
    let _screening = scene.start(beyond_help(0));
    settle().await;
    let _queued: Vec<_> = (1..=8).map(|n| scene.start(beyond_help(n))).collect();
    settle().await;
    let started = Instant::now();
    assert_eq!(scene.apply(beyond_help(9)).await, Ok("005"));
    assert_eq!(started.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_passed_application_that_finds_the_queue_full_is_answered_005() {
    let scene = Scene::under_attack(EngineOptions { queue_length: 8, ..options() }).await;
    let (first, last) = (scene.harness.prepared(1).await, scene.harness.prepared(2).await);
    let gate = scene.watched.commit_gate.lock().await;
    let deciding = scene.start(first.clone());
    settle().await;
    let queued: Vec<_> = (0..8).map(|_| scene.start(first.clone())).collect();
    settle().await;
    let started = Instant::now();
    assert_eq!(scene.apply_together(vec![last, beyond_help(1)]).await, [Ok("005"), Ok("001")]);
    assert_eq!(started.elapsed(), std::time::Duration::from_millis(100), "a refusal is kept back, and nothing else");
    drop(gate);
    for reply in std::iter::once(deciding).chain(queued) {
        assert_eq!(reply.await.unwrap(), Ok("000"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_bound_of_waiting_covers_screening_and_decision() {
    let scene = Scene::under_attack(options()).await;
    let honest = scene.harness.prepared(1).await;
    let _commits = scene.watched.commit_gate.lock().await;
    let screens = scene.watched.screen_gate.lock().await;
    let started = Instant::now();
    let reply = scene.start(honest);
    settle().await;
    tokio::time::advance(options().wait / 2).await;
    drop(screens);
    assert_eq!(reply.await.unwrap(), Ok("005"));
    assert_eq!(started.elapsed(), options().wait);
    assert_eq!((scene.watched.screens(), scene.watched.commits()), (vec![1], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn a_screening_under_way_is_answered_when_the_engine_stops() {
    let scene = Scene::under_attack(EngineOptions { batch_limit: 8, ..options() }).await;
    let mut honest = Vec::new();
    for n in 1..=10 {
        honest.push(scene.harness.prepared(n).await);
    }
    let gate = scene.watched.screen_gate.lock().await;
    let pairs: Vec<_> =
        honest.into_iter().zip(1..).map(|(one, n)| (scene.start(one), scene.start(beyond_help(n)))).collect();
    settle().await;
    let service = scene.engine.service();
    let stopping = tokio::spawn(scene.engine.stop());
    settle().await;
    assert!(!stopping.is_finished());
    drop(gate);
    stopping.await.unwrap().unwrap();
    for (honest, other) in pairs {
        assert_eq!((honest.await.unwrap(), other.await.unwrap()), (Ok("000"), Ok("001")));
    }
    assert_eq!(scene.watched.screens(), [8, 8, 4]);
    assert_eq!(code(service.apply(beyond_help(1)).await), Ok("005"));
}
