//! PostgreSQL servers for tests and benchmarks, on free ports of loopback: one that all tests of a run share
//! ([`SharedServer`]), with a database for each; and private ones, for as long as their [`Cluster`] lives and its process
//! does, that can be killed, frozen, restarted, configured and followed by a standby.
//!
//! PostgreSQL refuses to run as root: there, servers run as the user `postgres`, or as `nobody`.

#![expect(clippy::expect_used, reason = "a test or benchmark that has no database cannot go on")]

mod account;
mod data;
mod database_server;
mod server;
mod shared;

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use account::Account;
use server::Server;

pub use database_server::DatabaseServer;
pub use shared::{ScratchDatabase, SharedServer};

/// The superuser of every server.
pub const USER: &str = "trialgate";

/// Settings for tests that kill no server: nothing is synced, so a test database costs little.
pub const VOLATILE: &[(&str, &str)] = &[("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];

/// A server, or the place of a stopped one. It is stopped and its directory removed on drop.
#[derive(Debug)]
pub struct Cluster {
    // Before the directory, so that the server is gone when its files go.
    server: Option<Server>,
    directory: TempDir,
    access: DatabaseServer,
}

impl Deref for Cluster {
    type Target = DatabaseServer;

    fn deref(&self) -> &DatabaseServer {
        &self.access
    }
}

impl Cluster {
    /// Starts a server with these settings on top of PostgreSQL's defaults.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let account = Account::find();
        let directory = account.directory();
        data::copy_template(&account, directory.path());
        Self::on(account, directory, settings)
    }

    /// Starts a server that offers TLS, with this certificate and key in PEM.
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        let account = Account::find();
        let directory = account.directory();
        data::copy_template(&account, directory.path());
        let files = [("server.crt", certificate), ("server.key", key)].map(|(name, pem)| {
            let file = directory.path().join(name);
            fs::write(&file, pem).expect("a certificate can be written");
            // The server refuses a key that others may read.
            fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its rights can be set");
            give(&file, &account);
            file.display().to_string()
        });
        Self::on(account, directory, &[("ssl", "on"), ("ssl_cert_file", &files[0]), ("ssl_key_file", &files[1])])
    }

    /// Starts a standby that follows this server by streaming, under this application name. To wait for it at each
    /// commit, name it in `synchronous_standby_names`.
    #[must_use]
    pub fn standby(&self, name: &str, settings: &[(&str, &str)]) -> Self {
        let directory = self.account.directory();
        let source = format!("host=127.0.0.1 port={} user={USER} application_name={name}", self.port);
        let mut copy = self.account.command("pg_basebackup");
        copy.args(["--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "--no-sync", "-d", &source]);
        run(copy.arg("-D").arg(data::in_directory(directory.path())));
        Self::on(self.account.clone(), directory, settings)
    }

    fn on(account: Account, directory: TempDir, settings: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut cluster = Self { server: None, directory, access: DatabaseServer { account, port } };
        cluster.configure(settings);
        cluster.resume();
        cluster
    }

    /// Adds settings, effective from the next start, or once `pg_reload_conf` is called.
    pub fn configure(&self, settings: &[(&str, &str)]) {
        data::configure(&self.data(), settings);
    }

    /// Starts the server again after it was stopped or killed.
    pub fn resume(&mut self) {
        self.server = Some(Server::start(&self.account, &self.data(), self.port));
    }

    /// Process ids of the backends that serve clients.
    pub fn backends(&self) -> Vec<u32> {
        let sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        self.execute("postgres", sql).lines().filter_map(|line| line.trim().parse().ok()).collect()
    }

    /// Kills one backend with `SIGKILL`: the server then ends all others and recovers.
    pub fn kill_backend(&self, pid: u32) {
        server::signal(pid, Signal::KILL);
    }

    /// Shuts down at once (`SIGQUIT`), without a checkpoint, and starts again, which recovers from the log.
    pub fn restart_immediately(&mut self) {
        self.stop(Signal::QUIT);
        self.resume();
    }

    /// Stops the server: `INT` ends sessions and writes a checkpoint, `QUIT` does not, and `KILL` kills every process.
    pub fn stop(&mut self, how: Signal) {
        if let Some(server) = self.server.take() {
            server.stop(how);
        }
    }

    /// Freezes every process of the server (`SIGSTOP`): connections stay open without answers.
    pub fn freeze(&self) {
        self.running().signal_all(Signal::STOP);
    }

    /// Continues a frozen server.
    pub fn thaw(&self) {
        self.running().signal_all(Signal::CONT);
    }

    /// Makes a standby a primary, and waits until it is one.
    pub fn promote(&self) {
        self.execute("postgres", "SELECT pg_promote(true, 60)");
    }

    fn running(&self) -> &Server {
        self.server.as_ref().expect("the server is running")
    }

    fn data(&self) -> PathBuf {
        data::in_directory(self.directory.path())
    }
}

/// A port on loopback without a listener.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("a listener has an address").port()
}

/// Runs a command to its end; returns its output.
fn run(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{shown}: {error}"));
    assert!(output.status.success(), "{shown}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Hands a path, and everything below it, to an account.
fn give(path: &Path, account: &Account) {
    if let Some((uid, gid)) = account.ids() {
        run(Command::new("chown").arg("-R").arg(format!("{uid}:{gid}")).arg(path));
    }
}
