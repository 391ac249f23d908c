//! A receiver of webhooks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// An event as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Its headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body, to the byte.
    pub body: String,
}

impl Arrived {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// The event in the body.
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Its signatures.
    pub fn signatures(&self) -> Vec<&str> {
        self.headers["webhook-signature"].split(' ').collect()
    }
}

/// A receiver of webhooks with a settable answer. It ends with the runtime of the test.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    status: Arc<Mutex<&'static str>>,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Receiver {
    /// One that answers with this status line.
    pub async fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let receiver = Self { port, status: Arc::new(Mutex::new(status)), arrived: Arc::default() };
        let (status, arrived) = (Arc::clone(&receiver.status), Arc::clone(&receiver.arrived));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&status), Arc::clone(&arrived)));
            }
        });
        receiver
    }

    /// The environment of a service that publishes events here, signed with these secrets.
    pub fn environment(&self, secrets: &[&str]) -> Vec<(&'static str, String)> {
        vec![
            ("TRIALGATE_PLATFORM__KIND", "webhook".to_owned()),
            ("TRIALGATE_PLATFORM__WEBHOOK__URL", format!("http://127.0.0.1:{}/hooks", self.port)),
            ("TRIALGATE_PLATFORM__WEBHOOK__SECRETS", format!("{secrets:?}")),
            ("TRIALGATE_PLATFORM__WEBHOOK__ALLOW_PRIVATE_ADDRESSES", "true".to_owned()),
        ]
    }

    /// Answers with this status line from now on.
    pub fn answer(&self, status: &'static str) {
        *self.status.lock().unwrap() = status;
    }

    /// Every event that has arrived, whatever the answer.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, status: Arc<Mutex<&'static str>>, all: Arc<Mutex<Vec<Arrived>>>) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        let Some((is_event, arrived)) = whole(&bytes) else { continue };
        let status = *status.lock().unwrap();
        if is_event {
            all.lock().unwrap().push(arrived);
        }
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        // The client may be gone.
        let _ = stream.write_all(answer.as_bytes()).await;
        return;
    }
}

/// The request, if complete, and whether it is a `POST`.
fn whole(bytes: &[u8]) -> Option<(bool, Arrived)> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let headers: BTreeMap<_, _> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let arrived = Arrived { headers, body: body.to_owned() };
    (body.len() == length).then_some((head.starts_with("POST "), arrived))
}
