//! A scripted message centre, written from the specification and not with the gateway's own library.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const GENERIC_NACK: u32 = 0x8000_0000;
const SUBMIT_SM: u32 = 4;
const DELIVER_SM: u32 = 5;
const DELIVER_SM_RESP: u32 = 0x8000_0005;
/// The sequence number of held deliveries.
const HELD: u32 = 77;
const BIND_TRANSCEIVER: u32 = 9;
const ENQUIRE_LINK: u32 = 0x15;

/// The answer to a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bind {
    Status(u32),
    Silence,
}

/// The answer to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Submit {
    Status(u32),
    Nack(u32),
    /// It accepts it and answers this id.
    Taken(&'static [u8]),
    /// It refuses it, with a body that the specification does not have there.
    Odd(u32, &'static [u8]),
    /// It accepts the first part, and answers this to the others.
    FirstPartOnly(u32),
    Silence,
    Cut,
    Noise,
}

/// The requests that the message centre has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) binds: Vec<Vec<u8>>,
    pub(crate) enquiries: usize,
    pub(crate) messages: Vec<Message>,
}

/// One `submit_sm` (section 4.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Type and plan of the number, and the number.
    pub(crate) source: (u8, u8, String),
    pub(crate) destination: (u8, u8, String),
    pub(crate) esm_class: u8,
    pub(crate) registered_delivery: u8,
    pub(crate) data_coding: u8,
    pub(crate) octets: Vec<u8>,
}

impl Message {
    /// The text of a message that is no part of another.
    pub(crate) fn text(&self) -> String {
        match self.data_coding {
            // The GSM alphabet has all characters of these tests but `@` where ASCII has them.
            0 => self.octets.iter().map(|byte| if *byte == 0 { '@' } else { char::from(*byte) }).collect(),
            8 => utf16(&self.octets),
            other => panic!("data_coding {other}"),
        }
    }
}

pub(crate) fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).unwrap()
}

/// The message centre; it ends with the test.
pub(crate) struct Centre {
    port: u16,
    submit: Arc<Mutex<Submit>>,
    undelivered: Arc<Mutex<Vec<Vec<u8>>>>,
    seen: Arc<Mutex<Seen>>,
    serving: JoinHandle<()>,
}

impl Drop for Centre {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Centre {
    pub(crate) async fn start(bind: Bind, submit: Submit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (submit, seen) = (Arc::new(Mutex::new(submit)), Arc::new(Mutex::new(Seen::default())));
        let undelivered = Arc::new(Mutex::new(Vec::new()));
        let (told, kept, noted) = (Arc::clone(&submit), Arc::clone(&undelivered), Arc::clone(&seen));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let session = Session {
                    stream,
                    bind,
                    submit: Arc::clone(&told),
                    undelivered: Arc::clone(&kept),
                    seen: Arc::clone(&noted),
                };
                session.serve().await;
            }
        });
        Self { port, submit, undelivered, seen, serving }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn set(&self, submit: Submit) {
        *self.submit.lock().unwrap() = submit;
    }

    /// Holds these bodies of `deliver_sm`, and sends them after each bind until they are acknowledged.
    pub(crate) fn hold(&self, deliveries: &[&[u8]]) {
        *self.undelivered.lock().unwrap() = deliveries.iter().map(|body| body.to_vec()).collect();
    }

    /// The number of held deliveries.
    pub(crate) fn held(&self) -> usize {
        self.undelivered.lock().unwrap().len()
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.seen.lock().unwrap().messages.clone()
    }

    pub(crate) async fn await_enquiries(&self, count: usize) {
        while self.seen.lock().unwrap().enquiries < count {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn binds(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().binds.clone()
    }
}

struct Session {
    stream: TcpStream,
    bind: Bind,
    submit: Arc<Mutex<Submit>>,
    undelivered: Arc<Mutex<Vec<Vec<u8>>>>,
    seen: Arc<Mutex<Seen>>,
}

impl Session {
    /// Runs until one side ends it. Answers go out in the order of the requests.
    async fn serve(mut self) {
        while let Some((id, status, number, body)) = self.read().await {
            let going_on = match id {
                BIND_TRANSCEIVER => self.bound(number, body).await,
                SUBMIT_SM => self.submitted(number, &body).await,
                ENQUIRE_LINK => {
                    self.seen.lock().unwrap().enquiries += 1;
                    self.answer(id, 0, number, b"").await
                }
                DELIVER_SM_RESP if status == 0 && number == HELD => {
                    self.undelivered.lock().unwrap().remove(0);
                    self.deliver_held().await
                }
                _ => true,
            };
            if !going_on {
                break;
            }
        }
    }

    async fn read(&mut self) -> Option<(u32, u32, u32, Vec<u8>)> {
        let mut header = [0; 16];
        self.stream.read_exact(&mut header).await.ok()?;
        let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
        let mut body = vec![0; usize::try_from(word(0)).unwrap() - 16];
        self.stream.read_exact(&mut body).await.ok()?;
        Some((word(4), word(8), word(12), body))
    }

    async fn write(&mut self, id: u32, status: u32, number: u32, body: &[u8]) -> bool {
        let length = u32::try_from(16 + body.len()).unwrap();
        let header: Vec<u8> = [length, id, status, number].iter().flat_map(|word| word.to_be_bytes()).collect();
        self.stream.write_all(&[&header, body].concat()).await.is_ok()
    }

    async fn answer(&mut self, id: u32, status: u32, number: u32, body: &[u8]) -> bool {
        self.write(id | GENERIC_NACK, status, number, body).await
    }

    async fn bound(&mut self, number: u32, body: Vec<u8>) -> bool {
        self.seen.lock().unwrap().binds.push(body);
        match self.bind {
            Bind::Status(0) => self.answer(BIND_TRANSCEIVER, 0, number, b"centre\0").await && self.deliver_held().await,
            Bind::Status(status) => self.answer(BIND_TRANSCEIVER, status, number, b"").await,
            Bind::Silence => true,
        }
    }

    /// Sends the oldest held delivery.
    async fn deliver_held(&mut self) -> bool {
        let oldest = self.undelivered.lock().unwrap().first().cloned();
        match oldest {
            Some(body) => self.write(DELIVER_SM, 0, HELD, &body).await,
            None => true,
        }
    }

    async fn submitted(&mut self, number: u32, body: &[u8]) -> bool {
        let message = parse(body);
        let is_later_part = message.esm_class & 0x40 != 0 && message.octets[5] > 1;
        self.seen.lock().unwrap().messages.push(message);
        let submit = *self.submit.lock().unwrap();
        match submit {
            Submit::FirstPartOnly(status) if is_later_part => self.answer(SUBMIT_SM, status, number, b"").await,
            Submit::Status(0) | Submit::FirstPartOnly(_) => {
                let taken = self.answer(SUBMIT_SM, 0, number, format!("id-{number}\0").as_bytes()).await;
                // A receipt, which has to be answered and has no effect.
                taken && self.write(DELIVER_SM, 0, 1_000 + number, &[0; 17]).await
            }
            Submit::Taken(id) => self.answer(SUBMIT_SM, 0, number, id).await,
            Submit::Odd(status, body) => self.answer(SUBMIT_SM, status, number, body).await,
            Submit::Status(status) => self.answer(SUBMIT_SM, status, number, b"").await,
            Submit::Nack(status) => self.answer(GENERIC_NACK, status, number, b"").await,
            Submit::Silence => true,
            Submit::Cut => false,
            Submit::Noise => {
                let _ = self.stream.write_all(&[b'x'; 64]).await;
                true
            }
        }
    }
}

/// The text up to its zero, and the rest.
fn text(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap();
    (String::from_utf8(bytes[..end].to_vec()).unwrap(), &bytes[end + 1..])
}

fn address(bytes: &[u8]) -> ((u8, u8, String), &[u8]) {
    let (number, rest) = text(&bytes[2..]);
    ((bytes[0], bytes[1], number), rest)
}

fn parse(body: &[u8]) -> Message {
    let (_service, rest) = text(body);
    let (source, rest) = address(rest);
    let (destination, rest) = address(rest);
    // After protocol_id and priority_flag, two empty times.
    assert_eq!(rest[3..5], [0, 0]);
    let [registered_delivery, _replace, data_coding, _default, length] = rest[5..10].try_into().unwrap();
    let octets = rest[10..10 + usize::from(length)].to_vec();
    Message { source, destination, esm_class: rest[0], registered_delivery, data_coding, octets }
}
