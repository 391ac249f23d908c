//! Hostile peers on raw sockets: the service refuses them and keeps answering everybody else.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use trialgate_tests::{APPLY_PATH, Applicant, Home, Random, Reply, SEND_CODE_PATH, Service};

const KIB: usize = 1_024;
/// The time that an unneeded connection may stay open.
const DEADLINE: Duration = Duration::from_mins(1);

struct Peer(TcpStream);

impl Peer {
    async fn connect(service: &Service) -> Self {
        Self(TcpStream::connect(service.address()).await.unwrap())
    }

    /// Writes as much as the other side takes.
    async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        // A closed connection is an answer too.
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Everything that comes until the other side closes, which it does in bounded time.
    async fn read_to_end(mut self) -> String {
        let mut reply = Vec::new();
        // What came before a reset counts.
        let closed = timeout(DEADLINE, self.0.read_to_end(&mut reply)).await;
        let reply = String::from_utf8_lossy(&reply).into_owned();
        assert!(closed.is_ok(), "the connection stays open after {reply:?}");
        reply
    }
}

fn head(headers: &str) -> String {
    format!("POST {SEND_CODE_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n\r\n")
}

fn chunk(length: usize) -> String {
    format!("{length:x}\r\n{}\r\n", " ".repeat(length))
}

fn exchange(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

async fn assert_still_serves(service: &mut Service, number: u32) {
    let applicant = Applicant::new(number);
    let code = service.client().obtain_code(&applicant).await;
    assert_eq!(service.client().apply(&applicant, &code).await.code(), "000");
    assert!(service.is_running());
}

#[tokio::test]
async fn bodies_that_are_too_much_are_refused() {
    let home = Home::new();
    let mut service = home.sandbox().await;
    let memory = service.resident_kib();

    // Announced as 10 MB: refused before any of it arrives.
    let mut peer = Peer::connect(&service).await;
    peer.write(head("Content-Length: 10485760")).await;
    let reply = peer.read_to_end().await;
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");

    // Really 10 MB.
    let long = json!({"phone": "1".repeat(10 * KIB * KIB)});
    match Reply::to(service.client().post(SEND_CODE_PATH, &long)).await {
        Ok(reply) => assert_eq!(reply.status, 413),
        Err(error) => assert!(!error.is_timeout(), "hung up on while writing: {error}"),
    }

    // Without an end: the server reads as much as a body may have, some more for a moment, and what the sockets buffer.
    for path in [SEND_CODE_PATH, "/nowhere"] {
        let mut peer = Peer::connect(&service).await;
        peer.write(head("Transfer-Encoding: chunked").replace(SEND_CODE_PATH, path)).await;
        peer.write(chunk(16 * KIB)).await;
        peer.write(chunk(KIB)).await;
        let reply = peer.read_to_end().await;
        assert!(reply.starts_with("HTTP/1.1 4"), "{path}: {reply}");

        let mut peer = Peer::connect(&service).await;
        peer.write(head("Transfer-Encoding: chunked").replace(SEND_CODE_PATH, path)).await;
        let endless = async { while peer.0.write_all(chunk(KIB).as_bytes()).await.is_ok() {} };
        assert!(timeout(DEADLINE, endless).await.is_ok(), "{path}: a body without an end is taken");
    }

    // Deep, but small enough to be read.
    let deep = format!("{}{}", "[".repeat(8_000), "]".repeat(8_000));
    let nested = format!("{{\"phone\":{}1{}}}", "{\"a\":".repeat(2_000), "}".repeat(2_000));
    for body in [&deep, &nested, &"[".repeat(10_000)] {
        let mut peer = Peer::connect(&service).await;
        peer.write(exchange(SEND_CODE_PATH, body).replace("Host: x", "Host: x\r\nConnection: close")).await;
        let reply = peer.read_to_end().await;
        assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("malformed-body"), "{reply}");
    }
    assert!(service.resident_kib() < memory + 32 * 1_024, "{memory} KiB became {}", service.resident_kib());
    assert_still_serves(&mut service, 1).await;
}

#[tokio::test]
async fn slow_peers_keep_nobody_waiting() {
    let home = Home::new();
    let mut service = home.sandbox().await;
    let mut peers = Vec::new();
    for number in 0..200 {
        let mut peer = Peer::connect(&service).await;
        match number % 4 {
            0 => {}
            1 => peer.write("POST /apiaccess HTTP/1.1\r\nHost: x\r\nX-Slow: ").await,
            2 => peer.write(head("Transfer-Encoding: chunked") + "400\r\n{\"pho").await,
            _ => peer.write(head("Content-Length: 23") + "{\"pho").await,
        }
        peers.push(peer);
    }
    assert_still_serves(&mut service, 1).await;
    // A few bytes more do not buy a slow peer the right to stay.
    for peer in &mut peers {
        peer.write("a").await;
    }
    assert_still_serves(&mut service, 2).await;
    let mut ending = JoinSet::new();
    for peer in peers {
        ending.spawn(peer.read_to_end());
    }
    for reply in ending.join_all().await {
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 408 "), "{reply}");
    }
    assert_still_serves(&mut service, 3).await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let home = Home::new();
    let mut service = home.sandbox().await;
    let applicant = Applicant::new(1);
    let code = service.client().obtain_code(&applicant).await;
    let wrong = exchange(APPLY_PATH, &applicant.application("wrong").to_string());
    let right = exchange(APPLY_PATH, &applicant.application(&code).to_string());
    let last = right.replace("Host: x", "Host: x\r\nConnection: close");
    let mut peer = Peer::connect(&service).await;
    peer.write(wrong.clone() + &wrong + &right + &right + &last).await;
    let reply = peer.read_to_end().await;
    let codes: Vec<&str> = reply.split("\"returnCode\":\"").skip(1).map(|rest| &rest[..3]).collect();
    assert_eq!(codes, ["002", "002", "000", "000", "000"], "{reply}");
    home.database().assert_keeps_exactly([&applicant]);
    assert_still_serves(&mut service, 2).await;
}

#[tokio::test]
async fn what_is_no_http_is_hung_up_on() {
    let home = Home::new();
    let mut service = home.sandbox().await;
    let mut random = Random::new(1);
    let noise: Vec<u8> = (0..64 * KIB).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1_024 * KIB));
    let many_headers = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(100_000));
    let smuggled = head("Content-Length: 5\r\nTransfer-Encoding: chunked") + "0\r\n\r\n";
    let twice = head("Content-Length: 5\r\nContent-Length: 6") + "{}   ";
    let tls: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let bytes = [
        &noise[..],
        tls,
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        long_path.as_bytes(),
        many_headers.as_bytes(),
        smuggled.as_bytes(),
        twice.as_bytes(),
        b"POST / HTTP/9.9\r\n\r\n",
    ];
    for bytes in bytes {
        let (mut reader, mut writer) = Peer::connect(&service).await.0.into_split();
        let owned = bytes.to_vec();
        // Stays open for writing: the service must close the connection.
        let writing = tokio::spawn(async move {
            let _ = writer.write_all(&owned).await;
            writer
        });
        let mut reply = Vec::new();
        let _ = reader.read_to_end(&mut reply).await;
        let reply = String::from_utf8_lossy(&reply);
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{start:?}: {reply}");
        drop(writing.await.unwrap());
    }
    assert_still_serves(&mut service, 1).await;
}

#[tokio::test]
async fn a_kept_connection_buys_no_slowness() {
    let home = Home::new();
    let limits = [("TRIALGATE_HTTP__LIMITS__HEAD_TIMEOUT", "1s"), ("TRIALGATE_HTTP__LIMITS__BODY_TIMEOUT", "1s")];
    let mut service = home.sandbox_with(&limits).await;
    for slow in ["GET /healthz HTTP/1.1\r\nX-Slow: ".to_owned(), head("Content-Length: 23") + "{\"phone\":\""] {
        let mut peer = Peer::connect(&service).await;
        peer.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut start = [0; 15];
        peer.0.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200 OK");
        peer.write(slow).await;
        // A byte now and then does not prolong it. They are too few to complete it, or to make it too large.
        let (mut reader, mut writer) = peer.0.into_split();
        let mut bytes = interval(Duration::from_millis(200));
        let dribble = async {
            while writer.write_all(b"1").await.is_ok() {
                bytes.tick().await;
            }
        };
        let mut reply = Vec::new();
        let hung_up = async {
            tokio::select! {
                () = dribble => {}
                _ = reader.read_to_end(&mut reply) => {}
            }
        };
        assert!(timeout(DEADLINE, hung_up).await.is_ok(), "a slow peer stays");
    }
    assert_still_serves(&mut service, 1).await;
}

#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let home = Home::new();
    let mut service = home.sandbox_with(&[("TRIALGATE_HTTP__LIMITS__CONNECTIONS_PER_ADDRESS", "20")]).await;
    let hostile = async || -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.77:0".parse().unwrap()).unwrap();
        socket.connect(service.address()).await.unwrap()
    };
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(hostile().await);
    }
    for stream in &mut held {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut start = [0; 15];
        stream.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200 OK");
    }
    for _ in 0..20 {
        assert_eq!(Peer(hostile().await).read_to_end().await, "", "hung up on at once");
    }
    let metrics = service.client().try_get("/metrics").await.unwrap().text().await.unwrap();
    assert!(metrics.contains("trialgate_http_connections_refused_total{reason=\"address\"} 20\n"), "{metrics}");
    assert_still_serves(&mut service, 1).await;
}

#[tokio::test]
async fn a_head_has_its_bounds() {
    let home = Home::new();
    let mut service = home.sandbox().await;
    for (length, status) in [(15 * KIB, "200"), (17 * KIB, "431"), (200 * KIB, "431")] {
        let mut peer = Peer::connect(&service).await;
        let long = "a".repeat(length);
        peer.write(format!("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: {long}\r\n\r\n")).await;
        let reply = peer.read_to_end().await;
        // Beyond the length that is read at all, a reset may overtake the reply.
        let is_cut_off = reply.is_empty() && length > 128 * KIB;
        assert!(is_cut_off || reply.starts_with(&format!("HTTP/1.1 {status} ")), "{length}: {reply}");
    }
    assert_still_serves(&mut service, 1).await;
}
