use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::{Home, SANDBOX};

#[test]
fn serve_names_every_key_that_is_missing() {
    let line = Home::new("").run("serve").refused();
    for key in ["`secrets.keys` is missing", "`sms.gateways` is missing", "`mail.transport` is missing"] {
        assert!(line.contains(key), "{line}");
    }
}

#[test]
fn serve_captures_nothing_unless_told_to() {
    let line = Home::new(&SANDBOX.replace("sandbox.enabled = true", "")).run("serve").refused();
    assert!(line.contains("`sms.gateways` has \"sandbox\""), "{line}");
    assert!(line.contains("`mail.transport` is \"sandbox\""), "{line}");
    assert!(line.contains("set `sandbox.enabled` to true"), "{line}");
}

#[test]
fn serve_does_not_migrate() {
    let home = Home::new(SANDBOX);
    let line = serve_error(&home);
    assert!(line.contains("`trialgate migrate`"), "{line}");
    fs::write(home.path("trialgate.db"), "").unwrap();
    let line = serve_error(&home);
    assert!(line.contains("`trialgate migrate`"), "{line}");
}

#[test]
fn a_port_in_use_is_told_before_the_database_is_looked_at() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Home::new(SANDBOX);
    let line = home.run_with("serve", &[("TRIALGATE_HTTP__LISTEN", &address)]).refused();
    let expected =
        format!("cannot listen on {address}: another program uses this port; stop it, or name another port in");
    assert!(line.contains(&expected), "{line}");
    let line = home.run(&format!("sandbox --data d --listen {address}")).refused();
    assert!(line.contains(&expected) && line.contains("`--listen`; port 0 takes a free one"), "{line}");
}

#[test]
fn a_file_that_is_no_database_of_ours_is_refused() {
    let home = Home::new(SANDBOX);
    fs::write(home.path("trialgate.db"), "not a database at all, but long enough to look at".repeat(100)).unwrap();
    for command in ["migrate", "tenants list", "quota set 1"] {
        let line = home.run(command).refused();
        assert!(line.contains("is not a whole SQLite database"), "{command}: {line}");
    }
    assert!(serve_error(&home).contains("is not a whole SQLite database"));
}

#[test]
fn a_database_that_was_cut_off_is_refused() {
    let home = Home::new(SANDBOX);
    home.run("migrate").done();
    let file = fs::OpenOptions::new().write(true).open(home.path("trialgate.db")).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let line = home.run("tenants list").refused();
    assert!(line.contains("restore it from a backup"), "{line}");
}

#[test]
fn a_directory_that_is_not_there_or_cannot_be_written_is_named() {
    let home = Home::new("storage.url = \"sqlite:absent/trialgate.db\"");
    let line = home.run("migrate").refused();
    assert!(line.contains("absent/trialgate.db; see that the directory exists"), "{line}");
    let ran = home.run("doctor");
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.out.contains("this user cannot write there"), "{ran:?}");

    fs::create_dir(home.path("closed")).unwrap();
    fs::set_permissions(home.path("closed"), Permissions::from_mode(0o500)).unwrap();
    // Root may write everywhere.
    if fs::write(home.path("closed/probe"), "").is_err() {
        let line = home.run("sandbox --data closed/sandbox --listen 127.0.0.1:0").refused();
        assert!(line.contains("name another directory with --data"), "{line}");
    }
}

#[test]
fn a_sandbox_keeps_away_from_what_is_none() {
    let home = Home::new("");
    fs::create_dir(home.path("live")).unwrap();
    fs::write(home.path("live/trialgate.toml"), "").unwrap();
    let line = home.run("sandbox --data live --listen 127.0.0.1:0").refused();
    assert!(line.contains("is not the configuration of a sandbox"), "{line}");
    assert_eq!(fs::read_dir(home.path("live")).unwrap().count(), 1);
}

/// `serve` may log before it fails; its last line has the reason.
#[track_caller]
fn serve_error(home: &Home) -> String {
    let ran = home.run("serve");
    assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{ran:?}");
    ran.err.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn what_cannot_be_moved_is_said_without_a_password() {
    let home = Home::new("");
    for (from, to, message) in [
        ("sqlite:a.db", "sqlite:b.db", "both are SQLite"),
        ("postgres://h/a", "postgresql://u:hunter2@h/b", "both are PostgreSQL; use `pg_dump`"),
        ("postgres://u:hunter2@h/a", "sqlite:b.db", "swap `--from` and `--to`"),
        ("a.db", "postgres://u:hunter2@h/b", "`--from` must be sqlite:PATH or postgres://"),
        ("sqlite:a.db", "mysql://u:hunter2@h/b", "`--to` must be sqlite:PATH or postgres://"),
        ("sqlite:a.db", "postgres://u:hunter2@h", "`--to` names no database"),
        ("sqlite:a.db", "postgres://u:hunter2@h/b", "there is no database at a.db to transfer"),
    ] {
        let line = home.run(&format!("migrate --from {from} --to {to}")).refused();
        assert!(line.contains(message) && !line.contains("hunter2"), "{line}");
    }
    fs::write(home.path("a.db"), "").unwrap();
    let line = home.run("migrate --from sqlite:a.db --to postgres://u:hunter2@h/b").refused();
    assert!(line.contains("cannot transfer from the source: ") && line.contains("run `trialgate migrate`"), "{line}");
    home.run_with("migrate", &[("TRIALGATE_STORAGE__URL", "sqlite:full.db")]).done();
    let line = home.run("migrate --from sqlite:full.db --to postgres://u:hunter2@127.0.0.1:1/b").refused();
    assert!(line.contains("cannot transfer to the target: cannot connect to the database b on 127.0.0.1:1"), "{line}");
    assert!(!line.contains("hunter2"), "{line}");
    for flag in ["--from", "--to"] {
        let ran = home.run(&format!("migrate {flag} postgres://u:hunter2@h/b"));
        assert!(ran.status == 2 && !ran.err.contains("hunter2"), "{ran:?}");
    }
}
