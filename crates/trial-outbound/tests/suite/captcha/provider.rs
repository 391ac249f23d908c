//! A provider on a port of its own.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::form_urlencoded;

/// Answers every request alike, and records it. It ends with the runtime of the test.
pub(crate) struct Provider {
    pub(crate) url: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/siteverify", listener.local_addr().unwrap());
        let provider = Self { url, answer: Arc::default(), asked: Arc::default() };
        let (answer, asked) = (Arc::clone(&provider.answer), Arc::clone(&provider.asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&asked)));
            }
        });
        provider
    }

    /// Sets the answer from now on: status line, and a body.
    pub(crate) fn answer(&self, status: &str, body: &str) {
        let length = body.len();
        let whole = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        *self.answer.lock().unwrap() = whole;
    }

    /// The fields of all requests so far.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }
}

/// Silent while there is no answer.
async fn serve(mut stream: TcpStream, answer: Arc<Mutex<String>>, asked: Arc<Mutex<Vec<(String, String)>>>) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.is_none_or(|length| length.parse() != Ok(body.len())) {
            continue;
        }
        assert!(head.starts_with("POST /siteverify "), "{head}");
        asked.lock().unwrap().extend(form_urlencoded::parse(body.as_bytes()).into_owned());
        let answer = answer.lock().unwrap().clone();
        if answer.is_empty() {
            std::future::pending::<()>().await;
        }
        let _ = stream.write_all(answer.as_bytes()).await;
        return;
    }
}
