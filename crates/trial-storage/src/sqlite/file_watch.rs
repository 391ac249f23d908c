//! Notices that the database's files were deleted, replaced or overwritten while open: commits would be lost then.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use trial_core::error::LedgerError;

/// The identity of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

/// The files that a connection has open, each with its path. Checked by `stat` alone: opening and closing one here
/// would drop the locks that SQLite holds on it.
#[derive(Debug)]
pub(super) struct FileWatch {
    files: Vec<(PathBuf, Identity)>,
    is_displaced: AtomicBool,
    damage: OnceLock<String>,
}

/// A reason why nothing may be written to the database any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Displaced {
    /// The path leads to another file than when the database was opened.
    #[error(
        "{0} was deleted or replaced while the database was open; stop the service, restore the file, and start it again"
    )]
    Replaced(PathBuf),
    /// The file has another content than SQLite wrote: a copy over it, for example.
    #[error(
        "{0} was overwritten while the database was open, or its disk fails ({1}); stop the service, restore the file, and start it again"
    )]
    Damaged(PathBuf, String),
}

/// SQLite's texts for `SQLITE_CORRUPT` and `SQLITE_NOTADB` (<https://sqlite.org/rescode.html>).
const DAMAGE: [&str; 2] = ["database disk image is malformed", "file is not a database"];

impl Identity {
    /// `None` if the path leads to no visible file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|data| Self { device: data.dev(), inode: data.ino() })
    }
}

impl FileWatch {
    /// Watches an open database, its log and its index; `None` if the path no longer leads to the same file as
    /// `before`.
    pub(super) fn start(path: &Path, before: Option<Identity>) -> Option<Self> {
        let paths = ["", "-wal", "-shm"].map(|suffix| trial_files::with_suffix(path, suffix));
        let files: Vec<_> = paths.into_iter().filter_map(|path| Identity::of(&path).map(|file| (path, file))).collect();
        let is_same = files.first().is_some_and(|(first, file)| first == path && Some(*file) == before);
        is_same.then(|| Self { files, is_displaced: AtomicBool::new(false), damage: OnceLock::new() })
    }

    /// Looks at the error of a job: once SQLite has met a damaged page, nothing may be written any more.
    pub(super) fn see(&self, error: &LedgerError) {
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            let text = error.to_string();
            if let Some(damage) = DAMAGE.into_iter().find(|damage| text.contains(damage)) {
                self.damage.get_or_init(|| damage.to_owned());
            }
            cause = error.source();
        }
    }

    /// The damage of the database's file, if any: it was emptied, or SQLite met a damaged page.
    fn damage(&self) -> Option<Displaced> {
        let (path, _) = self.files.first()?;
        let is_empty = fs::metadata(path).is_ok_and(|data| data.len() == 0);
        let damage = self.damage.get().cloned().or_else(|| is_empty.then(|| "it is empty".to_owned()))?;
        Some(Displaced::Damaged(path.clone(), damage))
    }

    /// Checks that every path still leads to its file, and that the file is whole; logs when that changes.
    ///
    /// # Errors
    /// [`Displaced`] if one does not.
    pub(super) fn check(&self) -> Result<(), Displaced> {
        let replaced = self.files.iter().find(|(path, file)| Identity::of(path) != Some(*file));
        let displaced = replaced.map(|(path, _)| Displaced::Replaced(path.clone())).or_else(|| self.damage());
        let was_displaced = self.is_displaced.swap(displaced.is_some(), Ordering::Relaxed);
        match displaced {
            None => {
                if was_displaced {
                    tracing::info!("the files of the database are in their place again");
                }
                Ok(())
            }
            Some(displaced) => {
                if !was_displaced {
                    tracing::error!(error = %displaced, "the database is no longer used");
                }
                Err(displaced)
            }
        }
    }
}
