//! A PostgreSQL database, read by `psql`.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde::de::DeserializeOwned;
use trial_cluster::DatabaseServer;

/// Every table that a decision writes to.
const WRITTEN: &str =
    "challenges, phones, code_requests, sms_days, tenants, access_codes, quota_days, mails, applications, audit";

/// A database of a server, by PostgreSQL's own client: independent of the service's.
#[derive(Debug, Clone)]
pub struct Psql {
    program: PathBuf,
    url: String,
}

/// A session and its transaction. It ends on drop.
#[derive(Debug)]
pub struct Session(Child);

impl Psql {
    pub(crate) fn new(server: &DatabaseServer, database: &str) -> Self {
        Self { program: server.program("psql"), url: server.url(database) }
    }

    pub(crate) fn rows<T: DeserializeOwned>(&self, query: &str) -> Vec<T> {
        let rows = self.execute(&format!("SELECT row_to_json(found) FROM ({query}) AS found"));
        rows.lines().map(|row| serde_json::from_str(row).unwrap_or_else(|error| panic!("{error}: {row}"))).collect()
    }

    /// Executes statements; returns their output.
    pub(crate) fn execute(&self, statements: &str) -> String {
        let done = self.command().args(["-c", statements]).output().expect("psql can be run");
        assert!(done.status.success(), "{statements}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Takes a lock that readers do not wait for.
    pub(crate) fn lock(&self) -> Session {
        let mut psql = self.command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql can be run");
        let statements = format!("BEGIN; LOCK TABLE {WRITTEN} IN EXCLUSIVE MODE;\n\\echo locked\n");
        psql.stdin.as_mut().unwrap().write_all(statements.as_bytes()).unwrap();
        let mut said = String::new();
        BufReader::new(psql.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said.trim(), "locked");
        Session(psql)
    }

    fn command(&self) -> Command {
        let mut psql = Command::new(&self.program);
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.args(["--dbname", &self.url]).stdin(Stdio::null());
        psql
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
