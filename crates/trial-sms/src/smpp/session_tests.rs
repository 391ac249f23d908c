//! Sessions with unusual message centres.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rusmpp::Pdu;
use rusmpp::pdus::SubmitSm;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Duration;
use trial_core::error::LedgerError;
use trial_core::ports::Receipts;
use trial_core::sms::{DeliveryReceipt, DeliveryState};
use trial_testkit::FixedClock;

use super::codec::{Frame, HEADER};
use super::session::{Lost, Session};
use super::{SmppReceipts, SmppTimeouts, verdict};

const PATIENCE: Duration = Duration::from_mins(1);

/// Knows every message.
#[derive(Default)]
struct Takes(Mutex<Vec<DeliveryReceipt>>);

#[async_trait]
impl Receipts for Takes {
    async fn record_receipt(&self, receipt: DeliveryReceipt) -> Result<bool, LedgerError> {
        self.0.lock().unwrap().push(receipt);
        Ok(true)
    }
}

/// Both ends of a session.
struct Ends {
    session: Session,
    centre: DuplexStream,
    takes: Arc<Takes>,
    running: JoinHandle<()>,
}

fn ends() -> Ends {
    ends_over(64 * 1024)
}

/// A session over a connection that holds at most this much.
fn ends_over(octets: usize) -> Ends {
    let (ours, centre) = duplex(octets);
    let takes = Arc::new(Takes::default());
    let receipts = SmppReceipts { receipts: Arc::clone(&takes) as _, clock: Arc::new(FixedClock::default()) };
    let (session, connection) = Session::over(ours, SmppTimeouts::default(), Some(receipts));
    Ends { session, centre, takes, running: tokio::spawn(connection.run()) }
}

impl Ends {
    /// A message that is on its way; it is answered later.
    async fn submit(&mut self) -> (u32, JoinHandle<Result<Frame, Lost>>) {
        let session = self.session.clone();
        let asking = tokio::spawn(async move { session.ask(SubmitSm::default(), PATIENCE).await });
        let (id, _, number, _) = self.read().await;
        assert_eq!(id, 4);
        (number, asking)
    }

    async fn read(&mut self) -> (u32, u32, u32, Vec<u8>) {
        let mut header = [0; HEADER];
        self.centre.read_exact(&mut header).await.unwrap();
        let [length, id, status, number] =
            [0, 4, 8, 12].map(|at| u32::from_be_bytes(header[at..at + 4].try_into().unwrap()));
        let mut body = vec![0; usize::try_from(length).unwrap() - HEADER];
        self.centre.read_exact(&mut body).await.unwrap();
        (id, status, number, body)
    }

    async fn write(&mut self, id: u32, status: u32, number: u32, body: &[u8]) {
        let length = u32::try_from(HEADER + body.len()).unwrap();
        let header = [length, id, status, number].map(u32::to_be_bytes).concat();
        self.centre.write_all(&[&header, body].concat()).await.unwrap();
    }

    fn taken(&self) -> Vec<(String, DeliveryState)> {
        self.takes.0.lock().unwrap().iter().map(|told| (told.provider_id.clone(), told.state)).collect()
    }
}

/// A `deliver_sm` of a receipt, and the octets after its text.
fn receipt(text: &[u8], behind: &[u8]) -> Vec<u8> {
    let fields = b"\0\x01\x018616673280001\0\x05\0Trialgate\0\x04\0\0\0\0\0\0\0\0";
    [fields.as_slice(), &[u8::try_from(text.len()).unwrap()], text, behind].concat()
}

const TEXT: &[u8] = b"id:id1 stat:DELIVRD err:000";

#[tokio::test(start_paused = true)]
async fn an_unreadable_delivery_is_acknowledged_and_harmless() {
    let mut ends = ends();
    let (number, asking) = ends.submit().await;
    let whole = receipt(TEXT, b"");
    for (at, length) in (0..whole.len() - TEXT.len()).enumerate() {
        let sent = u32::try_from(at).unwrap() + 100;
        ends.write(5, 0, sent, &whole[..length]).await;
        assert_eq!(ends.read().await, (0x8000_0005, 0, sent, b"\0".to_vec()), "{length}");
    }
    ends.write(0x103, 0, 99, b"no zero").await;
    assert_eq!(ends.read().await, (0x8000_0103, 0, 99, b"\0".to_vec()));
    ends.write(0x8000_0004, 0, number, b"id1\0").await;
    assert_eq!(verdict::of(&asking.await.unwrap().unwrap()), Ok(Some("id1".to_owned())));
    assert_eq!(ends.taken(), []);
}

#[tokio::test(start_paused = true)]
async fn receipts_are_recorded_whatever_follows_them() {
    for behind in [
        &b""[..],
        b"\0",
        b"\0\0\0",
        // network_error_code in four octets.
        b"\x04\x23\0\x04\x03\0\0\0",
        b"\x04\x23\0\x04\x03\0\0\0\0\x1e\0\x04id1\0\x04\x27\0\x01\x02",
        b"\x14\x7e\0\x30short",
        b"\x04\x24\xff",
    ] {
        let mut ends = ends();
        ends.write(5, 0, 7, &receipt(TEXT, behind)).await;
        assert_eq!(ends.read().await, (0x8000_0005, 0, 7, b"\0".to_vec()));
        assert_eq!(ends.taken(), [("id1".to_owned(), DeliveryState::Delivered)], "{behind:?}");
        assert!(ends.session.is_open());
    }
    let mut ends = ends();
    let data = b"\0\x01\x01123\0\x01\x01456\0\x04\0\0\0\x1e\0\x04id1\0\x04\x27\0\x01\x05";
    ends.write(0x103, 0, 8, data).await;
    assert_eq!(ends.read().await, (0x8000_0103, 0, 8, b"\0".to_vec()));
    assert_eq!(ends.taken(), [("id1".to_owned(), DeliveryState::Failed)]);
}

#[tokio::test(start_paused = true)]
async fn answers_are_matched_by_their_number_whatever_their_body() {
    let long = "x".repeat(65);
    for (id, status, body, expected) in [
        (0x8000_0004, 0, &b"id1\0"[..], "id1"),
        (0x8000_0004, 0, b"id1", "id1"),
        (0x8000_0004, 0, long.as_bytes(), long.as_str()),
        (0x8000_0004, 0, b"id1\0\x14\x01\0\x09abc", "id1"),
        (0x8000_0004, 0, b"", ""),
        (0x8000_0004, 0, b"\xFF\0", "\u{FFFD}"),
        (0x8000_0004, 0x0B, b"", "ESME_RINVDSTADR"),
        (0x8000_0004, 0x0B, b"no zero", "ESME_RINVDSTADR"),
        (0x8000_0004, 0x400, b"\0\0\0\0", "command_status 0x00000400"),
        (0x8000_0000, 0x03, b"junk", "ESME_RINVCMDID"),
        (0x8000_0000, 0, b"", "a generic_nack that gives no reason"),
    ] {
        let mut ends = ends();
        let (first, one) = ends.submit().await;
        let (second, other) = ends.submit().await;
        ends.write(id, status, second, body).await;
        let said = match verdict::of(&other.await.unwrap().unwrap()) {
            Ok(id) => id.unwrap_or_default(),
            Err(reply) => reply.detail().unwrap().to_owned(),
        };
        assert_eq!(said, expected);
        ends.write(0x8000_0004, 0, first, b"id2\0").await;
        assert_eq!(verdict::of(&one.await.unwrap().unwrap()), Ok(Some("id2".to_owned())));
    }
}

#[tokio::test(start_paused = true)]
async fn answers_to_another_command_or_to_none_are_skipped() {
    let mut ends = ends();
    let (number, asking) = ends.submit().await;
    ends.write(0x8000_0015, 0, number, b"").await;
    ends.write(0x8000_0099, 0, number, b"junk").await;
    ends.write(0x8000_0004, 0, number + 1, b"other\0").await;
    ends.write(0x102, 0, 5, b"junk").await;
    ends.write(0x99, 0, 6, b"junk").await;
    assert_eq!(ends.read().await, (0x8000_0000, 3, 6, Vec::new()), "the alert has no answer, the unknown has this one");
    ends.write(0x8000_0004, 0, number, b"id1\0").await;
    assert_eq!(verdict::of(&asking.await.unwrap().unwrap()), Ok(Some("id1".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn only_written_requests_are_unknown_when_the_session_ends() {
    // The first message does not fit, and the second waits behind it.
    let mut ends = ends_over(HEADER);
    let ask = |session: Session| tokio::spawn(async move { session.ask(SubmitSm::default(), PATIENCE).await });
    let written = ask(ends.session.clone());
    ends.centre.read_exact(&mut [0; HEADER]).await.unwrap();
    let waiting = ask(ends.session.clone());
    tokio::task::yield_now().await;
    drop(ends.centre);
    ends.running.await.unwrap();
    assert_eq!(written.await.unwrap(), Err(Lost::Unanswered));
    assert_eq!(waiting.await.unwrap(), Err(Lost::NotSent));
    assert_eq!(ends.session.ask(Pdu::EnquireLink, PATIENCE).await, Err(Lost::NotSent));
}

#[tokio::test(start_paused = true)]
async fn a_length_that_cannot_be_ends_the_session() {
    let mut ends = ends();
    let (_, asking) = ends.submit().await;
    ends.centre.write_all(&3_u32.to_be_bytes()).await.unwrap();
    ends.running.await.unwrap();
    assert_eq!(asking.await.unwrap(), Err(Lost::Unanswered));
}
