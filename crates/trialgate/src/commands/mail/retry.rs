//! `trialgate mail retry`: makes failed mails due again.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use trial_core::mails::MailRetried;
use trial_core::values::MailId;

use crate::commands::with_database;
use crate::config::HumanDuration;
use crate::global::Global;
use crate::output::Output;
use crate::process;

/// `trialgate mail retry`
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// Id of the mail
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<MailId>,
    /// Every mail that failed since the time given by --since
    #[arg(long, requires = "since")]
    all: bool,
    /// A time such as 2026-11-30T08:00:00Z, or a duration before now such as 24h
    #[arg(long, value_name = "TIME", requires = "all")]
    since: Option<Since>,
    #[command(flatten)]
    output: Output,
}

/// A time, or a duration before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    At(DateTime<Utc>),
    Ago(HumanDuration),
}

#[derive(Debug, Serialize)]
struct Retried {
    id: String,
    state: &'static str,
}

#[derive(Debug, Serialize)]
struct AllRetried {
    retried: u64,
    since: DateTime<Utc>,
}

impl Retry {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        if let Some(since) = self.since {
            let all = with_database(global, async |_, ledger| {
                let by = ledger.changed_by(process::operator());
                let since = since.before(by.at).context("--since is too far in the past")?;
                Ok(AllRetried { retried: ledger.operations().retry_mails(since, by).await?, since })
            })?;
            return self.output.show(&all);
        }
        let id = self.id.context("give the id of a mail, or --all --since TIME")?;
        let retried = with_database(global, async |_, ledger| {
            let by = ledger.changed_by(process::operator());
            Ok(ledger.operations().retry_mail(id, by).await?)
        })?;
        match retried {
            MailRetried::Due => self.output.show(&Retried { id: id.to_string(), state: "due" }),
            MailRetried::Refused(state) => bail!("mail {id} is {state}; only a failed mail can be retried"),
            MailRetried::Unknown => bail!("there is no mail {id}"),
        }
    }
}

impl Since {
    fn before(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::At(at) => Some(at),
            Self::Ago(HumanDuration(ago)) => now.checked_sub_signed(chrono::TimeDelta::from_std(ago).ok()?),
        }
    }
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let at = || DateTime::parse_from_rfc3339(text).map(|at| Self::At(at.to_utc()));
        text.parse().map(Self::Ago).or_else(|_| at()).map_err(|_| "give a time, such as 2026-11-30T08:00:00Z, or 24h")
    }
}

impl fmt::Display for Retried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mail {} is due now", self.id)
    }
}

impl fmt::Display for AllRetried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.format("%Y-%m-%d %H:%M:%S UTC");
        match self.retried {
            0 => write!(f, "no mail has failed since {since}"),
            1 => write!(f, "1 mail that failed since {since} is due now"),
            mails => write!(f, "{mails} mails that failed since {since} are due now"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_time_or_a_distance() {
        let now: DateTime<Utc> = "2026-11-30T10:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("24h", Some("2026-11-29T10:00:00Z")),
            ("30m", Some("2026-11-30T09:30:00Z")),
            ("2026-11-30T08:00:00+02:00", Some("2026-11-30T06:00:00Z")),
            ("yesterday", None),
            ("2026-11-30", None),
        ] {
            let since = text.parse::<Since>().ok().and_then(|since| since.before(now));
            assert_eq!(since, expected.map(|at| at.parse().unwrap()), "{text}");
        }
    }
}
