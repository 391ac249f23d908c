//! The directory and configuration of a service.

use std::ffi::OsStr;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use trial_cluster::{DatabaseServer, ScratchDatabase, SharedServer};

use crate::postgres::Psql;
use crate::{Database, Ended, Service, binary, finish};

/// A configuration that serves, with captured messages and no limits per address, of which tests have one; without the
/// place of the database.
pub const SERVING: &str = r#"
http.listen = "127.0.0.1:0"
sandbox.enabled = true
sms.gateways = ["sandbox"]
mail.transport = "sandbox"
limits.address.codes_per_hour = 0
limits.address.applications_per_hour = 0
limits.address.failures_per_hour = 0

[[secrets.keys]]
id = "first"
key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"#;

/// The name of the database on a private server.
pub const DATABASE: &str = "trialgate";

/// The database on the shared server that others are copies of: migrated, with as many access codes as the sandbox has.
const TEMPLATE: &str = "service_template";

/// A directory for one service, on the disk of the builds. It is removed on drop.
#[derive(Debug)]
pub struct Home {
    directory: TempDir,
    /// The database, if it is not in the directory.
    server: Option<Psql>,
    /// Keeps a database of the shared server.
    scratch: Option<Arc<ScratchDatabase>>,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// A new, empty one.
    pub fn new() -> Self {
        // …/target/debug/deps/e2e-…
        let test = std::env::current_exe().unwrap();
        let homes = test.ancestors().nth(3).expect("tests run from the target directory").join("e2e-tmp");
        fs::create_dir_all(&homes).unwrap();
        Self { directory: tempfile::tempdir_in(homes).unwrap(), server: None, scratch: None }
    }

    /// One whose service uses a new database of the shared server, with as many access codes as the sandbox has.
    pub async fn shared() -> Self {
        let runtime = Handle::current();
        let prepare = move |server: &DatabaseServer| {
            runtime.block_on(Self::beside(server, &server.url(TEMPLATE)).prepare());
        };
        let create = || {
            let shared = SharedServer::of_this_run();
            shared.template(TEMPLATE, prepare);
            shared.create(Some(TEMPLATE))
        };
        Self::with(spawn_blocking(create).await.unwrap())
    }

    /// One whose service uses a new database of the shared server, without tables.
    pub async fn shared_empty() -> Self {
        Self::with(spawn_blocking(|| SharedServer::of_this_run().create(None)).await.unwrap())
    }

    fn with(scratch: ScratchDatabase) -> Self {
        let home = Self::beside(scratch.server(), &scratch.url());
        Self { scratch: Some(Arc::new(scratch)), ..home }
    }

    /// One whose service uses a new database of a private server, without access codes.
    pub async fn on_empty(server: &DatabaseServer) -> Self {
        server.create_database(DATABASE, None);
        let home = Self::beside(server, &server.url(DATABASE));
        home.ask(&["migrate"]).await;
        home
    }

    /// One whose service uses a new database of a private server, with as many access codes as the sandbox has.
    pub async fn on(server: &DatabaseServer) -> Self {
        server.create_database(DATABASE, None);
        let home = Self::beside(server, &server.url(DATABASE));
        home.prepare().await;
        home
    }

    async fn prepare(&self) {
        self.ask(&["migrate"]).await;
        self.import((0..100).map(|n| format!("voice,950{n:03}\nmultimedia,chat-{n:03}"))).await;
    }

    /// One whose service uses an existing database of a server, and finds it by this URL.
    pub fn beside(server: &DatabaseServer, url: &str) -> Self {
        let mut home = Self::new();
        fs::create_dir(home.data()).unwrap();
        home.move_to(server, url);
        home
    }

    /// This home, and another one on the same database if that can have several.
    pub fn with_another(self) -> Vec<Self> {
        let another = self.server.clone().map(|server| {
            let home = Self { server: Some(server), scratch: self.scratch.clone(), ..Self::new() };
            fs::create_dir(home.data()).unwrap();
            fs::copy(self.config(), home.config()).unwrap();
            home
        });
        [self].into_iter().chain(another).collect()
    }

    /// Makes the service use another database from its next start on.
    pub fn move_to(&mut self, server: &DatabaseServer, url: &str) {
        fs::write(self.config(), format!("storage.url = \"{url}\"\n{SERVING}")).unwrap();
        let (_, place) = url.rsplit_once('/').expect("a URL names a database");
        let name = place.split('?').next().unwrap_or_default();
        self.server = Some(Psql::new(server, name));
    }

    /// The database of the shared server, if the service uses one.
    pub fn scratch(&self) -> &ScratchDatabase {
        self.scratch.as_ref().expect("the home is on the shared server")
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The data directory of the sandbox.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The configuration of the service.
    pub fn config(&self) -> PathBuf {
        self.data().join("trialgate.toml")
    }

    /// The database of the service, read independently.
    pub fn database(&self) -> Database {
        match &self.server {
            Some(psql) => Database::Postgres(psql.clone()),
            None => Database::open(&self.data().join("trialgate.db")),
        }
    }

    /// Writes a file into the directory.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The binary with these arguments, in this directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(binary());
        command.args(arguments);
        command
    }

    /// A program, in this directory, without environment that would configure the binary.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path());
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"TRIALGATE_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// The command that serves by the service's configuration.
    pub fn serve_command(&self) -> Command {
        let mut command = self.command(&["serve", "--config"]);
        command.arg(self.config());
        command
    }

    /// The command that starts the sandbox.
    pub fn sandbox_command(&self) -> Command {
        self.command(&["sandbox", "--listen", "127.0.0.1:0", "--data", "data"])
    }

    /// Starts the sandbox.
    pub async fn sandbox(&self) -> Service {
        self.sandbox_with(&[]).await
    }

    /// Starts the sandbox with these environment variables.
    pub async fn sandbox_with(&self, environment: &[(&str, &str)]) -> Service {
        let mut command = self.sandbox_command();
        command.envs(environment.iter().copied());
        Service::start(command).await
    }

    /// Starts the service: the sandbox, or on a server's database one that captures messages as the sandbox does.
    pub async fn start(&self) -> Service {
        self.start_with(&[]).await
    }

    /// Starts the service with these environment variables.
    pub async fn start_with(&self, environment: &[(&str, &str)]) -> Service {
        let mut command = if self.server.is_some() { self.serve_command() } else { self.sandbox_command() };
        command.envs(environment.iter().copied());
        Service::start(command).await
    }

    /// Runs a command beside the service, to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        command.arg("--config").arg(self.config());
        finish(command).await
    }

    /// Runs a command that succeeds; returns its output.
    pub async fn ask(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments).await;
        assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    /// Runs a command that succeeds, with `--json`; returns its output.
    pub async fn ask_json(&self, arguments: &[&str]) -> Value {
        let stdout = self.ask(&[arguments, &["--json"]].concat()).await;
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {stdout}"))
    }

    /// Runs a command that is refused: exit status 1 and one line on standard error, which is returned.
    pub async fn refused(&self, command: Command) -> String {
        let shown = format!("{command:?}");
        let ended = finish(command).await;
        assert_eq!(ended.code(), Some(1), "{shown}: {ended:?}");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        let [line] = lines.as_slice() else { panic!("one line, not {:?}", ended.stderr) };
        assert!(line.starts_with("trialgate: "), "{line}");
        (*line).to_owned()
    }

    /// Loads this number of further pairs of access codes.
    pub async fn import_pairs(&self, pairs: u32) {
        self.import((0..pairs).map(|n| format!("voice,400{n:07}\nmultimedia,web-{n:07}"))).await;
    }

    async fn import(&self, rows: impl Iterator<Item = String>) {
        let lines: Vec<String> = iter::once("kind,code".to_owned()).chain(rows).collect();
        let file = self.write("pairs.csv", lines.join("\n"));
        self.ask(&["access-codes", "import", file.to_str().unwrap()]).await;
    }
}
