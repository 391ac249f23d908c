//! A certificate that is replaced during service.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use std::{fs, io};

use chrono::{DateTime, Utc};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use crate::{Identity, IdentityError, IdentityFiles};

const NOT_AFTER: &str = "trialgate_tls_certificate_not_after_seconds";
const FAILURES: &str = "trialgate_tls_renewal_failures_total";

/// The identity for new connections. Existing connections keep theirs.
#[derive(Debug)]
pub struct Presented(RwLock<Identity>);

impl Presented {
    /// The end of its validity.
    pub fn not_after(&self) -> DateTime<Utc> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).not_after()
    }

    /// The start of its validity.
    pub fn not_before(&self) -> DateTime<Utc> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).not_before()
    }

    fn exchange(&self, identity: Identity) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = identity;
    }
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).key))
    }
}

/// The result of a check of the files.
#[derive(Debug)]
pub enum Renewed {
    /// They are unchanged.
    Unchanged,
    /// They hold the identity that is used from now on.
    Exchanged,
    /// They cannot be used; the previous identity stays in use.
    Kept(IdentityError),
}

/// Watches the files of an identity.
#[derive(Debug)]
pub struct Renewal {
    files: IdentityFiles,
    presented: Arc<Presented>,
    seen: Stamps,
}

impl Renewal {
    /// Loads the identity for the first time.
    ///
    /// # Errors
    /// [`IdentityError`] if it cannot be used.
    pub fn start(files: IdentityFiles) -> Result<Self, IdentityError> {
        // Before the files are read: a change in between is found at the next check.
        let seen = Stamps::of(&files);
        let presented = Arc::new(Presented(RwLock::new(Identity::load(&files)?)));
        Ok(Self { files, presented, seen })
    }

    /// The current identity.
    pub fn presented(&self) -> Arc<Presented> {
        Arc::clone(&self.presented)
    }

    /// Loads the files again if they have changed.
    pub fn look(&mut self) -> Renewed {
        if Stamps::of(&self.files) == self.seen { Renewed::Unchanged } else { self.reload() }
    }

    /// Loads the files again.
    pub fn reload(&mut self) -> Renewed {
        self.seen = Stamps::of(&self.files);
        match Identity::load(&self.files) {
            Ok(identity) => {
                self.presented.exchange(identity);
                Renewed::Exchanged
            }
            Err(error) => Renewed::Kept(error),
        }
    }

    /// Checks the files at this interval, and reloads on request, without an end. Logs the result.
    pub async fn run(mut self, every: Duration, asked: Arc<Notify>) {
        metrics::describe_gauge!(NOT_AFTER, metrics::Unit::Seconds, "Expiry of the certificate, in seconds since 1970");
        metrics::describe_counter!(FAILURES, "Failed reloads of a changed certificate or key");
        let mut looks = tokio::time::interval(every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let failures = metrics::counter!(FAILURES);
        loop {
            metrics::gauge!(NOT_AFTER).set(epoch_seconds(self.presented.not_after()));
            let renewed = tokio::select! {
                _ = looks.tick() => self.look(),
                () = asked.notified() => self.reload(),
            };
            match renewed {
                Renewed::Unchanged => {}
                Renewed::Exchanged => {
                    let not_after = self.presented.not_after();
                    tracing::info!(%not_after, "new connections use the certificate that is now in its file");
                }
                Renewed::Kept(error) => {
                    failures.increment(1);
                    let error = chain(&error);
                    tracing::error!(error, "the certificate cannot be reloaded; the previous one stays in use");
                }
            }
        }
    }
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let behind = std::iter::successors(error.source(), |error| error.source());
    behind.fold(error.to_string(), |text, error| format!("{text}: {error}"))
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in a double")]
fn epoch_seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp() as f64
}

/// The sign of a change of the files; `None` for an absent one.
#[derive(Debug, PartialEq, Eq)]
struct Stamps([Option<Stamp>; 2]);

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Stamps {
    fn of(files: &IdentityFiles) -> Self {
        Self([&files.cert, &files.key].map(|file| Stamp::of(file).ok()))
    }
}

impl Stamp {
    /// Of the target of a path, through symbolic links.
    fn of(file: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(file)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}
