//! `trialgate phones …`: shows and unlocks phones.

use std::fmt;

use anyhow::bail;
use clap::Subcommand;
use serde::Serialize;

use super::{phone, record_search, with_database};
use crate::ambient;
use crate::global::Global;
use crate::output::Output;
use crate::process;

/// `trialgate phones …`
#[derive(Debug, Subcommand)]
pub(crate) enum Phones {
    /// Show how many consecutive wrong codes a phone has, and whether it is locked
    Show {
        /// The phone, in any usual spelling
        phone: String,
        #[command(flatten)]
        output: Output,
    },
    /// Unlock a phone: reset its count of wrong codes to 0
    Unlock {
        /// The phone, in any usual spelling
        phone: String,
        #[command(flatten)]
        output: Output,
    },
}

/// A phone's lock.
#[derive(Debug, Serialize)]
struct PhoneReport {
    phone: String,
    /// `false` if there was no request for this phone.
    seen: bool,
    failures: u32,
    max_failures: u32,
    locked: bool,
}

impl Phones {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let (text, output, is_unlock) = match self {
            Self::Show { phone, output } => (phone, output, false),
            Self::Unlock { phone, output } => (phone, output, true),
        };
        let report = with_database(global, async |config, database| {
            let ledger = database.operations();
            let phone = phone(&text, config)?;
            record_search(config, database, "phones", &phone).await?;
            if is_unlock && !ledger.unlock_phone(phone.clone(), ambient::changed_by(process::operator())).await? {
                bail!("this phone has no requests; there is nothing to unlock");
            }
            let failures = ledger.phone_failures(phone.clone()).await?;
            let policy = database.settings().settings().await?.overrides.policy(&config.policy);
            let verification = &policy.verification;
            Ok(PhoneReport {
                phone: phone.to_string(),
                seen: failures.is_some(),
                failures: failures.unwrap_or(0),
                max_failures: verification.max_failures,
                locked: failures.is_some_and(|failures| verification.locks(failures)),
            })
        })?;
        output.show(&report)
    }
}

impl fmt::Display for PhoneReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phone, failures, max_failures, .. } = self;
        if !self.seen {
            return write!(f, "{phone} has no requests");
        }
        let state = if self.locked { "is locked" } else { "is not locked" };
        write!(f, "{phone} {state}: {failures} of {max_failures} consecutive wrong codes")
    }
}
