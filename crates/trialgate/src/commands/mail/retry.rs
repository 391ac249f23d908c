use std::fmt;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use trial_core::{MailId, MailRetried};

use crate::cli::Global;
use crate::commands::with_ledger;
use crate::compose;
use crate::output::Output;
use crate::process;

/// `trialgate mail retry`
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The mail's id
    id: MailId,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Retried {
    id: String,
    state: &'static str,
}

impl Retry {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let id = self.id;
        let by = compose::changed_by(process::operator());
        match with_ledger(global, async |_, ledger| Ok(ledger.retry_mail(id, by).await?))? {
            MailRetried::Due => self.output.show(&Retried { id: id.to_string(), state: "due" }),
            MailRetried::Refused(state) => bail!("mail {id} is {state}; only a failed one can be tried again"),
            MailRetried::Unknown => bail!("there is no mail {id}"),
        }
    }
}

impl fmt::Display for Retried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mail {} is due now", self.id)
    }
}
