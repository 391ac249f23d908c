//! `trialgate operators …`: people who use the operations interface and the console.

use std::fmt;

use anyhow::bail;
use clap::Subcommand;
use serde::Serialize;
use trial_core::operators::{Operator, OperatorAdded, OperatorName, OperatorToken, Role};
use trial_core::ports::Entropy;
use trial_core::values::OperatorId;
use trial_engine::operations::operators::{self, OperatorReport};
use trial_engine::operations::page::List;

use super::with_database;
use crate::ambient::OsEntropy;
use crate::config::HumanDuration;
use crate::global::Global;
use crate::output::{Output, Printed, Table, time};
use crate::process;

/// `trialgate operators …`
#[derive(Debug, Subcommand)]
pub(crate) enum Operators {
    /// Add an operator for the operations interface and the console; the token is printed once
    Add {
        /// Name of the operator in the audit: letters, digits, '.', '_' and '-'
        name: OperatorName,
        /// Role: viewer, operator or admin
        #[arg(long, value_name = "ROLE")]
        role: Role,
        /// Lifetime of the token, such as 12h or 90d; without it, the token is valid until revoked
        #[arg(long, value_name = "DURATION")]
        expires: Option<HumanDuration>,
        #[command(flatten)]
        output: Output,
    },
    /// List operators, newest first
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Revoke an operator's token and end their sessions
    Revoke {
        /// Name of the operator
        name: OperatorName,
        #[command(flatten)]
        output: Output,
    },
}

/// A new operator, with the token.
#[derive(Debug, Serialize)]
struct Added {
    #[serde(flatten)]
    operator: OperatorReport,
    token: String,
}

#[derive(Debug, Serialize)]
struct Revoked {
    name: String,
    state: &'static str,
}

impl Operators {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Add { name, role, expires, output } => add(global, name, role, expires, output),
            Self::List { output } => {
                let listed = with_database(global, async |_, ledger| {
                    Ok(operators::list(&*ledger.operators(), ledger.clock().now()).await?)
                });
                output.show(&Printed(listed?))
            }
            Self::Revoke { name, output } => {
                let asked = name.clone();
                let is_revoked = with_database(global, async |_, ledger| {
                    let by = ledger.changed_by(process::operator());
                    Ok(ledger.operators().revoke_operator(asked, by).await?)
                })?;
                if !is_revoked {
                    bail!("there is no operator {name}; `trialgate operators list` shows all");
                }
                output.show(&Revoked { name: name.to_string(), state: "revoked" })
            }
        }
    }
}

fn add(
    global: &Global,
    name: OperatorName,
    role: Role,
    expires: Option<HumanDuration>,
    output: Output,
) -> anyhow::Result<()> {
    let (mut secret, mut id) = ([0; 32], [0; 10]);
    OsEntropy.fill(&mut secret);
    OsEntropy.fill(&mut id);
    let token = OperatorToken::new(&secret);
    let (operator, added) = with_database(global, async |_, ledger| {
        let by = ledger.changed_by(process::operator());
        let operator = Operator {
            id: OperatorId::new(by.at, id),
            name,
            role,
            token: token.hash(),
            created_at: by.at,
            created_by: by.actor.clone(),
            expires_at: expires.map(|HumanDuration(lifetime)| by.at + lifetime),
            revoked_at: None,
        };
        let added = ledger.operators().add_operator(operator.clone(), by).await?;
        Ok((operator, added))
    })?;
    match added {
        OperatorAdded::Done => {
            let operator = OperatorReport::new(&operator, operator.created_at);
            output.show(&Added { operator, token: token.as_str().to_owned() })
        }
        OperatorAdded::NameTaken => {
            bail!("operator {} exists already; revoke their token first, or choose another name", operator.name)
        }
    }
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OperatorReport { name, role, expires_at, .. } = &self.operator;
        let expiry = expires_at.map_or_else(|| "no expiry".to_owned(), |at| format!("expires {}", time(at)));
        write!(
            f,
            "Added operator {name} ({role}, {expiry}). Copy the token now; it is not shown again:\n{}",
            self.token
        )
    }
}

impl fmt::Display for Printed<List<OperatorReport>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["name", "role", "state", "since", "until", "added by"]);
        for operator in &self.0.items {
            let OperatorReport { name, role, state, created_at, created_by, expires_at, .. } = operator;
            table.row([
                name.clone(),
                (*role).to_owned(),
                (*state).to_owned(),
                time(*created_at),
                expires_at.map_or_else(|| "-".to_owned(), time),
                created_by.clone(),
            ]);
        }
        table.fmt(f)
    }
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is revoked", self.name)
    }
}
