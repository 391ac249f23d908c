//! One keep-alive connection, with as little work per request as possible: it shares the machine with the server.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const SEND_CODE: &str = "/apiaccess/rest/ipccprovision/v1/applyTry/generateverifycode";
const APPLY: &str = "/apiaccess/rest/ipccprovision/v1/applyTry/applyTenant";

/// A request as it goes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Request(String);

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
    }

    /// A page, requested with this header of authentication.
    pub(crate) fn get_as(path: &str, header: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{header}\r\n\r\n"))
    }

    pub(crate) fn form(path: &str, fields: &str) -> Self {
        Self::form_as(path, fields, "accept: */*")
    }

    /// A form, sent with this header of authentication.
    pub(crate) fn form_as(path: &str, fields: &str, header: &str) -> Self {
        let length = fields.len();
        Self(format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n{header}\r\n\
            content-length: {length}\r\n\r\n{fields}"
        ))
    }

    /// A request for a code.
    pub(crate) fn send_code(phone: &str) -> Self {
        Self::post(SEND_CODE, &format!(r#"{{"phone":"{phone}"}}"#))
    }

    /// The application of applicant `who`, who has this phone.
    pub(crate) fn apply(who: u64, phone: &str, code: &str) -> Self {
        let body = format!(
            r#"{{"companyName":"Company {who}","phone":"{phone}","phoneVerifyCode":"{code}","email":"applicant{who}@example.com"}}"#
        );
        Self::post(APPLY, &body)
    }

    fn post(path: &str, body: &str) -> Self {
        let length = body.len();
        Self(format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    }
}

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        Self::open_from(Ipv4Addr::LOCALHOST, address).await
    }

    /// A connection from another address of this machine.
    pub(crate) async fn open_from(client: Ipv4Addr, address: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((client, 0).into())?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// The body of the reply, which must have status 200.
    pub(crate) async fn exchange(&mut self, request: &Request) -> anyhow::Result<&str> {
        let (head, body) = self.reply(request).await?;
        if !head.starts_with("HTTP/1.1 200") {
            bail!("{}: {body}", head.lines().next().unwrap_or_default());
        }
        Ok(body)
    }

    /// The header for requests within the session that this sign-in begins.
    pub(crate) async fn begin_session(&mut self, sign_in: &Request) -> anyhow::Result<String> {
        let (head, body) = self.reply(sign_in).await?;
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        let cookie = cookie.and_then(|cookie| cookie.split(';').next());
        Ok(format!("cookie: {}", cookie.with_context(|| format!("no session: {head}{body}"))?))
    }

    /// The head and the body of the reply.
    pub(crate) async fn reply(&mut self, request: &Request) -> anyhow::Result<(&str, &str)> {
        self.stream.write_all(request.0.as_bytes()).await?;
        self.buffer.clear();
        let body = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(body) = whole_body(&self.buffer)? {
                break body;
            }
        };
        let (head, body) = (&self.buffer[..body.start], &self.buffer[body]);
        Ok((std::str::from_utf8(head)?, std::str::from_utf8(body)?))
    }
}

/// The range of the body, once head and body have arrived.
fn whole_body(reply: &[u8]) -> anyhow::Result<Option<std::ops::Range<usize>>> {
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
    let body = end + 4..end + 4 + length;
    Ok((body.end <= reply.len()).then_some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_whole_once_its_last_byte_is_here() {
        let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(whole_body(&reply[..20]).unwrap(), None);
        assert_eq!(whole_body(&reply[..reply.len() - 1]).unwrap(), None);
        let body = whole_body(reply).unwrap().unwrap();
        assert_eq!(&reply[body], b"hello");
        assert!(whole_body(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
