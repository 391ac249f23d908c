//! Delivery of the outbox: lease, retry, giving up; no entry holds up another.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mockall::Sequence;
use tokio::time::{Instant, advance};
use trial_core::error::LedgerError;
use trial_core::mails::{DeliveryError, DueMail, Lease, MailContent, OutgoingMail, SettledAs, Settlement};
use trial_core::policy::Policy;
use trial_core::ports::{Mailer, MockMailer, MockOutbox, MockTrialLedger, Outbox};
use trial_core::values::{LeaseId, MailId};
use trial_engine::{Engine, EngineOptions, EngineParts};
use trial_testkit::{RecordingMailer, data};

use crate::stage::{due_mail, now, options, parts, with_mail};

/// The time of a renewal, its leases, and their new end.
type Renewal = (Instant, Vec<LeaseId>, DateTime<Utc>);

/// An outbox that hands out its mails once, and records settlements and claims.
#[derive(Default)]
struct Tray {
    due: Mutex<Vec<DueMail>>,
    settled: Mutex<Vec<Settlement>>,
    claims: Mutex<Vec<(Instant, u32, Lease)>>,
    renewals: Mutex<Vec<Renewal>>,
}

impl Tray {
    fn holding(mails: impl IntoIterator<Item = u8>) -> Arc<Self> {
        Arc::new(Self { due: Mutex::new(mails.into_iter().map(due_mail).collect()), ..Self::default() })
    }

    fn settled(&self) -> Vec<(MailId, SettledAs)> {
        self.settled.lock().unwrap().iter().map(|one| (one.mail, one.settled_as.clone())).collect()
    }

    /// Lets time pass until this number of mails is settled.
    async fn until_settled(&self, mails: usize) {
        while self.settled.lock().unwrap().len() < mails {
            advance(Duration::from_millis(50)).await;
        }
    }
}

#[async_trait]
impl Outbox for Tray {
    async fn claim(&self, lease: Lease, limit: u32) -> Result<Vec<DueMail>, LedgerError> {
        self.claims.lock().unwrap().push((Instant::now(), limit, lease));
        let mut due = self.due.lock().unwrap();
        let claimed = due.len().min(usize::try_from(limit).unwrap());
        Ok(due.drain(..claimed).collect())
    }

    async fn renew(&self, leases: Vec<LeaseId>, until: DateTime<Utc>) -> Result<(), LedgerError> {
        self.renewals.lock().unwrap().push((Instant::now(), leases, until));
        Ok(())
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        self.settled.lock().unwrap().extend(settlements);
        Ok(())
    }
}

fn with_tray(tray: &Arc<Tray>, mailer: impl Mailer + 'static) -> EngineParts {
    EngineParts { outbox: tray.clone(), mailer: Arc::new(mailer), ..parts(MockTrialLedger::new()) }
}

#[tokio::test(start_paused = true)]
async fn a_due_mail_is_delivered_and_settled_under_its_lease() {
    let mut order = Sequence::new();
    let mut outbox = MockOutbox::new();
    outbox.expect_claim().times(1).in_sequence(&mut order).returning(|lease, _| {
        assert_eq!((lease.now, lease.until), (now(), now() + options().mail.lease));
        Ok(vec![due_mail(1)])
    });
    outbox
        .expect_settle()
        .times(1)
        .in_sequence(&mut order)
        .withf(|settled| settled.len() == 1 && settled[0].settled_as == SettledAs::Sent { reply: "250 OK".to_owned() })
        .returning(|_| Ok(()));
    outbox.expect_claim().returning(|_, _| Ok(Vec::new()));
    let mailer = Arc::new(RecordingMailer::default());
    let mut parts = with_mail(parts(MockTrialLedger::new()), outbox, RecordingMailer::default());
    parts.mailer = mailer.clone();
    let engine = Engine::start(parts, options());
    while mailer.mails().is_empty() {
        advance(Duration::from_millis(50)).await;
    }
    engine.stop().await.unwrap();
    assert_eq!(mailer.mails().len(), 1);
    assert_eq!(mailer.mails()[0], due_mail(1).compose(&data::keyring(), &Policy::default().trial, now()).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_is_due_again_and_a_permanent_one_is_given_up() {
    let tray = Tray::holding([1, 2]);
    let mailer = RecordingMailer::new([
        Some(DeliveryError::Transient("451 later".to_owned())),
        Some(DeliveryError::Permanent("550 never".to_owned())),
    ]);
    let engine = Engine::start(with_tray(&tray, mailer), options());
    tray.until_settled(2).await;
    let next_attempt_at = now() + Duration::from_secs(10);
    let mut settled = tray.settled();
    settled.sort_by_key(|(mail, _)| *mail);
    assert_eq!(settled[0].1, SettledAs::Retry { next_attempt_at, error: "451 later".to_owned() });
    assert_eq!(settled[1].1, SettledAs::Failed { error: "550 never".to_owned() });
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn repetitions_of_the_mail_in_a_reply_are_not_stored() {
    let tray = Tray::holding([1, 2]);
    let outgoing = due_mail(1).compose(&data::keyring(), &Policy::default().trial, now()).unwrap();
    let MailContent::Account(account) = &outgoing.content else { panic!("an account: {outgoing:?}") };
    let password = account.initial_password.reveal();
    let mailer = RecordingMailer::new([
        Some(DeliveryError::Transient(format!("451 {password}, {}", outgoing.to.as_str()))),
        Some(DeliveryError::Permanent("550 https://portal.example.com/new-password?link=x is listed".to_owned())),
    ]);
    let engine = Engine::start(with_tray(&tray, mailer), options());
    tray.until_settled(2).await;
    let mut replies: Vec<_> = tray.settled().iter().map(|(_, settled)| settled.reply().to_owned()).collect();
    replies.sort();
    assert_eq!(replies, ["451 ***, ***", "550 *** is listed"]);
    engine.stop().await.unwrap();
}

/// A mailer that never returns with the mails of one applicant.
struct Stuck(MailId);

#[async_trait]
impl Mailer for Stuck {
    async fn deliver(&self, mail: &OutgoingMail) -> Result<String, DeliveryError> {
        if mail.id == self.0 {
            std::future::pending::<()>().await;
        }
        Ok("250 OK".to_owned())
    }

    async fn check(&self) -> Result<(), DeliveryError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_that_hangs_blocks_no_other_and_is_due_again() {
    let tray = Tray::holding(1..=20);
    let engine = Engine::start(with_tray(&tray, Stuck(due_mail(1).id)), options());
    tray.until_settled(19).await;
    assert!(tray.settled().iter().all(|(mail, _)| *mail != due_mail(1).id), "the others first");
    tray.until_settled(20).await;
    let last = tray.settled().pop().unwrap();
    assert!(matches!(last, (mail, SettledAs::Retry { .. }) if mail == due_mail(1).id), "{last:?}");
    engine.stop().await.unwrap();
}

/// A mailer whose server takes this long for each reply.
struct Late(Duration);

#[async_trait]
impl Mailer for Late {
    async fn deliver(&self, _mail: &OutgoingMail) -> Result<String, DeliveryError> {
        tokio::time::sleep(self.0).await;
        Ok("250 OK".to_owned())
    }

    async fn check(&self) -> Result<(), DeliveryError> {
        Ok(())
    }
}

/// No second delivery of a mail whose server takes ten minutes to accept it.
#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_as_long_as_its_delivery_lasts() {
    let tray = Tray::holding([1]);
    let engine = Engine::start(with_tray(&tray, Late(Duration::from_mins(10))), options());
    tray.until_settled(1).await;
    assert!(matches!(tray.settled()[0].1, SettledAs::Sent { .. }));
    let lease = tray.claims.lock().unwrap()[0].2.id;
    let renewals = tray.renewals.lock().unwrap().clone();
    assert!(renewals.iter().all(|(_, leases, _)| *leases == [lease]), "{renewals:?}");
    let times = [tray.claims.lock().unwrap()[0].0].into_iter().chain(renewals.iter().map(|(at, ..)| *at));
    let times: Vec<Instant> = times.chain([Instant::now()]).collect();
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest <= options().mail.lease / 2, "{longest:?} without a renewal");
    let settled = renewals.len();
    advance(options().mail.lease * 2).await;
    assert_eq!(tray.renewals.lock().unwrap().len(), settled, "a settled mail needs no lease");
    engine.stop().await.unwrap();
}

/// Replies that take minutes hold up no mail whose server answers at once, and a stop does not wait for them.
#[tokio::test(start_paused = true)]
async fn slow_mails_leave_room_for_others() {
    let slow: Vec<u8> = (1..=20).collect();
    let tray = Tray::holding(1..=40);
    let stuck = slow.iter().map(|n| due_mail(*n).id).collect();
    let mail = trial_engine::MailDeliveryOptions { concurrency: 10, ..options().mail };
    let engine = Engine::start(with_tray(&tray, StuckMany(stuck)), EngineOptions { mail, ..options() });
    let started = Instant::now();
    tray.until_settled(20).await;
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
    let stopped = Instant::now();
    engine.stop().await.unwrap();
    assert!(stopped.elapsed() <= options().mail.drain + Duration::from_secs(2), "{:?}", stopped.elapsed());
    assert_eq!(tray.settled().len(), 20, "mails cut short are due again when their lease ends");
}

/// A mailer that never returns with these mails.
struct StuckMany(Vec<MailId>);

#[async_trait]
impl Mailer for StuckMany {
    async fn deliver(&self, mail: &OutgoingMail) -> Result<String, DeliveryError> {
        if self.0.contains(&mail.id) {
            std::future::pending::<()>().await;
        }
        Ok("250 OK".to_owned())
    }

    async fn check(&self) -> Result<(), DeliveryError> {
        Ok(())
    }
}

/// A mailer with a fault: the mail of one applicant makes it panic.
struct Faulty(MailId);

#[async_trait]
impl Mailer for Faulty {
    async fn deliver(&self, mail: &OutgoingMail) -> Result<String, DeliveryError> {
        assert_ne!(mail.id, self.0, "the fault that this test is about");
        Ok("250 OK".to_owned())
    }

    async fn check(&self) -> Result<(), DeliveryError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_dies_takes_no_other_with_it_and_counts_as_an_attempt() {
    let tray = Tray::holding(1..=20);
    let engine = Engine::start(with_tray(&tray, Faulty(due_mail(1).id)), options());
    tray.until_settled(20).await;
    engine.stop().await.unwrap();
    let next_attempt_at = now() + Duration::from_secs(10);
    let error = "a fault of the program; its log says where".to_owned();
    for (mail, settled_as) in tray.settled() {
        if mail == due_mail(1).id {
            assert_eq!(settled_as, SettledAs::Retry { next_attempt_at, error: error.clone() });
        } else {
            assert!(matches!(settled_as, SettledAs::Sent { .. }), "{settled_as:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_mails_than_the_rate_allows() {
    let tray = Tray::holding(1..=12);
    let slow =
        EngineOptions { mail: trial_engine::MailDeliveryOptions { max_per_second: 4, ..options().mail }, ..options() };
    let started = Instant::now();
    let engine = Engine::start(with_tray(&tray, RecordingMailer::default()), slow);
    tray.until_settled(12).await;
    assert!(started.elapsed() >= Duration::from_secs(2), "4 at once, 4 after a second, 4 after two");
    assert!(tray.claims.lock().unwrap().iter().all(|(_, limit, _)| *limit <= 4));
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_mail_without_its_key_waits_for_the_key() {
    let tray = Arc::new(Tray::default());
    let mut orphan = due_mail(1);
    orphan.tenant.as_mut().unwrap().key_id = "gone".to_owned();
    tray.due.lock().unwrap().push(orphan);
    let mut mailer = MockMailer::new();
    mailer.expect_deliver().times(0);
    let engine = Engine::start(with_tray(&tray, mailer), options());
    tray.until_settled(1).await;
    assert!(matches!(&tray.settled()[0].1, SettledAs::Retry { error, .. } if error.contains("secrets.keys")));
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn failed_settlements_are_retried_before_new_claims() {
    let mut order = Sequence::new();
    let mut outbox = MockOutbox::new();
    let mut claim = |mails: Vec<DueMail>| {
        outbox.expect_claim().times(1).in_sequence(&mut order).return_once(move |_, _| Ok(mails));
        outbox
            .expect_settle()
            .times(2)
            .in_sequence(&mut order)
            .returning(|_| Err(LedgerError::Contended(Box::from("cause"))));
        outbox
            .expect_settle()
            .times(1)
            .in_sequence(&mut order)
            .withf(|settled| settled.len() == 1)
            .returning(|_| Ok(()));
    };
    claim(vec![due_mail(1)]);
    outbox.expect_claim().returning(|_, _| Ok(Vec::new()));
    let engine = Engine::start(with_mail(parts(MockTrialLedger::new()), outbox, RecordingMailer::default()), options());
    for _ in 0..100 {
        advance(Duration::from_millis(50)).await;
    }
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_cannot_be_claimed_from_is_asked_again() {
    let mut outbox = MockOutbox::new();
    let mut order = Sequence::new();
    outbox
        .expect_claim()
        .times(3)
        .in_sequence(&mut order)
        .returning(|_, _| Err(LedgerError::Unavailable(Box::from("cause"))));
    outbox.expect_claim().times(1).in_sequence(&mut order).returning(|_, _| Ok(vec![due_mail(1)]));
    outbox.expect_settle().times(1).returning(|_| Ok(()));
    outbox.expect_claim().returning(|_, _| Ok(Vec::new()));
    let engine = Engine::start(with_mail(parts(MockTrialLedger::new()), outbox, RecordingMailer::default()), options());
    for _ in 0..100 {
        advance(Duration::from_millis(50)).await;
    }
    engine.stop().await.unwrap();
}
