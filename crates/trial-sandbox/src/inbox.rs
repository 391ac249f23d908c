use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::Deserialize;

use crate::index::{Index, Line};
use crate::message::canonical_recipient;
use crate::{CapturedMessage, Channel, Faults, Filter};

/// Messages that an inbox holds at most. One more, and the older half is let go.
pub const CAPACITY: usize = 100_000;

type Observer = Arc<dyn Fn(&CapturedMessage) + Send + Sync>;

/// Captured messages in a file of JSON lines, reloaded at start.
pub struct Inbox {
    store: Mutex<Store>,
    observers: RwLock<Vec<Observer>>,
    faults: RwLock<Faults>,
}

/// Why an inbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The file cannot be opened, read or written.
    #[error("the sandbox inbox {path} cannot be {action}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the sandbox inbox {0} is in use by another process")]
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

/// What the index needs of a line; the rest is skipped, for a long inbox is read at every start.
#[derive(Deserialize)]
struct Head<'a> {
    channel: Channel,
    #[serde(borrow)]
    to: Cow<'a, str>,
}

struct Store {
    path: PathBuf,
    file: Arc<File>,
    /// Where the next line goes. What lies behind it is the rest of a write that failed.
    end: u64,
    index: Index,
    capacity: usize,
}

impl Inbox {
    /// Opens the file, or creates it, and takes it for this process alone. A last line without its end, as a crash while
    /// writing leaves it, is cut off.
    ///
    /// # Errors
    /// The file cannot be used, is in use, or is something else.
    pub fn open(path: &Path) -> Result<Self, InboxError> {
        Self::with_capacity(path, CAPACITY)
    }

    fn with_capacity(path: &Path, capacity: usize) -> Result<Self, InboxError> {
        let store = Mutex::new(Store::open(path, capacity)?);
        Ok(Self { store, observers: RwLock::default(), faults: RwLock::default() })
    }

    /// Adds a message, then tells the observers.
    ///
    /// # Errors
    /// The file cannot be written; the message is not in the inbox then, and never will be.
    #[expect(clippy::needless_pass_by_value, reason = "what is captured is handed over for good")]
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
    /// The file cannot be read, or somebody else wrote into it.
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
            let message = read(&file, line).map_err(failed(&path, "read"))?;
            if recipient.as_ref().is_none_or(|to| *to == canonical_recipient(message.to())) {
                found.push(message);
            }
        }
        Ok(found)
    }

    /// Has every message shown to `observer` from now on, right after it was captured.
    pub fn on_capture(&self, observer: Box<dyn Fn(&CapturedMessage) + Send + Sync>) {
        self.observers.write().unwrap_or_else(PoisonError::into_inner).push(observer.into());
    }

    /// The faults in force; none at start.
    pub fn faults(&self) -> Faults {
        *self.faults.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts these faults in force.
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
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed(path, "opened"))?;
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
            // Should this fail too, the next line is written over what there is.
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        Ok(Line { offset: self.end, length })
    }

    /// Lets the older half go if the inbox is over its capacity. Failing that, the file stays longer than it should, but
    /// the index does not.
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

    /// Puts a new file in the place of this one, which holds the lines from `start` on. The old one lives on for as long as
    /// somebody reads it.
    fn rewrite_from(&self, start: u64) -> io::Result<File> {
        let mut name = OsString::from(&self.path);
        name.push(".new");
        let name = PathBuf::from(name);
        let mut new = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&name)?;
        let replaced = new.lock().and_then(|()| {
            let mut old = &*self.file;
            old.seek(SeekFrom::Start(start))?;
            io::copy(&mut old.take(self.end - start), &mut new)?;
            fs::rename(&name, &self.path)
        });
        if replaced.is_err() {
            let _ = fs::remove_file(&name);
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

/// Reads the file once; returns its index and the end of its last whole line, at which the file is cut off.
fn load(file: &File, path: &Path) -> Result<(Index, u64), InboxError> {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let (mut index, mut end, mut number) = (Index::default(), 0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.read_until(b'\n', &mut line).map_err(failed(path, "read"))?;
        let Some(json) = line.strip_suffix(b"\n") else { break };
        number += 1;
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

fn read(file: &File, line: Line) -> io::Result<CapturedMessage> {
    let mut json = vec![0; usize::try_from(line.length).map_err(io::Error::other)?];
    file.read_exact_at(&mut json, line.offset)?;
    // Not the parser's own words, which quote what they were given.
    serde_json::from_slice(&json).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not a captured message"))
}

fn failed<'a>(path: &'a Path, action: &'static str) -> impl FnOnce(io::Error) -> InboxError + 'a {
    move |source| InboxError::Io { path: path.to_owned(), action, source }
}

#[cfg(test)]
mod tests;
