//! TLS, HTTP/2, and limits of connections.

use std::future::{pending, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use actix_web::web::Bytes;
use async_trait::async_trait;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use trial_core::applications::Application;
use trial_core::ports::{TrialService, Unexpected};
use trial_core::return_codes::{ApplyReply, CodeReply, SendCode};
use trial_core::verification::CodeRequest;
use trial_tls::{HTTP_2, IdentityFiles, Renewal, Renewed, server_config};

use crate::socket::{Running, head, read_reply};
use crate::support::{CODE_REQUEST, Fixture, SEND_CODE_PATH};

const HTTP_1: &[u8] = b"http/1.1";
const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A server with a self-signed certificate.
struct Secure {
    server: Running,
    renewal: Renewal,
    files: IdentityFiles,
    roots: Vec<CertificateDer<'static>>,
    _directory: TempDir,
}

/// A service that never answers, admits a given number of requests, and counts those that wait.
#[derive(Clone)]
struct Gate {
    open: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gate {
    fn new() -> Self {
        Self { open: Arc::new(Semaphore::new(0)), waiting: Arc::default() }
    }

    async fn has(&self, waiting: usize) {
        while self.waiting.load(Ordering::SeqCst) != waiting {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl TrialService for Gate {
    async fn send_code(&self, _: CodeRequest) -> Result<CodeReply, Unexpected> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(Arc::clone(&self.waiting));
        self.open.acquire().await.unwrap().forget();
        Ok(CodeReply { code: SendCode::Sent, retry_after: None })
    }

    async fn apply(&self, _: Application) -> Result<ApplyReply, Unexpected> {
        pending().await
    }
}

impl Secure {
    fn start(fixture: Fixture) -> Self {
        Self::start_with(fixture, None)
    }

    fn start_with(mut fixture: Fixture, service: Option<Gate>) -> Self {
        fixture.settings.hsts = Some(Duration::from_hours(24));
        let directory = tempfile::tempdir().unwrap();
        let files = IdentityFiles { cert: directory.path().join("cert.pem"), key: directory.path().join("key.pem") };
        let root = write_pair(&files);
        let renewal = Renewal::start(files.clone()).unwrap();
        let tls = Arc::new(server_config(renewal.presented()).unwrap());
        let (mut parts, settings) = fixture.parts();
        if let Some(service) = service {
            parts.service = Arc::new(service);
        }
        let server = Running::serve(parts, settings, Some(tls));
        Self { server, renewal, files, roots: vec![root], _directory: directory }
    }

    /// Replaces the certificate files; clients trust the new certificate from then on.
    fn renew(&mut self) {
        self.roots.push(write_pair(&self.files));
        assert!(matches!(self.renewal.look(), Renewed::Exchanged));
    }

    async fn connect(&self, protocol: &[u8], versions: &[&'static SupportedProtocolVersion]) -> TlsStream<TcpStream> {
        self.try_connect(protocol, versions).await.unwrap()
    }

    async fn try_connect(
        &self,
        protocol: &[u8],
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.server.address).await.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.roots.clone());
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(versions).unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
        Ok(stream)
    }

    async fn http2(&self) -> Http2 {
        let stream = self.connect(HTTP_2, &BOTH).await;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        Http2 { sender, connection: tokio::spawn(connection) }
    }
}

struct Http2 {
    sender: http2::SendRequest<Full<Bytes>>,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Http2 {
    async fn ask(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Reply> {
        self.sender.ready().await?;
        Reply::of(self.sender.send_request(request).await?).await
    }
}

struct Reply {
    status: StatusCode,
    headers: hyper::HeaderMap,
    body: String,
}

impl Reply {
    async fn of(response: hyper::Response<hyper::body::Incoming>) -> hyper::Result<Self> {
        let (parts, body) = response.into_parts();
        let body = String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned();
        Ok(Self { status: parts.status, headers: parts.headers, body })
    }
}

fn write_pair(files: &IdentityFiles) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(&files.cert, cert.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    CertificateDer::from_pem_slice(cert.pem().as_bytes()).unwrap()
}

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("https://localhost{path}")).body(Full::default()).unwrap()
}

/// As [`code_request`], with target and `Host` chosen by the caller.
fn serial_code_request() -> Request<Full<Bytes>> {
    let builder = Request::post(SEND_CODE_PATH).header("host", "localhost").header("content-type", "application/json");
    builder.body(Full::from(CODE_REQUEST)).unwrap()
}

fn code_request() -> Request<Full<Bytes>> {
    post(CODE_REQUEST)
}

fn post(body: &str) -> Request<Full<Bytes>> {
    let builder =
        Request::post(format!("https://localhost{SEND_CODE_PATH}")).header("content-type", "application/json");
    builder.body(Full::from(body.to_owned())).unwrap()
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

/// Ends when the server has closed the connection.
async fn hung_up(mut stream: impl AsyncReadExt + Unpin) {
    // A reset also ends it.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

#[tokio::test]
async fn both_protocols_and_both_versions_are_spoken() {
    let secure = Secure::start(Fixture::agreeable());
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let mut stream = secure.connect(HTTP_1, versions).await;
        let request = head(&format!("Content-Length: {}", CODE_REQUEST.len())) + CODE_REQUEST;
        stream.write_all(request.as_bytes()).await.unwrap();
        let reply = read_reply(&mut stream).await;
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
        assert!(reply.contains("\r\nstrict-transport-security: max-age=86400\r\n"), "{reply}");
    }
    let mut client = secure.http2().await;
    let reply = client.ask(code_request()).await.unwrap();
    assert_eq!(
        (reply.status, reply.headers["strict-transport-security"].to_str().unwrap()),
        (StatusCode::OK, "max-age=86400")
    );
    assert!(reply.body.contains(r#""returnCode":"200""#), "{}", reply.body);
    for name in ["x-request-id", "x-content-type-options", "content-security-policy", "referrer-policy", "date"] {
        assert!(reply.headers.contains_key(name), "{name}");
    }
    drop(client);
    secure.server.stop().await;
}

#[tokio::test]
async fn http_2_is_served_by_the_rules_of_http_1() {
    let secure = Secure::start(Fixture::agreeable());
    let mut client = secure.http2().await;
    let mut head = get("/healthz");
    *head.method_mut() = hyper::Method::HEAD;
    let reply = client.ask(head).await.unwrap();
    assert_eq!((reply.status, reply.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(reply.headers["content-length"], "15");
    assert_eq!(client.ask(get("/nowhere?a=b")).await.unwrap().status, StatusCode::NOT_FOUND);
    assert_eq!(client.ask(get(SEND_CODE_PATH)).await.unwrap().status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(client.ask(post("{")).await.unwrap().status, StatusCode::BAD_REQUEST);
    let reply = client.ask(post(&" ".repeat(17 * 1_024))).await.unwrap();
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    // HTTP/2 may split a cookie and send `Host` as the authority: the console's sign-in needs both.
    let mut crumbs = get("/console/");
    crumbs.headers_mut().append("cookie", "a=b".parse().unwrap());
    crumbs.headers_mut().append("cookie", "c=d".parse().unwrap());
    assert_eq!(client.ask(crumbs).await.unwrap().status, StatusCode::SEE_OTHER);
    assert_eq!(client.ask(code_request()).await.unwrap().status, StatusCode::OK, "the connection goes on");
    drop(client);
    secure.server.stop().await;
}

/// Returns `true` if the server has reset this stream. What it wrote before a later reply has arrived.
async fn is_reset(body: &mut h2::SendStream<Bytes>, client: &mut h2::client::SendRequest<Bytes>) -> bool {
    let head = Request::get("https://localhost/healthz").body(()).unwrap();
    assert_eq!(client.send_request(head, true).unwrap().0.await.unwrap().status(), StatusCode::OK);
    poll_fn(|context| Poll::Ready(body.poll_reset(context).is_ready())).await
}

/// Some clients lose a reply whose stream is reset before they have sent their body.
#[tokio::test]
async fn a_small_body_may_end_after_the_reply() {
    let secure = Secure::start(Fixture::agreeable());
    let stream = secure.connect(HTTP_2, &BOTH).await;
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    for (method, path, status) in [("POST", SEND_CODE_PATH, 415), ("POST", "/nowhere", 404), ("GET", "/ops/v1/me", 401)]
    {
        for (length, is_cut) in [(128 * 1_024, false), (128 * 1_024 + 1, true)] {
            let builder = Request::builder().method(method).uri(format!("https://localhost{path}"));
            let head = builder.header("content-type", "text/plain").body(()).unwrap();
            let (reply, mut body) = client.send_request(head, false).unwrap();
            let reply = reply.await.unwrap();
            assert_eq!(reply.status().as_u16(), status);
            let mut chunks = reply.into_body();
            while let Some(chunk) = chunks.data().await {
                assert!(!chunk.unwrap().is_empty());
            }
            assert!(!is_reset(&mut body, &mut client).await, "{path}: before the body has ended");
            body.send_data(Bytes::from(vec![b' '; length]), !is_cut).unwrap();
            if is_cut {
                assert_eq!(poll_fn(|context| body.poll_reset(context)).await.unwrap(), h2::Reason::NO_ERROR);
            } else {
                assert!(!is_reset(&mut body, &mut client).await, "{path}: after the body has ended");
            }
        }
    }
    drop(client);
    connection.await.unwrap().unwrap();
    secure.server.stop().await;
}

/// In HTTP/2, the host is in `:authority`, and may also be in `Host`.
#[tokio::test]
async fn both_protocols_refuse_a_request_that_names_two_hosts() {
    let secure = Secure::start(Fixture::agreeable());
    let mut client = secure.http2().await;
    for (host, status) in [("localhost", 200), ("LOCALHOST", 200), ("other.example", 400), ("localhost:444", 400)] {
        let mut request = get("/healthz");
        request.headers_mut().insert("host", host.parse().unwrap());
        let reply = client.ask(request).await.unwrap();
        assert_eq!(reply.status.as_u16(), status, "{host}: {}", reply.body);
        assert_eq!(reply.body.contains("malformed-request"), status == 400, "{}", reply.body);
        assert!(reply.headers.contains_key("x-request-id"));
    }
    for (head, status) in [
        ("GET https://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "200"),
        ("GET https://localhost/healthz HTTP/1.1\r\nHost: other.example\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "200"),
    ] {
        let mut stream = secure.connect(HTTP_1, &BOTH).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let reply = read_reply(&mut stream).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {reply}");
    }
    drop(client);
    secure.server.stop().await;
}

#[tokio::test]
async fn a_certificate_is_renewed_while_connections_live() {
    let mut secure = Secure::start(Fixture::agreeable());
    let old = secure.connect(HTTP_1, &BOTH).await;
    let first = shown(&old);
    let (mut sender, connection) = http1::handshake(TokioIo::new(old)).await.unwrap();
    tokio::spawn(connection);
    let mut also_old = secure.http2().await;

    secure.renew();
    let renewed = shown(&secure.connect(HTTP_1, &BOTH).await);
    assert!(renewed != first && secure.roots[1] == renewed);
    assert_eq!(sender.send_request(serial_code_request()).await.unwrap().status(), StatusCode::OK);
    assert_eq!(also_old.ask(code_request()).await.unwrap().status, StatusCode::OK);

    // A certificate that does not match its key is not used.
    std::fs::write(&secure.files.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert!(matches!(secure.renewal.look(), Renewed::Kept(_)));
    assert_eq!(shown(&secure.connect(HTTP_1, &BOTH).await), renewed);
    drop((sender, also_old));
    secure.server.stop().await;
}

#[tokio::test]
async fn heads_are_bounded_in_both_protocols() {
    let mut fixture = Fixture::agreeable();
    fixture.settings.limits.head_bytes = 4_096;
    let secure = Secure::start(fixture);
    let mut stream = secure.connect(HTTP_1, &BOTH).await;
    let long = "a".repeat(4_096);
    stream.write_all(format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n").as_bytes()).await.unwrap();
    let reply = read_reply(&mut stream).await;
    assert!(reply.starts_with("HTTP/1.1 431 ") && reply.contains("head-too-large"), "{reply}");
    assert!(reply.contains("\r\nx-request-id: "), "{reply}");

    let mut client = secure.http2().await;
    let mut request = get("/healthz");
    request.headers_mut().insert("x-long", long.parse().unwrap());
    // The client learns the limit, and may respect it by itself.
    match client.ask(request).await {
        Ok(reply) => assert_eq!(reply.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(error) => assert!(!error.is_incomplete_message(), "{error:?}"),
    }
    let mut client = secure.http2().await;
    assert_eq!(client.ask(code_request()).await.unwrap().status, StatusCode::OK);
    drop(client);
    secure.server.stop().await;
}

#[tokio::test]
async fn more_streams_than_may_be_wait_for_their_turn() {
    let mut fixture = Fixture::default();
    fixture.settings.limits.streams_per_connection = 10;
    let gate = Gate::new();
    let secure = Secure::start_with(fixture, Some(gate.clone()));
    let mut client = secure.http2().await;
    // The client knows the server's limit after the first frame.
    assert_eq!(client.ask(get("/healthz")).await.unwrap().status, StatusCode::OK);
    let mut asked = JoinSet::new();
    for _ in 0..300 {
        let mut sender = client.sender.clone();
        asked.spawn(async move { Reply::of(sender.send_request(code_request()).await?).await });
    }
    gate.has(10).await;
    gate.open.add_permits(300);
    for reply in asked.join_all().await {
        assert_eq!(reply.unwrap().status, StatusCode::OK);
    }
    drop(client);
    secure.server.stop().await;
}

#[tokio::test]
async fn requests_that_are_taken_back_leave_nothing_behind() {
    let mut fixture = Fixture::default();
    fixture.settings.limits.streams_per_connection = 10;
    let gate = Gate::new();
    let secure = Secure::start_with(fixture, Some(gate.clone()));
    let mut hostile = secure.http2().await;
    for _ in 0..100 {
        let mut sender = hostile.sender.clone();
        if sender.ready().await.is_err() {
            break;
        }
        let taken_back = tokio::spawn(async move { sender.send_request(code_request()).await.map(drop) });
        while gate.waiting.load(Ordering::SeqCst) == 0 && !taken_back.is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(gate.waiting.load(Ordering::SeqCst) <= 10);
        taken_back.abort();
        gate.has(0).await;
    }
    gate.open.add_permits(1);
    let mut honest = secure.http2().await;
    assert_eq!(honest.ask(code_request()).await.unwrap().status, StatusCode::OK);
    assert!(hostile.ask(get("/healthz")).await.is_ok_and(|reply| reply.status == StatusCode::OK));
    drop((hostile, honest));
    secure.server.stop().await;
}

#[tokio::test]
async fn what_is_under_way_is_answered_at_the_end() {
    let gate = Gate::new();
    let secure = Secure::start_with(Fixture::default(), Some(gate.clone()));
    let (mut one, mut idle) = (secure.http2().await, secure.http2().await);
    assert_eq!(idle.ask(get("/healthz")).await.unwrap().status, StatusCode::OK);
    let stream = secure.connect(HTTP_1, &BOTH).await;
    let (mut serial, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut under_way = JoinSet::new();
    under_way.spawn(async move { one.ask(code_request()).await.map(|reply| reply.status) });
    under_way.spawn(async move { serial.send_request(serial_code_request()).await.map(|reply| reply.status()) });
    gate.has(2).await;

    let server = secure.server;
    let handle = server.handle.clone();
    let stopping = tokio::spawn(async move { handle.stop(true).await });
    // GOAWAY was sent, while other requests are still answered.
    assert!(idle.connection.await.unwrap().is_ok());
    assert_eq!(gate.waiting.load(Ordering::SeqCst), 2);
    gate.open.add_permits(2);
    for answered in under_way.join_all().await {
        assert_eq!(answered.unwrap(), StatusCode::OK);
    }
    stopping.await.unwrap();
    server.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_says_nothing_is_hung_up_on() {
    let mut fixture = Fixture::agreeable();
    fixture.settings.limits.head_timeout = Duration::from_millis(100);
    fixture.settings.limits.idle_timeout = Duration::from_hours(1);
    let secure = Secure::start(fixture);
    // No handshake and no request, in both protocols. An unfinished handshake is closed too.
    hung_up(secure.server.connect().await).await;
    for protocol in [HTTP_1, HTTP_2] {
        if let Ok(stream) = secure.try_connect(protocol, &BOTH).await {
            hung_up(stream).await;
        }
    }
    secure.server.stop().await;
}

#[tokio::test]
async fn who_says_nothing_more_is_hung_up_on() {
    let mut fixture = Fixture::agreeable();
    fixture.settings.limits.idle_timeout = Duration::from_millis(100);
    let secure = Secure::start(fixture);
    let mut stream = secure.connect(HTTP_1, &BOTH).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(read_reply(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    hung_up(stream).await;
    let mut idle = secure.http2().await;
    assert_eq!(idle.ask(code_request()).await.unwrap().status, StatusCode::OK);
    assert!(idle.connection.await.unwrap().is_ok());
    secure.server.stop().await;
}

/// Flow control holds one reply back while others are requested and received.
#[tokio::test]
async fn who_takes_nothing_of_a_reply_is_hung_up_on_whatever_else_goes_on() {
    let mut fixture = Fixture::agreeable();
    fixture.settings.limits.idle_timeout = Duration::from_millis(100);
    let secure = Secure::start(fixture);
    let stream = secure.connect(HTTP_2, &BOTH).await;
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(1);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let ended = tokio::spawn(connection);
    let stuck = sender.send_request(get("/openapi.json")).await.unwrap();
    assert_eq!(stuck.status(), StatusCode::OK);
    let head = || Request::head("https://localhost/healthz").body(Full::default()).unwrap();
    while sender.ready().await.is_ok() {
        match sender.send_request(head()).await {
            Ok(reply) => assert_eq!(reply.status(), StatusCode::OK),
            Err(_) => break,
        }
    }
    // The server may close by a reset.
    let _ = ended.await.unwrap();
    drop(stuck);
    secure.server.stop().await;
}

#[tokio::test]
async fn every_head_of_a_connection_has_its_time() {
    let mut fixture = Fixture::agreeable();
    fixture.settings.limits.head_timeout = Duration::from_secs(1);
    fixture.settings.limits.idle_timeout = Duration::from_hours(1);
    let server = Running::start(fixture);
    let mut connection = server.connect().await;
    connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(read_reply(&mut connection).await.starts_with("HTTP/1.1 200 OK\r\n"));
    connection.write_all(b"GET /healthz HTTP/1.1\r\nX-Slow: ").await.unwrap();
    // Each further byte would buy time if time began with the last one. The head stays below its size limit.
    let (mut reader, mut writer) = connection.split();
    let mut bytes = tokio::time::interval(Duration::from_millis(10));
    let dribbling = async {
        while writer.write_all(b"a").await.is_ok() {
            bytes.tick().await;
        }
    };
    let mut rest = Vec::new();
    tokio::select! {
        () = dribbling => {}
        _ = reader.read_to_end(&mut rest) => {}
    }
    assert_eq!(String::from_utf8_lossy(&rest), "");
    server.stop().await;
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let mut fixture = Fixture::agreeable();
    fixture.settings.limits.connections_per_address = 2;
    let server = Running::start(fixture);
    let from = async |address: &str| -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address.parse::<IpAddr>().unwrap(), 0)).unwrap();
        socket.connect(server.address).await.unwrap()
    };
    let is_served = async |connection: &mut TcpStream| -> bool {
        let asked = connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut start = [0; 12];
        asked.is_ok() && connection.read_exact(&mut start).await.is_ok() && &start == b"HTTP/1.1 200"
    };
    let mut first = from("127.0.0.9").await;
    let mut second = from("127.0.0.9").await;
    assert!(is_served(&mut first).await && is_served(&mut second).await);
    assert!(!is_served(&mut from("127.0.0.9").await).await, "one too many");
    assert!(is_served(&mut from("127.0.0.10").await).await, "another address");
    for _ in 0..5 {
        let mut local = from("127.0.0.1").await;
        assert!(is_served(&mut local).await, "a proxy of this machine");
    }
    drop(first);
    // The server notices the end with a delay.
    while !is_served(&mut from("127.0.0.9").await).await {
        tokio::task::yield_now().await;
    }
    drop(second);
    server.stop().await;
}
