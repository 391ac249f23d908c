//! The databases of a measurement.

use std::cell::Cell;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use trial_cluster::Cluster;
use trial_storage::{PostgresLedger, PostgresOptions, SqliteLedger, SqliteOptions};

use super::Database;
use super::totals::Totals;
use crate::options::Options;

/// The settings that differ from PostgreSQL's defaults, as one would choose in production on a machine of this size.
/// Commits are durable by default; that is set here to be explicit.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("shared_buffers", "512MB"),
    ("max_wal_size", "4GB"),
    ("min_wal_size", "4GB"),
    ("checkpoint_timeout", "15min"),
    ("max_connections", "200"),
];

/// The server for every database on PostgreSQL, and the directory for the rest.
pub(crate) struct Ground {
    cluster: Option<Cluster>,
    directory: PathBuf,
    databases: Cell<u32>,
}

/// A database. It is removed on drop.
pub(crate) enum Store<'a> {
    Sqlite(PathBuf),
    Postgres { cluster: &'a Cluster, name: String },
}

impl Ground {
    pub(crate) fn new(options: &Options) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&options.directory).context("cannot make the directory for databases")?;
        let directory = options.directory.canonicalize()?;
        let cluster = options.databases.contains(&Database::Postgres).then(|| {
            let cluster = Cluster::start(SETTINGS);
            wear_in(&cluster);
            cluster
        });
        Ok(Self { cluster, directory, databases: Cell::new(0) })
    }

    /// The settings that differ from PostgreSQL's defaults, on one line.
    pub(crate) fn settings() -> String {
        SETTINGS.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn cluster(&self) -> anyhow::Result<&Cluster> {
        self.cluster.as_ref().context("PostgreSQL is not among the databases")
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A database without tables.
    pub(crate) fn store(&self, database: Database) -> anyhow::Result<Store<'_>> {
        let number = self.databases.replace(self.databases.get() + 1);
        Ok(match database {
            Database::Sqlite => {
                // Captured messages are stored beside the database: none of an earlier one.
                let directory = self.directory.join(format!("bench-{number}"));
                remove(&directory)?;
                fs::create_dir(&directory)?;
                Store::Sqlite(directory.join("trialgate.db"))
            }
            Database::Postgres => {
                let cluster = self.cluster()?;
                let name = format!("bench_{number}");
                cluster.create_database(&name, None);
                Store::Postgres { cluster, name }
            }
        })
    }
}

/// Fills the log once, so that its files exist to be reused: a server that has been running for a while does not create
/// a new file, and wait for it to be written out, in the middle of commits.
fn wear_in(cluster: &Cluster) {
    cluster.execute(
        "postgres",
        "CREATE TABLE worn AS SELECT n, repeat(md5(n::text), 60) FROM generate_series(1, 700000) n",
    );
    cluster.execute("postgres", "DROP TABLE worn");
    cluster.execute("postgres", "CHECKPOINT");
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    totals: String,
}

impl Store<'_> {
    /// The URL for the service's configuration.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres { cluster, name } => cluster.url(name),
        }
    }

    /// Creates the tables of a new database.
    pub(crate) async fn migrate(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(path) => SqliteLedger::migrate(&SqliteOptions::new(path)).await?,
            Self::Postgres { .. } => PostgresLedger::migrate(&PostgresOptions::new(self.url())).await?,
        };
        Ok(())
    }

    /// Prepares a new PostgreSQL database for this number of applications of a bare loop: their codes sent, the pool
    /// full.
    pub(crate) async fn prepare(&self, rows: usize) -> anyhow::Result<()> {
        self.migrate().await?;
        self.run(include_str!("../../sql/functions.sql"), &[])?;
        let rows = rows.to_string();
        self.run(include_str!("../../sql/prepare.sql"), &[("rows", &rows), ("now", "1800000000000000")])
    }

    /// Runs a script by `psql`, with these variables.
    pub(crate) fn run(&self, sql: &str, variables: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut psql = Command::new(self.program("psql")?);
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]);
        psql.args(variables.iter().map(|(name, value)| format!("--set={name}={value}")));
        psql.arg(self.url()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut psql = psql.spawn()?;
        psql.stdin.take().context("psql reads a script")?.write_all(sql.as_bytes())?;
        let output = psql.wait_with_output()?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Executes a statement that both databases understand.
    pub(crate) fn execute(&self, sql: &str) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(path.to_str().context("a path in UTF-8")?)?;
                // The service writes at the same time.
                conn.batch_execute("PRAGMA busy_timeout = 10000")?;
                conn.batch_execute(sql)?;
            }
            Self::Postgres { cluster, name } => drop(cluster.execute(name, sql)),
        }
        Ok(())
    }

    /// A program of PostgreSQL's.
    pub(crate) fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        match self {
            Self::Sqlite(_) => bail!("{name} is of no use to SQLite"),
            Self::Postgres { cluster, .. } => Ok(cluster.program(name)),
        }
    }

    /// The totals of its database.
    pub(crate) fn totals(&self) -> anyhow::Result<Totals> {
        match self {
            Self::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(path.to_str().context("a path in UTF-8")?)?;
                Totals::parse(&diesel::sql_query(Totals::SQL).get_result::<Line>(&mut conn)?.totals)
            }
            Self::Postgres { cluster, name } => Totals::parse(&cluster.execute(name, Totals::SQL)),
        }
    }
}

impl Drop for Store<'_> {
    fn drop(&mut self) {
        match self {
            // Leftovers are removed when the next one is created.
            Self::Sqlite(path) => drop(path.parent().map(remove)),
            Self::Postgres { cluster, name } => {
                cluster.execute("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
            }
        }
    }
}

fn remove(directory: &Path) -> io::Result<()> {
    fs::remove_dir_all(directory).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}
