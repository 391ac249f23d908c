//! The service under test: a process of its own, in a directory of its own.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::client::{APPLY, Connection as HttpConnection};

pub(crate) struct Service {
    server: PathBuf,
    directory: PathBuf,
    child: Child,
    address: SocketAddr,
}

impl Service {
    /// Starts a new service with so many access codes of each kind, and no limit in the way.
    pub(crate) fn start(server: &Path, parent: &Path, pairs: u32) -> anyhow::Result<Self> {
        let directory = parent.join("service");
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        let directory = directory.canonicalize()?;
        let server = server
            .canonicalize()
            .with_context(|| format!("{} is not there; `cargo build --release` makes it", server.display()))?;
        fs::write(directory.join("trialgate.toml"), CONFIGURATION)?;
        fs::write(directory.join("access-codes.csv"), access_codes(pairs))?;
        command(&server, &directory, &["migrate"])?;
        command(&server, &directory, &["access-codes", "import", "access-codes.csv"])?;
        let (child, address) = spawn(&server, &directory)?;
        Ok(Self { server, directory, child, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it and starts it again on its database; how long the first answer took from the start of the process.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<Duration> {
        self.child.kill()?;
        self.child.wait()?;
        let started = Instant::now();
        (self.child, self.address) = spawn(&self.server, &self.directory)?;
        let body = r#"{"companyName":"c","phone":"16600000001","phoneVerifyCode":"1","email":"a@example.com"}"#;
        let reply = HttpConnection::open(self.address).await?.post(APPLY, body).await?;
        ensure!(reply.contains("\"001\""), "an applicant without a code gets 001, not {reply}");
        Ok(started.elapsed())
    }

    /// Resident memory, in MiB.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib / 1024)
    }

    /// Compares what the applicants were told with what is stored.
    pub(crate) fn verify(&self, accepted: u64) -> anyhow::Result<()> {
        use trial_storage::schema::tenants;
        let path = self.directory.join("trialgate.db");
        let mut conn = SqliteConnection::establish(path.to_str().context("a path in UTF-8")?)?;
        let stored: i64 = tenants::table.count().get_result(&mut conn)?;
        ensure!(u64::try_from(stored)? >= accepted, "{accepted} were told 000, {stored} tenants are stored");
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nothing to be done if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything as it is by default, but that nothing is limited which one load generator would reach.
const CONFIGURATION: &str = r#"
http.listen = "127.0.0.1:0"
storage.url = "sqlite:trialgate.db"
sandbox.enabled = true
sms.gateways = ["sandbox"]
mail.transport = "sandbox"
mail.from = "trial@example.com"
portal.url = "https://portal.example.com/"
support.contact = "support@example.com"
quota.threshold = 100000000
log.level = "error"

[limits]
sms_per_day = 100000000
address.codes_per_hour = 0
address.applications_per_hour = 0

[[secrets.keys]]
id = "bench"
key = "YmVuY2htYXJrIGtleSwgbm90IGEgc2VjcmV0IGF0IGE="
"#;

fn access_codes(pairs: u32) -> String {
    let mut csv = "kind,code\n".to_owned();
    for n in 0..pairs {
        // Writing to a string does not fail.
        let _ = writeln!(csv, "voice,400{n:07}\nmultimedia,chat-{n:07}");
    }
    csv
}

/// A process of the server's program, which no setting of this one's environment reaches.
fn process(server: &Path, directory: &Path) -> Command {
    let mut process = Command::new(server);
    process.current_dir(directory);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRIALGATE_")) {
        process.env_remove(name);
    }
    process
}

fn command(server: &Path, directory: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let output = process(server, directory).args(arguments).args(["--config", "trialgate.toml"]).output()?;
    if !output.status.success() {
        bail!("trialgate {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Starts the server and reads from its standard output where it listens.
fn spawn(server: &Path, directory: &Path) -> anyhow::Result<(Child, SocketAddr)> {
    let mut child = process(server, directory)
        .args(["serve", "--config", "trialgate.toml"])
        .stdout(Stdio::piped())
        .stderr(fs::File::create(directory.join("server.log"))?)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no standard output")?);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        if let Some((_, address)) = line.trim().split_once("listening on http://") {
            let address = address.parse()?;
            // Whatever else it prints must not fill the pipe.
            std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
            return Ok((child, address));
        }
        line.clear();
    }
    bail!("the server ended: {}", fs::read_to_string(directory.join("server.log"))?)
}
