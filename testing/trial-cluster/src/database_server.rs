//! A server as its clients see it: a port on loopback, and PostgreSQL's own programs to work on its databases.

use std::path::PathBuf;
use std::process::Command;

use crate::account::Account;
use crate::{USER, run};

/// A running server that can be connected to as [`USER`].
#[derive(Debug, Clone)]
pub struct DatabaseServer {
    pub(crate) account: Account,
    pub(crate) port: u16,
}

impl DatabaseServer {
    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of one of its databases, without TLS.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Creates a database by a command of PostgreSQL's own, from a template if one is named.
    pub fn create_database(&self, name: &str, template: Option<&str>) {
        let template = template.map(|template| format!(" TEMPLATE {template}")).unwrap_or_default();
        self.execute("postgres", &format!("CREATE DATABASE {name}{template}"));
    }

    /// Runs SQL by `psql`; what it prints, unaligned.
    pub fn execute(&self, database: &str, sql: &str) -> String {
        run(&mut self.psql(database, sql))
    }

    /// A program of PostgreSQL's, such as `pgbench`, by its path.
    pub fn program(&self, name: &str) -> PathBuf {
        self.account.program(name)
    }

    pub(crate) fn psql(&self, database: &str, sql: &str) -> Command {
        let mut psql = Command::new(self.account.program("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "-c", sql]);
        psql.arg(self.url(database));
        psql
    }
}
