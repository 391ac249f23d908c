//! The file of captured messages.

use std::borrow::Cow;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::index::{Index, Line};
use crate::message::canonical_recipient;
use crate::{CapturedMessage, Channel, Faults, Filter, Recipient};

/// Messages in an inbox, at most. One more, and the older half is removed.
pub const CAPACITY: usize = 100_000;

type Observer = Arc<dyn Fn(&CapturedMessage) + Send + Sync>;

/// Captured messages in a file of JSON lines, reloaded at start.
pub struct Inbox {
    store: Mutex<Store>,
    observers: RwLock<Vec<Observer>>,
    faults: RwLock<Faults>,
}

/// The reason why an inbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The file cannot be opened, read or written.
    #[error("the sandbox inbox {path} cannot be {action}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operation that failed.
        action: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the sandbox inbox {0} is in use by another process; one at a time can capture messages beside a database")]
    InUse(PathBuf),
    /// A line is no captured message.
    #[error(
        "line {line} of the sandbox inbox {path} is not a captured message; move the file away to start an empty one"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

/// The fields of a line that the index needs; the rest is skipped, as a long inbox is read at every start.
#[derive(Deserialize)]
struct Head<'a> {
    channel: Channel,
    #[serde(borrow)]
    to: Cow<'a, str>,
    at: DateTime<Utc>,
}

struct Store {
    path: PathBuf,
    file: Arc<File>,
    /// The offset of the next line. Bytes after it remain from a failed write.
    end: u64,
    index: Index,
    capacity: usize,
}

impl Inbox {
    /// Opens the file, or creates it, and locks it for this process. An incomplete last line, as left by a crash, is
    /// cut off.
    ///
    /// # Errors
    /// [`InboxError`] if the file cannot be used, is in use, or is something else.
    pub fn open(path: &Path) -> Result<Self, InboxError> {
        Self::with_capacity(path, CAPACITY)
    }

    fn with_capacity(path: &Path, capacity: usize) -> Result<Self, InboxError> {
        let store = Mutex::new(Store::open(path, capacity)?);
        Ok(Self { store, observers: RwLock::default(), faults: RwLock::default() })
    }

    /// Overwrites with blanks, in the file, the messages that `is_erased` picks by recipient and time; returns their
    /// number. Works beside the process that has the inbox open, which no longer shows them. With `dry_run`, only
    /// counts them.
    ///
    /// # Errors
    /// [`InboxError::Io`] if the file cannot be used; an absent file is no error.
    pub fn erase(
        path: &Path,
        is_erased: impl Fn(&Recipient, DateTime<Utc>) -> bool,
        dry_run: bool,
    ) -> Result<usize, InboxError> {
        let mut erased = 0;
        loop {
            let file = match File::options().read(true).write(true).open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(erased),
                opened => opened.map_err(failed(path, "opened"))?,
            };
            erased += erase(&file, &is_erased, dry_run).map_err(failed(path, "erased"))?;
            // If the inbox was shortened meanwhile, a copy of it has taken its place.
            let (done, current) = (file.metadata(), path.metadata());
            if dry_run || done.map_err(failed(path, "read"))?.ino() == current.map_err(failed(path, "read"))?.ino() {
                return Ok(erased);
            }
        }
    }

    /// Adds a message, then notifies the observers.
    ///
    /// # Errors
    /// [`InboxError`] if the file cannot be written; the message is not in the inbox then, and never will be.
    #[expect(clippy::needless_pass_by_value, reason = "captured messages are handed over")]
    pub fn capture(&self, message: CapturedMessage) -> Result<(), InboxError> {
        self.store().append(&message)?;
        let observers = self.observers.read().unwrap_or_else(PoisonError::into_inner).clone();
        for observer in observers {
            observer(&message);
        }
        Ok(())
    }

    /// The messages that match, newest first.
    ///
    /// # Errors
    /// The file cannot be read, or another process wrote into it.
    pub fn list(&self, filter: &Filter) -> Result<Vec<CapturedMessage>, InboxError> {
        let (path, file, candidates) = {
            let store = self.store();
            (store.path.clone(), Arc::clone(&store.file), store.index.candidates(filter))
        };
        let recipient = filter.to.as_deref().map(canonical_recipient);
        let mut found = Vec::new();
        for line in candidates {
            if found.len() == filter.bound() {
                break;
            }
            let Some(message) = read(&file, line).map_err(failed(&path, "read"))? else { continue };
            if recipient.as_ref().is_none_or(|to| *to == canonical_recipient(message.to())) {
                found.push(message);
            }
        }
        Ok(found)
    }

    /// Shows every message to `observer` from now on, right after it was captured.
    pub fn on_capture(&self, observer: Box<dyn Fn(&CapturedMessage) + Send + Sync>) {
        self.observers.write().unwrap_or_else(PoisonError::into_inner).push(observer.into());
    }

    /// The current faults; none at start.
    pub fn faults(&self) -> Faults {
        *self.faults.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the faults.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("path", &self.store().path).finish_non_exhaustive()
    }
}

impl Store {
    fn open(path: &Path, capacity: usize) -> Result<Self, InboxError> {
        let file = trial_files::open_or_create(path).map_err(failed(path, "opened"))?;
        lock(&file, path)?;
        let (index, end) = load(&file, path)?;
        let mut store = Self { path: path.to_owned(), file: Arc::new(file), end, index, capacity };
        store.make_room();
        Ok(store)
    }

    fn append(&mut self, message: &CapturedMessage) -> Result<(), InboxError> {
        let line = self.write(message).map_err(failed(&self.path, "written"))?;
        self.end = line.offset + u64::from(line.length) + 1;
        self.index.push(line, message.channel(), message.to());
        self.make_room();
        Ok(())
    }

    fn write(&self, message: &CapturedMessage) -> io::Result<Line> {
        let mut json = serde_json::to_vec(message)?;
        let length = u32::try_from(json.len()).map_err(io::Error::other)?;
        json.push(b'\n');
        if let Err(error) = self.file.write_all_at(&json, self.end) {
            // If this fails too, the next line overwrites the rest.
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        Ok(Line { offset: self.end, length })
    }

    /// Removes the older half if the inbox exceeds its capacity. If that fails, only the file stays too long.
    fn make_room(&mut self) {
        if self.index.len() <= self.capacity {
            return;
        }
        let start = self.index.keep_newest(self.capacity / 2).unwrap_or(self.end);
        match self.rewrite_from(start) {
            Ok(file) => {
                self.file = Arc::new(file);
                self.end -= start;
                self.index.rebase(start);
            }
            Err(error) => tracing::warn!(%error, "the sandbox inbox could not be shortened"),
        }
    }

    /// Replaces this file by a new one, which holds the lines from `start` on. The old one lives on as long as it is
    /// open.
    fn rewrite_from(&self, start: u64) -> io::Result<File> {
        let name = trial_files::with_suffix(&self.path, ".new");
        let mut new = trial_files::create_anew(&name)?;
        new.lock()?;
        let mut copy = || {
            let mut old = &*self.file;
            old.seek(SeekFrom::Start(start))?;
            new.rewind()?;
            io::copy(&mut old.take(self.end - start), &mut new)
        };
        let replaced = copy().and_then(|_| fs::rename(&name, &self.path));
        match &replaced {
            // Once more: until the new file has the name, another process erases in the old one.
            Ok(()) => {
                drop(copy().inspect_err(|error| tracing::warn!(%error, "the sandbox inbox was not copied twice")));
            }
            Err(_) => drop(fs::remove_file(&name)),
        }
        replaced.map(|()| new)
    }
}

fn lock(file: &File, path: &Path) -> Result<(), InboxError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(InboxError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(path, "locked")(source)),
    }
}

/// Reads the file once; returns its index and the end of its last complete line, at which the file is cut off.
fn load(file: &File, path: &Path) -> Result<(Index, u64), InboxError> {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let (mut index, mut end, mut number) = (Index::default(), 0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.read_until(b'\n', &mut line).map_err(failed(path, "read"))?;
        let Some(json) = line.strip_suffix(b"\n") else { break };
        number += 1;
        if is_blank(json) {
            end += json.len() as u64 + 1;
            continue;
        }
        let foreign = || InboxError::Foreign { path: path.to_owned(), line: number };
        let head: Head<'_> = serde_json::from_slice(json).map_err(|_| foreign())?;
        let length = u32::try_from(json.len()).map_err(|_| foreign())?;
        index.push(Line { offset: end, length }, head.channel, &head.to);
        end += u64::from(length) + 1;
    }
    if !line.is_empty() {
        tracing::warn!(bytes = line.len(), "the sandbox inbox ended in half a message, which was cut off");
        file.set_len(end).map_err(failed(path, "cut off"))?;
    }
    Ok((index, end))
}

/// `None` if the message was erased.
fn read(file: &File, line: Line) -> io::Result<Option<CapturedMessage>> {
    let mut json = vec![0; usize::try_from(line.length).map_err(io::Error::other)?];
    file.read_exact_at(&mut json, line.offset)?;
    if is_blank(&json) {
        return Ok(None);
    }
    // Not the parser's own words, which quote their input.
    let message = serde_json::from_slice(&json);
    message.map(Some).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not a captured message"))
}

/// Returns `true` if a line was erased, or if its erasure has begun.
fn is_blank(line: &[u8]) -> bool {
    line.first() == Some(&b' ')
}

fn erase(file: &File, is_erased: &impl Fn(&Recipient, DateTime<Utc>) -> bool, dry_run: bool) -> io::Result<usize> {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let (mut line, mut offset, mut erased) = (Vec::new(), 0, 0);
    while reader.read_until(b'\n', &mut line)? > 0 {
        if let Some(json) = line.strip_suffix(b"\n")
            && let Ok(head) = serde_json::from_slice::<Head<'_>>(json)
            && is_erased(&Recipient::new(&head.to), head.at)
        {
            erased += 1;
            if !dry_run {
                file.write_all_at(&vec![b' '; json.len()], offset)?;
            }
        }
        offset += line.len() as u64;
        line.clear();
    }
    if erased > 0 && !dry_run {
        file.sync_data()?;
    }
    Ok(erased)
}

fn failed<'a>(path: &'a Path, action: &'static str) -> impl FnOnce(io::Error) -> InboxError + 'a {
    move |source| InboxError::Io { path: path.to_owned(), action, source }
}

#[cfg(test)]
mod tests;
