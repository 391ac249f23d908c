//! Files that commands leave behind, and the actor that they record.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::{Home, SANDBOX};

const BINARY: &str = env!("CARGO_BIN_EXE_trialgate");
/// The user id of `nobody` on every system.
const OTHER_USER: u32 = 65534;

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

/// Runs a shell script in a home; `$TRIALGATE` is the binary.
pub(crate) fn shell(home: &Home, script: &str) -> String {
    let mut command = Command::new("sh");
    // The environment of the tests must not configure the command.
    command.args(["-c", script]).current_dir(home.path("")).env_clear().env("TRIALGATE", BINARY);
    let output = command.envs(std::env::var_os("PATH").map(|path| ("PATH", path))).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn whatever_a_command_creates_is_for_its_owner_alone() {
    for umask in ["000", "022", "277"] {
        let home = Home::new(SANDBOX);
        shell(&home, &format!("umask {umask}; $TRIALGATE migrate && $TRIALGATE backup copy.db"));
        // The port is taken: by then the sandbox has written its configuration.
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = taken.local_addr().unwrap();
        shell(&home, &format!("umask {umask}; ! $TRIALGATE sandbox --data a/b --listen {listen} 2>err"));
        for file in ["trialgate.db", "copy.db", "a/b/trialgate.toml"] {
            assert_eq!(mode(&home.path(file)), 0o600, "{file} under {umask}");
        }
        for directory in ["a", "a/b"] {
            assert_eq!(mode(&home.path(directory)), 0o700, "{directory} under {umask}");
        }
    }
}

#[test]
fn a_file_that_others_may_read_is_named_by_doctor() {
    let home = Home::new(&format!("{SANDBOX}mail.smtp_password_file = \"password\"\n"));
    home.run("migrate").done();
    fs::write(home.path("password"), "hunter2").unwrap();
    let warnings = || {
        let out = home.run("doctor").out;
        out.lines().filter(|line| line.contains("permissions")).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let set = |name: &str, mode| fs::set_permissions(home.path(name), Permissions::from_mode(mode)).unwrap();
    set("trialgate.toml", 0o600);
    set("password", 0o600);
    set("", 0o700);
    assert!(matches!(warnings().as_slice(), [one] if one.starts_with("ok")), "{:?}", warnings());
    fs::write(home.path("messages.jsonl"), "").unwrap();
    for (name, mode, right) in [
        ("trialgate.db", 0o644, "600"),
        ("messages.jsonl", 0o620, "600"),
        ("trialgate.toml", 0o604, "600"),
        ("password", 0o640, "600"),
        ("", 0o755, "700"),
    ] {
        set("messages.jsonl", 0o600);
        set(name, mode);
        let warned = warnings();
        let [line] = warned.as_slice() else { panic!("one warning about {name}: {warned:?}") };
        assert!(line.starts_with("warn") && line.contains(&format!("{name} has mode {mode:04o}")), "{line}");
        assert!(line.contains(&format!("`chmod {right} ")), "{line}");
        set(name, if name.is_empty() { 0o700 } else { 0o600 });
    }
}

#[test]
fn no_command_leaves_a_core_dump() {
    let home = Home::new(SANDBOX);
    fs::write(home.path("fifo.csv"), "").unwrap();
    // A waiting command: it reads the codes from a pipe that nobody has opened for writing.
    shell(&home, "rm fifo.csv && mkfifo fifo.csv && $TRIALGATE migrate");
    let limits = shell(
        &home,
        "ulimit -c unlimited 2>/dev/null; $TRIALGATE access-codes import fifo.csv >/dev/null 2>&1 & pid=$!; \
         exec 3>fifo.csv; cat /proc/$pid/limits; exec 3>&-; wait $pid || true",
    );
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(line.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{line}");
}

fn actors(home: &Home) -> Vec<String> {
    let audit: serde_json::Value = serde_json::from_str(&home.run("audit list --json").done()).unwrap();
    let entries = audit["items"].as_array().unwrap().iter();
    entries.map(|entry| entry["actor"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_audit_names_the_user_of_the_process_whatever_the_environment_says() {
    let home = Home::new(SANDBOX);
    home.run("migrate").done();
    let id = |option: &str| shell(&home, &format!("id {option}")).trim().to_owned();
    let (uid, name) = (id("-u"), id("-un"));
    let forged = [("USER", "alice"), ("LOGNAME", "alice"), ("USERNAME", "alice"), ("SUDO_UID", "4711")];
    home.run_with("quota set 5", &forged).done();
    assert_eq!(actors(&home), [format!("cli:{name}")]);
    home.run_with("quota set 6", &[&forged[..], &[("SUDO_USER", "bob")]].concat()).done();
    let by_sudo = if uid == "0" { format!("cli:{name} (sudo: bob)") } else { format!("cli:{name}") };
    assert_eq!(actors(&home)[0], by_sudo);
    if uid != "0" {
        return;
    }
    // Root can switch to another user, who can claim anything.
    for file in ["", "trialgate.toml", "trialgate.db"] {
        chown(home.path(file), Some(OTHER_USER), None).unwrap();
    }
    let copy = home.path("trialgate");
    fs::copy(BINARY, &copy).unwrap();
    let mut command = Command::new(&copy);
    command.args(["quota", "set", "7"]).current_dir(home.path("")).uid(OTHER_USER).env_clear();
    let output = command.envs(forged).env("SUDO_USER", "bob").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let other = shell(&home, &format!("id -un {OTHER_USER} 2>/dev/null || echo {OTHER_USER}")).trim().to_owned();
    assert_eq!(actors(&home)[0], format!("cli:{other}"));
}
