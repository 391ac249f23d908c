//! Hostile clients, in a thread of their own: many, slow, or too much at once. They come from addresses of their own
//! within
//! 127.0.0.0/8, each in a /24 of its own, and with fewer connections than one address may have.

use std::cell::Cell;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use super::real;

/// Connections per address; 256 are allowed.
const PER_ADDRESS: usize = 200;
/// Files of this process besides hostile connections.
const OTHER_FILES: u64 = 512;
/// The interval between two bytes of a slow client.
const DRIBBLE: Duration = Duration::from_secs(1);
/// The time within which all connections have to be established.
const GATHERING: Duration = Duration::from_mins(1);
/// The largest form that the service accepts without a sign-in, in bytes.
const LARGEST_FORM: usize = 16 * 1_024;
/// Bytes of a large form per write.
const CHUNK: usize = 64 * 1_024;
/// Requests that one client sends before it reads an answer.
const PIPELINED: usize = 32;

const GET: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
const POST: &str = "POST /apiaccess/rest/ipccprovision/v1/applyTry/generateverifycode HTTP/1.1\r\nhost: localhost\r\n\
                    content-type: application/json\r\n";

/// The behaviour of hostile clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hostility {
    /// They send one request, and then nothing.
    Idle,
    /// They send heads byte by byte.
    SlowHeads,
    /// They send bodies byte by byte.
    SlowBodies,
    /// They send bodies and heads that are too large, as fast as they can.
    Oversized,
    /// They send many requests at once, as fast as they can.
    Pipelined,
    /// They send the console forms of megabytes, as fast as they can.
    LargeForms,
    /// They send the console most of the largest form that it accepts without a sign-in, and then a byte a second.
    HeldForms,
}

impl Hostility {
    /// Hostile acts on connections and requests.
    pub(crate) const CONNECTIONS: [Self; 5] =
        [Self::Idle, Self::SlowHeads, Self::SlowBodies, Self::Oversized, Self::Pipelined];
    /// Hostile acts on forms.
    pub(crate) const FORMS: [Self; 2] = [Self::LargeForms, Self::HeldForms];

    /// The number of their connections.
    pub(crate) const fn connections(self) -> u32 {
        match self {
            Self::Idle => 10_000,
            Self::SlowHeads | Self::SlowBodies | Self::HeldForms => 2_000,
            Self::Oversized | Self::Pipelined | Self::LargeForms => 64,
        }
    }
}

impl fmt::Display for Hostility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "idle connections",
            Self::SlowHeads => "heads, a byte a second",
            Self::SlowBodies => "bodies, a byte a second",
            Self::Oversized => "oversized bodies and heads",
            Self::Pipelined => "requests, 32 at once",
            Self::LargeForms => "forms of 8 MiB",
            Self::HeldForms => "forms of 16 KiB, the end a byte a second",
        })
    }
}

/// Hostile clients at work.
pub(crate) struct Siege {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<f64>>,
}

impl Siege {
    /// Starts them; returns when all connections are established.
    pub(crate) fn lay(address: SocketAddr, hostility: Hostility, connections: usize) -> anyhow::Result<Self> {
        raise_file_limit(connections as u64 + OTHER_FILES)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, (gathered, all)) = (Arc::clone(&stop), mpsc::channel());
        let thread = thread::spawn(move || besiege(address, hostility, connections, &stopped, &gathered));
        let siege = Self { stop, thread };
        if all.recv_timeout(GATHERING).is_ok() {
            return Ok(siege);
        }
        siege.lift()?;
        bail!("{connections} hostile connections could not be made")
    }

    /// Stops them; returns the requests sent per second, whole or not.
    pub(crate) fn lift(self) -> anyhow::Result<f64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the thread of the siege ended early")?
    }
}

fn raise_file_limit(needed: u64) -> anyhow::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let is_enough = maximum.is_none_or(|maximum| maximum >= needed);
    ensure!(is_enough, "{needed} files have to be open at once; raise the hard limit (`ulimit -Hn`)");
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// The state that all hostile clients of a run share.
struct Camp {
    address: SocketAddr,
    hostility: Hostility,
    stop: Arc<AtomicBool>,
    /// Clients without a connection so far.
    missing: Cell<usize>,
    gathered: Sender<()>,
    sent: Cell<u64>,
}

fn besiege(
    address: SocketAddr,
    hostility: Hostility,
    connections: usize,
    stop: &Arc<AtomicBool>,
    gathered: &Sender<()>,
) -> anyhow::Result<f64> {
    let camp = Rc::new(Camp {
        address,
        hostility,
        stop: Arc::clone(stop),
        missing: Cell::new(connections),
        gathered: gathered.clone(),
        sent: Cell::new(0),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    for number in 0..connections {
        local.spawn_local(Rc::clone(&camp).client(number));
    }
    let started = Instant::now();
    runtime.block_on(local);
    Ok(real(camp.sent.get()) / started.elapsed().as_secs_f64())
}

impl Camp {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Connects again after each disconnection.
    async fn client(self: Rc<Self>, number: usize) {
        let mut has_come = false;
        while !self.is_over() {
            let Ok(mut stream) = self.connect(number).await else {
                sleep(DRIBBLE / 10).await;
                continue;
            };
            if !has_come {
                has_come = true;
                self.missing.set(self.missing.get() - 1);
                if self.missing.get() == 0 {
                    // Nobody waits any more if it took too long.
                    let _ = self.gathered.send(());
                }
            }
            // Hostile clients expect to be disconnected.
            let _ = self.annoy(&mut stream).await;
        }
    }

    async fn connect(&self, number: usize) -> anyhow::Result<TcpStream> {
        let host = u8::try_from(number / PER_ADDRESS + 1)?;
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 1, host, 1)), 0))?;
        Ok(timeout(GATHERING, socket.connect(self.address)).await??)
    }

    /// Sends until the server closes the connection, or the run ends.
    async fn annoy(&self, stream: &mut TcpStream) -> anyhow::Result<()> {
        match self.hostility {
            Hostility::Idle => {
                self.send(stream, GET.as_bytes()).await?;
                self.dribble(stream, b"").await
            }
            Hostility::SlowHeads => {
                self.send(stream, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await?;
                self.dribble(stream, b"a").await
            }
            Hostility::SlowBodies => {
                self.send(stream, format!("{POST}content-length: 1000\r\n\r\n{{\"phone\":\"").as_bytes()).await?;
                self.dribble(stream, b"1").await
            }
            Hostility::Oversized => self.exceed(stream).await,
            Hostility::Pipelined => self.pipeline(stream).await,
            Hostility::LargeForms => self.send_large_form(stream).await,
            Hostility::HeldForms => {
                let form = format!("token={}", "a".repeat(LARGEST_FORM - 1_000));
                let head = form_head("sign-in", &format!("content-length: {LARGEST_FORM}"));
                self.send(stream, (head + &form).as_bytes()).await?;
                self.dribble(stream, b"a").await
            }
        }
    }

    async fn send(&self, stream: &mut TcpStream, bytes: &[u8]) -> anyhow::Result<()> {
        self.sent.set(self.sent.get() + 1);
        Ok(stream.write_all(bytes).await?)
    }

    async fn dribble(&self, stream: &mut TcpStream, byte: &[u8]) -> anyhow::Result<()> {
        let mut answer = [0; 1_024];
        while !self.is_over() {
            stream.write_all(byte).await?;
            if let Ok(Ok(0) | Err(_)) = timeout(DRIBBLE, stream.read(&mut answer)).await {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Alternately a body announced as 10 MB, and 100 KB of one header.
    async fn exceed(&self, stream: &mut TcpStream) -> anyhow::Result<()> {
        let too_much = "a".repeat(100_000);
        let request = if self.sent.get().is_multiple_of(2) {
            format!("{POST}content-length: 10485760\r\n\r\n{too_much}")
        } else {
            format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-long: {too_much}\r\n\r\n")
        };
        self.send(stream, request.as_bytes()).await?;
        let mut answer = [0; 1_024];
        while stream.read(&mut answer).await? > 0 && !self.is_over() {}
        Ok(())
    }

    /// In turn to sign in, to a page and to the import, with a length and without; complete, unless disconnected. It
    /// has many fields, which cost more than a long one.
    async fn send_large_form(&self, stream: &mut TcpStream) -> anyhow::Result<()> {
        let number = usize::try_from(self.sent.get())?;
        let page = ["sign-in", "settings/set", "access-codes/import"][number % 3];
        let chunk = "a=&".repeat(CHUNK / 3 + 1);
        let chunk = &chunk[..CHUNK];
        let is_chunked = number % 2 == 1;
        let length = if is_chunked { "transfer-encoding: chunked" } else { "content-length: 8388608" };
        self.send(stream, form_head(page, length).as_bytes()).await?;
        let chunk = if is_chunked { format!("{CHUNK:x}\r\n{chunk}\r\n") } else { chunk.to_owned() };
        for _ in 0..8 * 1_024 * 1_024 / CHUNK {
            stream.write_all(chunk.as_bytes()).await?;
        }
        if is_chunked {
            stream.write_all(b"0\r\n\r\n").await?;
        }
        let mut answer = [0; 1_024];
        while stream.read(&mut answer).await? > 0 && !self.is_over() {}
        Ok(())
    }

    async fn pipeline(&self, stream: &mut TcpStream) -> anyhow::Result<()> {
        let requests = GET.repeat(PIPELINED);
        let mut answers = Vec::new();
        while !self.is_over() {
            stream.write_all(requests.as_bytes()).await?;
            self.sent.set(self.sent.get() + PIPELINED as u64);
            answers.clear();
            while heads_in(&answers) < PIPELINED {
                ensure!(stream.read_buf(&mut answers).await? > 0, "hung up on");
            }
        }
        Ok(())
    }
}

/// The head of a form to the console without a session.
fn form_head(page: &str, length: &str) -> String {
    format!(
        "POST /console/{page} HTTP/1.1\r\nhost: localhost\r\ncookie: trialgate_session=x\r\n\
         content-type: application/x-www-form-urlencoded\r\n{length}\r\n\r\n"
    )
}

fn heads_in(answers: &[u8]) -> usize {
    answers.windows(9).filter(|nine| nine == b"HTTP/1.1 ").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_their_heads() {
        assert_eq!(heads_in(b""), 0);
        assert_eq!(heads_in(b"HTTP/1.1 200 OK\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n{}HTTP/1"), 2);
    }

    #[test]
    fn every_client_has_an_address() {
        let all = Hostility::CONNECTIONS.into_iter().chain(Hostility::FORMS);
        let most = all.map(Hostility::connections).max().unwrap();
        assert!(u8::try_from(most as usize / PER_ADDRESS + 1).is_ok());
    }
}
