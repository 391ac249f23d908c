//! A pooler in front of the server: one that keeps sessions is as good as the server, one that shares them is refused.

use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use rustix::process::getuid;
use tempfile::TempDir;
use trial_cluster::{USER, free_port};
use trial_core::planner::Request;
use trial_storage::{PostgresLedger, PostgresOpenError, PostgresOptions};
use trial_testkit::{LedgerHarness, data};

use super::server::Database;

/// A pooler; it ends with this.
struct Pooler {
    process: Child,
    port: u16,
    _directory: TempDir,
}

impl Pooler {
    fn start(database: &Database, mode: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let (file, port) = (directory.path().join("pgbouncer.ini"), free_port());
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user={USER}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = {mode}\n",
            database.server.port()
        );
        fs::write(&file, settings).unwrap();
        // It refuses to run as root.
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=KILL");
        if getuid().is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        }
        let quiet = command.args(["--", "/usr/sbin/pgbouncer", "-q"]).arg(&file).stdin(Stdio::null());
        let process = quiet.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("pgbouncer is installed");
        let mut pooler = Self { process, port, _directory: directory };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(pooler.process.try_wait().unwrap().is_none(), "pgbouncer starts");
        }
        pooler
    }

    fn options(&self, database: &Database) -> PostgresOptions {
        PostgresOptions::new(format!("postgres://{USER}@127.0.0.1:{}/{}?sslmode=disable", self.port, database.name))
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_must_keep_sessions() {
    let database = Database::new().await;
    for mode in ["transaction", "statement"] {
        let pooler = Pooler::start(&database, mode);
        let refused = PostgresLedger::open(pooler.options(&database)).await.err();
        assert!(matches!(&refused, Some(PostgresOpenError::Pooled(_))), "{mode}: {refused:?}");
        assert!(refused.unwrap().to_string().contains("`pool_mode = session`"));
    }
    let pooler = Pooler::start(&database, "session");
    let harness = LedgerHarness::new(PostgresLedger::open(pooler.options(&database)).await.unwrap());
    let batch = harness.batch([Request::SendCode(data::code_request(&data::phone(1)))]);
    assert_eq!(harness.try_commit(batch).await.unwrap().len(), 1);
}
