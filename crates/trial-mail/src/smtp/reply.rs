//! Replies of a mail server: read as bytes, judged by their three digits, shown as far as their text is readable.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::time::timeout;
use trial_core::values::decode_unlabelled;

/// Bytes of a reply that are read, at most.
const MAX_REPLY: usize = 64 * 1024;
/// Characters of its text that are kept, at most.
const MAX_TEXT: usize = 1_000;
/// Bytes that some servers write before the digits: a byte-order mark, NUL, blanks.
const NOISE: [u8; 6] = [0xEF, 0xBB, 0xBF, 0, b' ', b'\t'];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// The three digits of its last line.
    pub(super) code: u16,
    /// The text of each line.
    pub(super) lines: Vec<String>,
    /// `false` if the connection, the time or the length bound ended before the reply did.
    pub(super) is_whole: bool,
}

/// No reply could be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The connection failed.
    Io(io::Error),
    /// The server closed the connection.
    Closed,
    /// The wait ended.
    TimedOut,
    /// The server sent something without three digits.
    Nonsense,
}

impl Reply {
    /// Reads one reply. `wait` bounds the whole of it. A reply with digits counts, however it breaks off.
    pub(super) async fn read<R>(stream: &mut R, wait: Option<Duration>) -> Result<Self, Unread>
    where
        R: AsyncBufRead + Unpin + Send,
    {
        let mut reading = Reading::default();
        let ended = match wait {
            Some(wait) => timeout(wait, reading.lines_of(stream)).await.unwrap_or(Err(Unread::TimedOut)),
            None => reading.lines_of(stream).await,
        };
        match ended {
            Ok(()) => Ok(reading.reply(true)),
            Err(unread) => {
                reading.end_line();
                if reading.code.is_some() { Ok(reading.reply(false)) } else { Err(unread) }
            }
        }
    }

    /// A reply of 2xx.
    pub(super) fn is_done(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// A reply of 5xx.
    pub(super) fn is_for_good(&self) -> bool {
        self.code >= 500
    }

    /// Its text on one line, bounded.
    pub(super) fn text(&self) -> String {
        self.lines.join(" ").chars().take(MAX_TEXT).collect::<String>().trim_end().to_owned()
    }

    /// The reply on one line: its digits and its text.
    pub(super) fn words(&self) -> String {
        format!("{} {}", self.code, self.text()).trim_end().to_owned()
    }
}

/// The part of a reply that was read so far. It outlives a read that is cut short.
#[derive(Default)]
struct Reading {
    line: Vec<u8>,
    total: usize,
    code: Option<u16>,
    texts: Vec<Vec<u8>>,
}

/// The place of a line in its reply.
enum Line {
    /// It is the last one.
    Last,
    /// Another one follows.
    More,
    /// It has no three digits.
    Nonsense,
}

impl Reading {
    async fn lines_of<R: AsyncBufRead + Unpin + Send>(&mut self, stream: &mut R) -> Result<(), Unread> {
        loop {
            let chunk = stream.fill_buf().await.map_err(Unread::Io)?;
            if chunk.is_empty() {
                return Err(Unread::Closed);
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(chunk.len(), |end| end + 1);
            self.line.extend_from_slice(&chunk[..taken]);
            stream.consume(taken);
            self.total += taken;
            if end.is_some() {
                match self.end_line() {
                    Line::Last => return Ok(()),
                    // Text that some servers break without repeating the digits.
                    Line::Nonsense if self.code.is_some() => {}
                    Line::Nonsense => return Err(Unread::Nonsense),
                    Line::More => {}
                }
            }
            if self.total > MAX_REPLY {
                return Err(Unread::Nonsense);
            }
        }
    }

    fn end_line(&mut self) -> Line {
        let line = std::mem::take(&mut self.line);
        let noise = line.iter().take_while(|byte| NOISE.contains(byte)).count();
        match line[noise..].trim_ascii_end() {
            [hundreds @ b'2'..=b'5', tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..]
                if !rest.first().is_some_and(u8::is_ascii_digit) =>
            {
                let digit = |byte: &u8| u16::from(byte - b'0');
                self.code = Some(digit(hundreds) * 100 + digit(tens) * 10 + digit(ones));
                let is_last = rest.first() != Some(&b'-');
                self.texts.push(rest.strip_prefix(b"-").unwrap_or(rest).trim_ascii_start().to_vec());
                if is_last { Line::Last } else { Line::More }
            }
            rest => {
                if self.code.is_some() && !rest.is_empty() {
                    self.texts.push(rest.to_vec());
                }
                Line::Nonsense
            }
        }
    }

    fn reply(self, is_whole: bool) -> Reply {
        let lines = self.texts.iter().map(|text| readable(text)).collect();
        Reply { code: self.code.unwrap_or_default(), lines, is_whole }
    }
}

/// The text in the most plausible encoding, without control characters: a database may not accept them.
fn readable(text: &[u8]) -> String {
    decode_unlabelled(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Result<Reply, Unread> {
        Reply::read(&mut &*bytes, None).await
    }

    #[tokio::test]
    async fn three_digits_make_a_reply_whatever_follows() {
        for (bytes, code, text, is_whole) in [
            (&b"250 OK\r\n"[..], 250, "OK", true),
            (b"250 OK\n", 250, "OK", true),
            (b"250\r\n", 250, "", true),
            (b"250OK\r\n", 250, "OK", true),
            (b"250 \xd3\xca\xbc\xfe\xd2\xd1\xb7\xa2\xcb\xcd\r\n", 250, "邮件已发送", true),
            (b"250 \xd3\xca\r\n", 250, "邮", true),
            (b"250 queued \xe9\r\n", 250, "queued é", true),
            (b"250 \xf0\x9f\x98\x80 \xe4\xb8\xad\r\n", 250, "😀 中", true),
            (b"250 \xff\xfe\x81\r\n", 250, "ÿþ\u{81}", true),
            (b"250 a\0b\x1b[31m\r\n", 250, "a b [31m", true),
            (b"\xef\xbb\xbf250 OK\r\n", 250, "OK", true),
            (b"\x00250 OK\r\n", 250, "OK", true),
            (b"250-one\r\n250-two\r\n250 three\r\n", 250, "one two three", true),
            (b"250-one\r\nnot a reply\r\n250 three\r\n", 250, "one not a reply three", true),
            (b"250-one\r\n451 three\r\n", 451, "one three", true),
            (b"250 OK", 250, "OK", false),
            (b"250", 250, "", false),
            (b"250-one\r\n", 250, "one", false),
        ] {
            let reply = read(bytes).await.unwrap();
            let expected: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            assert_eq!((reply.code, reply.text(), reply.is_whole), (code, expected.trim_end().to_owned(), is_whole));
        }
    }

    #[tokio::test]
    async fn text_without_three_digits_is_no_reply() {
        for bytes in [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"HTTP/1.1 400 no\r\n", b"\r\n", b"999 what\r\n", b"2500 OK\r\n"]
        {
            assert!(matches!(read(bytes).await, Err(Unread::Nonsense)), "{bytes:?}");
        }
        for bytes in [&b""[..], b"25", b"OK"] {
            assert!(matches!(read(bytes).await, Err(Unread::Closed)), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn a_reply_that_never_ends_is_cut_off() {
        let endless = [&b"250 "[..], &vec![b'x'; 2 * MAX_REPLY]].concat();
        let reply = read(&endless).await.unwrap();
        assert_eq!((reply.code, reply.text().len(), reply.is_whole), (250, MAX_TEXT, false));
        let lines = b"250-x\r\n".repeat(MAX_REPLY);
        let reply = read(&lines).await.unwrap();
        assert_eq!((reply.code, reply.text().len(), reply.is_whole), (250, MAX_TEXT - 1, false));
        assert!(read(&vec![b'x'; 2 * MAX_REPLY]).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_breaks_off_is_judged_by_its_digits() {
        for (sent, code) in [(&b"250-one\r\n25"[..], Some(250)), (b"250 O", Some(250)), (b"2", None)] {
            let (mut server, client) = tokio::io::duplex(64);
            tokio::io::AsyncWriteExt::write_all(&mut server, sent).await.unwrap();
            let mut stream = tokio::io::BufReader::new(client);
            let reply = Reply::read(&mut stream, Some(Duration::from_secs(1))).await;
            assert_eq!(reply.as_ref().ok().map(|reply| (reply.code, reply.is_whole)), code.map(|code| (code, false)));
            assert!(code.is_some() || matches!(reply, Err(Unread::TimedOut)));
        }
    }
}
