//! Data directories. Creating one takes a second, copying a twentieth of that: one is created, and copied later.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;
use crate::{USER, give, run};

/// The data directory within a server's directory.
pub(crate) fn in_directory(directory: &Path) -> PathBuf {
    directory.join("data")
}

pub(crate) fn copy_template(account: &Account, directory: &Path) {
    let template = template(account);
    run(Command::new("cp").arg("-a").arg(template).arg(in_directory(directory)));
}

/// Adds settings to those of a data directory.
pub(crate) fn configure(data: &Path, settings: &[(&str, &str)]) {
    let file = data.join("postgresql.auto.conf");
    let mut text = fs::read_to_string(&file).expect("the server's settings can be read");
    for (name, value) in settings {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name} = '{value}'");
    }
    fs::write(&file, text).expect("the server's settings can be written");
}

/// The data directory that all others are copied from. Of several processes that create it at once, one succeeds.
fn template(account: &Account) -> PathBuf {
    let version = run(Command::new(account.program("initdb")).arg("--version"));
    let version = version.split_whitespace().nth(2).unwrap_or("unknown").to_owned();
    let user = account.ids().map(|(uid, _)| format!("-{uid}")).unwrap_or_default();
    let template = account.place().join(format!("template-{version}{user}"));
    if !template.exists() {
        let making = account.directory();
        let data = in_directory(making.path());
        let mut initdb = account.command("initdb");
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username", USER]);
        run(initdb.arg("-D").arg(&data));
        fs::write(data.join("postgresql.auto.conf"), COMMON).expect("the server's settings can be written");
        give(&data, account);
        if fs::rename(&data, &template).is_err() {
            assert!(template.exists(), "{} can be made", template.display());
        }
    }
    template
}

/// The configuration of every server. The port is given at the start; small machines run several servers at once.
const COMMON: &str = "\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
shared_buffers = '32MB'
dynamic_shared_memory_type = 'mmap'
logging_collector = off
log_min_messages = fatal
log_checkpoints = off
max_worker_processes = 4
";
