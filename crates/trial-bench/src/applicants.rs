//! Applicants who have their codes: asked for by the public interface, read from the captured messages.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::client::{Connection, SEND_CODE};

/// Connections that seed at the same time.
const CONNECTIONS: u32 = 64;

/// The body of an application that nothing stands in the way of.
pub(crate) type Body = String;

/// A number below 10^8 for the `n`-th applicant, no two alike and in no order: people do not come in the order of their
/// phones and names, and what comes in order is easier for an index.
pub(crate) fn scattered(n: u32) -> u64 {
    u64::from(n) * 2_654_435_761 % 100_000_000
}

#[derive(Deserialize)]
struct Captured {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    code: String,
}

/// Prepares so many applicants, in the order in which they asked.
pub(crate) async fn prepare(address: SocketAddr, wanted: u32) -> anyhow::Result<Vec<Body>> {
    let mut tasks = tokio::task::JoinSet::new();
    for part in 0..CONNECTIONS.min(wanted) {
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut bodies = Vec::new();
            for n in (part..wanted).step_by(usize::try_from(CONNECTIONS)?) {
                bodies.push((n, one(&mut connection, n).await?));
            }
            anyhow::Ok(bodies)
        });
    }
    let mut all = Vec::new();
    while let Some(bodies) = tasks.join_next().await {
        all.extend(bodies??);
    }
    all.sort_unstable_by_key(|(n, _)| *n);
    Ok(all.into_iter().map(|(_, body)| body).collect())
}

async fn one(connection: &mut Connection, n: u32) -> anyhow::Result<Body> {
    let who = scattered(n);
    let phone = format!("166{who:08}");
    let reply = connection.post(SEND_CODE, &format!(r#"{{"phone":"{phone}"}}"#)).await?;
    ensure!(reply.contains("\"200\""), "a code is sent, not {reply}");
    let captured = connection.get(&format!("/sandbox/messages?channel=sms&to=86{phone}&limit=1")).await?;
    let captured: Captured = serde_json::from_str(&captured)?;
    let code = &captured.messages.first().context("the message is captured")?.code;
    Ok(format!(
        r#"{{"companyName":"Company {who}","phone":"{phone}","phoneVerifyCode":"{code}","email":"applicant{who}@example.com"}}"#
    ))
}
