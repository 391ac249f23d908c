//! `kill -9` at random moments under load: acknowledged work is there after the restart, once.
//!
//! `TRIALGATE_KILL_ROUNDS` is the number of rounds (5), `TRIALGATE_KILL_SEED` repeats the moments of an earlier run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use trialgate_tests::{Applicant, Client, History, Home, Random, Reply, Service, until};

use crate::kept::{assert_acknowledged_are_kept, assert_every_mail_arrives};

const CLIENTS: usize = 16;
/// Access codes and quota do not matter here: there are more than any round uses up.
const PAIRS: u32 = 50_000;
/// The log has every line there is, for the check at the end of the run.
const UNLIMITED: [(&str, &str); 4] = [
    ("TRIALGATE_LOG__LEVEL", "trace"),
    ("TRIALGATE_LIMITS__SMS_PER_DAY", "100000000"),
    ("TRIALGATE_QUOTA__THRESHOLD", "100000000"),
    ("TRIALGATE_MAIL__MAX_PER_SECOND", "10000"),
];

/// The counters that all clients of a round share.
struct Counters {
    began: Instant,
    next_applicant: AtomicU32,
    acknowledged: AtomicUsize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let rounds = number("TRIALGATE_KILL_ROUNDS").unwrap_or(5);
    let seed = number("TRIALGATE_KILL_SEED").unwrap_or_else(Random::any_seed);
    println!("seed {seed}, {rounds} rounds");
    let mut random = Random::new(seed);
    let home = Home::new();
    let mut service = home.sandbox_with(&UNLIMITED).await;
    home.import_pairs(PAIRS).await;
    let counters = Arc::new(Counters {
        began: Instant::now(),
        next_applicant: AtomicU32::default(),
        acknowledged: AtomicUsize::default(),
    });
    let mut kept: Vec<History> = Vec::new();
    for round in 1..=rounds {
        let acknowledged_before = counters.acknowledged.load(Ordering::Relaxed);
        let clients = load(&service, &counters);
        let enough = acknowledged_before + 1 + usize::try_from(random.below(300)).unwrap();
        until("enough is acknowledged", async || {
            (counters.acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
        // Not waiting for an event: the moment itself is random.
        tokio::time::sleep(Duration::from_micros(random.below(20_000))).await;
        service.kill().await;
        let mut histories: Vec<History> = clients.join_all().await.into_iter().flatten().collect();

        service = home.sandbox_with(&UNLIMITED).await;
        let acknowledged = histories.iter().filter(|history| history.is_acknowledged()).count();
        println!("round {round}: {} applied, {acknowledged} acknowledged before the kill", histories.len());
        assert!(acknowledged > 0);
        assert_acknowledged_are_kept(&mut home.database(), kept.iter().chain(&histories));
        send_again(service.client(), &mut histories, counters.began).await;
        kept.extend(histories);
        home.database().assert_keeps_exactly(kept.iter().map(|history| &history.applicant));
    }
    println!("{} applications in all, each with one tenant", kept.len());
    assert_every_mail_arrives(&mut home.database(), &[service.client().clone()], &kept).await;
    let ended = home.run(&["doctor"]).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

/// Clients that apply, one new applicant after the other, until the connection is lost.
fn load(service: &Service, counters: &Arc<Counters>) -> JoinSet<Vec<History>> {
    let clients = (0..CLIENTS).map(|_| {
        let (client, counters) = (service.client().clone(), Arc::clone(counters));
        async move {
            let mut histories = Vec::new();
            while let Some((applicant, code)) = next_with_code(&client, &counters).await {
                let mut history = History::new(applicant, code);
                let answer = history.apply(&client, 0, counters.began).await;
                histories.push(history);
                match answer.code() {
                    Some("000") => drop(counters.acknowledged.fetch_add(1, Ordering::Relaxed)),
                    Some("005") => {}
                    Some(other) => panic!("an application was answered {other}"),
                    None => break,
                }
            }
            histories
        }
    });
    clients.collect()
}

/// A new applicant and the code that was sent; `None` once the service is gone.
async fn next_with_code(client: &Client, counters: &Counters) -> Option<(Applicant, String)> {
    let applicant = Applicant::new(counters.next_applicant.fetch_add(1, Ordering::Relaxed));
    let reply: Reply = client.try_send_code(&applicant).await.ok()?;
    assert_eq!(reply.code(), "200");
    let code = client.try_code_of(&applicant).await.ok()?;
    Some((applicant, code.expect("a message that was acknowledged is captured")))
}

/// All apply once more, whatever the reply was: all of them get 000.
async fn send_again(client: &Client, histories: &mut [History], began: Instant) {
    for history in histories {
        let answer = history.apply(client, 0, began).await;
        assert!(answer.is("000"), "{history:?}");
    }
}
