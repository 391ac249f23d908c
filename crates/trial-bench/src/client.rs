//! One keep-alive connection, with as little work for each request as can be: it shares the machine with the server.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const SEND_CODE: &str = "/apiaccess/rest/ipccprovision/v1/applyTry/generateverifycode";
pub(crate) const APPLY: &str = "/apiaccess/rest/ipccprovision/v1/applyTry/applyTenant";

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// The body of the reply, whose status is 200.
    pub(crate) async fn post(&mut self, path: &str, body: &str) -> anyhow::Result<String> {
        let length = body.len();
        self.exchange(format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    /// The body of the reply, whose status is 200.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<String> {
        self.exchange(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await
    }

    async fn exchange(&mut self, request: String) -> anyhow::Result<String> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(body) = whole_body(&self.buffer)? {
                return Ok(body);
            }
        }
    }
}

/// The body, once head and body are here.
fn whole_body(reply: &[u8]) -> anyhow::Result<Option<String>> {
    let Some(end) = reply.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&reply[..end])?;
    let length: usize = head
        .lines()
        .find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")))
        .context("a reply without a length")?
        .1
        .trim()
        .parse()?;
    let body = &reply[end + 4..];
    if body.len() < length {
        return Ok(None);
    }
    let body = std::str::from_utf8(&body[..length])?.to_owned();
    if !head.starts_with("HTTP/1.1 200") {
        bail!("{}: {body}", head.lines().next().unwrap_or_default());
    }
    Ok(Some(body))
}
