//! The record of a whole run of the tests for a check at the end, if `TRIALGATE_TEST_LOGS` names a directory for it:
//! the standard error of every process, and the texts that none of them may have written there.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

/// The kinds of text that no log may contain.
#[derive(Debug, Clone, Copy)]
pub enum Secret {
    /// A phone.
    Phone,
    /// An e-mail address.
    Email,
    /// A verification code.
    Code,
    /// An initial password.
    Password,
}

/// Records a text that no log may contain.
pub fn note(secret: Secret, text: &str) {
    static NOTES: OnceLock<Option<Mutex<File>>> = OnceLock::new();
    let notes = NOTES.get_or_init(|| create("secrets").map(Mutex::new));
    if let Some(notes) = notes {
        let kind = match secret {
            Secret::Phone => "phone",
            Secret::Email => "email",
            Secret::Code => "code",
            Secret::Password => "password",
        };
        writeln!(notes.lock().unwrap(), "{kind} {text}").unwrap();
    }
}

/// A file for the log of one process.
pub(crate) fn log() -> Option<File> {
    create("log")
}

fn create(kind: &str) -> Option<File> {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let directory = PathBuf::from(std::env::var_os("TRIALGATE_TEST_LOGS")?);
    fs::create_dir_all(&directory).unwrap();
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    Some(File::create(directory.join(format!("{}-{number}.{kind}", std::process::id()))).unwrap())
}
