//! Applicants with verification codes: requested by the public interface, read from the captured messages.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::http::{Connection, Request};

/// Connections that request codes at the same time.
const CONNECTIONS: usize = 64;
/// Captured messages per listing, at most.
const LISTED: usize = 1_000;

/// A number below 10^8 for the `n`-th applicant, all different and in no order: people do not arrive in the order of
/// their phones and names, and ordered values are easier for an index. `sql/functions.sql` computes the same.
pub(crate) fn scattered(n: u32) -> u64 {
    u64::from(n) * 2_654_435_761 % 100_000_000
}

/// The national number of the `n`-th applicant.
pub(crate) fn phone(n: u32) -> String {
    format!("166{:08}", scattered(n))
}

/// An applicant with a code.
#[derive(Debug, Clone)]
pub(crate) struct Applicant {
    who: u64,
    phone: String,
    pub(crate) code: String,
}

impl Applicant {
    /// An application that is accepted.
    pub(crate) fn applies(&self) -> Request {
        self.applies_with(&self.code)
    }

    pub(crate) fn applies_with(&self, code: &str) -> Request {
        Request::apply(self.who, &self.phone, code)
    }
}

#[derive(Deserialize)]
struct Captured<M> {
    messages: Vec<M>,
}

#[derive(Deserialize)]
struct Message {
    to: String,
    code: String,
}

/// Captured messages by these filters, newest first.
pub(crate) async fn captured<M: DeserializeOwned>(
    connection: &mut Connection,
    filters: &str,
) -> anyhow::Result<Vec<M>> {
    let listing = Request::get(&format!("/sandbox/messages?{filters}"));
    let Captured { messages } = serde_json::from_str(connection.exchange(&listing).await?)?;
    Ok(messages)
}

/// Prepares these applicants, spread over the instances: each captures the messages that it sent.
pub(crate) async fn prepare(addresses: &[SocketAddr], wanted: Range<u32>) -> anyhow::Result<Vec<Applicant>> {
    let mut prepared = Vec::with_capacity(wanted.len());
    let mut next = wanted.start;
    for &address in addresses.iter().cycle() {
        let end = wanted.end.min(next.saturating_add(u32::try_from(LISTED)?));
        prepared.extend(prepare_at(address, next..end).await?);
        next = end;
        if next == wanted.end {
            break;
        }
    }
    Ok(prepared)
}

async fn prepare_at(address: SocketAddr, wanted: Range<u32>) -> anyhow::Result<Vec<Applicant>> {
    let mut tasks = tokio::task::JoinSet::new();
    for part in 0..CONNECTIONS.min(wanted.len()) {
        let asking = wanted.clone().skip(part).step_by(CONNECTIONS);
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await?;
            for n in asking {
                let reply = connection.exchange(&Request::send_code(&phone(n))).await?;
                ensure!(reply.contains("\"200\""), "a code is sent, not {reply}");
            }
            anyhow::Ok(())
        });
    }
    while let Some(asked) = tasks.join_next().await {
        asked??;
    }
    let mut connection = Connection::open(address).await?;
    let messages: Vec<Message> = captured(&mut connection, &format!("channel=sms&limit={LISTED}")).await?;
    // Of several codes for one phone the newest is valid.
    let mut codes: HashMap<_, _> = messages.into_iter().rev().map(|message| (message.to, message.code)).collect();
    let applicants = wanted.map(|n| {
        let phone = phone(n);
        let code = codes.remove(&format!("+86{phone}")).context("a message that was sent is captured")?;
        Ok(Applicant { who: scattered(n), phone, code })
    });
    applicants.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_applicants_are_alike_and_neighbours_are_far_apart() {
        let mut all: Vec<_> = (0..100_000).map(scattered).collect();
        assert!(all[0].abs_diff(all[1]) > 1_000_000);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 100_000);
        assert_eq!(phone(1).len(), 11);
    }
}
