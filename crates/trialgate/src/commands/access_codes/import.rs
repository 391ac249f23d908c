//! Imports access codes from a file or from standard input.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use trial_core::access_codes::{AccessCodeFile, RepeatedAccessCode};
use trial_spreadsheet::read_access_codes;

use crate::commands::with_database;
use crate::global::Global;
use crate::output::{Output, complain};
use crate::process;

/// Number of rows from which a terminal shows progress.
const ROWS_WORTH_A_BAR: u64 = 10_000;

/// The largest file that is read, in bytes: more than a text of 1,000,000 rows needs.
const MAX_FILE: u64 = 64 * 1024 * 1024;
/// Most repeated rows that are listed one by one; further ones are counted.
const NAMED: usize = 20;

/// Result of an import.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImportReport {
    file: String,
    dry_run: bool,
    rows: usize,
    added: usize,
    known: u64,
    repeated: Vec<RepeatedRow>,
    refused: Vec<RefusedRow>,
}

/// A row that repeats an earlier one.
#[derive(Debug, Serialize)]
struct RepeatedRow {
    line: u64,
    first: u64,
    code: String,
}

#[derive(Debug, Serialize)]
struct RefusedRow {
    line: u64,
    reason: String,
}

pub(super) fn run(global: &Global, file: &Path, dry_run: bool, output: Output) -> anyhow::Result<()> {
    let AccessCodeFile { import, bad } = read(file)?;
    let (length, has_bad) = (import.rows.len(), !bad.is_empty());
    let plan = with_database(global, async |_, ledger| {
        let progress = bar(length as u64, "storing {spinner} {elapsed}");
        progress.enable_steady_tick(Duration::from_millis(200));
        let by = ledger.changed_by(process::operator());
        // One bad row stops the import; the other bad rows are reported in the same run.
        let plan = ledger.operations().import_access_codes(import, dry_run || has_bad, by).await;
        progress.finish_and_clear();
        Ok(plan?)
    })?;
    let rows = length + bad.len();
    let mut refused = bad;
    refused.extend(plan.refused);
    refused.sort_by_key(|row| row.line);
    let report = ImportReport {
        file: name(file),
        dry_run,
        rows,
        added: if refused.is_empty() { plan.new.len() } else { 0 },
        known: plan.known,
        repeated: plan.repeated.into_iter().map(RepeatedRow::from).collect(),
        refused: refused.into_iter().map(|row| RefusedRow { line: row.line, reason: row.reason }).collect(),
    };
    report.finish(output)
}

fn read(path: &Path) -> anyhow::Result<AccessCodeFile> {
    let mut source: Box<dyn Read> = if is_standard_input(path) {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?)
    };
    let mut bytes = Vec::new();
    let read = source.by_ref().take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {}", name(path)))?;
    if bytes.len() as u64 > MAX_FILE {
        bail!("{}: the file is larger than {} MiB; import it in parts", name(path), MAX_FILE >> 20);
    }
    read_access_codes(&bytes).with_context(|| name(path))
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn name(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Draws on a terminal only, and only for a large file.
fn bar(rows: u64, template: &str) -> ProgressBar {
    if rows < ROWS_WORTH_A_BAR {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(rows).with_style(style)
}

impl ImportReport {
    fn finish(&self, output: Output) -> anyhow::Result<()> {
        if self.refused.is_empty() {
            for row in self.repeated.iter().take(NAMED) {
                complain(&format!("warning: {}:{}: code {} repeats line {}", self.file, row.line, row.code, row.first));
            }
            if let Some(more) = self.repeated.len().checked_sub(NAMED).filter(|more| *more > 0) {
                complain(&format!("warning: {}: further repeated lines: {more}", self.file));
            }
            return output.show(self);
        }
        if output.is_json() {
            output.show(self)?;
        }
        for row in &self.refused {
            complain(&format!("{}:{}: {}", self.file, row.line, row.reason));
        }
        bail!("nothing was imported; bad rows: {} of {}", self.refused.len(), self.rows);
    }
}

impl From<RepeatedAccessCode> for RepeatedRow {
    fn from(row: RepeatedAccessCode) -> Self {
        Self { line: row.line, first: row.first, code: row.code.to_string() }
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, known, .. } = self;
        if self.dry_run {
            write!(f, "all rows are good: {added} would be added, {known} known; nothing was changed")
        } else {
            write!(f, "{added} added, {known} known")
        }
    }
}
