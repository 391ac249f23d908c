//! A network between the service and its database, which fails on command.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;

use crate::waiting::within;

/// The fault of a commit on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut before the commit gets to the server.
    LoseCommit,
    /// The connection is cut once the server has committed, before its answer gets back.
    LoseAnswer,
    /// From this commit on nothing gets through, on any connection, and none is closed. Bytes sent meanwhile arrive
    /// after [`Proxy::end_of_silence`].
    Silence,
}

/// Forwards connections to a server. All of them end on drop.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct Network {
    server: Mutex<SocketAddr>,
    armed: Mutex<Option<Armed>>,
    is_silent: watch::Sender<bool>,
    /// Connections end when this changes.
    cuts: watch::Sender<u64>,
}

/// The sender of the notice that the answer to a commit is lost, if that is to happen to the connection.
type Withheld = Mutex<Option<oneshot::Sender<()>>>;

/// A fault that waits for a commit, and the sender to notify when it strikes.
#[derive(Debug)]
struct Armed {
    fault: Fault,
    struck: oneshot::Sender<()>,
}

impl Proxy {
    /// Forwards to the server at this port of loopback.
    pub async fn start(server_port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let network = Arc::new(Network {
            server: Mutex::new(SocketAddr::from((Ipv4Addr::LOCALHOST, server_port))),
            armed: Mutex::default(),
            is_silent: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
        });
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(Arc::clone(&network).accept(listener)).abort_handle();
        Self { address, network, accepting }
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Applies this fault to the next commit, and waits until it has struck.
    pub async fn strike(&self, fault: Fault) {
        let (struck, waiting) = oneshot::channel();
        *self.network.armed.lock().unwrap() = Some(Armed { fault, struck });
        within("a commit meets its fault", waiting).await.expect("a fault strikes unless another takes its place");
    }

    /// Lets everything through again, beginning with the bytes held back.
    pub fn end_of_silence(&self) {
        self.network.is_silent.send_replace(false);
    }

    /// Cuts every connection, and forwards to the server at another port from now on.
    pub fn switch(&self, server_port: u16) {
        *self.network.server.lock().unwrap() = SocketAddr::from((Ipv4Addr::LOCALHOST, server_port));
        self.cut();
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        self.network.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Network {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&self).carry(client));
        }
    }

    /// Carries a connection until either side, or a fault, ends it.
    async fn carry(self: Arc<Self>, client: TcpStream) {
        let mut cuts = self.cuts.subscribe();
        let server = *self.server.lock().unwrap();
        let Ok(server) = TcpStream::connect(server).await else { return };
        for side in [&client, &server] {
            side.set_nodelay(true).unwrap();
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let withheld = Withheld::default();
        tokio::select! {
            () = self.carry_requests(from_client, to_server, &withheld) => {}
            () = self.carry_answers(from_server, to_client, &withheld) => {}
            _ = cuts.changed() => {}
        }
        // However the connection ended, the answer did not get back.
        if let Some(struck) = withheld.into_inner().unwrap() {
            // Nobody waits any more if the test has ended.
            let _ = struck.send(());
        }
    }

    async fn carry_requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, withheld: &Withheld) {
        let (mut received, mut requests) = (Vec::new(), Requests::default());
        while from.read_buf(&mut received).await.is_ok_and(|length| length > 0) {
            while let Some(request) = requests.take(&mut received) {
                let armed = if request.is_commit { self.armed.lock().unwrap().take() } else { None };
                match armed {
                    None => {}
                    Some(Armed { fault: Fault::LoseAnswer, struck }) => *withheld.lock().unwrap() = Some(struck),
                    Some(Armed { fault, struck }) => {
                        self.is_silent.send_replace(fault == Fault::Silence);
                        // As above: nobody may wait any more.
                        let _ = struck.send(());
                        if fault == Fault::LoseCommit {
                            return;
                        }
                    }
                }
                if !self.lets_through(&request.bytes, &mut to).await {
                    return;
                }
            }
        }
    }

    async fn carry_answers(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, withheld: &Withheld) {
        let mut received = Vec::new();
        while from.read_buf(&mut received).await.is_ok_and(|length| length > 0) {
            if withheld.lock().unwrap().is_some() {
                if is_end_of_transaction(&received) {
                    return;
                }
                continue;
            }
            if !self.lets_through(&received, &mut to).await {
                return;
            }
            received.clear();
        }
    }

    /// Forwards bytes, once there is no silence; returns whether that succeeds.
    async fn lets_through(&self, bytes: &[u8], to: &mut OwnedWriteHalf) -> bool {
        // The sender is ours: it is not gone.
        let _ = self.is_silent.subscribe().wait_for(|is_silent| !is_silent).await;
        to.write_all(bytes).await.is_ok()
    }
}

/// The messages of a client, as the protocol of PostgreSQL frames them.
#[derive(Default)]
struct Requests {
    /// The first messages of a connection have no type.
    has_started: bool,
    /// Names of prepared statements that commit.
    committing: BTreeSet<Vec<u8>>,
}

struct Request {
    bytes: Vec<u8>,
    is_commit: bool,
}

impl Requests {
    /// Removes the first message from the received bytes, once it is complete.
    fn take(&mut self, received: &mut Vec<u8>) -> Option<Request> {
        let start = usize::from(self.has_started);
        let length = received.get(start..start + 4)?;
        let length = usize::try_from(u32::from_be_bytes(length.try_into().unwrap())).unwrap();
        if received.len() < start + length {
            return None;
        }
        let rest = received.split_off(start + length);
        let bytes = std::mem::replace(received, rest);
        let is_commit = self.has_started && self.is_commit(bytes[0], &bytes[5..]);
        self.has_started |= !is_negotiation(&bytes);
        Some(Request { bytes, is_commit })
    }

    fn is_commit(&mut self, kind: u8, body: &[u8]) -> bool {
        let mut texts = body.split(|byte| *byte == 0);
        let mut text = || texts.next().unwrap_or_default();
        match kind {
            b'Q' => commits(text()),
            b'P' => {
                let (name, statement) = (text(), text());
                self.committing.remove(name);
                if commits(statement) {
                    self.committing.insert(name.to_owned());
                }
                false
            }
            b'B' => {
                let (_portal, name) = (text(), text());
                self.committing.contains(name)
            }
            _ => false,
        }
    }
}

/// Returns `true` if a message without a type asks for encryption: another one follows it.
fn is_negotiation(bytes: &[u8]) -> bool {
    const SSL: [u8; 4] = 80_877_103_u32.to_be_bytes();
    const GSS: [u8; 4] = 80_877_104_u32.to_be_bytes();
    bytes.len() == 8 && [SSL, GSS].iter().any(|code| bytes.ends_with(code))
}

/// Returns `true` if a statement says `COMMIT`, and not only `COMMITTED`.
fn commits(statement: &[u8]) -> bool {
    statement.split(|byte| !byte.is_ascii_alphabetic()).any(|word| word.eq_ignore_ascii_case(b"COMMIT"))
}

/// Returns `true` if a server has reported the end of a transaction, committed or rolled back.
fn is_end_of_transaction(answers: &[u8]) -> bool {
    [&b"COMMIT\0"[..], b"ROLLBACK\0"].iter().any(|tag| answers.windows(tag.len()).any(|bytes| bytes == *tag))
}
