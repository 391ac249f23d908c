//! The server on a socket.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::ServerConfig;
use trial_http::{HttpParts, HttpServer, HttpSettings};

use crate::support::{CODE_REQUEST, Fixture, SEND_CODE_PATH};

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
    pub(crate) serving: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub(crate) fn start(fixture: Fixture) -> Self {
        let (parts, settings) = fixture.parts();
        Self::serve(parts, settings, None)
    }

    pub(crate) fn serve(parts: HttpParts, settings: HttpSettings, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        Self::listen(listener, None, parts, settings, tls)
    }

    fn listen(
        listener: TcpListener,
        admin: Option<TcpListener>,
        parts: HttpParts,
        settings: HttpSettings,
        tls: Option<Arc<ServerConfig>>,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let server = HttpServer::bind(listener, admin, parts, settings, tls).unwrap();
        let handle = server.handle();
        Self { address, handle, serving: tokio::spawn(server.run()) }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(crate) async fn stop(self) {
        self.handle.stop(true).await;
        self.serving.await.unwrap().unwrap();
    }
}

pub(crate) fn head(length: &str) -> String {
    format!("POST {SEND_CODE_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{length}\r\n\r\n")
}

/// Reads one reply with a body of known length.
pub(crate) async fn read_reply(connection: &mut (impl AsyncRead + Unpin)) -> String {
    let mut reply = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let read = connection.read(&mut buffer).await.unwrap();
        reply.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&reply).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        assert!(read > 0, "the connection was closed after {text:?}");
    }
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let server = Running::start(Fixture::agreeable());
    let mut connection = server.connect().await;
    for _ in 0..3 {
        let request = head(&format!("Content-Length: {}", CODE_REQUEST.len())) + CODE_REQUEST;
        connection.write_all(request.as_bytes()).await.unwrap();
        assert!(read_reply(&mut connection).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    server.stop().await;
    assert_eq!(connection.read(&mut [0; 1]).await.unwrap(), 0, "a connection that idles does not hold up the end");
}

/// The administrators' listener serves the documents about the service, and nothing else; no other listener does.
#[tokio::test]
async fn a_second_listener_has_what_is_for_administrators_alone() {
    let bound = || TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (public, admin) = (bound(), bound());
    let addresses = [public.local_addr().unwrap(), admin.local_addr().unwrap()];
    let mut fixture = Fixture::agreeable();
    fixture.health.expect_dependencies().returning(Vec::new);
    let (parts, settings) = fixture.parts();
    let server = Running::listen(public, Some(admin), parts, settings, None);
    for (path, statuses) in [
        ("/metrics", [404, 200]),
        ("/docs", [404, 308]),
        ("/docs/", [404, 200]),
        ("/docs/swagger-initializer.js", [404, 200]),
        ("/openapi.json", [404, 200]),
        ("/ops/openapi.json", [404, 200]),
        ("/healthz", [200, 200]),
        ("/readyz", [200, 200]),
        ("/", [200, 404]),
        ("/apply", [200, 404]),
        ("/portal/sign-in", [200, 404]),
        ("/console/sign-in", [200, 404]),
        ("/ops/v1/me", [401, 404]),
        (SEND_CODE_PATH, [405, 404]),
    ] {
        for (address, status) in addresses.into_iter().zip(statuses) {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut reply = Vec::new();
            connection.read_to_end(&mut reply).await.unwrap();
            let reply = String::from_utf8_lossy(&reply);
            assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{path} at {address}: {reply}");
            if path == "/" && status == 200 {
                assert!(!reply.contains("/metrics") && !reply.contains("/docs"), "{reply}");
            }
            if path.ends_with("initializer.js") && status == 200 {
                assert!(reply.contains("supportedSubmitMethods"), "the interfaces are not beside the page: {reply}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_may_come_in_pieces() {
    let server = Running::start(Fixture::agreeable());
    let mut connection = server.connect().await;
    connection.write_all(head("Transfer-Encoding: chunked").as_bytes()).await.unwrap();
    for piece in ["b\r\n{\"phone\":\"1\r\n", "c\r\n6673280001\"}\r\n", "0\r\n\r\n"] {
        connection.write_all(piece.as_bytes()).await.unwrap();
        connection.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let reply = read_reply(&mut connection).await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    server.stop().await;
}

#[tokio::test]
async fn a_body_said_to_be_too_large_is_refused_unread() {
    let server = Running::start(Fixture::default());
    let mut connection = server.connect().await;
    connection.write_all(head("Content-Length: 10485760").as_bytes()).await.unwrap();
    let reply = read_reply(&mut connection).await;
    assert!(reply.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{reply}");
    assert!(reply.contains("\r\nconnection: close\r\n") && reply.contains("\r\nx-request-id: "), "{reply}");
    drop(connection);
    server.stop().await;
}

/// A valid request before it is answered as usual.
#[tokio::test]
async fn a_head_that_cannot_be_parsed_is_answered_by_a_problem() {
    let server = Running::start(Fixture::agreeable());
    let valid = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let many = "A: b\r\n".repeat(96);
    for (lines, status, problem) in [
        ("Host: x\r\nHost: x\r\n", 400, "malformed-request"),
        ("", 400, "malformed-request"),
        ("Host: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n", 400, "malformed-request"),
        ("Host: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n", 400, "malformed-request"),
        ("Host: x\r\nA: b\0c\r\n", 400, "malformed-request"),
        ("Host : x\r\n", 400, "malformed-request"),
        ("Host: x\r\nA: b\r\n c\r\n", 400, "malformed-request"),
        (format!("Host: x\r\n{many}").as_str(), 431, "head-too-large"),
    ] {
        for before in ["", valid] {
            let mut connection = server.connect().await;
            let all = format!("{before}GET /healthz HTTP/1.1\r\n{lines}\r\n");
            connection.write_all(all.as_bytes()).await.unwrap();
            let mut replies = String::new();
            connection.read_to_string(&mut replies).await.unwrap();
            let (first, reply) = replies.split_at(replies.rfind("HTTP/1.1 ").unwrap());
            assert_eq!(first.starts_with("HTTP/1.1 200 "), !before.is_empty(), "{replies}");
            let (head, body) = reply.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{lines:?}: {reply}");
            for line in
                ["content-type: application/problem+json", "connection: close", "x-content-type-options: nosniff"]
            {
                assert!(head.lines().any(|found| found == line), "{lines:?}: {reply}");
            }
            assert!(head.lines().any(|line| line == format!("content-length: {}", body.len())), "{lines:?}: {reply}");
            let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["type"], format!("urn:trialgate:problem:{problem}"));
            assert_eq!(body["status"], status);
            assert_eq!(body["requestId"], id);
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_is_told_to_continue_only_if_its_body_is_read() {
    let server = Running::start(Fixture::agreeable());
    let expecting = |length: &str| head(&format!("Expect: 100-continue\r\n{length}"));
    for (status, head) in [
        (413, expecting("Content-Length: 99999")),
        (415, expecting("Content-Length: 23").replace("application/json", "text/plain")),
        (404, expecting("Content-Length: 23").replace(SEND_CODE_PATH, "/nowhere")),
        (200, "GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n".to_owned()),
    ] {
        let mut connection = server.connect().await;
        connection.write_all(head.as_bytes()).await.unwrap();
        let reply = read_reply(&mut connection).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")) && reply.contains("\r\nx-request-id: "), "{reply}");
    }
    let mut connection = server.connect().await;
    let chunked = format!("{:x}\r\n{CODE_REQUEST}\r\n0\r\n\r\n", CODE_REQUEST.len());
    let length = format!("Content-Length: {}", CODE_REQUEST.len());
    for (length, body) in [(length.as_str(), CODE_REQUEST), ("Transfer-Encoding: chunked", chunked.as_str())] {
        connection.write_all(expecting(length).as_bytes()).await.unwrap();
        assert_eq!(read_reply(&mut connection).await, "HTTP/1.1 100 Continue\r\n\r\n");
        connection.write_all(body.as_bytes()).await.unwrap();
        let reply = read_reply(&mut connection).await;
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    }
    drop(connection);
    server.stop().await;
}

#[tokio::test]
async fn a_body_without_an_end_is_hung_up_on_by_whatever_answer_comes_before_it() {
    let requests = [
        (413, head("Transfer-Encoding: chunked")),
        (415, head("Transfer-Encoding: chunked").replace("application/json", "text/plain")),
        (404, "POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()),
    ];
    let server = Running::start(Fixture::default());
    let chunk = format!("{:x}\r\n{}\r\n", 1_024, " ".repeat(1_024));
    for (status, head) in requests {
        let mut connection = server.connect().await;
        connection.write_all(head.as_bytes()).await.unwrap();
        let (mut reader, mut writer) = connection.split();
        // Ends only when the server stops reading.
        let writing = async { while writer.write_all(chunk.as_bytes()).await.is_ok() {} };
        let reading = async {
            let mut reply = vec![0; 12];
            reader.read_exact(&mut reply).await.unwrap();
            String::from_utf8_lossy(&reply).into_owned()
        };
        let ((), reply) = tokio::join!(writing, reading);
        assert_eq!(reply, format!("HTTP/1.1 {status}"));
    }
    server.stop().await;
}

#[tokio::test]
async fn ten_megabytes_without_a_length_are_read_to_sixteen_kibibytes() {
    let server = Running::start(Fixture::default());
    let mut connection = server.connect().await;
    connection.write_all(head("Transfer-Encoding: chunked").as_bytes()).await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
    let (mut reader, mut writer) = connection.split();
    let writing = async {
        for _ in 0..160 {
            if writer.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
    };
    let reading = async {
        let mut reply = vec![0; 64];
        reader.read_exact(&mut reply).await.unwrap();
        String::from_utf8_lossy(&reply).into_owned()
    };
    let ((), reply) = tokio::join!(writing, reading);
    assert!(reply.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{reply}");
    drop(connection);
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let mut fixture = Fixture::default();
    fixture.settings.body_timeout = Duration::from_millis(50);
    let server = Running::start(fixture);
    let mut connection = server.connect().await;
    connection.write_all((head("Content-Length: 23") + "{\"phone\"").as_bytes()).await.unwrap();
    let reply = read_reply(&mut connection).await;
    assert!(reply.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{reply}");
    assert!(reply.contains("\r\nconnection: close\r\n") && reply.contains("request-timeout"), "{reply}");
    drop(connection);
    server.stop().await;
}

/// More at once than is read ahead, with a body among them that is larger than what is read at once.
#[tokio::test]
async fn requests_that_come_at_once_are_answered_one_after_another() {
    let server = Running::start(Fixture::agreeable());
    let mut connection = server.connect().await;
    let small = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50);
    let body = CODE_REQUEST.to_owned() + &"\n".repeat(16 * 1_024 - CODE_REQUEST.len());
    let with_length = head(&format!("Content-Length: {}", body.len())) + &body;
    let in_chunks = head("Transfer-Encoding: chunked") + &format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let last = "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let all = [&small, &with_length, &small, &in_chunks, &small, last].concat();
    let (mut reader, mut writer) = connection.split();
    let mut replies = String::new();
    let (written, read) = tokio::join!(writer.write_all(all.as_bytes()), reader.read_to_string(&mut replies));
    assert!(written.is_ok() && read.is_ok());
    let statuses: Vec<_> = replies.split("HTTP/1.1 ").skip(1).map(|reply| &reply[..3]).collect();
    assert_eq!(statuses, [vec!["200"; 152], vec!["404"]].concat());
    server.stop().await;
}

#[tokio::test]
async fn a_head_request_is_answered_without_a_body() {
    let server = Running::start(Fixture::default());
    let mut connection = server.connect().await;
    connection.write_all(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut reply = String::new();
    connection.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.ends_with("\r\n\r\n"), "{reply}");
    assert!(reply.contains("content-length: 15\r\n"), "{reply}");
    server.stop().await;
}
