//! An endpoint for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as received.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// An endpoint of webhooks on a port of its own. It ends with the runtime of the test.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    answer: Arc<Mutex<String>>,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Receiver {
    /// One with this answer: status line, headers and body.
    pub(crate) async fn start(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let receiver = Self { port, answer: Arc::new(Mutex::new(answer.to_owned())), arrived: Arc::default() };
        let (answer, arrived) = (Arc::clone(&receiver.answer), Arc::clone(&receiver.arrived));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&arrived)));
            }
        });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks?token=secret", self.port)
    }

    pub(crate) fn answer(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }

    /// The `POST`s so far.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().iter().filter(|request| request.method == "POST").cloned().collect()
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<Mutex<String>>, arrived: Arc<Mutex<Vec<Arrived>>>) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        let Some(request) = read(&bytes) else { continue };
        arrived.lock().unwrap().push(request);
        let answer = answer.lock().unwrap().clone();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let length = body.len();
        let whole = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        let _ = stream.write_all(whole.as_bytes()).await;
        return;
    }
}

/// The request, if it is complete.
fn read(bytes: &[u8]) -> Option<Arrived> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    (body.len() == length).then(|| Arrived { method, target, headers, body: body.to_owned() })
}
