//! The command line of the benchmark.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::services::Database;

/// Measures Trialgate, and the best rate of the machine's databases, in the same run.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) mode: Option<Mode>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// The measurements.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Mode {
    /// Everything, beside the ceilings (the default).
    Compare,
    /// The service in closed and open loop, without the ceilings.
    Load,
    /// Closed loop, beside the ceilings: each connection applies again when it is answered.
    Closed,
    /// Open loop, beside a bare commit: applications come at a fixed rate.
    Open,
    /// The time of a start, and the memory of an idle process.
    Start,
    /// The rate on an empty database, and on one after years of use.
    Flat,
    /// The rate of honest applicants, while an attacker guesses codes, and while none does.
    Attack,
    /// The rate of honest applicants beside clients that idle, are slow, or send too much, and alone (on SQLite).
    Hostile,
    /// The same beside clients without a session that send the console large forms, and hold forms, and alone (on
    /// SQLite).
    Forms,
    /// The time of each page and call of operators among a million applications, and among a hundredth of them.
    Operations,
    /// Refused sign-ins to the portal: the duration must not reveal the reason.
    SignIn,
    /// The ceilings alone, which are printed and not saved.
    Ceilings,
    /// This server beside another one (`--other`), alternately; the ratios are printed and not saved.
    Against,
    /// Prints the tables of saved results.
    Report,
    /// Draws the saved results.
    Plot,
}

/// The options of a measurement.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The databases.
    #[arg(long, global = true, value_delimiter = ',', default_values = ["sqlite", "postgres"])]
    pub(crate) databases: Vec<Database>,
    /// Connections of the closed loop, one level after the other.
    #[arg(long, global = true, value_delimiter = ',', default_values_t = [1, 16, 64, 256, 1024])]
    pub(crate) connections: Vec<usize>,
    /// Instances of the service on PostgreSQL. On SQLite there is one.
    #[arg(long, global = true, value_delimiter = ',', default_values_t = [1, 2, 3])]
    pub(crate) instances: Vec<usize>,
    /// Applications per second of the open loop.
    #[arg(long, global = true, value_delimiter = ',', default_values_t = [100, 1000])]
    pub(crate) rates: Vec<u32>,
    /// The longest duration of a level, in seconds.
    #[arg(long, global = true, default_value_t = 5)]
    pub(crate) seconds: u64,
    /// The duration of each rate of the open loop, in seconds.
    #[arg(long, global = true, default_value_t = 15)]
    pub(crate) open_seconds: u32,
    /// Applicants prepared for each level, at most.
    #[arg(long, global = true, default_value_t = 60_000)]
    pub(crate) applicants: u32,
    /// Measurements of each level; the median counts.
    #[arg(long, global = true, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// The database of `flat`, as a part of 10 million tenants, 10 million spent codes and 1 million access codes; that of
    /// `operations`, as a part of 1 million applications (at least 10,000); the accounts of `sign-in`, as a part of 25 with
    /// each fault; the connections of hostile clients.
    #[arg(long, global = true, default_value_t = 1.0)]
    pub(crate) scale: f64,
    /// Tenants of the database of `flat` that are still in use, with access codes on top of the others. By default as
    /// many as half of the access codes allow.
    #[arg(long, global = true)]
    pub(crate) in_use: Option<u32>,
    /// The server; built by `cargo build --release`.
    #[arg(long, global = true, default_value = "target/release/trialgate")]
    pub(crate) server: PathBuf,
    /// The server that `against` compares with.
    #[arg(long, global = true)]
    pub(crate) other: Option<PathBuf>,
    /// The directory of SQLite databases. Not a file system in memory: the durable commit is measured.
    #[arg(long, global = true, default_value = "target/bench")]
    pub(crate) directory: PathBuf,
    /// The file of saved results. A run replaces its own and leaves the rest.
    #[arg(long, global = true, default_value = "target/bench/results.json")]
    pub(crate) results: PathBuf,
    /// A Markdown file that gets the tables, between its marks.
    #[arg(long, global = true)]
    pub(crate) write: Option<PathBuf>,
    /// The picture that `plot` draws.
    #[arg(long, global = true, default_value = "docs/performance/results.svg")]
    pub(crate) svg: PathBuf,
}

impl Options {
    /// A number of the full size, at the scale of this run.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number, cut off if it is large"
    )]
    pub(crate) fn scaled(&self, full: f64) -> u32 {
        (full * self.scale) as u32
    }

    /// The duration of a level, at most.
    pub(crate) fn lasting(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// The instances measured on a database: SQLite belongs to one process.
    pub(crate) fn instances_on(&self, database: Database) -> &[usize] {
        match database {
            Database::Sqlite => &[1],
            Database::Postgres => &self.instances,
        }
    }

    /// Applicants for one level, given the rate accepted before.
    pub(crate) fn wanted(&self, before: Option<f64>) -> u32 {
        const FIRST_GUESS: f64 = 7_000.0;
        let wanted = before.map_or(FIRST_GUESS, |per_second| 1.3 * per_second) * self.lasting().as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number, cut off if it is large"
        )]
        let wanted = wanted as u32;
        wanted.clamp(1_000, self.applicants.max(1_000))
    }
}
