//! Privacy: retention, export, erasure and redaction.

mod redaction;
mod retention;

pub use redaction::{Redaction, UrlError, check_url, shown_url};
pub use retention::{
    Compaction, ERASED, ERASED_EMAIL, Expired, Expiring, ExpiryPage, Forgotten, MIN_RETENTION, PersonData, Retention,
};
