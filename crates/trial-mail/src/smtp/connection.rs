//! One connection to the mail server, and the commands of RFC 5321 on it.
//!
//! The library's own connection treats a reply that is not UTF-8 as no reply at all (ADR 48).

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::reply::{Reply, Unread};
use super::settings::{Login, Security, Server};

/// The byte stream of a session, in TLS or not.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A session after EHLO.
pub(super) struct Connection {
    wire: BufReader<Box<dyn Wire>>,
    /// The lines of the reply to EHLO, in capitals.
    offers: Vec<String>,
}

/// The server refused, or the exchange failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection failed, or TLS on it.
    Io(io::Error),
    /// The server closed the connection.
    Closed,
    /// The server took longer than this.
    TimedOut(Duration),
    /// The server does not speak SMTP, or broke off in a reply.
    Nonsense,
    /// The server lacks what the settings require.
    Missing(&'static str),
    /// The server refused.
    Refused(Reply),
}

impl Connection {
    /// Connects, secures the connection as configured, and sends EHLO.
    pub(super) async fn open(server: &Server) -> Result<Self, Fault> {
        let stream = TcpStream::connect((server.host.as_str(), server.port)).await.map_err(Fault::Io)?;
        // Otherwise the end of a mail would wait for the server's acknowledgement, which servers delay for 40 ms.
        stream.set_nodelay(true).map_err(Fault::Io)?;
        let hello = server.hello.on(stream.local_addr().map_err(Fault::Io)?.ip());
        match &server.security {
            Security::None => Self::greeted(Box::new(stream), &hello).await,
            Security::Tls(config) => Self::greeted(secured(stream, config, &server.host).await?, &hello).await,
            Security::StartTls(config) => {
                let mut plain = Self::greeted(Box::new(stream), &hello).await?;
                if !plain.has("STARTTLS") {
                    return Err(Fault::Missing("STARTTLS is not supported on this server"));
                }
                plain.command("STARTTLS").await?;
                // Bytes sent before the handshake must not count as sent after it.
                if !plain.wire.buffer().is_empty() {
                    return Err(Fault::Nonsense);
                }
                let mut secure = Self::on(secured(plain.wire.into_inner(), config, &server.host).await?);
                secure.hello(&hello).await?;
                Ok(secure)
            }
        }
    }

    fn on(wire: Box<dyn Wire>) -> Self {
        Self { wire: BufReader::new(wire), offers: Vec::new() }
    }

    async fn greeted(wire: Box<dyn Wire>, hello: &str) -> Result<Self, Fault> {
        let mut connection = Self::on(wire);
        connection.reply().await?;
        connection.hello(hello).await?;
        Ok(connection)
    }

    async fn hello(&mut self, name: &str) -> Result<(), Fault> {
        let reply = self.command(&format!("EHLO {name}")).await?;
        self.offers = reply.lines.iter().map(|line| line.to_ascii_uppercase()).collect();
        Ok(())
    }

    fn has(&self, keyword: &str) -> bool {
        self.offers.iter().skip(1).any(|offer| offer.split([' ', '=']).next() == Some(keyword))
    }

    /// Signs in by PLAIN, or by LOGIN if that is the only offer.
    pub(super) async fn sign_in(&mut self, login: &Login) -> Result<(), Fault> {
        let mechanisms = |offer: &String| {
            offer.strip_prefix("AUTH").filter(|rest| rest.starts_with([' ', '='])).map(|rest| rest[1..].to_owned())
        };
        let offered: Vec<String> = self.offers.iter().filter_map(mechanisms).collect();
        let has = |name| offered.iter().any(|mechanisms| mechanisms.split(' ').any(|offer| offer == name));
        let (user, password) = (login.user.as_str(), login.password.as_str());
        if has("PLAIN") {
            let plain = zeroize::Zeroizing::new(format!("\0{user}\0{password}"));
            self.command(&format!("AUTH PLAIN {}", STANDARD.encode(plain.as_bytes()))).await?;
        } else if has("LOGIN") {
            self.command("AUTH LOGIN").await?;
            self.command(&STANDARD.encode(user)).await?;
            self.command(&STANDARD.encode(password)).await?;
        } else {
            return Err(Fault::Missing("the server offers neither AUTH PLAIN nor AUTH LOGIN"));
        }
        Ok(())
    }

    /// Sends one line, and accepts a reply of 2xx or 3xx.
    pub(super) async fn command(&mut self, line: &str) -> Result<Reply, Fault> {
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await
    }

    /// Writes a mail to its final dot.
    pub(super) async fn mail(&mut self, message: &[u8]) -> Result<(), Fault> {
        let mut stuffed = Vec::with_capacity(message.len() + 64);
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            if line.first() == Some(&b'.') {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        if !stuffed.ends_with(b"\r\n") {
            stuffed.extend_from_slice(b"\r\n");
        }
        stuffed.extend_from_slice(b".\r\n");
        self.write(&stuffed).await
    }

    /// The reply to the final dot, by its three digits alone.
    pub(super) async fn verdict(&mut self, wait: Duration) -> Result<Reply, Fault> {
        match Reply::read(&mut self.wire, Some(wait)).await {
            Ok(reply) if reply.is_done() => Ok(reply),
            Ok(reply) => Err(Fault::Refused(reply)),
            Err(Unread::TimedOut) => Err(Fault::TimedOut(wait)),
            Err(unread) => Err(unread.into()),
        }
    }

    async fn reply(&mut self) -> Result<Reply, Fault> {
        match Reply::read(&mut self.wire, None).await? {
            reply if reply.code >= 400 => Err(Fault::Refused(reply)),
            reply if reply.is_whole => Ok(reply),
            _ => Err(Fault::Nonsense),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.wire.write_all(bytes).await.map_err(Fault::Io)?;
        self.wire.flush().await.map_err(Fault::Io)
    }
}

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Io(error) => Self::Io(error),
            Unread::Closed => Self::Closed,
            // Only a read with a bound of its own ends so.
            Unread::TimedOut | Unread::Nonsense => Self::Nonsense,
        }
    }
}

async fn secured<W: Wire + 'static>(wire: W, config: &Arc<ClientConfig>, host: &str) -> Result<Box<dyn Wire>, Fault> {
    let name = match host.parse::<IpAddr>() {
        Ok(address) => ServerName::from(address),
        Err(_) => {
            ServerName::try_from(host.to_owned()).map_err(|_| Fault::Missing("a host name that TLS can check"))?
        }
    };
    let secure = TlsConnector::from(Arc::clone(config)).connect(name, wire).await;
    secure.map(|stream| Box::new(stream) as Box<dyn Wire>).map_err(Fault::Io)
}
