//! The machine and the versions of a measurement.

use std::fmt;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use serde::{Deserialize, Serialize};

use crate::results::median;
use crate::services::Ground;

/// The machine, the versions, and the command.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub(crate) struct Machine {
    date: String,
    command: String,
    cores: usize,
    processor: String,
    memory_gib: u64,
    kernel: String,
    /// The time to write 4 KiB on the disk of the databases, in milliseconds.
    fdatasync_p50: f64,
    rustc: String,
    sqlite: String,
    postgres: Option<String>,
    settings: Option<String>,
}

impl Machine {
    pub(crate) fn here(ground: &Ground) -> anyhow::Result<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib: u64 =
            value_of(&memory, "MemTotal").and_then(|value| value.split(' ').next()?.parse().ok()).unwrap_or_default();
        let cluster = ground.cluster().ok();
        let postgres = cluster.map(|cluster| cluster.execute("postgres", "SHOW server_version").trim().to_owned());
        Ok(Self {
            date: said("date", &["-u", "+%F"]),
            command: std::iter::once("trial-bench".to_owned())
                .chain(std::env::args().skip(1))
                .collect::<Vec<_>>()
                .join(" "),
            cores: std::thread::available_parallelism()?.get(),
            processor: value_of(&processors, "model name").unwrap_or("unknown").to_owned(),
            memory_gib: kib.div_ceil(1 << 20),
            kernel: said("uname", &["-sr"]),
            fdatasync_p50: fdatasync(ground.directory())?,
            rustc: said("rustc", &["--version"]),
            sqlite: sqlite_version()?,
            settings: postgres.is_some().then(Ground::settings),
            postgres,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, command, cores, processor, memory_gib, kernel, fdatasync_p50, rustc, sqlite, .. } = self;
        write!(
            f,
            "{date}, `{command}`: {cores} cores ({processor}), which server, database and load generator share, \
            {memory_gib} GiB; `fdatasync` of 4 KiB {fdatasync_p50:.2} ms at the median; {kernel}, {rustc}, SQLite {sqlite}"
        )?;
        if let (Some(postgres), Some(settings)) = (&self.postgres, &self.settings) {
            write!(f, ", PostgreSQL {postgres} with {settings}")?;
        }
        f.write_str(".")
    }
}

/// The first value of a `name: value` in the kernel's lists.
fn value_of<'a>(list: &'a str, wanted: &str) -> Option<&'a str> {
    list.lines()
        .find_map(|line| line.split_once(':').filter(|(name, _)| name.trim() == wanted))
        .map(|(_, value)| value.trim())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    output.map_or_else(|| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

fn sqlite_version() -> anyhow::Result<String> {
    let mut conn = SqliteConnection::establish(":memory:")?;
    Ok(diesel::sql_query("SELECT sqlite_version() AS version").get_result::<Version>(&mut conn)?.version)
}

fn fdatasync(directory: &Path) -> anyhow::Result<f64> {
    let path = directory.join("fdatasync");
    let mut file = fs::File::create(&path)?;
    let page = [7; 4096];
    let mut times = Vec::new();
    for _ in 0..200 {
        // The same page again, as in a log file that is reused.
        file.seek(SeekFrom::Start(0))?;
        let begun = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    fs::remove_file(&path)?;
    Ok(median(times).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lists_are_read() {
        let list = "processor\t: 0\nmodel name\t: A Processor\nmodel name\t: Another\nMemTotal:  123 kB\n";
        assert_eq!(value_of(list, "model name"), Some("A Processor"));
        assert_eq!(value_of(list, "MemTotal"), Some("123 kB"));
        assert_eq!(value_of(list, "nothing"), None);
    }
}
