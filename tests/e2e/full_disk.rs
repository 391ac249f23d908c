//! A full disk: refusals that say so, nothing acknowledged that is lost, and service again once there is room.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use trialgate_tests::{Applicant, Database, Home, Service, binary, finish, until};

/// An applicant with a code.
type Ready = (Applicant, String);

async fn prepare(service: &Service, numbers: std::ops::Range<u32>) -> Vec<Ready> {
    let mut ready = Vec::new();
    for applicant in numbers.map(Applicant::new) {
        let code = service.client().obtain_code(&applicant).await;
        ready.push((applicant, code));
    }
    ready
}

/// Applies for each, and records those answered 000. Every other answer is due to the full disk.
async fn apply(service: &Service, ready: &[Ready], acknowledged: &mut Vec<Applicant>) -> Vec<String> {
    let mut codes = Vec::new();
    for (applicant, code) in ready {
        let reply = service.client().apply(applicant, code).await;
        assert!(["000", "003", "005"].contains(&reply.code()), "{reply:?}");
        if reply.code() == "000" && !acknowledged.contains(applicant) {
            acknowledged.push(applicant.clone());
        }
        codes.push(reply.code().to_owned());
    }
    codes
}

/// New applicants ask for codes until they are refused for lack of room.
async fn ask_until_full(service: &Service, first: u32) {
    let mut refused = 0;
    for applicant in (first..first + 2_000).map(Applicant::new) {
        let reply = service.client().send_code(&applicant).await;
        assert!(["200", "202"].contains(&reply.code()), "{reply:?}");
        refused += u32::from(reply.code() == "202");
        if refused == 3 {
            return;
        }
    }
    panic!("the disk never became full");
}

/// A data directory on a file system of its own, of a few MiB, which only the service sees.
struct TinyDisk {
    home: Home,
    mount: PathBuf,
}

impl TinyDisk {
    /// `None` where this user may not mount anything.
    fn new() -> Option<(Self, Vec<&'static str>)> {
        for unshare in [vec!["unshare", "--mount"], vec!["unshare", "--user", "--map-root-user", "--mount"]] {
            let home = Home::new();
            let mount = home.data();
            fs::create_dir(&mount).unwrap();
            let mut probe = home.program(unshare[0]);
            probe.args(&unshare[1..]).args(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&mount);
            if probe.output().is_ok_and(|probed| probed.status.success()) {
                return Some((Self { home, mount }, unshare));
            }
        }
        None
    }

    fn command(&self, unshare: &[&str]) -> Command {
        let script = r#"mount -t tmpfs -o size=4m tmpfs "$1" && exec "$0" sandbox --listen 127.0.0.1:0 --data "$1""#;
        let mut command = self.home.program(unshare[0]);
        command.args(&unshare[1..]).args(["sh", "-c", script]).arg(binary()).arg(&self.mount);
        command
    }

    /// The data directory, from outside.
    fn seen(&self, service: &Service) -> PathBuf {
        let inside = self.mount.strip_prefix("/").unwrap();
        Path::new(&format!("/proc/{}/root", service.pid())).join(inside)
    }

    /// A copy of the database: SQLite itself would follow `/proc/…/root` back to our own file system.
    fn database(&self, service: &Service) -> Database {
        service.signal(Signal::STOP);
        for name in ["trialgate.db", "trialgate.db-wal"] {
            fs::copy(self.seen(service).join(name), self.home.path().join(name)).unwrap();
        }
        service.signal(Signal::CONT);
        Database::open(&self.home.path().join("trialgate.db"))
    }
}

/// Fills the file system, except this number of bytes.
fn fill(ballast: &Path, spare: u64) {
    let mut file = File::create(ballast).unwrap();
    let block = [0_u8; 4_096];
    while file.write_all(&block).is_ok() {}
    let length = file.metadata().unwrap().len();
    file.set_len(length - spare).unwrap();
}

#[tokio::test]
async fn a_full_file_system_loses_nothing_and_goes_on_with_room() {
    let Some((disk, unshare)) = TinyDisk::new() else {
        println!("this user may not mount a file system; the test with a limited file size is all there is");
        return;
    };
    let mut service = Service::start(disk.command(&unshare)).await;
    let ballast = disk.seen(&service).join("ballast");
    let ready = prepare(&service, 0..12).await;
    let mut acknowledged = Vec::new();
    assert_eq!(apply(&service, &ready[..1], &mut acknowledged).await, ["000"]);

    fill(&ballast, 256 * 1_024);
    ask_until_full(&service, 100).await;
    let told = apply(&service, &ready[1..], &mut acknowledged).await;
    assert!(told.iter().any(|code| code != "000"), "{told:?}");
    assert!(service.is_running());
    // The answer to a repeated application may still fit into the file.
    let repeated = apply(&service, &ready[..1], &mut acknowledged).await;
    let expected = if repeated == ["000"] { (200, true) } else { (503, false) };
    let readiness = service.client().try_readiness().await.unwrap();
    assert_eq!(
        (readiness.status, &readiness.body["ready"]),
        (expected.0, &expected.1.into()),
        "{repeated:?}: {readiness:?}"
    );
    let kept: Vec<String> = disk.database(&service).assert_sound().into_iter().map(|tenant| tenant.phone).collect();
    assert!(acknowledged.iter().all(|applicant| kept.contains(&applicant.e164())), "{acknowledged:?}: {kept:?}");

    fs::remove_file(&ballast).unwrap();
    let told = apply(&service, &ready, &mut acknowledged).await;
    assert_eq!(told, ["000"; 12]);
    let late = prepare(&service, 10_000..10_001).await;
    assert_eq!(apply(&service, &late, &mut acknowledged).await, ["000"]);
    assert_eq!(service.client().get("/readyz").await["ready"], true, "decisions succeed again");
    disk.database(&service).assert_keeps_exactly(&acknowledged);
    assert_eq!(service.stop().await.code(), Some(0));
}

#[tokio::test]
async fn files_that_cannot_grow_lose_nothing_and_go_on_after_a_restart() {
    let home = Home::new();
    assert_eq!(home.sandbox().await.stop().await.code(), Some(0));
    // In blocks of 1 KiB. Writing beyond it fails, instead of ending the process.
    let script = r#"trap "" XFSZ; ulimit -f 1500; exec "$0" sandbox --listen 127.0.0.1:0 --data data"#;
    let mut command = home.program("bash");
    command.args(["-c", script]).arg(binary());
    let mut service = Service::start(command).await;
    let ready = prepare(&service, 0..6).await;
    let mut acknowledged = Vec::new();
    assert_eq!(apply(&service, &ready[..1], &mut acknowledged).await, ["000"]);
    ask_until_full(&service, 100).await;
    let told = apply(&service, &ready[1..], &mut acknowledged).await;
    assert!(told.iter().any(|code| code != "000"), "{told:?}");
    assert!(service.is_running());
    let kept: Vec<String> = home.database().assert_sound().into_iter().map(|tenant| tenant.phone).collect();
    assert!(acknowledged.iter().all(|applicant| kept.contains(&applicant.e164())), "{acknowledged:?}: {kept:?}");
    service.stop().await;

    let service = home.sandbox().await;
    assert_eq!(apply(&service, &ready, &mut acknowledged).await, ["000"; 6]);
    home.database().assert_keeps_exactly(&acknowledged);
    home.database().execute("UPDATE mails SET next_attempt_at = created_at WHERE state = 'due'");
    let due = "SELECT count(*) AS number FROM mails WHERE state <> 'sent'";
    until("the outbox is empty", async || (home.database().number(due) == 0).then_some(())).await;
    let mut doctor = home.command(&["doctor", "--config"]);
    doctor.arg(home.config());
    assert_eq!(finish(doctor).await.code(), Some(0));
}
