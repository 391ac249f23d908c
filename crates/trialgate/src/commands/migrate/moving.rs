//! `trialgate migrate --from … --to …`: transfers SQLite to PostgreSQL.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use trial_storage::{Move, MoveReport, Moved, MovedTable, PostgresOptions, Rows, SqliteOptions};

use crate::compose;
use crate::config::{Config, Database, ServiceUrl};
use crate::output::{Output, Table, complain};

/// Result of a transfer.
#[derive(Debug, Serialize)]
struct Report {
    from: String,
    to: String,
    ran: Vec<String>,
    rows: u64,
    copied: u64,
    tables: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    table: &'static str,
    rows: u64,
    copied: u64,
}

pub(super) fn run(config: &Config, from: &ServiceUrl, to: &ServiceUrl, output: Output) -> anyhow::Result<()> {
    let (from, to) = (database("--from", from)?, database("--to", to)?);
    let (file, url) = direction(&from, &to)?;
    let plan = Move::new(SqliteOptions::new(file), PostgresOptions::new(url.reveal()), config.policy.trial.unique_by);
    let mut progress = Progress::new();
    let moved = compose::runtime()?.block_on(plan.run(|moved| progress.show(moved)));
    progress.bar.finish_and_clear();
    output.show(&Report::new(&from, &to, moved?))
}

/// A relative path is relative to the working directory, as elsewhere on the command line.
fn database(flag: &str, url: &ServiceUrl) -> anyhow::Result<Database> {
    Database::parse(url, Path::new("")).map_err(|problem| anyhow!("`{flag}` {problem}"))
}

fn direction<'a>(from: &'a Database, to: &'a Database) -> anyhow::Result<(&'a PathBuf, &'a ServiceUrl)> {
    match (from, to) {
        (Database::Sqlite(file), Database::Postgres { url, .. }) => Ok((file, url)),
        (Database::Postgres { .. }, Database::Sqlite(_)) => {
            bail!("a transfer goes from SQLite to PostgreSQL only; swap `--from` and `--to`")
        }
        (Database::Sqlite(_), Database::Sqlite(_)) => {
            bail!("both are SQLite; stop the server and copy the file, or use SQLite's own `.backup`")
        }
        (Database::Postgres { .. }, Database::Postgres { .. }) => {
            bail!("both are PostgreSQL; use `pg_dump` and `pg_restore`")
        }
    }
}

/// A bar on a terminal, else a line per table; both on standard error.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn new() -> Self {
        let template = "{msg} {wide_bar} {human_pos}/{human_len} {elapsed}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(0).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    fn show(&mut self, moved: Moved) {
        match moved {
            Moved::Checking => self.bar.set_message("checking invariants"),
            Moved::Compared(rows) => self.at("comparing", rows),
            Moved::Copied(rows) => {
                self.at("copying", rows);
                if self.bar.is_hidden() && rows.done == rows.of {
                    complain(&format!("{}: {} of {}", rows.table, rows.done, rows.of));
                }
            }
        }
    }

    fn at(&mut self, doing: &str, rows: Rows) {
        self.bar.set_message(format!("{doing} {}", rows.table));
        self.bar.set_length(rows.of);
        self.bar.set_position(rows.done);
    }
}

impl Report {
    fn new(from: &Database, to: &Database, MoveReport { ran, tables }: MoveReport) -> Self {
        let line = |MovedTable { table, rows, copied }| Line { table, rows, copied };
        Self {
            from: from.to_string(),
            to: to.to_string(),
            ran,
            rows: tables.iter().map(|table| table.rows).sum(),
            copied: tables.iter().map(|table| table.copied).sum(),
            tables: tables.into_iter().map(line).collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["table", "rows", "copied"]);
        for line in &self.tables {
            table.row([line.table.to_owned(), line.rows.to_string(), line.copied.to_string()]);
        }
        let Self { from, to, rows, copied, .. } = self;
        writeln!(f, "{table}rows of {from} in {to}: {rows}, each compared; copied now: {copied}")?;
        write!(f, "set `storage.url` to the new database; the old one is marked as transferred and refuses to be used")
    }
}
