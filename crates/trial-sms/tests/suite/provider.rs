//! A scripted HTTP provider: it reads one request, performs its script, and closes.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// The behaviour of the provider after it has read a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// It answers this status and body.
    Answer(u16, &'static str),
    /// It answers this status and these octets; gzip with its header.
    Octets(u16, &'static [u8]),
    /// It answers 200 and a body of a mebibyte.
    Huge,
    /// It closes the connection.
    Cut,
    /// It closes the connection in the middle of its answer.
    CutInside,
    /// It answers something other than HTTP.
    Noise,
    /// It does not answer, and does not close.
    Silence,
}

/// One request, as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// A field of a form, from the body or else from the query.
    pub(crate) fn field(&self, name: &str) -> String {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let mut fields =
            url::form_urlencoded::parse(self.body.as_bytes()).chain(url::form_urlencoded::parse(query.as_bytes()));
        fields.find(|(other, _)| other == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }
}

/// The provider; it ends with the test.
pub(crate) struct Provider {
    port: u16,
    script: Arc<Mutex<Script>>,
    requests: Arc<Mutex<Vec<Request>>>,
    serving: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Provider {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (script, requests) = (Arc::new(Mutex::new(script)), Arc::new(Mutex::new(Vec::new())));
        let (told, seen) = (Arc::clone(&script), Arc::clone(&requests));
        let serving = tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read(&mut stream).await else { continue };
                seen.lock().unwrap().push(request);
                let script = *told.lock().unwrap();
                if !act(&mut stream, script).await {
                    kept.push(stream);
                }
            }
        });
        Self { port, script, requests, serving }
    }

    pub(crate) fn set(&self, script: Script) {
        *self.script.lock().unwrap() = script;
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The same address for clients that expect TLS.
    pub(crate) fn tls_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// An address without a listener, which nobody else can take while this lives.
pub(crate) struct Nobody(TcpSocket);

impl Nobody {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }
}

/// Reads one request; `None` if it is none.
async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 || !bytes[0].is_ascii_uppercase() {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
        .collect();
    let mut request = Request { method, target, headers, body: String::new() };
    let length: usize = request.header("content-length").parse().unwrap_or(0);
    while bytes.len() < head_end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    request.body = String::from_utf8(bytes[head_end + 4..].to_vec()).ok()?;
    Some(request)
}

/// Performs the script; returns whether the connection may be closed.
async fn act(stream: &mut TcpStream, script: Script) -> bool {
    let huge = "x".repeat(1 << 20);
    let answer = |status: u16, body: &[u8]| {
        let encoding = if body.starts_with(&[0x1F, 0x8B]) { "Content-Encoding: gzip\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\n{encoding}Connection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let bytes = match script {
        Script::Answer(status, body) => answer(status, body.as_bytes()),
        Script::Octets(status, body) => answer(status, body),
        Script::Huge => answer(200, huge.as_bytes()),
        Script::Cut => Vec::new(),
        Script::CutInside => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":".to_vec(),
        Script::Noise => b"220 mail.example.com ESMTP\r\n".to_vec(),
        Script::Silence => return false,
    };
    // A client that reads only a part may close before all is written.
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
    true
}
