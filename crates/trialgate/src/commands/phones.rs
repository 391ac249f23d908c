//! `trialgate phones …`: shows and unlocks phones.

use std::fmt;

use anyhow::bail;
use clap::Subcommand;
use trial_engine::operations::Disclosure;
use trial_engine::operations::phones::{self, PhoneReport};

use super::{phone, policy_in_force, record_search, with_database};
use crate::global::Global;
use crate::output::{Output, Printed};
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
            if is_unlock && !ledger.unlock_phone(phone.clone(), database.changed_by(process::operator())).await? {
                bail!("this phone has no requests; there is nothing to unlock");
            }
            let policy = policy_in_force(config, database).await?;
            Ok(phones::show(&*ledger, &policy, &phone, Disclosure::Revealed).await?)
        })?;
        output.show(&Printed(report))
    }
}

impl fmt::Display for Printed<PhoneReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PhoneReport { phone, seen, failures, max_failures, locked } = &self.0;
        if !seen {
            return write!(f, "{phone} has no requests");
        }
        let state = if *locked { "is locked" } else { "is not locked" };
        write!(f, "{phone} {state}: {failures} of {max_failures} consecutive wrong codes")
    }
}
