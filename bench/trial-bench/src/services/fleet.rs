//! Instances of the service under measurement.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::{Ground, Store};
use crate::http::{Connection, Request};
use crate::options::Options;

/// Instances of the service on one database, each a process in a directory of its own.
pub(crate) struct Fleet {
    instances: Vec<Instance>,
}

struct Instance {
    server: PathBuf,
    directory: PathBuf,
    child: Child,
    address: SocketAddr,
}

impl Fleet {
    /// Starts instances on a new database with this many access codes of each kind, and limits that no load reaches.
    pub(crate) fn start(
        ground: &Ground,
        store: &Store<'_>,
        options: &Options,
        instances: usize,
        pairs: u32,
    ) -> anyhow::Result<Self> {
        let (server, directory) = place(ground, store, options, 0)?;
        command(&server, &directory, &["migrate"])?;
        fs::write(directory.join("access-codes.csv"), access_codes(pairs))?;
        command(&server, &directory, &["access-codes", "import", "access-codes.csv"])?;
        Self::resume(ground, store, options, instances)
    }

    /// Starts instances on a prepared database.
    pub(crate) fn resume(
        ground: &Ground,
        store: &Store<'_>,
        options: &Options,
        instances: usize,
    ) -> anyhow::Result<Self> {
        let started = (0..instances).map(|number| {
            let (server, directory) = place(ground, store, options, number)?;
            let (child, address) = spawn(&server, &directory)?;
            Ok(Instance { server, directory, child, address })
        });
        Ok(Self { instances: started.collect::<anyhow::Result<_>>()? })
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.instances.iter().map(|instance| instance.address).collect()
    }

    /// Resident memory of the largest instance, in MiB.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<u64> {
        self.largest("VmRSS:")
    }

    /// Peak memory of an instance since its start, in MiB.
    pub(crate) fn peak_mib(&self) -> anyhow::Result<u64> {
        self.largest("VmHWM:")
    }

    fn largest(&self, figure: &str) -> anyhow::Result<u64> {
        let all: Vec<u64> = self.instances.iter().map(|instance| instance.mib(figure)).collect::<Result<_, _>>()?;
        Ok(all.into_iter().max().unwrap_or_default())
    }

    /// Runs the scheduled tasks, which count past hours.
    pub(crate) fn sweep(&self) -> anyhow::Result<()> {
        let first = self.instances.first().context("there is an instance")?;
        command(&first.server, &first.directory, &["sweep"]).map(drop)
    }

    /// The token of a new operator with every permission.
    pub(crate) fn token(&self, name: &str) -> anyhow::Result<String> {
        let first = self.instances.first().context("there is an instance")?;
        let added = ["operators", "add", name, "--role", "admin", "--json"];
        let told: serde_json::Value = serde_json::from_str(&command(&first.server, &first.directory, &added)?)?;
        Ok(told["token"].as_str().context("no token was printed")?.to_owned())
    }

    pub(crate) fn suspend(&self, tenant: &str) -> anyhow::Result<()> {
        let first = self.instances.first().context("there is an instance")?;
        command(&first.server, &first.directory, &["tenants", "suspend", tenant]).map(drop)
    }

    /// Checks the database with `doctor`, which must find nothing.
    pub(crate) fn examine(&self) -> anyhow::Result<()> {
        let first = self.instances.first().context("there is an instance")?;
        command(&first.server, &first.directory, &["doctor"]).map(drop)
    }

    /// Restarts each instance; returns the slowest time from process start to first answer.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<Duration> {
        let mut slowest = Duration::ZERO;
        for instance in &mut self.instances {
            slowest = slowest.max(instance.restart().await?);
        }
        Ok(slowest)
    }
}

impl Instance {
    async fn restart(&mut self) -> anyhow::Result<Duration> {
        self.child.kill()?;
        self.child.wait()?;
        let started = Instant::now();
        (self.child, self.address) = spawn(&self.server, &self.directory)?;
        let mut connection = Connection::open(self.address).await?;
        let reply = connection.exchange(&Request::apply(1, "16600000001", "1")).await?;
        ensure!(reply.contains("\"001\""), "an applicant without a code gets 001, not {reply}");
        Ok(started.elapsed())
    }

    /// A figure of `/proc/<pid>/status`.
    fn mib(&self, figure: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with(figure)).with_context(|| format!("no {figure}"))?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib / 1024)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Defaults, without the limits that a single load generator would reach.
const CONFIGURATION: &str = r#"
http.listen = "127.0.0.1:0"
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
address.failures_per_hour = 0

[[secrets.keys]]
id = "bench"
key = "YmVuY2htYXJrIGtleSwgbm90IGEgc2VjcmV0IGF0IGE="
"#;

/// The server, and a new directory with the configuration of the instance of this number.
fn place(ground: &Ground, store: &Store<'_>, options: &Options, number: usize) -> anyhow::Result<(PathBuf, PathBuf)> {
    let server = &options.server;
    let server = server
        .canonicalize()
        .with_context(|| format!("{} is not there; `cargo build --release` makes it", server.display()))?;
    let directory = ground.directory().join(format!("instance-{number}"));
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("trialgate.toml"), format!("storage.url = \"{}\"\n{CONFIGURATION}", store.url()))?;
    Ok((server, directory))
}

fn access_codes(pairs: u32) -> String {
    let mut csv = "kind,code\n".to_owned();
    for n in 0..pairs {
        // Writing to a string does not fail.
        let _ = writeln!(csv, "voice,400{n:07}\nmultimedia,chat-{n:07}");
    }
    csv
}

/// A process of the server, without the environment of this one.
fn process(server: &Path, directory: &Path) -> Command {
    let mut process = Command::new(server);
    process.current_dir(directory);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRIALGATE_")) {
        process.env_remove(name);
    }
    process
}

/// The output of a command.
fn command(server: &Path, directory: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = process(server, directory).args(arguments).args(["--config", "trialgate.toml"]).output()?;
    if !output.status.success() {
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("trialgate {}: {said}{complained}", arguments.join(" "));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Starts the server and reads its address from its standard output.
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
            // Further output must not fill the pipe.
            std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
            return Ok((child, address));
        }
        line.clear();
    }
    bail!("the server ended: {}", fs::read_to_string(directory.join("server.log"))?)
}
