//! One server for all tests of a run, whatever number of processes they are in: the first process that asks for it starts
//! it, and a keeper ends it when the process that runs the tests (`cargo` or nextest) is gone, however that ended.

use std::env;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use rustix::process::getppid;

use crate::account::Account;
use crate::database_server::DatabaseServer;
use crate::server::{PACE, PATIENCE, is_ready};
use crate::{VOLATILE, data, free_port};

/// Runs the server as long as the runner is there, and then removes the directory. It is a process of its own because the
/// test that starts the server ends before the others.
const KEEPER: &str = r#"
"$@" 2>"$DIRECTORY/log" &
server=$!
tail --pid="$RUNNER" --sleep-interval=0.1 -f /dev/null &
runner=$!
wait -n
kill -QUIT "$server" 2>/dev/null
wait "$server"
touch "$DIRECTORY/ended"
wait "$runner"
rm -rf "$DIRECTORY"
"#;

/// Settings on top of [`VOLATILE`]: many tests connect at once, and none needs statistics.
const SHARED: &[(&str, &str)] = &[("max_connections", "400"), ("autovacuum", "off")];

const DIRECTORY: &str = "run-";

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The server of a run. It syncs nothing, and nobody may stop it or change its settings.
#[derive(Debug, Clone)]
pub struct SharedServer {
    directory: PathBuf,
    server: DatabaseServer,
}

/// A database of the shared server, dropped with this value even while connections are open.
#[derive(Debug)]
pub struct ScratchDatabase {
    server: DatabaseServer,
    name: String,
}

impl SharedServer {
    /// The server of the run that this test belongs to. It is started if there is none yet.
    pub fn of_this_run() -> Self {
        Self::of_runner(runner())
    }

    /// The server of the run by the process with this id.
    pub fn of_runner(runner: u32) -> Self {
        let account = Account::find();
        let directory = directory(&account, runner);
        let lock = lock(&directory);
        let port = match fs::read_to_string(directory.join("port")) {
            Ok(port) => port.parse().expect("the file holds a port"),
            Err(_) => start(&account, &directory, runner),
        };
        assert!(!directory.join("ended").exists(), "the shared server ended: {}", log(&directory));
        drop(lock);
        Self { directory, server: DatabaseServer { account, port } }
    }

    /// The server itself.
    pub fn server(&self) -> &DatabaseServer {
        &self.server
    }

    /// Has a template of this name: the first process that asks for it creates the database and prepares it.
    pub fn template(&self, name: &str, prepare: impl FnOnce(&DatabaseServer)) {
        let _lock = lock(&self.directory);
        let prepared = self.directory.join(format!("template-{name}"));
        if prepared.exists() {
            return;
        }
        // Another process may have been killed while it prepared it.
        self.server.execute("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        self.server.create_database(name, None);
        prepare(&self.server);
        // Nobody can connect to it any more, so that it can be copied at any time.
        self.server.execute("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
        File::create(&prepared).expect("a template can be noted");
    }

    /// Creates a database with a name of its own, from a template if one is named.
    pub fn create(&self, template: Option<&str>) -> ScratchDatabase {
        let name = format!("scratch_{}_{}", process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
        self.server.create_database(&name, template);
        ScratchDatabase { server: self.server.clone(), name }
    }
}

impl ScratchDatabase {
    /// The server that it is on.
    pub fn server(&self) -> &DatabaseServer {
        &self.server
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, without TLS.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        // It costs room and nothing else if it stays until the run ends.
        let _ = self.server.psql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", self.name)).output();
    }
}

/// The process that runs all tests of a run, or this one if it was started by hand.
fn runner() -> u32 {
    let parent = getppid().map_or(0, |parent| parent.as_raw_nonzero().get().unsigned_abs());
    let name = fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
    let is_runner = env::var_os("NEXTEST").is_some() || name.starts_with("cargo");
    if is_runner { parent } else { process::id() }
}

/// The directory of a run.
fn directory(account: &Account, runner: u32) -> PathBuf {
    let directory = account.place().join(directory_name(runner).expect("the runner is there"));
    match fs::create_dir(&directory) {
        Ok(()) => fs::set_permissions(&directory, Permissions::from_mode(0o755)).expect("its rights can be set"),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{}: {error}", directory.display()),
    }
    directory
}

/// Ids of processes are used again: the name has the time at which the runner started too.
fn directory_name(runner: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{runner}/stat")).ok()?;
    // The name in parentheses may hold anything: the fields are counted from behind it.
    let started = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(format!("{DIRECTORY}{runner}-{started}"))
}

/// Removes the directories of runs whose runner is gone, and whose keeper was killed before it could.
fn remove_abandoned(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let runner = name.strip_prefix(DIRECTORY).and_then(|rest| rest.split('-').next()?.parse().ok());
        if runner.is_some_and(|runner| directory_name(runner).as_ref() != Some(&name)) {
            // Its keeper may be at it right now.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Waits until no other test starts the server or prepares a template. The kernel frees the lock of a process that ends.
fn lock(directory: &Path) -> File {
    let file = OpenOptions::new().create(true).append(true).open(directory.join("lock")).expect("a lock can be opened");
    file.lock().expect("a lock can be taken");
    file
}

/// Starts the server and its keeper; returns the port.
fn start(account: &Account, directory: &Path, runner: u32) -> u16 {
    remove_abandoned(&account.place());
    // A process that was killed in here has left a server behind, on a directory and a port of its own, which ends with it.
    let home = account.directory_in(directory).keep();
    data::copy_template(account, &home);
    let data = data::in_directory(&home);
    data::configure(&data, VOLATILE);
    data::configure(&data, SHARED);
    let port = free_port();
    let postgres = account.command("postgres");
    let mut keeper = Command::new("bash");
    keeper.args(["-c", KEEPER, "keeper"]).arg(postgres.get_program()).args(postgres.get_args());
    keeper.arg("-D").arg(&data).arg("-p").arg(port.to_string());
    keeper.env("DIRECTORY", directory).env("RUNNER", runner.to_string()).current_dir("/");
    // In a group of its own, which gets no signal that ends the test or the run.
    keeper.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut keeper = keeper.spawn().expect("bash can be run");
    // Reaped if this process outlives it.
    thread::spawn(move || keeper.wait());
    let deadline = Instant::now() + PATIENCE;
    while !is_ready(&data) {
        let has_ended = directory.join("ended").exists() || Instant::now() > deadline;
        assert!(!has_ended, "the shared server did not start: {}", log(directory));
        thread::sleep(PACE);
    }
    let (written, port_file) = (directory.join("port.new"), directory.join("port"));
    fs::write(&written, port.to_string()).expect("a port can be noted");
    fs::rename(&written, port_file).expect("a port can be noted");
    port
}

fn log(directory: &Path) -> String {
    fs::read_to_string(directory.join("log")).unwrap_or_default()
}
