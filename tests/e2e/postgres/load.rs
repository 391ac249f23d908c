//! Applicants who apply, one after the other, at instances of which any may fail at any moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use trialgate_tests::{Answer, Applicant, Attempt, Client, Doors, History, Random, until, within};

const CLIENTS: usize = 16;

/// Clients that apply until they are stopped.
pub(super) struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<Vec<History>>,
}

struct Shared {
    doors: Doors,
    began: Instant,
    next_applicant: Arc<AtomicU32>,
    is_over: AtomicBool,
    /// The number of applications that each instance has acknowledged.
    acknowledged: Vec<AtomicUsize>,
}

impl Load {
    /// Starts the clients. They number their applicants by this counter.
    pub(super) fn start(doors: Doors, next_applicant: &Arc<AtomicU32>, random: &mut Random) -> Self {
        let acknowledged = (0..doors.count()).map(|_| AtomicUsize::default()).collect();
        let (began, is_over, next_applicant) = (Instant::now(), AtomicBool::new(false), Arc::clone(next_applicant));
        let shared = Arc::new(Shared { doors, began, next_applicant, is_over, acknowledged });
        let client = |_| Arc::clone(&shared).visit(Random::new(random.below(u64::MAX)));
        let clients = (0..CLIENTS).map(client).collect();
        Self { shared, clients }
    }

    /// The start.
    pub(super) fn began(&self) -> Instant {
        self.shared.began
    }

    /// Waits until this many more applications are acknowledged.
    pub(super) async fn until_acknowledged(&self, more: usize) {
        let counters = &self.shared.acknowledged;
        let sum = || counters.iter().map(|count| count.load(Ordering::Relaxed)).sum::<usize>();
        let enough = sum() + more;
        until("enough is acknowledged", async || (sum() >= enough).then_some(())).await;
    }

    /// Waits until each instance has acknowledged this many more applications.
    pub(super) async fn until_acknowledged_by_each(&self, more: usize) {
        for count in &self.shared.acknowledged {
            let enough = count.load(Ordering::Relaxed) + more;
            until("each instance acknowledges", async || (count.load(Ordering::Relaxed) >= enough).then_some(())).await;
        }
    }

    /// Stops the clients; returns their histories.
    pub(super) async fn stop(self) -> Vec<History> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.clients.join_all().await.into_iter().flatten().collect()
    }
}

impl Shared {
    async fn visit(self: Arc<Self>, mut random: Random) -> Vec<History> {
        let mut histories = Vec::new();
        let mut place = self.any_place(&mut random);
        while !self.is_over.load(Ordering::Relaxed) {
            let applicant = Applicant::new(self.next_applicant.fetch_add(1, Ordering::Relaxed));
            let Some(code) = obtain_code(&self.doors.client(place), &applicant).await else {
                place = self.doors.until_any_ready(place + 1).await;
                continue;
            };
            let mut history = History::new(applicant, code);
            let is_certain = self.apply(&mut history, &mut random).await;
            histories.push(history);
            if !is_certain {
                place = self.doors.until_any_ready(place + 1).await;
            }
        }
        histories
    }

    /// Applies at any instance: some click twice, some retry at once without 000. Returns `true` if all went well.
    async fn apply(&self, history: &mut History, random: &mut Random) -> bool {
        let first = self.any_place(random);
        if random.below(8) == 0 {
            let second = self.any_place(random);
            let (one, other) = tokio::join!(self.attempt(history, first), self.attempt(history, second));
            history.attempts.extend([one, other]);
        } else {
            history.attempts.push(self.attempt(history, first).await);
            if !history.is_acknowledged() && random.below(2) == 0 {
                let again = self.attempt(history, self.any_place(random)).await;
                history.attempts.push(again);
            }
        }
        history.attempts.iter().all(|attempt| attempt.answer.is("000"))
    }

    async fn attempt(&self, history: &History, place: usize) -> Attempt {
        let client = self.doors.client(place);
        let attempt = Attempt::make(&client, place, &history.applicant, &history.code, self.began).await;
        match attempt.answer.code() {
            Some("000") => drop(self.acknowledged[place].fetch_add(1, Ordering::Relaxed)),
            Some("003" | "005") | None => {}
            Some(other) => panic!("an application was answered {other}: {history:?}"),
        }
        attempt
    }

    fn any_place(&self, random: &mut Random) -> usize {
        usize::try_from(random.below(u64::try_from(self.doors.count()).unwrap())).unwrap()
    }
}

/// The code that was sent; `None` if it is unknown, or the instance is gone.
async fn obtain_code(client: &Client, applicant: &Applicant) -> Option<String> {
    let reply = within("a request for a code is answered", client.try_send_code(applicant)).await.ok()?;
    if reply.code() == "202" {
        return None;
    }
    assert_eq!(reply.code(), "200", "{reply:?}");
    let code = client.try_code_of(applicant).await.ok()?;
    Some(code.expect("a message that was acknowledged is captured"))
}

/// The answers to these applicants, in one line.
pub(super) fn summary(histories: &[History]) -> String {
    let acknowledged = histories.iter().filter(|history| history.is_acknowledged()).count();
    let mut answers: BTreeMap<&Answer, usize> = BTreeMap::new();
    let mut longest = Duration::ZERO;
    for attempt in histories.iter().flat_map(|history| &history.attempts) {
        *answers.entry(&attempt.answer).or_default() += 1;
        longest = longest.max(attempt.took);
    }
    let answers: Vec<String> = answers.into_iter().map(|(answer, count)| format!("{count} × {answer}")).collect();
    format!(
        "{} applied, {acknowledged} acknowledged ({}; the longest took {} ms)",
        histories.len(),
        answers.join(", "),
        longest.as_millis()
    )
}
