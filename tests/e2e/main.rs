//! The real binary, driven from outside. `tests/run` runs these against the release binary.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on says so by panicking, and what it counted by printing"
)]

mod browser;
mod callers;
mod clients;
mod commands;
mod concurrency;
mod data_care;
mod databases;
mod files;
mod full_disk;
mod hostile;
mod kept;
mod kill;
mod logs;
mod mail_commands;
mod mail_kill;
mod observability;
mod ops;
mod portal;
mod postgres;
mod prefixes;
mod redaction;
mod return_codes;
mod settings;
mod shutdown;
mod sms;
mod startup;
mod sweep_kill;
mod tls;
mod trust;
mod webhooks;
