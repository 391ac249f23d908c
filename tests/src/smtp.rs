//! A mail server that stops at a chosen point.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mailparse::{MailHeaderMap, parse_mail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::{Mail, until};

/// A point of a session with a mail server, before its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The connection is established.
    Greeting,
    /// `EHLO`.
    Hello,
    /// `RSET`, before another mail of the same session.
    Reset,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`.
    Recipient,
    /// `DATA`.
    Data,
    /// The mail is complete, and not accepted yet.
    Whole,
    /// The mail is accepted.
    Taken,
}

impl Point {
    /// Every point, in the order of a session that begins.
    pub const ALL: [Self; 8] =
        [Self::Greeting, Self::Hello, Self::Sender, Self::Recipient, Self::Data, Self::Whole, Self::Taken, Self::Reset];
}

/// A mail server that falls silent at a chosen point. It ends with the runtime of the test.
#[derive(Debug)]
pub struct MailServer {
    address: SocketAddr,
    hold: watch::Sender<Option<Point>>,
    seen: Arc<Mutex<Seen>>,
    quotes_links: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Sessions that were held.
    held: usize,
    /// Recipient and message.
    mails: Vec<(String, String)>,
}

impl MailServer {
    /// A server that accepts everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (hold, point) = watch::channel(None);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let all = Arc::clone(&seen);
        let quotes_links = Arc::new(AtomicBool::new(false));
        let quotes = Arc::clone(&quotes_links);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (hold, seen, quotes_links) = (point.clone(), Arc::clone(&all), Arc::clone(&quotes));
                let session = Session { stream: BufReader::new(stream), hold, seen, quotes_links };
                tokio::spawn(session.run());
            }
        });
        Self { address, hold, seen, quotes_links }
    }

    /// The environment of a service that sends its mails here, and logs everything.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let words = [
            ("TRIALGATE_LOG__LEVEL", "trace"),
            ("TRIALGATE_MAIL__TRANSPORT", "smtp"),
            ("TRIALGATE_MAIL__FROM", "Trials <trials@sender.example.com>"),
            ("TRIALGATE_PORTAL__URL", "https://portal.example/"),
            ("TRIALGATE_SUPPORT__CONTACT", "support@sender.example.com"),
        ];
        let url = ("TRIALGATE_MAIL__SMTP_URL", format!("smtp://{}", self.address));
        words.into_iter().map(|(name, value)| (name, value.to_owned())).chain([url]).collect()
    }

    /// Falls silent at this point, or nowhere.
    pub fn hold_at(&self, point: Option<Point>) {
        self.seen.lock().unwrap().held = 0;
        self.hold.send_replace(point);
    }

    /// Refuses each mail with a password link, which it quotes in its refusal, as content filters do: as it is, over
    /// two lines, percent-encoded and in base64.
    pub fn quote_links(&self) {
        self.quotes_links.store(true, Ordering::Relaxed);
    }

    /// Waits until a session has reached the point.
    pub async fn until_held(&self) {
        until("a session is held", async || (self.seen.lock().unwrap().held > 0).then_some(())).await;
    }

    /// The accepted mails to an address, whatever the answer.
    pub fn mails_to(&self, address: &str) -> Vec<Mail> {
        let seen = self.seen.lock().unwrap();
        seen.mails.iter().filter(|(to, _)| to == address).map(|(to, message)| parsed(to, message)).collect()
    }
}

fn parsed(to: &str, message: &str) -> Mail {
    let mail = parse_mail(message.as_bytes()).unwrap();
    let header = |name| mail.headers.get_first_value(name).unwrap();
    let [text, html] = mail.subparts.as_slice() else { panic!("a text and an HTML part: {message}") };
    Mail {
        to: to.to_owned(),
        subject: header("Subject"),
        text: text.get_body().unwrap(),
        html: html.get_body().unwrap(),
        at: header("Date"),
        message_id: header("Message-ID"),
    }
}

/// A refusal that quotes the link in a mail, if there is one.
fn refusal(to: &str, message: &str) -> Option<String> {
    let text = parsed(to, message).text;
    let url = text.split_whitespace().find(|word| word.contains("?link="))?;
    let token = url.split_once("?link=")?.1;
    let (head, tail) = token.split_at(token.len() / 2);
    let percent = token.bytes().fold(String::new(), |text, b| text + &format!("%{b:02x}"));
    let base64 = STANDARD.encode(url);
    Some(format!(
        "554-5.7.1 URL {url} is listed\r\n554-5.7.1 link={head}\r\n554-5.7.1 {tail}\r\n554 5.7.1 {percent} x{token}x {base64}"
    ))
}

struct Session {
    stream: BufReader<TcpStream>,
    hold: watch::Receiver<Option<Point>>,
    seen: Arc<Mutex<Seen>>,
    quotes_links: Arc<AtomicBool>,
}

impl Session {
    /// `None` when the connection is gone.
    async fn run(mut self) -> Option<()> {
        self.pass(Point::Greeting).await?;
        self.say("220 held.example ESMTP").await?;
        let mut recipient = String::new();
        loop {
            let command = self.line().await?;
            match command.split(' ').next().unwrap_or_default() {
                "EHLO" => self.pass(Point::Hello).await?,
                "RSET" => self.pass(Point::Reset).await?,
                "MAIL" => self.pass(Point::Sender).await?,
                "RCPT" => {
                    recipient = command.trim_start_matches("RCPT TO:<").trim_end_matches('>').to_owned();
                    self.pass(Point::Recipient).await?;
                }
                "DATA" => {
                    let reply = self.take(&recipient).await?;
                    self.say(&reply).await?;
                    continue;
                }
                _ => {}
            }
            self.say("250 2.0.0 ok").await?;
        }
    }

    /// Returns the answer to a mail that was accepted or refused.
    async fn take(&mut self, recipient: &str) -> Option<String> {
        self.pass(Point::Data).await?;
        self.say("354 go on").await?;
        let mut message = String::new();
        loop {
            let line = self.line().await?;
            if line == "." {
                break;
            }
            message.push_str(line.strip_prefix('.').unwrap_or(&line));
            message.push_str("\r\n");
        }
        self.pass(Point::Whole).await?;
        let refusal = refusal(recipient, &message).filter(|_| self.quotes_links.load(Ordering::Relaxed));
        self.seen.lock().unwrap().mails.push((recipient.to_owned(), message));
        self.pass(Point::Taken).await?;
        Some(refusal.unwrap_or_else(|| "250 2.0.0 ok".to_owned()))
    }

    /// Goes on at once, or when the point is no longer held.
    async fn pass(&mut self, point: Point) -> Option<()> {
        if *self.hold.borrow() == Some(point) {
            self.seen.lock().unwrap().held += 1;
        }
        self.hold.wait_for(|held| *held != Some(point)).await.ok().map(drop)
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.ok()?;
        line.ends_with('\n').then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }

    async fn say(&mut self, reply: &str) -> Option<()> {
        self.stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()
    }
}
