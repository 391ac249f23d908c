//! `trialgate secrets generate`

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use trial_core::ports::{Clock, Entropy};

use crate::ambient::{OsEntropy, SystemClock};
use crate::output;

/// `trialgate secrets …`
#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Print a new key as TOML for the configuration
    ///
    /// The first key derives codes and passwords; every key verifies. To rotate, put the new key first and keep the
    /// older ones as long as account mails of their tenants may be sent again.
    Generate,
}

impl Secrets {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Generate => output::say(&new_key_table(&SystemClock, &OsEntropy)),
        }
    }
}

/// A `[[secrets.keys]]` table; its id begins with the day, which shows the age of a key.
pub(crate) fn new_key_table(clock: &dyn Clock, entropy: &dyn Entropy) -> String {
    let mut key = [0; 32];
    entropy.fill(&mut key);
    let mut suffix = [0; 3];
    entropy.fill(&mut suffix);
    let [a, b, c] = suffix;
    let day = clock.now().format("%Y-%m-%d");
    format!("[[secrets.keys]]\nid = \"{day}-{a:02x}{b:02x}{c:02x}\"\nkey = \"{}\"\n", STANDARD.encode(key))
}
