use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use trial_core::AccessCodeFile;

use crate::cli::Global;
use crate::commands::with_ledger;
use crate::compose;
use crate::output::{Output, complain};
use crate::process;

/// From this many rows on, a terminal shows how far it is.
const ROWS_WORTH_A_BAR: u64 = 10_000;

/// What an import came to.
#[derive(Debug, Serialize)]
struct ImportReport {
    file: String,
    dry_run: bool,
    rows: usize,
    added: usize,
    known: u64,
    refused: Vec<RefusedRow>,
}

#[derive(Debug, Serialize)]
struct RefusedRow {
    line: u64,
    reason: String,
}

pub(super) fn run(global: &Global, file: &Path, dry_run: bool, output: Output) -> anyhow::Result<()> {
    let AccessCodeFile { import, bad } = read(file)?;
    let (length, has_bad) = (import.rows.len(), !bad.is_empty());
    let plan = with_ledger(global, async |_, ledger| {
        let progress = bar(length as u64, "storing {spinner} {elapsed}");
        progress.enable_steady_tick(Duration::from_millis(200));
        let by = compose::changed_by(process::operator());
        // With a bad row nothing is stored, but what else is bad is told at once.
        let plan = ledger.import_access_codes(import, dry_run || has_bad, by).await;
        progress.finish_and_clear();
        Ok(plan?)
    })?;
    let rows = length + bad.len();
    let mut refused = bad;
    refused.extend(plan.refused);
    refused.sort_by_key(|row| row.line);
    let report = ImportReport {
        file: file.display().to_string(),
        dry_run,
        rows,
        added: if refused.is_empty() { plan.new.len() } else { 0 },
        known: plan.known,
        refused: refused.into_iter().map(|row| RefusedRow { line: row.line, reason: row.reason }).collect(),
    };
    report.finish(output)
}

fn read(path: &Path) -> anyhow::Result<AccessCodeFile> {
    let opened = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let length = opened.metadata().map_or(0, |data| data.len());
    // The shortest row there is: "voice,1" and its line end.
    let progress = bar(length / 8, "reading {wide_bar} {percent}%");
    progress.set_length(length);
    let rows = AccessCodeFile::read(BufReader::new(opened), |bytes| progress.inc(bytes as u64));
    progress.finish_and_clear();
    rows.with_context(|| format!("{}", path.display()))
}

/// Draws on a terminal alone, and only if it will take a while.
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
            return output.show(self);
        }
        if output.is_json() {
            output.show(self)?;
        }
        for row in &self.refused {
            complain(&format!("{}:{}: {}", self.file, row.line, row.reason));
        }
        bail!("nothing was imported: {} of {} rows are bad", self.refused.len(), self.rows);
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, known, .. } = self;
        if self.dry_run {
            write!(f, "all rows are good: {added} would be added, {known} are known; nothing was changed")
        } else {
            write!(f, "{added} added, {known} known")
        }
    }
}
