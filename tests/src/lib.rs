//! The tools by which the end-to-end tests drive the real binary: processes, an HTTP client, and SQL of their own, so
//! that no check relies on the program's own reports.
//!
//! The binary is the one that `TRIALGATE_BIN` names, or the release binary, built if necessary.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod applicant;
mod binary;
mod client;
mod database;
mod fleet;
mod history;
mod home;
mod mail;
mod postgres;
mod process;
mod proxy;
mod random;
mod receiver;
mod record;
mod smtp;
mod soundness;
mod sqlite;
mod tls;
mod waiting;

pub use applicant::Applicant;
pub use binary::binary;
pub use client::{APPLY_PATH, Client, Message, QUERY_TENANT_PATH, Reply, SEND_CODE_PATH};
pub use database::{Database, WriteLock};
pub use fleet::{Doors, Fleet};
pub use history::{Answer, Attempt, History};
pub use home::{DATABASE, Home, SERVING};
pub use mail::{Account, Mail};
pub use process::{Ended, Service, finish, finish_script, finish_unless};
pub use proxy::{Fault, Proxy};
pub use random::Random;
pub use receiver::{Arrived, Receiver};
pub use record::{Secret, note};
pub use smtp::{MailServer, Point};
pub use soundness::TenantRow;
pub use tls::Identity;
pub use waiting::{until, within};
