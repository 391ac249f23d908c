//! Notices that the database's files were deleted or replaced while open: commits would be lost then.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

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
}

/// A path leads to another file than when the database was opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} was deleted or replaced while the database was open; stop the service, restore the file, and start it again"
)]
pub(super) struct Displaced(PathBuf);

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
        is_same.then(|| Self { files, is_displaced: AtomicBool::new(false) })
    }

    /// Checks that every path still leads to its file; logs when that changes.
    ///
    /// # Errors
    /// [`Displaced`] if one does not.
    pub(super) fn check(&self) -> Result<(), Displaced> {
        let displaced = self.files.iter().find(|(path, file)| Identity::of(path) != Some(*file));
        let was_displaced = self.is_displaced.swap(displaced.is_some(), Ordering::Relaxed);
        match displaced {
            None => {
                if was_displaced {
                    tracing::info!("the files of the database are in their place again");
                }
                Ok(())
            }
            Some((path, _)) => {
                let displaced = Displaced(path.clone());
                if !was_displaced {
                    tracing::error!(error = %displaced, "the database is no longer used");
                }
                Err(displaced)
            }
        }
    }
}
