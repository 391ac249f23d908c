//! `SIGTERM` under load: every accepted request is answered, and the process ends well.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use trialgate_tests::{APPLY_PATH, Applicant, Home, Service, until};

const CLIENTS: usize = 16;

/// The end of an application, as its client saw it.
enum Seen {
    Answered(String),
    /// Not one byte of a reply came.
    Nothing,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_is_finished() {
    let home = Home::new();
    let service = home.sandbox_with(&[("TRIALGATE_LIMITS__SMS_PER_DAY", "1000000")]).await;
    home.import_pairs(5_000).await;
    home.ask(&["quota", "set", "1000000"]).await;
    let answered = Arc::new(AtomicU32::new(0));
    let clients = load(&service, &answered);
    until("the load is on", async || (answered.load(Ordering::Relaxed) >= 100).then_some(())).await;
    let ended = service.stop().await;
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);

    let (mut acknowledged, mut unanswered) = (Vec::new(), Vec::new());
    for (applicant, seen) in clients.join_all().await.into_iter().flatten() {
        match seen {
            Seen::Answered(code) => {
                assert_eq!(code, "000");
                acknowledged.push(applicant);
            }
            Seen::Nothing => unanswered.push(applicant),
        }
    }
    println!("{} acknowledged, {} not taken any more", acknowledged.len(), unanswered.len());
    assert!(acknowledged.len() >= 100);
    // If one of the others had been accepted, it would be here too.
    home.database().assert_keeps_exactly(&acknowledged);
}

#[tokio::test]
async fn an_idle_service_ends_at_once_and_starts_again() {
    let home = Home::new();
    for _ in 0..2 {
        let service = home.sandbox().await;
        // An idle connection must not hold up the end.
        let idle = TcpStream::connect(service.address()).await.unwrap();
        assert_eq!(service.client().get("/healthz").await["status"], "ok");
        let ended = service.stop().await;
        assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
        drop(idle);
    }
}

/// Clients that apply one after the other, on persistent connections or on a new one each, until none can be had.
fn load(service: &Service, answered: &Arc<AtomicU32>) -> JoinSet<Vec<(Applicant, Seen)>> {
    let numbers = Arc::new(AtomicU32::new(0));
    let clients = (0..CLIENTS).map(|place| {
        let (client, address) = (service.client().clone(), service.address());
        let (answered, numbers) = (Arc::clone(answered), Arc::clone(&numbers));
        let keeps = place % 2 == 0;
        async move {
            let mut all = Vec::new();
            let mut kept = None;
            loop {
                let applicant = Applicant::new(numbers.fetch_add(1, Ordering::Relaxed));
                if client.try_send_code(&applicant).await.is_err() {
                    return all;
                }
                let Ok(Some(code)) = client.try_code_of(&applicant).await else { return all };
                let connection = match kept.take() {
                    Some(connection) => Ok(connection),
                    None => TcpStream::connect(address).await,
                };
                let Ok(mut connection) = connection else { return all };
                let seen = apply(&mut connection, address, &applicant, &code).await;
                let is_answered = matches!(seen, Seen::Answered(_));
                all.push((applicant, seen));
                if !is_answered {
                    return all;
                }
                answered.fetch_add(1, Ordering::Relaxed);
                kept = keeps.then_some(connection);
            }
        }
    });
    clients.collect()
}

/// Applies by hand, to see every byte: a reply is complete or absent.
async fn apply(connection: &mut TcpStream, address: SocketAddr, applicant: &Applicant, code: &str) -> Seen {
    let body = applicant.application(code).to_string();
    let request = format!(
        "POST {APPLY_PATH} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    if connection.write_all(request.as_bytes()).await.is_err() {
        return Seen::Nothing;
    }
    let mut reply = Vec::new();
    loop {
        if let Some(code) = whole_reply(&reply) {
            return Seen::Answered(code);
        }
        let read = connection.read_buf(&mut reply).await;
        if !read.is_ok_and(|length| length > 0) {
            assert!(reply.is_empty(), "a reply was cut off: {:?}", String::from_utf8_lossy(&reply));
            return Seen::Nothing;
        }
    }
}

/// The return code, if the reply is complete.
fn whole_reply(reply: &[u8]) -> Option<String> {
    let (head, body) = std::str::from_utf8(reply).ok()?.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let lengths = head.lines().filter_map(|line| line.split_once(": "));
    let length = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value).next();
    let length: usize = length.expect("a reply says its length").parse().unwrap();
    let body: Value = serde_json::from_str(body.get(..length)?).unwrap();
    Some(body["returnCode"].as_str().unwrap().to_owned())
}
