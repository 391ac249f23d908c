//! The account that runs PostgreSQL's programs.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::getuid;
use tempfile::TempDir;

/// The directory of PostgreSQL's programs, and the account that runs them.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    programs: PathBuf,
    /// User and group, if not those of this process.
    other: Option<(u32, u32)>,
}

impl Account {
    pub(crate) fn find() -> Self {
        Self { programs: programs(), other: getuid().is_root().then(unprivileged) }
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    pub(crate) fn ids(&self) -> Option<(u32, u32)> {
        self.other
    }

    /// A program of PostgreSQL's, run by the account; it ends with this process even if that is killed.
    pub(crate) fn command(&self, program: &str) -> Command {
        // The signal of the parent's death is lost when the user changes: `setpriv` does both, in the right order.
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=QUIT");
        if let Some((uid, gid)) = self.other {
            command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
        }
        command.arg("--").arg(self.program(program)).current_dir("/");
        command
    }

    /// A new directory that the account may use: on the disk of the builds, if it can be reached there.
    pub(crate) fn directory(&self) -> TempDir {
        self.directory_in(&self.place())
    }

    pub(crate) fn directory_in(&self, place: &Path) -> TempDir {
        let directory = tempfile::Builder::new().prefix("pg-").tempdir_in(place).expect("a directory can be made");
        crate::give(directory.path(), self);
        directory
    }

    /// The directory in which servers' directories are created.
    pub(crate) fn place(&self) -> PathBuf {
        let program = env::current_exe().expect("a process has a program");
        // …/target/debug/deps/suite-… and …/target/release/trial-bench alike.
        let target =
            program.ancestors().find(|path| path.join("CACHEDIR.TAG").exists()).map(|path| path.join("clusters"));
        let place =
            target.filter(|path| self.reaches(path)).unwrap_or_else(|| env::temp_dir().join("trialgate-clusters"));
        fs::create_dir_all(&place).expect("a directory for servers can be made");
        place
    }

    /// Returns `true` if the account can pass through every directory on the way.
    fn reaches(&self, path: &Path) -> bool {
        let is_open = |path: &Path| path.metadata().is_ok_and(|data| data.mode() & 0o001 != 0);
        self.other.is_none() || path.ancestors().skip(1).all(is_open)
    }
}

/// `PG_BIN`, or Debian's place of the newest version, or the search path.
fn programs() -> PathBuf {
    if let Some(programs) = env::var_os("PG_BIN") {
        return programs.into();
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let major = |entry: &fs::DirEntry| entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
    let newest = versions.filter_map(|entry| Some((major(&entry)?, entry.path().join("bin"))));
    let newest = newest.filter(|(_, programs)| programs.join("initdb").exists()).max();
    newest
        .map(|(_, programs)| programs)
        .or_else(on_path)
        .expect("PostgreSQL's server programs are installed (`tests/run` does that), or PG_BIN names their directory")
}

fn on_path() -> Option<PathBuf> {
    let path: OsString = env::var_os("PATH")?;
    env::split_paths(&path).find(|directory| directory.join("initdb").exists())
}

/// A user who is not root.
fn unprivileged() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("users are listed in /etc/passwd");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    ids("postgres").or_else(|| ids("nobody")).expect("there is a user `postgres` or `nobody` to run PostgreSQL as")
}
