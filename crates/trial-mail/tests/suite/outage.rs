//! A thousand applications during every kind of outage of the mail server: nothing is lost.
//!
//! The clock is the runtime's, paused: it advances when every task waits. Loopback sockets deliver at once, and client
//! and server share one thread. Should one be late all the same, the clock runs ahead and a delivery meets one more
//! time-out; nothing here depends on their number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep};
use trial_core::error::LedgerError;
use trial_core::mails::{DueMail, Lease, MailState, Settlement};
use trial_core::ports::{Clock, Outbox};
use trial_core::values::{LeaseId, MailId};
use trial_engine::{Engine, EngineOptions, EngineParts, MailDeliveryOptions};
use trial_mail::{SmtpMailer, SmtpSettings};
use trial_testkit::{LedgerHarness, MemoryLedger, SeededEntropy, data};

use crate::peer::{line, message, settings, tell, templates};
use crate::smtp::arrived_by;

const APPLICANTS: u32 = 1_000;
const OUTAGE: Duration = Duration::from_mins(10);
/// Longer than the test takes, shorter than a mail is retried.
const BOUND: Duration = Duration::from_hours(6);
const MAX_PER_SECOND: u32 = 20;

/// The runtime's clock, as a clock of days.
struct RuntimeClock {
    base: DateTime<Utc>,
    since: Instant,
}

impl Clock for RuntimeClock {
    fn now(&self) -> DateTime<Utc> {
        self.base + self.since.elapsed()
    }
}

/// An outbox that checks that claims are in the order of due time.
struct Watched {
    ledger: Arc<MemoryLedger>,
    claims: Mutex<usize>,
}

#[async_trait]
impl Outbox for Watched {
    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError> {
        let mut due: Vec<(DateTime<Utc>, MailId)> = self.ledger.change(|state| {
            let waiting = state.mails.values().filter(|mail| mail.state == MailState::Due);
            waiting
                .filter(|mail| mail.next_attempt_at <= lease.now)
                .map(|mail| (mail.next_attempt_at, mail.record.id))
                .collect()
        });
        due.sort_unstable();
        let claimed = self.ledger.claim(lease, limit).await?;
        let ids: Vec<MailId> = claimed.iter().map(|mail| mail.id).collect();
        let longest: Vec<MailId> = due.iter().map(|(_, id)| *id).take(usize::try_from(limit).unwrap()).collect();
        assert_eq!(ids, longest, "in order of due time");
        *self.claims.lock().unwrap() += claimed.len();
        Ok(claimed)
    }

    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError> {
        self.ledger.renew(leases, until).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        self.ledger.settle(settlements).await
    }
}

/// The record of the server.
#[derive(Default)]
struct Seen {
    /// The start of each mail.
    begun: Vec<Instant>,
    /// The accepted mails, by recipient, whatever the answer.
    taken: BTreeMap<String, Vec<String>>,
    refused: u32,
    dropped: u32,
    slow: u32,
}

/// Accepts connections after the outage.
async fn serve(socket: TcpSocket, seen: Arc<Mutex<Seen>>) {
    sleep(OUTAGE).await;
    let listener: TcpListener = socket.listen(1024).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(session(BufReader::new(stream), Arc::clone(&seen)));
    }
}

/// Every third mail is temporarily refused, every seventh connection is dropped after DATA with the mail accepted, and
/// every eleventh answer takes 20 s.
async fn session(mut stream: BufReader<TcpStream>, seen: Arc<Mutex<Seen>>) -> Option<()> {
    tell(&mut stream, "220 peer.example ESMTP").await?;
    let mut to = String::new();
    let mut number = 0;
    loop {
        let command = line(&mut stream).await?;
        let verb = command.split(' ').next().unwrap_or_default();
        match verb {
            "MAIL" => {
                let mut seen = seen.lock().unwrap();
                seen.begun.push(Instant::now());
                number = seen.begun.len();
            }
            "RCPT" if number % 3 == 0 => {
                seen.lock().unwrap().refused += 1;
                tell(&mut stream, "451 4.3.0 try again later").await?;
                continue;
            }
            "RCPT" => to.clone_from(&command),
            "DATA" => {
                tell(&mut stream, "354 go on").await?;
                let text = message(&mut stream).await?;
                seen.lock().unwrap().taken.entry(to.clone()).or_default().push(text);
                if number % 7 == 0 {
                    seen.lock().unwrap().dropped += 1;
                    return None;
                }
                if number % 11 == 0 {
                    seen.lock().unwrap().slow += 1;
                    sleep(Duration::from_secs(20)).await;
                }
            }
            _ => {}
        }
        tell(&mut stream, "250 2.0.0 ok").await?;
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_mails_outlive_a_server_that_is_out_of_order() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("smtp://{}", socket.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Seen::default()));
    let server = tokio::spawn(serve(socket, Arc::clone(&seen)));

    let harness = LedgerHarness::new(MemoryLedger::default()).with_access_codes(APPLICANTS).await;
    let clock = Arc::new(RuntimeClock { base: harness.now(), since: Instant::now() });
    let outbox = Arc::new(Watched { ledger: Arc::clone(&harness.ledger), claims: Mutex::default() });
    let settings = SmtpSettings { timeout: Duration::from_secs(20), ..settings(url) };
    let parts = EngineParts {
        ledger: Arc::clone(&harness.ledger) as _,
        screen: None,
        upkeep: Arc::clone(&harness.ledger) as _,
        operations: Arc::clone(&harness.ledger) as _,
        prefixes: Arc::clone(&harness.ledger) as _,
        warning_readers: Vec::new(),
        outbox: Arc::clone(&outbox) as _,
        gateways: Vec::new(),
        mailer: Arc::new(SmtpMailer::new(settings, templates()).unwrap()),
        clock: Arc::clone(&clock) as _,
        entropy: Arc::new(SeededEntropy::new(11)),
        planner: data::planner(),
        platform: None,
        time: None,
        privacy: None,
    };
    let usual = EngineOptions::default();
    let mail = MailDeliveryOptions { max_per_second: MAX_PER_SECOND, ..usual.mail };
    let engine = Engine::start(parts, EngineOptions { mail, ..usual });

    for n in 0..APPLICANTS {
        harness.clock.set(clock.now());
        harness.join(n).await;
        sleep(OUTAGE / APPLICANTS).await;
    }
    let in_state = |state| harness.ledger.change(|kept| kept.mails.values().filter(|mail| mail.state == state).count());
    assert_eq!(in_state(MailState::Sent), 0, "nobody listens");
    while in_state(MailState::Due) > 0 {
        assert!(clock.since.elapsed() < BOUND, "{} mails are due", in_state(MailState::Due));
        sleep(Duration::from_secs(1)).await;
    }
    let drained = clock.since.elapsed();
    engine.stop().await.unwrap();
    server.abort();

    let seen = seen.lock().unwrap();
    assert_eq!((in_state(MailState::Sent), in_state(MailState::Failed)), (1_000, 0));
    assert_each_arrives_always_the_same(&harness.ledger, &seen.taken);
    let fullest = fullest_second(&seen.begun);
    assert!(fullest <= usize::try_from(MAX_PER_SECOND).unwrap(), "{fullest} mails in one second");
    assert!(fullest > 10, "the rate was put to use");
    assert!(seen.refused > 300 && seen.dropped > 100 && seen.slow > 50, "every fault happens");
    let taken: usize = seen.taken.values().map(Vec::len).sum();
    println!(
        "{} deliveries, {} seen by the server, {taken} taken, drained after {drained:?}",
        outbox.claims.lock().unwrap(),
        seen.begun.len(),
    );
}

/// Once at least; a second copy equals the first one, to the last byte.
fn assert_each_arrives_always_the_same(ledger: &MemoryLedger, taken: &BTreeMap<String, Vec<String>>) {
    let mails = ledger.state().mails;
    assert_eq!((mails.len(), taken.len()), (1_000, 1_000));
    for mail in mails.values() {
        let recipient = mail.record.to.as_str();
        let copies = &taken[&format!("RCPT TO:<{recipient}>")];
        assert!(copies.iter().all(|copy| copy == &copies[0]), "{recipient}: two copies differ");
        let arrived = arrived_by(recipient, copies[0].as_bytes());
        assert_eq!(arrived.message_id, format!("<{}@sender.example>", mail.record.id));
        let password = data::keyring().password("current", mail.record.tenant.unwrap(), 1).unwrap();
        assert!(arrived.text.contains(password.reveal()), "{recipient}: another password");
    }
}

/// The fullest second, from any start.
fn fullest_second(begun: &[Instant]) -> usize {
    let ends_within = |start: usize| {
        begun[start..].iter().take_while(|at| at.duration_since(begun[start]) < Duration::from_secs(1)).count()
    };
    (0..begun.len()).map(ends_within).max().unwrap_or_default()
}
