//! An open loop: applications come at a fixed rate, whether or not earlier ones are answered. Latency counts from the
//! time when an application was to be sent, so that waiting behind a slow one counts.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::{Mutex, mpsc};
use tokio::task::LocalSet;

use super::{Load, Tally, connect};
use crate::applicants::Applicant;
use crate::http::{Connection, Request};

/// The time of the `n`-th request of an open loop, from its start.
fn due(n: usize, rate: u32) -> Duration {
    let nanos = n as u128 * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

struct Due {
    at: Instant,
    request: Request,
}

/// Applies at a fixed rate per second until everybody has applied.
pub(crate) async fn open(
    addresses: &[SocketAddr],
    applicants: &[Applicant],
    connections: usize,
    rate: u32,
) -> anyhow::Result<Load> {
    let open = connect(addresses, connections).await?;
    let tally = Rc::new(RefCell::new(Tally::new()?));
    let requests: Vec<_> = applicants.iter().map(Applicant::applies).collect();
    let (send, receive) = mpsc::channel(requests.len().max(1));
    let receive = Rc::new(Mutex::new(receive));
    let started = Instant::now();
    // A thread of its own sleeps to the microsecond, which the runtime's timers do not.
    let pace = thread::spawn(move || pace(started, rate, requests, &send));
    let local = LocalSet::new();
    let tasks: Vec<_> = open
        .into_iter()
        .map(|connection| local.spawn_local(serve(connection, Rc::clone(&receive), Rc::clone(&tally))))
        .collect();
    local.await;
    let took = started.elapsed();
    for task in tasks {
        task.await??;
    }
    pace.join().ok().context("the thread that paces the load ended early")?;
    tally.borrow().load(took)
}

fn pace(started: Instant, rate: u32, requests: Vec<Request>, send: &mpsc::Sender<Due>) {
    for (n, request) in requests.into_iter().enumerate() {
        let at = started + due(n, rate);
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if send.blocking_send(Due { at, request }).is_err() {
            return;
        }
    }
}

async fn serve(
    mut connection: Connection,
    requests: Rc<Mutex<mpsc::Receiver<Due>>>,
    tally: Rc<RefCell<Tally>>,
) -> anyhow::Result<()> {
    loop {
        let next = requests.lock().await.recv().await;
        let Some(Due { at, request }) = next else {
            return Ok(());
        };
        let reply = connection.exchange(&request).await?;
        tally.borrow_mut().count(at.elapsed(), reply, "\"000\"")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_does_not_drift() {
        assert_eq!(due(0, 1_000), Duration::ZERO);
        assert_eq!(due(1, 1_000), Duration::from_millis(1));
        assert_eq!(due(300, 3), Duration::from_secs(100));
        assert_eq!(due(1, 3), Duration::from_nanos(333_333_333));
        assert_eq!(due(2, 3), Duration::from_nanos(666_666_666));
        assert_eq!(due(3, 3), Duration::from_secs(1));
    }

    #[test]
    fn the_pace_is_kept_whether_or_not_anybody_answers() {
        let (send, mut receive) = mpsc::channel(10);
        let started = Instant::now();
        pace(started, 1_000_000, vec![Request::get("/"); 10], &send);
        drop(send);
        let mut at = Vec::new();
        while let Some(next) = receive.blocking_recv() {
            at.push(next.at - started);
        }
        assert_eq!(at, (0..10).map(Duration::from_micros).collect::<Vec<_>>());
    }
}
