//! A mail server that follows a script, on the loopback interface.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use trial_mail::{MailSetting, SmtpMailer, SmtpSettings, Templates};

/// The act at one point of the session, named by the verb, or `GREETING`, or `MESSAGE` for the mail's last dot.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Reply(&'static str),
    /// Sends these raw bytes, as if it had accepted the mail; ends the connection if they do not end a line.
    Bytes(&'static [u8]),
    /// Replies after this time.
    Late(Duration, &'static str),
    /// Ends the connection without a reply.
    HangUp,
    /// Sends nothing more.
    FallSilent,
}

#[derive(Default)]
struct State {
    script: Vec<(&'static str, Act)>,
    connections: usize,
    commands: Vec<String>,
    mails: Vec<Envelope>,
}

/// A mail that the server accepted.
#[derive(Clone, Default)]
pub(crate) struct Envelope {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) message: String,
}

pub(crate) struct Peer {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { port, state }
    }

    /// Follows this script from now on, and is a good server otherwise.
    pub(crate) fn follow(&self, script: &[(&'static str, Act)]) {
        self.state().script = script.to_vec();
    }

    pub(crate) fn mails(&self) -> Vec<Envelope> {
        self.state().mails.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state().connections
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.state().commands.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn settings(&self) -> SmtpSettings {
        settings(format!("smtp://127.0.0.1:{}", self.port))
    }

    pub(crate) fn mailer(&self) -> SmtpMailer {
        SmtpMailer::new(self.settings(), templates()).unwrap()
    }
}

pub(crate) fn settings(url: String) -> SmtpSettings {
    SmtpSettings {
        url: url.into(),
        password: None,
        from: "试用 Trialgate <no-reply@sender.example>".to_owned(),
        reply_to: Some("help@sender.example".to_owned()),
        envelope_from: None,
        extra_roots_pem: None,
        dkim: None,
        hello_name: None,
        timeout: Duration::from_secs(20),
        final_timeout: Duration::from_mins(10),
    }
}

pub(crate) fn templates() -> Templates {
    Templates::built_in(setting()).unwrap()
}

pub(crate) fn setting() -> MailSetting {
    MailSetting {
        portal_url: "https://portal.example/login?a=1&b=2".to_owned(),
        support_contact: "Support <help@sender.example>, +86 400 000 0000".to_owned(),
        timezone: chrono_tz::Asia::Shanghai,
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut envelope = Envelope::default();
    act(&mut stream, &state, "GREETING", "220 peer.example ESMTP").await?;
    loop {
        let line = line(&mut stream).await?;
        state.lock().unwrap().commands.push(line.clone());
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let good = match verb.as_str() {
            "EHLO" => "250-peer.example\r\n250 SIZE 1000000",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            "AUTH" => "235 2.7.0 welcome",
            "MAIL" | "RCPT" | "RSET" | "NOOP" => "250 2.0.0 ok",
            _ => "502 5.5.1 what?",
        };
        act(&mut stream, &state, &verb, good).await?;
        match verb.as_str() {
            "MAIL" => envelope = Envelope { from: line, ..Envelope::default() },
            "RCPT" => envelope.to.push(line),
            "DATA" => {
                envelope.message = message(&mut stream).await?;
                state.lock().unwrap().commands.push(".".to_owned());
                let taken = act(&mut stream, &state, "MESSAGE", "250 2.0.0 taken as 4711").await?;
                if taken.starts_with('2') {
                    state.lock().unwrap().mails.push(std::mem::take(&mut envelope));
                }
            }
            _ => {}
        }
    }
}

/// Performs the script, or gives the good reply; `None` ends the session.
async fn act(
    stream: &mut BufReader<TcpStream>,
    state: &Mutex<State>,
    point: &str,
    good: &'static str,
) -> Option<&'static str> {
    let scripted = state.lock().unwrap().script.iter().find(|(at, _)| *at == point).map(|(_, act)| *act);
    let reply = match scripted {
        None => good,
        Some(Act::Reply(reply)) => reply,
        Some(Act::Late(after, reply)) => {
            tokio::time::sleep(after).await;
            reply
        }
        Some(Act::Bytes(bytes)) => {
            if point == "MESSAGE" {
                state.lock().unwrap().mails.push(Envelope::default());
            }
            stream.write_all(bytes).await.ok()?;
            return bytes.ends_with(b"\r\n").then_some("");
        }
        Some(Act::HangUp) => return None,
        Some(Act::FallSilent) => std::future::pending().await,
    };
    tell(stream, reply).await?;
    Some(reply)
}

pub(crate) async fn tell(stream: &mut BufReader<TcpStream>, reply: &str) -> Option<()> {
    stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()
}

pub(crate) async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.ends_with('\n').then(|| line.trim_end().to_owned())
}

pub(crate) async fn message(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut message = String::new();
    loop {
        let line = line(stream).await?;
        if line == "." {
            return Some(message);
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
        message.push_str("\r\n");
    }
}
