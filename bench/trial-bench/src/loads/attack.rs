//! An attacker who guesses as fast as one core allows: in a thread of its own, as no honest applicant shares its
//! connections.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::Context;
use tokio::task::LocalSet;

use super::{connect, real};
use crate::applicants::{Applicant, phone, scattered};
use crate::http::{Connection, Request};

/// Connections of the attacker.
const CONNECTIONS: usize = 64;

/// An attack under way.
pub(crate) struct Attack {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<f64>>,
}

impl Attack {
    /// Starts guessing: alternately for a victim, whose code lives until it is spent, and for a phone without a code.
    pub(crate) fn start(addresses: Vec<SocketAddr>, victims: &[Applicant], strangers: std::ops::Range<u32>) -> Self {
        let guesses = guesses(victims, strangers);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        Self { stop, thread: thread::spawn(move || attack(&addresses, guesses, &stopped)) }
    }

    /// Stops the attack; returns the guesses answered per second.
    pub(crate) fn stop(self) -> anyhow::Result<f64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the attacker's thread ended early")?
    }
}

fn guesses(victims: &[Applicant], strangers: std::ops::Range<u32>) -> Vec<Request> {
    let strangers = strangers.map(|n| Request::apply(scattered(n), &phone(n), "123456"));
    victims
        .iter()
        .zip(strangers)
        .flat_map(|(victim, guess)| [victim.applies_with(&wrong(&victim.code)), guess])
        .collect()
}

/// Another code of the same form: a malformed one would be refused earlier.
fn wrong(code: &str) -> String {
    let code: u32 = code.parse().unwrap_or_default();
    format!("{:06}", (code + 1) % 1_000_000)
}

fn attack(addresses: &[SocketAddr], guesses: Vec<Request>, stop: &Arc<AtomicBool>) -> anyhow::Result<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let open = runtime.block_on(connect(addresses, CONNECTIONS))?;
    let guesses = Rc::new(RefCell::new(guesses.into_iter().cycle()));
    let started = Instant::now();
    let local = LocalSet::new();
    let tasks: Vec<_> = open
        .into_iter()
        .map(|connection| local.spawn_local(guess_on(connection, Rc::clone(&guesses), Arc::clone(stop))))
        .collect();
    runtime.block_on(local);
    let took = started.elapsed();
    let mut answered = 0;
    for task in tasks {
        answered += runtime.block_on(task)??;
    }
    Ok(real(answered) / took.as_secs_f64())
}

async fn guess_on(
    mut connection: Connection,
    guesses: Rc<RefCell<impl Iterator<Item = Request>>>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<u64> {
    let mut answered = 0;
    while !stop.load(Ordering::Relaxed) {
        let Some(guess) = guesses.borrow_mut().next() else {
            break;
        };
        connection.exchange(&guess).await?;
        answered += 1;
    }
    Ok(answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_code_has_the_form_of_a_right_one() {
        assert_eq!(wrong("123456"), "123457");
        assert_eq!(wrong("999999"), "000000");
        assert_eq!(wrong("000009"), "000010");
    }
}
