//! The only module that writes to standard output and standard error.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use serde::Serialize;
use trial_engine::operations::page::Page;

/// The longest time that a service waits for the reader of its output.
const PATIENCE: Duration = Duration::from_secs(2);

/// Output format of a command.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Output {
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

impl Output {
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Prints a report: text by its `Display`, JSON by its `Serialize`.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn show(self, report: &(impl Serialize + Display)) -> anyhow::Result<()> {
        if self.json { say(&serde_json::to_string_pretty(report)?) } else { say(&report.to_string()) }
    }
}

/// A view of the operations, printed as JSON as it is, and as text by the `Display` of its command.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Printed<T>(pub(crate) T);

/// The command line's words for the next page, if there is one.
pub(crate) fn more<T>(page: &Page<T>, option: &str) -> String {
    page.next_cursor.as_ref().map(|cursor| format!("more: {option} {cursor}")).unwrap_or_default()
}

/// Prints text and a line end.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => NobodyReads.into(),
        _ => anyhow::Error::new(error).context("cannot write to standard output"),
    })
}

/// Standard output was closed by its reader, as `head` does.
#[derive(Debug)]
struct NobodyReads;

impl Display for NobodyReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output is closed")
    }
}

impl std::error::Error for NobodyReads {}

/// Prints a line to standard error; a write error is ignored.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Prints text of a service that runs on whether or not the text is read.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn announce(text: String) -> anyhow::Result<()> {
    briefly(move || say(&text)).unwrap_or(Ok(()))
}

/// Runs work that may block on the reader of our output in a thread, and waits a moment; `None` if it is not done by
/// then.
pub(crate) fn briefly<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, wait) = mpsc::channel();
    let work = move || {
        // The receiver may be gone; the work is done all the same.
        let _ = done.send(work());
    };
    thread::Builder::new().name("output".to_owned()).spawn(work).ok()?;
    wait.recv_timeout(PATIENCE).ok()
}

/// 0, or 1 with one line that gives the reason.
pub(crate) fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<NobodyReads>() => ExitCode::SUCCESS,
        Err(error) => {
            let line = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
            briefly(move || complain(&format!("trialgate: {line}")));
            ExitCode::FAILURE
        }
    }
}

/// An instant, to the second.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Rows in columns; the first row has the headings. The last column is not padded.
pub(crate) struct Table<const COLUMNS: usize>(pub(crate) Vec<[String; COLUMNS]>);

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new(heads: [&str; COLUMNS]) -> Self {
        Self(vec![heads.map(str::to_owned)])
    }

    pub(crate) fn row(&mut self, cells: [String; COLUMNS]) {
        self.0.push(cells);
    }
}

impl<const COLUMNS: usize> Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        for row in &self.0 {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned() {
        let mut table = Table::new(["kind", "free"]);
        table.row(["multimedia".to_owned(), "7".to_owned()]);
        assert_eq!(table.to_string(), "kind        free\nmultimedia  7\n");
    }

    #[test]
    fn nobody_is_waited_for_without_end() {
        assert_eq!(briefly(|| 1), Some(1));
        let (permit, held) = mpsc::channel::<()>();
        assert_eq!(briefly(move || held.recv().is_ok()), None);
        drop(permit);
    }

    #[test]
    fn a_reader_who_has_seen_enough_is_no_failure_but_a_lost_server_is() {
        assert_eq!(exit_code(Err(NobodyReads.into())), ExitCode::SUCCESS);
        let lost = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(exit_code(Err(lost.into())), ExitCode::FAILURE);
        assert_eq!(exit_code(Ok(())), ExitCode::SUCCESS);
    }
}
